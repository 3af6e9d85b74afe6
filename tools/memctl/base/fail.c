// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Every error message comes from here: the fault, its reason, and the remedy.
 *
 *	memctl: COMMAND: MESSAGE; REMEDY
 *
 * or with --json one object on standard error, so that standard output always
 * carries a whole result or nothing. Errors of usage are text in any case.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/words.h"
#include "memctl.h"

/* The meaning of an errno of the ABI; @command: only there (and found first). */
static const struct {
	int err;
	const char *name;
	const char *command;
	const char *text;
	const char *remedy;
} errors[] = {
	{ EBUSY, "EBUSY", "free", "a stack heap frees its newest allocation first",
	  "free those above it before it (memctl list --sort offset)" },
	{ EFAULT, "EFAULT", "pin", "a page of a mapping of it could not be made present",
	  "see dmesg; a pin without --lease needs no pages" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "pin", "it has no pages of its own to lease",
	  "pin it without --lease, or allocate it from a heap of whole pages" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "defrag",
	  "nothing moves in pools, stacks and private heaps, nor in a module built with MOVE=n",
	  "choose a shared buddy, tlsf or slab heap (memctl heap list), or build it with MOVE=y" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "frag",
	  "only buddy and tlsf heaps can be explained, and nothing in a module built with MOVE=n",
	  "see its figures (memctl frag HEAP), or explain main, where it has its memory from" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "health", "the module was built without MOVE",
	  "build it with MOVE=y" },
	{ EINVAL, "EINVAL", "health", "the module refuses these thresholds",
	  "give a hysteresis below both thresholds, and a share of the CPU above 0" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "inject", "the module was built without DEBUG",
	  "build it with DEBUG=y" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "latency", "the module was built without DEBUG",
	  "build it with DEBUG=y" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "debug", "the module was built without DEBUG",
	  "build it with DEBUG=y" },
	{ EINVAL, "EINVAL", "debug", "the module refuses these numbers",
	  "see memctl help debug" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "errors", "the module was built without DEBUG",
	  "build it with DEBUG=y" },
	{ EINVAL, "EINVAL", "inject", "the module refuses these numbers",
	  "see memctl help inject" },
	{ EBUSY, "EBUSY", "resize", "a stack heap resizes its newest allocation only",
	  "allocate anew, or free those above it (memctl list --sort offset)" },
	{ EBUSY, "EBUSY", "heap destroy", "it is in use",
	  "free what lives in it (memctl list --heap) or use --force; kernel users and heaps "
	  "that fall back on it must go first" },
	{ EINVAL, "EINVAL", "heap create", "the module refuses the heap as described",
	  "see which options the kind takes: memctl help heap create" },
	{ EINVAL, "EINVAL", "heap destroy", "this heap stays as long as its region",
	  "destroy another one (memctl heap list)" },
	{ ENOSPC, "ENOSPC", "heap create", "the region has as many heaps as it can have, or "
	  "the books of this one would cost more than its memory is worth",
	  "destroy one that is not needed (memctl heap list), or give it fewer "
	  "--max-allocations, larger objects or granules; root has no such bound" },

	{ EINVAL, "EINVAL", NULL, "the module refuses an argument",
	  "see memctl help and dmesg" },
	{ E2BIG, "E2BIG", NULL, "the module is older than this memctl",
	  "load the module of the same version" },
	{ ENOTTY, "ENOTTY", NULL, "the module does not know this call",
	  "load the module of the same version" },
	{ EFAULT, "EFAULT", NULL, "the module could not reach memctl's memory", NULL },
	{ ENOENT, "ENOENT", NULL, "there is no such heap", "see memctl heap list" },
	{ EBADF, "EBADF", NULL, "there is no such allocation: never made, or freed already",
	  "see memctl list --mine" },
	{ EACCES, "EACCES", NULL,
	  "it is another program's or user's, its heap is not for you, or it is protected",
	  "use it from there; see memctl list, and memctl heap list for whom heaps are" },
	{ EPERM, "EPERM", NULL, "that takes CAP_SYS_ADMIN", "run it as root" },
	{ EEXIST, "EEXIST", NULL, "a heap of that name exists",
	  "choose another name (memctl heap list)" },
	{ ENOMEM, "ENOMEM", NULL, "there is not enough memory",
	  "free something (memctl list)" },
	{ ENOSPC, "ENOSPC", NULL, "no free record is left",
	  "free something (memctl list)" },
	{ ETIMEDOUT, "ETIMEDOUT", NULL, "nothing was freed in time",
	  "wait longer (--wait=MS) or free something (memctl list)" },
	{ EINTR, "EINTR", NULL, "it was interrupted", NULL },
	{ EBUSY, "EBUSY", NULL, "it is in use", "try again" },
	{ ERANGE, "ERANGE", NULL, "that reaches past the end of the allocation",
	  "see its size: memctl list" },
	{ EOPNOTSUPP, "EOPNOTSUPP", NULL,
	  "this kind of heap cannot do that, or was left out of this module",
	  "see memctl info and memctl heap list" },
	{ EUCLEAN, "EUCLEAN", NULL, "damage was found", NULL },
};

