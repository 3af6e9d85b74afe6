// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The last reports of memory errors in a region, and sending them out. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/timekeeping.h>

#include "base/kept.h"
#include "base/trace.h"
#include "debug/debugging.h"
#include "debug/key.h"
#include "debug/quarantine.h"
#include "debug/reports.h"
#include "debug/sites.h"
#include "debug/track.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "region/events.h"
#include "region/region.h"

#define LOG_BURST	10	/* reports in 5 s */

static bool panic_on_corruption;
module_param(panic_on_corruption, bool, 0644);
MODULE_PARM_DESC(panic_on_corruption, "Panic when a memory error is found (default: no)");

/* Fill in the allocation of a report, from a record, a tracked block or an ended one. */
void corruption_of_record(struct memmgr_corruption *c, const struct memmgr_heap *heap,
			  const struct record *record, const struct origin *origin)
{
	c->handle = record->handle;
	c->place = heap_place(heap, record->offset);
	c->bytes = record->bytes;
	c->alloc_ns = record->time_ns;
	c->site = record->site;
	c->pid = origin->pid;
	c->tid = origin->tid;
	c->uid = __kuid_val(origin->uid);
	memcpy(c->comm, origin->comm, sizeof(c->comm));
	memcpy(c->tag, origin->tag, sizeof(c->tag));
}

void corruption_of_block(struct memmgr_corruption *c, const struct track_block *block)
{
	c->place = block->place;
	c->bytes = block->bytes;
	c->alloc_ns = block->time_ns;
	c->site = block->site;
	c->pid = block->pid;
	c->tid = block->tid;
	memcpy(c->comm, block->comm, sizeof(c->comm));
}

void corruption_of_freed(struct memmgr_corruption *c, const struct freed *freed)
{
	c->handle = freed->handle;
	c->place = freed->place;
	c->bytes = freed->bytes;
	c->alloc_ns = freed->alloc_ns;
	c->site = freed->site;
	c->pid = freed->pid;
	c->tid = freed->tid;
	c->uid = freed->uid;
	memcpy(c->comm, freed->comm, sizeof(c->comm));
	memcpy(c->tag, freed->tag, sizeof(c->tag));
	c->free_ns = freed->free_ns;
	c->free_site = freed->free_site;
	c->free_pid = freed->free_pid;
	c->free_tid = freed->free_tid;
	memcpy(c->free_comm, freed->free_comm, sizeof(c->free_comm));
}

static const char *times(u64 n)
{
	return n == 1 ? "" : "s";
}

/* Print a place relative to an allocation, such as "3 bytes past the end of". */
static void where_print(char *text, size_t size, const struct memmgr_corruption *c)
{
	/* Signed, because the page before an allocation at 0 has a negative offset. */
	s64 inside = c->offset - c->place;

	if (inside < 0)
		snprintf(text, size, "%llu byte%s before", c->distance, times(c->distance));
	else if (inside >= (s64)c->bytes)
		snprintf(text, size, "%llu byte%s past the end of", c->distance,
			 times(c->distance));
	else
		snprintf(text, size, "%llu byte%s into", c->distance, times(c->distance));
}

static void what_print(char *text, size_t size, const struct memmgr_corruption *c)
{
	char where[48];

	where_print(where, sizeof(where), c);
	switch (c->kind) {
	case MEMMGR_CORRUPTION_BEFORE:
	case MEMMGR_CORRUPTION_BEHIND:
		snprintf(text, size, "%llu byte%s damaged, the first %s", c->damaged,
			 times(c->damaged), where);
		break;
	case MEMMGR_CORRUPTION_FREED:
		snprintf(text, size, "%llu byte%s written after the free, the first %s",
			 c->damaged, times(c->damaged), where);
		break;
	case MEMMGR_CORRUPTION_DOUBLE_FREE:
		strscpy(text, "second free of", size);
		break;
	case MEMMGR_CORRUPTION_WRONG_FREE:
		snprintf(text, size, "wrong free, %s", c->place == ~0ull ? "of" : where);
		break;
	case MEMMGR_CORRUPTION_STALE:
		strscpy(text, "use after the free of", size);
		break;
	default:
		snprintf(text, size, "access %s", where);
		break;
	}
}

