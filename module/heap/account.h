/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Accounts: the charges of clients and users, and their limits. */
#ifndef MEMMGR_HEAP_ACCOUNT_H
#define MEMMGR_HEAP_ACCOUNT_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/memmgr.h>

struct engine_refusal;
struct injection;
struct memmgr_heap;
struct record;
struct region;

/**
 * enum account_item - counted items, in the order of MEMMGR_LIMIT_*
 * @ACCOUNT_BYTES: bytes granted now
 * @ACCOUNT_ALLOCATIONS: allocations now, private heaps included
 * @ACCOUNT_HEAPS: private heaps
 * @ACCOUNT_WINDOWS: windows of the mmap() offsets that private heaps use
 * @ACCOUNT_PINS: allocations that a client has pinned
 * @ACCOUNT_RECORDS: records of heap main
 * @ACCOUNT_ITEMS: number of items
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
 * struct account - what a client or a user has, and may have
 * @has: present use, by item
 * @max: limits of the items in @set; 0: no limit
 * @set: bits of the items that have a limit of their own; the module's parameters apply
 *	to the others
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
 * @uid: user id of the openers of the files
 * @clients: its clients, closed ones included
 * @open: its open clients
 * @account: sum over all its clients
 * @rcu: frees it later, because it may end under a heap's lock
 */
struct client_user {
	struct rb_node node;
	kuid_t uid;
	u32 clients;
	u32 open;
	struct account account;
	struct rcu_head rcu;
};

/* The caller. Filled in before a lock is taken, because is_admin() may sleep. */
struct viewer {
	const struct client *client;
	kuid_t uid;
	bool admin;
};

/**
 * struct client - the charges and possessions of one open file; see struct client_file
 * @region: the region that was opened
 * @serial: distinguishes it from all other clients, past ones included
 * @node: in region.clients, by @serial
 * @user: the user who opened it
 * @closed: its file is closed
 * @trusted: the opener had CAP_SYS_ADMIN or CAP_SYS_RESOURCE. So it may use the reserves
 *	that are kept for root, and any number of heaps, windows, pins and records
 * @account: what is charged to it
 * @records: records of its allocations that are not persistent
 * @pins: its pins of persistent allocations
 * @pins_used: number of allocations that @pins names
 * @pinned: by heap: number of its pins and leases there; guarded by that heap's lock
 * @injection: which of its requests shall fail; NULL: none. debug/inject.c guards the rest
 * @heaps: its private heaps; guarded by region.heap_mutex
 * @time_ns: when it was opened
 * @pid: thread group of the opener
 * @comm: command name of the opener
 * @rcu: frees it later, because it may end under a heap's lock
 *
 * region.client_lock guards all other fields. It is taken inside a heap's lock.
 */
struct client {
	struct region *region;
	u64 serial;
	struct rb_node node;
	struct client_user *user;
	bool closed;
	bool trusted;
	struct account account;
	struct hlist_head records;
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

void client_remove_record(struct client *client, struct record *record);
int client_take(struct client *client, enum account_item item, u32 n,
		struct engine_refusal *why);
int client_take_locked(struct client *client, enum account_item item, u32 n);
void client_give(struct client *client, enum account_item item, u32 n);
void client_give_locked(struct client *client, enum account_item item, u32 n);
int client_charge(struct client *client, u64 bytes, u32 allocations,
		  struct engine_refusal *why);
int client_may_take(struct client *client, u64 bytes, bool main, struct engine_refusal *why);
bool client_has_room(struct client *client, u64 bytes, u32 n, bool main);
int client_take_records(struct memmgr_heap *heap, struct record * const *records, u32 n,
			u64 bytes, struct engine_refusal *why);
void client_give_records(struct memmgr_heap *heap, struct record * const *records, u32 n,
			 u64 bytes);
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
