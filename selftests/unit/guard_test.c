// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Red zones and poison: each damaged byte is found, at its place.
 *
 * Rule: module/core/guard.h.
 */
#include "core/guard.h"
#include "unit.h"

#define ROOM	96u

static const enum guard_kind kinds[] = { GUARD_ZONE, GUARD_POISON };

static struct guard random_guard(void)
{
	return (struct guard) {
		.kind = kinds[unit_below(ARRAY_SIZE(kinds))],
		.key = unit_random(),
		.position = (u64)unit_random() << unit_below(33),
	};
}

/* Filled in @room from @at on, with a margin of other bytes on both sides. */
static void filled(const struct guard *guard, u8 *room, u32 at, u32 bytes)
{
	u32 i;

	memset(room, 0x11, ROOM);
	guard_fill(guard, room + at, bytes);
	for (i = 0; i < ROOM; i++)
		EXPECT((room[i] == 0x11) == (i < at || i >= at + bytes), "byte %u", i);
}

/* At every place in words, of every length: nothing beside it is written. */
static void guard_fill_stays_inside(void)
{
	u32 at, bytes, shift;
	u8 room[ROOM];

	for (shift = 0; shift < 9; shift++)
		for (at = 0; at < 9; at++)
			for (bytes = 0; bytes < 40; bytes++) {
				struct guard guard = random_guard();

				guard.position += shift;
				filled(&guard, room, at, bytes);
				EXPECT_EQ(guard_check(&guard, room + at, bytes), bytes);
				EXPECT_EQ(guard_damage(&guard, room + at, bytes), 0);
			}
}

/* Every value but the right one, at every place. */
static void guard_each_byte_each_value(void)
{
	u32 at, bytes = 29, i, value;
	u8 room[ROOM];

	for (at = 0; at < 8; at++) {
		struct guard guard = random_guard();

		filled(&guard, room, at, bytes);
		for (i = 0; i < bytes; i++) {
			u8 right = room[at + i];

			for (value = 0; value < 256; value++) {
				bool same = value == right;

				unit_context("byte %u of %u, value %u", i, bytes, value);
				room[at + i] = value;
				EXPECT_EQ(guard_check(&guard, room + at, bytes), same ? bytes : i);
				EXPECT_EQ(guard_damage(&guard, room + at, bytes), same ? 0 : i + 1);
			}
			room[at + i] = right;
		}
	}
}

/* Any set of damaged bytes: the first and the last one are told. */
static void guard_first_and_last(void)
{
	u32 op, ops = unit_ops(20000), i;
	u8 room[ROOM];

	for (op = 0; op < ops; op++) {
		u32 at = unit_below(16), bytes = 1 + unit_below(64), percent = unit_below(40);
		struct guard guard = random_guard();
		size_t first = bytes, end = 0;

		filled(&guard, room, at, bytes);
		for (i = 0; i < bytes; i++) {
			if (!unit_chance(percent))
				continue;
			room[at + i] ^= 1 + unit_below(255);
			first = first == bytes ? i : first;
			end = i + 1;
		}
		EXPECT_EQ(guard_check(&guard, room + at, bytes), first);
		EXPECT_EQ(guard_damage(&guard, room + at, bytes), end);
	}
}

/* A part of a pattern is the pattern of that part. */
static void guard_parts_fit(void)
{
	u32 op, ops = unit_ops(20000);
	u8 whole[64], part[64];

	for (op = 0; op < ops; op++) {
		u32 from = unit_below(64), bytes = unit_below(65 - from);
		struct guard guard = random_guard();

		guard_fill(&guard, whole, sizeof(whole));
		guard.position += from;
		guard_fill(&guard, part, bytes);
		EXPECT(!memcmp(whole + from, part, bytes), "from %u, %u bytes", from, bytes);
	}
}

/* What strays most often is in no pattern; and the kinds have no byte in common. */
static void guard_bytes_of_kinds(void)
{
	u8 room[ROOM];
	u32 op, i;

	for (op = 0; op < 2000; op++) {
		struct guard guard = random_guard();

		guard_fill(&guard, room, sizeof(room));
		for (i = 0; i < sizeof(room); i++) {
			if (guard.kind == GUARD_ZONE)
				EXPECT(room[i] >= 0x80 && room[i] <= 0xbf, "%#x", room[i]);
			else
				EXPECT(room[i] >= 0x60 && room[i] <= 0x7f, "%#x", room[i]);
		}
	}
}

/*
 * A zone copied from elsewhere is no zone here: other keys, and other positions,
 * have other bytes in nearly every word of eight.
 */
static void guard_varies(void)
{
	u32 key, move, same = 0, tries = 0;
	u8 here[16];

	for (key = 0; key < 1000; key++) {
		struct guard guard = { .key = key, .position = 4096 };

		guard_fill(&guard, here, sizeof(here));
		guard.key = key + 1;
		same += guard_check(&guard, here, sizeof(here)) == sizeof(here);
		guard.key = key;
		for (move = 1; move <= 64; move++, tries++) {
			guard.position = 4096 + move;
			same += guard_check(&guard, here, sizeof(here)) == sizeof(here);
		}
	}
	EXPECT(!same, "%u of %u alike", same, tries + 1000);
}

static const struct unit_test tests[] = {
	{ "guard_fill_stays_inside", guard_fill_stays_inside },
	{ "guard_each_byte_each_value", guard_each_byte_each_value },
	{ "guard_first_and_last", guard_first_and_last },
	{ "guard_parts_fit", guard_parts_fit },
	{ "guard_bytes_of_kinds", guard_bytes_of_kinds },
	{ "guard_varies", guard_varies },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
