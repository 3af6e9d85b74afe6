// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Clients: an open file, what was allocated through it, and quotas. */
#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "client.h"
#include "core/engine.h"
#include "heap.h"
#include "number.h"
#include "region.h"

/*
 * Limits of those that have none of their own. Root may change them while others
 * read: 64 bits at once, on 32-bit machines too.
 */
static atomic64_t client_max_bytes = ATOMIC64_INIT(0);
static atomic64_t client_max_allocations = ATOMIC64_INIT(0);
static atomic64_t user_max_bytes = ATOMIC64_INIT(0);
static atomic64_t user_max_allocations = ATOMIC64_INIT(0);

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

module_param_cb(client_max_bytes, &limit_ops, &client_max_bytes, 0644);
MODULE_PARM_DESC(client_max_bytes, "bytes that an open file may have, e.g. 4M (default 0: no limit)");
module_param_cb(client_max_allocations, &limit_ops, &client_max_allocations, 0644);
MODULE_PARM_DESC(client_max_allocations, "allocations that an open file may have (default 0: no limit)");
module_param_cb(user_max_bytes, &limit_ops, &user_max_bytes, 0644);
MODULE_PARM_DESC(user_max_bytes, "bytes that a user may have in all, e.g. 16M (default 0: no limit)");
module_param_cb(user_max_allocations, &limit_ops, &user_max_allocations, 0644);
MODULE_PARM_DESC(user_max_allocations, "allocations that a user may have in all (default 0: no limit)");

static void limits_of(const struct account *account, bool user, u64 *bytes,
		      u64 *allocations)
{
	if (account->set) {
		*bytes = account->max_bytes;
		*allocations = account->max_allocations;
	} else {
		*bytes = atomic64_read(user ? &user_max_bytes : &client_max_bytes);
		*allocations = atomic64_read(user ? &user_max_allocations :
						    &client_max_allocations);
	}
}

/* What an account may still have; nothing when it is out of allocations. */
static u64 account_left(const struct account *account, bool user, u32 allocations)
{
	u64 max_bytes, max_allocations;

	limits_of(account, user, &max_bytes, &max_allocations);
	if (max_allocations && account->allocations + (u64)allocations > max_allocations)
		return 0;
	if (!max_bytes)
		return ~0ull;
	return max_bytes > account->bytes ? max_bytes - account->bytes : 0;
}

/* Under client_lock. */
static int charge_check(struct client *client, u64 bytes, u32 allocations,
			struct engine_refusal *why)
{
	u64 client_left = account_left(&client->account, false, allocations);
	u64 user_left = account_left(&client->user->account, true, allocations);
	u64 left = min(client_left, user_left);

	if (bytes <= left && left)
		return 0;
	/* Freeing something is what helps, so nothing is left of either. */
	if (client_left < bytes || !client_left)
		client->account.refused++;
	if (user_left < bytes || !user_left)
		client->user->account.refused++;
	engine_refuse(why, MEMMGR_REASON_QUOTA, round_down(left, PAGE_SIZE) ? : left);
	return -EDQUOT;
}

