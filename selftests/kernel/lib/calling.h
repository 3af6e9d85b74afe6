/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Kernel code that allocates, steered by a test: memmgr_caller.ko. */
#ifndef MEMMGR_CALLING_H
#define MEMMGR_CALLING_H

#include "../../modules/caller/caller.h"
#include "debugging.h"

/*
 * A heap of each kind, of which kernel code allocates as the test tells it: @caller is
 * negative when there is no memmgr_caller.ko, @align what each block has, @seen the last
 * report before.
 */
#define CALLER_FIXTURE(fixture)							\
FIXTURE(fixture)								\
{										\
	int fd;									\
	size_t page;								\
	struct snapshot before;							\
	int caller;								\
	__u32 heap;								\
	__u64 align;								\
	__u64 seen;								\
};										\
										\
FIXTURE_VARIANT(fixture) { __u32 kind; };					\
FIXTURE_VARIANT_ADD(fixture, buddy) { MEMMGR_KIND_BUDDY };			\
FIXTURE_VARIANT_ADD(fixture, slab) { MEMMGR_KIND_SLAB };			\
FIXTURE_VARIANT_ADD(fixture, pool) { MEMMGR_KIND_POOL };			\
FIXTURE_VARIANT_ADD(fixture, stack) { MEMMGR_KIND_STACK };			\
FIXTURE_VARIANT_ADD(fixture, tlsf) { MEMMGR_KIND_TLSF };			\
										\
FIXTURE_SETUP(fixture)								\
{										\
	struct memmgr_heap_create c = heap_config(variant->kind, "");		\
	struct caller_call call = { 0 };					\
	struct memmgr_corruption last;						\
	struct memmgr_query q;							\
										\
	self->page = page_size();						\
	self->fd = open_device(O_RDWR);						\
	ASSERT_LE(0, self->fd);							\
	ASSERT_EQ(0, snapshot_take(self->fd, &self->before));			\
	self->caller = -1;							\
	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))	\
		return;								\
	self->caller = open("/dev/memmgr_caller", O_RDWR | O_CLOEXEC);		\
	if (self->caller < 0)							\
		return;								\
	c.flags = 0;								\
	snprintf(c.name, sizeof(c.name), "t-caller-%d", getpid());		\
	self->align = 8;							\
	if (variant->kind == MEMMGR_KIND_SLAB || variant->kind == MEMMGR_KIND_POOL) {	\
		self->align = 64;						\
		c.align = 64;							\
	}									\
	self->heap = must_heap(_metadata, self->fd, c);				\
	ASSERT_EQ(0, mm_query(self->fd, &q));					\
	snprintf(call.heap, sizeof(call.heap), "%s/%s", q.name, c.name);	\
	ASSERT_EQ(0, mm_call(self->caller, CALLER_HOLD, &call));		\
	ASSERT_LE(0, reports_after(self->fd, &self->seen, &last));		\
}										\
										\
FIXTURE_TEARDOWN(fixture)							\
{										\
	close(self->caller);							\
	if (self->heap)								\
		EXPECT_EQ(0, mm_heap_destroy(self->fd, self->heap, 0));		\
	EXPECT_TRUE(state_returns(self->fd, &self->before));			\
	close(self->fd);							\
}

#define NEEDS_CALLER()								\
	do {									\
		if (self->caller < 0)						\
			SKIP(return, "no memmgr_caller.ko, or not in this build");	\
	} while (0)

/* 0 or a negative errno; @call tells what came of it. */
int ask(int caller, unsigned long command, __u32 block, __s64 offset, struct caller_call *call);

int block_alloc(int caller, __u32 block, __u64 bytes, __u64 align, __u32 zero, __u64 *at);
int block_free(int caller, __u32 block, __s64 offset);

/* The byte, or a negative errno: EFAULT when no page is there. */
int block_read(int caller, __u32 block, __s64 offset);

int block_write(int caller, __u32 block, __s64 offset, __u8 value);
int block_phys(int caller, __u32 block, __s64 offset, __u64 *phys);

#endif /* MEMMGR_CALLING_H */
