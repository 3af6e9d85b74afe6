// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Numbers and foreign texts as words. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/words.h"
#include "memctl.h"

#define WORD_MAX	48	/* room for the text of a number */

/*
 * Names and tags are chosen by other users: what a terminal would take for a
 * command, and what JSON could not carry, becomes '?'.
 */
char *clean_copy(const char *chars, size_t size)
{
	char *text = strndup(chars, size);

	if (!text)
		out_of_memory();
	for (char *c = text; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	return text;
}

/* "64K", "64.1K", "100": the brief form of memmgr_format_size(). */
void print_brief_size(uint64_t bytes, char *text, size_t len)
{
	char full[MEMMGR_SIZE_TEXT];
	char *space = strchr(memmgr_format_size(bytes, full, sizeof(full)), ' ');

	*space = '\0';
	snprintf(text, len, "%s%.1s", full, space[1] == 'B' ? "" : space + 1);
}

void print_age(uint64_t ns, char *text, size_t len)
{
	uint64_t s = ns / NSEC_PER_SEC;

	if (s < 60)
		snprintf(text, len, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, len, "%" PRIu64 "m", s / 60);
	else if (s < 86400)
		snprintf(text, len, "%" PRIu64 "h", s / 3600);
	else
		snprintf(text, len, "%" PRIu64 "d", s / 86400);
}

void print_ns(uint64_t ns, char *text, size_t len)
{
	if (ns < 1000)
		snprintf(text, len, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		snprintf(text, len, "%.1f us", (double)ns / 1e3);
	else if (ns < NSEC_PER_SEC)
		snprintf(text, len, "%.1f ms", (double)ns / 1e6);
	else
		snprintf(text, len, "%.2f s", (double)ns / 1e9);
}

void print_percent(uint64_t milli, char *text, size_t len)
{
	snprintf(text, len, "%" PRIu64 ".%" PRIu64 "%%", milli / 10, milli % 10);
}

const char *size_text(uint64_t bytes)
{
	static char texts[8][MEMMGR_SIZE_TEXT];
	static unsigned int turn;

	turn = (turn + 1) % ARRAY_SIZE(texts);
	return memmgr_format_size(bytes, texts[turn], sizeof(texts[turn]));
}

const char *size_word(uint64_t bytes)
{
	static const char units[] = "\0KMGT";
	static char texts[4][24];
	static unsigned int turn;
	size_t unit = 0;

	while (bytes && bytes % 1024 == 0 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	turn = (turn + 1) % ARRAY_SIZE(texts);
	snprintf(texts[turn], sizeof(texts[turn]), "%" PRIu64 "%.1s", bytes, &units[unit]);
	return texts[turn];
}

const char *time_text(uint64_t ns)
{
	static char texts[4][WORD_MAX];
	static unsigned int turn;

	turn = (turn + 1) % ARRAY_SIZE(texts);
	print_ns(ns, texts[turn], sizeof(texts[turn]));
	return texts[turn];
}

const char *percent_text(uint64_t milli)
{
	static char texts[4][WORD_MAX];
	static unsigned int turn;

	turn = (turn + 1) % ARRAY_SIZE(texts);
	print_percent(milli, texts[turn], sizeof(texts[turn]));
	return texts[turn];
}

const char *clean_text(const char *chars, size_t size)
{
	static char texts[8][64];
	static unsigned int turn;
	char *copy = clean_copy(chars, size);

	turn = (turn + 1) % ARRAY_SIZE(texts);
	snprintf(texts[turn], sizeof(texts[turn]), "%s", copy);
	free(copy);
	return texts[turn];
}

const char *brief_size_text(uint64_t bytes)
{
	static char texts[8][WORD_MAX];
	static unsigned int turn;

	turn = (turn + 1) % ARRAY_SIZE(texts);
	print_brief_size(bytes, texts[turn], sizeof(texts[turn]));
	return texts[turn];
}

const char *age_text(uint64_t ns)
{
	static char texts[4][WORD_MAX];
	static unsigned int turn;

	turn = (turn + 1) % ARRAY_SIZE(texts);
	print_age(ns, texts[turn], sizeof(texts[turn]));
	return texts[turn];
}

const char *bar_text(uint64_t count, uint64_t most)
{
	static const char bar[] = "########################################";
	size_t full = sizeof(bar) - 1;

	return bar + full - (most ? (count * full + most - 1) / most : 0);
}
