// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * All that is built for size, as one compilation unit, as kernel/sched/ does it
 * in build_policy.c. With -fwhole-program the compiler knows every caller, and
 * the names and relocations that only tie files together take no room in the
 * module. What main.c and api.c call is marked __visible.
 */
#include "claim.c"
#include "client.c"
#include "compact.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "corruptions.c"
#include "debug.c"
#include "guards.c"
#include "latency.c"
#include "pattern.c"
#include "sites.c"
#include "track.c"
#include "zones.c"
#endif
#include "debugfs.c"
#include "dev.c"
#if IS_ENABLED(CONFIG_MEMMGR_DMABUF)
#include "dmabuf.c"
#include "dmaheap.c"
#endif
#include "events.c"
#include "failures.c"
#include "health.c"
#include "heap.c"
#include "heap_access.c"
#include "heap_alloc.c"
#include "heap_config.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "heap_debug.c"
#include "heap_quarantine.c"
#endif
#include "heap_hold.c"
#include "heap_move.c"
#include "heap_pin.c"
#include "heap_rights.c"
#include "heap_stats.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "hold.c"
#include "inject.c"
#endif
#include "kept.c"
#include "mmap.c"
#include "number.c"
#include "record.c"
#include "region.c"
#include "source.c"
#include "core/buddy.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "core/guard.c"
#endif
#include "core/frag.c"
#include "core/plan.c"
#if IS_ENABLED(CONFIG_MEMMGR_SLAB)
#include "core/slab.c"
#endif
#if IS_ENABLED(CONFIG_MEMMGR_POOL)
#include "core/pool.c"
#endif
#if IS_ENABLED(CONFIG_MEMMGR_STACK)
#include "core/stack.c"
#endif
