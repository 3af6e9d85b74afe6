/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What every unit test program shares: options, random numbers, TAP. */
#ifndef UNIT_H
#define UNIT_H

#include <stdlib.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct unit_test - one test
 * @name: flat and stable
 * @run: returns when it passed; a failed EXPECT() leaves it
 */
struct unit_test {
	const char *name;
	void (*run)(void);
};

int unit_main(int argc, char **argv, const struct unit_test *tests, u32 count);

/* Operations of one random run: @usual, or what --ops says. */
u32 unit_ops(u32 usual);

/* Random numbers: they repeat with the seed and the name of the test. */
u32 unit_random(void);
u32 unit_below(u32 limit);
bool unit_chance(u32 percent);
u64 unit_hostile(void);

/* Where a test is: printed when it fails. */
void unit_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

void unit_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));

#define EXPECT(condition, ...) do {				\
	if (!(condition))					\
		unit_fail(__FILE__, __LINE__, __VA_ARGS__);	\
} while (0)

#define EXPECT_EQ(seen, expected) do {				\
	long long eq_seen = (long long)(seen);			\
	long long eq_expected = (long long)(expected);		\
								\
	EXPECT(eq_seen == eq_expected,				\
	       "%s is %lld, expected %s = %lld", #seen, eq_seen, \
	       #expected, eq_expected);				\
} while (0)

#endif /* UNIT_H */
