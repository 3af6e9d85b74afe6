// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Everything else that can happen to an allocation at each step of its move. The file "hold"
 * in debugfs of a module with DEBUG stops the move at a step; then its owner is killed,
 * unmaps, forks, frees and so on; then the move goes on. No byte is wrong, no memory is lost,
 * and every heap is sound.
 *
 * No action waits for the task that moves: the move stands still during the action, and goes
 * on after it. An action that compacts by itself has to wait: for it a moment passes.
 *
 * Rule: memmgr(7), FRAGMENTATION, "How memory moves".
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/holding.h"
#include "lib/memmgr_test.h"

#define PAGES		16	/* of the heap */
#define BYSTANDER	77	/* seed of its pattern */
#define OWNER		5	/* seed of the owner's pattern */

FIXTURE(interrupted)
{
	int fd;
	size_t page;
	struct snapshot before;
};

FIXTURE_VARIANT(interrupted)
{
	const char *step;
	bool slide;		/* the move's source and target overlap */
	__u32 kind;		/* of the heap: each kind has its own slides and switches */
};

#define VARIANT(step_, name, slide_, kind_)				\
	FIXTURE_VARIANT_ADD(interrupted, name) {			\
		.step = #step_, .slide = slide_, .kind = MEMMGR_KIND_##kind_ }

VARIANT(taken, taken, false, BUDDY);
VARIANT(zapped, zapped, false, TLSF);
VARIANT(copied, copied, false, BUDDY);
VARIANT(switched, switched, false, TLSF);
VARIANT(taken, taken_slide, true, BUDDY);
VARIANT(zapped, zapped_slide, true, TLSF);
VARIANT(copied, copied_slide, true, BUDDY);
VARIANT(switched, switched_slide, true, TLSF);

FIXTURE_SETUP(interrupted)
{
	self->page = page_size();
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	if (!has_hold(self->fd))
		SKIP(return, "no file hold in debugfs: not a module with DEBUG");
	ASSERT_EQ(0, snapshot_take(self->fd, &self->before));
	ASSERT_EQ(0, quiet_health(self->fd));
}

FIXTURE_TEARDOWN(interrupted)
{
	int fd = open_device(O_RDWR);

	hold_write(fd, "none");
	unmap_all();
	close(self->fd);
	EXPECT_LE(0, fd);
	if (has_hold(fd)) {
		EXPECT_EQ(0, restore_health(fd));
		EXPECT_TRUE(state_returns(fd, &self->before));
	}
	close(fd);
}

/* ---- the owner, a process of its own ----------------------------------------------- */

struct scene {
	int fd;
	int heap_fd;		/* of who may destroy the heap */
	__u32 heap;
	size_t page, bytes;
	__u64 handle, map_offset;
	unsigned char *p;
	bool slide;
	int acted;		/* to be told that it has acted; -1: it was */
};

/* What an owner does when the move has stopped: 0, or the line that went wrong. */
typedef int (*action_t)(struct scene *s);

static bool intact(struct scene *s)
{
	return is_pattern(s->p, s->bytes, OWNER);
}

static bool reads_intact(struct scene *s, __u32 seed)
{
	unsigned char *data = malloc(s->bytes);
	bool good = data && !mm_read(s->fd, s->handle, 0, data, s->bytes) &&
		    is_pattern(data, s->bytes, seed);

	free(data);
	return good;
}

static int do_nothing(struct scene *s)
{
	return 0;
}

static int do_read(struct scene *s)
{
	DEMAND(intact(s));
	return 0;
}

static int do_write(struct scene *s)
{
	fill_pattern(s->p, s->bytes, 9);
	DEMAND(is_pattern(s->p, s->bytes, 9));
	DEMAND(reads_intact(s, 9));
	fill_pattern(s->p, s->bytes, OWNER);
	return 0;
}

static int do_ioctl_read(struct scene *s)
{
	DEMAND(reads_intact(s, OWNER));
	return 0;
}

static int do_ioctl_write(struct scene *s)
{
	unsigned char *data = malloc(s->bytes);

	DEMAND(data);
	fill_pattern(data, s->bytes, 9);
	DEMAND(!mm_write(s->fd, s->handle, 0, data, s->bytes));
	DEMAND(is_pattern(s->p, s->bytes, 9));
	fill_pattern(data, s->bytes, OWNER);
	DEMAND(!mm_write(s->fd, s->handle, 0, data, s->bytes));
	free(data);
	return 0;
}

static int do_query(struct scene *s)
{
	struct memmgr_info i;

	DEMAND(!mm_info(s->fd, s->handle, &i));
	DEMAND(i.bytes == s->bytes && i.granted == s->bytes);
	DEMAND(!mm_check(s->fd, s->heap));
	return 0;
}

static int do_free(struct scene *s)
{
	struct memmgr_info i;

	DEMAND(!mm_free(s->fd, s->handle));
	DEMAND(touch(s->p, false) == SIGBUS);
	DEMAND(touch(s->p + s->bytes - 1, true) == SIGBUS);
	DEMAND(mm_info(s->fd, s->handle, &i) == -EBADF);
	s->handle = 0;
	return 0;
}

static int do_free_batch(struct scene *s)
{
	DEMAND(!mm_free_batch(s->fd, &s->handle, 1));
	DEMAND(touch(s->p, true) == SIGBUS);
	s->handle = 0;
	return 0;
}

/* Somebody else gets what was freed, and finds zeros. */
static int do_free_and_reuse(struct scene *s)
{
	struct memmgr_alloc a = alloc_request(s->heap, s->bytes);

	DEMAND(!mm_free(s->fd, s->handle));
	DEMAND(!mm_alloc(s->fd, &a));
	s->handle = a.handle;
	DEMAND(touch(s->p, false) == SIGBUS);
	munmap(s->p, s->bytes);
	s->p = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd,
		    (off_t)a.map_offset);
	DEMAND(s->p != MAP_FAILED);
	DEMAND(is_zero(s->p, s->bytes));
	fill_pattern(s->p, s->bytes, OWNER);
	return 0;
}

