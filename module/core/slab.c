// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Slab. The words are explained in slab.h.
 *
 * Slabs, partial lists and colouring are Bonwick's ("The Slab Allocator: An
 * Object-Caching Kernel Memory Allocator", USENIX Summer 1994). The books lie
 * outside of the slabs, because users can write to all of a slab.
 *
 * alloc and free are O(1), plus one call of the source when a slab is added or
 * removed.
 */
#include "core/slab.h"

static struct slabs *to_slabs(struct engine *e)
{
	return container_of(e, struct slabs, e);
}

/* Put a slab at the end of the ring of partial slabs. */
static void ring_add_tail(struct slabs *s, u32 n)
{
	struct slab *slab = slab_book(s, n);
	struct slab *head;

	if (s->partial == SLAB_NONE) {
		slab->prev = n;
		slab->next = n;
		s->partial = n;
		return;
	}
	head = slab_book(s, s->partial);
	slab->prev = head->prev;
	slab->next = s->partial;
	slab_book(s, head->prev)->next = n;
	head->prev = n;
}

static void ring_del(struct slabs *s, u32 n)
{
	struct slab *slab = slab_book(s, n);

	if (slab->next == n) {
		s->partial = SLAB_NONE;
		return;
	}
	slab_book(s, slab->prev)->next = slab->next;
	slab_book(s, slab->next)->prev = slab->prev;
	if (s->partial == n)
		s->partial = slab->next;
}

/* The word of the table that holds the entry of object @i; *at is the bit in it. */
static u32 *table_word(const struct slabs *s, struct slab *slab, u32 i, u32 *at)
{
	u32 bit = i << s->width;

	*at = bit & 31;
	return slab->bits + 2 * s->row + (bit >> 5);
}

static __always_inline u32 table_mask(const struct slabs *s)
{
	return ~0u >> (32 - (1u << s->width));
}

/* The entry of object @i; 0 when it is not odd. */
static __always_inline u32 table_entry(const struct slabs *s, struct slab *slab, u32 i)
{
	u32 at, *word = table_word(s, slab, i, &at);

	return *word >> at & table_mask(s);
}

static bool is_odd(struct slab *slab, u32 i)
{
	return slab_bits(slab, i)[1] >> (i & 31) & 1;
}

/* Bytes asked for object @i, with SLAB_RECORDED if it has a record; 0 if it is free. */
static noinline u32 object_asked(const struct slabs *s, u32 n, u32 i)
{
	struct slab *slab = slab_book(s, n);
	const u32 *word = slab_bits(slab, i);
	u32 bit = 1u << (i & 31), entry, mask;

	if (word[0] & bit)
		return 0;
	if (!(word[1] & bit))
		return s->layout.object;
	entry = table_entry(s, slab, i);
	mask = table_mask(s) >> 1;
	return ((entry & mask) + 1) | (entry > mask ? SLAB_RECORDED : 0);
}

/* Store @asked, not 0, as object_asked() returns it; object @i is handed out. */
static noinline void object_set_asked(struct slabs *s, struct slab *slab, u32 i, u32 asked)
{
	u32 *odd = slab_bits(slab, i) + 1;
	u32 mask = table_mask(s), entry = 0;
	u32 at, *word;

	*odd &= ~(1u << (i & 31));
	if (asked != s->layout.object) {
		*odd |= 1u << (i & 31);
		entry = (asked & ~SLAB_RECORDED) - 1;
		if (asked & SLAB_RECORDED)
			entry |= mask ^ mask >> 1;
	}
	word = table_word(s, slab, i, &at);
	*word = (*word & ~(mask << at)) | entry << at;
}

/* Give back object @i of slab @n, for which @asked was asked. -EACCES if @mark differs. */
static noinline int slab_give_asked(struct slabs *s, u32 n, u32 i, u32 asked, u32 mark)
{
	struct slab *slab = slab_book(s, n);

	if ((asked ^ mark) & SLAB_RECORDED)
		return -EACCES;
	s->waste -= s->layout.object - (asked & ~SLAB_RECORDED);
	object_set_asked(s, slab, i, s->layout.object);
	slab_give_whole(s, slab, n, i);
	return 0;
}

