// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl write, memctl fill: put bytes into an allocation. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int show_written(const struct memctl *ctl, const struct span *span, const char *key)
{
	if (ctl->json)
		json_print(json_result(ctl, key, span_json(span)));
	else
		printf("%s at offset %s of allocation %s\n", size_text(span->length),
		       size_text(span->offset), span->word);
	return EXIT_OK;
}

/* ---- write ---- */

static const struct argp_option write_options[] = {
	SPAN_OPTION_OFFSET,
	{ "file", 'f', "FILE", 0, "Write what is in FILE", 0 },
	{ 0 },
};

struct write_options {
	struct span span;
	const char *text;
	const char *file;
};

static error_t parse_write(int key, char *arg, struct argp_state *state)
{
	struct write_options *options = state->input;

	switch (key) {
	case 'f':
		options->file = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			options->span.word = arg;
		else if (state->arg_num == 1)
			options->text = arg;
		else
			argp_error(state, "'%s' is one word too many; quote the text", arg);
		return 0;
	case ARGP_KEY_END:
		if (!options->span.word)
			argp_error(state, "HANDLE or TAG is missing; see memctl list --mine");
		if (options->text && options->file)
			argp_error(state, "give TEXT or --file, not both");
		return 0;
	default:
		return span_parse(key, arg, state, &options->span);
	}
}

static const struct argp write_argp = {
	.options = write_options,
	.parser = parse_write,
	.args_doc = "HANDLE|TAG [TEXT]",
	.doc = "Write TEXT, a file, or standard input into an allocation.",
};

/* One more byte than fits is read, to tell that there is more. */
static int read_all(const struct memctl *ctl, int fd, const char *name, uint8_t *to,
		    size_t room, size_t *count)
{
	for (*count = 0; *count < room;) {
		ssize_t got = read(fd, to + *count, room - *count);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(ctl, "give a file that can be read", "%s: %s", name,
				    strerror(errno));
		if (!got)
			break;
		*count += (size_t)got;
	}
	return EXIT_OK;
}

static int write_bytes(const struct memctl *ctl, struct span *span, const uint8_t *from,
		       size_t count)
{
	uint64_t room = span->length;
	int err;

	if (!count)
		return fail(ctl, "give TEXT, --file or standard input",
			    "there is nothing to write");
	if (count > room)
		return fail(ctl, "resize it first, or write less",
			    "allocation %s: that does not fit the %s from offset %s",
			    span->word, size_text(room), size_text(span->offset));
	err = memmgr_write(ctl->fd, span->info.handle, span->offset, from, count);
	if (err)
		return fail_errno(ctl, err, "allocation %s", span->word);
	span->length = count;
	return show_written(ctl, span, "written");
}

static int write_file(const struct memctl *ctl, struct span *span, const char *file)
{
	const char *name = file ? file : "standard input";
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	uint8_t *bytes;
	size_t count;
	int rc;

	if (fd < 0)
		return fail(ctl, "give a file that can be read", "%s: %s", name, strerror(errno));
	bytes = malloc(span->length + 1);
	if (!bytes)
		out_of_memory();
	rc = read_all(ctl, fd, name, bytes, span->length + 1, &count);
	if (!rc)
		rc = write_bytes(ctl, span, bytes, count);
	free(bytes);
	if (file)
		close(fd);
	return rc;
}

int cmd_write(struct memctl *ctl, int argc, char **argv)
{
	struct write_options options = { .text = NULL };
	int rc;

	parse_args(ctl, &write_argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (!rc)
		rc = span_find(ctl, &options.span);
	if (rc)
		return rc;
	if (options.text)
		return write_bytes(ctl, &options.span, (const uint8_t *)options.text,
				   strlen(options.text));
	return write_file(ctl, &options.span, options.file);
}

/* ---- fill ---- */

#define PATTERN_MAX	16u

static const struct argp_option fill_options[] = {
	SPAN_OPTION_OFFSET,
	SPAN_OPTION_LENGTH,
	{ 0 },
};

struct fill_options {
	struct span span;
	uint8_t pattern[PATTERN_MAX];
	size_t pattern_len;
};

static void parse_pattern(struct argp_state *state, struct fill_options *options,
			  const char *text)
{
	size_t digits = strlen(text) - 2;

	if (strncmp(text, "0x", 2) || digits <= 2) {
		options->pattern[0] = arg_count(state, "PATTERN", text, 0, 255);
		options->pattern_len = 1;
		return;
	}
	text += 2;
	if (digits % 2 || digits > 2 * PATTERN_MAX ||
	    text[strspn(text, "0123456789abcdefABCDEF")])
		argp_error(state, "PATTERN: '0x%s' is not 1 to %u whole bytes; for example "
				  "0xdeadbeef", text, PATTERN_MAX);
	for (size_t i = 0; i < digits / 2; i++)
		sscanf(text + 2 * i, "%2hhx", &options->pattern[i]);
	options->pattern_len = digits / 2;
}

static error_t parse_fill(int key, char *arg, struct argp_state *state)
{
	struct fill_options *options = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			options->span.word = arg;
		else if (state->arg_num == 1)
			parse_pattern(state, options, arg);
		else
			argp_error(state, "'%s' is one word too many", arg);
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 2)
			argp_error(state, "%s is missing; for example memctl fill camera 0x55",
				   state->arg_num ? "PATTERN" : "HANDLE or TAG");
		return 0;
	default:
		return span_parse(key, arg, state, &options->span);
	}
}

static const struct argp fill_argp = {
	.options = fill_options,
	.parser = parse_fill,
	.args_doc = "HANDLE|TAG PATTERN",
	.doc = "Fill an allocation with a byte (0 to 255, or 0x00 to 0xff) or, over and over, "
	       "with several (0xdeadbeef: de ad be ef).",
};

int cmd_fill(struct memctl *ctl, int argc, char **argv)
{
	static uint8_t chunk[SPAN_CHUNK];
	struct fill_options options = { .pattern_len = 0 };
	struct span *span = &options.span;
	int rc;

	parse_args(ctl, &fill_argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (!rc)
		rc = span_find(ctl, span);
	if (rc)
		return rc;
	/* A chunk holds whole patterns, so each begins with a whole one. */
	size_t room = sizeof(chunk) - sizeof(chunk) % options.pattern_len;

	for (size_t i = 0; i < room; i++)
		chunk[i] = options.pattern[i % options.pattern_len];
	for (uint64_t done = 0; done < span->length;) {
		uint64_t left = span->length - done;
		size_t count = left < room ? left : room;
		int err = memmgr_write(ctl->fd, span->info.handle, span->offset + done, chunk,
				       count);

		if (err)
			return fail_errno(ctl, err, "allocation %s", span->word);
		done += count;
	}
	return show_written(ctl, span, "filled");
}
