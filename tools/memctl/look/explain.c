// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl frag --explain: the outcome of a request, the reason, and the remedy. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/table.h"
#include "base/words.h"
#include "find/find.h"
#include "find/fixed.h"
#include "look/explain.h"
#include "memctl.h"

#define ADVICE_MAX	8
#define CULPRITS	3	/* allocations that are named as being in the way */

struct culprits {
	struct memmgr_info infos[CULPRITS];	/* largest first */
	uint32_t count;
	uint64_t best_offset;
	struct memmgr_info best;
	bool best_found;
};

struct explanation {
	struct memmgr_explain facts;
	struct memmgr_heap_query heap;
	struct culprits culprits;
	char request[2 * MEMMGR_SIZE_TEXT + 16];	/* "64 KiB aligned to 1 MiB" */
	char *advice[ADVICE_MAX];
	size_t advices;
};

static bool would_succeed(const struct explanation *why)
{
	return why->facts.reason == MEMMGR_REASON_NONE;
}

static bool moving_helps(const struct explanation *why)
{
	return !would_succeed(why) && why->facts.move_bytes != UINT64_MAX;
}

/* Moving is no answer when less is free than is asked for. */
static bool moving_is_asked(const struct explanation *why)
{
	return why->facts.reason == MEMMGR_REASON_FRAGMENTED ||
	       why->facts.reason == MEMMGR_REASON_ALIGNMENT ||
	       why->facts.reason == MEMMGR_REASON_PINNED;
}

/* ---- who is in the way ---- */

static bool is_fixed(const struct memmgr_info *info)
{
	const uint32_t states = MEMMGR_INFO_SEALED | MEMMGR_INFO_HELD;

	return !(info->state & MEMMGR_INFO_MOVABLE) &&
	       (info->pins || info->exports || info->state & states);
}

static int look_at(const struct memmgr_info *info, void *arg)
{
	struct culprits *culprits = arg;
	uint32_t i;

	if (info->offset == culprits->best_offset) {
		culprits->best = *info;
		culprits->best_found = true;
	}
	if (!is_fixed(info))
		return 0;
	if (culprits->count < CULPRITS)
		culprits->count++;
	else if (culprits->infos[CULPRITS - 1].granted >= info->granted)
		return 0;
	for (i = culprits->count - 1; i && culprits->infos[i - 1].granted < info->granted; i--)
		culprits->infos[i] = culprits->infos[i - 1];
	culprits->infos[i] = *info;
	return 0;
}

/* "tag 'camera', made by pid 312 (viewer)" */
static const char *owner_text(const struct memmgr_info *info, char *text, size_t len)
{
	int pid = (int)info->pid;

	if (*info->tag)
		snprintf(text, len, "tag '%.*s', made by pid %d (%.*s)", MEMMGR_TAG_LEN, info->tag,
			 pid, MEMMGR_COMM_LEN, info->comm);
	else
		snprintf(text, len, "made by pid %d (%.*s)", pid, MEMMGR_COMM_LEN, info->comm);
	/* Chosen by other users, as in tables. */
	for (char *c = text; *c; c++)
		*c = *c < ' ' || *c > '~' ? '?' : *c;
	return text;
}

/* ---- what to do ---- */

__attribute__((format(printf, 2, 3)))
static void advise(struct explanation *why, const char *format, ...)
{
	va_list args;

	if (why->advices == ADVICE_MAX)
		return;
	va_start(args, format);
	if (vasprintf(&why->advice[why->advices++], format, args) < 0)
		out_of_memory();
	va_end(args);
}

static void advise_moving(struct explanation *why)
{
	const struct memmgr_explain *facts = &why->facts;

	advise(why, "move memory together: memctl defrag %.*s --size %s%s%s", MEMMGR_NAME_LEN,
	       why->heap.name, size_word(facts->bytes), facts->align ? " --align " : "",
	       facts->align ? size_word(facts->align) : "");
	advise(why, "or let the request do that: memctl alloc --may-compact, "
	       "MEMMGR_ALLOC_MAY_COMPACT");
}

static void advise_letting_go(struct explanation *why, const struct memmgr_info *info)
{
	char owner[128];

	owner_text(info, owner, sizeof(owner));
	if (info->exports)
		advise(why, "close the dma-buf of %s at offset 0x%" PRIx64 ": %s",
		       size_text(info->granted), (uint64_t)info->offset, owner);
	else if (info->pins)
		advise(why, "end the pins on %s at offset 0x%" PRIx64 ": %s",
		       size_text(info->granted), (uint64_t)info->offset, owner);
	else if (info->state & MEMMGR_INFO_SEALED)
		advise(why, "free what is sealed, %s at offset 0x%" PRIx64 ": %s",
		       size_text(info->granted), (uint64_t)info->offset, owner);
	else
		advise(why, "wait for the I/O on %s at offset 0x%" PRIx64 ": %s",
		       size_text(info->granted), (uint64_t)info->offset, owner);
}