static void account_add(struct account *account, u64 bytes, u32 allocations)
{
	account->bytes += bytes;
	account->allocations += allocations;
	account->peak = max(account->peak, account->bytes);
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
static struct client_user *user_unused(struct client_user *user)
{
	if (user->clients || user->account.set)
		return NULL;
	list_del(&user->node);
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

	if (!client->closed || client->account.allocations)
		return;
	list_del(&client->node);
	user->clients--;
	user = user_unused(user);
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
	client->account.bytes -= bytes;
	client->account.allocations -= allocations;
	user->account.bytes -= bytes;
	user->account.allocations -= allocations;
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

void client_count_heap(struct client *client, int change)
{
	struct region *region = client->region;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	client->heap_count += change;
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
}

/*
 * The user of an id; @fresh is taken when there is none, and NULL then. The list
 * is sorted, so that a listing can go on where it stopped. Under client_lock.
 */
static struct client_user *user_find(struct region *region, kuid_t uid, struct client_user **fresh)
{
	struct client_user *user, *found;

	list_for_each_entry(user, &region->users, node) {
		if (uid_eq(user->uid, uid))
			return user;
		if (uid_gt(user->uid, uid))
			break;
	}
	found = *fresh;
	if (found) {
		*fresh = NULL;
		found->uid = uid;
		list_add_tail(&found->node, &user->node);
	}
	return found;
}

/**
 * client_create - a file was opened
 * @region: of it
 *
 * Context: process, may sleep. O(users).
 * Return: the client, or NULL without memory.
 */
struct client *client_create(struct region *region)
{
	static atomic64_t serial = ATOMIC64_INIT(0);
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	struct client_user *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	unsigned long flags;

	if (!client || !fresh) {
		kfree(client);
		kfree(fresh);
		return NULL;
	}
	region_get(region);
	client->region = region;
	client->time_ns = ktime_get_boottime_ns();
	client->pid = task_tgid_nr(current);
	get_task_comm(client->comm, current);
	client->event = events_last(&region->events);
	mutex_init(&client->read_mutex);
	INIT_LIST_HEAD(&client->records);
	INIT_LIST_HEAD(&client->pins);
	INIT_LIST_HEAD(&client->heaps);

	raw_spin_lock_irqsave(&region->client_lock, flags);
	client->serial = atomic64_inc_return(&serial);
	client->user = user_find(region, current_euid(), &fresh);
	client->user->clients++;
	client->user->open++;
	list_add_tail(&client->node, &region->clients);
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
	raw_spin_lock_irqsave(&region->client_lock, flags);
	client->closed = true;
	client->user->open--;
	client_expire(client);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	region_put(region);
}

static void account_describe(const struct account *account, bool user,
			     struct memmgr_account *out)
{
	u64 max_bytes, max_allocations;

	limits_of(account, user, &max_bytes, &max_allocations);
	out->bytes = account->bytes;
	out->peak = account->peak;
	out->max_bytes = max_bytes;
	out->refused = account->refused;
	out->allocations = account->allocations;
	out->max_allocations = min_t(u64, max_allocations, U32_MAX);
	out->flags = (user ? MEMMGR_ACCOUNT_USER : 0) |
		     (account->set ? MEMMGR_ACCOUNT_SET : 0);
}

static void client_describe(const struct client *client, const struct client *viewer,
			    struct memmgr_account *out)
{
	account_describe(&client->account, false, out);
	out->id = client->serial;
	out->time_ns = client->time_ns;
	out->flags |= (client == viewer ? MEMMGR_ACCOUNT_MINE : 0) |
		      (client->closed ? MEMMGR_ACCOUNT_CLOSED : 0);
	out->uid = from_kuid(&init_user_ns, client->user->uid);
	out->pid = client->pid;
	out->heaps = client->heap_count;
	memcpy(out->comm, client->comm, sizeof(out->comm));
}

static void user_describe(const struct client_user *user, const struct client *viewer,
			  struct memmgr_account *out)
{
	account_describe(&user->account, true, out);
	out->uid = from_kuid(&init_user_ns, user->uid);
	out->id = out->uid;
	out->flags |= viewer && viewer->user == user ? MEMMGR_ACCOUNT_MINE : 0;
	out->heaps = user->open;
}

/**
 * client_account_next - the next account of a list
 * @region: of it
 * @viewer: who asks; NULL: a file of debugfs
 * @users: of users, not of clients
 * @cursor: 0 at first; moved behind the account
 * @account: the answer
 *
 * Context: process. O(accounts): there are as many as files are open.
 * Return: false at the end.
 */
bool client_account_next(struct region *region, const struct client *viewer,
			 bool users, u64 *cursor, struct memmgr_account *account)
{
	struct client *client;
	unsigned long flags;
	bool found = false;
	struct client_user *user;

	memset(account, 0, sizeof(*account));
	raw_spin_lock_irqsave(&region->client_lock, flags);
	if (users) {
		list_for_each_entry(user, &region->users, node) {
			found = from_kuid(&init_user_ns, user->uid) + 1ull > *cursor;
			if (found)
				break;
		}
		if (found)
			user_describe(user, viewer, account);
	} else {
		list_for_each_entry(client, &region->clients, node) {
			found = client->serial + 1 > *cursor;
			if (found)
				break;
		}
		if (found)
			client_describe(client, viewer, account);
	}
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	if (found)
		*cursor = account->id + 1;
	return found;
}

static void account_set(struct account *account, const struct memmgr_quota *quota)
{
	account->set = !(quota->flags & MEMMGR_QUOTA_DEFAULT);
	account->max_bytes = quota->max_bytes;
	account->max_allocations = quota->max_allocations;
}

static int quota_client(struct region *region, const struct memmgr_quota *quota)
{
	struct client *client;
	int err = -ENOENT;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	list_for_each_entry(client, &region->clients, node) {
		if (client->serial != quota->id)
			continue;
		account_set(&client->account, quota);
		err = 0;
		break;
	}
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return err;
}

static int quota_user(struct region *region, const struct memmgr_quota *quota)
{
	kuid_t uid = make_kuid(&init_user_ns, quota->id);
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
	user = user_unused(user);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	kfree(user);
	kfree(fresh);
	return 0;
}

/**
 * client_set_quota - limit a client or a user
 * @region: of it
 * @quota: as in the ABI, flags and capability checked
 *
 * Context: process, may sleep. O(clients) or O(users).
 * Return: 0, -ENOENT, -EINVAL or -ENOMEM.
 */
int client_set_quota(struct region *region, const struct memmgr_quota *quota)
{
	return quota->flags & MEMMGR_QUOTA_USER ? quota_user(region, quota) :
						  quota_client(region, quota);
}

/* A region goes, and with it the limits that were set for its users. */
void client_forget_users(struct region *region)
{
	struct client_user *user, *next;

	list_for_each_entry_safe(user, next, &region->users, node)
		kfree(user);
}
