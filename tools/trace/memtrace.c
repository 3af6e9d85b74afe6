// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memtrace: logs the allocations of an unmodified program (LD_PRELOAD).
 *
 * Every process that allocates writes one raw log, $MEMTRACE_DIR/PID-N.raw, as text:
 *
 *	p EXE
 *	KIND OLD NEW SIZE ALIGN THREAD
 *	l COUNT
 *	x
 *
 * p: the program. KIND a: NEW was allocated; f: OLD is being freed; r: OLD was resized and is
 * now at NEW. Addresses and threads are hexadecimal names, the other numbers decimal.
 * l: COUNT events before this line were lost. x: the log could not grow and ends here.
 * raw2trace.awk makes a trace of it.
 *
 * The log is a file mapped window by window, opened anew by name for each window. So whatever
 * was logged is in the file even when the program leaves by _exit(), exec() or a signal, and no
 * file descriptor of the program is taken or can be closed under the recorder.
 *
 * Order: a free is logged before the memory goes back, an allocation after it was obtained, and
 * a resize under the lock as a whole. A log thus never shows an address handed out twice, in
 * whatever order the threads run.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One mapped piece of the log; a multiple of every page size in use. */
#define WINDOW_SIZE	(256UL * 1024)
/* Longest event line: six numbers of at most 20 digits. */
#define LINE_MAX_SIZE	128
/* Alignment that every malloc gives; asking for no more is no wish. */
#define DEFAULT_ALIGN	alignof(max_align_t)

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/*
 * Everything that a forked child must not share with its parent. It lives in pages marked
 * MADV_WIPEONFORK: the child finds zeros, an unlocked mutex and no window, and opens a log of its
 * own at its first event, however it was forked. A vfork child shares the parent's memory, so
 * that its events belong in the parent's log, and there they go.
 */
struct recorder {
	pthread_mutex_t lock;		/* guards all fields below but lost */
	char *window;			/* NULL before the first event */
	size_t used;			/* bytes of the window */
	off_t start;			/* of the window in the log */
	unsigned long lost;		/* atomic: events not logged, not yet told */
	bool stopped;			/* the log cannot grow; x is its last line */
	char path[PATH_MAX];
};

static struct recorder *recorder;
static char log_dir[PATH_MAX - 64];	/* leaves room for the log's own name */
static bool recording_off;

/* This thread is inside the recorder: a signal handler that allocates now must not wait. */
static __thread bool busy __attribute__((tls_model("initial-exec")));

static struct {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t n, size_t size);
	void *(*realloc)(void *ptr, size_t size);
	void *(*memalign)(size_t align, size_t size);
	void (*free)(void *ptr);
} real;

static enum { UNRESOLVED, RESOLVING, RESOLVED } resolution;

/*
 * dlsym() may allocate while the real functions are being looked up. That happens once, before
 * main() and before there are threads; it is served from here, zeroed, and never freed.
 */
static alignas(DEFAULT_ALIGN) char early_memory[8192];
static size_t early_used;

static void *early_alloc(size_t size)
{
	void *p = early_memory + early_used;

	if (size > sizeof(early_memory) - early_used) {
		errno = ENOMEM;
		return NULL;
	}
	early_used += (size + DEFAULT_ALIGN - 1) & ~(size_t)(DEFAULT_ALIGN - 1);
	return p;
}

static bool is_early(const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)early_memory < sizeof(early_memory);
}

static bool resolve(void)
{
	static const struct {
		const char *name;
		void *slot;
	} symbols[] = {
		{ "malloc", &real.malloc },
		{ "calloc", &real.calloc },
		{ "realloc", &real.realloc },
		{ "memalign", &real.memalign },
		{ "free", &real.free },
	};
	size_t i;

	if (resolution == RESOLVED)
		return true;
	if (resolution == RESOLVING)
		return false;
	resolution = RESOLVING;
	for (i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *symbol = dlsym(RTLD_NEXT, symbols[i].name);

		if (!symbol)
			abort();
		memcpy(symbols[i].slot, &symbol, sizeof(symbol));
	}
	resolution = RESOLVED;
	return true;
}

/*
 * False: not recording, or not yet, as long as the environment is not set up. Needs no lock: a
 * process has its first event long before its second thread.
 */
