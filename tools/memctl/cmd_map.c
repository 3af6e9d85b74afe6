// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl map: a picture of the region. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memctl.h"

#define ROWS_DEFAULT	8u
#define MARGIN		12u	/* the offset at the left and the frame */

enum {
	KEY_ROWS = 0x200,
};

static const struct argp_option options_table[] = {
	{ "width", 'w', "N", 0, "Cells in a row (default: what the terminal has room for)", 0 },
	{ "rows", KEY_ROWS, "N", 0, "Rows (default 8)", 0 },
	{ 0 },
};

struct options {
	uint32_t width;
	uint32_t rows;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'w':
		options->width = arg_count(state, "--width", arg, 1, 512);
		return 0;
	case KEY_ROWS:
		options->rows = arg_count(state, "--rows", arg, 1, 128);
		return 0;
	case ARGP_KEY_END:
		if (options->rows * options->width > MEMMGR_BATCH_MAX)
			argp_error(state, "--width times --rows is more than %u cells",
				   MEMMGR_BATCH_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.doc = "Draw the region: a letter for each heap, capital where at least half of the "
	       "cell is in use.\vWhat other heaps took from heap main counts as in use, "
	       "however much of it they handed out.",
};

/* A multiple of 8 cells that fits the terminal; 64 when there is none. */
static uint32_t default_width(void)
{
	uint32_t columns = terminal_columns();

	if (columns < MARGIN + 8)
		return 64;
	columns -= MARGIN;
	return columns < 128 ? columns & ~7u : 128;
}

struct legend {
	struct {
		uint32_t heap;
		char letter;
		char name[MEMMGR_NAME_LEN];
		uint64_t used;
	} entries[MEMMGR_MAX_HEAPS];
	size_t count;
};

/* The letter of @heap: m is main, the others follow as they are met. */
static char letter_of(const struct memctl *ctl, struct legend *legend, uint32_t heap,
		      uint64_t used)
{
	static const char letters[] = "abcdefghijklnopqrstuvwxyz";
	size_t i;

	for (i = 0; i < legend->count && legend->entries[i].heap != heap; i++)
		;
	if (i == ARRAY_SIZE(legend->entries))
		return '?';
	if (i == legend->count) {
		legend->count++;
		legend->entries[i].heap = heap;
		legend->entries[i].letter = heap == MEMMGR_HEAP_MAIN ? 'm' :
					    i < sizeof(letters) - 1 ? letters[i] : '+';
		heap_name(ctl, heap, legend->entries[i].name);
	}
	legend->entries[i].used += used;
	return legend->entries[i].letter;
}

static const char *free_cell(void)
{
	return is_utf8() ? "\302\267" : ".";
}

static void draw_cell(const struct memctl *ctl, struct legend *legend,
		      const struct memmgr_cell *cell, uint64_t cell_bytes)
{
	char letter;

	if (cell->heap == MEMMGR_HEAP_ANY) {
		fputs(free_cell(), stdout);
		return;
	}
	letter = letter_of(ctl, legend, cell->heap, cell->used);
	if (letter >= 'a' && letter <= 'z' && cell->used >= cell_bytes - cell->used)
		letter = (char)(letter - 'a' + 'A');
	putchar(letter);
}

static void draw(const struct memctl *ctl, const struct memmgr_cell *cells, uint32_t count,
		 uint64_t cell_bytes, uint32_t width)
{
	struct legend legend = { .count = 0 };

	for (uint32_t i = 0; i < count; i += width) {
		printf("%9s |", size_text(i * cell_bytes));
		for (uint32_t j = i; j < i + width && j < count; j++)
			draw_cell(ctl, &legend, &cells[j], cell_bytes);
		puts("|");
	}
	printf("\none cell is %s   %s free\n", size_text(cell_bytes), free_cell());
	for (size_t i = 0; i < legend.count; i++)
		printf("%c  %-20s %10s in use\n", legend.entries[i].letter,
		       legend.entries[i].name, size_text(legend.entries[i].used));
	if (legend.count)
		puts("capital: at least half of the cell is in use");
}

static struct json_object *map_json(const struct memmgr_cell *cells, uint32_t count,
				    uint64_t cell_bytes)
{
	struct json_object *map = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *cell = json_object_new_object();

		json_add(cell, "used", json_u64(cells[i].used));
		json_add(cell, "blocks", json_u64(cells[i].blocks));
		json_add(cell, "heap", cells[i].heap == MEMMGR_HEAP_ANY ? NULL :
						json_u64(cells[i].heap));
		json_object_array_add(array, cell);
	}
	json_add(map, "cell_bytes", json_u64(cell_bytes));
	json_add(map, "cells", array);
	return map;
}

static int run(struct memctl *ctl, int argc, char **argv)
{
	static struct memmgr_cell cells[MEMMGR_BATCH_MAX];
	struct options options = { .width = default_width(), .rows = ROWS_DEFAULT };
	uint64_t cell_bytes;
	uint32_t count;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	count = options.width * options.rows;
	err = memmgr_map(ctl->fd, cells, &count, &cell_bytes);
	if (err)
		return fail_errno(ctl, err, "map");
	if (ctl->json)
		json_print(json_result(ctl, "map", map_json(cells, count, cell_bytes)));
	else
		draw(ctl, cells, count, cell_bytes, options.width);
	return EXIT_OK;
}

const struct command cmd_map = {
	"map", "a picture of the region", &argp, run,
};
