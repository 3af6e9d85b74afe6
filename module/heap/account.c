// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Accounts: the charges of clients and users, and their limits. */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "base/number.h"
#include "core/engine.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "region/region.h"

/*
 * Limits of accounts without limits of their own. Root may change them while others
 * read them, so they are read as 64 bits at once, on 32-bit machines too.
 */
static atomic64_t client_max[ACCOUNT_ITEMS];

static atomic64_t user_max[ACCOUNT_ITEMS] = {
	[ACCOUNT_HEAPS] = ATOMIC64_INIT(8),
	[ACCOUNT_PINS] = ATOMIC64_INIT(1024),
};

/* Bits of bytes and allocations if a default limits them, so that a charge sees it at once. */
static u32 default_limits;

static void defaults_note(void)
{
	u32 i, limits = 0;

	for (i = ACCOUNT_BYTES; i <= ACCOUNT_ALLOCATIONS; i++)
		if (atomic64_read(&client_max[i]) || atomic64_read(&user_max[i]))
			limits |= BIT(i);
	WRITE_ONCE(default_limits, limits);
}

static int limit_set(const char *text, const struct kernel_param *kp)
{
	u64 limit;
	int err = number_parse(text, &limit);

	if (err)
		return err;
	atomic64_set(kp->arg, limit);
	defaults_note();
	return 0;
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

/* Unless root sets another limit, a user has at most five eighths of a shared table. */
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

/* The limit of an account for an item; 0: there is no limit. */
u64 account_limit(const struct region *region, const struct account *account, bool user,
		  bool trusted, enum account_item item)
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

/* Bytes that an account may still have; 0 if it has no allocations left. */
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
	/* If allocations are used up, only a free helps, so no bytes are left either. */
	if (client_left < bytes || !client_left)
		client->account.refused++;
	if (user_left < bytes || !user_left)
		client->user->account.refused++;
	engine_refuse(why, MEMMGR_REASON_QUOTA, round_down(left, PAGE_SIZE) ? : left);
	why->exact = false;
	return -EDQUOT;
}

/*
 * Can a limit refuse what the caller is about to charge? One look, which the usual client
 * without limits pays for. @records: records of heap main are among it.
 */
static __always_inline bool charge_is_limited(const struct client *client, bool records)
{
	u32 limits = READ_ONCE(client->account.set) | READ_ONCE(client->user->account.set) |
		     READ_ONCE(default_limits);
	u32 items = BIT(ACCOUNT_BYTES) | BIT(ACCOUNT_ALLOCATIONS);

	if (records) {
		items |= BIT(ACCOUNT_RECORDS);
		limits |= client->trusted ? 0 : BIT(ACCOUNT_RECORDS);
	}
	return limits & items;
}

static void account_add(struct account *account, u64 bytes, u32 allocations)
{
	account->has[ACCOUNT_BYTES] += bytes;
	account->has[ACCOUNT_ALLOCATIONS] += allocations;
	if (account->peak < account->has[ACCOUNT_BYTES])
		account->peak = account->has[ACCOUNT_BYTES];
}

/**
 * client_charge - charge an allocation to a client and its user
 * @client: the client that pays
 * @bytes: granted bytes
 * @allocations: number of allocations to add
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

/* May a client and its user have so many more? Counts a refusal. Under client_lock. */
static int items_check(struct client *client, enum account_item item, u32 n)
{
	bool may[2];
	u32 user;

	for (user = 0; user < 2; user++) {
		may[user] = room_left(client, user, item) >= n;
		account_of(client, user)->refused += !may[user];
	}
	return may[0] && may[1] ? 0 : -EDQUOT;
}

/* May a client have @n more allocations of @bytes in all? Under client_lock. */
static int records_check(struct client *client, u64 bytes, u32 n, bool main,
			 struct engine_refusal *why)
{
	if (main && items_check(client, ACCOUNT_RECORDS, n)) {
		engine_refuse(why, MEMMGR_REASON_QUOTA, 0);
		return -EDQUOT;
	}
	return charge_check(client, bytes, n, why);
}

