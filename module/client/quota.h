/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What clients and users are charged, and their limits, as they are told and set. */
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
