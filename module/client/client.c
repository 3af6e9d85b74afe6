// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Clients: an open file, what was allocated through it, and quotas. */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "client/client.h"
#include "core/engine.h"
#include "heap/heap.h"
#include "base/number.h"
#include "region/region.h"

/*
 * Limits of those that have none of their own. Root may change them while others
 * read: 64 bits at once, on 32-bit machines too.
 */
static atomic64_t client_max[ACCOUNT_ITEMS];
static atomic64_t user_max[ACCOUNT_ITEMS] = {
	[ACCOUNT_HEAPS] = ATOMIC64_INIT(8),
	[ACCOUNT_PINS] = ATOMIC64_INIT(1024),
};

static int limit_set(const char *text, const struct kernel_param *kp)
{
	u64 limit;
	int err = number_parse(text, &limit);

	if (!err)
		atomic64_set(kp->arg, limit);
	return err;
}

static int limit_get(char *text, const struct kernel_param *kp)
{
	return sysfs_emit(text, "%llu\n", (u64)atomic64_read(kp->arg));
}

static const struct kernel_param_ops limit_ops = {
	.set = limit_set,
	.get = limit_get,
};

module_param_cb(client_max_bytes, &limit_ops, &client_max[ACCOUNT_BYTES], 0644);
MODULE_PARM_DESC(client_max_bytes, "bytes that an open file may have, e.g. 4M (default 0: no limit)");
module_param_cb(client_max_allocations, &limit_ops, &client_max[ACCOUNT_ALLOCATIONS], 0644);
MODULE_PARM_DESC(client_max_allocations, "allocations that an open file may have (default 0: no limit)");
module_param_cb(user_max_bytes, &limit_ops, &user_max[ACCOUNT_BYTES], 0644);
MODULE_PARM_DESC(user_max_bytes, "bytes that a user may have in all, e.g. 16M (default 0: no limit)");
module_param_cb(user_max_allocations, &limit_ops, &user_max[ACCOUNT_ALLOCATIONS], 0644);
MODULE_PARM_DESC(user_max_allocations, "allocations that a user may have in all (default 0: no limit)");
module_param_cb(user_max_heaps, &limit_ops, &user_max[ACCOUNT_HEAPS], 0644);
MODULE_PARM_DESC(user_max_heaps, "private heaps of a user (default 8; 0: no limit)");
module_param_cb(user_max_pins, &limit_ops, &user_max[ACCOUNT_PINS], 0644);
MODULE_PARM_DESC(user_max_pins, "pins of a user (default 1024; 0: no limit)");

/* Of a table that all share a user has five eighths at most, unless root says otherwise. */
static u32 table_share(const struct region *region, enum account_item item)
{
	switch (item) {
	case ACCOUNT_WINDOWS:
		return heap_windows_left(region) / 8 * 5;
	case ACCOUNT_RECORDS:
		return (heap_main_records(region) * 5 + 7) / 8;
	default:
		return 0;
	}
}

/* What an account may have of something; 0: there is no limit. */
static u64 account_limit(const struct region *region, const struct account *account,
			 bool user, bool trusted, enum account_item item)
{
	u64 limit;

	if (account->set & BIT(item))
		return account->max[item];
	if (trusted && item >= ACCOUNT_HEAPS)
		return 0;
	limit = atomic64_read(user ? &user_max[item] : &client_max[item]);
	return limit || !user ? limit : table_share(region, item);
}

static struct account *account_of(struct client *client, bool user)
{
	return user ? &client->user->account : &client->account;
}

/* How many more an account may have; ~0: there is no limit. Under client_lock. */
static u64 room_left(struct client *client, bool user, enum account_item item)
{
	const struct account *account = account_of(client, user);
	u64 limit = account_limit(client->region, account, user, client->trusted, item);

	if (!limit)
		return ~0ull;
	return limit > account->has[item] ? limit - account->has[item] : 0;
}

/* Bytes that an account may still have; none when it is out of allocations. */
static u64 account_left(struct client *client, bool user, u32 allocations)
{
	return room_left(client, user, ACCOUNT_ALLOCATIONS) < allocations ?
	       0 : room_left(client, user, ACCOUNT_BYTES);
}

