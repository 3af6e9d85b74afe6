// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * check() can fail: every bit of an engine's state is turned around, one at a
 * time, and check() must notice, without doing harm itself. Left out are values that
 * never change after init (sizes, addresses), values that only count (totals
 * ever), and those that the tables below name.
 *
 * Rule: the check() of each engine in module/core/.
 */
#include <stdio.h>

#include "core/buddy.h"
#include "model.h"
#include "core/pool.h"
#include "core/slab.h"
#include "core/stack.h"
#include "core/tlsf.h"
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
	bool ok = model_checks(e, &fault);

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

/* Allocates or frees, and keeps in mind what lives. */
static void change(struct engine *e, u64 *live, u32 *count)
{
	const struct engine_request rq = { .bytes = 1 + unit_below(200) };
	struct engine_refusal why;
	struct engine_block block;
	u32 n;

	if (*count < 64 && unit_chance(50)) {
		if (!model_ask(e, &rq, &block, &why))
			live[(*count)++] = block.offset;
	} else if (*count) {
		/* a stack takes the last one back only */
		n = *count - 1 - (unit_chance(50) ? unit_below(*count) : 0);
		if (!e->ops->free(e, live[n], false, &block))
			live[n] = live[--*count];
	}
}

/* What changes between the steps of a check is no damage. */
static void torn(struct engine *e)
{
	struct engine_block block;
	u32 count = 0, round;
	u64 live[64];

	for (round = 0; round < 300; round++) {
		struct engine_check c = { 0 };

		while (engine_check(e, &c, 1 + unit_below(20)))
			if (unit_chance(60))
				change(e, live, &count);
		EXPECT(!c.fault.what, "while it changes: %s at %llu", c.fault.what,
		       c.fault.offset);
	}
	while (count)
		EXPECT_EQ(e->ops->free(e, live[--count], false, &block), 0);
}

static void damage(struct engine *e, const struct part *parts, u32 count)
{
	u32 i;

	EXPECT(healthy(e), "damaged from the start");
	torn(e);
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
			if (!model_ask(e, &rq, &block, &why))
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
		void *meta = calloc(1, buddy_meta_size(0, n));
		struct buddy b;

		EXPECT_EQ(buddy_init(&b, 0, n, 12, BUDDY_JOIN, meta), 0);
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

/* Behind the last granule. */
static bool tlsf_start_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct tlsf *t = engine;

	return byte * 8 + bit > t->granules;
}

/* Free runs of TLSF_SMALL granules hold links; nothing else in a byte can be checked. */
static bool tlsf_byte_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct tlsf *t = engine;
	u32 g = byte, n = 1;

	(void)bit;
	while (!(t->start[g / 32] >> g % 32 & 1))
		g--;
	while (!(t->start[(g + n) / 32] >> (g + n) % 32 & 1))
		n++;
	return byte - g >= 8 || n < TLSF_SMALL || !(t->edge[g / 32] >> g % 32 & 1);
}

/* Short runs are in no list. */
static bool tlsf_head_dont_care(const void *engine, u32 byte, u32 bit)
{
	(void)engine;
	(void)bit;
	return byte / 4 < TLSF_SMALL;
}

static void damage_tlsf(void)
{
	static const u32 sizes[] = { 1, 5, 33, 100, 1100 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 n = sizes[i], words = bits_words(n), shift = i % 2 ? 5 : 12;
		void *meta = calloc(1, tlsf_meta_size(n, shift));
		struct tlsf t;

		EXPECT_EQ(tlsf_init(&t, 0, n, shift, TLSF_SEARCH, meta), 0);
		churn(&t.e, (1u << shift) * max(1u, n / 4), 10);
		churn(&t.e, (1u << shift) * max(1u, n / 40), 300);
		const struct part parts[] = {
			PART(t, free), PART(t, live), PART(t, waste), PART(t, rows), PART(t, row),
			{ "start", t.start, (words + 1) * sizeof(u32), tlsf_start_dont_care },
			{ "edge", t.edge, words * sizeof(u32), NULL },
			{ "shorts", t.shorts, words * sizeof(u32), NULL },
			{ "small", t.small[0].level[0],
			  (TLSF_SMALL - 1) * bits_size(words) * sizeof(u32), NULL },
			{ "head", t.head, (u8 *)t.runs - (u8 *)t.head, tlsf_head_dont_care },
			{ "runs", t.runs, (u8 *)t.sum - (u8 *)t.runs, NULL },
			{ "byte", t.byte, n, tlsf_byte_dont_care },
		};
		damage(&t.e, parts, ARRAY_SIZE(parts));
		free(meta);
	}
}

