# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="a region on memory that the kernel maps"
CHECK=1
DTSO=mapped
GUEST="sh /usr/lib/memmgr/boots/region.sh ram 1"
