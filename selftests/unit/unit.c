// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The runner: picks the tests, seeds them, prints TAP. Each test starts with
 * its own seed, made from the program's seed and the test's name, so that it
 * does the same alone and in company.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "unit.h"

#define DEFAULT_SEED	20261122

static u64 state;
static u64 seed = DEFAULT_SEED;
static u32 ops;
static char context[160];
static jmp_buf failed;

/* splitmix64 (Steele, Lea, Flood: OOPSLA'14) */
static u64 random_next(void)
{
	u64 z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

u32 unit_random(void)
{
	return random_next();
}

/* 0 .. @limit - 1; @limit is not 0. */
u32 unit_below(u32 limit)
{
	return (random_next() >> 32) * limit >> 32;
}

bool unit_chance(u32 percent)
{
	return unit_below(100) < percent;
}

u32 unit_ops(u32 usual)
{
	return ops ? ops : usual;
}

void unit_context(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
}

void unit_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("# %s:%d: ", file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n# in: %s\n", context);
	longjmp(failed, 1);
}

/* A failed test leaves its memory behind: that is not the news. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static bool test_run(const struct unit_test *test)
{
	const char *c;

	state = seed;
	for (c = test->name; *c; c++)
		state = random_next() ^ (u8)*c;
	unit_context("%s", test->name);
	if (setjmp(failed))
		return false;
	test->run();
	return true;
}

static bool test_wanted(const struct unit_test *test, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, test->name))
			return true;
	return false;
}

static u64 parse_number(const char *program, const char *text)
{
	char *end = NULL;
	u64 n = text ? strtoull(text, &end, 0) : 0;

	if (!text || end == text || *end) {
		fprintf(stderr, "%s: a number is expected after --seed and --ops\n",
			program);
		exit(2);
	}
	return n;
}

/* Reads the options; returns the names behind them. */
static char **parse_options(char **argv, bool *list)
{
	const char *program = *argv++;
	const char *from_env = getenv("MEMMGR_SEED");

	if (from_env)
		seed = parse_number(program, from_env);
	for (; *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--seed")) {
			seed = parse_number(program, *++argv);
		} else if (!strcmp(*argv, "--ops")) {
			ops = parse_number(program, *++argv);
		} else if (!strcmp(*argv, "--list")) {
			*list = true;
		} else {
			fprintf(stderr, "usage: %s [--seed N] [--ops N] [--list] [TEST]...\n",
				program);
			exit(2);
		}
	}
	return argv;
}

int unit_main(int argc, char **argv, const struct unit_test *tests, u32 count)
{
	bool list = false;
	char **names = argc ? parse_options(argv, &list) : argv;
	u32 wanted = 0, number = 0, bad = 0;
	u32 i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < count; i++) {
		wanted += test_wanted(&tests[i], names);
		if (list)
			puts(tests[i].name);
	}
	if (list)
		return 0;
	printf("TAP version 13\n1..%u\n# seed %llu\n", wanted, seed);
	for (i = 0; i < count; i++) {
		bool ok;

		if (!test_wanted(&tests[i], names))
			continue;
		ok = test_run(&tests[i]);
		printf("%s %u - %s\n", ok ? "ok" : "not ok", ++number,
		       tests[i].name);
		bad += !ok;
	}
	return bad || !wanted;
}
