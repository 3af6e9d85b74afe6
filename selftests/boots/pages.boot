# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="mappings as the target of the kernel's own I/O, with and without struct pages"
CHECK=1
DTSO=dmabuf
MODULES="brd"
GUEST="sh /usr/lib/memmgr/boots/pages.sh"
TAKES=35
