# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="commands of memctl that take long: lessons, recorded traces on each kind of allocator"
CHECK=1
PLAIN=none
GUEST="sh /usr/lib/memmgr/boots/commands.sh"
TAKES=40
