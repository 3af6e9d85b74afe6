// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "basics.h"

__u64 now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int compare_offsets(const void *x, const void *y)
{
	const struct memmgr_alloc *a = x, *b = y;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

void sort_by_offset(struct memmgr_alloc *blocks, size_t count)
{
	qsort(blocks, count, sizeof(*blocks), compare_offsets);
}

void fill_pattern(unsigned char *p, size_t bytes, __u32 seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		p[i] = (unsigned char)((seed + 1) * 31 + i * 7 + (i >> 8)) | 1;
}

bool is_pattern(const unsigned char *p, size_t bytes, __u32 seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (p[i] != ((unsigned char)((seed + 1) * 31 + i * 7 + (i >> 8)) | 1))
			return false;
	return true;
}

bool is_zero(const unsigned char *p, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

__u32 test_random(__u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

__u64 test_number(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

__u32 test_seed(void)
{
	static __u32 seed;

	if (!seed) {
		seed = (__u32)test_number("SEED", now_ns(CLOCK_REALTIME)) | 1;
		fprintf(stderr, "# SEED=%u\n", seed);
	}
	return seed;
}

bool is_debug_kernel(void)
{
	const char *kernel = getenv("KERNEL");	/* debug, arm64-rt-debug */

	return !access("/sys/kernel/debug/kmemleak", F_OK) ||
	       (kernel && strstr(kernel, "debug"));
}

unsigned int race_rounds(unsigned int many)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? many : many / 4;
}

bool is_user_mode_linux(void)
{
	const char *kernel = getenv("KERNEL");

	return kernel && !strcmp(kernel, "um");
}

bool is_realtime(void)
{
	char value = 'N';
	int fd = open("/sys/module/memmgr/parameters/realtime", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, &value, 1) != 1)
		value = 'N';
	if (fd >= 0)
		close(fd);
	return value == 'Y';
}

unsigned int kernel_bits(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	char address[17] = "";

	if (symbols) {
		if (fscanf(symbols, "%16[0-9a-f]", address) != 1)
			address[0] = '\0';
		fclose(symbols);
	}
	return sizeof(long) == 8 || strlen(address) == 16 ? 64 : 32;
}

void wake_up(int signal)
{
}
