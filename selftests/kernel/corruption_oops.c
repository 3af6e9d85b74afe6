// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Kernel code that touches the page beside a guarded allocation: the thread dies of it, and
 * the report names the allocation. This test has a boot of its own, which expects the deaths.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_corruption, and memmgr(7), "Memory errors".
 */
#include "lib/calling.h"
#include "lib/memmgr_test.h"

CALLER_FIXTURE(corruption_oops)

#define BYTES	100u
#define SLACK	4u	/* to the end of the page, from an alignment of 8 */

/* A thread writes there; the report of it, which comes soon. */
static void touch_and_die(struct __test_metadata *_metadata, int fd, int caller, __s64 at,
			  __u64 *seen, struct memmgr_corruption *c)
{
	struct caller_call call = { 0 };
	int i, found = 0;

	ASSERT_EQ(0, ask(caller, CALLER_TOUCH, 0, at, &call));
	for (i = 0; !found && i < 1000; i++) {
		usleep(10000);
		found = reports(_metadata, fd, seen, c);
	}
	ASSERT_EQ(1, found);
	EXPECT_EQ(MEMMGR_CORRUPTION_GUARD, c->kind);
	EXPECT_EQ(BYTES, c->bytes);
	EXPECT_EQ((__u32)getpid(), c->pid);
	EXPECT_NE(0, c->site);
	EXPECT_STREQ("memmgr_touch", c->finder_comm);
	EXPECT_EQ(c->place + at, c->offset);
}

TEST_F(corruption_oops, corruption_oops_past_the_end)
{
	struct memmgr_debug guards = { .flags = MEMMGR_DEBUG_GUARDS, .guard_interval = 1 };
	struct memmgr_corruption c;
	__u64 at;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, guards));
	ASSERT_EQ(0, block_alloc(self->caller, 0, BYTES, 0, 0, &at));
	/* Of the kinds whose blocks are aligned to more the slack is larger. */
	at = self->page - at;
	touch_and_die(_metadata, self->fd, self->caller, at, &self->seen, &c);
	EXPECT_EQ(at - BYTES, c.distance);
	EXPECT_EQ(self->align == 8 ? SLACK : self->align - BYTES % self->align, c.distance);
	EXPECT_EQ(0, c.free_ns);
	EXPECT_EQ(0, block_free(self->caller, 0, 0));
}

TEST_F(corruption_oops, corruption_oops_after_free)
{
	struct memmgr_debug guards = { .flags = MEMMGR_DEBUG_GUARDS, .guard_interval = 1 };
	struct memmgr_corruption c;
	int i;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, guards));
	ASSERT_EQ(0, block_alloc(self->caller, 0, BYTES, 0, 0, NULL));
	ASSERT_EQ(0, block_free(self->caller, 0, 0));
	for (i = 0; i < 500 && block_read(self->caller, 0, 0) != -EFAULT; i++)
		usleep(10000);
	touch_and_die(_metadata, self->fd, self->caller, 7, &self->seen, &c);
	EXPECT_EQ(7, c.distance);
	EXPECT_EQ((__u32)getpid(), c.free_pid);
	EXPECT_NE(0, c.free_site);
}

MEMMGR_TEST_MAIN