/**
 * client_may_take - may a client have a new allocation?
 * @client: the client that pays
 * @bytes: requested bytes
 * @main: the allocation is one of heap main, whose records are counted
 * @why: filled in on failure
 *
 * Asked before the work is done; client_take_records() decides.
 *
 * Context: the heap's lock is held. O(1).
 * Return: 0 or -EDQUOT.
 */
int client_may_take(struct client *client, u64 bytes, bool main, struct engine_refusal *why)
{
	struct region *region = client->region;
	int err;

	if (likely(!charge_is_limited(client, main)))
		return 0;
	raw_spin_lock(&region->client_lock);
	err = records_check(client, bytes, 1, main, why);
	raw_spin_unlock(&region->client_lock);
	return err;
}

/* The same without counting a refusal, for many at once. Under client_lock. */
static bool records_fit(struct client *client, u64 bytes, u32 n, bool main)
{
	u32 user;

	for (user = 0; user < 2; user++)
		if (account_left(client, user, n) < bytes ||
		    (main && room_left(client, user, ACCOUNT_RECORDS) < n))
			return false;
	return true;
}

/**
 * client_has_room - may a client have some new allocations?
 * @client: the client that pays
 * @bytes: their sizes in all
 * @n: number of allocations
 * @main: they are allocations of heap main
 *
 * Asked before the work is done; client_take_records() decides.
 *
 * Context: the heap's lock is held. O(1).
 */
bool client_has_room(struct client *client, u64 bytes, u32 n, bool main)
{
	struct region *region = client->region;
	bool fits;

	if (likely(!charge_is_limited(client, main)))
		return true;
	raw_spin_lock(&region->client_lock);
	fits = records_fit(client, bytes, n, main);
	raw_spin_unlock(&region->client_lock);
	return fits;
}

static __always_inline void account_take(struct account *account, u64 bytes, u32 n, bool main)
{
	account_add(account, bytes, n);
	if (main)
		account->has[ACCOUNT_RECORDS] += n;
}

/**
 * client_take_records - charge new allocations to their client, and add them to its list
 * @heap: their heap, locked
 * @records: their records, all filled in from the same template
 * @n: number of records
 * @bytes: sum of their charges
 * @why: filled in on failure; NULL: a refusal is not counted
 *
 * Context: any. O(@n).
 * Return: 0, or -EDQUOT and nothing has changed.
 */
int client_take_records(struct memmgr_heap *heap, struct record * const *records, u32 n,
			u64 bytes, struct engine_refusal *why)
{
	bool main = heap->id == MEMMGR_HEAP_MAIN;
	struct record *record = records[0];
	struct client *client = record->client;
	struct region *region = heap->region;
	int err = 0;
	u32 i;

	heap_assert_locked(heap);
	raw_spin_lock(&region->client_lock);
	if (record->charged) {
		if (unlikely(charge_is_limited(client, main)))
			err = why ? records_check(client, bytes, n, main, why) :
			      records_fit(client, bytes, n, main) ? 0 : -EDQUOT;
		if (unlikely(err))
			goto out;
		account_take(&client->account, bytes, n, main);
		account_take(&client->user->account, bytes, n, main);
	}
	if (record->owned)
		for (i = 0; i < n; i++)
			hlist_add_head(&records[i]->mine, &client->records);
out:
	raw_spin_unlock(&region->client_lock);
	return err;
}

/* Remove a user that has neither clients nor limits of its own. Under client_lock. */
struct client_user *user_unused(struct region *region, struct client_user *user)
{
	if (user->clients || user->account.set)
		return NULL;
	rb_erase(&user->node, &region->users);
	return user;
}

/*
 * Free a client that is closed and has no charges. Called under client_lock, perhaps
 * under a heap's lock too, so it uses RCU, which unlike the allocator may be called with
 * raw locks held.
 */
void client_expire(struct client *client)
{
	struct client_user *user = client->user;

	if (!client->closed || client->account.has[ACCOUNT_ALLOCATIONS])
		return;
	rb_erase(&client->node, &client->region->clients);
	user->clients--;
	user = user_unused(client->region, user);
	if (user)
		kfree_rcu(user, rcu);
	kfree_rcu(client, rcu);	/* with the struct client_file around it */
}

