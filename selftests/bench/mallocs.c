// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What the allocators of C libraries take for the recorded programs, beside memmgr: one line
 * "BENCH {json}" for each figure. Runs in a guest whose clock counts instructions.
 *
 *	traces_least_region	memory that the allocator has of the system, at most, as a share
 *				of what the program has at its peak: the worst of the traces
 *	traces_event		mean over all events of all traces, without use of the memory
 *
 * usage: mallocs NAME LIBRARY TRACE...		LIBRARY: preloaded; "": the C library's own
 *	  mallocs memmgr TRACE...		traces_event alone, by the calls of /dev/memmgr
 *
 * Each replay is a process of its own, so that none finds what another one left. It gets the
 * events in a file that it maps, and allocates nothing else meanwhile.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "trace/trace.h"

#define PAGE		4096	/* of armhf */
#define LOOKS		64	/* at the memory of a replay, beside the one at the peak */
#define TLSF_BYTES	(56ull << 20)

enum how { BY_MEMORY, BY_TIME, BY_CALLS };

/**
 * struct replay - a trace for a replay, and what the replay tells of it
 * @how: what is to be found out
 * @slots: struct trace.slots
 * @count: number of events
 * @peak_at: struct trace.peak_at
 * @result: bytes or instructions
 * @events: the events
 */
struct replay {
	enum how how;
	__u32 slots;
	__u64 count;
	__u64 peak_at;
	__u64 result;
	struct trace_event events[];
};

/* ---- one replay, in a process of its own ---------------------------------- */

/* Bytes of memory that are this process's alone. The counters of a process lag behind. */
static __u64 own_memory(void)
{
	static char text[2048];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *line;

	if (n <= 0)
		fail("smaps_rollup");
	close(fd);
	text[n] = '\0';
	line = strstr(text, "Anonymous:");
	if (!line)
		fail("smaps_rollup");
	return strtoull(line + strlen("Anonymous:"), NULL, 10) << 10;
}

static void use(char *block, __u64 bytes)
{
	__u64 i;

	for (i = 0; i < bytes; i += PAGE)
		block[i] = 1;
	block[bytes - 1] = 1;
}

static void step(void **slots, const struct trace_event *e)
{
	void **slot = &slots[e->slot];

	switch (e->op) {
	case TRACE_ALLOC:
		if (!e->align_shift)
			*slot = malloc(e->size);
		else if (posix_memalign(slot, 1ul << e->align_shift, e->size))
			*slot = NULL;
		break;
	case TRACE_RESIZE:
		*slot = realloc(*slot, e->size);
		break;
	case TRACE_FREE:
		free(*slot);
		return;
	}
	if (!*slot)
		fail("malloc");
}

static __u64 replay_memory(const struct replay *r, void **slots)
{
	__u64 before = own_memory(), most = before, memory;
	size_t i;

	for (i = 0; i < r->count; i++) {
		const struct trace_event *e = &r->events[i];

		step(slots, e);
		if (e->op != TRACE_FREE)
			use(slots[e->slot], e->size);
		if (i != r->peak_at && i % (r->count / LOOKS + 1))
			continue;
		memory = own_memory();
		if (memory > most)
			most = memory;
	}
	return most - before;
}

static __u64 replay_time(const struct replay *r, void **slots)
{
	__u64 start = now();
	size_t i;

	for (i = 0; i < r->count; i++)
		step(slots, &r->events[i]);
	return now() - start;
}

/* In place, or else anew: as realloc(), but for the content. */
static void resize(struct memmgr_alloc *a, struct memmgr_free *f, __u64 *handle)
{
	struct memmgr_resize z = {
		.size = sizeof(z), .handle = *handle, .bytes = a->bytes,
	};

	if (!ioctl(device, MEMMGR_IOC_RESIZE, &z))
		return;
	f->handle = *handle;
	call(MEMMGR_IOC_ALLOC, a, "ALLOC");
	*handle = a->handle;
	call(MEMMGR_IOC_FREE, f, "FREE");
}