static int do_shrink(struct scene *s)
{
	struct memmgr_resize r;

	DEMAND(!mm_resize(s->fd, s->handle, s->bytes - s->page, &r));
	s->bytes -= s->page;
	DEMAND(r.granted == s->bytes);
	DEMAND(intact(s));
	DEMAND(touch(s->p + s->bytes, false) == SIGBUS);
	return 0;
}

static int do_grow(struct scene *s)
{
	struct memmgr_resize r;
	int result = mm_resize(s->fd, s->handle, s->bytes + s->page, &r);
	unsigned char byte = 1;

	DEMAND(!result || (result == -ENOMEM && r.reason == MEMMGR_REASON_BLOCKED));
	DEMAND(intact(s));
	if (!result) {
		DEMAND(!mm_read(s->fd, s->handle, s->bytes, &byte, 1));
		DEMAND(!byte);
	}
	return 0;
}

static int do_protect_read(struct scene *s)
{
	DEMAND(!mm_protect(s->fd, s->handle, MEMMGR_ACCESS_READ, 0));
	DEMAND(touch(s->p, true) == SIGSEGV);
	DEMAND(intact(s));
	return 0;
}

static int do_protect_none(struct scene *s)
{
	unsigned char byte;

	DEMAND(!mm_protect(s->fd, s->handle, MEMMGR_ACCESS_NONE, 0));
	DEMAND(touch(s->p, false) == SIGSEGV);
	DEMAND(mm_read(s->fd, s->handle, 0, &byte, 1) == -EACCES);
	DEMAND(!mm_protect(s->fd, s->handle, MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE, 0));
	DEMAND(intact(s));
	return 0;
}

/* It has acted: the move goes on from now on. */
static int tell_acted(struct scene *s)
{
	char c = 0;

	if (s->acted >= 0)
		DEMAND(write(s->acted, &c, 1) == 1);
	s->acted = -1;
	return 0;
}

/* From the answer on it has its place for good. */
static int stays(struct scene *s)
{
	struct memmgr_info one, two;
	struct memmgr_compact c;

	DEMAND(!mm_info(s->fd, s->handle, &one));
	DEMAND(!(one.state & MEMMGR_INFO_MOVABLE));
	/* only one compacts at a time */
	DEMAND(!tell_acted(s));
	DEMAND(mm_empty(s->fd, s->heap, one.offset, one.granted, &c) == -ENOMEM);
	DEMAND(!mm_info(s->fd, s->handle, &two));
	DEMAND(one.offset == two.offset && one.moves == two.moves);
	DEMAND(intact(s));
	return 0;
}

static int do_seal(struct scene *s)
{
	DEMAND(!mm_protect(s->fd, s->handle, MEMMGR_ACCESS_READ, MEMMGR_PROTECT_SEAL));
	DEMAND(touch(s->p, true) == SIGSEGV);
	return stays(s);
}

static int pin_sort(struct scene *s, __u32 sort)
{
	struct memmgr_pin pin = pin_request(s->handle, sort);
	struct memmgr_info i;

	DEMAND(!mm_call(s->fd, MEMMGR_IOC_PIN, &pin));
	DEMAND(!mm_info(s->fd, s->handle, &i));
	DEMAND(pin.offset == i.offset && pin.pins == 1 && pin.mine == 1);
	DEMAND(!stays(s));
	DEMAND(!mm_info(s->fd, s->handle, &i));
	DEMAND(pin.offset == i.offset && !i.lease_faults);
	DEMAND(!mm_unpin(s->fd, s->handle, sort));
	return 0;
}

static int do_pin(struct scene *s)
{
	return pin_sort(s, 0);
}

static int do_lease(struct scene *s)
{
	return pin_sort(s, MEMMGR_PIN_LEASE);
}

static int do_export(struct scene *s)
{
	unsigned char *seen;
	int file;

	if (!dmabuf_is_built(s->fd))
		return 0;
	file = mm_export(s->fd, s->handle, MEMMGR_EXPORT_CLOEXEC);
	DEMAND(file >= 0);
	seen = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	DEMAND(seen != MAP_FAILED);
	DEMAND(is_pattern(seen, s->bytes, OWNER));
	fill_pattern(seen, s->bytes, 9);
	DEMAND(is_pattern(s->p, s->bytes, 9));
	fill_pattern(s->p, s->bytes, OWNER);
	DEMAND(is_pattern(seen, s->bytes, OWNER));
	DEMAND(!stays(s));
	munmap(seen, s->bytes);
	close(file);
	return 0;
}

static int do_munmap(struct scene *s)
{
	DEMAND(!munmap(s->p, s->bytes));
	DEMAND(reads_intact(s, OWNER));
	s->p = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd,
		    (off_t)s->map_offset);
	DEMAND(s->p != MAP_FAILED);
	DEMAND(intact(s));
	return 0;
}

