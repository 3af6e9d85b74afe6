// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl read: the bytes of an allocation. */
#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/span.h"
#include "memctl.h"

#define KEY_RAW		0x200
#define LINE_BYTES	16u
#define JSON_MOST	(256u << 20)

static const struct argp_option options_table[] = {
	SPAN_OPTION_OFFSET,
	SPAN_OPTION_LENGTH,
	{ "raw", KEY_RAW, 0, 0, "The bytes themselves, for a pipe or file", 0 },
	{ 0 },
};

struct options {
	struct span span;
	bool raw;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_RAW:
		options->raw = true;
		return 0;
	case ARGP_KEY_ARG:
		options->span.word = arg_only(state, arg, "give one HANDLE or TAG");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "HANDLE or TAG is missing; see memctl list --mine");
		return 0;
	default:
		return span_parse(key, arg, state, &options->span);
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "HANDLE|TAG",
	.doc = "Show what is in an allocation, in hexadecimal and as text.\v"
	       "Lines that repeat the one before are shown as one '*'.",
};

/* Takes the bytes of an allocation piece by piece. */
struct sink {
	void (*take)(struct sink *sink, const uint8_t *bytes, size_t count);
	uint64_t offset;		/* of the next byte */
	uint8_t last[LINE_BYTES];	/* dump: the line before ... */
	bool repeated;			/* ... was the same as its own */
	bool started;
	char *hex;			/* JSON: where the next digits go */
};

static void dump_line(uint64_t offset, const uint8_t *bytes, size_t count)
{
	printf("%08" PRIx64 " ", offset);
	for (size_t i = 0; i < LINE_BYTES; i++) {
		if (i % 8 == 0)
			putchar(' ');
		if (i < count)
			printf("%02x ", bytes[i]);
		else
			fputs("   ", stdout);
	}
	fputs(" |", stdout);
	for (size_t i = 0; i < count; i++)
		putchar(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '.');
	puts("|");
}

static void dump(struct sink *sink, const uint8_t *bytes, size_t count)
{
	for (size_t at = 0; at < count; at += LINE_BYTES) {
		size_t len = count - at < LINE_BYTES ? count - at : LINE_BYTES;
		bool same = sink->started && len == LINE_BYTES &&
			    !memcmp(sink->last, bytes + at, len);

		if (!same)
			dump_line(sink->offset + at, bytes + at, len);
		else if (!sink->repeated)
			puts("*");
		sink->repeated = same;
		sink->started = true;
		memcpy(sink->last, bytes + at, len);
	}
}

static void pass_raw(struct sink *sink, const uint8_t *bytes, size_t count)
{
	(void)sink;
	fwrite(bytes, 1, count, stdout);
}

static void to_hex(struct sink *sink, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sink->hex += sprintf(sink->hex, "%02x", bytes[i]);
}

static int read_span(const struct memctl *ctl, const struct span *span, struct sink *sink)
{
	static uint8_t chunk[SPAN_CHUNK];

	for (uint64_t done = 0; done < span->length;) {
		uint64_t left = span->length - done;
		size_t count = left < sizeof(chunk) ? left : sizeof(chunk);
		int err = memmgr_read(ctl->fd, span->info.handle, span->offset + done, chunk,
				      count);

		if (err)
			return fail_errno(ctl, err, "allocation %s", span->word);
		sink->offset = span->offset + done;
		sink->take(sink, chunk, count);
		done += count;
	}
	if (sink->repeated)
		printf("%08" PRIx64 "\n", span->offset + span->length);
	return EXIT_OK;
}

static int read_json(const struct memctl *ctl, const struct span *span)
{
	struct sink sink = { .take = to_hex };
	struct json_object *object;
	char *hex;
	int rc;

	if (span->length > JSON_MOST)
		return fail(ctl, "give a --length, or use --raw", "%s are too much for JSON",
			    size_text(span->length));
	hex = malloc(2 * span->length + 1);
	if (!hex)
		out_of_memory();
	sink.hex = hex;
	rc = read_span(ctl, span, &sink);
	if (!rc) {
		object = span_json(span);
		json_add(object, "data",
			 json_object_new_string_len(hex, (int)(2 * span->length)));
		json_print(json_result(ctl, "read", object));
	}
	free(hex);
	return rc;
}

int cmd_read(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .raw = false };
	struct sink sink = { .take = dump };
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDONLY);
	if (!rc)
		rc = span_find(ctl, &options.span);
	if (rc)
		return rc;
	if (options.raw)
		sink.take = pass_raw;
	else if (ctl->json)
		return read_json(ctl, &options.span);
	return read_span(ctl, &options.span, &sink);
}
