/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Numbers and foreign texts as words. A text stands in one of a few buffers that take
 * turns: it is for the arguments of one printf().
 */
#ifndef MEMCTL_WORDS_H
#define MEMCTL_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* "64 KiB". */
const char *size_text(uint64_t bytes);
/* "64K", "1000": exact, one word, for commands that are advised. */
const char *size_word(uint64_t bytes);
/* "4.1 us". */
const char *time_text(uint64_t ns);
/* "12.5%" of thousandths. */
const char *percent_text(uint64_t milli);
/* Text from the ABI, of up to 63 bytes; what a terminal would obey is '?'. */
const char *clean_text(const char *chars, size_t size);
/* "64K" and "3m", as in tables. */
const char *brief_size_text(uint64_t bytes);
const char *age_text(uint64_t ns);
/* A bar of up to 40 signs, as long as @count is of @most. */
const char *bar_text(uint64_t count, uint64_t most);

/* The same into @text of @len bytes. */
void print_brief_size(uint64_t bytes, char *text, size_t len);
void print_age(uint64_t ns, char *text, size_t len);
void print_ns(uint64_t ns, char *text, size_t len);
void print_percent(uint64_t milli, char *text, size_t len);

/* A copy of a text of other users for clean_text(), however long it is. Free it. */
char *clean_copy(const char *chars, size_t size);

#endif /* MEMCTL_WORDS_H */
