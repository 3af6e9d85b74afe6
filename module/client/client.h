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

#include "move/compact.h"
#include "debug/inject.h"
#include "debug/sites.h"

struct engine_refusal;
struct pin;
struct record;
struct region;

/**
 * enum account_item - what is counted; in the order of MEMMGR_LIMIT_*
 * @ACCOUNT_BYTES: granted now
 * @ACCOUNT_ALLOCATIONS: now, private heaps included
 * @ACCOUNT_HEAPS: private heaps
 * @ACCOUNT_WINDOWS: of the mmap() offsets, that private heaps take
 * @ACCOUNT_PINS: allocations that a client has pinned
 * @ACCOUNT_RECORDS: of heap main
 */
enum account_item {
	ACCOUNT_BYTES,
	ACCOUNT_ALLOCATIONS,
	ACCOUNT_HEAPS,
	ACCOUNT_WINDOWS,
	ACCOUNT_PINS,
	ACCOUNT_RECORDS,
	ACCOUNT_ITEMS
};

/**
 * struct account - what somebody has, and may have
 * @has: by item
 * @max: limits, 0: none; of the items in @set
 * @set: bits of the items that it has a limit of its own for; otherwise the module's
 *	parameters hold
 * @peak: highest number of bytes ever
 * @refused: requests that a limit refused
 */
struct account {
	u64 has[ACCOUNT_ITEMS];
	u64 max[ACCOUNT_ITEMS];
	u32 set;
	u64 peak;
	u64 refused;
};

/**
 * struct client_user - a user id that has clients, or limits of its own
 * @node: in region.users, by user id
 * @uid: of who opened the files
 * @clients: that there are, closed ones included
 * @open: of these, open
 * @account: of them all together
 * @rcu: it may end under a heap's lock
 */
struct client_user {
	struct rb_node node;
	kuid_t uid;
	u32 clients;
	u32 open;
	struct account account;
	struct rcu_head rcu;
};

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
 * @injection: which of its requests fail on purpose; guarded by inject.c
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
void client_add_record(struct client *client, struct record *record);
void client_remove_record(struct client *client, struct record *record);
int client_take(struct client *client, enum account_item item, u32 n,
		struct engine_refusal *why);
int client_take_locked(struct client *client, enum account_item item, u32 n);
void client_give(struct client *client, enum account_item item, u32 n);
void client_give_locked(struct client *client, enum account_item item, u32 n);
int client_charge(struct client *client, u64 bytes, u32 allocations,
		  struct engine_refusal *why);
int client_may_charge(struct client *client, u64 bytes, u32 allocations,
		      struct engine_refusal *why);
void client_uncharge(struct client *client, u64 bytes, u32 allocations);
struct client *client_from(struct region *region, u64 serial);
bool client_account_next(struct region *region, const struct client *viewer,
			 bool users, u64 *cursor, struct memmgr_account *account);
int client_set_quota(struct region *region, const struct memmgr_quota *quota);
void client_forget_users(struct region *region);

#endif /* MEMMGR_CLIENT_H */
