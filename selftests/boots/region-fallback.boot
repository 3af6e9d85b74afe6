# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="no region at all: memory from the system"
CHECK=1
QUICK=1
GUEST="sh /usr/lib/memmgr/boots/region.sh none 1"
