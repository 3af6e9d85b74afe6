# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="programs of 32 bits on a kernel of 64 bits"
CHECK=1
ONLY="arm64:its programs are of armhf"
CONFIG=COMPAT
DTSO="no-map"
GUEST="sh /usr/lib/memmgr/boots/compat.sh isolation fuzz_device corruption_guard corruption_kernel corruption_oops compact_live_writers compact_checkerboard compact_explained compact_ranges compact_steps compact_slabs compact_refused compact_on_failure compact_interrupted regions.sh params.sh beyond.sh"
TIMEOUT=1200
TAKES=100
