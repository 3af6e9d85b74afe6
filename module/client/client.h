/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Clients: open files, the allocations made through them, and the limits of a client
 * and its user.
 *
 * A client lasts until its file is closed and nothing is charged to it any more,
 * because persistent allocations and dma-bufs outlive the file.
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
 * struct client_file - one open file of the device
 * @client: the client; first, because freeing the client frees this structure
 * @slices: bytes that its compactions moved and that no event has reported yet
 * @sites: the last sites of its calls
 * @event: number of the last event that it has read
 * @read_mutex: guards @event; allows one reader at a time
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
