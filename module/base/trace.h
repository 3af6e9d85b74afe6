/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Tracepoints: /sys/kernel/tracing/events/memmgr. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memmgr

#if !defined(MEMMGR_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MEMMGR_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/linux/memmgr.h>

#include "base/key.h"

/*
 * Memory was allocated. Kernel code's blocks have no handle and no tag; caller is the
 * address that asked for the memory. The place is an offset in the region.
 */
TRACE_EVENT_FN(memmgr_alloc,
	TP_PROTO(const char *region, const char *heap, u64 handle, u64 place, u64 bytes,
		 u64 align, const char *tag, unsigned long caller),
	TP_ARGS(region, heap, handle, place, bytes, align, tag, caller),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, heap)
		__field(u64, handle)
		__field(u64, place)
		__field(u64, bytes)
		__field(u64, align)
		__string(tag, tag)
		__field(unsigned long, caller)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, heap);
		__entry->handle = handle;
		__entry->place = place;
		__entry->bytes = bytes;
		__entry->align = align;
		COMPAT_ASSIGN_STR(tag, tag);
		__entry->caller = caller;
	),
	TP_printk("region=%s heap=%s handle=0x%llx place=0x%llx bytes=%llu align=%llu tag=%s caller=%pS",
		  __get_str(region), __get_str(heap), __entry->handle, __entry->place,
		  __entry->bytes, __entry->align, __get_str(tag),
		  (void *)__entry->caller),
	debug_trace_begin, debug_trace_end
);

/* Memory was freed, for whatever reason. */
TRACE_EVENT_FN(memmgr_free,
	TP_PROTO(const char *region, const char *heap, u64 handle, u64 place,
		 unsigned long caller),
	TP_ARGS(region, heap, handle, place, caller),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, heap)
		__field(u64, handle)
		__field(u64, place)
		__field(unsigned long, caller)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, heap);
		__entry->handle = handle;
		__entry->place = place;
		__entry->caller = caller;
	),
	TP_printk("region=%s heap=%s handle=0x%llx place=0x%llx caller=%pS",
		  __get_str(region), __get_str(heap), __entry->handle, __entry->place,
		  (void *)__entry->caller),
	debug_trace_begin, debug_trace_end
);

#ifdef CONFIG_MEMMGR_DEBUG
/* A client closed with allocations of tracked heaps that it had not freed. */
TRACE_EVENT(memmgr_leak,
	TP_PROTO(const char *region, u64 client, u64 count, u64 bytes),
	TP_ARGS(region, client, count, bytes),
	TP_STRUCT__entry(
		__string(region, region)
		__field(u64, client)
		__field(u64, count)
		__field(u64, bytes)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		__entry->client = client;
		__entry->count = count;
		__entry->bytes = bytes;
	),
	TP_printk("region=%s client=%llu count=%llu bytes=%llu", __get_str(region),
		  __entry->client, __entry->count, __entry->bytes)
);
#endif

/* A request failed; reason is enum memmgr_reason. */
TRACE_EVENT(memmgr_fail,
	TP_PROTO(const char *region, const char *heap, u64 bytes, u64 align, u32 reason,
		 u64 largest),
	TP_ARGS(region, heap, bytes, align, reason, largest),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, heap)
		__field(u64, bytes)
		__field(u64, align)
		__field(u32, reason)
		__field(u64, largest)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, heap);
		__entry->bytes = bytes;
		__entry->align = align;
		__entry->reason = reason;
		__entry->largest = largest;
	),
	TP_printk("region=%s heap=%s bytes=%llu align=%llu reason=%u largest=%llu",
		  __get_str(region), __get_str(heap), __entry->bytes, __entry->align,
		  __entry->reason, __entry->largest)
);

/* The size of an allocation changed. */
TRACE_EVENT(memmgr_resize,
	TP_PROTO(const char *region, const char *heap, u64 handle, u64 before, u64 bytes),
	TP_ARGS(region, heap, handle, before, bytes),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, heap)
		__field(u64, handle)
		__field(u64, before)
		__field(u64, bytes)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, heap);
		__entry->handle = handle;
		__entry->before = before;
		__entry->bytes = bytes;
	),
	TP_printk("region=%s heap=%s handle=0x%llx before=%llu bytes=%llu",
		  __get_str(region), __get_str(heap), __entry->handle, __entry->before,
		  __entry->bytes)
);

/* A pin was made or removed; pins is the number that the allocation has now. */
TRACE_EVENT(memmgr_pin,
	TP_PROTO(const char *region, const char *heap, u64 handle, u64 place, bool lease,
		 int change, u32 pins),
	TP_ARGS(region, heap, handle, place, lease, change, pins),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, heap)
		__field(u64, handle)
		__field(u64, place)
		__field(bool, lease)
		__field(int, change)
		__field(u32, pins)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, heap);
		__entry->handle = handle;
		__entry->place = place;
		__entry->lease = lease;
		__entry->change = change;
		__entry->pins = pins;
	),
	TP_printk("region=%s heap=%s handle=0x%llx place=0x%llx kind=%s change=%d pins=%u",
		  __get_str(region), __get_str(heap), __entry->handle, __entry->place,
		  __entry->lease ? "lease" : "pin", __entry->change, __entry->pins)
);