static void log_dump(const char *what, const struct memmgr_corruption *c, const u8 *bytes)
{
	if (c->dump)
		pr_err("  %s %*ph\n", what, (int)c->dump, bytes);
}

/* "allocated by NAME, pid 1, thread 1, at SITE, 12 us before", as far as known. */
static void log_who(const struct region *region, const char *what, const char *comm, u32 pid,
		    u32 tid, u32 site_id, u64 before_ns)
{
	char site[SITE_PATH + 24] = "", before[32] = "";

	if (site_id)
		site_print(site, sizeof(site), region, site_id);
	if (before_ns)
		snprintf(before, sizeof(before), ", %llu us before",
			 div_u64(before_ns, NSEC_PER_USEC));
	pr_err("  %s by %*pE, pid %u, thread %u%s%s%s\n", what,
	       (int)strnlen(comm, MEMMGR_COMM_LEN), comm, pid, tid, site_id ? ", at " : "",
	       site, before);
}

static void log_report(const struct region *region, const struct memmgr_corruption *c)
{
	char what[96];

	what_print(what, sizeof(what), c);
	if (c->place == ~0ull)
		pr_err("%s: heap %s: %s no allocation, at 0x%llx\n", region->name,
		       c->heap_name, what, c->offset);
	else
		pr_err("%s: heap %s: %s an allocation of %llu bytes at 0x%llx%s%*pE\n",
		       region->name, c->heap_name, what, c->bytes, c->place,
		       *c->tag ? ", tag " : "", (int)strnlen(c->tag, sizeof(c->tag)), c->tag);
	log_dump("expected ", c, c->expected);
	log_dump("found    ", c, c->found);
	if (c->place != ~0ull && c->alloc_ns)
		log_who(region, "allocated", c->comm, c->pid, c->tid, c->site,
			c->time_ns - c->alloc_ns);
	if (c->free_ns)
		log_who(region, "freed    ", c->free_comm, c->free_pid, c->free_tid,
			c->free_site, c->time_ns - c->free_ns);
	log_who(region, "found    ", c->finder_comm, c->finder, c->finder_tid, c->finder_site,
		0);
}

/* Is memory damaged? After a refused call or access it is not. */
static bool is_damage(const struct memmgr_corruption *c)
{
	return c->kind == MEMMGR_CORRUPTION_BEFORE || c->kind == MEMMGR_CORRUPTION_BEHIND ||
	       c->kind == MEMMGR_CORRUPTION_FREED;
}

/*
 * Keep a report. Damage counts for the maker of the allocation, a refused call for the user
 * who made it.
 *
 * A work item sends the report. The CPU may be in the workqueue's own code, with its lock
 * held, so an irq_work queues the work item a little later. With panic_on_corruption that
 * would be too late, so damage is logged here.
 */
static void report_keep(struct memmgr_heap *heap, struct memmgr_corruption *found, u64 client)
{
	struct corruptions *c = heap->region->corruptions;
	struct kept fresh = {
		.source = client,
		.owner = heap->owner,
		.uid = found->uid,
	};
	struct heap_debug *debugging = heap_debugging_made(heap);
	unsigned long flags;
	u32 i;

	if (!is_damage(found) && in_task())
		fresh.uid = __kuid_val(current_euid());
	found->time_ns = ktime_get_boottime_ns();
	found->heap = heap->id;
	strscpy(found->heap_name, heap->name, sizeof(found->heap_name));
	debug_who(&found->finder, &found->finder_tid, found->finder_comm);
	raw_spin_lock_irqsave(&c->lock, flags);
	found->seq = ++c->total;
	fresh.seq = found->seq;
	if (debugging)
		debugging->errors++;
	i = kept_place(c->kept, CORRUPTIONS_KEPT, &fresh, CORRUPTIONS_REFUSED);
	c->kept[i] = fresh;
	c->entry[i] = *found;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (READ_ONCE(panic_on_corruption) && is_damage(found)) {
		log_report(heap->region, found);
		panic("memmgr: memory error and panic_on_corruption is set");
	}
	irq_work_queue(&c->soon);
}