/* Mark all objects of a slab as free. */
static void slab_fill(struct slabs *s, u32 n)
{
	struct slab *slab = slab_book(s, n);
	u32 rest = s->layout.objects;
	u32 w;

	slab->free = rest;
	slab->words = 0;
	for (w = 0; w < s->row; w++, rest -= min(rest, 32u)) {
		*slab_bits(slab, w << 5) = rest >= 32 ? ~0u : (1u << rest) - 1;
		slab->words |= 1u << w;
	}
}

static u32 colour_step(const struct slabs *s)
{
	return max(s->layout.align, SLAB_COLOUR);
}

/* Do all objects stay inside the slab if the first one is at @colour? */
static bool colour_fits(const struct slabs *s, u32 colour)
{
	u32 rest = (1u << s->layout.shift) - s->layout.objects * s->layout.stride;

	return colour <= rest && !(colour & (colour_step(s) - 1));
}

static u32 slab_colour(struct slabs *s)
{
	u32 colour = s->next_colour;
	u32 next = colour + colour_step(s);

	s->next_colour = colour_fits(s, next) ? next : 0;
	return colour;
}

/* Add slab @n, which became empty, to the end of the list of leaving slabs. */
static void leaving_add(struct slabs *s, u32 n)
{
	slab_book(s, n)->leaving = true;
	slab_book(s, n)->next = SLAB_NONE;
	if (s->leaving == SLAB_NONE)
		s->leaving = n;
	else
		slab_book(s, s->last_leaving)->next = n;
	s->last_leaving = n;
}

/* Take the first leaving slab off the list. Nobody gives back its memory any more. */
static u32 leaving_take(struct slabs *s)
{
	u32 n = s->leaving;

	s->leaving = slab_book(s, n)->next;
	if (s->leaving == SLAB_NONE)
		s->last_leaving = SLAB_NONE;
	slab_book(s, n)->leaving = false;
	s->going = false;
	return n;
}

/* Keep the first leaving slab: it is empty and in the ring again. */
static void slab_stay(struct slabs *s)
{
	u32 n = leaving_take(s);

	s->empty++;
	ring_add_tail(s, n);
}

/* Get memory for one more slab. */
static int slab_grow(struct slabs *s, struct engine_refusal *why)
{
	u32 n = s->unheld;
	int err;

	if (s->leaving != SLAB_NONE) {
		slab_stay(s);
		return 0;
	}
	if (n == SLAB_NONE)
		return engine_refuse(why, MEMMGR_REASON_LIMIT, 0);
	err = s->source.grow(s->source.context, n, why);
	if (err)
		return err;
	s->unheld = slab_book(s, n)->next;
	slab_book(s, n)->held = true;
	slab_book(s, n)->colour = slab_colour(s);
	slab_fill(s, n);
	s->held++;
	s->empty++;
	ring_add_tail(s, n);
	return 0;
}

static void slab_unhold(struct slabs *s, u32 n)
{
	slab_book(s, n)->held = false;
	slab_book(s, n)->next = s->unheld;
	s->unheld = n;
	s->held--;
}

/* Slab @n has no free object any more. */
void slab_filled(struct slabs *s, u32 n)
{
	ring_del(s, n);
}

/* Slab @n, which was full, has a free object. It becomes the head of the ring. */
void slab_opened(struct slabs *s, u32 n)
{
	ring_add_tail(s, n);
	s->partial = n;
}

/* Slab @n became empty: move it to the ring's end, or give it back if enough are empty. */
void slab_emptied(struct slabs *s, u32 n)
{
	/* Alone in the ring, it is at the end already. */
	if (slab_book(s, n)->next == n && s->empty < s->keep) {
		s->empty++;
		return;
	}
	ring_del(s, n);
	if (s->empty < s->keep) {
		s->empty++;
		ring_add_tail(s, n);
	} else if (s->source.shrink(s->source.context, n)) {
		slab_unhold(s, n);
	} else {
		leaving_add(s, n);
	}
}

/* The slab and the object at @offset. Returns false if no object can be there. */
static noinline bool object_at(const struct slabs *s, u64 offset, u32 *number, u32 *object)
{
	u64 n = offset >> s->layout.shift;

	if (unlikely(n >= s->layout.max || !slab_book(s, n)->held))
		return false;
	*number = n;
	return slab_object(s, slab_book(s, n), offset & ((1u << s->layout.shift) - 1), object);
}