/* A protection or a guard page stopped an access; the offset is that of the page. */
TRACE_EVENT(memmgr_violation,
	TP_PROTO(const char *region, const char *heap, const char *tag, s64 offset,
		 bool write),
	TP_ARGS(region, heap, tag, offset, write),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, heap)
		__string(tag, tag)
		__field(s64, offset)
		__field(bool, write)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, heap);
		COMPAT_ASSIGN_STR(tag, tag);
		__entry->offset = offset;
		__entry->write = write;
	),
	TP_printk("region=%s heap=%s tag=%s offset=%lld access=%s",
		  __get_str(region), __get_str(heap), __get_str(tag),
		  __entry->offset, __entry->write ? "write" : "read")
);

#ifdef CONFIG_MEMMGR_MOVE
/* An allocation was moved; places are offsets in the region. */
TRACE_EVENT(memmgr_move,
	TP_PROTO(const char *region, const char *heap, u64 handle, u64 from, u64 to,
		 u64 bytes),
	TP_ARGS(region, heap, handle, from, to, bytes),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, heap)
		__field(u64, handle)
		__field(u64, from)
		__field(u64, to)
		__field(u64, bytes)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, heap);
		__entry->handle = handle;
		__entry->from = from;
		__entry->to = to;
		__entry->bytes = bytes;
	),
	TP_printk("region=%s heap=%s handle=0x%llx from=0x%llx to=0x%llx bytes=%llu",
		  __get_str(region), __get_str(heap), __entry->handle, __entry->from,
		  __entry->to, __entry->bytes)
);

/* A compaction ended; before and after are the largest free runs, in bytes. */
TRACE_EVENT(memmgr_compact,
	TP_PROTO(const char *region, const char *heap, u32 moves, u64 moved, u64 before,
		 u64 after),
	TP_ARGS(region, heap, moves, moved, before, after),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, heap)
		__field(u32, moves)
		__field(u64, moved)
		__field(u64, before)
		__field(u64, after)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, heap);
		__entry->moves = moves;
		__entry->moved = moved;
		__entry->before = before;
		__entry->after = after;
	),
	TP_printk("region=%s heap=%s moves=%u moved=%llu before=%llu after=%llu",
		  __get_str(region), __get_str(heap), __entry->moves, __entry->moved,
		  __entry->before, __entry->after)
);
#endif

#ifdef CONFIG_MEMMGR_DEBUG
/* A memory error was found; kind is enum memmgr_corruption_kind. */
TRACE_EVENT(memmgr_corruption,
	TP_PROTO(const char *region, const struct memmgr_corruption *c),
	TP_ARGS(region, c),
	TP_STRUCT__entry(
		__string(region, region)
		__string(heap, c->heap_name)
		__field(u32, kind)
		__field(u64, handle)
		__field(u64, offset)
		__field(u64, damaged)
		__field(u64, place)
		__field(u64, bytes)
		__field(u64, distance)
		__field(u32, pid)
		__field(u32, freer)
		__field(u32, finder)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		COMPAT_ASSIGN_STR(heap, c->heap_name);
		__entry->kind = c->kind;
		__entry->handle = c->handle;
		__entry->offset = c->offset;
		__entry->damaged = c->damaged;
		__entry->place = c->place;
		__entry->bytes = c->bytes;
		__entry->distance = c->distance;
		__entry->pid = c->pid;
		__entry->freer = c->free_pid;
		__entry->finder = c->finder;
	),
	TP_printk("region=%s heap=%s kind=%s handle=0x%llx offset=0x%llx damaged=%llu place=0x%llx bytes=%llu distance=%llu maker=%u freer=%u finder=%u",
		  __get_str(region), __get_str(heap),
		  __print_symbolic(__entry->kind,
				   { MEMMGR_CORRUPTION_BEFORE, "before" },
				   { MEMMGR_CORRUPTION_BEHIND, "behind" },
				   { MEMMGR_CORRUPTION_FREED, "freed" },
				   { MEMMGR_CORRUPTION_DOUBLE_FREE, "double-free" },
				   { MEMMGR_CORRUPTION_WRONG_FREE, "wrong-free" },
				   { MEMMGR_CORRUPTION_STALE, "stale" },
				   { MEMMGR_CORRUPTION_GUARD, "guard" }),
		  __entry->handle, __entry->offset, __entry->damaged, __entry->place,
		  __entry->bytes, __entry->distance, __entry->pid, __entry->freer,
		  __entry->finder)
);
#endif

#ifdef CONFIG_MEMMGR_MOVE
/* A threshold was passed; kind is enum memmgr_event_kind, the rest in thousandths. */
TRACE_EVENT(memmgr_watermark,
	TP_PROTO(const char *region, u32 kind, u32 value, u32 limit),
	TP_ARGS(region, kind, value, limit),
	TP_STRUCT__entry(
		__string(region, region)
		__field(u32, kind)
		__field(u32, value)
		__field(u32, limit)
	),
	TP_fast_assign(
		COMPAT_ASSIGN_STR(region, region);
		__entry->kind = kind;
		__entry->value = value;
		__entry->limit = limit;
	),
	TP_printk("region=%s kind=%u value=%u limit=%u", __get_str(region),
		  __entry->kind, __entry->value, __entry->limit)
);
#endif

#endif /* MEMMGR_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
