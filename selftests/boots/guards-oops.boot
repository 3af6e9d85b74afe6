# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="kernel code that touches a guard dies of it, and the log names the allocation"
CHECK=1
DTSO=no-map
GUEST="sh /usr/lib/memmgr/boots/guards-oops.sh"
OOPSES=10
