# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="memory errors of kernel code, and guards of all, on a region with struct pages and one without"
CHECK=1
DEBUGCHECK=1
DTSO=dmabuf
GUEST="sh /usr/lib/memmgr/boots/guards.sh"
TIMEOUT=3000
TAKES=350
