// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The scale of a picture. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>

#include "base/table.h"
#include "base/words.h"
#include "draw/axis.h"
#include "memctl.h"

/* Sizes go by powers of two, all else by 1, 2, 5, 10. */
static uint64_t next_step(enum cell_type type, uint64_t step)
{
	uint64_t first = step;

	if (type == CELL_SIZE)
		return 2 * step;
	while (first >= 10)
		first /= 10;
	return first == 2 ? step / 2 * 5 : 2 * step;
}

struct axis axis_fit(enum cell_type type, uint64_t most, unsigned int steps)
{
	/* Tenths of a percent are of no interest. */
	uint64_t step = type == CELL_PERCENT ? 10 : 1;

	while (step * steps < most)
		step = next_step(type, step);
	return (struct axis){
		.step = step,
		.most = most ? (most + step - 1) / step * step : step,
	};
}

static void print_count(uint64_t value, char *text, size_t len)
{
	if (value && value % 1000000 == 0)
		snprintf(text, len, "%" PRIu64 "M", value / 1000000);
	else if (value && value % 1000 == 0)
		snprintf(text, len, "%" PRIu64 "k", value / 1000);
	else
		snprintf(text, len, "%" PRIu64, value);
}

const char *axis_text(enum cell_type type, uint64_t value)
{
	static char texts[8][MEMMGR_SIZE_TEXT];
	static unsigned int turn;
	char *text = texts[turn];

	turn = (turn + 1) % ARRAY_SIZE(texts);
	switch (type) {
	case CELL_SIZE:
		return value ? size_text(value) : "0";
	case CELL_PERCENT:
		snprintf(text, sizeof(texts[0]), "%g%%", (double)value / 10);
		break;
	case CELL_NS:
		snprintf(text, sizeof(texts[0]), "%g s", (double)value / 1e9);
		break;
	default:
		print_count(value, text, sizeof(texts[0]));
		break;
	}
	return text;
}