/* The live object at @offset, and the bytes asked for it; 0 if there is none. */
static noinline u32 live_at(const struct slabs *s, u64 offset, u32 *number, u32 *object)
{
	return object_at(s, offset, number, object) ? object_asked(s, *number, *object) : 0;
}

/* Take an object of slab @n, which has a free one, for a request of @asked. Its number. */
static u32 take_asked(struct slabs *s, u32 n, u32 asked)
{
	u32 i = slab_take_number(s, n);

	object_set_asked(s, slab_book(s, n), i, asked);
	s->waste += s->layout.object - (asked & ~SLAB_RECORDED);
	return i;
}

static int slab_take_asked(struct slabs *s, u32 asked, u32 *n, u32 *i,
			   struct engine_refusal *why)
{
	if (unlikely(s->partial == SLAB_NONE)) {
		int err = slab_grow(s, why);

		if (err)
			return err;
	}
	*n = s->partial;
	*i = take_asked(s, *n, asked);
	return 0;
}

static __always_inline u64 object_offset(const struct slabs *s, u32 n, u32 i)
{
	return ((u64)n << s->layout.shift) + slab_book(s, n)->colour + i * s->layout.stride;
}

/**
 * slab_take - take a whole object
 * @s: the engine
 * @mark: 0 or SLAB_RECORDED
 * @offset: set to its offset
 * @why: the reason of -ENOMEM
 *
 * Context: any; the caller serialises. O(1), and at most one call of grow().
 * Return: 0 or -ENOMEM.
 */
int slab_take(struct slabs *s, u32 mark, u64 *offset, struct engine_refusal *why)
{
	u32 n, i;
	int err = slab_take_asked(s, s->layout.object | mark, &n, &i, why);

	if (!err)
		*offset = object_offset(s, n, i);
	return err;
}

/**
 * slab_give_to - give back an object, named by slab and place
 * @s: the engine
 * @n: number of the slab, which has memory
 * @rest: offset of the object in the slab
 * @mark: the same as for slab_take()
 *
 * Context: any; the caller serialises. O(1), and at most one call of shrink().
 * Return: 0, -ENOENT or -EACCES.
 */
int slab_give_to(struct slabs *s, u32 n, u32 rest, u32 mark)
{
	struct slab *slab = slab_book(s, n);
	u32 *word, i;

	if (unlikely(!slab_object(s, slab, rest, &i)))
		return -ENOENT;
	word = slab_bits(slab, i);
	if (unlikely(*word >> (i & 31) & 1))
		return -ENOENT;
	if (unlikely(mark || word[1] >> (i & 31) & 1))
		return slab_give_asked(s, n, i, object_asked(s, n, i), mark);
	slab_give_whole(s, slab, n, i);
	return 0;
}

/**
 * slab_give - give back an object, named by offset
 * @s: the engine
 * @offset: as slab_take() returned it
 * @mark: the same as for slab_take()
 *
 * Context: any; the caller serialises. O(1), and at most one call of shrink().
 * Return: 0, -ENOENT or -EACCES.
 */
int slab_give(struct slabs *s, u64 offset, u32 mark)
{
	u64 n = offset >> s->layout.shift;

	if (unlikely(n >= s->layout.max || !slab_book(s, n)->held))
		return -ENOENT;
	return slab_give_to(s, n, offset & ((1u << s->layout.shift) - 1), mark);
}

/* Number of live objects of slab @n if it is partial and not empty; 0 otherwise. */
u32 slab_live(const struct slabs *s, u32 n)
{
	const struct slab *slab = slab_book(s, n);

	return slab->held && slab->free ? s->layout.objects - slab->free : 0;
}

/* Move slab @n to the end of the ring, if it is in the ring: it may be empty, but not full. */
void slab_last(struct slabs *s, u32 n)
{
	const struct slab *slab = slab_book(s, n);

	if (!slab->held || slab->leaving || !slab->free)
		return;
	ring_del(s, n);
	ring_add_tail(s, n);
	s->e.changes++;
}

/**
 * slab_move - take an object in another slab, as the new place of an object that moves
 * @s: the engine
 * @offset: offset of the object that moves, which has a record
 * @to: set to the new offset, in the slab at the head of the ring
 *
 * The new object counts as live, but not as an allocation. The caller puts the slabs that
 * shall take nothing last, see slab_last(): the object's own, and the empty ones.
 *
 * Context: any; the caller serialises. O(1).
 * Return: 0, -ENOENT, or -EBUSY if the slab at the head of the ring is the object's own or
 * is empty, or if there is none.
 */
