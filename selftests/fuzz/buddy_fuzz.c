// SPDX-License-Identifier: GPL-2.0-only OR MIT
#define main buddy_test_main
#include "../unit/buddy_test.c"
#undef main
#include "fuzz.h"

#define MOST	1200

void fuzz_run(void)
{
	static u64 meta[2 * MOST];
	static struct model_unit units[MOST];
	struct run run = {
		.granules = 1 + unit_below(unit_chance(50) ? 70 : MOST),
		.shift = 5 + unit_below(12),
		.flags = unit_chance(70) ? BUDDY_JOIN : 0,
	};
	struct buddy_rig rig;

	run.lead = unit_chance(50) ? 0 : unit_below(run.granules);
	EXPECT(buddy_meta_size(run.lead, run.granules) <= sizeof(meta), "no room");
	buddy_rig_init(&rig, run.lead, run.granules, run.shift, run.flags, meta, units);
	while (fuzz_more())
		step(&rig, &run, 55);
	buddy_rig_verify(&rig);
}
