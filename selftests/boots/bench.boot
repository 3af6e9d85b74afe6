# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="instructions of a pair of alloc and free, memmgr beside the kernel's own allocators; and what memmgr takes of the system's memory"
CHECK=1
ICOUNT=1
RAM=384
[ "$kernel" = armhf ] || ONLY="none:its bounds and the figures of the documents are instructions of kernel armhf"
GUEST="sh /usr/lib/memmgr/bench/bench.sh"
TAKES=25
