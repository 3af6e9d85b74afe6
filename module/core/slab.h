/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Slab: objects of one size, in slabs that are added and removed on demand.
 *
 * Words used here and in slab.c:
 *
 *	object		the unit that is handed out; neighbours are @stride bytes apart
 *	slab		2^shift bytes that hold @objects objects
 *	number		of a slab: its objects have the offsets from number << shift
 *			on, wherever in the region the slab lies
 *	book		the state of a slab: struct slab, two bits for each object,
 *			and the table of its odd objects
 *	odd		an object that is handed out and is either smaller than a whole
 *			object or has a record; its table entry holds both facts
 *	held		the slab has memory; only a held slab can contain objects
 *	partial		the slab is held and has a free object. The partial slabs form a
 *			ring. It is used from its head, and empty slabs are at its end
 *	empty		partial, and all objects are free
 *	leaving		the slab is empty and off the ring, and the owner of the engine
 *			will give its memory back later, unless the slab is needed
 *			before that
 */
#ifndef MEMMGR_SLAB_H
#define MEMMGR_SLAB_H

#include "core/divide.h"
#include "core/engine.h"

#define SLAB_RECORDED		(1u << 31)	/* flag beside the bytes asked for */
#define SLAB_MAX_OBJECT		(1u << 27)
#define SLAB_MAX_OBJECTS	1024u		/* in a slab: 32 words, one summary word */
#define SLAB_COLOUR		64u		/* a cache line */
#define SLAB_NONE		(~0u)

/**
 * struct slab_supply - supplies the memory of slabs
 * @grow: give slab @number memory; 0, or -ENOMEM with the reason in @why
 * @shrink: take the memory back. False if that is impossible now; slab_leaving() then
 *	names the slab later
 * @context: passed to both
 */
struct slab_supply {
	int (*grow)(void *context, u32 number, struct engine_refusal *why);
	bool (*shrink)(void *context, u32 number);
	void *context;
};

/**
 * struct slab_layout - how objects lie in a slab
 * @object: largest size that can be asked for, in bytes
 * @align: alignment of each object
 * @stride: distance between two objects
 * @shift: log2 of the bytes of a slab
 * @objects: number of objects in a slab
 * @max: largest number of slabs; 0 as long as there are no books
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
 * @prev: previous slab in the ring of partial slabs
 * @next: next slab in the ring, or in the list of slabs not held or leaving
 * @free: number of free objects
 * @held: the slab has memory
 * @leaving: its memory is about to be given back
 * @words: bit w is set if word w of the free objects is not 0
 * @colour: offset of the first object in the slab
 * @bits: two words for each 32 objects; a set bit in the first means free, in the
 *	second odd. Behind them the table. An entry holds the bytes asked for and the
 *	record mark of an odd object, in the fewest bits that the object size allows
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
 * @e: the common part; its classes count only requests for less than an object
 * @layout: layout of every slab
 * @source: source of memory
 * @by: to divide by the stride
 * @row: number of words that hold the free bits of a slab
 * @width: log2 of the bits of a table entry, 2 to 5
 * @book: bytes of a book
 * @live: objects handed out
 * @high: highest @live ever
 * @held: slabs that have memory
 * @empty: empty slabs in the ring
 * @keep: number of empty slabs to keep
 * @next_colour: colour of the next slab
 * @partial: head of the ring, or SLAB_NONE
 * @unheld: list of slabs without memory
 * @leaving: list of leaving slabs, in the order in which they became empty
 * @last_leaving: last slab of this list
 * @going: the owner is giving back the memory of the first one, see slab_leaving()
 * @waste: bytes of live objects beyond the requested size
 * @books: the books, by number of the slab; NULL before slab_open()
 */