/**
 * client_uncharge - take back a charge
 * @client: the client that paid; may be freed when this returns
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

static __always_inline void account_give(struct account *account, u64 bytes, u32 n, bool main)
{
	account->has[ACCOUNT_BYTES] -= bytes;
	account->has[ACCOUNT_ALLOCATIONS] -= n;
	if (main)
		account->has[ACCOUNT_RECORDS] -= n;
}

/**
 * client_give_records - allocations end: take back their charge, and take them off the list
 * @heap: their heap, locked
 * @records: their records, all of the same client; all or none owned, all or none charged
 * @n: number of records
 * @bytes: sum of their charges
 *
 * The client may be freed when this returns.
 *
 * Context: any. O(@n).
 */
void client_give_records(struct memmgr_heap *heap, struct record * const *records, u32 n,
			 u64 bytes)
{
	bool main = heap->id == MEMMGR_HEAP_MAIN;
	struct record *record = records[0];
	struct client *client = record->client;
	struct region *region = heap->region;
	u32 i;

	heap_assert_locked(heap);
	if (!client)
		return;
	raw_spin_lock(&region->client_lock);
	if (record->owned)
		for (i = 0; i < n; i++)
			__hlist_del(&records[i]->mine);
	if (record->charged) {
		account_give(&client->account, bytes, n, main);
		account_give(&client->user->account, bytes, n, main);
		if (unlikely(client->closed))
			client_expire(client);
	}
	raw_spin_unlock(&region->client_lock);
}

void client_remove_record(struct client *client, struct record *record)
{
	struct region *region = client->region;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	hlist_del_init(&record->mine);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
}

/**
 * client_take_locked - count items for a client, if it and its user may have them
 * @client: the client; it is open or has an allocation while it has these items
 * @item: the item; not bytes or allocations, see client_charge()
 * @n: number of items
 *
 * Context: client_lock is held. O(1).
 * Return: 0, or -EDQUOT and nothing is counted.
 */
int client_take_locked(struct client *client, enum account_item item, u32 n)
{
	lockdep_assert_held(&client->region->client_lock);
	if (items_check(client, item, n))
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

/* Give back @n items. */
void client_give_locked(struct client *client, enum account_item item, u32 n)
{
	lockdep_assert_held(&client->region->client_lock);
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

u64 client_key(const struct rb_node *node)
{
	return rb_entry(node, struct client, node)->serial;
}

u64 user_key(const struct rb_node *node)
{
	return __kuid_val(rb_entry(node, struct client_user, node)->uid);
}

/* The first node of a tree with at least this key. O(log nodes). */
struct rb_node *tree_from(const struct rb_root *root, u64 key,
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

/* The client with the lowest serial from @serial on, or NULL. Under client_lock. */
struct client *client_from(struct region *region, u64 serial)
{
	return rb_entry_safe(tree_from(&region->clients, serial, client_key), struct client,
			     node);
}

bool client_before(struct rb_node *a, const struct rb_node *b)
{
	return client_key(a) < client_key(b);
}

static bool user_before(struct rb_node *a, const struct rb_node *b)
{
	return user_key(a) < user_key(b);
}

/*
 * The user with an id. If there is none, *fresh becomes the user, and is set to NULL.
 * Under client_lock. O(log users).
 */
struct client_user *user_find(struct region *region, kuid_t uid, struct client_user **fresh)
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

/* May the caller see and change everything? Not audited, because asking is no offence. */
noinline bool is_admin(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

struct viewer viewer_of(const struct client *client)
{
	return (struct viewer) {
		.client = client,
		.uid = current_euid(),
		.admin = is_admin(),
	};
}

u32 windows_max(const struct region *region)
{
	return 1u << min_t(u32, 31, BITS_PER_LONG - region->view.window_shift);
}

/* Records of heap main. */
u32 heap_main_records(const struct region *region)
{
	const struct memmgr_heap *main = rcu_access_pointer(region->heaps[MEMMGR_HEAP_MAIN]);

	return main ? main->table.max : 0;
}

/* Number of windows that heap main leaves to other heaps. */
u32 heap_windows_left(const struct region *region)
{
	return windows_max(region) - heap_main_records(region);
}
