// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Red zones and poison: bytes that nobody may write.
 *
 * The pattern varies with whose it is and where, so that neither a copy of it from
 * elsewhere nor a fill with one value passes for it. Its bytes are never 0 or 255,
 * which is what strays most often. Eight bytes at a time, at the multiples of eight
 * of the position: a word is a multiplicative hash (Knuth, The Art of Computer
 * Programming, 6.4) of key and position, cut to the bytes of the kind.
 */
#include "core/guard.h"

#define WORD	8u

static u64 word_of(const struct guard *guard, u64 word)
{
	static const struct {
		u64 mask, base;
	} kinds[] = {
		[GUARD_ZONE]	= { 0x3f3f3f3f3f3f3f3full, 0x8080808080808080ull },
		[GUARD_POISON]	= { 0x1f1f1f1f1f1f1f1full, 0x6060606060606060ull },
	};
	u64 h = (word + 1) * 0x9e3779b97f4a7c15ull ^ (guard->key + 1ull) * 0xc2b2ae3d27d4eb4full;

	/* The low bits of a product vary little: the high ones go into them. */
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ull;
	h ^= h >> 32;
	return (h & kinds[guard->kind].mask) | kinds[guard->kind].base;
}

/* The same on either byte order, so that dumps of two boards compare. */
static u8 byte_of(u64 word, u32 n)
{
	return word >> (8 * n);
}

/* Whole words are most of a pattern. */
static bool is_whole(u64 position, size_t bytes)
{
	return bytes >= WORD && !(position % WORD);
}

/*
 * A step of a walk: how many of @bytes lie in the word at @position, whose pattern
 * bytes go to @out.
 */
static u32 step(const struct guard *guard, u64 position, size_t bytes, u8 *out)
{
	u64 word = word_of(guard, position / WORD);
	u32 first = position % WORD, n;

	for (n = 0; n < bytes && first + n < WORD; n++)
		out[n] = byte_of(word, first + n);
	return n;
}

/**
 * guard_fill - write a pattern
 * @guard: which
 * @at: where
 * @bytes: how many
 *
 * Context: any. O(bytes).
 */
void guard_fill(const struct guard *guard, void *at, size_t bytes)
{
	u8 *p = at, expected[WORD];
	size_t done = 0;
	u64 place, word;
	u32 n;

	for (; done < bytes; done += n) {
		place = guard->position + done;
		if (is_whole(place, bytes - done)) {
			word = env_le64(word_of(guard, place / WORD));
			n = WORD;
			memcpy(p + done, &word, WORD);
			continue;
		}
		n = step(guard, place, bytes - done, expected);
		memcpy(p + done, expected, n);
	}
}

/**
 * guard_check - look for damage
 * @guard: the pattern that was written
 * @at: where
 * @bytes: how many
 *
 * Context: any. O(bytes).
 * Return: the first byte that is not as it was; @bytes when all are.
 */
size_t guard_check(const struct guard *guard, const void *at, size_t bytes)
{
	const u8 *p = at;
	u8 expected[WORD];
	size_t done = 0;
	u64 place, word;
	u32 n, i;

	for (; done < bytes; done += n) {
		place = guard->position + done;
		if (is_whole(place, bytes - done)) {
			n = WORD;
			memcpy(&word, p + done, WORD);
			if (word == env_le64(word_of(guard, place / WORD)))
				continue;
		}
		n = step(guard, place, bytes - done, expected);
		if (!memcmp(p + done, expected, n))
			continue;
		for (i = 0; p[done + i] == expected[i]; i++)
			;
		return done + i;
	}
	return bytes;
}

/**
 * guard_damage - how far damage reaches
 * @guard: the pattern that was written
 * @at: where
 * @bytes: how many
 *
 * Context: any. O(bytes).
 * Return: one behind the last byte that is not as it was; 0 when all are.
 */
size_t guard_damage(const struct guard *guard, const void *at, size_t bytes)
{
	const u8 *p = at;
	u8 expected[WORD];
	size_t done = 0, end = 0;
	u32 n, i;

	for (; done < bytes; done += n) {
		n = step(guard, guard->position + done, bytes - done, expected);
		for (i = 0; i < n; i++)
			if (p[done + i] != expected[i])
				end = done + i + 1;
	}
	return end;
}
