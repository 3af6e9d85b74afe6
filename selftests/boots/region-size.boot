# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="a region that the device tree gives only a size, and one that is aligned to pages only"
CHECK=1
DTSO=size-only
GUEST="sh /usr/lib/memmgr/boots/region.sh 54148000-54547fff 2"
