// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Buddy against its model: random operations, and its fixed promises.
 *
 * Rule: module/core/buddy.h.
 */
#include "buddy_rig.h"
#include "unit.h"

/**
 * struct run - one random run
 * @lead: place of the first granule
 * @granules: of the region
 * @shift: log2 of the granule
 * @flags: of the engine
 * @ops: operations
 */
struct run {
	u32 lead;
	u32 granules;
	u32 shift;
	u32 flags;
	u32 ops;
};

/* A size in granules: small ones and powers of two more often than others. */
static u32 some_granules(u32 granules)
{
	switch (unit_below(8)) {
	case 0:
		return 1 + unit_below(granules);
	case 1:
		return 1 + unit_below(granules / 8 + 1);
	case 2:
		return 1u << unit_below(env_highest(granules) + 1);
	case 3:
		return 1 + unit_below(70);
	default:
		return 1 + unit_below(5);
	}
}

static u64 some_bytes(const struct run *run)
{
	u64 bytes = (u64)some_granules(run->granules) << run->shift;

	if (unit_chance(2))
		return unit_hostile();
	return unit_chance(50) ? bytes : bytes - unit_below(1u << run->shift);
}

static u64 some_align(const struct run *run)
{
	if (unit_chance(2))
		return unit_hostile();
	if (unit_chance(70))
		return unit_below(2);
	return 1ull << unit_below(run->shift + env_highest(run->granules) + 2);
}

/* The offset of a live block, or one near it, or any. */
static u64 some_offset(const struct buddy_rig *rig, const struct run *run)
{
	const struct model_unit *unit = model_any(&rig->m);
	u64 offset = unit ? model_offset(&rig->m, unit) : 0;

	switch (unit_below(10)) {
	case 0:
		return unit_hostile();
	case 1:
		return (u64)unit_below(run->granules + 2) << run->shift;
	case 2:
		return offset + (1ull << run->shift);
	case 3:
		return offset + 1 + unit_below((1u << run->shift) - 1);
	default:
		return offset;
	}
}

static void step_alloc(struct buddy_rig *rig, const struct run *run)
{
	struct engine_request rq = {
		.bytes = some_bytes(run),
		.align = some_align(run),
		.recorded = unit_chance(50),
	};

	if (unit_chance(30))
		buddy_rig_take(rig, max_t(u32, 1, rq.bytes));
	else
		buddy_rig_alloc(rig, &rq);
}

/* What the block at @offset needs to be touched; sometimes the contrary. */
static bool some_recorded(const struct buddy_rig *rig, u64 offset)
{
	const struct model_unit *unit = model_at(&rig->m, offset);

	return (unit && unit->recorded) != unit_chance(5);
}

static void step_free(struct buddy_rig *rig, const struct run *run)
{
	u64 offset = some_offset(rig, run);
	bool recorded = some_recorded(rig, offset);

	if (unit_chance(30))
		buddy_rig_give(rig, offset >> run->shift);
	else if (model_try_free(&rig->m, &rig->b.e, offset, recorded) &&
		 unit_chance(10))
		model_try_free(&rig->m, &rig->b.e, offset, recorded);
}

static void step_resize(struct buddy_rig *rig, const struct run *run)
{
	u64 offset = some_offset(rig, run);
	struct engine_request rq = {
		.bytes = some_bytes(run),
		.align = unit_hostile(),
		.recorded = some_recorded(rig, offset),
	};

	buddy_rig_resize(rig, offset, &rq);
}

static void step(struct buddy_rig *rig, const struct run *run, u32 fill)
{
	u32 dice = unit_below(100);

	if (dice < 10)
		step_resize(rig, run);
	else if (dice < 15)
		model_try_find(&rig->m, &rig->b.e, some_offset(rig, run));
	else if (unit_chance(fill))
		step_alloc(rig, run);
	else
		step_free(rig, run);
}

static void run_random(const struct run *run)
{
	u32 ops = unit_ops(run->ops);
	u32 every = unit_chance(80) ? 32 + run->granules / 8 : ops;
	struct buddy_rig *rig = malloc(sizeof(*rig));
	void *meta = malloc(buddy_meta_size(run->lead, run->granules));
	void *units = malloc(model_size(run->granules));
	u32 fill = 50;
	u32 i;

	unit_context("%u granules of 2^%u behind %u, flags %u", run->granules, run->shift,
		     run->lead, run->flags);
	buddy_rig_init(rig, run->lead, run->granules, run->shift, run->flags, meta, units);
	buddy_rig_verify(rig);
	for (i = 0; i < ops; i++) {
		unit_context("%u granules of 2^%u behind %u, flags %u, operation %u",
			     run->granules, run->shift, run->lead, run->flags, i);
		if (i % every == 0)
			fill = 30 + 10 * unit_below(6);
		step(rig, run, fill);
		if (i % every == 0 || i + 1 == ops)
			buddy_rig_verify(rig);
	}
	free(rig);
	free(meta);
	free(units);
}

static void run_sizes(u32 flags, const u32 *granules, u32 count, u32 ops)
{
	static const u32 shifts[] = { 12, 5, 16, 7 };
	u32 i;

	for (i = 0; i < count; i++) {
		struct run run = {
			.lead = unit_chance(50) ? unit_below(granules[i]) : 0,
			.granules = granules[i],
			.shift = shifts[i % ARRAY_SIZE(shifts)],
			.flags = flags,
			.ops = ops,
		};

		run_random(&run);
	}
}

static const u32 small[] = {
	1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 95, 96,
	97, 127, 128, 160, 200, 255, 256, 300,
};

static const u32 middle[] = { 1000, 1023, 1024, 1025, 1056, 2048, 4096 };

static const u32 large[] = { 32767, 32768, 32769, 65536, 100000 };

static void buddy_differential(void)
{
	run_sizes(BUDDY_JOIN, small, ARRAY_SIZE(small), 40000);
	run_sizes(BUDDY_JOIN, middle, ARRAY_SIZE(middle), 20000);
}

static void buddy_differential_no_join(void)
{
	run_sizes(0, small, ARRAY_SIZE(small), 30000);
	run_sizes(0, middle, ARRAY_SIZE(middle), 10000);
}

static void buddy_differential_large(void)
{
	run_sizes(BUDDY_JOIN, large, ARRAY_SIZE(large), 3000);
	run_sizes(0, large, ARRAY_SIZE(large), 1000);
}

/* 4 GiB of pages. */
static void buddy_differential_4g(void)
{
	const struct run run = {
		.granules = 1u << 20,
		.shift = 12,
		.flags = BUDDY_JOIN,
		.ops = 200,
	};

	run_random(&run);
}

static const struct unit_test tests[] = {
	{ "buddy_differential", buddy_differential },
	{ "buddy_differential_no_join", buddy_differential_no_join },
	{ "buddy_differential_large", buddy_differential_large },
	{ "buddy_differential_4g", buddy_differential_4g },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
