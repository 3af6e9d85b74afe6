/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Slab: objects of one size, in slabs that come and go with the need.
 *
 * Words used here and in slab.c:
 *
 *	object		what is handed out; two of them are @stride bytes apart
 *	slab		2^shift bytes that hold @objects of them
 *	number		of a slab; its objects have the offsets from
 *			number << shift on, wherever in the region it lies
 *	book		what is known of a slab: struct slab, two bits an object
 *			and the table of its odd objects
 *	odd		handed out, and either smaller than a whole object or
 *			with a record: the table tells which
 *	held		the slab has memory; only then objects can be in it
 *	partial		it is held and has a free object; the partial slabs are
 *			a ring, used from its head, the empty ones at its end
 *	empty		partial, and all of its objects are free
 *	leaving		it is empty, has been taken off the ring, and its memory
 *			goes back when the owner of the engine gets round to it,
 *			unless it is needed before
 */
#ifndef MEMMGR_SLAB_H
#define MEMMGR_SLAB_H

#include "core/divide.h"
#include "core/engine.h"

#define SLAB_RECORDED		(1u << 31)	/* beside the bytes asked for */
#define SLAB_MAX_OBJECT		(1u << 27)
#define SLAB_MAX_OBJECTS	1024u		/* a slab: one word of words */
#define SLAB_COLOUR		64u		/* a cache line */
#define SLAB_NONE		(~0u)

/**
 * struct slab_source - where slabs come from
 * @grow: give slab @number memory: 0, or -ENOMEM with @why
 * @shrink: take it back; false: not now, slab_leaving() will name it
 * @context: passed to both
 */
struct slab_source {
	int (*grow)(void *context, u32 number, struct engine_refusal *why);
	bool (*shrink)(void *context, u32 number);
	void *context;
};

/**
 * struct slab_layout - how objects lie in a slab
 * @object: bytes that may be asked for
 * @align: of each object
 * @stride: distance of two objects
 * @shift: log2 of the bytes of a slab
 * @objects: in a slab
 * @max: slabs
 */
struct slab_layout {
	u32 object;
	u32 align;
	u32 stride;
	u32 shift;
	u32 objects;
	u32 max;
};

/**
 * struct slab - the book of one slab
 * @prev: in the ring of partial slabs
 * @next: the same, or in the list of those that are not held or leaving
 * @free: free objects
 * @held: it has memory
 * @leaving: which is about to go back
 * @words: bit w: word w of its free objects is not 0
 * @colour: where its first object is
 * @bits: for each 32 objects a word, bit set: free, and a word, bit set: odd. Behind
 *	them the table: of each odd object the bytes asked for and whether it has a
 *	record, in the fewest bits that the size of an object allows
 */
struct slab {
	u32 prev;
	u32 next;
	u16 free;
	bool held;
	bool leaving;
	u32 words;
	u32 colour;
	u32 bits[];
};

/**
 * struct slabs - the engine
 * @e: the common part; its classes count requests for less than an object only
 * @layout: of every slab
 * @source: of memory
 * @magic: to divide by the stride
 * @row: words of bits of free objects
 * @width: log2 of the bits of an entry of the table, 2 to 5
 * @book: bytes of a book
 * @live: objects handed out
 * @high: most that ever were
 * @held: slabs that have memory
 * @empty: of those, empty ones in the ring
 * @keep: empty slabs to keep
 * @next_colour: for the next slab
 * @partial: head of the ring, or SLAB_NONE
 * @unheld: slabs without memory
 * @leaving: slabs whose memory is about to go back, the first one that became empty
 * @last_leaving: the last one of these
 * @going: the first of them is on its way, see slab_leaving()
 * @waste: what live objects have more of than was asked for, in bytes
 * @books: by number of the slab
 */
struct slabs {
	struct engine e;
	struct slab_layout layout;
	struct slab_source source;
	u64 magic;
	u32 row;
	u32 width;
	u32 book;
	u32 live;
	u32 high;
	u32 held;
	u32 empty;
	u32 keep;
	u32 next_colour;
	u32 partial;
	u32 unheld;
	u32 leaving;
	u32 last_leaving;
	bool going;
	u64 waste;
	void *books;
};

int slab_layout(struct slab_layout *layout, u64 object, u64 align, u64 limit,
		u32 page_shift);
size_t slab_book_size(const struct slab_layout *layout);
size_t slab_meta_size(const struct slab_layout *layout);
void slab_init(struct slabs *s, const struct slab_layout *layout,
	       const struct slab_source *source, void *meta);
int slab_prepare(struct slabs *s, u32 objects, struct engine_refusal *why);
u32 slab_leaving(struct slabs *s);
bool slab_left(struct slabs *s);
void slab_later(struct slabs *s);
int slab_take(struct slabs *s, u32 mark, u64 *offset, struct engine_refusal *why);
int slab_give(struct slabs *s, u64 offset, u32 mark);
u32 slab_live(const struct slabs *s, u32 n);
void slab_last(struct slabs *s, u32 n);
int slab_move(struct slabs *s, u64 offset, u64 *to);
__visible void slab_filled(struct slabs *s, u32 n);
__visible void slab_opened(struct slabs *s, u32 n);
__visible void slab_emptied(struct slabs *s, u32 n);
__visible int slab_give_to(struct slabs *s, u32 n, u32 rest, u32 mark);

/* The book of slab @n, which is below layout.max. */
static inline struct slab *slab_book(const struct slabs *s, u32 n)
{
	return s->books + (size_t)n * s->book;
}

/* The word with the bit of object @i, set: free; behind it the one with its bit, set: odd. */
static inline u32 *slab_bits(struct slab *slab, u32 i)
{
	return &slab->bits[i >> 5 << 1];
}

/* Take a whole object without a record of slab @n, which has one: where in the slab. */
static inline u32 slab_take_from(struct slabs *s, u32 n)
{
	struct slab *slab = slab_book(s, n);
	u32 w = env_lowest(slab->words);
	u32 *word = slab_bits(slab, w << 5);
	u32 left = *word;
	u32 i = w << 5 | env_lowest(left);

	left &= left - 1;
	*word = left;
	if (!left)
		slab->words &= ~(1u << w);
	s->e.allocs++;
	if (++s->live > s->high)
		s->high = s->live;
	if (slab->free == s->layout.objects)
		s->empty--;
	if (unlikely(!--slab->free))
		slab_filled(s, n);
	return slab->colour + i * s->layout.stride;
}

/* The object that begins @rest bytes into a slab; false when none does. */
static inline bool slab_object(const struct slabs *s, const struct slab *slab, u32 rest,
			       u32 *i)
{
	u32 at = rest - slab->colour;

	*i = divide(at, s->magic);
	return likely(*i < s->layout.objects && *i * s->layout.stride == at);
}

/* Is a whole object without a record handed out there? */
static inline bool slab_is_whole(const struct slabs *s, u32 n, u32 rest)
{
	struct slab *slab = slab_book(s, n);
	const u32 *word;
	u32 i;

	if (unlikely(!slab_object(s, slab, rest, &i)))
		return false;
	word = slab_bits(slab, i);
	return !((word[0] | word[1]) >> (i & 31) & 1);
}

/* Is slab @n about to go back, so that nobody may see its memory any more? */
static inline bool slab_is_leaving(const struct slabs *s, u32 n)
{
	return slab_book(s, n)->leaving;
}

#endif /* MEMMGR_SLAB_H */
