/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Pins: they keep allocations in their place. */
#ifndef MEMMGR_HEAP_PINS_H
#define MEMMGR_HEAP_PINS_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct memmgr_heap;
struct record;

int heap_unpin(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *pin);
struct pin *pins_make(void);
u32 client_pins(const struct client *client, const struct record *record);
void client_forget_pin(struct client *client, struct memmgr_heap *heap, u64 handle);
void client_forget_pins(struct client *client, struct memmgr_heap *heap);
void client_unpin_all(struct client *client);
int pin_change(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *out,
	       bool lease, int change);
void pin_undo(struct memmgr_heap *heap, struct client *client, u64 handle, bool lease);

#endif /* MEMMGR_HEAP_PINS_H */
