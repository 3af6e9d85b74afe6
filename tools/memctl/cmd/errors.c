// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl errors: the memory errors that were found, with owners and culprits. */
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
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/site.h"
#include "look/errors.h"
#include "memctl.h"

#define REMEMBERED	32u	/* by the region */

static const struct argp argp = {
	.doc = "Show the memory errors that were found, the oldest first: what was done where, the "
	       "bytes that should be there and those that are, who allocated it, who freed it, and "
	       "who was running. They are looked for after memctl debug.\v"
	       "Kinds, as JSON has them: before and behind (a red zone was written), freed (written "
	       "after it was freed), double-free, wrong-free (no allocation of the caller begins "
	       "there), stale (used after it was freed, and refused), guard (a guard page was "
	       "touched). Who was running when damage was found need not be who did it; of the last "
	       "four it is.\n\n"
	       "Where programs allocated is known after memctl leaks --on. The region remembers the "
	       "last 32 errors, of these 4 of one client's refused calls and 8 that one user "
	       "caused; only root sees those of others' allocations.",
};

/* ---- where in a program: a site by its id ---- */

struct places {
	const struct memmgr_corruption *errors;
	uint32_t count;
	struct memmgr_site *site;	/* those that the errors name */
	size_t sites;
};

static bool is_named(const struct places *places, uint32_t id)
{
	for (uint32_t i = 0; i < places->count; i++) {
		const struct memmgr_corruption *c = &places->errors[i];

		if (c->site == id || c->free_site == id || c->finder_site == id)
			return true;
	}
	return false;
}

static int keep_site(const struct memmgr_site *site, void *arg)
{
	struct places *places = arg;

	if (!is_named(places, site->id))
		return 0;
	places->site = reallocarray(places->site, places->sites + 1, sizeof(*site));
	if (!places->site)
		out_of_memory();
	places->site[places->sites++] = *site;
	return 0;
}

static const struct memmgr_site *site_of(const struct places *places, uint32_t id)
{
	for (size_t i = 0; i < places->sites; i++)
		if (places->site[i].id == id)
			return &places->site[i];
	return NULL;
}

/*
 * Calls @show for each frame of a site, as people read it; one that cannot be looked up
 * is its number.
 */
static void each_frame(const struct places *places, uint32_t id,
		       void (*show)(const char *frame, void *arg), void *arg)
{
	const struct memmgr_site *site = site_of(places, id);
	struct memmgr_site frame;
	const char *at;
	char *text;

	if (!site) {
		char number[32];

		snprintf(number, sizeof(number), "site %" PRIu32, id);
		show(number, arg);
		return;
	}
	frame = *site;
	at = site->name;
	do {
		/* The stack of kernel code has a line for each. */
		size_t len = site->kind == MEMMGR_SITE_KERNEL ? strcspn(at, "\n") : strlen(at);

		snprintf(frame.name, sizeof(frame.name), "%.*s", (int)len, at);
		text = site_text(&frame);
		show(text, arg);
		free(text);
		at += len;
	} while (*at++ && *at);
}

/* ---- who ---- */

/* Somebody who allocated it, freed it, or was there. */
struct party {
	const char *comm;
	uint32_t pid;
	uint32_t tid;
	uint32_t site;
	uint64_t ns;		/* when; 0: with the error */
	int64_t uid;		/* -1: not known */
};

static struct party maker_of(const struct memmgr_corruption *c)
{
	return (struct party) { c->comm, c->pid, c->tid, c->site, c->alloc_ns, c->uid };
}

static struct party freer_of(const struct memmgr_corruption *c)
{
	return (struct party) { c->free_comm, c->free_pid, c->free_tid, c->free_site, c->free_ns,
				-1 };
}

/* The user is his when there is no maker to tell of. */
static struct party finder_of(const struct memmgr_corruption *c)
{
	return (struct party) { c->finder_comm, c->finder, c->finder_tid, c->finder_site, 0,
				error_has_allocation(c) ? -1 : (int64_t)c->uid };
}

/* ---- JSON ---- */

static void add_frame(const char *frame, void *arg)
{
	json_object_array_add(arg, json_object_new_string(frame));
}

static struct json_object *party_json(const struct places *places,
				      const struct memmgr_corruption *c, struct party who)
{
	struct json_object *object = json_object_new_object();
	struct json_object *frames = json_object_new_array();

	json_add(object, "pid", json_u64(who.pid));
	json_add(object, "tid", json_u64(who.tid));
	if (who.uid >= 0)
		json_add(object, "uid", json_u64((uint64_t)who.uid));
	json_add(object, "comm", json_chars(who.comm, MEMMGR_COMM_LEN));
	if (who.ns)
		json_add(object, "before_ns", json_u64(error_ns_since(c, who.ns)));
	json_add(object, "site", json_u64(who.site));
	if (who.site)
		each_frame(places, who.site, add_frame, frames);
	json_add(object, "where", frames);
	return object;
}

