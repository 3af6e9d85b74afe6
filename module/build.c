// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * All that is built for size, as one compilation unit, as kernel/sched/ does it
 * in build_policy.c. With -fwhole-program the compiler knows every caller, and
 * the names and relocations that only tie files together take no room in the
 * module. What the files call that are not here is marked __visible.
 */
#include "base/kept.c"
#include "base/number.c"
#include "core/buddy.c"
#include "core/frag.c"
#include "core/plan.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "core/guard.c"
#endif
#if IS_ENABLED(CONFIG_MEMMGR_POOL)
#include "core/pool.c"
#endif
#if IS_ENABLED(CONFIG_MEMMGR_SLAB)
#include "core/slab.c"
#endif
#if IS_ENABLED(CONFIG_MEMMGR_STACK)
#include "core/stack.c"
#endif
#include "region/events.c"
#include "region/failures.c"
#include "region/memory.c"
#include "region/region.c"
#include "region/remap.c"
#include "region/view.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "region/hold.c"
#endif
#include "heap/access.c"
#include "heap/account.c"
#include "heap/alloc.c"
#include "heap/arena.c"
#include "heap/block.c"
#include "heap/export.c"
#include "heap/free.c"
#include "heap/heap.c"
#include "heap/lookup.c"
#include "heap/make.c"
#include "heap/marks.c"
#include "heap/moving.c"
#include "heap/pins.c"
#include "heap/record.c"
#include "heap/resize.c"
#include "heap/rights.c"
#include "heap/settle.c"
#include "heap/shape.c"
#include "heap/stats.c"
#include "heap/use.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "debug/debugging.c"
#include "debug/driver.c"
#include "debug/features.c"
#include "debug/guards.c"
#include "debug/inject.c"
#include "debug/key.c"
#include "debug/latency.c"
#include "debug/misuse.c"
#include "debug/moments.c"
#include "debug/pattern.c"
#include "debug/quarantine.c"
#include "debug/reports.c"
#include "debug/sites.c"
#include "debug/track.c"
#include "debug/zones.c"
#endif
#include "move/compact.c"
#include "move/explain.c"
#include "move/health.c"
#include "move/mover.c"
#include "move/picture.c"
#include "move/slabs.c"
#include "client/client.c"
#include "client/quota.c"
#include "client/request.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "client/debug.c"
#endif
#if IS_ENABLED(CONFIG_MEMMGR_DMABUF)
#include "share/dmabuf.c"
#endif
#include "share/lease.c"
#include "share/mmap.c"
#include "face/call.c"
#include "face/calls_alloc.c"
#include "face/calls_debug.c"
#include "face/calls_heap.c"
#include "face/calls_move.c"
#include "face/calls_share.c"
#include "face/debugfs.c"
#include "face/dev.c"
#include "face/ioctl.c"
#if IS_ENABLED(CONFIG_MEMMGR_DMABUF)
#include "face/dmaheap.c"
#endif
#include "setup/claim.c"
#include "setup/heaps.c"
#include "setup/region.c"
#include "setup/source.c"