int slab_move(struct slabs *s, u64 offset, u64 *to)
{
	u32 n, i, other = s->partial;
	u32 asked = live_at(s, offset, &n, &i);

	if (!asked)
		return -ENOENT;
	/* Moving into an empty slab would gain nothing. */
	if (other == SLAB_NONE || other == n || slab_book(s, other)->free == s->layout.objects)
		return -EBUSY;
	*to = object_offset(s, other, take_asked(s, other, asked | SLAB_RECORDED));
	count_take_back(&s->e.allocs);
	s->e.changes++;
	return 0;
}

/* Describe object @i of slab @n, for which @asked was asked. */
static void slab_describe(const struct slabs *s, u32 n, u32 i, u32 asked,
			  struct engine_block *block)
{
	*block = (struct engine_block) {
		.offset = object_offset(s, n, i),
		.granted = s->layout.stride,
		.requested = asked & ~SLAB_RECORDED,
		.used = asked,
		.recorded = asked & SLAB_RECORDED,
	};
}

static int slab_find(struct engine *e, u64 offset, struct engine_block *block)
{
	struct slabs *s = to_slabs(e);
	u32 n, i, asked = live_at(s, offset, &n, &i);

	if (!asked)
		return -ENOENT;
	slab_describe(s, n, i, asked, block);
	return 0;
}

static int slab_alloc(struct engine *e, const struct engine_request *rq,
		      struct engine_block *block, struct engine_refusal *why)
{
	struct slabs *s = to_slabs(e);
	u32 mark = rq->recorded ? SLAB_RECORDED : 0;
	u32 n, i;
	int err;

	if (!rq->bytes || !engine_align_ok(rq->align))
		return -EINVAL;
	if (rq->align > s->layout.align)
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE, 0);
	if (rq->bytes > s->layout.object)
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE,
				     s->layout.object);
	err = slab_take_asked(s, rq->bytes | mark, &n, &i, why);
	if (err)
		return err;
	if (rq->bytes < s->layout.object)
		engine_count(e, engine_class(rq->bytes));
	slab_describe(s, n, i, rq->bytes | mark, block);
	return 0;
}

static int slab_free(struct engine *e, u64 offset, bool recorded,
		     struct engine_block *block)
{
	struct slabs *s = to_slabs(e);
	u32 n, i, asked = live_at(s, offset, &n, &i);

	if (!asked)
		return -ENOENT;
	slab_describe(s, n, i, asked, block);
	return slab_give_asked(s, n, i, asked, recorded ? SLAB_RECORDED : 0);
}

static int slab_resize(struct engine *e, u64 offset,
		       const struct engine_request *rq,
		       struct engine_block *block, struct engine_refusal *why)
{
	struct slabs *s = to_slabs(e);
	u32 n, i;
	int err;

	if (!rq->bytes)
		return -EINVAL;
	err = slab_find(e, offset, block);
	if (err)
		return err;
	if (block->recorded != rq->recorded)
		return -EACCES;
	if (rq->bytes > s->layout.object)
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE,
				     s->layout.object);
	e->changes++;
	object_at(s, offset, &n, &i);
	s->waste += block->requested;
	s->waste -= rq->bytes;
	object_set_asked(s, slab_book(s, n), i,
			 rq->bytes | (rq->recorded ? SLAB_RECORDED : 0));
	block->requested = rq->bytes;
	return 0;
}

/* Index of the object at or behind @rest bytes into a slab. */
static u32 object_from(const struct slabs *s, u32 n, u64 rest)
{
	u32 colour = slab_book(s, n)->colour;

	if (rest <= colour)
		return 0;
	return div64_u64(rest - colour + s->layout.stride - 1, s->layout.stride);
}

#define NEXT_SLABS	256u	/* slabs that one call passes over at most */

/* One object a call, also a free one. Slabs without memory are passed over. */
static bool slab_next(struct engine *e, u64 *pos, struct engine_block *block)
{
	struct slabs *s = to_slabs(e);
	u32 mask = (1u << s->layout.shift) - 1;
	u64 n = *pos >> s->layout.shift;
	u64 rest = *pos & mask;
	u64 end = min_t(u64, n + NEXT_SLABS, s->layout.max);

	for (; n < end; n++, rest = 0) {
		u32 i = slab_book(s, n)->held ? object_from(s, n, rest) :
					  s->layout.objects;

		if (i >= s->layout.objects)
			continue;
		slab_describe(s, n, i, object_asked(s, n, i), block);
		*pos = block->offset + block->granted;
		return true;
	}
	if (n >= s->layout.max)
		return false;
	*pos = n << s->layout.shift;
	*block = (struct engine_block) { .offset = *pos };
	return true;
}