/* Why a heap could not serve, as told after its name; @look: command to see more. */
static const struct {
	const char *text;
	const char *remedy;
	const char *look;
} reasons[MEMMGR_REASONS] = {
	[MEMMGR_REASON_EXHAUSTED] = { "is exhausted", "free something", "list --heap" },
	[MEMMGR_REASON_FRAGMENTED] = {
		"is fragmented: enough is free, but in no single run",
		"move memory together (memctl defrag, alloc --may-compact) or ask for less",
		"frag" },
	[MEMMGR_REASON_ALIGNMENT] = { "has no free run that is so aligned",
		"move memory together (memctl defrag, alloc --may-compact) or align less", "frag" },
	[MEMMGR_REASON_QUOTA] = { "may not give you more: your quota is reached",
		"free something of yours", "list --mine --heap" },
	[MEMMGR_REASON_RECORDS] = { "has as many allocations as it may have",
		"free something, or create a heap with more --max-allocations",
		"list --heap" },
	[MEMMGR_REASON_PINNED] = { "has memory in the way that may not move",
		"see what and why, and let go of it", "frag" },
	[MEMMGR_REASON_TOO_LARGE] = { "can never serve that much",
		"ask for less, or take another heap", "heap list" },
	[MEMMGR_REASON_LIMIT] = { "reached its own size limit", "free something",
		"list --heap" },
	[MEMMGR_REASON_PARENT] = { "could not grow from heap main",
		"free something in main", "frag main" },
	[MEMMGR_REASON_TIMEOUT] = { "got nothing back in time",
		"wait longer (--wait=MS), or free something", "list --heap" },
	[MEMMGR_REASON_BLOCKED] = { "has something else behind this allocation",
		"allocate anew and free the old one", "list --sort offset --heap" },
	[MEMMGR_REASON_INJECTED] = { "was told to let it fail",
		"that is a test; see who is told so", "inject" },
	[MEMMGR_REASON_WINDOWS] = { "has no room left in the mmap() offsets",
		"ask for fewer --max-allocations, or destroy a heap", "heap list" },
};

struct message {
	char text[512];
	const char *remedy;
	const char *error;		/* "ENOMEM" or NULL */
	const struct request *request;	/* or NULL */
	uint64_t free;			/* with @request */
};

