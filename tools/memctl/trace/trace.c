// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading allocation traces. Nothing in a trace is believed: what would not
 * make sense to an allocator is an error with the number of its line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "memctl.h"
#include "trace/trace.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define LINE_ROOM	4096
#define WORDS_MAX	5u
#define ID_MAX		2147483647ull
#define SIZE_LIMIT	(1ull << 32)
#define BUCKETS		65536u
#define NO_SLOT		UINT32_MAX

/* The state of a slot while the trace is read. */
struct live {
	uint32_t id;
	uint32_t next;		/* in its bucket, or the next free slot */
	uint64_t size;
};

struct reader {
	struct trace *trace;
	struct trace_error *error;
	size_t room;		/* of trace->events */
	struct live *live;
	uint32_t live_room;
	uint32_t free_slot;	/* first free one, or NO_SLOT */
	uint64_t live_bytes;
	uint32_t buckets[BUCKETS];
};

static int bad(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int bad(struct reader *reader, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reader->error->text, sizeof(reader->error->text), format, args);
	va_end(args);
	return -1;
}

/* ---- ids and slots ---- */

static uint32_t *bucket_of(struct reader *reader, uint32_t id)
{
	return &reader->buckets[(id * 2654435761u) >> 16];
}

/* The link that leads to the slot of @id, or to NO_SLOT. */
static uint32_t *slot_link(struct reader *reader, uint32_t id)
{
	uint32_t *link = bucket_of(reader, id);

	while (*link != NO_SLOT && reader->live[*link].id != id)
		link = &reader->live[*link].next;
	return link;
}

static int grow_slots(struct reader *reader)
{
	uint32_t room = reader->live_room ? 2 * reader->live_room : 1024;
	struct live *live = reallocarray(reader->live, room, sizeof(*live));

	if (!live)
		return bad(reader, "too many ids live at a time for this machine's memory");
	reader->live = live;
	for (uint32_t i = room; i-- > reader->live_room;) {
		live[i].next = reader->free_slot;
		reader->free_slot = i;
	}
	reader->live_room = room;
	return 0;
}

static int take_slot(struct reader *reader, uint32_t id, uint32_t *slot)
{
	uint32_t *bucket = bucket_of(reader, id);

	if (*slot_link(reader, id) != NO_SLOT)
		return bad(reader, "id %" PRIu32 " is live already", id);
	if (reader->free_slot == NO_SLOT && grow_slots(reader))
		return -1;
	*slot = reader->free_slot;
	reader->free_slot = reader->live[*slot].next;
	reader->live[*slot] = (struct live){ .id = id, .next = *bucket };
	*bucket = *slot;
	if (*slot >= reader->trace->slots)
		reader->trace->slots = *slot + 1;
	return 0;
}

static void give_slot(struct reader *reader, uint32_t *link)
{
	uint32_t slot = *link;

	*link = reader->live[slot].next;
	reader->live[slot].next = reader->free_slot;
	reader->free_slot = slot;
}

/* ---- events ---- */

static int add_event(struct reader *reader, struct trace_event event)
{
	struct trace *trace = reader->trace;
	struct trace_event *events = trace->events;

	if (trace->count == reader->room) {
		reader->room = reader->room ? 2 * reader->room : 16384;
		events = reallocarray(events, reader->room, sizeof(*events));
		if (!events)
			return bad(reader, "too many events for this machine's memory");
		trace->events = events;
	}
	events[trace->count++] = event;
	return 0;
}

/* @slot has @size bytes from now on. */
static void set_size(struct reader *reader, uint32_t slot, uint64_t size)
{
	struct trace *trace = reader->trace;

	reader->live_bytes += size - reader->live[slot].size;
	reader->live[slot].size = size;
	trace->total_bytes += size;
	if (reader->live_bytes > trace->peak_bytes) {
		trace->peak_bytes = reader->live_bytes;
		trace->peak_at = trace->count;
	}
}

static int parse_number(struct reader *reader, const char *what, const char *word,
			uint64_t min, uint64_t max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(word, &end, 10);
	if (*word < '0' || *word > '9' || *end)
		return bad(reader, "%s '%.32s' is not a decimal number", what, word);
	if (errno || *number < min || *number > max)
		return bad(reader, "%s %.32s is out of range (%" PRIu64 " to %" PRIu64 ")", what,
			   word, min, max);
	return 0;
}

