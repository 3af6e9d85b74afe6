// SPDX-License-Identifier: GPL-2.0-only OR MIT
#define main pool_test_main
#include "../unit/pool_test.c"
#undef main
#include "fuzz.h"

void fuzz_run(void)
{
	struct rig *rig = rig_new(1 + unit_below(300), 8u << unit_below(6),
				  1 + unit_below(40));

	while (fuzz_more())
		step(rig, 55);
	verify(rig);
	free(rig);
}
