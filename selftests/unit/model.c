// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The reference model, see model.h. */
#include "model.h"
#include "unit.h"

/* @memory: model_size(@units) bytes */
void model_init(struct model *m, u32 units, u64 bytes, void *memory)
{
	memset(m, 0, sizeof(*m));
	memset(memory, 0, model_size(units));
	m->bytes = bytes;
	m->units = units;
	m->books.total = units * bytes;
	m->unit = memory;
}

static u32 class_of(u64 bytes)
{
	u32 c = 0;

	while (c < MEMMGR_CLASSES - 1 && 1ull << c < bytes)
		c++;
	return c;
}

static void books_used(struct model *m)
{
	if (m->books.used > m->books.peak)
		m->books.peak = m->books.used;
}

static void block_write(struct model *m, const struct engine_block *block,
			u64 asked)
{
	u32 first = block->offset / m->bytes;
	u32 length = block->granted / m->bytes;
	u32 i;

	EXPECT(block->used, "a block that is not used");
	EXPECT(block->granted && block->offset % m->bytes == 0 &&
	       block->granted % m->bytes == 0, "block %llu + %llu: not whole units",
	       block->offset, block->granted);
	EXPECT(block->offset / m->bytes < m->units &&
	       block->granted / m->bytes <= m->units - first,
	       "block %llu + %llu: past the end", block->offset, block->granted);
	EXPECT_EQ(block->requested, asked);
	EXPECT(block->granted >= asked, "granted %llu, asked for %llu",
	       block->granted, asked);
	for (i = 0; i < length; i++) {
		EXPECT(!m->unit[first + i].owner,
		       "block %llu + %llu overlaps one at %llu", block->offset,
		       block->granted,
		       (m->unit[first + i].owner - 1) * m->bytes);
		m->unit[first + i].owner = first + 1;
	}
	m->unit[first].length = length;
	m->unit[first].asked = asked;
	m->unit[first].recorded = block->recorded;
	m->books.used += block->granted;
	m->books.requested += asked;
	books_used(m);
}

static void block_erase(struct model *m, struct model_unit *unit)
{
	u32 length = unit->length;
	u32 i;

	m->books.used -= length * m->bytes;
	m->books.requested -= unit->asked;
	for (i = 0; i < length; i++)
		unit[i] = (struct model_unit) { 0 };
}

void model_add(struct model *m, const struct engine_request *rq,
	       const struct engine_block *block)
{
	EXPECT(!rq->align || (block->offset + m->lead * m->bytes) % rq->align == 0,
	       "offset %llu is not aligned to %llu", block->offset, rq->align);
	EXPECT_EQ(block->recorded, rq->recorded);
	block_write(m, block, rq->bytes);
	m->books.live++;
	m->books.allocs++;
	m->books.classes[class_of(rq->bytes)]++;
}

void model_del(struct model *m, u64 offset)
{
	struct model_unit *unit = model_at(m, offset);

	EXPECT(unit, "no block at %llu", offset);
	block_erase(m, unit);
	m->books.live--;
}

void model_resize(struct model *m, u64 bytes, const struct engine_block *block)
{
	struct model_unit *unit = model_at(m, block->offset);

	EXPECT(unit, "no block at %llu", block->offset);
	EXPECT_EQ(block->recorded, unit->recorded);
	block_erase(m, unit);
	block_write(m, block, bytes);
}

void model_place(struct model *m, const struct engine_block *block)
{
	block_write(m, block, block->requested);
	m->books.live++;
}

void model_shift(struct model *m, u64 offset, const struct engine_block *block)
{
	struct model_unit *unit = model_at(m, offset);

	EXPECT(unit, "no block at %llu", offset);
	block_erase(m, unit);
	block_write(m, block, block->requested);
}

struct model_unit *model_at(const struct model *m, u64 offset)
{
	struct model_unit *unit;

	if (offset % m->bytes || offset / m->bytes >= m->units)
		return NULL;
	unit = &m->unit[offset / m->bytes];
	return unit->length ? unit : NULL;
}

