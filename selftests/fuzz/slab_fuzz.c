// SPDX-License-Identifier: GPL-2.0-only OR MIT
#define main slab_test_main
#include "../unit/slab_test.c"
#undef main
#include "fuzz.h"

void fuzz_run(void)
{
	struct slab_layout layout;
	struct slab_rig *rig;

	EXPECT_EQ(slab_layout(&layout, 1 + unit_below(3000), 8u << unit_below(5),
			      1u << 30, 12), 0);
	layout.max = 1 + unit_below(4);
	rig = slab_rig_new(&layout);
	slab_rig_prepare(rig, unit_below(20));
	while (fuzz_more())
		step(rig, 55);
	slab_rig_verify(rig);
	free(rig);
}