struct slabs {
	struct engine e;
	struct slab_layout layout;
	struct slab_supply source;
	struct divisor by;
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

int slab_layout_narrow(struct slab_layout *layout, u64 limit, u32 shift);
int slab_layout(struct slab_layout *layout, u64 object, u64 align, u64 limit,
		u32 page_shift);
size_t slab_book_size(const struct slab_layout *layout);
size_t slab_meta_size(const struct slab_layout *layout);
void slab_init(struct slabs *s, const struct slab_layout *layout,
	       const struct slab_supply *source, void *meta);
void slab_link(const struct slab_layout *layout, void *books);
void slab_open(struct slabs *s, u32 max, void *books);
int slab_prepare(struct slabs *s, u32 objects, struct engine_refusal *why);
u32 slab_leaving(struct slabs *s);
bool slab_left(struct slabs *s);
void slab_later(struct slabs *s);
int slab_take(struct slabs *s, u32 mark, u64 *offset, struct engine_refusal *why);
int slab_give(struct slabs *s, u64 offset, u32 mark);
u32 slab_live(const struct slabs *s, u32 n);
void slab_last(struct slabs *s, u32 n);
int slab_move(struct slabs *s, u64 offset, u64 *to);
void slab_filled(struct slabs *s, u32 n);
void slab_opened(struct slabs *s, u32 n);
void slab_emptied(struct slabs *s, u32 n);
int slab_give_to(struct slabs *s, u32 n, u32 rest, u32 mark);

/* The book of slab @n. @n is below layout.max. */
static inline struct slab *slab_book(const struct slabs *s, u32 n)
{
	return s->books + (size_t)n * s->book;
}

/* The word with the free bit of object @i. The next word has its odd bit. */
static inline u32 *slab_bits(struct slab *slab, u32 i)
{
	return &slab->bits[i >> 5 << 1];
}

/* Count @taken objects of slab @n, whose free bits are cleared already. */
static __always_inline void slab_took(struct slabs *s, struct slab *slab, u32 n, u32 taken)
{
	u32 live = s->live + taken;
	u32 free = slab->free;

	count_add(&s->e.allocs, taken);
	s->live = live;
	if (live > s->high)
		s->high = live;
	if (unlikely(free == s->layout.objects)) {
		env_rarely();
		s->empty--;
	}
	free -= taken;
	slab->free = free;
	if (unlikely(!free))
		slab_filled(s, n);
}

/* Take a whole object of slab @n, which has a free one; no record. Returns its number. */
static __always_inline u32 slab_take_number(struct slabs *s, u32 n)
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
	slab_took(s, slab, n, 1);
	return i;
}

/* The same. Returns its offset in the slab. */
static inline u32 slab_take_from(struct slabs *s, u32 n)
{
	return slab_take_number(s, n) * s->layout.stride + slab_book(s, n)->colour;
}

/*
 * Take up to @want whole objects of slab @n, which has a free one; no record. All belong to
 * one word of bits. Their addresses, of which @at is that of the slab, go into @objects.
 * Returns how many they are.
 */
static __always_inline u32 slab_take_some(struct slabs *s, u32 n, void *at, void **objects,
					  u32 want)
{
	struct slab *slab = slab_book(s, n);
	u32 w = env_lowest(slab->words), stride = s->layout.stride;
	u32 *word = slab_bits(slab, w << 5);
	u32 left = *word, taken = 0;

	at += slab->colour + (w << 5) * stride;
	for (; left && taken < want; left &= left - 1)
		objects[taken++] = at + env_lowest(left) * stride;
	*word = left;
	if (!left)
		slab->words &= ~(1u << w);
	slab_took(s, slab, n, taken);
	return taken;
}

/* The object that begins @rest bytes into a slab. Returns false if there is none. */
static inline bool slab_object(const struct slabs *s, const struct slab *slab, u32 rest,
			       u32 *i)
{
	*i = divide(rest - slab->colour, s->by);
	return likely(*i < s->layout.objects);
}

/* Is object @i handed out, whole, and without a record? */
static __always_inline bool slab_is_whole(struct slab *slab, u32 i)
{
	const u32 *word = slab_bits(slab, i);

	return !((word[0] | word[1]) >> (i & 31) & 1);
}

/* Mark object @i, which is whole and has no record, as free. slab_gave() has to follow. */
static __always_inline void slab_clear(struct slab *slab, u32 i)
{
	*slab_bits(slab, i) |= 1u << (i & 31);
	slab->words |= 1u << (i >> 5);
}

/* Count @given objects of slab @n, which are marked as free already. */
static __always_inline void slab_gave(struct slabs *s, struct slab *slab, u32 n, u32 given)
{
	u32 free = slab->free;

	s->live -= given;
	slab->free = free + given;
	if (unlikely(!free))
		slab_opened(s, n);
	if (unlikely(free + given == s->layout.objects))
		slab_emptied(s, n);
}

/* Give back object @i of slab @n, which is whole and has no record. */
static __always_inline void slab_give_whole(struct slabs *s, struct slab *slab, u32 n, u32 i)
{
	slab_clear(slab, i);
	slab_gave(s, slab, n, 1);
}

/*
 * Give back the last @n of @count objects, the last one first, as far as they are whole
 * objects of slab @number without a record. @objects are addresses, of which @first is that of
 * the slab's first object. Returns how many objects are left.
 */
static __always_inline size_t slab_give_some(struct slabs *s, u32 number, const void *first,
					     void *const *objects, size_t count, size_t n)
{
	struct slab *slab = slab_book(s, number);
	const struct divisor by = s->by;
	u32 here = s->layout.objects;
	size_t left = count;

	while (left > count - n) {
		unsigned long distance = objects[left - 1] - first;
		u32 i = divide(distance, by);

		if (unlikely((u64)distance >> 32 || i >= here || !slab_is_whole(slab, i)))
			break;
		slab_clear(slab, i);
		left--;
	}
	if (left < count)
		slab_gave(s, slab, number, count - left);
	return left;
}

/* Is slab @n about to be given back, so that its memory may not be shown any more? */
static inline bool slab_is_leaving(const struct slabs *s, u32 n)
{
	return slab_book(s, n)->leaving;
}

#endif /* MEMMGR_SLAB_H */
