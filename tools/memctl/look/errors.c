// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Reports of memory errors, in words. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "look/errors.h"
#include "memctl.h"

#define UNKNOWN	UINT64_MAX	/* as a place or an offset */

static const char *const titles[MEMMGR_CORRUPTIONS] = {
	[0]				= "memory error",
	[MEMMGR_CORRUPTION_BEFORE]	= "out of bounds before an allocation",
	[MEMMGR_CORRUPTION_BEHIND]	= "out of bounds behind an allocation",
	[MEMMGR_CORRUPTION_FREED]	= "written after free",
	[MEMMGR_CORRUPTION_DOUBLE_FREE]	= "double free",
	[MEMMGR_CORRUPTION_WRONG_FREE]	= "wrong free",
	[MEMMGR_CORRUPTION_STALE]	= "use after free",
	[MEMMGR_CORRUPTION_GUARD]	= "guard page touched",
};

const char *error_title(const struct memmgr_corruption *c)
{
	return titles[c->kind < MEMMGR_CORRUPTIONS ? c->kind : 0];
}

bool error_has_allocation(const struct memmgr_corruption *c)
{
	return c->place != UNKNOWN;
}

bool error_is_act(const struct memmgr_corruption *c)
{
	return c->kind >= MEMMGR_CORRUPTION_DOUBLE_FREE && c->kind <= MEMMGR_CORRUPTION_GUARD;
}

uint32_t error_dump(const struct memmgr_corruption *c)
{
	return c->dump < MEMMGR_CORRUPTION_DUMP ? c->dump : MEMMGR_CORRUPTION_DUMP;
}

uint64_t error_ns_since(const struct memmgr_corruption *c, uint64_t ns)
{
	return c->time_ns > ns ? c->time_ns - ns : 0;
}

/* "1 byte", "5 bytes"; in turns. */
static const char *bytes_text(uint64_t bytes)
{
	static char texts[4][32];
	static unsigned int turn;

	turn = (turn + 1) % ARRAY_SIZE(texts);
	snprintf(texts[turn], sizeof(texts[turn]), "%" PRIu64 " byte%s", bytes,
		 bytes == 1 ? "" : "s");
	return texts[turn];
}

/* "an allocation of 100 bytes in heap main"; in turns. */
static const char *allocation_text(const struct memmgr_corruption *c)
{
	static char texts[2][96];
	static unsigned int turn;

	turn = (turn + 1) % ARRAY_SIZE(texts);
	snprintf(texts[turn], sizeof(texts[turn]), "an allocation of %s in heap %s",
		 bytes_text(c->bytes), clean_text(c->heap_name, sizeof(c->heap_name)));
	return texts[turn];
}

/* The likely target of an access when no allocation is known. */
static const char *meant_text(const struct memmgr_corruption *c)
{
	static char text[96];

	if (c->handle)
		snprintf(text, sizeof(text), "handle 0x%" PRIx64, (uint64_t)c->handle);
	else if (c->offset != UNKNOWN)
		snprintf(text, sizeof(text), "offset 0x%" PRIx64 " of the region",
			 (uint64_t)c->offset);
	else
		snprintf(text, sizeof(text), "an address outside of the region");
	return text;
}

static void wrong_free_text(const struct memmgr_corruption *c, char text[ERROR_TEXT])
{
	if (!error_has_allocation(c))
		snprintf(text, ERROR_TEXT, "%s was to be freed, which is no allocation of who "
			 "wanted that", meant_text(c));
	else if (c->distance)
		snprintf(text, ERROR_TEXT, "what was to be freed is %s behind the begin of %s",
			 bytes_text(c->distance), allocation_text(c));
	else
		snprintf(text, ERROR_TEXT, "%s was to be freed by another than its owner, or from "
			 "another heap", allocation_text(c));
}

/*
 * "byte 7": where something is in an allocation, or how far from it. The page before one
 * that begins at 0 is below that.
 */
static const char *where_text(const struct memmgr_corruption *c)
{
	static char text[64];
	int64_t inside = (int64_t)(c->offset - c->place);

	if (inside < 0)
		snprintf(text, sizeof(text), "%s before the begin", bytes_text(c->distance));
	else if ((uint64_t)inside >= c->bytes)
		snprintf(text, sizeof(text), "%s past the end", bytes_text(c->distance));
	else
		snprintf(text, sizeof(text), "byte %" PRIu64, (uint64_t)c->distance);
	return text;
}

static void written_text(const struct memmgr_corruption *c, char text[ERROR_TEXT])
{
	const char *written = bytes_text(c->damaged), *distance = bytes_text(c->distance);

	if (c->kind == MEMMGR_CORRUPTION_BEFORE)
		snprintf(text, ERROR_TEXT, "%s written, the last of them %s before %s", written,
			 distance, allocation_text(c));
	else if (c->kind == MEMMGR_CORRUPTION_BEHIND)
		snprintf(text, ERROR_TEXT, "%s written, the first of them %s past the end of %s",
			 written, distance, allocation_text(c));
	else
		snprintf(text, ERROR_TEXT, "%s written from %s of %s that had been freed", written,
			 where_text(c), allocation_text(c));
}

/* @unknown: when it is forgotten whose it was. */
static void freed_text(const struct memmgr_corruption *c, const char *what, const char *unknown,
		       char text[ERROR_TEXT])
{
	if (error_has_allocation(c) && c->distance)
		snprintf(text, ERROR_TEXT, "byte %" PRIu64 " of %s %s", (uint64_t)c->distance,
			 allocation_text(c), what);
	else if (error_has_allocation(c))
		snprintf(text, ERROR_TEXT, "%s %s", allocation_text(c), what);
	else
		snprintf(text, ERROR_TEXT, "%s %s", meant_text(c), unknown);
}

const char *error_text(const struct memmgr_corruption *c, char text[ERROR_TEXT])
{
	switch (c->kind) {
	case MEMMGR_CORRUPTION_BEFORE:
	case MEMMGR_CORRUPTION_BEHIND:
	case MEMMGR_CORRUPTION_FREED:
		written_text(c, text);
		break;
	case MEMMGR_CORRUPTION_DOUBLE_FREE:
		freed_text(c, "was to be freed once more", "was to be freed, and had been before",
			   text);
		break;
	case MEMMGR_CORRUPTION_WRONG_FREE:
		wrong_free_text(c, text);
		break;
	case MEMMGR_CORRUPTION_STALE:
		freed_text(c, "was to be used after it had been freed",
			   "was to be used, and had been freed before", text);
		break;
	case MEMMGR_CORRUPTION_GUARD:
		if (!error_has_allocation(c))
			return strcpy(text, "the page beside an allocation was touched");
		snprintf(text, ERROR_TEXT, "touched %s of %s%s", where_text(c),
			 allocation_text(c), c->free_ns ? " that had been freed" : "");
		break;
	default:
		snprintf(text, ERROR_TEXT, "kind %" PRIu32 " of this newer module, at %s", c->kind,
			 meant_text(c));
	}
	return text;
}
