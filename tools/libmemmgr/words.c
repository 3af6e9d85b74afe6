// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Names of kinds, reasons and events, and sizes in and out of text. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "memmgr.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static const char *const kind_names[MEMMGR_KINDS] = {
	[MEMMGR_KIND_BUDDY]	= "buddy",
	[MEMMGR_KIND_SLAB]	= "slab",
	[MEMMGR_KIND_POOL]	= "pool",
	[MEMMGR_KIND_STACK]	= "stack",
	[MEMMGR_KIND_TLSF]	= "tlsf",
};

static const char *const reason_names[MEMMGR_REASONS] = {
	[MEMMGR_REASON_NONE]		= "none",
	[MEMMGR_REASON_EXHAUSTED]	= "exhausted",
	[MEMMGR_REASON_FRAGMENTED]	= "fragmented",
	[MEMMGR_REASON_ALIGNMENT]	= "alignment",
	[MEMMGR_REASON_QUOTA]		= "quota",
	[MEMMGR_REASON_RECORDS]		= "records",
	[MEMMGR_REASON_PINNED]		= "pinned",
	[MEMMGR_REASON_TOO_LARGE]	= "too-large",
	[MEMMGR_REASON_LIMIT]		= "limit",
	[MEMMGR_REASON_PARENT]		= "parent",
	[MEMMGR_REASON_TIMEOUT]		= "timeout",
	[MEMMGR_REASON_BLOCKED]		= "blocked",
	[MEMMGR_REASON_INJECTED]	= "injected",
	[MEMMGR_REASON_WINDOWS]		= "windows",
};

static const char *const fixed_names[MEMMGR_FIXED_REASONS] = {
	[MEMMGR_FIXED_NONE]	= "none",
	[MEMMGR_FIXED_PINNED]	= "pinned",
	[MEMMGR_FIXED_EXPORTED]	= "exported",
	[MEMMGR_FIXED_SEALED]	= "sealed",
	[MEMMGR_FIXED_KERNEL]	= "kernel",
	[MEMMGR_FIXED_BUSY]	= "busy",
	[MEMMGR_FIXED_IO]	= "io",
	[MEMMGR_FIXED_NO_ROOM]	= "no-room",
};

static const char *const event_names[MEMMGR_EVENTS] = {
	[MEMMGR_EVENT_LOST]		= "lost",
	[MEMMGR_EVENT_LOW]		= "low",
	[MEMMGR_EVENT_NOT_LOW]		= "not-low",
	[MEMMGR_EVENT_FRAGMENTED]	= "fragmented",
	[MEMMGR_EVENT_NOT_FRAGMENTED]	= "not-fragmented",
	[MEMMGR_EVENT_COMPACTED]	= "compacted",
	[MEMMGR_EVENT_LEAK]		= "leak",
	[MEMMGR_EVENT_CORRUPTION]	= "corruption",
};

static const char *const corruption_names[MEMMGR_CORRUPTIONS] = {
	[0]				= "unknown",
	[MEMMGR_CORRUPTION_BEFORE]	= "before",
	[MEMMGR_CORRUPTION_BEHIND]	= "behind",
	[MEMMGR_CORRUPTION_FREED]	= "freed",
	[MEMMGR_CORRUPTION_DOUBLE_FREE]	= "double-free",
	[MEMMGR_CORRUPTION_WRONG_FREE]	= "wrong-free",
	[MEMMGR_CORRUPTION_STALE]	= "stale",
	[MEMMGR_CORRUPTION_GUARD]	= "guard",
};

/* Unit @i is 1024^i bytes. */
static const struct {
	const char *brief;
	const char *full;
} units[] = {
	{ "B", "B" },
	{ "K", "KiB" },
	{ "M", "MiB" },
	{ "G", "GiB" },
	{ "T", "TiB" },
};

const char *memmgr_kind_name(uint32_t kind)
{
	return kind < MEMMGR_KINDS ? kind_names[kind] : "unknown";
}

int memmgr_kind_parse(const char *name)
{
	for (int kind = 0; kind < MEMMGR_KINDS; kind++) {
		if (!strcmp(name, kind_names[kind]))
			return kind;
	}
	return -EINVAL;
}

const char *memmgr_reason_name(uint32_t reason)
{
	return reason < MEMMGR_REASONS ? reason_names[reason] : "unknown";
}

const char *memmgr_fixed_name(uint32_t reason)
{
	return reason < MEMMGR_FIXED_REASONS ? fixed_names[reason] : "unknown";
}

const char *memmgr_event_name(uint32_t kind)
{
	return kind < MEMMGR_EVENTS ? event_names[kind] : "unknown";
}

const char *memmgr_corruption_name(uint32_t kind)
{
	return kind < MEMMGR_CORRUPTIONS ? corruption_names[kind] : "unknown";
}

static int digit_value(char c, unsigned int base)
{
	int value = -1;

	if (isdigit((unsigned char)c))
		value = c - '0';
	else if (isxdigit((unsigned char)c))
		value = tolower((unsigned char)c) - 'a' + 10;
	return value < (int)base ? value : -1;
}

/* Reads digits up to the first that is none; @end: that one. */
static int parse_number(const char *text, uint64_t *number, const char **end)
{
	unsigned int base = 10;
	const char *first;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	first = text;
	for (*number = 0; digit_value(*text, base) >= 0; text++) {
		if (__builtin_mul_overflow(*number, base, number) ||
		    __builtin_add_overflow(*number, digit_value(*text, base), number))
			return -ERANGE;
	}
	*end = text;
	return text == first ? -EINVAL : 0;
}

static int parse_unit(const char *text, unsigned int *shift)
{
	if (*text == ' ')
		text++;
	*shift = 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		*shift = 10 * i;
		if (!strcasecmp(text, units[i].brief) ||
		    !strcasecmp(text, units[i].full))
			return 0;
	}
	return -ENOTSUP;
}

int memmgr_parse_size(const char *text, uint64_t *bytes)
{
	unsigned int shift = 0;
	uint64_t number;
	const char *end;
	int err;

	if (*text == '-' && isdigit((unsigned char)text[1]))
		return -EDOM;
	err = parse_number(text, &number, &end);
	if (!err && *end)
		err = parse_unit(end, &shift);
	if (err)
		return err;
	if (number > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = number << shift;
	return 0;
}

char *memmgr_format_size(uint64_t bytes, char *text, size_t len)
{
	size_t unit = 0;
	uint64_t one = 1, tenths;

	while (unit + 1 < ARRAY_SIZE(units) && bytes / one >= 1024) {
		one <<= 10;
		unit++;
	}
	if (bytes % one == 0) {
		snprintf(text, len, "%" PRIu64 " %s", bytes / one, units[unit].full);
		return text;
	}
	tenths = bytes % one * 10 / one;
	snprintf(text, len, "%" PRIu64 ".%" PRIu64 " %s", bytes / one, tenths,
		 units[unit].full);
	return text;
}
