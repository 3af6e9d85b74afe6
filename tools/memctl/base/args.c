// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Arguments: each ends the run with a usage error that names it if it is bad. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "memctl.h"

#define SIZE_HELP	"give bytes, or a number with K, M, G or T (multiples of 1024): 4096, 64K, 4MiB, 0x1000"

static const char *size_problem(int err)
{
	switch (err) {
	case -EDOM:
		return "is negative";
	case -ERANGE:
		return "is too large for 64 bits";
	case -ENOTSUP:
		return "has an unknown unit";
	default:
		return "is not a number";
	}
}

uint64_t arg_size(struct argp_state *state, const char *name, const char *text)
{
	uint64_t bytes = 0;
	int err = memmgr_parse_size(text, &bytes);

	if (err)
		argp_error(state, "%s: '%s' %s; %s", name, text, size_problem(err), SIZE_HELP);
	return bytes;
}

uint64_t arg_size_nonzero(struct argp_state *state, const char *name, const char *text)
{
	uint64_t bytes = arg_size(state, name, text);

	if (!bytes)
		argp_error(state, "%s: must be at least 1 byte", name);
	return bytes;
}

uint64_t arg_size_range(struct argp_state *state, const char *name, const char *text,
			uint64_t min, uint64_t max)
{
	uint64_t bytes = arg_size(state, name, text);

	if (bytes < min || bytes > max)
		argp_error(state, "%s: %s is out of range; give %" PRIu64 " to %" PRIu64 " bytes",
			   name, text, min, max);
	return bytes;
}

uint64_t arg_count(struct argp_state *state, const char *name, const char *text,
		   uint64_t min, uint64_t max)
{
	uint64_t number = 0;
	int err = memmgr_parse_size(text, &number);

	if (!err && !isxdigit((unsigned char)text[strlen(text) - 1]))
		err = -ENOTSUP;
	if (err == -ENOTSUP)
		argp_error(state, "%s: '%s' is not a plain number; give it without a unit",
			   name, text);
	if (err)
		argp_error(state, "%s: '%s' %s", name, text, size_problem(err));
	if (number < min || number > max)
		argp_error(state, "%s: %s is out of range; give %" PRIu64 " to %" PRIu64,
			   name, text, min, max);
	return number;
}

uint64_t arg_align(struct argp_state *state, const char *name, const char *text)
{
	uint64_t align = arg_size(state, name, text);

	if (align & (align - 1))
		argp_error(state, "%s: %s is not a power of two; give for example %s",
			   name, text, "64, 4K or 1M");
	return align;
}

void arg_two(struct argp_state *state, const char *name, const char *text,
	     char first[ARG_PART], char second[ARG_PART])
{
	const char *comma = strchr(text, ',');
	size_t len = comma ? (size_t)(comma - text) : strlen(text);

	if (len >= ARG_PART || (comma && strlen(comma + 1) >= ARG_PART))
		argp_error(state, "%s: '%s' is too long", name, text);
	snprintf(first, ARG_PART, "%.*s", (int)len, text);
	snprintf(second, ARG_PART, "%s", comma ? comma + 1 : "");
}

/* Up to @most decimals behind a point as an integer: "3" of 3 decimals is 300. */
static bool parse_decimals(const char **text, int most, unsigned int *value)
{
	for (int i = 0; i < most; i++) {
		bool digit = isdigit((unsigned char)**text);

		*value = *value * 10 + (digit ? (unsigned int)(*(*text)++ - '0') : 0);
	}
	return !isdigit((unsigned char)**text);
}

/* "0.3", ".3" and "30%", "12.5%" in thousandths. */
static bool parse_share(const char *text, unsigned int *milli)
{
	size_t len = strlen(text);
	bool percent = len && text[len - 1] == '%', digits = false, exact = true;
	unsigned int value = 0;

	for (; isdigit((unsigned char)*text) && value <= 100; text++) {
		value = value * 10 + (unsigned int)(*text - '0');
		digits = true;
	}
	if (*text == '.') {
		text++;
		digits |= isdigit((unsigned char)*text) != 0;
		exact = parse_decimals(&text, percent ? 1 : 3, &value);
	} else {
		value *= percent ? 10 : 1000;
	}
	*milli = value;
	return digits && exact && value <= 1000 && !strcmp(text, percent ? "%" : "");
}

uint32_t arg_share(struct argp_state *state, const char *name, const char *text)
{
	unsigned int milli = 0;

	if (!parse_share(text, &milli))
		argp_error(state, "%s: '%s' is no share; give one from 0 to 1, or a percentage: "
			   "0.30, 30%%, 12.5%%", name, text);
	return milli;
}

static const struct {
	const char *unit;
	double ns;
} time_units[] = {
	{ "ms", 1e6 }, { "s", 1e9 }, { "", 1e9 }, { "m", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
};

uint64_t arg_time(struct argp_state *state, const char *name, const char *text)
{
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; i < ARRAY_SIZE(time_units); i++)
		if (end != text && isfinite(number) && number >= 0 &&
		    number * time_units[i].ns < 1e18 && !strcmp(end, time_units[i].unit))
			return number * time_units[i].ns;
	argp_error(state, "%s: '%s' is no time; give for example 500ms, 60s, 5m or 2h", name,
		   text);
	return 0;
}

const char *arg_word(struct argp_state *state, const char *name, const char *text,
		     size_t max)
{
	size_t len = strlen(text);

	if (!len)
		argp_error(state, "%s: is empty", name);
	if (len > max)
		argp_error(state, "%s: '%s' is too long; at most %zu characters", name,
			   text, max);
	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c > '~')
			argp_error(state, "%s: '%s': letters, digits and punctuation only",
				   name, text);
	}
	return text;
}

size_t arg_choice(struct argp_state *state, const char *name, const char *text,
		  const char *const *words, size_t count)
{
	char list[128] = "";
	size_t i;

	for (i = 0; i < count && strcmp(text, words[i]); i++) {
		if (i)
			strncat(list, ", ", sizeof(list) - strlen(list) - 1);
		strncat(list, words[i], sizeof(list) - strlen(list) - 1);
	}
	if (i == count)
		argp_error(state, "%s: '%s' is unknown; give one of %s", name, text, list);
	return i;
}

const char *arg_only(struct argp_state *state, const char *arg, const char *hint)
{
	if (state->arg_num)
		argp_error(state, "'%s' is one word too many; %s", arg, hint);
	return arg;
}

void arg_next(struct argp_state *state, const char *arg, struct arg_pair *pair, const char *hint)
{
	switch (state->arg_num) {
	case 0:
		pair->kind = arg_choice(state, "whom", arg, pair->kinds, ARG_KINDS);
		pair->given = true;
		break;
	case 1:
		pair->name = arg;
		break;
	default:
		argp_error(state, "'%s' is one word too many%s", arg, hint);
	}
}

error_t parse_optional_heap(int key, char *arg, struct argp_state *state)
{
	const char **heap = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	*heap = arg_only(state, arg, "give one HEAP or none");
	return 0;
}

static const struct argp heap_argp = { .parser = parse_optional_heap };

const struct argp_child optional_heap[] = {
	{ &heap_argp, 0, NULL, 0 },
	{ 0 },
};
