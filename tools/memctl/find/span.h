/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The arguments that read, write and fill share: an allocation, and a part of it. */
#ifndef MEMCTL_SPAN_H
#define MEMCTL_SPAN_H

#include <argp.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "memctl.h"

enum {
	KEY_SPAN_OFFSET = 0x300,
	KEY_SPAN_LENGTH,
};

#define SPAN_OPTION_OFFSET \
	{ "offset", KEY_SPAN_OFFSET, "SIZE", 0, "Begin so far into the allocation (default 0)", 0 }
#define SPAN_OPTION_LENGTH \
	{ "length", KEY_SPAN_LENGTH, "SIZE", 0, "This much (default: to the end)", 0 }

/* Bytes that one call copies at most, so that memctl needs no more room. */
#define SPAN_CHUNK	65536u

struct span {
	const char *word;	/* HANDLE or TAG */
	uint64_t offset;
	uint64_t length;
	bool length_given;
	struct memmgr_info info;	/* after span_find() */
};

/* Handles the options above; ARGP_ERR_UNKNOWN for others. */
error_t span_parse(int key, char *arg, struct argp_state *state, struct span *span);
/* Finds the allocation, completes and verifies the span; an enum exit_code. */
int span_find(const struct memctl *ctl, struct span *span);
/* {"handle", "offset", "length"} */
struct json_object *span_json(const struct span *span);

#endif /* MEMCTL_SPAN_H */
