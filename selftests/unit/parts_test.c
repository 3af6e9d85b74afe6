// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The small parts of the engines: sets of bits, division, classes.
 *
 * Rule: the headers of these parts in module/core/.
 */
#include "core/bits.h"
#include "core/divide.h"
#include "core/engine.h"
#include "core/handle.h"
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

static void divide_around(u32 n, u32 by)
{
	struct divisor divisor = divisor_of(by);
	u32 i;

	for (i = n - 2; i != n + 3; i++) {
		u32 q = divide(i, divisor);

		EXPECT(i % by ? q > ~0u / by : q == i / by, "%u / %u is %u", i, by, q);
	}
}

/* The quotient of every multiple, and a number that is none for all others. */
static void divide_exact(void)
{
	u32 by, i;

	for (by = 1; by < 5000; by++) {
		u32 last = ~0u / by;

		for (i = 0; i < 30; i++) {
			divide_around((by > 1 ? unit_below(last + 1) : unit_random()) * by, by);
			divide_around((last - i) * by, by);
			divide_around(i * by, by);
		}
	}
	for (i = 0; i < unit_ops(1000000); i++) {
		by = max(1u, unit_random() >> unit_below(31));
		divide_around(unit_random() / by * by, by);
		divide_around(~0u / by * by, by);
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

/* A handle says which heap and record it is of, and grows until there is none. */
static void handles_of(u32 records, u64 last, u32 heap)
{
	u32 bits = handle_bits(records), shift = HANDLE_HEAP_BITS + bits;
	u32 record = unit_chance(50) ? records - 1 : unit_below(records);
	u64 handle = handle_first(last, heap, record, bits), next;
	u32 i;

	unit_context("%u records, heap %u, behind %llx", records, heap,
		     (unsigned long long)last);
	EXPECT(handle > last && handle, "it came before");
	for (i = 0; i < 200; i++) {
		EXPECT_EQ(handle_heap(handle), heap);
		EXPECT_EQ(handle_record(handle, bits), record);
		next = handle_next(handle, bits);
		EXPECT_EQ(next == HANDLE_NONE, handle >> shift == ~0ull >> shift);
		if (next == HANDLE_NONE)
			break;
		EXPECT(next > handle, "it came before");
		EXPECT_EQ(next >> shift, (handle >> shift) + 1);
		/* Soon to the last one. */
		handle = next;
		if (i == 100)
			handle |= ~0ull << shift & ~(30ull << shift);
	}
	EXPECT_EQ(next, HANDLE_NONE);
	EXPECT(handle_heap(next) >= MEMMGR_MAX_HEAPS, "no handle is one of heap %u",
	       handle_heap(next));
}

static void handles_never_repeat(void)
{
	static const u32 counts[] = { 1, 2, 3, 4, 5, 4095, 4096, 4097, 1u << 24 };
	u64 last;
	u32 i, k;

	EXPECT_EQ(handle_bits(1), 0);
	EXPECT_EQ(handle_bits(4096), 12);
	EXPECT_EQ(handle_bits(4097), 13);
	EXPECT_EQ(handle_bits(1u << 24), HANDLE_RECORD_BITS);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (k = 0; k < 2000; k++) {
			/* What a heap of any other number of records left. */
			last = k ? unit_hostile() : 0;
			if (handle_left(last))
				handles_of(counts[i], last, unit_below(MEMMGR_MAX_HEAPS));
		}
		handles_of(counts[i], 0xfffffffeffffffff, 0);
	}
	EXPECT(handle_left(0xfffffffeffffffff), "used up too early");
	EXPECT(!handle_left(0xffffffff00000000), "used up too late");
	EXPECT(!handle_left(HANDLE_NONE), "used up too late");
}

static const struct unit_test tests[] = {
	{ "bits_against_array", bits_against_array },
	{ "divide_exact", divide_exact },
	{ "size_classes", size_classes },
	{ "handles_never_repeat", handles_never_repeat },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