static bool recorder_ready(void)
{
	const char *dir;
	void *p;

	if (recorder)
		return true;
	if (recording_off || !environ)
		return false;
	dir = getenv("MEMTRACE_DIR");
	recording_off = true;
	if (!dir || strlen(dir) >= sizeof(log_dir))
		return false;
	p = mmap(NULL, sizeof(*recorder), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	if (madvise(p, sizeof(*recorder), MADV_WIPEONFORK)) {
		munmap(p, sizeof(*recorder));
		return false;
	}
	strcpy(log_dir, dir);
	recorder = p;
	return true;
}

/* Creates the log; N of PID-N.raw tells the programs apart that one process executes in turn. */
static int create_log(void)
{
	unsigned int n;
	int fd;

	for (n = 0; n < 10000; n++) {
		snprintf(recorder->path, sizeof(recorder->path), "%s/%ld-%u.raw",
			 log_dir, (long)getpid(), n);
		fd = open(recorder->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static void log_program(void)
{
	char *p = recorder->window;
	ssize_t len = readlink("/proc/self/exe", p + 2, PATH_MAX);

	if (len < 0)
		return;
	memcpy(p, "p ", 2);
	p[2 + len] = '\n';
	recorder->used = 2 + len + 1;
}

/* The space is allocated, not only promised: a full disk ends the log, not the program. */
static bool next_window(void)
{
	bool first = !recorder->window;
	off_t start = first ? 0 : recorder->start + (off_t)WINDOW_SIZE;
	int fd = first ? create_log() : open(recorder->path, O_RDWR | O_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd < 0)
		return false;
	if (!posix_fallocate(fd, start, WINDOW_SIZE))
		p = mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);
	close(fd);
	if (p == MAP_FAILED)
		return false;
	madvise(p, WINDOW_SIZE, MADV_DONTFORK);
	if (!first)
		munmap(recorder->window, WINDOW_SIZE);
	recorder->window = p;
	recorder->start = start;
	recorder->used = 0;
	if (first)
		log_program();
	return true;
}

/* Makes room for two lines, a loss and an event, and always keeps enough for the x. */
static bool make_room(void)
{
	if (recorder->stopped)
		return false;
	if (recorder->window && recorder->used + 3 * LINE_MAX_SIZE <= WINDOW_SIZE)
		return true;
	if (next_window())
		return true;
	recorder->stopped = true;
	if (recorder->window)
		memcpy(recorder->window + recorder->used, "x\n", 2);
	return false;
}

static char *put_number(char *p, uintptr_t value, unsigned int base)
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	*p++ = ' ';
	while (n)
		*p++ = digits[--n];
	return p;
}

static void log_loss(void)
{
	unsigned long lost = __atomic_exchange_n(&recorder->lost, 0, __ATOMIC_RELAXED);
	char *p = recorder->window + recorder->used;

	if (!lost)
		return;
	*p = 'l';
	p = put_number(p + 1, lost, 10);
	*p++ = '\n';
	recorder->used = p - recorder->window;
}

/* Context: between record_begin() and record_end(). */
static void log_event(char kind, uintptr_t old, const void *new, size_t size, size_t align)
{
	char *p;

	if (!make_room())
		return;
	log_loss();
	p = recorder->window + recorder->used;
	*p++ = kind;
	p = put_number(p, old, 16);
	p = put_number(p, (uintptr_t)new, 16);
	p = put_number(p, size, 10);
	p = put_number(p, align, 10);
	p = put_number(p, (uintptr_t)pthread_self(), 16);
	*p++ = '\n';
	recorder->used = p - recorder->window;
}

/* Takes the lock; false, and the event is lost, when this thread has it already. */
static bool record_begin(void)
{
	if (!recorder_ready())
		return false;
	if (busy) {
		__atomic_add_fetch(&recorder->lost, 1, __ATOMIC_RELAXED);
		return false;
	}
	busy = true;
	pthread_mutex_lock(&recorder->lock);
	return true;
}

static void record_end(void)
{
	pthread_mutex_unlock(&recorder->lock);
	busy = false;
}

static void record(char kind, uintptr_t old, const void *new, size_t size, size_t align)
{
	int saved = errno;

	if (record_begin()) {
		log_event(kind, old, new, size, align);
		record_end();
	}
	errno = saved;
}

static void *record_alloc(void *ptr, size_t size, size_t align)
{
	if (ptr)
		record('a', 0, ptr, size, align > DEFAULT_ALIGN ? align : 0);
	return ptr;
}

void *malloc(size_t size)
{
	if (!resolve())
		return early_alloc(size);
	return record_alloc(real.malloc(size), size, 0);
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!resolve())
		return early_alloc(bytes);
	return record_alloc(real.calloc(n, size), bytes, 0);
}

void free(void *ptr)
{
	if (!ptr || is_early(ptr) || !resolve())
		return;
	record('f', (uintptr_t)ptr, NULL, 0, 0);
	real.free(ptr);
}

static void *move_early(const void *ptr, size_t size)
{
	size_t room = early_memory + sizeof(early_memory) - (const char *)ptr;
	void *new = malloc(size);

	if (new)
		memcpy(new, ptr, size < room ? size : room);
	return new;
}

void *realloc(void *ptr, size_t size)
{
	uintptr_t old = (uintptr_t)ptr;
	int saved = errno;
	bool recorded;
	void *new;

	if (!ptr)
		return malloc(size);
	if (is_early(ptr) || !resolve())
		return move_early(ptr, size);
	if (!size) {
		free(ptr);
		return NULL;
	}
	recorded = record_begin();
	errno = saved;
	new = real.realloc(ptr, size);
	saved = errno;
	if (recorded) {
		if (new)
			log_event('r', old, new, size, 0);
		record_end();
	}
	errno = saved;
	return new;
}

void *reallocarray(void *ptr, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(ptr, bytes);
}

void *memalign(size_t align, size_t size)
{
	if (!resolve())
		return NULL;
	return record_alloc(real.memalign(align, size), size, align);
}

void *aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

int posix_memalign(void **ptr, size_t align, size_t size)
{
	bool valid = align && align % sizeof(void *) == 0 && (align & (align - 1)) == 0;
	int saved = errno;
	int err = EINVAL;
	void *new;

	if (valid) {
		new = memalign(align, size);
		err = new ? 0 : ENOMEM;
		if (new)
			*ptr = new;
		errno = saved;
	}
	return err;
}

void *valloc(size_t size)
{
	return memalign(sysconf(_SC_PAGESIZE), size);
}

void *pvalloc(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return memalign(page, (size + page - 1) & ~(page - 1));
}
