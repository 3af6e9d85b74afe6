// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Allocations that are used through a pointer: allocated and mapped, freed and unmapped in
 * one go.
 *
 * The mapping of what was freed stays for a while, with nothing behind it, so that a
 * pointer that is used too long meets a signal and not what was mapped there next. It is
 * in a ring: each that comes in puts the oldest out. An entry is one word, the address
 * and in the bits below it the pages, so that threads need no lock.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "memmgr.h"

#define LEFT		32u	/* mappings that stay */
#define LEFT_PAGES	18u	/* of one at most, for the address space is not without end */

static _Atomic uintptr_t left[LEFT];
static atomic_uint next_left;

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* The mapping of an allocation, with a guard page before and behind it. */
struct span {
	uint64_t offset;
	size_t inset;
	size_t bytes;
};

/* Return: false when this program's address space could not hold it. */
static bool span_of(const struct memmgr_alloc *alloc, struct span *span)
{
	size_t page = page_size();

	span->inset = alloc->map_offset % page;
	span->offset = alloc->map_offset - span->inset;
	if (alloc->granted > SIZE_MAX / 2)
		return false;
	span->bytes = ((size_t)alloc->granted + span->inset + page - 1) / page * page + 2 * page;
	return true;
}

/*
 * Allocate with guard pages. An older module refuses what it does not know; what is wrong else
 * it refuses each time.
 */
static int alloc_guarded(int fd, struct memmgr_alloc *alloc, uint32_t flags)
{
	int err;

	alloc->flags = flags | MEMMGR_ALLOC_GUARD | MEMMGR_ALLOC_MAY_SHIFT;
	err = memmgr_alloc(fd, alloc);
	if (err == -EINVAL && flags & MEMMGR_ALLOC_POPULATE) {
		alloc->flags &= ~MEMMGR_ALLOC_POPULATE;
		err = memmgr_alloc(fd, alloc);
	}
	if (err == -EINVAL) {
		alloc->flags &= ~MEMMGR_ALLOC_MAY_SHIFT;
		err = memmgr_alloc(fd, alloc);
	}
	alloc->flags = flags;
	return err;
}

/* Have all pages mapped: one look maps many, where the module knows MEMMGR_ALLOC_POPULATE. */
static void touch_all(const struct span *span, const char *base)
{
	size_t page = page_size(), at;

	for (at = page; at < span->bytes - page; at += page)
		(void)*(const volatile char *)(base + at);
}

int memmgr_alloc_mapped(int fd, struct memmgr_alloc *alloc, void **address)
{
	const uint32_t flags = alloc->flags;
	bool told = alloc->site;
	struct span span;
	void *base;
	int err;

	if (!told)
		alloc->site = CALLER;
	err = alloc_guarded(fd, alloc, flags);
	if (!told)
		alloc->site = 0;
	if (err)
		return err;
	err = span_of(alloc, &span) ? memmgr_mmap(fd, span.offset, span.bytes,
						  PROT_READ | PROT_WRITE, &base) : -ENOMEM;
	if (err) {
		memmgr_free(fd, alloc->handle);
		return err;
	}
	if (flags & MEMMGR_ALLOC_POPULATE)
		touch_all(&span, base);
	*address = (char *)base + page_size() + span.inset;
	return 0;
}

static void unmap_left(uintptr_t entry)
{
	size_t page = page_size();

	if (entry)
		munmap((void *)(entry - entry % page), entry % page * page);
}

int memmgr_free_mapped(int fd, const struct memmgr_alloc *alloc, void *address)
{
	size_t page = page_size();
	struct span span;
	void *base;
	int err;

	if (!span_of(alloc, &span) || (uintptr_t)address % page != span.inset)
		return -EINVAL;
	err = memmgr_free(fd, alloc->handle);
	if (err)
		return err;
	base = (char *)address - span.inset - page;
	if (span.bytes / page > LEFT_PAGES)
		munmap(base, span.bytes);
	else
		unmap_left(atomic_exchange(&left[atomic_fetch_add(&next_left, 1) % LEFT],
					   (uintptr_t)base | span.bytes / page));
	return 0;
}

void memmgr_forget_mapped(void)
{
	unsigned int i;

	for (i = 0; i < LEFT; i++)
		unmap_left(atomic_exchange(&left[i], 0));
}
