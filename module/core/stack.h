/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Stack: blocks that go in the reverse order of their coming, and marks that
 * let go of everything above them at once.
 *
 * A block that has to go while others lie above it, because its owner died, is
 * *abandoned*: it stays until it is the top one, and goes then.
 */
#ifndef MEMMGR_STACK_H
#define MEMMGR_STACK_H

#include "engine.h"

#define STACK_SHIFT	3	/* heights count units of 8 bytes */
#define STACK_RECORDED	(1u << 31)	/* in stack_entry.start */
#define STACK_ABANDONED	(1u << 30)
#define STACK_START	(STACK_ABANDONED - 1)

/**
 * struct stack_entry - one live block
 * @start: first unit, and the flags above
 * @end: first unit behind it
 * @seq: number of the allocation
 * @bytes: as asked for
 * @below: bytes asked for by all blocks below
 */
struct stack_entry {
	u32 start;
	u32 end;
	u32 seq;
	u32 bytes;
	u64 below;
};

/**
 * struct stack - the engine
 * @e: the common part
 * @units: in all
 * @top: first free unit
 * @high: highest @top ever
 * @count: live blocks, the abandoned ones included
 * @abandoned: of those
 * @max: entries that there are
 * @seq: number of the last allocation
 * @entry: the live blocks from the bottom up
 */
struct stack {
	struct engine e;
	u32 units;
	u32 top;
	u32 high;
	u32 count;
	u32 abandoned;
	u32 max;
	u32 seq;
	struct stack_entry *entry;
};

size_t stack_meta_size(u32 max);
int stack_init(struct stack *s, u64 bytes, u32 max, void *meta);
u64 stack_mark(const struct stack *s);
int stack_release(struct stack *s, u64 mark, u32 *released);
int stack_depth(const struct stack *s, u64 mark, u32 *depth);
int stack_abandon(struct stack *s, u64 offset);

/* The entry of the top block, NULL when the stack is empty. */
static inline struct stack_entry *stack_top(const struct stack *s)
{
	return s->count ? &s->entry[s->count - 1] : NULL;
}

static inline u64 stack_offset(const struct stack_entry *entry)
{
	return (u64)(entry->start & STACK_START) << STACK_SHIFT;
}

/*
 * Lay a block of @bytes on the stack, at a multiple of @align units. NULL when
 * it does not fit. 1 <= @bytes < 2^32, @align a power of two.
 */
static inline struct stack_entry *stack_push(struct stack *s, u32 bytes,
					     u32 align, u32 mark)
{
	struct stack_entry *entry;
	u32 start = ALIGN(s->top, align);
	u32 units = ((bytes - 1) >> STACK_SHIFT) + 1;
	u32 end = start + units;

	if (unlikely(end > s->units || s->count == s->max))
		return NULL;
	entry = &s->entry[s->count];
	entry->below = s->count ? entry[-1].below + entry[-1].bytes : 0;
	entry->start = start | mark;
	entry->end = end;
	entry->seq = ++s->seq;
	entry->bytes = bytes;
	s->count++;
	s->top = end;
	if (end > s->high)
		s->high = end;
	s->e.classes[engine_class(bytes)]++;
	return entry;
}

/* Let go of the top block, and of the abandoned ones that surface below it. */
static inline void stack_pop(struct stack *s)
{
	s->count--;
	while (unlikely(s->abandoned) && s->count &&
	       s->entry[s->count - 1].start & STACK_ABANDONED) {
		s->count--;
		s->abandoned--;
	}
	s->top = s->count ? s->entry[s->count - 1].end : 0;
}

#endif /* MEMMGR_STACK_H */
