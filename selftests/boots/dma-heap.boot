# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="dma-bufs of two regions: the kernel's own selftest, importers on buses of all kinds, debuggers"
CHECK=1
DTSO="dmabuf buses"
MODULES="vgem"
GUEST="sh /usr/lib/memmgr/boots/dma-heap.sh"
TAKES=60
