/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Clients: an open file, what was allocated through it, and what it and its
 * user may have.
 *
 * A client lasts until its file is closed and nothing is charged to it any more:
 * persistent allocations and dma-bufs outlive the file.
 */
#ifndef MEMMGR_CLIENT_H
#define MEMMGR_CLIENT_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/memmgr.h>

#include "debug/sites.h"
#include "heap/account.h"
#include "move/compact.h"

struct region;

struct pin;

/**
 * struct client_file - an open file of the device
 * @client: what it has; first, for it is what is freed in the end
 * @slices: what its compactions moved and no event tells yet
 * @sites: the last ones of its calls
 * @event: number of the last event that it has read
 * @read_mutex: guards @event; one reader at a time
 */
struct client_file {
	struct client client;
	struct compact_slices slices;
	struct site_cache sites;
	u64 event;
	struct mutex read_mutex;	/* event */
};

static_assert(!offsetof(struct client_file, client));

#define client_file(ptr)	container_of(ptr, struct client_file, client)

struct client *client_create(struct region *region);
void client_destroy(struct client *client);

#endif /* MEMMGR_CLIENT_H */
