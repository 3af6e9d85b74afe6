# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="a region that the device tree gives only a size"
CHECK=1
DTSO=size-only
GUEST="sh /usr/lib/memmgr/boots/region.sh ram 1"
