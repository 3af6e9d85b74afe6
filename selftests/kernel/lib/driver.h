/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The platform driver: its devices, and binding and unbinding them by hand. */
#ifndef MEMMGR_DRIVER_H
#define MEMMGR_DRIVER_H

#include <stddef.h>

/* How many devices the driver has; the name of one of them goes to @name. */
int driver_device(char *name, size_t size);

/* Writes a device's name to a file of the driver: 0 or a negative errno. */
int driver_write(const char *file, const char *device);

#endif /* MEMMGR_DRIVER_H */
