// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The small parts that the engines stand on: sets of bits, division, classes. */
#include "bits.h"
#include "divide.h"
#include "engine.h"
#include "unit.h"

static u32 first_of(const bool *in, u32 size)
{
	u32 i;

	for (i = 0; i < size && !in[i]; i++)
		;
	return i;
}

static void bits_run(u32 size, u32 ops)
{
	u32 *words = calloc(bits_size(size), sizeof(*words));
	bool *in = calloc(size, sizeof(*in));
	struct bits b = { 0 };
	u32 i, n = 0;

	EXPECT(bits_init(&b, size, words) == words + bits_size(size),
	       "bits_init() and bits_size() differ");
	for (i = 0; i < ops; i++) {
		u32 at = unit_chance(50) ? unit_below(size) :
			 unit_below(min(size, 40u));

		unit_context("a set of %u, operation %u", size, i);
		EXPECT_EQ(bits_test(&b, at), in[at]);
		n += in[at] ? -1 : 1;
		in[at] = !in[at];
		if (in[at])
			bits_set(&b, at);
		else
			bits_clear(&b, at);
		EXPECT_EQ(bits_empty(&b), !n);
		if (n)
			EXPECT_EQ(bits_first(&b), first_of(in, size));
	}
	for (i = 0; i < size; i++)
		EXPECT_EQ(bits_test(&b, i), in[i]);
	free(in);
	free(words);
}

/* A second set or clear of the same member changes nothing. */
static void bits_twice(void)
{
	u32 words[64] = { 0 };
	struct bits b;

	EXPECT(bits_size(1025) <= ARRAY_SIZE(words), "words");
	bits_init(&b, 1025, words);
	bits_set(&b, 1024);
	bits_set(&b, 1024);
	bits_set(&b, 33);
	EXPECT_EQ(bits_first(&b), 33);
	bits_clear(&b, 33);
	bits_clear(&b, 33);
	bits_clear(&b, 500);
	EXPECT_EQ(bits_first(&b), 1024);
	bits_clear(&b, 1024);
	EXPECT(bits_empty(&b), "not empty");
}

static void bits_against_array(void)
{
	static const u32 sizes[] = {
		1, 2, 31, 32, 33, 63, 64, 65, 1000, 1023, 1024, 1025, 2049,
		32767, 32768, 32769, 100000, 1u << 20,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		bits_run(sizes[i], unit_ops(sizes[i] > 5000 ? 300 : 5000));
	bits_twice();
}

static void divide_around(u32 n, u32 by, u64 magic)
{
	u32 i;

	for (i = n - 2; i != n + 3; i++)
		EXPECT(divide(i, magic) == i / by, "%u / %u is %u, expected %u",
		       i, by, divide(i, magic), i / by);
}

/* Exact at every multiple, where it is hardest, and everywhere else. */
static void divide_exact(void)
{
	u32 by, i;

	for (by = 2; by < 5000; by++) {
		u64 magic = divide_magic(by);
		u32 last = ~0u / by;

		for (i = 0; i < 30; i++) {
			divide_around(unit_below(last + 1) * by, by, magic);
			divide_around((last - i) * by, by, magic);
			divide_around(i * by, by, magic);
		}
	}
	for (i = 0; i < unit_ops(1000000); i++) {
		by = max(2u, unit_random() >> unit_below(31));
		divide_around(unit_random() / by * by, by, divide_magic(by));
		divide_around(~0u / by * by, by, divide_magic(by));
	}
}

static void size_classes(void)
{
	u32 c;

	EXPECT_EQ(engine_class(1), 0);
	EXPECT_EQ(engine_class(2), 1);
	EXPECT_EQ(engine_class(3), 2);
	EXPECT_EQ(engine_class(4), 2);
	EXPECT_EQ(engine_class(5), 3);
	for (c = 1; c < MEMMGR_CLASSES; c++) {
		EXPECT_EQ(engine_class(1ull << c), c);
		EXPECT_EQ(engine_class((1ull << (c - 1)) + 1), c);
	}
	EXPECT_EQ(engine_class((1ull << 32) + 1), MEMMGR_CLASSES - 1);
	EXPECT_EQ(engine_class(~0ull), MEMMGR_CLASSES - 1);
}

static const struct unit_test tests[] = {
	{ "bits_against_array", bits_against_array },
	{ "divide_exact", divide_exact },
	{ "size_classes", size_classes },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
