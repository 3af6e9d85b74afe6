# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="a region in high memory"
CHECK=1
DTSO=highmem
GUEST="sh /usr/lib/memmgr/boots/region.sh ram 1"
MEM=2048
