// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Quotas: reading the accounts of clients and users, and setting their limits. */
#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/slab.h>

#include "client/quota.h"
#include "heap/account.h"
#include "region/region.h"

#define COUNT_FIELDS(field)	{ offsetof(struct memmgr_account, field),	\
				  offsetof(struct memmgr_account, max_ ## field) }

/* Offsets of a count and of its limit in an account of the ABI. */
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
 * client_account_next - read the next account of a list
 * @region: the region
 * @viewer: the calling client; NULL: a file of debugfs
 * @users: list users, not clients
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

/* If a call names no limits, it sets those of the ABI's first version. */
static u32 quota_limits(const struct memmgr_quota *quota)
{
	return quota->limits ? : MEMMGR_LIMIT_BYTES | MEMMGR_LIMIT_ALLOCATIONS;
}

/* Are only the limits given that the call names? */
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
 * @region: the region
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

/* Forget the limits that were set for users, when the region is destroyed. */
void client_forget_users(struct region *region)
{
	struct rb_node *node;

	while ((node = region->users.rb_node)) {
		rb_erase(node, &region->users);
		kfree(rb_entry(node, struct client_user, node));
	}
}