/* What @value would be with the bit turned around. */
static u32 turned(u32 value, u32 byte, u32 bit)
{
	return value ^ 1u << (byte * 8 + bit);
}

/* A higher high water mark may have been. */
static bool pool_high_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct pool *p = engine;

	u32 high = turned(p->high, byte, bit);

	return high >= p->live && high <= p->count;
}

static bool pool_slack_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct pool *p = engine;

	return byte % 4 == 3 && bit == 7 && p->slack[byte / 4];
}

static void damage_pool(void)
{
	static const u32 counts[] = { 1, 2, 33, 200 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		u32 n = counts[i];
		void *meta = calloc(1, pool_meta_size(n));
		struct pool p;

		EXPECT_EQ(pool_init(&p, 100, 8, n, meta), 0);
		churn(&p.e, 100, 300);
		const struct part parts[] = {
			PART(p, live), PART(p, waste),
			{ "high", &p.high, sizeof(p.high), pool_high_dont_care },
			{ "stack", p.stack + p.live, (n - p.live) * sizeof(u32), NULL },
			{ "slack", p.slack, n * sizeof(u32),
			  pool_slack_dont_care },
		};
		damage(&p.e, parts, ARRAY_SIZE(parts));
		free(meta);
	}
}

static int give_slab(void *context, u32 number, struct engine_refusal *why)
{
	(void)context;
	(void)number;
	(void)why;
	return 0;
}

/* Every third slab leaves later. */
static bool take_slab(void *context, u32 number)
{
	(void)context;
	return number % 3;
}

static bool slab_high_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct slabs *s = engine;

	return turned(s->high, byte, bit) >= s->live;
}

static bool colour_possible(const struct slabs *s, u32 colour)
{
	u32 rest = (1u << s->layout.shift) - s->layout.objects * s->layout.stride;

	return colour <= rest && colour % max(s->layout.align, SLAB_COLOUR) == 0;
}

static bool slab_colour_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct slabs *s = engine;

	return colour_possible(s, turned(s->next_colour, byte, bit));
}

static bool in_ring(const struct slabs *s, u32 number)
{
	u32 n = s->partial;

	if (n == SLAB_NONE)
		return false;
	do {
		if (n == number)
			return true;
		n = slab_book(s, n)->next;
	} while (n != s->partial);
	return false;
}

/* Any slab of the ring can be its head. */
static bool slab_partial_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct slabs *s = engine;

	return in_ring(s, turned(s->partial, byte, bit));
}

/*
 * The table of a book: that an object has a record, and what is behind the last entry.
 * @at: of the byte, in the table
 */
static bool table_dont_care(const struct slabs *s, struct slab *slab, size_t at, u32 bit)
{
	u32 entry = (at * 8 + bit) >> s->width, odd = (at * 8 + bit) & ((1u << s->width) - 1);

	return entry >= s->layout.objects ||
	       (odd == (1u << s->width) - 1 &&
		slab_bits(slab, entry)[1] >> entry % 32 & 1);
}

/*
 * Links of full slabs, and all but the link of slabs without memory, are not
 * looked at; a slab may have any possible colour. The bits of a bool but the
 * lowest, and what fills up the structure, mean nothing.
 */
static bool slab_books_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct slabs *s = engine;
	struct slab *slab = slab_book(s, byte / s->book);
	size_t at = byte % s->book, table = sizeof(*slab) + 2 * s->row * sizeof(u32);

	if (at >= sizeof(*slab))
		return !slab->held || (at >= table && table_dont_care(s, slab, at - table, bit));
	if (at >= offsetof(struct slab, held) && at < offsetof(struct slab, words))
		return at > offsetof(struct slab, held) || bit;
	if (at >= offsetof(struct slab, colour))
		return !slab->held ||
		       colour_possible(s, turned(slab->colour, at -
						 offsetof(struct slab, colour), bit));
	if (at < offsetof(struct slab, next))
		return !in_ring(s, byte / s->book);
	if (at < offsetof(struct slab, free))
		return slab->held && !slab->free;
	return !slab->held;
}

/*
 * A pool changes during a check, so that the sums cannot be compared. Still the check sees
 * that a block is both free and used.
 */