static void print_json(const struct memctl *ctl, const struct message *message)
{
	struct json_object *error = json_object_new_object();
	struct json_object *result;

	json_add(error, "message", json_chars(message->text, sizeof(message->text)));
	if (message->remedy)
		json_add(error, "remedy", json_chars(message->remedy, strlen(message->remedy)));
	if (message->error)
		json_add(error, "errno", json_object_new_string(message->error));
	if (message->request) {
		const struct request *request = message->request;
		const char *reason = memmgr_reason_name(request->reason);

		json_add(error, "heap", json_chars(request->heap, strlen(request->heap)));
		json_add(error, "reason", json_object_new_string(reason));
		json_add(error, "asked", json_u64(request->bytes));
		json_add(error, "align", json_u64(request->align));
		json_add(error, "free", json_u64(message->free));
		json_add(error, "largest", json_u64(request->largest));
		json_add(error, "exact", json_object_new_boolean(request->exact));
	}
	result = json_result(ctl, "error", error);
	fprintf(stderr, "%s\n",
		json_object_to_json_string_ext(result, JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(result);
}

/* Files, their contents and heaps are named by others, and remedies name them too. */
static void print_text(const struct memctl *ctl, const struct message *message)
{
	const char *remedy = message->remedy ? message->remedy : "";
	char *clean = clean_copy(message->text, sizeof(message->text));
	char *clean_remedy = clean_copy(remedy, strlen(remedy));

	fprintf(stderr, "memctl: %s: %s%s%s\n", ctl->command, clean, *remedy ? "; " : "",
		clean_remedy);
	free(clean);
	free(clean_remedy);
}

static int print_message(const struct memctl *ctl, const struct message *message)
{
	fflush(stdout);
	if (ctl->json)
		print_json(ctl, message);
	else
		print_text(ctl, message);
	return EXIT_FAILED;
}

int fail(const struct memctl *ctl, const char *remedy, const char *format, ...)
{
	struct message message = { .remedy = remedy };
	va_list args;

	va_start(args, format);
	vsnprintf(message.text, sizeof(message.text), format, args);
	va_end(args);
	return print_message(ctl, &message);
}

/* The index of the row for -@err of a command in errors[], or its size. */
static size_t error_row(const char *command, int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		if (errors[i].err == -err &&
		    (!errors[i].command || !strcmp(errors[i].command, command)))
			break;
	}
	return i;
}

/* "EIO"; NULL where the C library has no names and the table has none either. */
static const char *error_name(const struct memctl *ctl, int err)
{
	size_t row = error_row(ctl->command, err);

	if (row < ARRAY_SIZE(errors))
		return errors[row].name;
#ifdef __GLIBC__
	return strerrorname_np(-err);
#else
	return NULL;
#endif
}

static void add_text(struct message *message, const char *text)
{
	strncat(message->text, text, sizeof(message->text) - strlen(message->text) - 1);
}

/* Say what is wrong with @message.text, as the table has it for a command. */
static int fail_row(const struct memctl *ctl, const char *command, int err,
		    struct message *message)
{
	size_t row = error_row(command, err);

	add_text(message, ": ");
	if (row < ARRAY_SIZE(errors)) {
		add_text(message, errors[row].text);
		message->remedy = errors[row].remedy;
		message->error = errors[row].name;
	} else {
		add_text(message, strerror(-err));
		message->error = error_name(ctl, err);
	}
	return print_message(ctl, message);
}

int fail_errno(const struct memctl *ctl, int err, const char *format, ...)
{
	struct message message = { .remedy = NULL };
	va_list args;

	va_start(args, format);
	vsnprintf(message.text, sizeof(message.text), format, args);
	va_end(args);
	return fail_row(ctl, ctl->command, err, &message);
}

static void describe_request(struct message *message, const struct request *request)
{
	char align[MEMMGR_SIZE_TEXT + 16] = "";

	if (request->align)
		snprintf(align, sizeof(align), " aligned to %s", size_text(request->align));
	snprintf(message->text, sizeof(message->text),
		 "heap '%s' %s: %s%s asked, %s free, at %s %s would do", request->heap,
		 reasons[request->reason].text, size_text(request->bytes), align,
		 size_text(message->free), request->exact ? "most" : "least",
		 size_text(request->largest));
}

/* "move memory together ... (memctl frag main --explain 64K)" */
static void describe_remedy(char *text, size_t len, const struct request *request)
{
	const char *remedy = reasons[request->reason].remedy;
	const char *look = reasons[request->reason].look;

	if (!strcmp(look, "frag"))
		snprintf(text, len, "%s (memctl frag %s --explain %s%s%s)", remedy, request->heap,
			 size_word(request->bytes), request->align ? "," : "",
			 request->align ? size_word(request->align) : "");
	else if (strstr(look, "--heap"))
		snprintf(text, len, "%s (memctl %s %s)", remedy, look, request->heap);
	else
		snprintf(text, len, "%s (memctl %s)", remedy, look);
}

int fail_request(const struct memctl *ctl, int err, const struct request *request)
{
	struct message message = { .request = request };
	char remedy[512];
	struct memmgr_stats stats;

	if (request->reason >= MEMMGR_REASONS || !reasons[request->reason].text)
		return fail_errno(ctl, err, "heap '%s', %s asked", request->heap,
				  size_text(request->bytes));
	if (!memmgr_stats(ctl->fd, request->heap_id, &stats))
		message.free = stats.free;
	describe_request(&message, request);
	describe_remedy(remedy, sizeof(remedy), request);
	message.remedy = remedy;
	message.error = error_name(ctl, err);
	return print_message(ctl, &message);
}

/* What a heap asks of main when it is made: the memory, or the least that is of use. */
static uint64_t heap_asks(const struct memmgr_heap_create *create)
{
	if (create->bytes)
		return create->bytes;
	return create->object_size * (create->count ? create->count : 1);
}

int fail_heap(const struct memctl *ctl, int err, const struct memmgr_heap_create *create)
{
	struct request request = {
		.heap = "main",
		.heap_id = MEMMGR_HEAP_MAIN,
		.bytes = heap_asks(create),
		.reason = create->reason,
		.exact = true,
		.largest = create->largest,
	};
	struct message message = { .remedy = NULL };

	if ((err == -ENOMEM || err == -ENOSPC || err == -EDQUOT) && create->reason &&
	    create->reason != MEMMGR_REASON_RECORDS)
		return fail_request(ctl, err, &request);
	snprintf(message.text, sizeof(message.text), "heap '%s'", create->name);
	/* Whatever the command, it is a heap that was to be made. */
	return fail_row(ctl, "heap create", err, &message);
}

int fail_compact(const struct memctl *ctl, int err, const struct request *request)
{
	struct message message = { .request = request, .error = error_name(ctl, err) };
	char remedy[512];
	struct memmgr_stats stats;

	if (request->reason >= MEMMGR_REASONS || !reasons[request->reason].text)
		return fail_errno(ctl, err, "heap '%s'", request->heap);
	if (!memmgr_stats(ctl->fd, request->heap_id, &stats))
		message.free = stats.free;
	snprintf(message.text, sizeof(message.text),
		 "no free run of %s%s%s can be made: heap '%s' %s; %s free, longest run %s",
		 size_text(request->bytes), request->align ? " aligned to " : "",
		 request->align ? size_text(request->align) : "", request->heap,
		 reasons[request->reason].text, size_text(message.free),
		 size_text(request->largest));
	describe_remedy(remedy, sizeof(remedy), request);
	message.remedy = remedy;
	return print_message(ctl, &message);
}

int fail_trace(const struct memctl *ctl, const char *file, uint64_t line, const char *text)
{
	static const char remedy[] =
		"give a trace of format 1 (tools/trace/README.md), or record it again";

	return line ? fail(ctl, remedy, "%s: line %" PRIu64 ": %s", file, line, text) :
		      fail(ctl, remedy, "%s: %s", file, text);
}

static int add_path(const char *path, const struct memmgr_query *query, void *arg)
{
	char *list = arg;
	size_t used = strlen(list);

	snprintf(list + used, 256 - used, "%s%s (%.*s)", used ? ", " : "", path,
		 MEMMGR_NAME_LEN, query->name);
	return 0;
}

int fail_open(const struct memctl *ctl, int err)
{
	const char *region = ctl->region ? ctl->region : getenv(MEMMGR_DEVICE_ENV);
	char list[256] = "", remedy[320];

	if (!region || !*region)
		region = MEMMGR_DEVICE;
	if (err == -EACCES || err == -EPERM) {
		fail(ctl, "run it as root, or give your user access to the device node",
		     "region '%s': you may not open it", region);
		return EXIT_FAILED;
	}
	if (err != -ENOENT && err != -ENODEV && err != -ENXIO && err != -ENOTTY)
		return fail_errno(ctl, err, "region '%s'", region);
	memmgr_regions(add_path, list);
	if (*list)
		snprintf(remedy, sizeof(remedy), "choose one that exists: %s", list);
	else
		snprintf(remedy, sizeof(remedy), "%s",
			 "load the module (insmod memmgr.ko or modprobe memmgr) and look at dmesg");
	fail(ctl, remedy, "region '%s': %s", region,
	     err == -ENOTTY ? "that is no device of memmgr" : "there is no such device");
	return EXIT_NO_DEVICE;
}
