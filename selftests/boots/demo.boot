# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="what make run shows: load, heaps, a replayed trace, map, statistics, fragmentation"
ROOT=run
DTSO="demo"
GUEST="sh /usr/lib/memmgr/boots/demo.sh"
