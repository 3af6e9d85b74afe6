// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The patterns of core/guard.c in the memory of a region. */
#include <linux/minmax.h>
#include <linux/sched.h>
#include <uapi/linux/memmgr.h>

#include "core/guard.h"
#include "debug/pattern.h"
#include "region/memory.h"
#include "region/region.h"

#define PIECE	64u	/* buffer on the stack, because device mappings limit accesses */
#define PAUSE	(1u << 15)	/* bytes between two chances for other tasks to run */

static struct guard guard_at(const struct pattern *pattern, u64 done)
{
	return (struct guard) {
		.kind = pattern->kind,
		.key = pattern->key,
		.position = pattern->place + done,
	};
}

static void pattern_pause(u64 done, bool may_sleep)
{
	if (may_sleep && !(done & (PAUSE - 1)))
		cond_resched();
}

/**
 * pattern_fill - write a pattern
 * @region: the region
 * @pattern: the pattern
 * @may_sleep: reschedule now and then
 *
 * Context: any; process, if @may_sleep. O(bytes).
 */
void pattern_fill(const struct region *region, const struct pattern *pattern, bool may_sleep)
{
	struct guard guard;
	u8 piece[PIECE];
	u64 done;
	u32 n;

	for (done = 0; done < pattern->bytes; done += n) {
		n = min_t(u64, pattern->bytes - done, PIECE);
		guard = guard_at(pattern, done);
		guard_fill(&guard, piece, n);
		region_copy_in(region, pattern->place + done, piece, n);
		pattern_pause(done, may_sleep);
	}
}

/* Show the damage from @first up to, but without, @end in a report. */
static void pattern_dump(const struct region *region, const struct pattern *pattern,
			 u64 first, u64 end, struct memmgr_corruption *c)
{
	struct guard guard = guard_at(pattern, first);

	c->offset = pattern->place + first;
	c->damaged = end - first;
	c->dump = min_t(u64, end - first, MEMMGR_CORRUPTION_DUMP);
	guard_fill(&guard, c->expected, c->dump);
	region_copy(region, c->offset, c->found, c->dump);
}

/**
 * pattern_damaged - check a pattern that was written
 * @region: the region
 * @pattern: the pattern
 * @c: if there is damage: offset, damaged and the dumps are filled in
 * @may_sleep: reschedule now and then
 *
 * Context: any; process, if @may_sleep. O(bytes).
 * Return: true if there is damage.
 */
bool pattern_damaged(const struct region *region, const struct pattern *pattern,
		     struct memmgr_corruption *c, bool may_sleep)
{
	u64 done, first = 0, end = 0;
	struct guard guard;
	u8 piece[PIECE];
	u32 n, at;

	for (done = 0; done < pattern->bytes; done += n) {
		n = min_t(u64, pattern->bytes - done, PIECE);
		guard = guard_at(pattern, done);
		region_copy(region, pattern->place + done, piece, n);
		at = guard_check(&guard, piece, n);
		pattern_pause(done, may_sleep);
		if (at == n)
			continue;
		if (!end)
			first = done + at;
		end = done + guard_damage(&guard, piece, n);
	}
	if (end)
		pattern_dump(region, pattern, first, end, c);
	return end;
}