/* Phases of a check, and its sums. */
enum { SLAB_SLABS, SLAB_RING, SLAB_UNHELD, SLAB_LEAVING };
enum { SUM_LIVE, SUM_HELD, SUM_EMPTY, SUM_PARTIAL, SUM_FREE, SUM_LENGTH, SUM_LAST };

/* Check the bits: none behind the last object, no free object is odd, summary is right. */
static bool bits_check(const struct slabs *s, struct slab *slab, u64 at,
		       struct engine_fault *fault)
{
	u32 rest = s->layout.objects, words = 0;
	u32 w;

	for (w = 0; w < s->row; w++, rest -= min(rest, 32u)) {
		u32 free = slab_bits(slab, w << 5)[0], odd = slab_bits(slab, w << 5)[1];

		if (free & odd || (rest < 32 && (free | odd) >> rest))
			return engine_broken(fault, "bits of a slab", at);
		words |= (u32)!!free << w;
	}
	return words == slab->words || engine_broken(fault, "summary of a bitmap", at);
}

static bool object_check(const struct slabs *s, u32 n, u32 i, struct engine_check *c)
{
	struct slab *slab = slab_book(s, n);
	u32 asked = object_asked(s, n, i);

	c->fault.checked++;
	if ((asked & ~SLAB_RECORDED) > s->layout.object ||
	    (!is_odd(slab, i) && table_entry(s, slab, i)))
		return engine_broken(&c->fault, "size of an object",
				     (u64)n << s->layout.shift);
	c->n[SUM_FREE] += !asked;
	if (asked)
		c->sum[0] += s->layout.object - (asked & ~SLAB_RECORDED);
	return true;
}

#define SLAB_UNITS	4u	/* budget that a slab costs beside its objects */

/* Check slab c->at, as far as the budget allows. Returns false if it is broken. */
static bool slab_check_one(const struct slabs *s, struct engine_check *c, u32 *budget)
{
	u32 n = c->at, free;
	struct slab *slab = slab_book(s, n);
	u64 at = (u64)n << s->layout.shift;

	if (!c->inner && !colour_fits(s, slab->colour))
		return engine_broken(&c->fault, "colour of a slab", at);
	for (; c->inner < s->layout.objects && *budget; c->inner++, --*budget)
		if (!object_check(s, n, c->inner, c))
			return false;
	if (c->inner < s->layout.objects)
		return true;
	*budget -= min(*budget, SLAB_UNITS);
	if (!bits_check(s, slab, at, &c->fault))
		return false;
	free = c->n[SUM_FREE];
	if (free != slab->free)
		return engine_broken(&c->fault, "free objects of a slab", at);
	c->n[SUM_LIVE] += s->layout.objects - free;
	c->n[SUM_HELD]++;
	c->n[SUM_EMPTY] += free == s->layout.objects;
	c->n[SUM_PARTIAL] += !!free;
	c->n[SUM_FREE] = 0;
	c->inner = 0;
	c->at++;
	return true;
}

/* Begin the next phase, whose list starts at @n. */
static bool list_begin(struct engine_check *c, u32 n)
{
	c->phase++;
	c->at = n;
	c->n[SUM_LENGTH] = 0;
	c->n[SUM_LAST] = SLAB_NONE;
	return true;
}

static bool slabs_check(const struct slabs *s, struct engine_check *c, u32 budget)
{
	/* The counts of a slab that is half checked are no longer valid: skip the slab. */
	if (c->changed && c->inner) {
		c->n[SUM_FREE] = 0;
		c->inner = 0;
		c->at++;
	}
	while (c->at < s->layout.max && budget) {
		if (!slab_book(s, c->at)->held) {
			c->at++;
			budget--;
		} else if (!slab_check_one(s, c, &budget)) {
			return false;
		}
	}
	if (c->at < s->layout.max)
		return true;
	if (!colour_fits(s, s->next_colour))
		return engine_broken(&c->fault, "colour of the next slab", 0);
	return list_begin(c, s->partial);
}

