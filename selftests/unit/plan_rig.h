/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A plan beside brute force: what a picture shows is found again by looking at all
 * of it for each question, and what is planned is made, move by move, on a copy.
 */
#ifndef PLAN_RIG_H
#define PLAN_RIG_H

#include "core/plan.h"

/**
 * struct plan_rig - a plan, and the picture that it began with
 * @p: the plan
 * @before: its picture before, granule by granule
 * @work: where moves are made
 * @full: moves that there is memory for; @p.room may be less
 */
struct plan_rig {
	struct plan p;
	u8 *before;
	u8 *work;
	u32 full;
};

/**
 * struct plan_kind - what random pictures look like
 * @free: percent of the pieces that are free runs
 * @fixed: percent of the blocks that are fixed
 * @size: of pieces at most
 * @align: log2 of the alignment of blocks at most
 */
struct plan_kind {
	u32 free;
	u32 fixed;
	u32 size;
	u32 align;
};

void plan_rig_init(struct plan_rig *rig, u32 granules);
void plan_rig_drop(struct plan_rig *rig);

/* Times that the plan paused, of all rigs. */
u32 plan_rig_pauses(void);

/* Draw a picture: piece by piece, or all at once. It becomes @before as well. */
void plan_rig_clear(struct plan_rig *rig);
void plan_rig_block(struct plan_rig *rig, u32 g, u32 n, u32 shift, bool fixed);
void plan_rig_random(struct plan_rig *rig, const struct plan_kind *kind);
void plan_rig_keep(struct plan_rig *rig);
void plan_rig_again(struct plan_rig *rig);

/* The truth about @before, by brute force. */
u32 plan_rig_free(const struct plan_rig *rig);
u32 plan_rig_longest(const struct plan_rig *rig, const u8 *cell, u32 align);
bool plan_rig_window(const struct plan_rig *rig, u32 start, u32 n,
		     struct plan_window *window);
bool plan_rig_cheapest(const struct plan_rig *rig, u32 n, u32 align,
		       struct plan_window *window);
bool plan_rig_loose(const struct plan_rig *rig);

/* Each compares one answer with the truth. */
void plan_rig_same_survey(const struct plan_rig *rig);
void plan_rig_same_cheapest(const struct plan_rig *rig, u32 n, u32 align);
void plan_rig_same_longest(const struct plan_rig *rig, u32 align);

/* Make the moves on a copy of @before: each is legal, all lead to the picture. */
void plan_rig_replay(struct plan_rig *rig);
void plan_rig_untouched(const struct plan_rig *rig);

/* Plan, and check all that holds for any plan. The picture is @before's again. */
int plan_rig_run(struct plan_rig *rig, u32 n, u32 align);
int plan_rig_range(struct plan_rig *rig, u32 start, u32 n);
void plan_rig_all(struct plan_rig *rig);

#endif /* PLAN_RIG_H */