static void advise_smaller(struct explanation *why)
{
	const struct memmgr_explain *facts = &why->facts;
	const char *more = "";

	if (facts->possible > facts->largest && facts->possible < facts->bytes)
		more = size_text(facts->possible);
	if (facts->largest)
		advise(why, "ask for less: at most %s now%s%s%s", size_text(facts->largest),
		       *more ? ", " : "", more, *more ? " after memctl defrag" : "");
	else if (*more)
		advise(why, "ask for less: at most %s after memctl defrag", more);
}

static void collect_advice(struct explanation *why)
{
	const struct memmgr_explain *facts = &why->facts;

	if (would_succeed(why))
		return;
	if (moving_helps(why)) {
		advise_moving(why);
	} else if (moving_is_asked(why)) {
		for (uint32_t i = 0; i < why->culprits.count; i++)
			advise_letting_go(why, &why->culprits.infos[i]);
		if (facts->fixed[MEMMGR_FIXED_BUSY] || facts->fixed[MEMMGR_FIXED_IO])
			advise(why, "wait: some of it is only in use right now");
	}
	if (facts->reason == MEMMGR_REASON_EXHAUSTED || !why->advices)
		advise(why, "free something: memctl list --heap %.*s --sort size", MEMMGR_NAME_LEN,
		       why->heap.name);
	advise_smaller(why);
}

/* ---- text ---- */

static void print_verdict(const struct explanation *why)
{
	const struct memmgr_explain *facts = &why->facts;
	const char *free = size_text(facts->free);

	printf("A request for %s in heap '%.*s' ", why->request, MEMMGR_NAME_LEN, why->heap.name);
	switch (facts->reason) {
	case MEMMGR_REASON_NONE:
		puts("would succeed now.");
		break;
	case MEMMGR_REASON_EXHAUSTED:
		printf("would fail now (exhausted):\nonly %s is free.\n", free);
		break;
	case MEMMGR_REASON_FRAGMENTED:
		printf("would fail now (fragmented):\n"
		       "%s is free, but in no single run that long.\n", free);
		break;
	case MEMMGR_REASON_ALIGNMENT:
		printf("would fail now (alignment):\n"
		       "a free run is long enough, but none that starts at a multiple of %s.\n",
		       size_text(facts->align));
		break;
	case MEMMGR_REASON_PINNED:
		printf("would fail now (pinned):\n"
		       "%s is free, but what may not move lies in between.\n", free);
		break;
	case MEMMGR_REASON_TOO_LARGE:
		printf("can never succeed:\nthe heap has %s in all.\n", size_text(why->heap.bytes));
		break;
	default:
		printf("would fail now: %s.\n", memmgr_reason_name(facts->reason));
		break;
	}
}

static void print_outlook(const struct explanation *why)
{
	const struct memmgr_explain *facts = &why->facts;
	const char *aligned = facts->align ? " so aligned" : "";

	if (facts->largest)
		printf("The largest%s that would succeed is %s.\n", aligned,
		       size_text(facts->largest));
	else
		printf("Nothing%s would succeed.\n", aligned);
	if (moving_helps(why))
		printf("Moving %s in %u block%s, at the least, makes room for it at offset "
		       "0x%" PRIx64 ".\n", size_text(facts->move_bytes), facts->moves,
		       facts->moves == 1 ? "" : "s", (uint64_t)facts->move_offset);
	else if (!would_succeed(why) && facts->possible > facts->largest)
		printf("Moving memory does not make room for it: %s is the most that it could.\n",
		       size_text(facts->possible));
	else if (moving_is_asked(why))
		puts("Moving memory does not make room for it.");
	else if (would_succeed(why) && facts->possible > facts->largest)
		printf("Moving memory could make a run of %s.\n", size_text(facts->possible));
}

static void print_best(const struct explanation *why)
{
	const struct memmgr_explain *facts = &why->facts;
	char owner[128] = "";

	if (facts->best_offset == UINT64_MAX)
		return;
	printf("\nMost in the way is one block of %s at offset 0x%" PRIx64,
	       size_text(facts->best_bytes), (uint64_t)facts->best_offset);
	if (why->culprits.best_found)
		printf(":\n%s.", owner_text(&why->culprits.best, owner, sizeof(owner)));
	else
		putchar('.');
	printf(" Without it, a run of %s would be free.\n", size_text(facts->best_run));
}

static void print_advice(const struct explanation *why)
{
	if (why->advices)
		puts("\nWhat to do:");
	for (size_t i = 0; i < why->advices; i++)
		printf("  - %s\n", why->advice[i]);
}

static const struct column order_columns[] = {
	{ "SIZE", "size", CELL_SIZE, 0 },
	{ "FREE RUNS", "runs", CELL_COUNT, 0 },
	{ "SO ALIGNED", "aligned", CELL_SIZE, 0 },
};

/* Orders up to the size of the heap: the rest has nothing to tell. */
static struct table *orders(const struct explanation *why)
{
	struct table *table = table_new(order_columns, ARRAY_SIZE(order_columns));
	const struct memmgr_explain *facts = &why->facts;