/* Check the ring from c->at on. Its length goes to sum[1]. */
static bool ring_check(const struct slabs *s, struct engine_check *c, u32 budget)
{
	/* After a change c->at may be off the ring, which proves no fault: skip the rest. */
	if (c->changed)
		return list_begin(c, s->unheld);
	for (; c->at != SLAB_NONE && budget; budget--) {
		u32 n = c->at, next;

		if (n >= s->layout.max)
			return engine_broken(&c->fault, "ring of partial slabs", 0);
		next = slab_book(s, n)->next;
		if (next >= s->layout.max || slab_book(s, next)->prev != n ||
		    !slab_book(s, n)->held || !slab_book(s, n)->free ||
		    ++c->n[SUM_LENGTH] > s->layout.max)
			return engine_broken(&c->fault, "ring of partial slabs", 0);
		c->at = next == s->partial ? SLAB_NONE : next;
	}
	if (c->at != SLAB_NONE)
		return true;
	c->sum[1] = c->n[SUM_LENGTH];
	return list_begin(c, s->unheld);
}

/* Check a list of slabs that are leaving, or not held. True if there is more. */
static bool list_check(const struct slabs *s, struct engine_check *c, bool leaving,
		       const char *what, u32 budget)
{
	for (; !c->changed && c->at != SLAB_NONE && budget; budget--) {
		u32 n = c->at;

		if (n >= s->layout.max || slab_book(s, n)->held != leaving ||
		    slab_book(s, n)->leaving != leaving ||
		    ++c->n[SUM_LENGTH] > s->layout.max)
			return engine_broken(&c->fault, what, 0);
		c->n[SUM_LAST] = n;
		c->at = slab_book(s, n)->next;
	}
	return !c->changed && c->at != SLAB_NONE;
}

/* sum[1]: length of the ring; sum[2]: slabs without memory. */
static bool slab_check_sums(const struct slabs *s, struct engine_check *c)
{
	u32 leaving = c->n[SUM_LENGTH];

	if (s->last_leaving != c->n[SUM_LAST] || (s->going && !leaving))
		return engine_broken(&c->fault, "list of leaving slabs", 0);
	if (c->n[SUM_HELD] != s->held || c->sum[2] != s->layout.max - s->held)
		return engine_broken(&c->fault, "number of held slabs", 0);
	if (c->sum[1] + leaving != c->n[SUM_PARTIAL] ||
	    c->n[SUM_EMPTY] != s->empty + leaving)
		return engine_broken(&c->fault, "number of partial slabs", 0);
	if (c->n[SUM_LIVE] != s->live || s->live > s->high)
		return engine_broken(&c->fault, "number of live objects", 0);
	if (c->sum[0] != s->waste)
		return engine_broken(&c->fault, "sum of wasted bytes", 0);
	return false;
}

static bool slab_check(struct engine *e, struct engine_check *c, u32 budget)
{
	struct slabs *s = to_slabs(e);

	if (c->phase == SLAB_SLABS)
		return slabs_check(s, c, budget);
	if (c->phase == SLAB_RING)
		return ring_check(s, c, budget);
	if (c->phase == SLAB_UNHELD) {
		if (list_check(s, c, false, "list of slabs without memory", budget))
			return true;
		c->sum[2] = c->n[SUM_LENGTH];
		return list_begin(c, s->leaving);
	}
	if (list_check(s, c, true, "list of leaving slabs", budget))
		return true;
	return !c->torn && !c->fault.what ? slab_check_sums(s, c) : false;
}

static void slab_books(struct engine *e, struct engine_books *books)
{
	struct slabs *s = to_slabs(e);
	u64 odd = engine_counts(e, books);

	books->live = s->live;
	books->total = (u64)s->held * s->layout.objects * s->layout.stride;
	books->used = (u64)s->live * s->layout.stride;
	books->peak = (u64)s->high * s->layout.stride;
	books->requested = (u64)s->live * s->layout.object - s->waste;
	books->allocs = count_of(&e->allocs);
	books->joins = 0;
	books->classes[engine_class(s->layout.object)] += books->allocs - odd;
}

