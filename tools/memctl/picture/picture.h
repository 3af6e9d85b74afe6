/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A picture of the region: its owners, and the places of their memory.
 *
 * Several calls make a picture, and programs go on between them: one call may see an
 * allocation that another does not.
 */
#ifndef MEMCTL_PICTURE_H
#define MEMCTL_PICTURE_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "draw/canvas.h"
#include "memctl.h"

/* The property that makes allocations of heap main belong together. */
enum picture_by {
	BY_OWNER,		/* program and user */
	BY_CLIENT,
	BY_TAG,
};

extern const char *const by_names[3];

enum owner_kind {
	OWNER_PROGRAM,
	OWNER_HEAP,		/* what another heap has of main */
	OWNER_KERNEL,		/* what no list shows */
};

#define OWNER_NAME	48
#define SLOTS		26u	/* letters; the first PAINT_OWNERS have a colour */
#define SLOT_OTHERS	SLOTS

struct owner {
	enum owner_kind kind;
	uint32_t uid;		/* of programs */
	uint64_t id;		/* heap, or serial of the client */
	char name[OWNER_NAME];
	uint64_t bytes;
	uint64_t fixed;		/* of these, what may not move */
	uint64_t count;		/* allocations */
	uint64_t pins;
	uint64_t exports;
	uint64_t oldest_ns;	/* CLOCK_BOOTTIME; ~0: not known */
	int64_t growth;		/* bytes since it was first seen */
	unsigned int slot;	/* colour and letter */
};

struct tile {
	const struct owner *owner;	/* who has the most of it; NULL: it is free */
	uint64_t used;
	uint64_t fixed;
};

/* The slots that owners had, so that colours stay from one picture to the next. */
struct slots {
	uint64_t pictures;
	struct {
		struct owner owner;
		uint64_t first_bytes;
		uint64_t seen;		/* number of the picture; 0: never taken */
	} of[SLOTS];
};

struct picture {
	struct memmgr_query region;
	struct memmgr_stats main;
	bool moves;		/* the module can move memory at all */
	bool grows;		/* an earlier picture was taken: growth is known */
	enum picture_by by;
	uint64_t now_ns;	/* CLOCK_BOOTTIME */
	uint64_t cell_bytes;
	uint32_t count;
	struct memmgr_cell *cells;
	struct tile *tiles;
	struct owner *owners;	/* largest first */
	size_t owner_count;
	uint64_t fixed;		/* bytes of all owners that may not move */
};

/* ---- picture.c ---- */

/* A picture of about @count cells. An enum exit_code; frees nothing that was there. */
int picture_read(const struct memctl *ctl, enum picture_by by, uint32_t count,
		 struct slots *slots, struct picture *picture);
void picture_free(struct picture *picture);
struct json_object *picture_json(const struct picture *picture);
struct json_object *owners_json(const struct picture *picture);

/* ---- picture_draw.c: each returns the row behind what it drew ---- */

/* The columns of the canvas that a map takes beside its cells. */
#define MAP_MARGIN	12

int draw_map(struct canvas *canvas, int row, const struct picture *picture, int width);
/* The meaning of the map's signs. */
int draw_signs(struct canvas *canvas, int row, const struct picture *picture);
/* @count owners from the number @first on, in the order of @order (NULL: as they are). */
int draw_owners(struct canvas *canvas, int row, const struct picture *picture,
		const struct owner *const *order, size_t first, size_t count);

/* ---- picture_svg.c ---- */

/* @width: cells in a row. */
void picture_svg(const struct picture *picture, uint32_t width, FILE *to);

#endif /* MEMCTL_PICTURE_H */