u64 model_offset(const struct model *m, const struct model_unit *unit)
{
	return (unit - m->unit) * m->bytes;
}

/* Any live block, NULL when there is none. */
struct model_unit *model_any(const struct model *m)
{
	u32 start = unit_below(m->units);
	u32 i;

	if (!m->books.live)
		return NULL;
	for (i = start; !m->unit[i].owner; i = (i + 1) % m->units)
		;
	return &m->unit[m->unit[i].owner - 1];
}

u32 model_free(const struct model *m)
{
	u32 i, n = 0;

	for (i = 0; i < m->units; i++)
		n += !m->unit[i].owner;
	return n;
}

/* Free units from @from on. */
u32 model_run(const struct model *m, u32 from)
{
	u32 i;

	for (i = from; i < m->units && !m->unit[i].owner; i++)
		;
	return i - from;
}

/* The longest free run that starts at a multiple of @align units, counted with the lead. */
u32 model_longest(const struct model *m, u32 align)
{
	u32 longest = 0;
	u32 i, end;

	for (i = 0; i < m->units; i = end) {
		u32 at = (i + m->lead + align - 1) / align * align - m->lead;

		end = i + model_run(m, i);
		if (at < end && end - at > longest)
			longest = end - at;
		end += end == i;
	}
	return longest;
}

/* Are the units from @at on free? Counted with the lead, as @at. */
static bool order_free(const struct model *m, u64 at, u64 size)
{
	u64 i;

	if (at < m->lead)
		return false;
	at -= m->lead;
	if (at + size > m->units)
		return false;
	for (i = at; i < at + size; i++)
		if (m->unit[i].owner)
			return false;
	return true;
}

/* Is there an aligned block of 2^@order free units? */
bool model_has_order(const struct model *m, u32 order)
{
	u64 size = 1ull << order;
	u64 at;

	for (at = 0; at + size <= m->lead + m->units; at += size)
		if (order_free(m, at, size))
			return true;
	return false;
}

/*
 * How many aligned blocks of each order are free and not part of a larger one:
 * each free unit is in exactly one of them, found by growing.
 */
void model_orders(const struct model *m, u32 *blocks)
{
	u64 at = m->lead;

	memset(blocks, 0, MEMMGR_ORDERS * sizeof(*blocks));
	while (at < m->lead + m->units) {
		u32 order = 0;

		if (m->unit[at - m->lead].owner) {
			at++;
			continue;
		}
		while (at % (2ull << order) == 0 &&
		       order_free(m, at, 2ull << order))
			order++;
		blocks[order]++;
		at += 1ull << order;
	}
}

/* A used block that the engine showed is one of the model's. */
void model_same_block(const struct model *m, const struct engine_block *block)
{
	const struct model_unit *unit = model_at(m, block->offset);

	EXPECT(block->used, "block at %llu is shown as free", block->offset);
	EXPECT(unit, "no block at %llu", block->offset);
	EXPECT_EQ(block->granted, unit->length * m->bytes);
	EXPECT_EQ(block->requested, unit->asked);
	EXPECT_EQ(block->recorded, unit->recorded);
}

void model_same_books(const struct model *m, struct engine *e)
{
	const struct engine_books *expected = &m->books;
	struct engine_books books;
	u32 c;

	memset(&books, 0x5a, sizeof(books));
	e->ops->books(e, &books);
	EXPECT_EQ(books.live, expected->live);
	EXPECT_EQ(books.total, expected->total);
	EXPECT_EQ(books.used, expected->used);
	EXPECT_EQ(books.peak, expected->peak);
	EXPECT_EQ(books.requested, expected->requested);
	EXPECT_EQ(books.allocs, expected->allocs);
	EXPECT_EQ(books.joins, expected->joins);
	for (c = 0; c < MEMMGR_CLASSES; c++)
		EXPECT(books.classes[c] == expected->classes[c],
		       "class %u: %llu, expected %llu", c, books.classes[c],
		       expected->classes[c]);
}