static struct json_object *hex_json(const __u8 *bytes, uint32_t count)
{
	char text[2 * MEMMGR_CORRUPTION_DUMP + 1] = "";

	for (uint32_t i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return json_object_new_string(text);
}

static struct json_object *offset_json(uint64_t offset)
{
	return offset == UINT64_MAX ? NULL : json_u64(offset);
}

static void add_what(struct json_object *object, const struct memmgr_corruption *c, uint64_t now)
{
	char text[ERROR_TEXT];

	json_add(object, "seq", json_u64(c->seq));
	json_add(object, "age_ms", json_u64(now > c->time_ns ? (now - c->time_ns) / 1000000 : 0));
	json_add(object, "kind", json_object_new_string(memmgr_corruption_name(c->kind)));
	json_add(object, "text", json_object_new_string(error_text(c, text)));
	json_add(object, "heap", json_chars(c->heap_name, sizeof(c->heap_name)));
	json_add(object, "heap_id", json_u64(c->heap));
	json_add(object, "handle", c->handle ? json_handle(c->handle) : NULL);
	json_add(object, "offset", offset_json(c->offset));
	json_add(object, "distance", json_u64(c->distance));
	json_add(object, "damaged", json_u64(c->damaged));
	json_add(object, "expected", hex_json(c->expected, error_dump(c)));
	json_add(object, "found", hex_json(c->found, error_dump(c)));
}

static struct json_object *error_json(const struct places *places,
				      const struct memmgr_corruption *c, uint64_t now)
{
	struct json_object *object = json_object_new_object();
	bool known = error_has_allocation(c);

	add_what(object, c, now);
	json_add(object, "place", offset_json(c->place));
	json_add(object, "bytes", known ? json_u64(c->bytes) : NULL);
	json_add(object, "tag", json_chars(c->tag, sizeof(c->tag)));
	json_add(object, "allocated", known ? party_json(places, c, maker_of(c)) : NULL);
	json_add(object, "freed", c->free_ns ? party_json(places, c, freer_of(c)) : NULL);
	json_add(object, "running", party_json(places, c, finder_of(c)));
	return object;
}

static void show_json(const struct memctl *ctl, const struct places *places, uint64_t total)
{
	struct json_object *result = json_result(ctl, "total", json_u64(total));
	struct json_object *errors = json_object_new_array();
	uint64_t now = now_ns(CLOCK_BOOTTIME);

	for (uint32_t i = 0; i < places->count; i++)
		json_object_array_add(errors, error_json(places, &places->errors[i], now));
	json_add(result, "errors", errors);
	json_print(result);
}

/* ---- text, in the manner of the kernel's own reports ---- */

#define LINE_BYTES	16u

static void print_bytes(const char *what, const __u8 *bytes, uint32_t count)
{
	printf("%s ", what);
	for (uint32_t i = 0; i < count; i++)
		printf("%s%02x", i == LINE_BYTES / 2 ? "  " : " ", bytes[i]);
}

/* Marks stand below the bytes that differ; the bytes written there may be readable text. */
static void print_line(uint64_t offset, const __u8 *expected, const __u8 *found, uint32_t count)
{
	char marks[3 * LINE_BYTES + 2] = "", *to = marks, *end = marks;

	printf("    0x%08" PRIx64 "  ", offset);
	print_bytes("expected", expected, count);
	printf("\n                ");
	print_bytes("found   ", found, count);
	printf("%*s|", (int)(3 * (LINE_BYTES - count) + (count <= LINE_BYTES / 2) + 2), "");
	for (uint32_t i = 0; i < count; i++) {
		bool differs = expected[i] != found[i];

		putchar(found[i] >= ' ' && found[i] <= '~' ? found[i] : '.');
		to += sprintf(to, "%s%s", i == LINE_BYTES / 2 ? "  " : " ", differs ? "^^" : "  ");
		end = differs ? to : end;
	}
	*end = 0;
	puts("|");
	if (*marks)
		printf("                         %s\n", marks);
}

static void print_dump(const struct memmgr_corruption *c)
{
	uint32_t count = error_dump(c);

	for (uint32_t at = 0; at < count; at += LINE_BYTES)
		print_line(c->offset + at, c->expected + at, c->found + at,
			   count - at < LINE_BYTES ? count - at : LINE_BYTES);
	if (count && c->damaged > count)
		printf("    these are the first %" PRIu32 " of %" PRIu64 " bytes\n", count,
		       (uint64_t)c->damaged);
}

static void print_frame(const char *frame, void *arg)
{
	(void)arg;
	printf("        %s\n", frame);
}

static void print_who(struct party who)
{
	if (!who.pid) {
		fputs("by kernel code in an interrupt", stdout);
		return;
	}
	printf("by %s (pid %" PRIu32, *who.comm ? clean_text(who.comm, MEMMGR_COMM_LEN) : "?",
	       who.pid);
	if (who.tid && who.tid != who.pid)
		printf(", thread %" PRIu32, who.tid);
	if (who.uid >= 0)
		printf(", uid %" PRId64, who.uid);
	putchar(')');
}

static void print_party(const struct places *places, const struct memmgr_corruption *c,
			const char *did, struct party who)
{
	uint64_t ns = error_ns_since(c, who.ns);

	printf("    %-9s ", did);
	print_who(who);
	if (who.ns)
		printf(", %s before", ns < 60 * NSEC_PER_SEC ? time_text(ns) : age_text(ns));
	puts(who.site ? ", at" : "");
	if (who.site)
		each_frame(places, who.site, print_frame, NULL);
}

/* The allocation that the error is about. */
static void print_allocation(const struct memmgr_corruption *c)
{
	printf("    it %s at 0x%" PRIx64 ", ", c->free_ns ? "was" : "is", (uint64_t)c->place);
	if (c->handle)
		printf("handle 0x%" PRIx64, (uint64_t)c->handle);
	else
		fputs("of kernel code", stdout);
	if (*c->tag)
		printf(", tag '%s'", clean_text(c->tag, sizeof(c->tag)));
	putchar('\n');
}

static const char *finder_did(const struct memmgr_corruption *c)
{
	if (!error_is_act(c))
		return "found";
	return c->kind == MEMMGR_CORRUPTION_GUARD ? "touched" : "tried";
}

static void print_error(const struct places *places, const struct memmgr_corruption *c,
			uint64_t now)
{
	char text[ERROR_TEXT];

	printf("#%" PRIu64 "  %s, %s ago\n    %s\n", (uint64_t)c->seq, error_title(c),
	       age_text(now > c->time_ns ? now - c->time_ns : 0), error_text(c, text));
	if (error_has_allocation(c)) {
		print_allocation(c);
		print_party(places, c, "allocated", maker_of(c));
	}
	if (c->free_ns)
		print_party(places, c, "freed", freer_of(c));
	print_party(places, c, finder_did(c), finder_of(c));
	print_dump(c);
	putchar('\n');
}

static int is_on(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct memmgr_debug d = { .heap = heap->heap };
	bool *on = arg;

	if (!memmgr_debug(ctl->fd, &d) && d.flags)
		*on = true;
	return EXIT_OK;
}

/* That nothing was found means little when nothing is looked for. */
static void tell_none(const struct memctl *ctl)
{
	bool on = false;

	puts("no memory error was found");
	if (!heaps_visit(ctl, NULL, is_on, &on) && !on)
		puts("nothing is looked for; for example, as root: memctl debug --red-zones "
		     "--poison --quarantine");
}

static void show_text(const struct memctl *ctl, const struct places *places, uint64_t total)
{
	uint64_t now = now_ns(CLOCK_BOOTTIME);

	for (uint32_t i = 0; i < places->count; i++)
		print_error(places, &places->errors[i], now);
	if (!total)
		tell_none(ctl);
	else if (places->count == total)
		printf("%" PRIu64 " error%s found\n", total, total == 1 ? " was" : "s were");
	else if (places->count == REMEMBERED)
		printf("%" PRIu64 " errors were found, the last %u are remembered\n", total,
		       REMEMBERED);
	else
		printf("%" PRIu64 " errors were found; of those that are remembered your "
		       "allocations' are shown, root sees all\n", total);
}

int cmd_errors(struct memctl *ctl, int argc, char **argv)
{
	struct memmgr_corruption entries[REMEMBERED];
	struct places places = { .errors = entries, .count = ARRAY_SIZE(entries) };
	uint64_t total = 0;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, NULL);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	err = memmgr_corruptions(ctl->fd, 0, entries, &places.count, &total);
	if (err)
		return fail_errno(ctl, err, "reports of the region");
	/* Without them sites stay numbers. */
	memmgr_sites(ctl->fd, keep_site, &places);
	if (ctl->json)
		show_json(ctl, &places, total);
	else
		show_text(ctl, &places, total);
	free(places.site);
	return EXIT_OK;
}
