/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Quotas: reading the accounts of clients and users, and setting their limits. */
#ifndef MEMMGR_CLIENT_QUOTA_H
#define MEMMGR_CLIENT_QUOTA_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct region;

bool client_account_next(struct region *region, const struct client *viewer,
			 bool users, u64 *cursor, struct memmgr_account *account);
int client_set_quota(struct region *region, const struct memmgr_quota *quota);
void client_forget_users(struct region *region);

#endif /* MEMMGR_CLIENT_QUOTA_H */