static void slab_frag(struct engine *e, struct engine_frag *frag)
{
	struct slabs *s = to_slabs(e);

	frag->orders = 1;
	frag->unit = s->layout.stride;
	frag->blocks[0] = s->held * s->layout.objects - s->live;
	frag->free = (u64)frag->blocks[0] * s->layout.stride;
	frag->largest = frag->blocks[0] || s->unheld != SLAB_NONE || !s->books ?
			s->layout.object : 0;
	frag->used = (u64)s->live * s->layout.stride;
	frag->requested = (u64)s->live * s->layout.object - s->waste;
	frag->uniform = true;
	frag->aligned[0] = 0;
}

static const struct engine_ops slab_ops = {
	.name = "slab",
	.alloc = slab_alloc,
	.free = slab_free,
	.resize = slab_resize,
	.find = slab_find,
	.next = slab_next,
	.check = env_checks ? slab_check : NULL,
	.books = slab_books,
	.frag = slab_frag,
};

/**
 * slab_leaving - name an empty slab whose memory should be given back
 * @s: the engine
 *
 * The slab stays in the books, and may be needed again before the caller has dealt with
 * its memory: slab_left() tells. Only one caller may do this at a time.
 *
 * Context: any; the caller serialises. O(1).
 * Return: number of the slab, or SLAB_NONE.
 */
u32 slab_leaving(struct slabs *s)
{
	s->e.changes++;
	s->going = s->leaving != SLAB_NONE;
	return s->leaving;
}

/**
 * slab_left - give up the slab that slab_leaving() named
 * @s: the engine
 *
 * Context: any; the caller serialises. O(1).
 * Return: true if the memory of the slab belongs to the caller now; false if the slab
 * was needed again, and keeps its memory.
 */
bool slab_left(struct slabs *s)
{
	s->e.changes++;
	if (!s->going)
		return false;
	slab_unhold(s, leaving_take(s));
	return true;
}

/* The slab that slab_leaving() named cannot be given back now: put it last. O(1). */
void slab_later(struct slabs *s)
{
	s->e.changes++;
	if (s->going)
		leaving_add(s, leaving_take(s));
}

/**
 * slab_prepare - get enough slabs for a number of objects, and keep them
 * @s: the engine, with no live objects
 * @objects: number of objects that must find room without growing
 * @why: the reason of -ENOMEM
 *
 * Return: 0 or -ENOMEM. The slabs got before a failure are kept.
 */
int slab_prepare(struct slabs *s, u32 objects, struct engine_refusal *why)
{
	u32 want = (objects + s->layout.objects - 1) / s->layout.objects;

	while (s->held < want) {
		int err = slab_grow(s, why);

		if (err)
			return err;
	}
	s->keep = max(want, 1u);
	return 0;
}

#define SLAB_GROWN_SHIFT	16

/* Bytes of a slab of 2^@shift bytes that no object can use. */
static u32 slab_rest(u32 shift, u32 stride)
{
	u32 objects = min((1u << shift) / stride, SLAB_MAX_OBJECTS);

	return (1u << shift) - objects * stride;
}

/*
 * Log2 of the smallest slab that wastes at most an eighth and has eight objects. To
 * reach eight objects a slab does not grow beyond 64 KiB, whatever the size of a page.
 */
static u32 slab_shift(u32 stride, u32 page_shift)
{
	u32 shift = page_shift;

	while (1u << shift < stride)
		shift++;
	while (slab_rest(shift, stride) > 1u << (shift - 3) ||
	       (1u << shift < 8 * stride && shift < SLAB_GROWN_SHIFT))
		shift++;
	return shift;
}

/* How many objects a slab of the layout has, and how many slabs there may be. */
static int layout_slabs(struct slab_layout *layout, u64 limit)
{
	layout->objects = min((1u << layout->shift) / layout->stride, SLAB_MAX_OBJECTS);
	layout->max = min_t(u64, limit >> layout->shift, 1u << 24);
	return layout->max ? 0 : -ENOMEM;
}

/**
 * slab_layout - decide how objects lie in slabs
 * @layout: set to the decision
 * @object: bytes of an object, 1 .. SLAB_MAX_OBJECT
 * @align: alignment of each object, a power of two, 8 .. SLAB_MAX_OBJECT
 * @limit: bytes that all slabs together may use
 * @page_shift: log2 of the smallest slab
 *
 * Return: 0, -EINVAL, or -ENOMEM if not even one slab is within the limit.
 */