/*
 * A program that asks for no bytes gets a pointer of its own all the same, so that is served as
 * one byte.
 */
static int parse_size(struct reader *reader, const char *word, uint64_t *size)
{
	if (parse_number(reader, "size", word, 0, SIZE_LIMIT, size))
		return -1;
	if (!*size) {
		reader->trace->zeros++;
		*size = 1;
	}
	return 0;
}

static int parse_align(struct reader *reader, const char *word, uint8_t *shift)
{
	uint64_t align;

	if (parse_number(reader, "alignment", word, 0, SIZE_LIMIT, &align))
		return -1;
	if (align & (align - 1))
		return bad(reader, "alignment %" PRIu64 " is not a power of two", align);
	*shift = align ? (uint8_t)__builtin_ctzll(align) : 0;
	return 0;
}

/* The index of a tag; those that come after too many others are one. */
static uint8_t find_tag(struct trace *trace, const char *tag)
{
	uint32_t i;

	for (i = 0; i < trace->tag_count; i++)
		if (!strcmp(trace->tags[i], tag))
			return (uint8_t)i;
	if (i == TRACE_TAGS)
		return TRACE_TAGS - 1;
	snprintf(trace->tags[i], TRACE_TAG_LEN, "%s", i == TRACE_TAGS - 1 ? "(others)" : tag);
	trace->tag_count++;
	return (uint8_t)i;
}

static int read_alloc(struct reader *reader, uint32_t id, char **words, unsigned int count)
{
	struct trace_event event = { .op = TRACE_ALLOC };

	if (count > 4 && strlen(words[4]) >= TRACE_TAG_LEN)
		return bad(reader, "tag '%.40s' is longer than %u", words[4], TRACE_TAG_LEN - 1);
	if (parse_size(reader, words[2], &event.size) ||
	    (count > 3 && parse_align(reader, words[3], &event.align_shift)) ||
	    take_slot(reader, id, &event.slot))
		return -1;
	event.tag = find_tag(reader->trace, count > 4 ? words[4] : "");
	reader->trace->allocs++;
	set_size(reader, event.slot, event.size);
	return add_event(reader, event);
}

static int read_free(struct reader *reader, uint32_t id, char **words, unsigned int count)
{
	struct trace_event event = { .op = TRACE_FREE };
	uint32_t *link = slot_link(reader, id);

	(void)words;
	(void)count;
	if (*link == NO_SLOT)
		return bad(reader, "id %" PRIu32 " is freed but not live", id);
	event.slot = *link;
	reader->live_bytes -= reader->live[event.slot].size;
	give_slot(reader, link);
	reader->trace->frees++;
	return add_event(reader, event);
}

static int read_resize(struct reader *reader, uint32_t id, char **words, unsigned int count)
{
	struct trace_event event = { .op = TRACE_RESIZE, .slot = *slot_link(reader, id) };

	(void)count;
	if (parse_size(reader, words[2], &event.size))
		return -1;
	if (event.slot == NO_SLOT)
		return bad(reader, "id %" PRIu32 " is resized but not live", id);
	reader->trace->resizes++;
	set_size(reader, event.slot, event.size);
	return add_event(reader, event);
}

static const struct {
	const char *brief;
	const char *full;
	unsigned int min, max;	/* words */
	const char *form;
	int (*read)(struct reader *reader, uint32_t id, char **words, unsigned int count);
} forms[] = {
	{ "a", "alloc", 3, 5, "a ID SIZE [ALIGN [TAG]]", read_alloc },
	{ "f", "free", 2, 2, "f ID", read_free },
	{ "r", "resize", 3, 3, "r ID SIZE", read_resize },
};

/* ---- lines ---- */

static int read_comment(struct reader *reader, const char *line)
{
	static const char version[] = "# memmgr-trace ", program[] = "# program: ";
	size_t len;

	if (!strncmp(line, version, strlen(version)) && atoi(line + strlen(version)) != 1)
		return bad(reader, "the format is not version 1");
	if (strncmp(line, program, strlen(program)) || *reader->trace->program)
		return 0;
	line += strlen(program);
	len = strcspn(line, "\r\n");
	snprintf(reader->trace->program, sizeof(reader->trace->program), "%.*s", (int)len, line);
	return 0;
}

