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

#include "debug/inject.h"
#include "debug/sites.h"
#include "heap/account.h"
#include "move/compact.h"

struct region;

struct pin;

/**
 * struct client - one open file of the device
 * @region: that was opened
 * @serial: tells it from all other clients there ever were
 * @node: in region.clients, by @serial
 * @user: who opened it
 * @closed: its file is gone
 * @trusted: who opened it has CAP_SYS_ADMIN or CAP_SYS_RESOURCE: what is kept for root
 *	is there for it, and of heaps, windows, pins and records it may have any number
 * @account: what is charged to it
 * @records: of its allocations that are not persistent
 * @pins: that it has of persistent allocations
 * @pins_used: number of allocations that these are of
 * @pinned: by heap, how many pins and leases it has there; guarded by that heap's lock
 * @slices: what its compactions moved and no event tells yet
 * @injection: which of its requests fail on purpose; guarded by debug/inject.c
 * @sites: the last ones of its calls
 * @event: number of the last event that it has read
 * @read_mutex: guards @event; one reader at a time
 * @heaps: its private heaps; guarded by region.heap_mutex
 * @time_ns: when it was opened
 * @pid: of who opened it
 * @comm: of who opened it
 * @rcu: it may end under a heap's lock
 *
 * region.client_lock guards all of it but @slices, @heaps, @injection and @event;
 * inside a heap's lock.
 */
struct client {
	struct region *region;
	u64 serial;
	struct rb_node node;
	struct client_user *user;
	bool closed;
	bool trusted;
	struct account account;
	struct list_head records;
	struct pin *pins;
	u32 pins_used;
	u32 pinned[MEMMGR_MAX_HEAPS];
	struct compact_slices slices;
	struct injection injection;
	struct site_cache sites;
	u64 event;
	struct mutex read_mutex;	/* event */
	struct list_head heaps;
	u64 time_ns;
	u32 pid;
	char comm[MEMMGR_COMM_LEN];
	struct rcu_head rcu;
};

struct client *client_create(struct region *region);
void client_destroy(struct client *client);

#endif /* MEMMGR_CLIENT_H */
