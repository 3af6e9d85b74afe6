/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Stack: blocks that are freed in the reverse order of their allocation, and marks
 * that free everything above them at once.
 *
 * If the owner of a block dies while others lie above it, the block is *abandoned*:
 * it stays until it is the top block, and is freed then.
 */
#ifndef MEMMGR_STACK_H
#define MEMMGR_STACK_H

#include "core/engine.h"

#define STACK_SHIFT	3	/* heights count units of 8 bytes */
#define STACK_RECORDED	(1u << 31)	/* in stack_entry.start */
#define STACK_ABANDONED	(1u << 30)
#define STACK_START	(STACK_ABANDONED - 1)

/**
 * struct stack_entry - one live block
 * @start: first unit, and the flags above
 * @end: first unit behind the block
 * @seq: number of the allocation
 * @sum: bytes asked for by this block and all blocks below, modulo 2^32
 */
struct stack_entry {
	u32 start;
	u32 end;
	u32 seq;
	u32 sum;
};

/**
 * struct stack - the engine
 * @e: the common part
 * @units: size of the stack
 * @high: highest unit that the stack has ever reached
 * @count: live blocks, the abandoned ones included
 * @abandoned: how many of them are abandoned
 * @max: size of @entry
 * @gate: the lower one of @high and @max
 * @seq: number of the last allocation
 * @entry: the live blocks from the bottom up
 * @ground: entry[-1], a block that no caller can free
 */
struct stack {
	struct engine e;
	u32 units;
	u32 high;
	u32 count;
	u32 abandoned;
	u32 max;
	u32 gate;
	u32 seq;
	struct stack_entry *entry;
	struct stack_entry *ground;
};

size_t stack_meta_size(u32 max);
int stack_init(struct stack *s, u64 bytes, u32 max, void *meta);
u64 stack_mark(const struct stack *s);
int stack_release(struct stack *s, u64 mark, u32 *released);
int stack_depth(const struct stack *s, u64 mark, u32 *depth);
int stack_abandon(struct stack *s, u64 offset);
void stack_surface(struct stack *s);

/* The entry of the top block; the ground when the stack is empty. */
static inline struct stack_entry *stack_top(const struct stack *s)
{
	return s->ground + s->count;
}

/* Bytes that were asked for this block. */
static inline u32 stack_bytes(const struct stack_entry *entry)
{
	return entry->sum - entry[-1].sum;
}

static inline u32 stack_units(u32 bytes)
{
	return ((bytes - 1) >> STACK_SHIFT) + 1;
}

static inline u64 stack_offset(const struct stack_entry *entry)
{
	return (u64)(entry->start & STACK_START) << STACK_SHIFT;
}

/* The mark that stands for a stack of @count blocks. */
static inline u64 stack_mark_at(const struct stack *s, u32 count)
{
	return count ? (u64)s->entry[count - 1].seq << 32 | count : 0;
}

/* The stack reaches up to @end, perhaps for the first time. */
static inline void stack_reach(struct stack *s, u32 end)
{
	s->high = max(s->high, end);
	s->gate = min(s->high, s->max);
}

/*
 * Push a block of @bytes at a multiple of @align units. Returns false if it does
 * not fit. 1 <= @bytes < 2^32, @align a power of two.
 */
static inline bool stack_push(struct stack *s, u32 bytes, u32 align, u32 mark,
			      u32 *start)
{
	u32 count = s->count;
	struct stack_entry *top = s->ground + count, *entry = top + 1;
	u32 from = ALIGN(top->end, align);
	u32 end = from + stack_units(bytes);

	/* Below, no block is the highest ever or one too many: each takes at least a unit. */
	if (unlikely(end > s->gate)) {
		env_rarely();
		if (end > s->units || count == s->max)
			return false;
		stack_reach(s, end);
	}
	entry->start = from | mark;
	entry->end = end;
	entry->seq = ++s->seq;
	entry->sum = top->sum + bytes;
	s->count = count + 1;
	engine_count(&s->e, env_width(bytes - 1));
	*start = from;
	return true;
}

/* Is the top block an abandoned one? */
static inline bool stack_is_covered(const struct stack *s)
{
	return s->count && stack_top(s)->start & STACK_ABANDONED;
}

/* Free the top block, and the abandoned blocks that are on top after it. */
static inline void stack_pop(struct stack *s)
{
	s->count--;
	if (unlikely(s->abandoned))
		stack_surface(s);
}

/*
 * Free the top block, if it starts at @offset and has record mark @mark, and no block is
 * abandoned. If this returns false, the engine's free() tells the reason, or frees it. @offset
 * is not trusted: a number beyond every place could look like the flags in @start. A 32-bit
 * long cannot hold such a number.
 */
static __always_inline bool stack_give(struct stack *s, unsigned long offset, u32 mark)
{
	unsigned long unit = offset >> STACK_SHIFT;

	if (unlikely(stack_top(s)->start != (unit | mark) || unit > STACK_START ||
		     offset & ((1u << STACK_SHIFT) - 1) || s->abandoned))
		return false;
	s->count--;
	return true;
}

#endif /* MEMMGR_STACK_H */
