# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="what each call of a user does to interrupts and to a real-time thread, in its worst state"
CHECK=1
ICOUNT=1
ONLY="armhf:its bounds are instructions of armhf"
RAM=384
GUEST="sh /usr/lib/memmgr/bench/latency.sh ${LATENCY:-}"
TAKES=30
