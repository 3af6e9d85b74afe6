// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * check() can fail: every bit of an engine's state is turned around, one at a
 * time, and check() must notice, without doing harm itself. Left out is what
 * never changes after init (sizes, addresses), what is only counted (totals
 * ever), and what the tables below say.
 */
#include <stdio.h>

#include "buddy.h"
#include "pool.h"
#include "slab.h"
#include "stack.h"
#include "unit.h"

/* Is bit @bit of byte @byte of the part one that nothing depends on? */
typedef bool (*dont_care_fn)(const void *engine, u32 byte, u32 bit);

/**
 * struct part - a piece of an engine's state
 * @name: for people
 * @at: where it is
 * @bytes: its size
 * @dont_care: bits that may have any value; NULL when there are none
 */
struct part {
	const char *name;
	void *at;
	size_t bytes;
	dont_care_fn dont_care;
};

static bool healthy(struct engine *e)
{
	struct engine_fault fault;
	bool ok = e->ops->check(e, &fault);

	EXPECT(ok == !fault.what, "the answer and the fault differ");
	return ok;
}

static void damage_part(struct engine *e, const struct part *part)
{
	u8 *bytes = part->at;
	u32 i, bit;

	for (i = 0; i < part->bytes; i++) {
		for (bit = 0; bit < 8; bit++) {
			if (part->dont_care && part->dont_care(e, i, bit))
				continue;
			bytes[i] ^= 1u << bit;
			EXPECT(!healthy(e), "%s: byte %u, bit %u: not noticed",
			       part->name, i, bit);
			bytes[i] ^= 1u << bit;
			EXPECT(healthy(e), "%s: byte %u, bit %u: check() did harm",
			       part->name, i, bit);
		}
	}
}

static void damage(struct engine *e, const struct part *parts, u32 count)
{
	u32 i;

	EXPECT(healthy(e), "damaged from the start");
	for (i = 0; i < count; i++) {
		unit_context("%s: %s", e->ops->name, parts[i].name);
		damage_part(e, &parts[i]);
	}
}

/* Alloc and free at random, until some of everything is there. */
static void churn(struct engine *e, u32 most, u32 ops)
{
	u64 live[256];
	u32 count = 0;
	u32 i;

	for (i = 0; i < ops; i++) {
		const struct engine_request rq = {
			.bytes = 1 + unit_below(most),
			.recorded = unit_chance(50),
		};
		struct engine_block block;
		struct engine_refusal why;

		if (count < ARRAY_SIZE(live) && unit_chance(55)) {
			if (!e->ops->alloc(e, &rq, &block, &why))
				live[count++] = block.offset;
		} else if (count) {
			u32 n = unit_below(count);

			if (!e->ops->find(e, live[n], &block) &&
			    !e->ops->free(e, live[n], block.recorded, &block))
				live[n] = live[--count];
		}
	}
}

#define PART(struct_name, member) \
	{ #member, &(struct_name).member, sizeof((struct_name).member), NULL }

/* Nothing else tells whether a block has a record. */
static bool buddy_code_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct buddy *b = engine;

	return bit == 7 && b->code[byte];
}

/* What is wasted is read where a block starts only. */
static bool buddy_slack_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct buddy *b = engine;
	u8 code = b->code[byte / sizeof(u16)];

	(void)bit;
	return !(code & 63) || code & 64;
}

static void damage_buddy(void)
{
	static const u32 sizes[] = { 1, 5, 33, 100, 1100 };
	u32 i, l;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 n = sizes[i];
		void *meta = calloc(1, buddy_meta_size(n));
		struct buddy b;

		EXPECT_EQ(buddy_init(&b, n, 12, BUDDY_JOIN, meta), 0);
		churn(&b.e, (1u << 12) * max(1u, n / 4), 10);
		churn(&b.e, (1u << 12) * max(1u, n / 40), 300);
		const struct part parts[] = {
			PART(b, free), PART(b, live), PART(b, mask),
			PART(b, waste),
			{ "code", b.code, n, buddy_code_dont_care },
			{ "slack", b.slack, n * sizeof(u16),
			  buddy_slack_dont_care },
		};
		damage(&b.e, parts, ARRAY_SIZE(parts));
		for (l = 0; l < b.levels; l++) {
			u32 words = bits_words(b.level[l].units);
			u32 bytes = words * sizeof(u32);
			u32 *classes = b.level[l].class[0].level[0];
			const struct part rows[] = {
				PART(b, level[l].count),
				{ "words", b.level[l].word, bytes, NULL },
				{ "mixes", b.level[l].mix, bytes, NULL },
				{ "classes", classes, BUDDY_CLASSES *
				  bits_size(words) * sizeof(u32), NULL },
			};

			damage(&b.e, rows, ARRAY_SIZE(rows));
		}
		free(meta);
	}
}

static const struct unit_test tests[] = {
	{ "damage_buddy", damage_buddy },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
