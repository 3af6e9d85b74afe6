// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "asserting.h"
#include "attacking.h"
#include "basics.h"
#include "books.h"
#include "calls.h"
#include "children.h"
#include "device.h"
#include "heaps.h"
#include "mapping.h"

#define VACUOUS	4	/* exit code of an attack that cannot be tried here */

void holds(const char *who, int line, const char *what, bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "# %s:%d: %s (errno %d)\n", who, line, what, errno);
	_exit(1);
}

void vacuous(const char *why)
{
	fprintf(stderr, "# not tried: %s\n", why);
	_exit(VACUOUS);
}

void become(uid_t uid)
{
	HOLDS(!setresgid(uid, uid, uid));
	HOLDS(!setresuid(uid, uid, uid));
	/* a change of user forbids /proc/self/mem to its own process otherwise */
	HOLDS(!prctl(PR_SET_DUMPABLE, 1));
}

int attacker_open(const struct target *t, int mode)
{
	int fd = open_again(t->node, mode);

	HOLDS(fd >= 0);
	return fd;
}

struct memmgr_alloc attacker_alloc(int fd, size_t bytes)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, bytes);

	HOLDS(!mm_alloc(fd, &a));
	return a;
}

unsigned char *attacker_map(int fd, __u64 offset, size_t bytes, int prot)
{
	unsigned char *p = mmap(NULL, bytes, prot, MAP_SHARED, fd, (off_t)offset);

	HOLDS(p != MAP_FAILED);
	return p;
}

void fill_allocation(struct __test_metadata *_metadata, int fd, const struct memmgr_alloc *a,
		     __u32 seed)
{
	unsigned char *data = malloc(a->bytes);

	ASSERT_TRUE(!!data);
	fill_pattern(data, a->bytes, seed);
	ASSERT_EQ(0, mm_write(fd, a->handle, 0, data, a->bytes));
	free(data);
}

void expect_allocation(struct __test_metadata *_metadata, int fd, const struct memmgr_alloc *a,
		       __u32 seed)
{
	unsigned char *data = malloc(a->bytes);

	ASSERT_TRUE(!!data);
	ASSERT_EQ(0, mm_read(fd, a->handle, 0, data, a->bytes));
	EXPECT_TRUE(is_pattern(data, a->bytes, seed));
	free(data);
}

void expect_zeros(struct __test_metadata *_metadata, int fd, const struct memmgr_alloc *a)
{
	unsigned char *data = malloc(a->bytes);

	ASSERT_TRUE(!!data);
	ASSERT_EQ(0, mm_read(fd, a->handle, 0, data, a->bytes));
	EXPECT_TRUE(is_zero(data, a->bytes));
	free(data);
}

void set_up_target(struct __test_metadata *_metadata, struct target *t, int fd)
{
	*t = (struct target){ .victim = fd, .page = page_size() };
	ASSERT_EQ(0, quiet_health(fd));
	t->node = open_public_node();
	ASSERT_LE(0, t->node);
	t->a = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, VICTIM_PAGES * t->page);
	t->persistent = alloc_request(MEMMGR_HEAP_MAIN, VICTIM_PAGES * t->page);
	t->persistent.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(fd, &t->persistent));
	t->arena = heap_config(MEMMGR_KIND_BUDDY, "v-private");
	ASSERT_EQ(0, mm_heap_create(fd, &t->arena));
	t->block = must_alloc(_metadata, fd, t->arena.heap, 100);
	t->shared = heap_config(MEMMGR_KIND_BUDDY, "v-shared");
	t->shared.flags = 0;
	ASSERT_EQ(0, mm_heap_create(fd, &t->shared));
	t->common = must_alloc(_metadata, fd, t->shared.heap, 100);
	fill_allocation(_metadata, fd, &t->a, 1);
	fill_allocation(_metadata, fd, &t->persistent, 2);
	fill_allocation(_metadata, fd, &t->block, 3);
	fill_allocation(_metadata, fd, &t->common, 4);
	ASSERT_EQ(0, mm_info(fd, t->a.handle, &t->info));
}

