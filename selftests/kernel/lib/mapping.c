// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "asserting.h"
#include "device.h"
#include "mapping.h"

/* What must_map() mapped: a mapping keeps its file open until it goes. */
static struct {
	void *start;
	size_t bytes;
} mapped[32];
static unsigned int mapped_count;

static sigjmp_buf touch_return;

void *must_map(struct __test_metadata *_metadata, int fd, __u64 map_offset, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)map_offset);

	ASSERT_TRUE(p != MAP_FAILED);
	ASSERT_GT(ARRAY_SIZE(mapped), mapped_count);
	mapped[mapped_count].start = p;
	mapped[mapped_count++].bytes = bytes;
	return p;
}

void unmap_all(void)
{
	for (; mapped_count; mapped_count--)
		munmap(mapped[mapped_count - 1].start, mapped[mapped_count - 1].bytes);
}

int map_error(int fd, __u64 offset, size_t bytes, int prot, int flags)
{
	void *p = mmap(NULL, bytes, prot, flags, fd, (off_t)offset);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, bytes);
	return 0;
}

unsigned char *page_before_hole(void)
{
	size_t page = page_size();
	unsigned char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + page, page))
		return NULL;
	return p;
}

static void touch_failed(int signal)
{
	siglongjmp(touch_return, signal);
}

int touch(unsigned char *p, bool write)
{
	struct sigaction action = { .sa_handler = touch_failed }, bus, segv;
	int raised;

	sigaction(SIGBUS, &action, &bus);
	sigaction(SIGSEGV, &action, &segv);
	raised = sigsetjmp(touch_return, 1);
	if (!raised && write)
		__atomic_store_n(p, 0x5a, __ATOMIC_RELAXED);
	else if (!raised)
		__atomic_load_n(p, __ATOMIC_RELAXED);
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return raised;
}