int slab_layout(struct slab_layout *layout, u64 object, u64 align, u64 limit,
		u32 page_shift)
{
	u32 stride;

	if (!object || object > SLAB_MAX_OBJECT || align < 8 ||
	    align > SLAB_MAX_OBJECT || !engine_align_ok(align))
		return -EINVAL;
	/* One summary word covers SLAB_MAX_OBJECTS objects, so a slab has no more. */
	align = max_t(u64, align, (1u << page_shift) / SLAB_MAX_OBJECTS);
	stride = ALIGN((u32)object, (u32)align);
	layout->object = object;
	layout->align = align;
	layout->stride = stride;
	layout->shift = slab_shift(stride, page_shift);
	return layout_slabs(layout, limit);
}

/**
 * slab_layout_narrow - lay objects into slabs of a bounded size, which may waste more
 * @layout: made by slab_layout()
 * @limit: bytes that all slabs together may use
 * @shift: log2 of the largest slab
 *
 * Return: 0, or -ENOMEM if no slab is within the limit or no object within a slab.
 */
int slab_layout_narrow(struct slab_layout *layout, u64 limit, u32 shift)
{
	if (1u << shift < layout->stride)
		return -ENOMEM;
	layout->shift = min(layout->shift, shift);
	return layout_slabs(layout, limit);
}

static u32 row_words(const struct slab_layout *layout)
{
	return (layout->objects + 31) / 32;
}

/* Log2 of the bits that hold a size of up to @object bytes and the record mark. */
static u32 table_width(u32 object)
{
	return object <= 1u << 3 ? 2 : object <= 1u << 7 ? 3 : object <= 1u << 15 ? 4 : 5;
}

/* Bytes of the book of one slab. */
size_t slab_book_size(const struct slab_layout *layout)
{
	u32 bits = layout->objects << table_width(layout->object);

	return sizeof(struct slab) +
	       (2 * row_words(layout) + (bits + 31) / 32) * sizeof(u32);
}

/*
 * Bytes that the state of as many slabs as the layout allows needs. For objects of 8
 * and 16 bytes that is less than 1/9 of the slabs, for larger ones less than 1/16.
 */
size_t slab_meta_size(const struct slab_layout *layout)
{
	return layout->max * slab_book_size(layout);
}

#define LINK_STEP	(1u << 14)	/* slabs that are linked between two pauses */

/**
 * slab_link - make the books of slabs that have no memory
 * @layout: made by slab_layout()
 * @books: slab_meta_size(@layout) bytes of zeros, aligned to 8
 *
 * Context: process, may pause. O(slabs).
 */
void slab_link(const struct slab_layout *layout, void *books)
{
	size_t size = slab_book_size(layout);
	struct slab *slab;
	u32 n;

	for (n = 0; n < layout->max; n++) {
		slab = books + n * size;
		slab->next = n + 1 < layout->max ? n + 1 : SLAB_NONE;
		if (!(n % LINK_STEP))
			env_pause();
	}
}

/**
 * slab_open - give its books to an engine that has none
 * @s: the engine
 * @max: largest number of slabs
 * @books: books of @max slabs, from slab_link()
 *
 * Context: any; the caller serialises. O(1).
 */
void slab_open(struct slabs *s, u32 max, void *books)
{
	s->books = books;
	s->unheld = 0;
	s->layout.max = max;
}

/**
 * slab_init - set up a slab engine without any slab
 * @s: the engine
 * @layout: made by slab_layout()
 * @source: source of memory
 * @meta: slab_meta_size(@layout) bytes of zeros, aligned to 8; NULL: no slab can be added
 *	before slab_open()
 *
 * Context: process, may pause; the caller serialises. O(slabs).
 */
void slab_init(struct slabs *s, const struct slab_layout *layout,
	       const struct slab_supply *source, void *meta)
{
	memset(s, 0, sizeof(*s));
	s->e.ops = &slab_ops;
	s->layout = *layout;
	s->layout.max = 0;
	s->source = *source;
	s->by = divisor_of(layout->stride);
	s->row = row_words(layout);
	s->keep = 1;
	s->partial = SLAB_NONE;
	s->unheld = SLAB_NONE;
	s->leaving = SLAB_NONE;
	s->last_leaving = SLAB_NONE;
	s->width = table_width(layout->object);
	s->book = slab_book_size(layout);
	if (!meta)
		return;
	slab_link(layout, meta);
	slab_open(s, layout->max, meta);
}
