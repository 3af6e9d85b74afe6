// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Sites: the places in programs and in the kernel that allocations come from.
 *
 * A user's site is a file and an offset in it. So all runs of a program share its sites,
 * wherever the program was loaded. A site of kernel code is its stack. The table is made
 * when the first heap of a region is tracked. No site is ever removed, so that an id that
 * an allocation keeps stays valid.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debug/sites.h"
#include "heap/account.h"
#include "region/region.h"

/* Leaves enough free entries that a search still ends soon. */
#define SITES_ROOM	(SITES_MAX / 4 * 3)
/* Users supply their sites themselves. Invented sites must leave room for others. */
#define SITES_USERS	(SITES_MAX / 2)

static struct sites *sites_of(const struct region *region)
{
	return smp_load_acquire(&region->sites);	/* made, then published */
}

/* Make the table, if it does not exist yet. May sleep. */
int sites_make(struct region *region)
{
	struct sites *sites;

	if (sites_of(region))
		return 0;
	sites = kvzalloc(sizeof(*sites), GFP_KERNEL);
	if (!sites)
		return -ENOMEM;
	raw_spin_lock_init(&sites->lock);
	/* Tracking and guarding may both come here first; see sites_of(). */
	if (cmpxchg(&region->sites, NULL, sites))
		kvfree(sites);
	return 0;
}

/* The region is being destroyed; nothing allocates in it any more. */
void sites_free(struct region *region)
{
	kvfree(region->sites);
}

static bool site_is(const struct site *a, const struct site *b)
{
	if (a->hash != b->hash || a->kind != b->kind)
		return false;
	if (a->kind == MEMMGR_SITE_USER)
		return a->offset == b->offset && !strcmp(a->path, b->path);
	return a->frames == b->frames && !memcmp(a->frame, b->frame, sizeof(a->frame));
}

static bool site_has_room(const struct sites *sites, bool of_user)
{
	return sites->used < SITES_ROOM && !(of_user && sites->of_users == SITES_USERS);
}

/* The id of a site; a new site is added only if @enter. O(1), at most O(table). */
static u32 site_find(struct sites *sites, const struct site *wanted, bool enter)
{
	bool of_user = !uid_eq(wanted->uid, GLOBAL_ROOT_UID);
	u32 i, id = SITE_NONE;
	unsigned long flags;

	raw_spin_lock_irqsave(&sites->lock, flags);
	for (i = wanted->hash % SITES_MAX; sites->site[i].kind; i = (i + 1) % SITES_MAX)
		if (site_is(&sites->site[i], wanted))
			break;
	if (sites->site[i].kind) {
		id = i + 1;
	} else if (enter && site_has_room(sites, of_user)) {
		sites->used++;
		sites->of_users += of_user;
		sites->site[i] = *wanted;
		id = i + 1;
	}
	raw_spin_unlock_irqrestore(&sites->lock, flags);
	if (enter && id == SITE_NONE)
		atomic64_inc(&sites->lost);
	return id;
}

/**
 * site_of_kernel - the site of a stack
 * @region: region of a tracked heap
 * @frame: return addresses, the innermost first
 * @frames: number of these
 *
 * Context: any. O(1), at most O(table).
 * Return: its id; SITE_NONE if the table is full.
 */
u32 site_of_kernel(struct region *region, const unsigned long *frame, u32 frames)
{
	struct sites *sites = sites_of(region);
	struct site wanted = {
		.kind = MEMMGR_SITE_KERNEL,
		.frames = min_t(u32, frames, MEMMGR_SITE_FRAMES),
		.uid = GLOBAL_ROOT_UID,
	};
	u32 id;

	if (!sites)
		return SITE_NONE;
	memcpy(wanted.frame, frame, wanted.frames * sizeof(*frame));
	wanted.hash = jhash(wanted.frame, sizeof(wanted.frame), 0);
	id = site_find(sites, &wanted, false);
	if (id != SITE_NONE)
		return id;
	/* Look up the name now: a module's init code, and its names, are soon freed. */
	snprintf(wanted.path, sizeof(wanted.path), "%pS", (void *)wanted.frame[0]);
	return site_find(sites, &wanted, true);
}

/* Set the path of a file, or as much of its end as there is room for. */
static void site_set_path(struct site *site, const struct path *path, char *room)
{
	const char *text = d_path(path, room, PATH_MAX);
	size_t len;

	if (IS_ERR(text))
		return;
	len = strlen(text);
	strscpy(site->path, len < SITE_PATH ? text : text + len - SITE_PATH + 1, SITE_PATH);
}

/* Set the file that contains an address of the caller, and the offset in it. */
static void site_set_address(struct site *site, u64 address, char *room)
{
	struct vm_area_struct *vma;

	site->offset = address;
	if (mmap_read_lock_killable(current->mm))
		return;
	vma = find_vma(current->mm, address);
	if (vma && vma->vm_start <= address && vma->vm_file) {
		site->offset = address - vma->vm_start +
			       ((u64)vma->vm_pgoff << PAGE_SHIFT);
		site_set_path(site, &vma->vm_file->f_path, room);
	}
	mmap_read_unlock(current->mm);
}

static u32 site_look_up(struct region *region, u64 address)
{
	struct sites *sites = sites_of(region);
	struct site wanted = { .kind = MEMMGR_SITE_USER, .uid = current_euid() };
	char *room;

	if (!sites || (unsigned long)address != address)
		return SITE_NONE;
	room = kmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT);
	if (!room)
		return SITE_NONE;
	site_set_address(&wanted, address, room);
	kfree(room);
	wanted.hash = jhash(wanted.path, strlen(wanted.path), wanted.offset);
	return site_find(sites, &wanted, true);
}

