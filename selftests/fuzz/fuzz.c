// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a target needs of unit.c, made from the fuzzer's input. */
#include <stdarg.h>
#include <stdio.h>

#include "fuzz.h"
#include "../unit/unit.h"

static const uint8_t *input;
static size_t left;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	left = size;
	fuzz_run();
	return 0;
}

bool fuzz_more(void)
{
	return left;
}

/* The next byte; 0 behind the end. */
static u8 fuzz_byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

u32 unit_random(void)
{
	u32 w = fuzz_byte();

	w |= (u32)fuzz_byte() << 8;
	w |= (u32)fuzz_byte() << 16;
	return w | (u32)fuzz_byte() << 24;
}

/* As few bytes as will do: a short input is a long run. */
u32 unit_below(u32 limit)
{
	u32 w = fuzz_byte();

	if (limit > 1u << 8)
		w |= (u32)fuzz_byte() << 8;
	if (limit > 1u << 16)
		w |= (u32)fuzz_byte() << 16;
	return w % limit;
}

bool unit_chance(u32 percent)
{
	return unit_below(100) < percent;
}

u32 unit_ops(u32 usual)
{
	return usual;
}

void unit_context(const char *format, ...)
{
	(void)format;
}

void unit_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

/* The targets bring the tests' own list along; it is not run. */
int unit_main(int argc, char **argv, const struct unit_test *tests, u32 count)
{
	(void)argc;
	(void)argv;
	(void)tests;
	return count;
}
