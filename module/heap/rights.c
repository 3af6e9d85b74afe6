// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The rights of users to see a heap and to allocate from it. */
#include <linux/capability.h>
#include <linux/cred.h>

#include "core/engine.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/rights.h"
#include "region/region.h"

#define RIGHTS_ALL	0666u
#define RIGHTS_PRIVATE	0600u

/* A mode may have only read and write bits. */
bool heap_mode_ok(u32 mode)
{
	return !(mode & ~RIGHTS_ALL);
}

/**
 * heap_rights_begin - set the rights of a new heap
 * @heap: the heap, not yet visible
 * @c: as in the ABI, checked
 *
 * Context: process; the caller is the owner, unless @c names another.
 */
void heap_rights_begin(struct memmgr_heap *heap, const struct memmgr_heap_create *c)
{
	struct heap_rights *rights = &heap->rights;

	rights->uid = current_euid();
	rights->gid = current_egid();
	rights->mode = c->flags & MEMMGR_HEAP_PRIVATE ? RIGHTS_PRIVATE : RIGHTS_ALL;
	if (!(c->flags & MEMMGR_HEAP_MODE))
		return;
	rights->mode = c->mode;
	if (c->uid != MEMMGR_ID_CALLER)
		rights->uid = KUIDT_INIT(c->uid);
	if (c->gid != MEMMGR_ID_CALLER)
		rights->gid = KGIDT_INIT(c->gid);
}

/* Read all rights under the lock, so that they belong together. */
struct heap_rights heap_rights_of(struct memmgr_heap *heap)
{
	struct heap_rights rights;
	unsigned long flags;

	flags = heap_lock(heap);
	rights = heap->rights;
	heap_unlock(heap, flags);
	return rights;
}

/* As for a file: the first class of owner, group and others that fits decides. */
static bool rights_allow(const struct heap_rights *rights, u32 wanted)
{
	u32 bits = rights->mode;

	if (uid_eq(current_fsuid(), rights->uid))
		bits >>= 6;
	else if (in_group_p(rights->gid))
		bits >>= 3;
	return bits & wanted;
}

/* A private heap belongs to its client. For other heaps this returns 0. */
int heap_own(const struct memmgr_heap *heap, const struct client *client)
{
	return heap->flags & MEMMGR_HEAP_PRIVATE && heap->client != client ? -EACCES : 0;
}

/**
 * heap_allows - may the caller see a heap, or allocate from it?
 * @heap: the heap
 * @client: the client of the call; NULL: the kernel itself
 * @wanted: HEAP_SEE or HEAP_TAKE
 *
 * A heap of mode 0 is for kernel code alone: even root's programs cannot allocate from it.
 *
 * Context: process, no heap lock held. O(log groups).
 * Return: 0 or -EACCES.
 */
int heap_allows(struct memmgr_heap *heap, const struct client *client, u32 wanted)
{
	struct heap_rights rights;

	if (heap->flags & MEMMGR_HEAP_PRIVATE || !client)
		return heap_own(heap, client);
	/* If the mode allows all classes, the owner makes no difference. */
	if (!(wanted * RIGHTS_EACH & ~READ_ONCE(heap->rights.mode)))
		return 0;
	rights = heap_rights_of(heap);
	if (rights_allow(&rights, wanted))
		return 0;
	return (rights.mode || wanted == HEAP_SEE) && is_admin() ? 0 : -EACCES;
}

/**
 * heap_told - may the caller know which heap an entry of a log is about?
 * @region: region of the log
 * @client: the client of the call
 * @id: id of the heap when the entry was made
 * @name: name of the heap then
 * @owner: client.serial of the client whose private heap it was then; 0: none
 *
 * A heap that is gone has no mode any more. Only the administrator and the client whose
 * private heap it was may know it.
 *
 * Context: process, no heap lock held. O(log groups).
 */
bool heap_told(struct region *region, const struct client *client, u32 id, const char *name,
	       u64 owner)
{
	struct memmgr_heap *heap;
	bool told;

	if (is_admin() || owner == client->serial)
		return true;
	heap = heap_get(region, id);
	if (!heap)
		return false;
	told = !strcmp(heap->name, name) && !heap_look(heap, client);
	heap_put(heap);
	return told;
}

/**
 * heap_may_make - may the caller make such a heap?
 * @region: the region
 * @client: the client of the call; NULL: the kernel itself
 * @c: as in the ABI, checked
 *
 * Context: process.
 * Return: 0; -EPERM: a shared heap needs CAP_SYS_ADMIN; -EACCES: a private heap takes its
 * memory from main, and the caller may not allocate from main.
 */
int heap_may_make(struct region *region, const struct client *client,
		  const struct memmgr_heap_create *c)
{
	struct memmgr_heap *main;
	int err = -ENOENT;

	if (!client)
		return 0;
	if (!(c->flags & MEMMGR_HEAP_PRIVATE))
		return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	main = heap_get(region, MEMMGR_HEAP_MAIN);
	if (main) {
		err = heap_may_use(main, client);
		heap_put(main);
	}
	return err;
}

/* As chmod() and chown(): the owner may change the mode, and set a group of his own. */
static int rights_may_set(const struct heap_rights *now, const struct memmgr_heap_rights *r)
{
	if (is_admin())
		return 0;
	if (!uid_eq(current_fsuid(), now->uid) || r->flags & MEMMGR_RIGHTS_OWNER)
		return -EPERM;
	return r->flags & MEMMGR_RIGHTS_GROUP && !in_group_p(KGIDT_INIT(r->gid)) ? -EPERM : 0;
}

/**
 * heap_set_rights - change owner, group or mode of a heap
 * @heap: any heap; -EINVAL for a private one, which has no rights to set
 * @r: as in the ABI, flags checked
 *
 * Allocations keep their owners. A heap that was for kernel code alone gets its part of
 * the mmap() offsets now.
 *
 * Context: process, may sleep.
 * Return: 0, -EINVAL, -EPERM if the caller is neither root nor the owner, or -ENOSPC
 * if the mmap() offsets have no room.
 */
int heap_set_rights(struct memmgr_heap *heap, const struct memmgr_heap_rights *r)
{
	struct engine_refusal why;
	struct heap_rights now;
	unsigned long flags;
	int err;

	if (heap->flags & MEMMGR_HEAP_PRIVATE || !heap_mode_ok(r->mode) ||
	    (r->flags & MEMMGR_RIGHTS_OWNER && r->uid == MEMMGR_ID_CALLER) ||
	    (r->flags & MEMMGR_RIGHTS_GROUP && r->gid == MEMMGR_ID_CALLER))
		return -EINVAL;
	/* One change at a time, so that the check still holds when the change is made. */
	mutex_lock(&heap->region->heap_mutex);
	now = heap_rights_of(heap);
	err = rights_may_set(&now, r);
	if (!err && r->flags & MEMMGR_RIGHTS_MODE && r->mode &&
	    heap->table.window == HEAP_NO_WINDOW)
		err = heap_take_windows(heap, &why);
	if (!err) {
		flags = heap_lock(heap);
		if (r->flags & MEMMGR_RIGHTS_MODE)
			WRITE_ONCE(heap->rights.mode, r->mode);
		if (r->flags & MEMMGR_RIGHTS_OWNER)
			heap->rights.uid = KUIDT_INIT(r->uid);
		if (r->flags & MEMMGR_RIGHTS_GROUP)
			heap->rights.gid = KGIDT_INIT(r->gid);
		heap_unlock(heap, flags);
	}
	mutex_unlock(&heap->region->heap_mutex);
	return err;
}
