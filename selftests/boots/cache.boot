# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="regions that are not cached, and those that cannot be"
CHECK=1
DTSO=cache
MODULES="vgem"
GUEST="sh /usr/lib/memmgr/boots/cache.sh"
TAKES=80