/* Under client_lock. */
static int charge_check(struct client *client, u64 bytes, u32 allocations,
			struct engine_refusal *why)
{
	u64 client_left = account_left(client, false, allocations);
	u64 user_left = account_left(client, true, allocations);
	u64 left = min(client_left, user_left);

	if (bytes <= left && left)
		return 0;
	/* Freeing something is what helps, so nothing is left of either. */
	if (client_left < bytes || !client_left)
		client->account.refused++;
	if (user_left < bytes || !user_left)
		client->user->account.refused++;
	engine_refuse(why, MEMMGR_REASON_QUOTA, round_down(left, PAGE_SIZE) ? : left);
	why->exact = false;
	return -EDQUOT;
}

static void account_add(struct account *account, u64 bytes, u32 allocations)
{
	account->has[ACCOUNT_BYTES] += bytes;
	account->has[ACCOUNT_ALLOCATIONS] += allocations;
	account->peak = max(account->peak, account->has[ACCOUNT_BYTES]);
}

/**
 * client_charge - charge an allocation to a client and its user
 * @client: who pays
 * @bytes: granted
 * @allocations: how many more
 * @why: filled in on failure
 *
 * Context: any; a heap's lock may be held. O(1).
 * Return: 0, or -EDQUOT and nothing is charged.
 */
int client_charge(struct client *client, u64 bytes, u32 allocations,
		  struct engine_refusal *why)
{
	struct region *region = client->region;
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	err = charge_check(client, bytes, allocations, why);
	if (!err) {
		account_add(&client->account, bytes, allocations);
		account_add(&client->user->account, bytes, allocations);
	}
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return err;
}

/* The same without charging: to know before the work is done. */
int client_may_charge(struct client *client, u64 bytes, u32 allocations,
		      struct engine_refusal *why)
{
	struct region *region = client->region;
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	err = charge_check(client, bytes, allocations, why);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return err;
}

/* Nobody needs a user without clients and limits. Under client_lock. */
static struct client_user *user_unused(struct region *region, struct client_user *user)
{
	if (user->clients || user->account.set)
		return NULL;
	rb_erase(&user->node, &region->users);
	return user;
}

/*
 * A client that was closed and to which nothing is charged is gone. Under
 * client_lock, perhaps under a heap's: what is left is freed by RCU, which may be
 * asked with raw locks held, unlike the allocator.
 */
static void client_expire(struct client *client)
{
	struct client_user *user = client->user;

	if (!client->closed || client->account.has[ACCOUNT_ALLOCATIONS])
		return;
	rb_erase(&client->node, &client->region->clients);
	user->clients--;
	user = user_unused(client->region, user);
	if (user)
		kfree_rcu(user, rcu);
	kfree_rcu(client, rcu);
}

/**
 * client_uncharge - take back a charge
 * @client: who paid; may be gone afterwards
 * @bytes: as charged
 * @allocations: as charged
 *
 * Context: any; a heap's lock may be held. O(1).
 */
void client_uncharge(struct client *client, u64 bytes, u32 allocations)
{
	struct region *region = client->region;
	struct client_user *user = client->user;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	client->account.has[ACCOUNT_BYTES] -= bytes;
	client->account.has[ACCOUNT_ALLOCATIONS] -= allocations;
	user->account.has[ACCOUNT_BYTES] -= bytes;
	user->account.has[ACCOUNT_ALLOCATIONS] -= allocations;
	client_expire(client);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
}

void client_add_record(struct client *client, struct record *record)
{
	struct region *region = client->region;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	list_add(&record->mine, &client->records);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
}

void client_remove_record(struct client *client, struct record *record)
{
	struct region *region = client->region;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	list_del_init(&record->mine);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
}

/**
 * client_take_locked - count what a client gets, if it and its user may have it
 * @client: the client; it has an allocation, or is open, as long as it has that
 * @item: what it is; not bytes or allocations, see client_charge()
 * @n: how many
 *
 * Context: client_lock is held. O(1).
 * Return: 0, or -EDQUOT and nothing is counted.
 */
