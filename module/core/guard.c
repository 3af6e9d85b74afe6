// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Red zones and poison: patterns of bytes that no one may overwrite.
 *
 * The pattern depends on its owner and its position. So neither a copy from elsewhere
 * nor a fill with one value is mistaken for it. Its bytes are never 0 or 255, the
 * values that stray writes have most often. The pattern is made eight bytes at a time,
 * at positions that are multiples of eight: a multiplicative hash (Knuth, The Art of
 * Computer Programming, 6.4) of key and position, masked to the byte values of the kind.
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

	/* The low bits of a product vary little, so mix the high bits into them. */
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ull;
	h ^= h >> 32;
	return (h & kinds[guard->kind].mask) | kinds[guard->kind].base;
}

/* The same for either byte order, so that dumps of two boards can be compared. */
static u8 byte_of(u64 word, u32 n)
{
	return word >> (8 * n);
}

/* Most of a pattern is whole words. */
static bool is_whole(u64 position, size_t bytes)
{
	return bytes >= WORD && !(position % WORD);
}

/*
 * One step over a pattern: returns how many of @bytes lie in the word at @position,
 * and writes their pattern bytes to @out.
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
 * @guard: the pattern
 * @at: first byte to write
 * @bytes: number of bytes
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
 * guard_check - find the first damaged byte of a pattern
 * @guard: the pattern that was written
 * @at: first byte to check
 * @bytes: number of bytes
 *
 * Context: any. O(bytes).
 * Return: index of the first byte that differs from the pattern; @bytes if none does.
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
 * guard_damage - find the end of the damage to a pattern
 * @guard: the pattern that was written
 * @at: first byte to check
 * @bytes: number of bytes
 *
 * Context: any. O(bytes).
 * Return: index behind the last byte that differs from the pattern; 0 if none does.
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
