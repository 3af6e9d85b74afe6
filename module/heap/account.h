/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Who pays: clients and users, and what each may have. */
#ifndef MEMMGR_HEAP_ACCOUNT_H
#define MEMMGR_HEAP_ACCOUNT_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/memmgr.h>

struct engine_refusal;
struct injection;
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
 * @ACCOUNT_ITEMS: their number
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

/* Who asks. Found out before the lock: some of it may sleep. */
struct viewer {
	const struct client *client;
	kuid_t uid;
	bool admin;
};

/**
 * struct client - who has opened the device, and what it has; see struct client_file
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
 * @injection: which of its requests fail on purpose; guarded by debug/inject.c
 * @heaps: its private heaps; guarded by region.heap_mutex
 * @time_ns: when it was opened
 * @pid: of who opened it
 * @comm: of who opened it
 * @rcu: it may end under a heap's lock
 *
 * region.client_lock guards all of it but @heaps;
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
	struct injection *injection;
	struct list_head heaps;
	u64 time_ns;
	u32 pid;
	char comm[MEMMGR_COMM_LEN];
	struct rcu_head rcu;
};

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
u32 heap_windows_left(const struct region *region);
u32 heap_main_records(const struct region *region);
bool is_admin(void);
struct viewer viewer_of(const struct client *client);
u64 account_limit(const struct region *region, const struct account *account, bool user,
		  bool trusted, enum account_item item);
struct client_user *user_unused(struct region *region, struct client_user *user);
void client_expire(struct client *client);
u64 client_key(const struct rb_node *node);
u64 user_key(const struct rb_node *node);
struct rb_node *tree_from(const struct rb_root *root, u64 key,
			  u64 (*key_of)(const struct rb_node *node));
bool client_before(struct rb_node *a, const struct rb_node *b);
struct client_user *user_find(struct region *region, kuid_t uid, struct client_user **fresh);
u32 windows_max(const struct region *region);

#endif /* MEMMGR_HEAP_ACCOUNT_H */