	for (int order = 0; order < MEMMGR_ORDERS; order++) {
		if (facts->unit << order > why->heap.bytes)
			break;
		table_num(table, facts->unit << order);
		table_num(table, facts->runs[order]);
		table_num(table, facts->aligned[order]);
	}
	return table;
}

static void print_text(const struct explanation *why)
{
	const struct memmgr_explain *facts = &why->facts;
	struct table *table;

	print_verdict(why);
	print_outlook(why);
	print_best(why);
	print_advice(why);
	printf("\nFree: %s in %u run%s.\n", size_text(facts->free), facts->free_runs,
	       facts->free_runs == 1 ? "" : "s");
	table = orders(why);
	table_print(table);
	table_free(table);
	puts("\nFREE RUNS: of SIZE up to twice that. SO ALIGNED: the largest that starts at a\n"
	     "multiple of SIZE.\n");
	printf("In use: %s.\n", size_text(facts->movable + fixed_total(facts->fixed)));
	table = fixed_table(&facts->movable, facts->fixed);
	table_print(table);
	table_free(table);
}

/* ---- JSON ---- */

static struct json_object *best_json(const struct explanation *why)
{
	const struct memmgr_info *info = &why->culprits.best;
	struct json_object *best;

	if (why->facts.best_offset == UINT64_MAX)
		return NULL;
	best = json_object_new_object();
	json_add(best, "offset", json_u64(why->facts.best_offset));
	json_add(best, "bytes", json_u64(why->facts.best_bytes));
	json_add(best, "run", json_u64(why->facts.best_run));
	if (!why->culprits.best_found)
		return best;
	json_add(best, "handle", info->handle ? json_handle(info->handle) : NULL);
	json_add(best, "pid", json_u64(info->pid));
	json_add(best, "comm", json_chars(info->comm, sizeof(info->comm)));
	json_add(best, "uid", json_u64(info->uid));
	json_add(best, "tag", json_chars(info->tag, sizeof(info->tag)));
	return best;
}

static struct json_object *move_json(const struct explanation *why)
{
	struct json_object *move;

	if (!moving_helps(why))
		return NULL;
	move = json_object_new_object();
	json_add(move, "bytes", json_u64(why->facts.move_bytes));
	json_add(move, "blocks", json_u64(why->facts.moves));
	json_add(move, "offset", json_u64(why->facts.move_offset));
	return move;
}

static struct json_object *advice_json(const struct explanation *why)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < why->advices; i++)
		json_object_array_add(array, json_object_new_string(why->advice[i]));
	return array;
}

static void print_json(const struct memctl *ctl, const struct explanation *why)
{
	const struct memmgr_explain *facts = &why->facts;
	struct json_object *object = json_object_new_object();
	struct table *table = orders(why);

	json_add(object, "heap", json_chars(why->heap.name, sizeof(why->heap.name)));
	json_add(object, "bytes", json_u64(facts->bytes));
	json_add(object, "align", json_u64(facts->align));
	json_add(object, "succeeds", json_object_new_boolean(would_succeed(why)));
	json_add(object, "reason", json_object_new_string(memmgr_reason_name(facts->reason)));
	json_add(object, "free", json_u64(facts->free));
	json_add(object, "largest", json_u64(facts->largest));
	json_add(object, "possible", json_u64(facts->possible));
	json_add(object, "move", move_json(why));
	json_add(object, "in_the_way", best_json(why));
	json_add(object, "advice", advice_json(why));
	json_add(object, "free_runs", json_u64(facts->free_runs));
	json_add(object, "unit", json_u64(facts->unit));
	json_add(object, "orders", table_json(table));
	json_add(object, "movable", json_u64(facts->movable));
	json_add(object, "fixed", json_fixed(facts->fixed));
	json_print(json_result(ctl, "explanation", object));
	table_free(table);
}

/* ---- all of it ---- */

int explain(const struct memctl *ctl, const char *heap, uint64_t bytes, uint64_t align)
{
	struct explanation why = { .facts = { .bytes = bytes, .align = align } };
	int rc = heap_find(ctl, heap, &why.heap);
	int err;

	if (rc)
		return rc;
	why.facts.heap = why.heap.heap;
	err = memmgr_explain(ctl->fd, &why.facts);
	if (err)
		return fail_errno(ctl, err, "heap '%s'", heap);
	why.culprits.best_offset = why.facts.best_offset;
	err = memmgr_list(ctl->fd, why.heap.heap, 0, look_at, &why.culprits);
	if (err)
		return fail_errno(ctl, err, "allocations of heap '%s'", heap);
	snprintf(why.request, sizeof(why.request), "%s%s%s", size_text(bytes),
		 align ? " aligned to " : "", align ? size_text(align) : "");
	collect_advice(&why);
	if (ctl->json)
		print_json(ctl, &why);
	else
		print_text(&why);
	while (why.advices)
		free(why.advice[--why.advices]);
	return EXIT_OK;
}
