// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Bad numbers, drawn from whatever is the source of random ones. */
#include "unit.h"

/* A number that a careless check lets through. */
u64 unit_hostile(void)
{
	static const u64 numbers[] = {
		0, 1, 2, 3, 7, 31, 4095, 4097, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0x100000001, 0x7fffffffffffffff,
		0x8000000000000000, 0xfffffffffffff000, 0xfffffffffffffffe,
		0xffffffffffffffff,
	};

	if (unit_chance(20))
		return (u64)unit_random() << 32 | unit_random();
	if (unit_chance(20))
		return 1ull << unit_below(64);
	return numbers[unit_below(ARRAY_SIZE(numbers))];
}
