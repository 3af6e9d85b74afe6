/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Tracepoints: /sys/kernel/tracing/events/memmgr. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memmgr

#if !defined(MEMMGR_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MEMMGR_TRACE_H

#include <linux/tracepoint.h>

/* A touch that a protection or a guard page stopped; the offset is of the page. */
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

#endif /* MEMMGR_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