int client_take_locked(struct client *client, enum account_item item, u32 n)
{
	bool may[2];
	u32 user;

	for (user = 0; user < 2; user++) {
		may[user] = room_left(client, user, item) >= n;
		account_of(client, user)->refused += !may[user];
	}
	if (!may[0] || !may[1])
		return -EDQUOT;
	client->account.has[item] += n;
	client->user->account.has[item] += n;
	return 0;
}

/* The same without the lock. Context: any; a heap's lock may be held. */
int client_take(struct client *client, enum account_item item, u32 n,
		struct engine_refusal *why)
{
	struct region *region = client->region;
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	err = client_take_locked(client, item, n);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return err ? engine_refuse(why, MEMMGR_REASON_QUOTA, 0), err : 0;
}

/* It has so many less. Under client_lock. */
void client_give_locked(struct client *client, enum account_item item, u32 n)
{
	client->account.has[item] -= n;
	client->user->account.has[item] -= n;
}

void client_give(struct client *client, enum account_item item, u32 n)
{
	struct region *region = client->region;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	client_give_locked(client, item, n);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
}

static u64 client_key(const struct rb_node *node)
{
	return rb_entry(node, struct client, node)->serial;
}

static u64 user_key(const struct rb_node *node)
{
	return __kuid_val(rb_entry(node, struct client_user, node)->uid);
}

