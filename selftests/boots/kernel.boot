# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="all kernel selftests on a region that the device tree reserved (no-map)"
CHECK=1
QUICK=1
DEBUGCHECK=1
DTSO="no-map"
PLAIN="base=0x50000000 size=32M"
GUEST="sh /usr/lib/memmgr/boots/kselftest.sh -x isolation fuzz_device corruption_guard corruption_kernel corruption_oops compact_live_writers compact_checkerboard compact_explained compact_ranges compact_steps compact_slabs compact_refused compact_on_failure compact_interrupted regions.sh params.sh beyond.sh"
TIMEOUT=1200
TAKES=600
