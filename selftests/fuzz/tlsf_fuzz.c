// SPDX-License-Identifier: GPL-2.0-only OR MIT
#define main tlsf_test_main
#include "../unit/tlsf_test.c"
#undef main
#include "fuzz.h"

#define MOST	1200

void fuzz_run(void)
{
	u32 granules = 1 + unit_below(unit_chance(50) ? 70 : MOST);
	u32 shift = TLSF_MIN_SHIFT + unit_below(TLSF_MAX_SHIFT - TLSF_MIN_SHIFT + 1);
	u32 lead = unit_chance(50) ? 0 : unit_below(granules);
	bool moves = unit_chance(50);
	struct rig rig;
	u32 i;

	rig_init(&rig, lead, granules, shift, unit_chance(70) ? TLSF_SEARCH : 0);
	while (fuzz_more())
		step(&rig, 55, moves);
	for (i = 0; i < SLIDES; i++)
		slide_end(&rig, &rig.sliding[i]);
	rig_verify(&rig);
	rig_picture(&rig);
	rig_end(&rig);
}