/* The first node of a tree with at least that key. O(log nodes). */
static struct rb_node *tree_from(const struct rb_root *root, u64 key,
				 u64 (*key_of)(const struct rb_node *node))
{
	struct rb_node *node = root->rb_node, *found = NULL;

	while (node) {
		if (key_of(node) >= key) {
			found = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/* The client with the lowest serial from @serial on; NULL: none. Under client_lock. */
struct client *client_from(struct region *region, u64 serial)
{
	return rb_entry_safe(tree_from(&region->clients, serial, client_key), struct client,
			     node);
}

static bool client_before(struct rb_node *a, const struct rb_node *b)
{
	return client_key(a) < client_key(b);
}

static bool user_before(struct rb_node *a, const struct rb_node *b)
{
	return user_key(a) < user_key(b);
}

/*
 * The user of an id; @fresh is taken when there is none, and NULL then. Under
 * client_lock. O(log users).
 */
static struct client_user *user_find(struct region *region, kuid_t uid, struct client_user **fresh)
{
	struct rb_node *node = tree_from(&region->users, __kuid_val(uid), user_key);
	struct client_user *found = rb_entry_safe(node, struct client_user, node);

	if (found && uid_eq(found->uid, uid))
		return found;
	found = *fresh;
	if (found) {
		*fresh = NULL;
		found->uid = uid;
		rb_add(&found->node, &region->users, user_before);
	}
	return found;
}

/**
 * client_create - a file was opened
 * @region: of it
 *
 * Context: process, may sleep. O(log clients).
 * Return: the client, or NULL without memory.
 */
struct client *client_create(struct region *region)
{
	static atomic64_t serial = ATOMIC64_INIT(0);
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	struct client_user *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	unsigned long flags;

	if (client)
		client->pins = pins_make();
	if (!client || !fresh || !client->pins) {
		if (client)
			kfree(client->pins);
		kfree(client);
		kfree(fresh);
		return NULL;
	}
	region_get(region);
	client->region = region;
	client->trusted = is_admin() ||
			  ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
	client->time_ns = ktime_get_boottime_ns();
	client->pid = task_tgid_nr(current);
	get_task_comm(client->comm, current);
	client->event = events_last(&region->events);
	mutex_init(&client->read_mutex);
	INIT_LIST_HEAD(&client->records);
	INIT_LIST_HEAD(&client->heaps);

	raw_spin_lock_irqsave(&region->client_lock, flags);
	client->serial = atomic64_inc_return(&serial);
	client->user = user_find(region, current_euid(), &fresh);
	client->user->clients++;
	client->user->open++;
	rb_add(&client->node, &region->clients, client_before);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	kfree(fresh);
	return client;
}

/*
 * The newest allocation of a client: newest first, because that is the order
 * in which stack heaps want them back. False when there is none.
 */
static bool client_newest(struct client *client, u64 *handle)
{
	struct region *region = client->region;
	struct record *record;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	record = list_first_entry_or_null(&client->records, struct record, mine);
	if (record)
		*handle = record->handle;
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return record;
}

/**
 * client_destroy - return everything that a client has
 * @client: its file is closed for good: no call of it runs, none of its
 *	mappings is left
 *
 * Context: process, may sleep. Persistent and exported allocations stay. The region
 * may be no more afterwards, if it is gone.
 */
void client_destroy(struct client *client)
{
	struct region *region = client->region;
	struct track_tally tally = { 0 };
	struct memmgr_heap *heap;
	unsigned long flags;
	u64 handle;

	compact_slices_end(region, &client->slices);
	client_unpin_all(client);
	heap_destroy_private(client);
	while (client_newest(client, &handle)) {
		/* A heap that is destroyed forgets its records before it goes. */
		heap = heap_get(region, handle_heap(handle));
		if (heap) {
			heap_reclaim(heap, client, handle, &tally);
			heap_put(heap);
		}
		cond_resched();
	}
	track_tell(client, &tally);
	kfree(client->pins);
	raw_spin_lock_irqsave(&region->client_lock, flags);
	client->closed = true;
	client->user->open--;
	client_expire(client);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	region_put(region);
}

#define COUNT_FIELDS(field)	{ offsetof(struct memmgr_account, field),	\
				  offsetof(struct memmgr_account, max_ ## field) }

/* Where an account of the ABI has what is counted, and its limit. */
static const struct {
	u16 has;
	u16 max;
} counts[ACCOUNT_ITEMS] = {
	[ACCOUNT_ALLOCATIONS]	= COUNT_FIELDS(allocations),
	[ACCOUNT_HEAPS]		= COUNT_FIELDS(heaps),
	[ACCOUNT_WINDOWS]	= COUNT_FIELDS(windows),
	[ACCOUNT_PINS]		= COUNT_FIELDS(pins),
	[ACCOUNT_RECORDS]	= COUNT_FIELDS(records),
};

static void account_describe(const struct region *region, const struct account *account,
			     bool user, bool trusted, struct memmgr_account *out)
{
	u32 i;

	for (i = ACCOUNT_ALLOCATIONS; i < ACCOUNT_ITEMS; i++) {
		*(u32 *)((void *)out + counts[i].has) = account->has[i];
		*(u32 *)((void *)out + counts[i].max) =
			min_t(u64, account_limit(region, account, user, trusted, i), U32_MAX);
	}
	out->bytes = account->has[ACCOUNT_BYTES];
	out->peak = account->peak;
	out->max_bytes = account_limit(region, account, user, trusted, ACCOUNT_BYTES);
	out->refused = account->refused;
	out->set = account->set;
	out->flags = (user ? MEMMGR_ACCOUNT_USER : 0) |
		     (account->set ? MEMMGR_ACCOUNT_SET : 0);
}

static void client_describe(const struct client *client, const struct client *viewer,
			    struct memmgr_account *out)
{
	account_describe(client->region, &client->account, false, client->trusted, out);
	out->id = client->serial;
	out->time_ns = client->time_ns;
	out->flags |= (client == viewer ? MEMMGR_ACCOUNT_MINE : 0) |
		      (client->closed ? MEMMGR_ACCOUNT_CLOSED : 0);
	out->uid = __kuid_val(client->user->uid);
	out->pid = client->pid;
	out->clients = 1;
	memcpy(out->comm, client->comm, sizeof(out->comm));
}

static void user_describe(const struct region *region, const struct client_user *user,
			  const struct client *viewer, struct memmgr_account *out)
{
	account_describe(region, &user->account, true, uid_eq(user->uid, GLOBAL_ROOT_UID), out);
	out->uid = __kuid_val(user->uid);
	out->id = out->uid;
	out->flags |= viewer && viewer->user == user ? MEMMGR_ACCOUNT_MINE : 0;
	out->clients = user->open;
}

/**
 * client_account_next - the next account of a list
 * @region: of it
 * @viewer: who asks; NULL: a file of debugfs
 * @users: of users, not of clients
 * @cursor: 0 at first; moved behind the account
 * @account: the answer
 *
 * Context: process. O(log accounts).
 * Return: false at the end.
 */
bool client_account_next(struct region *region, const struct client *viewer,
			 bool users, u64 *cursor, struct memmgr_account *account)
{
	struct rb_node *found;
	unsigned long flags;

	memset(account, 0, sizeof(*account));
	raw_spin_lock_irqsave(&region->client_lock, flags);
	found = users ? tree_from(&region->users, *cursor, user_key) :
			tree_from(&region->clients, *cursor, client_key);
	if (found && users)
		user_describe(region, rb_entry(found, struct client_user, node), viewer, account);
	else if (found)
		client_describe(rb_entry(found, struct client, node), viewer, account);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	if (found)
		*cursor = account->id + 1;
	return found;
}

static u64 quota_max(const struct memmgr_quota *quota, enum account_item item)
{
	const u32 *counts = &quota->max_heaps;

	if (item == ACCOUNT_BYTES)
		return quota->max_bytes;
	return item == ACCOUNT_ALLOCATIONS ? quota->max_allocations :
					     counts[item - ACCOUNT_HEAPS];
}

/* Without a word which limits are meant it is those that there were at first. */
static u32 quota_limits(const struct memmgr_quota *quota)
{
	return quota->limits ? : MEMMGR_LIMIT_BYTES | MEMMGR_LIMIT_ALLOCATIONS;
}

/* Is what is given meant? */
static bool quota_ok(const struct memmgr_quota *quota)
{
	u32 i, meant = quota->flags & MEMMGR_QUOTA_DEFAULT ? 0 : quota_limits(quota);

	for (i = 0; i < ACCOUNT_ITEMS; i++)
		if (quota_max(quota, i) && !(meant & BIT(i)))
			return false;
	return !(quota->reserved | quota->pad | (quota->limits & ~MEMMGR_LIMIT_ALL));
}

static void account_set(struct account *account, const struct memmgr_quota *quota)
{
	u32 i, limits = quota_limits(quota);

	if (quota->flags & MEMMGR_QUOTA_DEFAULT) {
		account->set &= quota->limits ? ~limits : 0;
		return;
	}
	for (i = 0; i < ACCOUNT_ITEMS; i++)
		if (limits & BIT(i))
			account->max[i] = quota_max(quota, i);
	account->set |= limits;
}

static int quota_client(struct region *region, const struct memmgr_quota *quota)
{
	struct client *client;
	unsigned long flags;
	int err = -ENOENT;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	client = client_from(region, quota->id);
	if (client && client->serial == quota->id) {
		account_set(&client->account, quota);
		err = 0;
	}
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return err;
}

static int quota_user(struct region *region, const struct memmgr_quota *quota)
{
	kuid_t uid = KUIDT_INIT(quota->id);
	struct client_user *fresh, *user;
	unsigned long flags;

	if (quota->id > U32_MAX || !uid_valid(uid))
		return -EINVAL;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	raw_spin_lock_irqsave(&region->client_lock, flags);
	user = user_find(region, uid, &fresh);
	account_set(&user->account, quota);
	user = user_unused(region, user);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	kfree(user);
	kfree(fresh);
	return 0;
}

/**
 * client_set_quota - limit a client or a user
 * @region: of it
 * @quota: as in the ABI, flags checked
 *
 * Context: process, may sleep. O(log clients) or O(log users).
 * Return: 0, -ENOENT, -EINVAL, -EPERM or -ENOMEM.
 */
int client_set_quota(struct region *region, const struct memmgr_quota *quota)
{
	if (!quota_ok(quota))
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return quota->flags & MEMMGR_QUOTA_USER ? quota_user(region, quota) :
						  quota_client(region, quota);
}

/* A region goes, and with it the limits that were set for its users. */
void client_forget_users(struct region *region)
{
	struct rb_node *node;

	while ((node = region->users.rb_node)) {
		rb_erase(node, &region->users);
		kfree(rb_entry(node, struct client_user, node));
	}
}
