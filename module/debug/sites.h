/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Sites: the places in programs and in the kernel that allocations come from. */
#ifndef MEMMGR_SITES_H
#define MEMMGR_SITES_H

#include <linux/atomic.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/memmgr.h>

struct region;
struct viewer;

struct mm_struct;
struct seq_file;

#define SITE_NONE	0u
#define SITES_MAX	1024u
#define SITE_PATH	128u	/* of a longer path the end is kept */
#define SITE_CACHED	16u

/**
 * struct site - a place in a program's file or in the kernel
 * @kind: enum memmgr_site_kind; 0: the entry is free
 * @hash: hash of the fields that identify the site
 * @offset: user: offset in the file
 * @frame: kernel: return addresses, the innermost first
 * @frames: number of these
 * @uid: user who first allocated there
 * @live: live allocations from there
 * @bytes: bytes that these asked for
 * @allocs: allocations from there ever
 * @path: user: path of the file; kernel: name of @frame[0], looked up when it was entered
 */
struct site {
	u32 kind;
	u32 hash;
	u64 offset;
	unsigned long frame[MEMMGR_SITE_FRAMES];
	u32 frames;
	kuid_t uid;
	atomic64_t live;
	atomic64_t bytes;
	atomic64_t allocs;
	char path[SITE_PATH];
};

/**
 * struct sites - the sites of a region; an id is an index + 1, and a site is never removed
 * @lock: guards which entries are used
 * @used: number of used entries
 * @of_users: how many of these a user other than root entered
 * @lost: allocations for whose site there was no room
 * @site: a hash table with linear probing
 */
struct sites {
	raw_spinlock_t lock;
	u32 used;
	u32 of_users;
	atomic64_t lost;
	struct site site[SITES_MAX];
};

/**
 * struct site_cache - the last sites of a client, so that a loop looks up only once
 * @mm: address space in which the addresses are valid
 * @address: addresses
 * @id: their sites
 */
struct site_cache {
	const struct mm_struct *mm;
	u64 address[SITE_CACHED];
	u32 id[SITE_CACHED];
};

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int sites_make(struct region *region);
void sites_free(struct region *region);
u32 site_of_kernel(struct region *region, const unsigned long *frame, u32 frames);
u32 site_of_user(struct region *region, struct site_cache *cache, u64 address);
void site_count(const struct region *region, u32 id, int change, s64 bytes);
void site_born(const struct region *region, u32 id, u64 bytes);
bool sites_next(const struct region *region, const struct viewer *viewer, u64 *after,
		struct memmgr_site *out);
void sites_describe(const struct region *region, struct memmgr_track *out);
void site_print(char *text, size_t size, const struct region *region, u32 id);
#else
static inline u32 site_of_kernel(struct region *region, const unsigned long *frame, u32 frames)
{
	return SITE_NONE;
}

static inline bool sites_next(const struct region *region, const struct viewer *viewer,
			      u64 *after, struct memmgr_site *out)
{
	return false;
}

static inline void sites_free(struct region *region)
{
}

static inline u32 site_of_user(struct region *region, struct site_cache *cache, u64 address)
{
	return SITE_NONE;
}

static inline void site_count(const struct region *region, u32 id, int change, s64 bytes)
{
}

static inline void site_born(const struct region *region, u32 id, u64 bytes)
{
}
#endif

#endif /* MEMMGR_SITES_H */
