/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What every kselftest of memmgr includes: the harness, the library beside this file, and
 * the fixtures.
 *
 * Every test runs in a process of its own (kselftest_harness). The fixture that
 * MEMMGR_FIXTURE() makes opens the device, notes the books of all heaps, and at
 * the end closes it and demands that the books are as they were: every test is
 * a test of reclaiming too.
 */
#ifndef MEMMGR_TEST_H
#define MEMMGR_TEST_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <linux/memmgr.h>

#include "kselftest_harness.h"

#include "basics.h"
#include "books.h"
#include "calls.h"
#include "children.h"
#include "device.h"
#include "heaps.h"
#include "mapping.h"

/* Only what hangs takes so many seconds, be the machine as slow and as busy as it may. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	600

#define MEMMGR_TEST_MAIN						\
	static void __attribute__((constructor)) check_device(void)	\
	{								\
		require_device();					\
	}								\
	TEST_HARNESS_MAIN

#define MEMMGR_FIXTURE(fixture)						\
	FIXTURE(fixture)						\
	{								\
		int fd;							\
		size_t page;						\
		struct snapshot before;					\
	};								\
	FIXTURE_SETUP(fixture)						\
	{								\
		self->page = page_size();				\
		self->fd = open_device(O_RDWR);				\
		ASSERT_LE(0, self->fd);					\
		ASSERT_EQ(0, quiet_health(self->fd));			\
		ASSERT_EQ(0, snapshot_take(self->fd, &self->before));	\
	}								\
	FIXTURE_TEARDOWN(fixture)					\
	{								\
		int fd = open_device(O_RDWR);				\
									\
		unmap_all();						\
		close(self->fd);					\
		EXPECT_LE(0, fd);					\
		EXPECT_EQ(0, restore_health(fd));			\
		EXPECT_TRUE(state_returns(fd, &self->before));		\
		close(fd);						\
	}

/* The same fixture, whose tests run once with each kind of heap. */
#define MEMMGR_KIND_FIXTURE(fixture)					\
	MEMMGR_FIXTURE(fixture)						\
	FIXTURE_VARIANT(fixture) { __u32 kind; };			\
	FIXTURE_VARIANT_ADD(fixture, buddy) { MEMMGR_KIND_BUDDY };	\
	FIXTURE_VARIANT_ADD(fixture, slab) { MEMMGR_KIND_SLAB };	\
	FIXTURE_VARIANT_ADD(fixture, pool) { MEMMGR_KIND_POOL };	\
	FIXTURE_VARIANT_ADD(fixture, stack) { MEMMGR_KIND_STACK };	\
	FIXTURE_VARIANT_ADD(fixture, tlsf) { MEMMGR_KIND_TLSF }

#endif /* MEMMGR_TEST_H */