/**
 * corruptions_add - keep a report of a memory error
 * @heap: the heap in which it was found
 * @found: the report; seq, time, heap, its name and the finder are filled in
 *
 * If panic_on_corruption is set, damage is a panic.
 *
 * Context: any, any lock held. O(CORRUPTIONS_KEPT).
 */
void corruptions_add(struct memmgr_heap *heap, struct memmgr_corruption *found)
{
	report_keep(heap, found, 0);
}

/**
 * corruptions_add_refused - keep a report of a client's refused call
 * @heap: the heap that the call named
 * @found: the report
 * @client: client.serial; only the last CORRUPTIONS_REFUSED of its reports are kept
 *
 * Context: any, any lock held. O(CORRUPTIONS_KEPT).
 */
void corruptions_add_refused(struct memmgr_heap *heap, struct memmgr_corruption *found,
			     u64 client)
{
	report_keep(heap, found, client);
}

/**
 * corruptions_next - read the oldest kept report after a number
 * @region: the region
 * @after: number of the last report seen
 * @out: the report
 * @whose: set to the user who caused it, and the heap's owner
 *
 * Context: any. O(CORRUPTIONS_KEPT).
 * Return: false if there is none.
 */
bool corruptions_next(struct region *region, u64 after, struct memmgr_corruption *out,
		      struct kept *whose)
{
	struct corruptions *c = region->corruptions;
	const struct kept_log log = {
		.lock = &c->lock,
		.kept = c->kept,
		.entries = c->entry,
		.slots = CORRUPTIONS_KEPT,
		.bytes = sizeof(*out),
	};

	return kept_next(&log, after, out, whose);
}

/* Number of reports ever. */
u64 corruptions_total(struct region *region)
{
	unsigned long flags;
	u64 total;

	raw_spin_lock_irqsave(&region->corruptions->lock, flags);
	total = region->corruptions->total;
	raw_spin_unlock_irqrestore(&region->corruptions->lock, flags);
	return total;
}

/* Number of reports about one heap, since it was made. */
u64 corruptions_of_heap(struct memmgr_heap *heap)
{
	struct corruptions *c = heap->region->corruptions;
	unsigned long flags;
	u64 errors;

	raw_spin_lock_irqsave(&c->lock, flags);
	errors = heap_debugging(heap)->errors;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return errors;
}

static void corruptions_tell(struct work_struct *work)
{
	struct corruptions *c = container_of(work, struct corruptions, tell);
	struct region *region = c->region;
	struct memmgr_corruption report;
	struct kept whose;

	while (corruptions_next(region, c->told, &report, &whose)) {
		c->told = report.seq;
		/* debug/guards.c has already logged kernel code's access to a guard page. */
		if ((report.kind != MEMMGR_CORRUPTION_GUARD || report.handle) &&
		    __ratelimit(&c->limit[!!whose.uid]))
			log_report(region, &report);
		trace_memmgr_corruption(region->name, &report);
		events_add(region, MEMMGR_EVENT_CORRUPTION, report.seq, 0, report.damaged,
			   whose.uid);
		cond_resched();
	}
}

static void corruptions_soon(struct irq_work *work)
{
	schedule_work(&container_of(work, struct corruptions, soon)->tell);
}

/* Called for a new region. Returns 0 or -ENOMEM; corruptions_free() must follow. */
int corruptions_init(struct region *region)
{
	struct corruptions *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return -ENOMEM;
	region->corruptions = c;
	c->region = region;
	raw_spin_lock_init(&c->lock);
	init_irq_work(&c->soon, corruptions_soon);
	INIT_WORK(&c->tell, corruptions_tell);
	ratelimit_state_init(&c->limit[0], 5 * HZ, LOG_BURST);
	ratelimit_state_init(&c->limit[1], 5 * HZ, LOG_BURST);
	return 0;
}

void corruptions_free(struct region *region)
{
	kfree(region->corruptions);
}

/* The region is being destroyed: none of its heaps can find an error any more. */
void corruptions_end(struct region *region)
{
	irq_work_sync(&region->corruptions->soon);
	flush_work(&region->corruptions->tell);
}
