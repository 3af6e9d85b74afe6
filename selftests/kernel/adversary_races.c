// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks at the wrong moment: two threads at one allocation or file, and a kill between steps.
 *
 * Rule: memmgr(7), ISOLATION, "What belongs to whom", whatever happens at the same time.
 */
#include <sys/mman.h>
#include <sys/uio.h>

#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

struct race {
	int fd;
	size_t page;
	unsigned char *p;
	__u64 handle;
	bool over;
};

/* Frees and takes again what the other thread touches or asks about. */
static void *race_to_free(void *argument)
{
	struct race *r = argument;
	struct memmgr_alloc a;
	int i, result;

	for (i = 0; i < 300; i++) {
		/* EBUSY: the other thread asks about it just now */
		do {
			result = mm_free(r->fd, r->handle);
		} while (result == -EBUSY);
		HOLDS(!result);
		a = attacker_alloc(r->fd, r->page);
		__atomic_store_n(&r->handle, a.handle, __ATOMIC_RELAXED);
		HOLDS(mmap(r->p, r->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   r->fd, (off_t)a.map_offset) == r->p);
	}
	__atomic_store_n(&r->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void race_of_free_and_touch(const struct target *t)
{
	struct race r = { .fd = attacker_open(t, O_RDWR), .page = t->page };
	struct memmgr_alloc a = attacker_alloc(r.fd, t->page);
	pthread_t thread;

	r.handle = a.handle;
	r.p = attacker_map(r.fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);
	HOLDS(!pthread_create(&thread, NULL, race_to_free, &r));
	while (!__atomic_load_n(&r.over, __ATOMIC_ACQUIRE)) {
		int raised = touch(r.p, true);
		struct memmgr_info i;
		int result;

		HOLDS(!raised || raised == SIGBUS || raised == SIGSEGV);
		result = mm_info(r.fd, __atomic_load_n(&r.handle, __ATOMIC_RELAXED), &i);
		HOLDS(!result || result == -EBADF || result == -EBUSY);
	}
	HOLDS(!pthread_join(thread, NULL));
}

ATTACK(race_of_free_and_touch)

static void *race_to_close(void *argument)
{
	struct race *r = argument;
	int i;

	for (i = 0; i < 300; i++) {
		int fd = open("/dev/null", O_RDWR);

		/* the number stays, the file behind it goes in the middle of a call */
		HOLDS(fd >= 0 && dup2(fd, r->fd) == r->fd);
		HOLDS(dup2((int)r->handle, r->fd) == r->fd);
		close(fd);
	}
	__atomic_store_n(&r->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void race_of_close_and_calls(const struct target *t)
{
	struct race r = { .handle = attacker_open(t, O_RDWR), .page = t->page };
	pthread_t thread;

	r.fd = dup((int)r.handle);
	HOLDS(r.fd >= 0 && !pthread_create(&thread, NULL, race_to_close, &r));
	while (!__atomic_load_n(&r.over, __ATOMIC_ACQUIRE)) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
		int result = mm_alloc(r.fd, &a);

		HOLDS(!result || result == -ENOTTY || result == -EBADF);
		if (!result)
			HOLDS(!mm_free((int)r.handle, a.handle));
	}
	HOLDS(!pthread_join(thread, NULL));
}

ATTACK(race_of_close_and_calls)

static void *export_and_close(void *argument)
{
	struct race *r = argument;
	int i, file;

	for (i = 0; i < 1000; i++) {
		file = mm_export(r->fd, r->handle, i % 2 ? MEMMGR_EXPORT_READ_ONLY : 0);
		HOLDS(file >= 0 && lseek(file, 0, SEEK_END) == r->page);
		HOLDS(!close(file));
	}
	return NULL;
}

/* The last reference goes while the next one is asked for. */
static void race_of_two_exports(const struct target *t)
{
	struct race r = { .fd = attacker_open(t, O_RDWR), .page = t->page };
	struct memmgr_alloc a = attacker_alloc(r.fd, t->page);
	pthread_t thread[2];
	struct memmgr_info i;
	int n;

	if (!dmabuf_is_built(r.fd))
		vacuous("a build without dma-bufs");
	r.handle = a.handle;
	for (n = 0; n < 2; n++)
		HOLDS(!pthread_create(&thread[n], NULL, export_and_close, &r));
	for (n = 0; n < 2; n++)
		HOLDS(!pthread_join(thread[n], NULL));
	HOLDS(!mm_info(r.fd, a.handle, &i) && !i.exports && !i.pins);
	HOLDS(!mm_free(r.fd, a.handle));
}

ATTACK(race_of_two_exports)

/* Pages that the kernel has no books of cannot be kept by a pipe. */
static void pages_kept_by_a_pipe(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), pipes[2];
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);
	struct iovec v = { p, t->page };
	struct memmgr_query q;

	HOLDS(!mm_query(fd, &q) && !touch(p, true) && !pipe(pipes));
	if (q.region_flags & MEMMGR_REGION_PAGES)
		vacuous("this region has struct pages: see pages_kept");
	HOLDS(vmsplice(pipes[1], &v, 1, 0) == -1 && errno == EFAULT);
	HOLDS(vmsplice(pipes[1], &v, 1, SPLICE_F_GIFT) == -1 && errno == EFAULT);
}

ATTACK(pages_kept_by_a_pipe)

/* Killed anywhere between protecting, mapping, freeing and creating heaps. */
TEST_F(victim, adversary_killed_between_steps)
{
	int node = open_public_node(), round;
	unsigned int seed = test_seed();

	ASSERT_LE(0, node);
	for (round = 0; round < 20; round++) {
		unsigned int delay = rand_r(&seed) % 20000;
		pid_t child = fork();

		if (!child) {
			struct target t = { .node = node, .page = self->page };
			int fd;

			close(self->fd);
			become(NOBODY);
			fd = attacker_open(&t, O_RDWR);
			for (;;) {
				struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "a-k");
				struct memmgr_alloc a = attacker_alloc(fd, self->page);
				unsigned char *p = attacker_map(fd, a.map_offset, self->page,
								PROT_READ | PROT_WRITE);

				HOLDS(!touch(p, true) && !mm_heap_create(fd, &c));
				HOLDS(!mm_protect(fd, a.handle, MEMMGR_ACCESS_READ, 0));
				HOLDS(touch(p, true) == SIGSEGV);
				HOLDS(!mm_heap_destroy(fd, c.heap, 0));
				HOLDS(!munmap(p, self->page) && !mm_free(fd, a.handle));
			}
		}
		usleep(delay);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(1000 + SIGKILL, child_result(child));
		ASSERT_TRUE(state_returns(self->fd, &self->before));
	}
	close(node);
}

MEMMGR_TEST_MAIN