/*
 * The walk goes upwards, shows every live block once, and what it shows as free
 * is free.
 */
void model_same_walk(const struct model *m, struct engine *e)
{
	struct engine_block block;
	u64 pos = 0, end = 0, i;
	u32 live = 0;

	while (e->ops->next(e, &pos, &block)) {
		EXPECT(block.offset >= end && (block.granted || pos > end),
		       "the walk went from %llu to %llu + %llu", end,
		       block.offset, block.granted);
		end = block.offset + block.granted;
		EXPECT_EQ(pos, end);
		if (block.used) {
			model_same_block(m, &block);
			live++;
			continue;
		}
		EXPECT(!block.requested && !block.recorded,
		       "a free run with a size or record");
		EXPECT(end <= m->units * m->bytes, "free past the end");
		for (i = block.offset / m->bytes; i < end / m->bytes; i++)
			EXPECT(!m->unit[i].owner, "unit %llu is shown as free", i);
	}
	EXPECT_EQ(live, m->books.live);
}

int model_ask(struct engine *e, const struct engine_request *rq,
	      struct engine_block *block, struct engine_refusal *why)
{
	struct engine_search search = { 0 };
	struct engine_request asked = *rq;
	int err;

	asked.search = &search;
	do {
		err = e->ops->alloc(e, &asked, block, why);
	} while (err == -EAGAIN);
	return err;
}

bool model_checks(struct engine *e, struct engine_fault *fault)
{
	static u32 budget;
	struct engine_check c = { 0 };
	u32 steps = 0;

	/* Steps end at every place sooner or later. */
	budget = budget % 97 + 1;
	while (engine_check(e, &c, budget))
		EXPECT(++steps < 1u << 28, "a check without end");
	EXPECT(!c.torn, "check: torn, but nothing has changed");
	*fault = c.fault;
	return !fault->what;
}

void model_check(struct engine *e)
{
	struct engine_fault fault;

	memset(&fault, 0x5a, sizeof(fault));
	EXPECT(model_checks(e, &fault), "check: %s at %llu", fault.what,
	       fault.offset);
	EXPECT(!fault.what, "check: passed with a fault");
}

bool model_try_free(struct model *m, struct engine *e, u64 offset, bool recorded)
{
	struct model_unit *unit = model_at(m, offset);
	struct engine_block block;
	int err;

	memset(&block, 0x5a, sizeof(block));
	err = e->ops->free(e, offset, recorded, &block);
	if (!unit || unit->recorded != recorded) {
		EXPECT_EQ(err, unit ? -EACCES : -ENOENT);
		return false;
	}
	EXPECT_EQ(err, 0);
	EXPECT_EQ(block.offset, offset);
	model_same_block(m, &block);
	model_del(m, offset);
	return true;
}

void model_try_find(const struct model *m, struct engine *e, u64 offset)
{
	struct engine_block block;
	int err;

	memset(&block, 0x5a, sizeof(block));
	err = e->ops->find(e, offset, &block);
	if (!model_at(m, offset)) {
		EXPECT_EQ(err, -ENOENT);
		return;
	}
	EXPECT_EQ(err, 0);
	EXPECT_EQ(block.offset, offset);
	model_same_block(m, &block);
}

void model_try_next(const struct model *m, struct engine *e)
{
	u64 from = unit_chance(50) ? unit_hostile() :
		   unit_below(m->units * m->bytes + 1);
	struct engine_block block;
	u64 pos = from;

	if (!e->ops->next(e, &pos, &block)) {
		EXPECT_EQ(pos, from);
		return;
	}
	EXPECT(from < m->units * m->bytes, "the walk went on from %llu", from);
	EXPECT(pos > from, "the walk went from %llu to %llu", from, pos);
	if (!block.used)
		return;
	EXPECT(block.offset >= from, "the walk went from %llu back to %llu",
	       from, block.offset);
	model_same_block(m, &block);
}