static int read_line(struct reader *reader, char *line)
{
	char *words[WORDS_MAX + 1], *rest = line;
	unsigned int count = 0;
	uint64_t id;

	if (*line == '#')
		return read_comment(reader, line);
	while (count <= WORDS_MAX) {
		words[count] = strtok_r(count ? NULL : line, " \t\r\n", &rest);
		if (!words[count])
			break;
		count++;
	}
	if (!count)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (strcmp(words[0], forms[i].brief) && strcmp(words[0], forms[i].full))
			continue;
		if (count < forms[i].min || count > forms[i].max)
			return bad(reader, "wrong number of words; it should be '%s'",
				   forms[i].form);
		if (parse_number(reader, "id", words[1], 0, ID_MAX, &id))
			return -1;
		return forms[i].read(reader, (uint32_t)id, words, count);
	}
	return bad(reader, "'%.32s' is not an event", words[0]);
}

/* Why no further line came, or not all of one: 0 at a proper end. */
static int why_no_line(struct reader *reader, gzFile file)
{
	int code;
	const char *text = gzerror(file, &code);

	if (code == Z_OK || code == Z_STREAM_END)
		return 0;
	reader->error->line = 0;
	if (code == Z_ERRNO)
		return bad(reader, "%s", strerror(errno));
	if (code == Z_BUF_ERROR)
		return bad(reader, "it ends in the middle: truncated gzip data");
	return bad(reader, "damaged gzip data (%s)", text);
}

/* The end of a file may lack its newline; the end of a part of one is a part of a line. */
static int check_last_line(struct reader *reader, gzFile file)
{
	if (!gzeof(file))
		return bad(reader, "no text, or a line of more than %d characters", LINE_ROOM - 2);
	return why_no_line(reader, file);
}

static int read_lines(struct reader *reader, gzFile file, uint64_t limit)
{
	char line[LINE_ROOM];

	while (!limit || reader->trace->count < limit) {
		reader->error->line++;
		if (!gzgets(file, line, sizeof(line)))
			return why_no_line(reader, file);
		if (!strchr(line, '\n') && check_last_line(reader, file))
			return -1;
		if (read_line(reader, line))
			return -1;
	}
	return 0;
}

static gzFile open_trace(const char *path)
{
	int fd;
	gzFile file;

	if (strcmp(path, "-"))
		return gzopen(path, "rbe");
	fd = dup(STDIN_FILENO);
	file = fd < 0 ? NULL : gzdopen(fd, "rb");
	if (!file && fd >= 0)
		close(fd);
	return file;
}

static int read_trace(struct reader *reader, const char *path, uint64_t limit)
{
	gzFile file;
	int err, closed;

	errno = 0;
	file = open_trace(path);
	if (!file)
		return bad(reader, "%s", errno ? strerror(errno) : "not enough memory");
	gzbuffer(file, 1 << 16);
	err = read_lines(reader, file, limit);
	closed = gzclose_r(file);
	if (err)
		return err;
	reader->error->line = 0;
	if (closed == Z_BUF_ERROR && !limit)
		return bad(reader, "it ends in the middle: truncated gzip data");
	if (!reader->trace->count)
		return bad(reader, "it has no events");
	return 0;
}

int trace_load(const char *path, uint64_t limit, struct trace *trace, struct trace_error *error)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int err;

	memset(trace, 0, sizeof(*trace));
	memset(error, 0, sizeof(*error));
	if (!reader) {
		snprintf(error->text, sizeof(error->text), "not enough memory");
		return -1;
	}
	trace->tag_count = 1;
	reader->trace = trace;
	reader->error = error;
	reader->free_slot = NO_SLOT;
	memset(reader->buckets, 0xff, sizeof(reader->buckets));
	err = read_trace(reader, path, limit);
	free(reader->live);
	free(reader);
	return err;
}

void trace_free(struct trace *trace)
{
	free(trace->events);
	trace->events = NULL;
}
