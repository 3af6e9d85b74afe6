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
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "region/hold.c"
#endif
#include "heap/access.c"
#include "heap/alloc.c"
#include "heap/free.c"
#include "heap/heap.c"
#include "heap/pins.c"
#include "heap/record.c"
#include "heap/rights.c"
#include "heap/stats.c"
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#include "debug/features.c"
#include "debug/guards.c"
#include "debug/inject.c"
#include "debug/key.c"
#include "debug/latency.c"
#include "debug/pattern.c"
#include "debug/quarantine.c"
#include "debug/reports.c"
#include "debug/sites.c"
#include "debug/track.c"
#include "debug/zones.c"
#endif
#include "move/compact.c"
#include "move/health.c"
#include "move/mover.c"
#include "client/client.c"
#if IS_ENABLED(CONFIG_MEMMGR_DMABUF)
#include "share/dmabuf.c"
#endif
#include "share/mmap.c"
#include "face/debugfs.c"
#include "face/ioctl.c"
#if IS_ENABLED(CONFIG_MEMMGR_DMABUF)
#include "face/dmaheap.c"
#endif
#include "setup/claim.c"
#include "setup/heaps.c"
#include "setup/region.c"
#include "setup/source.c"
