# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="what README.md shows of finding a leak and a memory error is what happens"
CHECK=1
DTSO="demo"
GUEST="sh /usr/lib/memmgr/boots/walk.sh"
