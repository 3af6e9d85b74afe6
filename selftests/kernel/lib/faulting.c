// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35)
#include <sys/rseq.h>
#endif

#include "kselftest.h"

#include "faulting.h"

#define FAULTING_NTH	"/proc/thread-self/fail-nth"

bool faulting_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text);
}

bool fault_at(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	return faulting_write(FAULTING_NTH, text);
}

bool fault_end(void)
{
	int fd = open(FAULTING_NTH, O_RDONLY | O_CLOEXEC);
	char text[16] = "1";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return fault_at(0) && n > 0 && !atoi(text);
}

/*
 * What the kernel does for the thread besides would be counted too. So all of its memory is
 * there before; and a C library that has asked the kernel to tell it the CPU at each
 * preemption has to do without, because it is ended when that is what fails.
 */
static bool faulting_settle(void)
{
	volatile char stack[65536];
	size_t i;

#ifdef RSEQ_SIG
	/* What is registered is never shorter than the first published form. */
	if (__rseq_size && syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
				   __rseq_size < 32 ? 32 : __rseq_size,
				   1 /* RSEQ_FLAG_UNREGISTER */, RSEQ_SIG))
		return false;
#endif
	for (i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 0;
	return !mlockall(MCL_CURRENT);
}

/*
 * The search for leaks ends for good when it lacks memory. Where there is one, all caches
 * but its own were marked on the kernel's command line, see load-fault.boot.
 */
static bool faulting_caches(void)
{
	bool searches = !access("/sys/kernel/slab/kmemleak_object", F_OK);
	int fd = open("/sys/kernel/slab/kmalloc-64/failslab", O_RDONLY | O_CLOEXEC);
	char marked = '0';

	if (fd >= 0) {
		if (read(fd, &marked, 1) < 0)
			marked = '0';
		close(fd);
	}
	return (marked == '1' || !searches) &&
	       faulting_write("/sys/kernel/debug/failslab/cache-filter", searches ? "1" : "0");
}

/* Open while allocations fail, because opening it needs one. */
static int make_it_fail = -1;

bool faulting_begin(void)
{
	static const char * const settings[][2] = {
		{ "failslab", "ignore-gfp-wait" },
		{ "fail_page_alloc", "ignore-gfp-wait" },
		{ "fail_page_alloc", "ignore-gfp-highmem" },
		{ "failslab", "verbose" },
		{ "fail_page_alloc", "verbose" },
		{ "fail_usercopy", "verbose" },
	};
	char path[96];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", settings[i][0],
			 settings[i][1]);
		if (!faulting_write(path, "0"))
			return false;
	}
	if (make_it_fail < 0)
		make_it_fail = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	return make_it_fail >= 0 && fault_at(0) && faulting_caches() && faulting_settle();
}

/* The settings of both injections of allocations; @to is the probability in percent. */
static bool faulting_always(const char *to)
{
	static const char * const injections[] = { "failslab", "fail_page_alloc" };
	const char * const settings[][2] = {
		{ "task-filter", "Y" }, { "interval", "1" }, { "space", "0" }, { "times", "-1" },
		{ "probability", to },
	};
	char path[96];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(injections); i++)
		for (k = 0; k < ARRAY_SIZE(settings); k++) {
			snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", injections[i],
				 settings[k][0]);
			if (!faulting_write(path, settings[k][1]))
				return false;
		}
	return faulting_write("/sys/kernel/debug/fail_page_alloc/min-order", "0");
}

bool faulting_on(void)
{
	return faulting_always("100") && write(make_it_fail, "1", 1) == 1;
}

bool faulting_off(void)
{
	bool off = write(make_it_fail, "0", 1) == 1;

	return faulting_always("0") && off;
}
