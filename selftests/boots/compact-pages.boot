# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the same where there are struct pages, and I/O can begin at any time"
CHECK=1
DEBUGCHECK=1
DTSO="mapped"
GUEST="MEMMGR_MOVES=${MEMMGR_MOVES:-20000} sh /usr/lib/memmgr/boots/kselftest.sh moves"
TAKES=90
