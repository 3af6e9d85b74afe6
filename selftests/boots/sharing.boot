# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="importers, dma-bufs and protection on a region with struct pages and one without"
DEBUGCHECK=1
DTSO=dmabuf
GUEST="sh /usr/lib/memmgr/boots/sharing.sh"
TIMEOUT=1000
TAKES=230