static void damage_torn(void)
{
	const struct engine_request rq = { .bytes = 100 };
	void *meta = calloc(1, pool_meta_size(40));
	struct engine_block kept, block;
	struct engine_check c = { 0 };
	struct engine_refusal why;
	struct pool p;

	EXPECT_EQ(pool_init(&p, 100, 8, 40, meta), 0);
	EXPECT_EQ(model_ask(&p.e, &rq, &kept, &why), 0);
	EXPECT(engine_check(&p.e, &c, 1), "a check of 40 blocks in a step of one");
	EXPECT_EQ(model_ask(&p.e, &rq, &block, &why), 0);
	p.stack[p.count - 1] = kept.offset / p.stride;
	while (engine_check(&p.e, &c, 1))
		;
	EXPECT(c.torn, "a change was not noticed");
	EXPECT(c.fault.what, "a block that is free and used was not noticed");
	free(meta);
}

static void damage_slab(void)
{
	static const u32 sizes[] = { 8, 40, 700, 1360, 3000 };
	const struct slab_supply source = {
		.grow = give_slab,
		.shrink = take_slab,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct slab_layout layout;
		struct slabs s;
		void *meta;

		EXPECT_EQ(slab_layout(&layout, sizes[i], 8, 1u << 30, 12), 0);
		layout.max = 20;
		meta = calloc(1, slab_meta_size(&layout));
		slab_init(&s, &layout, &source, meta);
		churn(&s.e, sizes[i], 300);
		const struct part parts[] = {
			PART(s, live), PART(s, held), PART(s, empty),
			PART(s, unheld), PART(s, leaving),
			PART(s, last_leaving), PART(s, waste),
			{ "partial", &s.partial, sizeof(s.partial),
			  slab_partial_dont_care },
			{ "high", &s.high, sizeof(s.high), slab_high_dont_care },
			{ "next_colour", &s.next_colour, sizeof(s.next_colour),
			  slab_colour_dont_care },
			{ "books", s.books, layout.max * s.book,
			  slab_books_dont_care },
		};
		damage(&s.e, parts, ARRAY_SIZE(parts));
		free(meta);
	}
}

static bool stack_high_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct stack *s = engine;

	u32 high = turned(s->high, byte, bit);

	return high >= stack_top(s)->end && s->gate == min(high, s->max);
}

/*
 * Numbers differ, that is all. A sum may be another where the blocks that it
 * ends and begins are as long as before, in units.
 */
static bool stack_entry_dont_care(const void *engine, u32 byte, u32 bit)
{
	const struct stack *s = engine;
	u32 i = byte / sizeof(*s->entry);
	const struct stack_entry *entry = &s->entry[i];
	u32 at = byte % sizeof(*entry);
	u32 sum;

	if (at < offsetof(struct stack_entry, end))
		return at == 3 && bit == 7;
	if (at < offsetof(struct stack_entry, seq))
		return false;
	if (at < offsetof(struct stack_entry, sum))
		return true;
	sum = turned(entry->sum, at - offsetof(struct stack_entry, sum), bit);
	if (stack_units(sum - entry[-1].sum) != stack_units(stack_bytes(entry)))
		return false;
	return i + 1 == s->count ||
	       stack_units(entry[1].sum - sum) == stack_units(stack_bytes(entry + 1));
}

static void damage_stack(void)
{
	static const u32 counts[] = { 1, 2, 40, 200 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		void *meta = calloc(1, stack_meta_size(counts[i]));
		struct stack s;

		EXPECT_EQ(stack_init(&s, 1u << 20, counts[i], meta), 0);
		churn(&s.e, 1000, 300);
		stack_abandon(&s, stack_offset(&s.entry[s.count / 2]));
		/* A smaller count is a stack as good: entries above are stale. */
		const struct part parts[] = {
			PART(s, abandoned), PART(s, gate),
			{ "high", &s.high, sizeof(s.high), stack_high_dont_care },
			{ "entries", s.entry, s.count * sizeof(*s.entry),
			  stack_entry_dont_care },
		};
		damage(&s.e, parts, ARRAY_SIZE(parts));
		free(meta);
	}
}

static const struct unit_test tests[] = {
	{ "damage_buddy", damage_buddy },
	{ "damage_tlsf", damage_tlsf },
	{ "damage_pool", damage_pool },
	{ "damage_torn", damage_torn },
	{ "damage_slab", damage_slab },
	{ "damage_stack", damage_stack },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
