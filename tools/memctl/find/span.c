// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The arguments that read, write and fill share. */
#include <argp.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/words.h"
#include "find/find.h"
#include "find/span.h"
#include "memctl.h"

error_t span_parse(int key, char *arg, struct argp_state *state, struct span *span)
{
	switch (key) {
	case KEY_SPAN_OFFSET:
		span->offset = arg_size(state, "--offset", arg);
		return 0;
	case KEY_SPAN_LENGTH:
		span->length = arg_size_nonzero(state, "--length", arg);
		span->length_given = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int span_find(const struct memctl *ctl, struct span *span)
{
	uint64_t size;
	int rc = allocation_find(ctl, span->word, &span->info);

	if (rc)
		return rc;
	size = span->info.bytes;
	if (span->offset >= size)
		return fail(ctl, "give a smaller --offset",
			    "allocation %s: offset %s is past its end at %s", span->word,
			    size_text(span->offset), size_text(size));
	if (!span->length_given)
		span->length = size - span->offset;
	if (span->length > size - span->offset)
		return fail(ctl, "give a smaller --offset or length, or resize it first",
			    "allocation %s: %s from offset %s reach past its end at %s",
			    span->word, size_text(span->length), size_text(span->offset),
			    size_text(size));
	return EXIT_OK;
}

struct json_object *span_json(const struct span *span)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "handle", json_handle(span->info.handle));
	json_add(object, "offset", json_u64(span->offset));
	json_add(object, "length", json_u64(span->length));
	return object;
}
