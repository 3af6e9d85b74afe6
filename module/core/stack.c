// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Stack. Bump allocation with marks is as old as Algol's mark and release;
 * obstacks and the region allocators of Hanson ("Fast allocation and
 * deallocation of memory based on object lifetimes", 1990) are its models.
 *
 * alloc, free of the top block, mark and release are O(1). When free or resize
 * names another offset than the top block's, the refusal costs O(log live): a
 * search tells whether a block starts there.
 */
#include "core/stack.h"

static struct stack *to_stack(struct engine *e)
{
	return container_of(e, struct stack, e);
}

/* First free unit. */
static u32 stack_height(const struct stack *s)
{
	return stack_top(s)->end;
}

static void stack_describe(const struct stack_entry *entry,
			   struct engine_block *block)
{
	u32 start = entry->start & STACK_START;

	*block = (struct engine_block) {
		.offset = stack_offset(entry),
		.granted = (u64)(entry->end - start) << STACK_SHIFT,
		.requested = stack_bytes(entry),
		.used = true,
		.recorded = entry->start & STACK_RECORDED,
	};
}

/* The first entry that starts at @offset or above; s->count when none does. */
static u32 entry_from(const struct stack *s, u64 offset)
{
	u32 low = 0, high = s->count;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (stack_offset(&s->entry[mid]) < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The live entry at @offset, or NULL. */
static struct stack_entry *entry_at(const struct stack *s, u64 offset)
{
	u32 i = entry_from(s, offset);

	if (i == s->count || stack_offset(&s->entry[i]) != offset ||
	    s->entry[i].start & STACK_ABANDONED)
		return NULL;
	return &s->entry[i];
}

/* 0 if the top block is the one at @offset and may be freed; otherwise the error. */
static int entry_top(const struct stack *s, u64 offset, bool recorded)
{
	const struct stack_entry *top = stack_top(s);

	if (!s->count || stack_offset(top) != offset)
		return entry_at(s, offset) ? -EBUSY : -ENOENT;
	if (!!(top->start & STACK_RECORDED) != recorded)
		return -EACCES;
	return 0;
}

/* The largest block that fits now at a multiple of @align units, in bytes. */
static u64 stack_largest(const struct stack *s, u32 align)
{
	u64 start = ALIGN((u64)stack_height(s), (u64)align);

	if (start >= s->units || s->count == s->max)
		return 0;
	return min_t(u64, ((u64)s->units - start) << STACK_SHIFT, ~0u);
}

static int stack_alloc(struct engine *e, const struct engine_request *rq,
		       struct engine_block *block, struct engine_refusal *why)
{
	struct stack *s = to_stack(e);
	u64 total = (u64)s->units << STACK_SHIFT;
	u32 align, start;

	if (!rq->bytes || !engine_align_ok(rq->align))
		return -EINVAL;
	if (rq->align > total)
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE, 0);
	if (stack_is_covered(s)) {
		stack_surface(s);
		if (stack_is_covered(s) && rq->search)
			return -EAGAIN;
	}
	align = max_t(u32, 1, rq->align >> STACK_SHIFT);
	if (rq->bytes > min_t(u64, total, ~0u))
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE,
				     stack_largest(s, align));
	if (!stack_push(s, rq->bytes, align, rq->recorded ? STACK_RECORDED : 0,
			&start))
		return engine_refuse(why, s->count == s->max ?
				     MEMMGR_REASON_RECORDS :
				     rq->bytes <= total - ((u64)stack_height(s) << STACK_SHIFT) ?
				     MEMMGR_REASON_ALIGNMENT :
				     MEMMGR_REASON_EXHAUSTED,
				     stack_largest(s, align));
	stack_describe(stack_top(s), block);
	return 0;
}

static int stack_free(struct engine *e, u64 offset, bool recorded,
		      struct engine_block *block)
{
	struct stack *s = to_stack(e);
	int err = entry_top(s, offset, recorded);

	if (err)
		return err;
	stack_describe(stack_top(s), block);
	stack_pop(s);
	return 0;
}

static int stack_resize(struct engine *e, u64 offset,
			const struct engine_request *rq,
			struct engine_block *block, struct engine_refusal *why)
{
	struct stack *s = to_stack(e);
	struct stack_entry *top;
	u64 room;
	int err;

	if (!rq->bytes)
		return -EINVAL;
	err = entry_top(s, offset, rq->recorded);
	if (err)
		return err;
	e->changes++;
	top = stack_top(s);
	room = min_t(u64, ((u64)s->units << STACK_SHIFT) - offset, ~0u);
	if (rq->bytes > room)
		return engine_refuse(why, rq->bytes > (u64)s->units << STACK_SHIFT ?
				     MEMMGR_REASON_TOO_LARGE :
				     MEMMGR_REASON_EXHAUSTED, room);
	top->sum = top[-1].sum + (u32)rq->bytes;
	top->end = (top->start & STACK_START) + stack_units(rq->bytes);
	stack_reach(s, top->end);
	stack_describe(top, block);
	return 0;
}

static int stack_find(struct engine *e, u64 offset, struct engine_block *block)
{
	const struct stack_entry *entry = entry_at(to_stack(e), offset);

	if (!entry)
		return -ENOENT;
	stack_describe(entry, block);
	return 0;
}

/* Gaps left for alignment are not shown, because they belong to no block. */
static bool stack_next(struct engine *e, u64 *pos, struct engine_block *block)
{
	struct stack *s = to_stack(e);
	u64 total = (u64)s->units << STACK_SHIFT;
	u64 top = (u64)stack_height(s) << STACK_SHIFT;
	u32 i = entry_from(s, *pos);

	if (i < s->count) {
		stack_describe(&s->entry[i], block);
	} else if (max(*pos, top) < total) {
		*block = (struct engine_block) {
			.offset = top,
			.granted = total - top,
		};
	} else {
		return false;
	}
	*pos = block->offset + block->granted;
	return true;
}

/* Check entry @i, and its relation to the entry below. */
static bool entry_check(const struct stack *s, u32 i, struct engine_fault *fault)
{
	const struct stack_entry *entry = &s->entry[i];
	u32 start = entry->start & STACK_START;

	if (start < entry[-1].end || entry->end <= start || entry->end > s->units)
		return engine_broken(fault, "block overlaps", stack_offset(entry));
	if (i && entry->seq == entry[-1].seq)
		return engine_broken(fault, "number of a block", stack_offset(entry));
	if (entry->end - start != stack_units(stack_bytes(entry)))
		return engine_broken(fault, "sum of requested bytes", stack_offset(entry));
	return true;
}

/* n[0]: abandoned blocks. */
static bool stack_check(struct engine *e, struct engine_check *c, u32 budget)
{
	struct stack *s = to_stack(e);
	const struct stack_entry *ground = &s->entry[-1];

	if (s->count > s->max)
		return engine_broken(&c->fault, "number of live blocks", 0);
	if (ground->start != ~0u || ground->end || ground->sum)
		return engine_broken(&c->fault, "ground of the stack", 0);
	for (; c->at < s->count && budget; c->at++, budget--) {
		c->fault.checked++;
		if (!entry_check(s, c->at, &c->fault))
			return false;
		c->n[0] += !!(s->entry[c->at].start & STACK_ABANDONED);
	}
	if (c->at < s->count)
		return true;
	if (s->high < stack_height(s) || s->gate != min(s->high, s->max))
		return engine_broken(&c->fault, "top of the stack",
				     (u64)stack_height(s) << STACK_SHIFT);
	if (!c->torn && s->abandoned != c->n[0])
		return engine_broken(&c->fault, "number of abandoned blocks", 0);
	return false;
}

static u64 stack_requested(const struct stack *s)
{
	u32 sum = stack_top(s)->sum;

	return s->count && !sum ? 1ull << 32 : sum;
}

static void stack_books(struct engine *e, struct engine_books *books)
{
	struct stack *s = to_stack(e);

	books->live = s->count;
	books->total = (u64)s->units << STACK_SHIFT;
	books->used = (u64)stack_height(s) << STACK_SHIFT;
	books->peak = (u64)s->high << STACK_SHIFT;
	books->requested = stack_requested(s);
	books->allocs = engine_counts(e, books);
	books->joins = 0;
}

/* All free memory is one run. The bits of its length stand for its blocks. */
static void stack_frag(struct engine *e, struct engine_frag *frag)
{
	struct stack *s = to_stack(e);
	u32 free = s->units - stack_height(s);
	u32 o;

	memset(frag, 0, sizeof(*frag));
	frag->orders = env_highest(s->units) + 1;
	frag->unit = 1u << STACK_SHIFT;
	frag->free = (u64)free << STACK_SHIFT;
	frag->largest = stack_largest(s, 1);
	frag->used = (u64)stack_height(s) << STACK_SHIFT;
	frag->requested = stack_requested(s);
	for (o = 0; o < frag->orders; o++)
		frag->blocks[o] = free >> o & 1;
}

static const struct engine_ops stack_ops = {
	.name = "stack",
	.alloc = stack_alloc,
	.free = stack_free,
	.resize = stack_resize,
	.find = stack_find,
	.next = stack_next,
	.check = env_checks ? stack_check : NULL,
	.books = stack_books,
	.frag = stack_frag,
};

/**
 * stack_mark - make a mark at the present height
 * @s: the engine
 *
 * Context: any; the caller serialises. O(1).
 * Return: a mark for stack_release(): number of blocks, and number of the top allocation.
 */
u64 stack_mark(const struct stack *s)
{
	return stack_mark_at(s, s->count);
}

/**
 * stack_depth - how many blocks lie below a mark
 * @s: the engine
 * @mark: made by stack_mark()
 * @depth: set to the number of blocks
 *
 * Return: 0, or -EINVAL if the stack has been below the mark since.
 */
int stack_depth(const struct stack *s, u64 mark, u32 *depth)
{
	u32 count = (u32)mark;

	if (count > s->count || (!count && mark))
		return -EINVAL;
	if (count && s->entry[count - 1].seq != mark >> 32)
		return -EINVAL;
	*depth = count;
	return 0;
}

/**
 * stack_release - free everything above a mark
 * @s: the engine
 * @mark: made by stack_mark()
 * @released: set to the number of blocks freed
 *
 * Context: any; the caller serialises. O(1). While there are abandoned blocks, one
 * step for each block freed.
 * Return: 0, or -EINVAL if the stack has been below the mark since.
 */
int stack_release(struct stack *s, u64 mark, u32 *released)
{
	u32 before = s->count;
	u32 depth, i;
	int err = stack_depth(s, mark, &depth);

	if (err)
		return err;
	for (i = depth; unlikely(s->abandoned) && i < before; i++)
		s->abandoned -= !!(s->entry[i].start & STACK_ABANDONED);
	s->count = depth + 1;
	stack_pop(s);
	*released = before - s->count;
	return 0;
}

/**
 * stack_abandon - free a block as soon as it is the top one
 * @s: the engine
 * @offset: start of a live block
 *
 * Context: any; the caller serialises. O(log live).
 * Return: 0, or -ENOENT if no live block starts there.
 */
int stack_abandon(struct stack *s, u64 offset)
{
	struct stack_entry *entry = entry_at(s, offset);

	if (!entry)
		return -ENOENT;
	if (entry == stack_top(s)) {
		stack_pop(s);
		return 0;
	}
	entry->start |= STACK_ABANDONED;
	s->abandoned++;
	s->e.changes++;
	return 0;
}

#define SURFACE_STEP	256u	/* blocks freed in one call */

/*
 * Free abandoned blocks that are on top now, but at most SURFACE_STEP, because others
 * wait for the caller. The next free, or a request that needs the memory, continues.
 */
void stack_surface(struct stack *s)
{
	u32 n;

	for (n = 0; n < SURFACE_STEP && stack_is_covered(s); n++) {
		s->count--;
		s->abandoned--;
	}
	s->e.changes++;
}

/* Bytes that the state of a stack of at most @max live blocks needs. */
size_t stack_meta_size(u32 max)
{
	return ((size_t)max + 1) * sizeof(struct stack_entry);
}

/**
 * stack_init - set up an empty stack
 * @s: the engine
 * @bytes: size of the arena, a multiple of 8, at most 4 GiB
 * @max: largest number of live blocks
 * @meta: stack_meta_size(@max) bytes, aligned to 4
 *
 * Context: any; the caller serialises. O(1).
 * Return: 0 or -EINVAL.
 */
int stack_init(struct stack *s, u64 bytes, u32 max, void *meta)
{
	if (!bytes || bytes > 1ull << 32 || bytes & ((1u << STACK_SHIFT) - 1) ||
	    !max)
		return -EINVAL;
	memset(s, 0, sizeof(*s));
	s->e.ops = &stack_ops;
	s->units = bytes >> STACK_SHIFT;
	s->max = max;
	s->ground = meta;
	s->entry = s->ground + 1;
	*s->ground = (struct stack_entry) { .start = ~0u };
	return 0;
}