static __u64 replay_calls(const struct replay *r, __u64 *handles)
{
	struct memmgr_heap_create c = {
		.size = sizeof(c), .name = "replay", .kind = MEMMGR_KIND_TLSF, .bytes = TLSF_BYTES,
		.max_allocations = r->slots + 1, .flags = MEMMGR_HEAP_PRIVATE,
	};
	struct memmgr_alloc a = { .size = sizeof(a), .flags = MEMMGR_ALLOC_NO_ZERO };
	struct memmgr_free f = { .size = sizeof(f) };
	__u64 start;
	size_t i;

	call(MEMMGR_IOC_HEAP_CREATE, &c, "HEAP_CREATE");
	a.heap = c.heap;
	start = now();
	for (i = 0; i < r->count; i++) {
		const struct trace_event *e = &r->events[i];
		__u64 *handle = &handles[e->slot];

		a.bytes = e->size;
		a.align = e->op == TRACE_ALLOC && e->align_shift ? 1ull << e->align_shift : 0;
		f.handle = *handle;
		if (e->op == TRACE_RESIZE) {
			resize(&a, &f, handle);
		} else if (e->op == TRACE_FREE) {
			call(MEMMGR_IOC_FREE, &f, "FREE");
		} else {
			call(MEMMGR_IOC_ALLOC, &a, "ALLOC");
			*handle = a.handle;
		}
	}
	return now() - start;
}

static void *shared(int fd, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	return memory;
}

static int replay(int fd)
{
	struct replay *r;
	struct stat st;
	void *slots;

	if (fstat(fd, &st))
		fail("replay");
	r = shared(fd, st.st_size);
	/* Shared memory is not counted. */
	slots = shared(-1, r->slots * sizeof(__u64));
	if (r->how == BY_CALLS) {
		device = open("/dev/memmgr", O_RDWR | O_CLOEXEC);
		if (device < 0)
			fail("/dev/memmgr");
		r->result = replay_calls(r, slots);
	} else if (r->how == BY_TIME) {
		r->result = replay_time(r, slots);
	} else {
		r->result = replay_memory(r, slots);
	}
	return 0;
}

/* ---- all traces ----------------------------------------------------------- */

/* Returns the number of an open file, which a new program may inherit. */
static int file_of(const struct trace *trace, enum how how, struct replay **to)
{
	size_t bytes = sizeof(struct replay) + trace->count * sizeof(*trace->events);
	int fd = memfd_create("trace", 0);

	if (fd < 0 || ftruncate(fd, bytes))
		fail("memfd");
	*to = shared(fd, bytes);
	(*to)->how = how;
	(*to)->slots = trace->slots;
	(*to)->count = trace->count;
	(*to)->peak_at = trace->peak_at;
	memcpy((*to)->events, trace->events, trace->count * sizeof(*trace->events));
	return fd;
}

static __u64 measure(const struct trace *trace, enum how how, const char *library)
{
	struct replay *r;
	int fd = file_of(trace, how, &r), status;
	char number[16];
	__u64 result;
	pid_t pid;

	/* Or the dynamic linker would go on without it. */
	if (*library && access(library, R_OK))
		fail(library);
	snprintf(number, sizeof(number), "%d", fd);
	pid = fork();
	if (!pid) {
		if (*library)
			setenv("LD_PRELOAD", library, 1);
		execl("/proc/self/exe", "mallocs", number, (char *)NULL);
		fail("exec");
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "mallocs: the replay with '%s' has failed\n", library);
		exit(1);
	}
	result = r->result;
	munmap(r, sizeof(*r) + trace->count * sizeof(*trace->events));
	close(fd);
	return result;
}

static void report_ratio(const char *impl, double worst, int n)
{
	printf("BENCH {\"name\":\"traces_least_region\",\"impl\":\"%s\",\"unit\":\"ratio\",", impl);
	printf("\"mean\":%.4f,\"max\":%.4f,\"n\":%d}\n", worst, worst, n);
}

int main(int argc, char **argv)
{
	bool calls = argc > 1 && !strcmp(argv[1], "memmgr");
	const char *library = calls || argc < 3 ? "" : argv[2];
	__u64 insns = 0, events = 0;
	double worst = 0;
	int i;

	if (argc == 2)
		return replay(atoi(argv[1]));
	for (i = calls ? 2 : 3; i < argc; i++) {
		struct trace_error error;
		struct trace trace;
		double ratio;

		if (trace_load(argv[i], 0, &trace, &error)) {
			fprintf(stderr, "%s: %s\n", argv[i], error.text);
			return 1;
		}
		insns += measure(&trace, calls ? BY_CALLS : BY_TIME, library);
		events += trace.count;
		ratio = calls ? 0 : (double)measure(&trace, BY_MEMORY, library) / trace.peak_bytes;
		if (ratio > worst)
			worst = ratio;
		trace_free(&trace);
	}
	if (!events)
		return 1;
	if (!calls)
		report_ratio(argv[1], worst, argc - 3);
	report("traces_event", argv[1], insns, events);
	return 0;
}
