// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Exhaustive search, see explore.h. */
#include "explore.h"
#include "unit.h"

/**
 * struct seen - the states met so far
 * @x: the search
 * @copies: of the states, in the order of their discovery
 * @count: of them
 * @room: that many fit
 * @slots: hash table of 1 + their numbers, 0 for none
 * @mask: slots - 1
 */
struct seen {
	const struct explore *x;
	u8 *copies;
	u32 count;
	u32 room;
	u32 *slots;
	u32 mask;
};

static u32 hash(const u8 *bytes, size_t size)
{
	u64 h = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i + sizeof(u32) <= size; i += sizeof(u32)) {
		u32 w;

		memcpy(&w, bytes + i, sizeof(w));
		h = (h ^ w) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	return h >> 16;
}

static u8 *copy_of(const struct seen *seen, u32 i)
{
	return seen->copies + (size_t)i * seen->x->size;
}

static void seen_init(struct seen *seen, const struct explore *x)
{
	u32 slots = 1;

	while (slots < 2 * x->max_states)
		slots *= 2;
	*seen = (struct seen) {
		.x = x,
		.slots = calloc(slots, sizeof(*seen->slots)),
		.mask = slots - 1,
	};
}

/* Remember the present state; false when it was known. */
static bool seen_add(struct seen *seen)
{
	const struct explore *x = seen->x;
	u32 slot = hash(x->state, x->size) & seen->mask;

	for (; seen->slots[slot]; slot = (slot + 1) & seen->mask)
		if (!memcmp(copy_of(seen, seen->slots[slot] - 1), x->state,
			    x->size))
			return false;
	EXPECT(seen->count < x->max_states, "more than %u states",
	       x->max_states);
	if (seen->count == seen->room) {
		seen->room = seen->room ? 2 * seen->room : 64;
		seen->copies = realloc(seen->copies, seen->room * x->size);
	}
	memcpy(copy_of(seen, seen->count), x->state, x->size);
	seen->slots[slot] = ++seen->count;
	return true;
}

u32 explore(const struct explore *x)
{
	struct seen seen;
	u32 from, i;

	seen_init(&seen, x);
	x->settle(x->state);
	seen_add(&seen);
	x->verify(x->state);
	for (from = 0; from < seen.count; from++) {
		for (i = 0;; i++) {
			memcpy(x->state, copy_of(&seen, from), x->size);
			if (!x->move(x->state, i))
				break;
			x->settle(x->state);
			if (seen_add(&seen))
				x->verify(x->state);
		}
	}
	free(seen.copies);
	free(seen.slots);
	return seen.count;
}

void explore_menu_init(struct explore_menu *menu, u32 shift, u32 granules, u32 step)
{
	*menu = (struct explore_menu) {
		.shift = shift, .step = step, .steps = granules / step,
		.aligns = env_highest(granules / step) + 1,
	};
}

static u64 menu_bytes(const struct explore_menu *menu, u32 steps)
{
	return (u64)menu->step * steps << menu->shift;
}

bool explore_pick(const struct explore_menu *menu, u32 i, u64 total, enum explore_what *what,
		  struct engine_request *rq, u64 *offset)
{
	u32 allocs = menu->steps * menu->aligns, size, align;

	*rq = (struct engine_request) { 0 };
	if (i < allocs) {
		align = i / menu->steps;
		*what = EXPLORE_ALLOC;
		rq->bytes = menu_bytes(menu, i % menu->steps + 1);
		rq->align = align ? 1ull << (menu->shift + env_highest(menu->step) + align) : 0;
		return true;
	}
	size = (i - allocs) % (menu->steps + 1);
	*offset = menu_bytes(menu, (i - allocs) / (menu->steps + 1));
	*what = size == menu->steps ? EXPLORE_FREE : EXPLORE_RESIZE;
	rq->bytes = menu_bytes(menu, size + 1);
	return *offset < total;
}