void expect_unharmed(struct __test_metadata *_metadata, struct target *t)
{
	struct memmgr_info i;

	expect_allocation(_metadata, t->victim, &t->a, 1);
	expect_allocation(_metadata, t->victim, &t->persistent, 2);
	expect_allocation(_metadata, t->victim, &t->block, 3);
	expect_allocation(_metadata, t->victim, &t->common, 4);
	ASSERT_EQ(0, mm_info(t->victim, t->a.handle, &i));
	EXPECT_EQ(0, memcmp(&i, &t->info, sizeof(i)))
		TH_LOG("state %x, access %x, exports %u, pins %u, violations %llu", i.state,
		       i.access, i.exports, i.pins, (unsigned long long)i.violations);
}

void tear_down_target(struct __test_metadata *_metadata, struct target *t)
{
	EXPECT_EQ(0, mm_free(t->victim, t->persistent.handle));
	EXPECT_EQ(0, mm_free(t->victim, t->common.handle));
	EXPECT_EQ(0, mm_heap_destroy(t->victim, t->shared.heap, 0));
	close(t->node);
}

static void hand_over(struct __test_metadata *_metadata, struct target *t)
{
	t->buffer = mm_export(t->victim, t->a.handle, MEMMGR_EXPORT_READ_ONLY);
	ASSERT_LE(0, t->buffer);
	/* that it was mapped once is told to the victim */
	EXPECT_EQ(0, map_error(t->buffer, 0, t->page, PROT_READ, MAP_SHARED));
	ASSERT_EQ(0, mm_info(t->victim, t->a.handle, &t->info));
}

void suffer(struct __test_metadata *_metadata, int fd, bool buffer,
	    void (*attack)(const struct target *t))
{
	static struct snapshot before;
	struct target t;
	pid_t child;
	int result;

	if (buffer && !dmabuf_is_built(fd))
		SKIP(return, "a build without dma-bufs");
	set_up_target(_metadata, &t, fd);
	if (buffer)
		hand_over(_metadata, &t);
	ASSERT_EQ(0, snapshot_take(fd, &before));
	child = fork();
	if (!child) {
		close(fd);
		become(NOBODY);
		attack(&t);
		_exit(0);
	}
	result = child_result(child);
	if (result != VACUOUS)
		EXPECT_EQ(0, result);
	EXPECT_TRUE(state_returns(fd, &before));
	expect_unharmed(_metadata, &t);
	if (buffer)
		close(t.buffer);
	tear_down_target(_metadata, &t);
	/* SKIP() forgets what failed */
	if (result == VACUOUS && _metadata->passed)
		SKIP(return, "cannot be tried here");
}

int call_with(int fd, int call, __u64 handle)
{
	struct memmgr_free_batch batch = {
		.size = sizeof(batch), .count = 1, .handles = (uintptr_t)&handle,
	};
	struct memmgr_resize r;
	struct memmgr_info i;
	char byte = 0x7f;

	switch (call) {
	case CALL_FREE:
		return mm_free(fd, handle);
	case CALL_BATCH:
		return mm_call(fd, MEMMGR_IOC_FREE_BATCH, &batch);
	case CALL_RESIZE:
		return mm_resize(fd, handle, 1, &r);
	case CALL_READ:
		return mm_read(fd, handle, 0, &byte, 1);
	case CALL_WRITE:
		return mm_write(fd, handle, 0, &byte, 1);
	case CALL_QUERY:
		return mm_info(fd, handle, &i);
	case CALL_PROTECT:
		return mm_protect(fd, handle, MEMMGR_ACCESS_NONE, MEMMGR_PROTECT_SEAL);
	case CALL_SYNC:
		return mm_sync(fd, handle, 0, 1, MEMMGR_SYNC_FOR_CPU);
	default:
		return mm_export(fd, handle, MEMMGR_EXPORT_CLOEXEC);
	}
}

void try_handle(int fd, int call, __u64 handle, int error)
{
	int result;

	if (call == CALL_EXPORT && !dmabuf_is_built(fd))
		return;
	result = call_with(fd, call, handle);
	if (result != -error)
		fprintf(stderr, "# call %d, handle %#llx: %d\n", call,
			(unsigned long long)handle, result);
	HOLDS(result == -error);
}

void try_all_calls(int fd, __u64 handle, int error)
{
	int call;

	for (call = 0; call < CALLS; call++)
		try_handle(fd, call, handle, error);
}