/**
 * site_of_user - the site of an address in the calling program
 * @region: the region
 * @cache: the calling client's cache; the region's client_lock guards it
 * @address: address in the program's code; 0: not given
 *
 * Context: process, may sleep. O(1) if the client has used the address just before.
 * Return: its id; SITE_NONE if it is not known.
 */
u32 site_of_user(struct region *region, struct site_cache *cache, u64 address)
{
	u32 slot = hash_64(address, ilog2(SITE_CACHED));
	unsigned long flags;
	u32 id = SITE_NONE;

	if (!address)
		return SITE_NONE;
	raw_spin_lock_irqsave(&region->client_lock, flags);
	if (cache->mm != current->mm) {
		memset(cache, 0, sizeof(*cache));
		cache->mm = current->mm;
	}
	if (cache->address[slot] == address)
		id = cache->id[slot];
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	if (id != SITE_NONE)
		return id;
	id = site_look_up(region, address);
	raw_spin_lock_irqsave(&region->client_lock, flags);
	if (cache->mm == current->mm) {
		cache->address[slot] = address;
		cache->id[slot] = id;
	}
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return id;
}

/**
 * site_count - count that an allocation ends, comes back or changes its size
 * @region: region of the allocation
 * @id: id of the site, or SITE_NONE
 * @change: change of the number of live allocations: -1, 1, or 0 for another size
 * @bytes: change of the bytes that they ask for
 *
 * Context: any. O(1).
 */
void site_count(const struct region *region, u32 id, int change, s64 bytes)
{
	struct site *site;

	if (id == SITE_NONE)
		return;
	site = &sites_of(region)->site[id - 1];
	atomic64_add(change, &site->live);
	atomic64_add(bytes, &site->bytes);
}

/* Count a new allocation of a site. Context: any. O(1). */
void site_born(const struct region *region, u32 id, u64 bytes)
{
	if (id != SITE_NONE)
		atomic64_inc(&sites_of(region)->site[id - 1].allocs);
	site_count(region, id, 1, bytes);
}

static void site_name_frames(const struct site *site, char *text, size_t size)
{
	size_t len = scnprintf(text, size, "%s", site->path);
	u32 i;

	for (i = 1; i < site->frames; i++)
		len += scnprintf(text + len, size - len, "\n%pS", (void *)site->frame[i]);
}

static void site_describe(const struct site *site, bool tell, struct memmgr_site *out)
{
	u32 i;

	out->kind = site->kind;
	out->live = atomic64_read(&site->live);
	out->live_bytes = atomic64_read(&site->bytes);
	out->allocs = atomic64_read(&site->allocs);
	out->uid = __kuid_val(site->uid);
	if (!tell)
		return;
	out->offset = site->offset;
	out->frames = site->frames;
	for (i = 0; i < site->frames; i++)
		out->frame[i] = site->frame[i];
	if (site->kind == MEMMGR_SITE_KERNEL)
		site_name_frames(site, out->name, sizeof(out->name));
	else
		strscpy(out->name, site->path, sizeof(out->name));
}

/* The entry at an index, or NULL. The lock guards only its use; a used entry never changes. */
static const struct site *site_at(struct sites *sites, u64 i)
{
	unsigned long flags;
	bool used;

	raw_spin_lock_irqsave(&sites->lock, flags);
	used = sites->site[i].kind;
	raw_spin_unlock_irqrestore(&sites->lock, flags);
	return used ? &sites->site[i] : NULL;
}

/**
 * sites_next - read the first site with a higher id
 * @region: the region
 * @viewer: the caller
 * @after: the id; set to the id of the site found
 * @out: the answer
 *
 * Context: process.
 * Return: false if there is none.
 */
bool sites_next(const struct region *region, const struct viewer *viewer, u64 *after,
		struct memmgr_site *out)
{
	struct sites *sites = sites_of(region);
	const struct site *site;
	bool tell;
	u64 i;

	for (i = *after; sites && i < SITES_MAX; i++) {
		site = site_at(sites, i);
		if (!site)
			continue;
		memset(out, 0, sizeof(*out));
		out->id = i + 1;
		tell = viewer->admin || (site->kind == MEMMGR_SITE_USER &&
					 uid_eq(site->uid, viewer->uid));
		site_describe(site, tell, out);
		*after = out->id;
		return true;
	}
	return false;
}

void sites_describe(const struct region *region, struct memmgr_track *out)
{
	const struct sites *sites = sites_of(region);

	out->max_sites = SITES_ROOM;
	out->sites = sites ? READ_ONCE(sites->used) : 0;
	out->sites_lost = sites ? atomic64_read(&sites->lost) : 0;
}

/* Describe a site in a few words, for the log. */
void site_print(char *text, size_t size, const struct region *region, u32 id)
{
	const struct site *site;

	if (id == SITE_NONE) {
		strscpy(text, "unknown", size);
		return;
	}
	site = &sites_of(region)->site[id - 1];
	if (site->kind == MEMMGR_SITE_KERNEL)
		strscpy(text, site->path, size);
	else
		snprintf(text, size, "%*pE+0x%llx", (int)strlen(site->path), site->path,
			 site->offset);
}
