// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Frees memory that was freed while in use, when its last user is gone. */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "heap/free.h"
#include "heap/grow.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/make.h"
#include "heap/record.h"
#include "heap/held.h"
#include "region/region.h"

/* Try to free all held records of a heap. Returns true if I/O keeps some. */
static bool held_records(struct memmgr_heap *heap)
{
	bool in_io = false;
	u32 i;

	for (i = 0; READ_ONCE(heap->lasting.held) && i < heap_made_records(heap); i++) {
		const struct record *record = heap_record(heap, i);

		if (READ_ONCE(record->state) == RECORD_HELD)
			in_io |= heap_let_go(heap, record->handle);
		cond_resched();
	}
	return in_io;
}

static void held_work(struct work_struct *work)
{
	struct region *region = container_of(to_delayed_work(work), struct region,
					     held);
	struct memmgr_heap *heap;
	bool again = false;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		id = heap->id;
		again |= held_records(heap);
		heap_trim(heap);
		heap_put(heap);
	}
	again |= heap_retire_orphans(region);
	if (again)
		held_soon(region, SETTLE_INTERVAL);
	/* Drop the references of this run. The work lies in the region, so they go last. */
	region_put(region);
	module_put(THIS_MODULE);
}

void held_init(struct region *region)
{
	INIT_DELAYED_WORK(&region->held, held_work);
}
