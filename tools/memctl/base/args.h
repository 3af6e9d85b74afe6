/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Arguments: each function ends the run with a usage error if its argument is bad. */
#ifndef MEMCTL_ARGS_H
#define MEMCTL_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t arg_size(struct argp_state *state, const char *name, const char *text);
/* A size of at least 1. */
uint64_t arg_size_nonzero(struct argp_state *state, const char *name,
			  const char *text);
/* A size, @min .. @max. */
uint64_t arg_size_range(struct argp_state *state, const char *name, const char *text,
			uint64_t min, uint64_t max);
/* A number without unit, @min .. @max. */
uint64_t arg_count(struct argp_state *state, const char *name, const char *text,
		   uint64_t min, uint64_t max);
uint64_t arg_align(struct argp_state *state, const char *name, const char *text);
/* "A,B", or "A" alone with @second empty. */
#define ARG_PART	32
void arg_two(struct argp_state *state, const char *name, const char *text,
	     char first[ARG_PART], char second[ARG_PART]);
/* A share, 0 to 1 or as a percentage; in thousandths. */
uint32_t arg_share(struct argp_state *state, const char *name, const char *text);
/* A time in ns: 500ms, 60s, 5m, 2h; without a unit in seconds. */
uint64_t arg_time(struct argp_state *state, const char *name, const char *text);
/* Printable ASCII without blanks, 1 .. @max bytes: names and tags. */
const char *arg_word(struct argp_state *state, const char *name,
		     const char *text, size_t max);
/* One of @count words; its index. */
size_t arg_choice(struct argp_state *state, const char *name, const char *text,
		  const char *const *words, size_t count);
/* The only word that is no option; @hint tells what may be given. */
const char *arg_only(struct argp_state *state, const char *arg, const char *hint);

#define ARG_KINDS	2

/* "client 7", "heap main": two words that name one of a kind. */
struct arg_pair {
	const char *const *kinds;	/* ARG_KINDS words, for the first */
	size_t kind;
	bool given;			/* the first word was there */
	const char *name;		/* the second */
};

/* The next word of the pair; @hint tells what may stand behind it. */
void arg_next(struct argp_state *state, const char *arg, struct arg_pair *pair, const char *hint);

/* The parser of commands whose one argument may be a HEAP; input: const char **. */
error_t parse_optional_heap(int key, char *arg, struct argp_state *state);
/* The same for those that have options besides; child_inputs[0]: const char **. */
extern const struct argp_child optional_heap[];

#endif /* MEMCTL_ARGS_H */
