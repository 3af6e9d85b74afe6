// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioctls about clients, pins and dma-bufs. */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "client/quota.h"
#include "face/call.h"
#include "face/calls_share.h"
#include "heap/access.h"
#include "heap/account.h"
#include "heap/pins.h"
#include "region/memory.h"
#include "region/region.h"
#include "share/dmabuf.h"
#include "share/lease.h"

int call_protect(struct caller *caller, void *arg)
{
	struct memmgr_protect *p = arg;

	if (p->flags & ~MEMMGR_PROTECT_SEAL || p->reserved ||
	    p->access & ~(MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE) ||
	    p->access == MEMMGR_ACCESS_WRITE)
		return -EINVAL;
	return heap_protect(caller->heap, caller->client, p->handle, p->access,
			    p->flags & MEMMGR_PROTECT_SEAL);
}

int call_sync(struct caller *caller, void *arg)
{
	struct memmgr_sync *s = arg;
	u64 place;
	int err;

	if ((s->flags != MEMMGR_SYNC_FOR_DEVICE && s->flags != MEMMGR_SYNC_FOR_CPU) ||
	    !s->bytes)
		return -EINVAL;
	err = heap_copy_begin(caller->heap, caller->client, s->handle, s->offset,
			      s->bytes, MEMMGR_ACCESS_NONE, &place);
	if (err)
		return err;
	/* Write back, then discard: this serves both directions. */
	region_sync(caller->client->region, place, s->bytes);
	heap_copy_end(caller->heap, s->handle);
	return 0;
}

int call_export(struct caller *caller, void *arg)
{
	struct memmgr_export *e = arg;
	bool read_only = e->flags & MEMMGR_EXPORT_READ_ONLY;
	struct dma_buf *dmabuf;
	int fd;

	if (e->flags & ~(MEMMGR_EXPORT_CLOEXEC | MEMMGR_EXPORT_READ_ONLY) || e->reserved)
		return -EINVAL;
	dmabuf = dmabuf_export(caller->heap, caller->client, e->handle, read_only,
			       read_only ? O_RDONLY : O_RDWR);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = get_unused_fd_flags(e->flags & MEMMGR_EXPORT_CLOEXEC ? O_CLOEXEC : 0);
	if (fd < 0) {
		fput(dmabuf->file);
		return fd;
	}
	e->fd = fd;
	caller->file = dmabuf->file;
	return 0;
}

/* The caller has received the number of the descriptor, so install it. */
void keep_export(struct caller *caller, void *arg)
{
	struct memmgr_export *e = arg;

	fd_install(e->fd, caller->file);
}

void undo_export(struct caller *caller, void *arg)
{
	struct memmgr_export *e = arg;

	put_unused_fd(e->fd);
	fput(caller->file);
}

int call_accounts(struct caller *caller, void *arg)
{
	struct region *region = caller->client->region;
	struct memmgr_accounts *a = arg;
	struct memmgr_account account;
	u64 cursor = a->cursor;
	bool more = true;
	int err = 0;
	u32 n = 0;

	if (a->flags & ~MEMMGR_ACCOUNTS_USERS ||
	    !entries_ok(a->count, a->entry_size, offsetofend(struct memmgr_account, comm)))
		return -EINVAL;
	while (n < a->count && more) {
		more = client_account_next(region, caller->client,
					   a->flags & MEMMGR_ACCOUNTS_USERS,
					   &cursor, &account);
		if (!more)
			break;
		err = entry_put(a->entries, n, a->entry_size, &account, sizeof(account));
		if (err)
			break;
		a->cursor = cursor;
		n++;
		cond_resched();
	}
	a->count = n;
	a->cursor = more ? a->cursor : 0;
	return err;
}

int call_set_quota(struct caller *caller, void *arg)
{
	struct memmgr_quota *q = arg;
	u32 whom = q->flags & ~MEMMGR_QUOTA_DEFAULT;

	if (whom != MEMMGR_QUOTA_CLIENT && whom != MEMMGR_QUOTA_USER)
		return -EINVAL;
	return client_set_quota(caller->client->region, q);
}

int call_pin(struct caller *caller, void *arg)
{
	struct memmgr_pin *p = arg;

	p->mine = 0;
	return p->flags & ~MEMMGR_PIN_LEASE ? -EINVAL :
	       heap_pin(caller->heap, caller->client, p);
}

int call_unpin(struct caller *caller, void *arg)
{
	struct memmgr_pin *p = arg;

	return p->flags & ~MEMMGR_PIN_LEASE ? -EINVAL :
	       heap_unpin(caller->heap, caller->client, p);
}

/* Undo a pin. A failed lease has undone itself (@mine is 0); earlier ones stay. */
void undo_pin(struct caller *caller, void *arg)
{
	struct memmgr_pin *p = arg;

	if (p->mine)
		pin_undo(caller->heap, caller->client, p->handle, p->flags & MEMMGR_PIN_LEASE);
}
