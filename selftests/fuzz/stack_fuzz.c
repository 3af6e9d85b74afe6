// SPDX-License-Identifier: GPL-2.0-only OR MIT
#define main stack_test_main
#include "../unit/stack_test.c"
#undef main
#include "fuzz.h"

void fuzz_run(void)
{
	struct rig *rig = rig_new(1 + unit_below(300), 1 + unit_below(30));

	while (fuzz_more())
		step(rig, 60);
	verify(rig);
	free(rig);
}
