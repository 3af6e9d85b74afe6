/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The reference model: for each unit of an engine's range, the block that owns
 * it. Every question is answered by looking at all of them; nothing is clever,
 * so nothing can be subtly wrong. A unit is what all offsets and sizes of the
 * engine are multiples of.
 *
 * The model of two equal situations is equal byte by byte, however they came
 * about.
 */
#ifndef MODEL_H
#define MODEL_H

#include "core/engine.h"

/**
 * struct model_unit - one unit
 * @owner: 1 + the first unit of the block that owns it; 0 when it is free
 * @length: units of the block that starts here
 * @asked: bytes asked for by the block that starts here
 * @recorded: the block that starts here has a record
 * @reserved: 0
 */
struct model_unit {
	u32 owner;
	u32 length;
	u64 asked;
	u32 recorded;
	u32 reserved;
};

/**
 * struct model - all of it
 * @bytes: of a unit
 * @units: in all
 * @lead: units before the first that alignments count from
 * @books: what the engine's books should say
 * @unit: one by one
 */
struct model {
	u64 bytes;
	u32 units;
	u32 lead;
	struct engine_books books;
	struct model_unit *unit;
};

/* Bytes for the units of a model. */
static inline size_t model_size(u32 units)
{
	return units * sizeof(struct model_unit);
}

void model_init(struct model *m, u32 units, u64 bytes, void *memory);

/* A block came, went, or changed its size; fails when it overlaps. */
void model_add(struct model *m, const struct engine_request *rq,
	       const struct engine_block *block);
void model_del(struct model *m, u64 offset);
void model_resize(struct model *m, u64 bytes, const struct engine_block *block);

/* A block that moves: it is there as well now, or begins elsewhere and is longer. */
void model_place(struct model *m, const struct engine_block *block);
void model_shift(struct model *m, u64 offset, const struct engine_block *block);

/* The first unit of the live block at @offset, or NULL. */
struct model_unit *model_at(const struct model *m, u64 offset);
u64 model_offset(const struct model *m, const struct model_unit *unit);
struct model_unit *model_any(const struct model *m);

/* Free units. */
u32 model_free(const struct model *m);
u32 model_run(const struct model *m, u32 from);
u32 model_longest(const struct model *m, u32 align);
bool model_has_order(const struct model *m, u32 order);
void model_orders(const struct model *m, u32 *blocks);

/*
 * Do it to both, when the model says that it can be done, and compare. Not for
 * a stack, whose order decides as well.
 */
bool model_try_free(struct model *m, struct engine *e, u64 offset, bool recorded);
void model_try_find(const struct model *m, struct engine *e, u64 offset);

/* A walk may go on from anywhere: it goes forward, and ends at the end. */
void model_try_next(const struct model *m, struct engine *e);

/* The engine says the same as the model. */
void model_same_block(const struct model *m, const struct engine_block *block);
void model_same_books(const struct model *m, struct engine *e);
void model_same_walk(const struct model *m, struct engine *e);
/* An allocation with the search that it may need, taken to its end. */
int model_ask(struct engine *e, const struct engine_request *rq,
	      struct engine_block *block, struct engine_refusal *why);
/* A check, in steps of some size, taken to its end: true when nothing is broken. */
bool model_checks(struct engine *e, struct engine_fault *fault);
void model_check(struct engine *e);

#endif /* MODEL_H */