/* A hole in the middle of the mapping. */
static int do_munmap_part(struct scene *s)
{
	DEMAND(!munmap(s->p + s->page, s->page));
	DEMAND(touch(s->p + s->page, false) == SIGSEGV);
	DEMAND(mmap(s->p + s->page, s->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, s->fd,
		    (off_t)(s->map_offset + s->page)) == s->p + s->page);
	DEMAND(intact(s));
	return 0;
}

static int do_map_again(struct scene *s)
{
	unsigned char *again = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd,
				    (off_t)s->map_offset);

	DEMAND(again != MAP_FAILED);
	DEMAND(is_pattern(again, s->bytes, OWNER));
	again[s->bytes - 1] ^= 2;
	DEMAND(!intact(s));
	s->p[s->bytes - 1] ^= 2;
	DEMAND(is_pattern(again, s->bytes, OWNER));
	munmap(again, s->bytes);
	return 0;
}

static int do_mremap(struct scene *s)
{
	unsigned char *place = mmap(NULL, s->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *old = s->p;

	DEMAND(place != MAP_FAILED);
	s->p = mremap(s->p, s->bytes, s->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	DEMAND(s->p == place);
	DEMAND(intact(s));
	DEMAND(touch(old, false) == SIGSEGV);
	return 0;
}

static int do_mprotect(struct scene *s)
{
	DEMAND(!mprotect(s->p, s->bytes, PROT_READ));
	DEMAND(touch(s->p, true) == SIGSEGV);
	DEMAND(intact(s));
	DEMAND(!mprotect(s->p, s->bytes, PROT_NONE));
	DEMAND(touch(s->p, false) == SIGSEGV);
	DEMAND(!mprotect(s->p, s->bytes, PROT_READ | PROT_WRITE));
	DEMAND(intact(s));
	return 0;
}

static int do_madvise(struct scene *s)
{
	madvise(s->p, s->bytes, MADV_DONTNEED);
	DEMAND(intact(s));
	return 0;
}

static int do_fork(struct scene *s)
{
	pid_t child = fork();

	if (!child) {
		if (!intact(s))
			_exit(1);
		fill_pattern(s->p, s->bytes, 9);
		_exit(0);
	}
	DEMAND(child_result(child) == 0);
	DEMAND(is_pattern(s->p, s->bytes, 9));
	fill_pattern(s->p, s->bytes, OWNER);
	return 0;
}

static void *touch_all(void *argument)
{
	struct scene *s = argument;
	size_t at;

	for (at = 0; at < s->bytes; at += s->page)
		__atomic_fetch_xor(s->p + at, 0, __ATOMIC_RELAXED);
	return NULL;
}

/* Threads that fault while the mapping goes away and comes back. */
static int do_fault_and_fork(struct scene *s)
{
	pthread_t threads[3];
	pid_t child;
	int i;

	for (i = 0; i < 3; i++)
		DEMAND(!pthread_create(&threads[i], NULL, touch_all, s));
	child = fork();
	if (!child)
		_exit(intact(s) ? 0 : 1);
	for (i = 0; i < 3; i++)
		DEMAND(!pthread_join(threads[i], NULL));
	DEMAND(child_result(child) == 0);
	DEMAND(intact(s));
	return 0;
}

/* The mapping keeps the file, and with it the memory. */
static int do_close(struct scene *s)
{
	DEMAND(!close(s->fd));
	s->fd = -1;
	DEMAND(intact(s));
	return 0;
}

static int do_close_all(struct scene *s)
{
	DEMAND(!munmap(s->p, s->bytes));
	DEMAND(!close(s->fd));
	s->fd = -1;
	s->p = NULL;
	return 0;
}

static int do_exit(struct scene *s)
{
	_exit(0);
}

static int do_exec(struct scene *s)
{
	execl("/bin/true", "true", NULL);
	execl("/bin/busybox", "true", NULL);
	return 1;
}

/* Another one that wants to move it as well, and one who needs the room. */
static int do_compact(struct scene *s)
{
	struct memmgr_compact c = compact_request(s->heap, 0, 0);

	DEMAND(!mm_compact(s->fd, &c));
	DEMAND(intact(s));
	return 0;
}

static int do_alloc_may_compact(struct scene *s)
{
	struct memmgr_alloc a = alloc_request(s->heap, 2 * s->page);
	unsigned char *data = malloc(a.bytes);

	DEMAND(data);
	a.flags = MEMMGR_ALLOC_MAY_COMPACT;
	DEMAND(!mm_alloc(s->fd, &a));
	DEMAND(!mm_read(s->fd, a.handle, 0, data, a.bytes));
	DEMAND(is_zero(data, a.bytes));
	DEMAND(!mm_free(s->fd, a.handle));
	DEMAND(intact(s));
	free(data);
	return 0;
}

static int do_explain(struct scene *s)
{
	struct memmgr_explain e;
	struct memmgr_frag f;

	DEMAND(!mm_explain(s->fd, s->heap, 2 * s->page, 0, &e));
	DEMAND(!mm_frag(s->fd, s->heap, &f));
	DEMAND(e.unit == s->page);
	return 0;
}

/* By who made it: everything in it goes. EBUSY is an answer as long as it moves. */
static int do_destroy(struct scene *s)
{
	int i, result = -EBUSY;

	for (i = 0; i < 500 && result == -EBUSY; i++) {
		result = mm_heap_destroy(s->heap_fd, s->heap, MEMMGR_DESTROY_FORCE);
		usleep(10000);
	}
	DEMAND(!result);
	DEMAND(touch(s->p, false) == SIGBUS);
	s->handle = 0;
	s->heap = 0;
	return 0;
}

/* What has to hold when everything is over. */
static int owner_ends(struct scene *s)
{
	unsigned char *data;

	if (!s->handle)
		return 0;
	if (s->p)
		DEMAND(intact(s));
	if (s->fd < 0)
		return 0;
	data = malloc(s->bytes);
	DEMAND(data);
	DEMAND(!mm_read(s->fd, s->handle, 0, data, s->bytes));
	DEMAND(is_pattern(data, s->bytes, OWNER));
	free(data);
	DEMAND(!mm_check(s->fd, s->heap));
	return 0;
}

/* ---- the play ---------------------------------------------------------------------- */

struct play {
	struct scene scene;
	struct memmgr_alloc bystander;
	__u64 offset;			/* of the owner's block before it moves */
	int told[2], act[2], acted[2], leave[2];
	pid_t owner, mover;
};

static int set_up_owner(struct play *play)
{
	struct scene *s = &play->scene;
	struct memmgr_alloc hole = { 0 }, a;

	s->fd = open_device(O_RDWR);
	DEMAND(s->fd >= 0);
	if (s->slide) {
		hole = alloc_request(s->heap, s->page);
		DEMAND(!mm_alloc(s->fd, &hole));
	}
	a = alloc_request(s->heap, s->bytes);
	DEMAND(!mm_alloc(s->fd, &a));
	if (s->slide)
		DEMAND(!mm_free(s->fd, hole.handle));
	s->handle = a.handle;
	s->map_offset = a.map_offset;
	s->p = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd,
		    (off_t)a.map_offset);
	DEMAND(s->p != MAP_FAILED);
	fill_pattern(s->p, s->bytes, OWNER);
	DEMAND(write(play->told[1], &a.offset, sizeof(a.offset)) == sizeof(a.offset));
	return 0;
}

static int own(struct play *play, action_t action)
{
	char c;
	int result;

	close(play->act[1]);
	close(play->leave[1]);
	result = set_up_owner(play);
	if (result)
		return result;
	if (read(play->act[0], &c, 1) != 1)
		return 2;
	play->scene.acted = play->acted[1];
	result = action(&play->scene);
	if (tell_acted(&play->scene))
		return 3;
	if (read(play->leave[0], &c, 1) != 1)
		return 4;
	return result ? result : owner_ends(&play->scene);
}

/* Moves the owner's block: away, or down by the hole in front of it. */
static int move(struct play *play)
{
	struct scene *s = &play->scene;
	struct memmgr_compact c = compact_request(s->heap, 0, 0);
	int fd = open_device(O_RDWR), result;

	if (!s->slide) {
		c = compact_request(s->heap, MEMMGR_COMPACT_RANGE, s->bytes);
		c.offset = play->offset;
	}
	c.step_bytes = s->page;
	result = mm_compact(fd, &c);
	/* the block may have gone, or may no longer move */
	if (result && result != -ENOMEM && result != -ENOENT)
		fprintf(stderr, "# the mover: %d\n", result);
	return result && result != -ENOMEM && result != -ENOENT;
}

static void start_heap(struct __test_metadata *_metadata, struct play *play, int fd, __u32 kind)
{
	struct memmgr_heap_create config =
		heap_config(kind_is_built(fd, kind) ? kind : MEMMGR_KIND_BUDDY, "t-held");

	config.flags = 0;
	config.granule = play->scene.page;
	config.bytes = PAGES * play->scene.page;
	ASSERT_EQ(0, mm_heap_create(fd, &config));
	play->scene.heap = config.heap;
}

static void start_play(struct __test_metadata *_metadata, struct play *play, int fd, size_t page,
		       bool slide, __u32 kind)
{
	unsigned char *data = malloc(page);

	ASSERT_TRUE(!!data);
	*play = (struct play){
		.scene = {
			.heap_fd = fd, .page = page, .slide = slide,
			.bytes = (slide ? 10 : 4) * page,
		},
	};
	start_heap(_metadata, play, fd, kind);
	/* a slide has no other place to go to */
	if (!slide) {
		play->bystander = must_alloc(_metadata, fd, play->scene.heap, page);
		fill_pattern(data, page, BYSTANDER);
		ASSERT_EQ(0, mm_write(fd, play->bystander.handle, 0, data, page));
	}
	free(data);
	ASSERT_EQ(0, pipe(play->told));
	ASSERT_EQ(0, pipe(play->act));
	ASSERT_EQ(0, pipe(play->acted));
	ASSERT_EQ(0, pipe(play->leave));
}

static void start_owner(struct __test_metadata *_metadata, struct play *play, action_t action)
{
	play->owner = fork();
	if (!play->owner)
		_exit(own(play, action));
	ASSERT_EQ(sizeof(play->offset), read(play->told[0], &play->offset, sizeof(play->offset)));
}

static void start_mover(struct __test_metadata *_metadata, struct play *play, int fd,
			const char *step)
{
	ASSERT_TRUE(hold_says(fd, "none", ""));
	ASSERT_EQ(0, hold_write(fd, step));
	ASSERT_TRUE(hold_says(fd, step, "armed"));
	play->mover = fork();
	if (!play->mover) {
		/* the owner's end is seen when it has none that writes */
		close(play->acted[1]);
		_exit(move(play));
	}
	ASSERT_TRUE(hold_reached(play->mover, fd, step)) {
		TH_LOG("the move ended without a stop at %s", step);
	}
}

#define HANG_MS		60000	/* this long nothing takes but a wait without end */

/* Acts, and lets the move go on when that is done, or when it has to wait for it. */
static void act(struct __test_metadata *_metadata, struct play *play, int fd, bool waits)
{
	struct pollfd acted = { .fd = play->acted[0], .events = POLLIN };
	char c = 0;

	close(play->acted[1]);
	ASSERT_EQ(1, write(play->act[1], &c, 1));
	if (waits) {
		poll(&acted, 1, 30);
	} else {
		EXPECT_EQ(1, poll(&acted, 1, HANG_MS)) {
			TH_LOG("it waits for the mover");
		}
	}
	ASSERT_EQ(0, hold_write(fd, "go"));
}

/* A process that was killed gives its file back a moment later. */
static int destroy_when_empty(int fd, __u32 heap)
{
	int i, result = -EBUSY;

	for (i = 0; i < 200 && result == -EBUSY; i++) {
		result = mm_heap_destroy(fd, heap, 0);
		if (result == -EBUSY)
			usleep(20000);
	}
	return result;
}

static void end_play(struct __test_metadata *_metadata, struct play *play, int fd)
{
	size_t page = play->scene.page;
	unsigned char *data = malloc(page);
	struct memmgr_heap_query q;

	ASSERT_TRUE(!!data);
	if (!mm_heap_query(fd, play->scene.heap, &q) && !strcmp(q.name, "t-held")) {
		EXPECT_EQ(0, mm_check(fd, play->scene.heap));
		if (!play->scene.slide) {
			ASSERT_EQ(0, mm_read(fd, play->bystander.handle, 0, data, page));
			EXPECT_TRUE(is_pattern(data, page, BYSTANDER));
			EXPECT_EQ(0, mm_free(fd, play->bystander.handle));
		}
		EXPECT_EQ(0, destroy_when_empty(fd, play->scene.heap));
	}
	EXPECT_EQ(0, mm_check(fd, MEMMGR_HEAP_MAIN));
	EXPECT_TRUE(hold_says(fd, "none", ""));
	free(data);
}

static void perform(struct __test_metadata *_metadata, int fd, size_t page, const char *step,
		    bool slide, __u32 kind, action_t action, bool waits)
{
	struct play play;
	char c = 0;

	start_play(_metadata, &play, fd, page, slide, kind);
	start_owner(_metadata, &play, action);
	start_mover(_metadata, &play, fd, step);
	act(_metadata, &play, fd, waits);
	EXPECT_EQ(0, child_result(play.mover));
	/* an owner that has left already reads nothing any more */
	signal(SIGPIPE, SIG_IGN);
	if (write(play.leave[1], &c, 1) != 1)
		ASSERT_EQ(EPIPE, errno);
	EXPECT_EQ(0, child_result(play.owner));
	end_play(_metadata, &play, fd);
}

#define INTERRUPT_AS(name, waits)					\
	TEST_F(interrupted, name)					\
	{								\
		if (!has_hold(self->fd))				\
			SKIP(return, "no file hold in debugfs");	\
		perform(_metadata, self->fd, self->page, variant->step,	\
			variant->slide, variant->kind, do_##name, waits); \
	}

#define INTERRUPT(name) INTERRUPT_AS(name, false)

INTERRUPT(nothing)
INTERRUPT(read)
INTERRUPT(write)
INTERRUPT(ioctl_read)
INTERRUPT(ioctl_write)
INTERRUPT(query)
INTERRUPT(free)
INTERRUPT(free_batch)
INTERRUPT(free_and_reuse)
INTERRUPT(shrink)
INTERRUPT(grow)
INTERRUPT(protect_read)
INTERRUPT(protect_none)
INTERRUPT(seal)
INTERRUPT(pin)
INTERRUPT(lease)
INTERRUPT(export)
INTERRUPT(munmap)
INTERRUPT(munmap_part)
INTERRUPT(map_again)
INTERRUPT(mremap)
INTERRUPT(mprotect)
INTERRUPT(madvise)
INTERRUPT(fork)
INTERRUPT(fault_and_fork)
INTERRUPT(close)
INTERRUPT(close_all)
INTERRUPT(exit)
INTERRUPT(exec)
INTERRUPT_AS(compact, true)
INTERRUPT_AS(alloc_may_compact, true)
INTERRUPT(explain)
INTERRUPT_AS(destroy, true)

/* ---- killed ------------------------------------------------------------------------ */

/* kill -9 of the owner while its memory moves. */
TEST_F(interrupted, owner_is_killed)
{
	struct play play;

	if (!has_hold(self->fd))
		SKIP(return, "no file hold in debugfs");
	start_play(_metadata, &play, self->fd, self->page, variant->slide, variant->kind);
	start_owner(_metadata, &play, do_nothing);
	start_mover(_metadata, &play, self->fd, variant->step);
	ASSERT_EQ(0, kill(play.owner, SIGKILL));
	usleep(20000);
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	EXPECT_EQ(1000 + SIGKILL, child_result(play.owner));
	EXPECT_EQ(0, child_result(play.mover));
	end_play(_metadata, &play, self->fd);
}

/* The same, in the middle of a touch that waits for the move. */
TEST_F(interrupted, owner_is_killed_while_it_writes)
{
	struct pollfd acted;
	struct play play;
	char c = 0;
	int result;

	if (!has_hold(self->fd))
		SKIP(return, "no file hold in debugfs");
	start_play(_metadata, &play, self->fd, self->page, variant->slide, variant->kind);
	start_owner(_metadata, &play, do_write);
	start_mover(_metadata, &play, self->fd, variant->step);
	ASSERT_EQ(1, write(play.act[1], &c, 1));
	acted = (struct pollfd){ .fd = play.acted[0], .events = POLLIN };
	poll(&acted, 1, 30);
	ASSERT_EQ(0, kill(play.owner, SIGKILL));
	usleep(10000);
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	result = child_result(play.owner);
	EXPECT_EQ(1000 + SIGKILL, result);
	EXPECT_EQ(0, child_result(play.mover));
	end_play(_metadata, &play, self->fd);
}

/* kill -9 of the mover, without a "go": the owner's memory is whole and may be used. */
TEST_F(interrupted, mover_is_killed)
{
	struct play play;
	char c = 0;

	if (!has_hold(self->fd))
		SKIP(return, "no file hold in debugfs");
	start_play(_metadata, &play, self->fd, self->page, variant->slide, variant->kind);
	start_owner(_metadata, &play, do_write);
	start_mover(_metadata, &play, self->fd, variant->step);
	ASSERT_EQ(0, kill(play.mover, SIGKILL));
	EXPECT_EQ(1000 + SIGKILL, child_result(play.mover));
	EXPECT_TRUE(hold_says(self->fd, "none", ""));
	ASSERT_EQ(1, write(play.act[1], &c, 1));
	ASSERT_EQ(1, read(play.acted[0], &c, 1));
	EXPECT_EQ(0, mm_check(self->fd, play.scene.heap));
	ASSERT_EQ(1, write(play.leave[1], &c, 1));
	EXPECT_EQ(0, child_result(play.owner));
	end_play(_metadata, &play, self->fd);
}

/* Both at once. */
TEST_F(interrupted, both_are_killed)
{
	struct play play;

	if (!has_hold(self->fd))
		SKIP(return, "no file hold in debugfs");
	start_play(_metadata, &play, self->fd, self->page, variant->slide, variant->kind);
	start_owner(_metadata, &play, do_nothing);
	start_mover(_metadata, &play, self->fd, variant->step);
	ASSERT_EQ(0, kill(play.owner, SIGKILL));
	ASSERT_EQ(0, kill(play.mover, SIGKILL));
	EXPECT_EQ(1000 + SIGKILL, child_result(play.owner));
	EXPECT_EQ(1000 + SIGKILL, child_result(play.mover));
	end_play(_metadata, &play, self->fd);
}

/* ---- touched all the time ------------------------------------------------------------ */

MEMMGR_FIXTURE(busy)

#define TRIES		8	/* of a move, beside those who touch it */

static int empty_busy(struct play *play)
{
	struct scene *s = &play->scene;
	struct memmgr_compact c;
	int fd = open_device(O_RDWR);

	end_with_parent();
	DEMAND(fd >= 0);
	DEMAND(mm_empty(fd, s->heap, play->offset, s->bytes, &c) == -ENOMEM);
	DEMAND(c.reason == MEMMGR_REASON_PINNED);
	DEMAND(c.stayed[MEMMGR_FIXED_BUSY] == s->bytes);
	DEMAND(!c.moves && !c.moved);
	return 0;
}

/* An allocation of 4 pages, mapped and touched, and somebody who moves it away. */
static void start_busy(struct __test_metadata *_metadata, struct play *play, int fd,
		       const char *step, int (*mover)(struct play *play))
{
	size_t page = page_size();
	struct memmgr_alloc a;

	*play = (struct play){ .scene = { .fd = fd, .page = page, .bytes = 4 * page } };
	ASSERT_EQ(0, quiet_health(fd));
	start_heap(_metadata, play, fd, MEMMGR_KIND_BUDDY);
	a = must_alloc(_metadata, fd, play->scene.heap, play->scene.bytes);
	play->scene.handle = a.handle;
	play->offset = a.offset;
	play->scene.p = must_map(_metadata, fd, a.map_offset, a.bytes);
	fill_pattern(play->scene.p, a.bytes, OWNER);
	ASSERT_EQ(0, hold_write(fd, step));
	play->mover = fork();
	if (!play->mover)
		_exit(mover(play));
	ASSERT_TRUE(hold_reached(play->mover, fd, step));
}

static void end_busy(struct __test_metadata *_metadata, struct play *play, int fd)
{
	struct scene *s = &play->scene;

	EXPECT_EQ(0, child_result(play->mover));
	EXPECT_TRUE(intact(s));
	EXPECT_EQ(0, mm_check(fd, s->heap));
	munmap(s->p, s->bytes);
	EXPECT_EQ(0, mm_free(fd, s->handle));
	EXPECT_EQ(0, destroy_when_empty(fd, s->heap));
}

/* Each time that it is copied somebody has touched it: it stays, and says why. */
TEST_F(busy, is_left_where_it_is)
{
	struct play play;
	int i;

	REQUIRE_HOLD;
	start_busy(_metadata, &play, self->fd, "zapped", empty_busy);
	for (i = 0; i < TRIES; i++) {
		ASSERT_EQ(0, hold_write(self->fd, "+copied"));
		ASSERT_EQ(0, hold_write(self->fd, "-zapped"));
		ASSERT_TRUE(hold_reached(play.mover, self->fd, "copied"));
		__atomic_fetch_xor(play.scene.p + i % 4 * self->page, 0, __ATOMIC_RELAXED);
		if (i < TRIES - 1)
			ASSERT_EQ(0, hold_write(self->fd, "+zapped"));
		ASSERT_EQ(0, hold_write(self->fd, "-copied"));
		if (i < TRIES - 1)
			ASSERT_TRUE(hold_reached(play.mover, self->fd, "zapped"));
	}
	end_busy(_metadata, &play, self->fd);
}

static int empty_in_the_end(struct play *play)
{
	struct scene *s = &play->scene;
	struct memmgr_compact c;
	int fd = open_device(O_RDWR);

	end_with_parent();
	DEMAND(fd >= 0);
	DEMAND(!mm_empty(fd, s->heap, play->offset, s->bytes, &c));
	DEMAND(c.moves == 1 && c.moved == s->bytes && !c.left);
	return 0;
}

/* Touched once: what was written then arrives as well. */
static void end_moved(struct __test_metadata *_metadata, struct play *play, int fd)
{
	struct scene *s = &play->scene;
	struct memmgr_info info;

	ASSERT_EQ(0, hold_write(fd, "go"));
	EXPECT_EQ(0, child_result(play->mover));
	EXPECT_TRUE(is_pattern(s->p + s->page, s->page, 9));
	ASSERT_EQ(0, mm_info(fd, s->handle, &info));
	EXPECT_EQ(1, info.moves);
	munmap(s->p, s->bytes);
	EXPECT_EQ(0, mm_free(fd, s->handle));
	EXPECT_EQ(0, destroy_when_empty(fd, s->heap));
}

TEST_F(busy, once_when_copied_is_moved)
{
	struct play play;

	REQUIRE_HOLD;
	start_busy(_metadata, &play, self->fd, "copied", empty_in_the_end);
	fill_pattern(play.scene.p + self->page, self->page, 9);
	end_moved(_metadata, &play, self->fd);
}

/* With struct pages a mapping looks as I/O does: it is no reason to leave it. */
TEST_F(busy, once_before_it_is_copied_is_moved)
{
	struct play play;

	REQUIRE_HOLD;
	start_busy(_metadata, &play, self->fd, "zapped", empty_in_the_end);
	fill_pattern(play.scene.p + self->page, self->page, 9);
	end_moved(_metadata, &play, self->fd);
}

/* A lease may be taken before, or given back after that. */
static int empty_if_it_can(struct play *play)
{
	struct scene *s = &play->scene;
	struct memmgr_compact c;
	int fd = open_device(O_RDWR), result;

	end_with_parent();
	DEMAND(fd >= 0);
	result = mm_empty(fd, s->heap, play->offset, s->bytes, &c);
	DEMAND(!result || result == -ENOMEM);
	return 0;
}

static int take_lease(struct play *play, int told)
{
	struct memmgr_pin pin = pin_request(play->scene.handle, MEMMGR_PIN_LEASE);
	struct memmgr_info i;
	char c = 0;

	DEMAND(!mm_call(play->scene.fd, MEMMGR_IOC_PIN, &pin));
	DEMAND(write(told, &c, 1) == 1);
	DEMAND(intact(&play->scene));
	DEMAND(!mm_info(play->scene.fd, play->scene.handle, &i));
	DEMAND(!i.lease_faults);
	DEMAND(!mm_unpin(play->scene.fd, play->scene.handle, MEMMGR_PIN_LEASE));
	return 0;
}

/* A lease comes while the mappings are about to go: what it maps then stays mapped. */
TEST_F(busy, and_leased)
{
	struct play play;
	int told[2];
	pid_t child;

	REQUIRE_HOLD;
	start_busy(_metadata, &play, self->fd, "unmaps", empty_if_it_can);
	ASSERT_EQ(0, pipe(told));
	child = fork();
	if (!child)
		_exit(take_lease(&play, told[1]));
	/* It cannot be seen to wait, only not to have gone on. */
	EXPECT_EQ(0, poll(&(struct pollfd){ .fd = told[0], .events = POLLIN }, 1, 30));
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	EXPECT_EQ(0, child_result(child));
	end_busy(_metadata, &play, self->fd);
}

/* ---- bounds -------------------------------------------------------------------------- */

/* One move after the time is up, at the most; and no longer for another compaction. */
TEST_F(busy, time_is_up)
{
	struct memmgr_compact c;
	struct play play;

	REQUIRE_HOLD;
	start_busy(_metadata, &play, self->fd, "taken", empty_in_the_end);
	c = compact_request(play.scene.heap, 0, 0);
	c.max_ns = 1;
	EXPECT_EQ(-EBUSY, mm_compact(self->fd, &c));
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	end_busy(_metadata, &play, self->fd);
}

/* ---- a heap that changes while it is looked at ------------------------------------- */

MEMMGR_FIXTURE(looked_at)

/* Empties the first pages of the scene's heap. */
static int empty_first(struct scene *s, __u32 pages)
{
	int fd = open_device(O_RDWR);
	struct memmgr_heap_query q;
	struct memmgr_compact c;

	/* Or it would be stopped for good when the test fails. */
	end_with_parent();
	DEMAND(fd >= 0);
	DEMAND(!mm_heap_query(fd, s->heap, &q));
	DEMAND(!mm_empty(fd, s->heap, q.offset, pages * s->page, &c));
	DEMAND(c.moves && c.moved && !c.left && !c.reason && c.least);
	return 0;
}

/* Two allocations at the start of a heap, and somebody who looks at it to empty that. */
static void start_looking(struct __test_metadata *_metadata, struct play *play, int fd,
			  struct memmgr_alloc *one, struct memmgr_alloc *two)
{
	size_t page = page_size();

	*play = (struct play){ .scene = { .page = page } };
	ASSERT_EQ(0, quiet_health(fd));
	start_heap(_metadata, play, fd, MEMMGR_KIND_BUDDY);
	*one = must_alloc(_metadata, fd, play->scene.heap, 3 * page);
	*two = must_alloc(_metadata, fd, play->scene.heap, page);
	ASSERT_EQ(0, hold_write(fd, "seen"));
	play->mover = fork();
	if (!play->mover)
		_exit(empty_first(&play->scene, 4));
	ASSERT_TRUE(hold_reached(play->mover, fd, "seen"));
}

static void end_looking(struct __test_metadata *_metadata, struct play *play, int fd)
{
	ASSERT_EQ(0, hold_write(fd, "go"));
	EXPECT_EQ(0, child_result(play->mover));
	EXPECT_EQ(0, mm_check(fd, play->scene.heap));
}

/*
 * One is cut and the other one grows by as much, between the looks at what is in use
 * and at who has it. Both may move, so nothing is in the way.
 */
TEST_F(looked_at, and_resized)
{
	struct memmgr_alloc one, two;
	struct memmgr_resize r;
	struct memmgr_info info;
	struct play play;

	if (!has_hold(self->fd))
		SKIP(return, "no file hold in debugfs: not a module with DEBUG");
	start_looking(_metadata, &play, self->fd, &one, &two);
	ASSERT_EQ(0, mm_resize(self->fd, one.handle, self->page, &r));
	ASSERT_EQ(0, mm_resize(self->fd, two.handle, 3 * self->page, &r));
	end_looking(_metadata, &play, self->fd);
	ASSERT_EQ(0, mm_info(self->fd, one.handle, &info));
	EXPECT_LE(one.offset + 4 * self->page, info.offset);
	ASSERT_EQ(0, mm_info(self->fd, two.handle, &info));
	EXPECT_LE(one.offset + 4 * self->page, info.offset);
	EXPECT_EQ(0, mm_free(self->fd, one.handle));
	EXPECT_EQ(0, mm_free(self->fd, two.handle));
	EXPECT_EQ(0, destroy_when_empty(self->fd, play.scene.heap));
}

/* One is freed then: what it had is not in the way. */
TEST_F(looked_at, and_freed)
{
	struct memmgr_alloc one, two;
	struct memmgr_info info;
	struct play play;

	if (!has_hold(self->fd))
		SKIP(return, "no file hold in debugfs: not a module with DEBUG");
	start_looking(_metadata, &play, self->fd, &one, &two);
	ASSERT_EQ(0, mm_free(self->fd, one.handle));
	end_looking(_metadata, &play, self->fd);
	ASSERT_EQ(0, mm_info(self->fd, two.handle, &info));
	EXPECT_LE(one.offset + 4 * self->page, info.offset);
	EXPECT_EQ(0, mm_free(self->fd, two.handle));
	EXPECT_EQ(0, destroy_when_empty(self->fd, play.scene.heap));
}

/* ---- the hold itself ---------------------------------------------------------------- */

MEMMGR_FIXTURE(hold)

TEST_F(hold, words)
{
	static const char *const words[] = {
		"seen", "taken", "unmaps", "zapped", "copied", "switched",
	};
	unsigned int i;

	if (!has_hold(self->fd))
		SKIP(return, "no file hold in debugfs: not a module with DEBUG");
	EXPECT_TRUE(hold_says(self->fd, "none", ""));
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		ASSERT_EQ(0, hold_write(self->fd, words[i]));
		EXPECT_TRUE(hold_says(self->fd, words[i], "armed"));
		ASSERT_EQ(0, hold_write(self->fd, i % 2 ? "none" : "go"));
		EXPECT_TRUE(hold_says(self->fd, "none", ""));
	}
	ASSERT_EQ(0, hold_write(self->fd, "taken"));
	ASSERT_EQ(0, hold_write(self->fd, "+copied"));
	EXPECT_TRUE(hold_says(self->fd, "taken armed copied armed", ""));
	ASSERT_EQ(0, hold_write(self->fd, "-taken"));
	EXPECT_TRUE(hold_says(self->fd, "copied", "armed"));
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	EXPECT_TRUE(hold_says(self->fd, "none", ""));
	EXPECT_EQ(-EINVAL, hold_write(self->fd, "+else"));
	EXPECT_EQ(-EINVAL, hold_write(self->fd, "+none"));
	EXPECT_EQ(-EINVAL, hold_write(self->fd, "else"));
	EXPECT_EQ(-EINVAL, hold_write(self->fd, "takenn"));
}

MEMMGR_TEST_MAIN
