# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the kernel's own selftest of dma-buf heaps on /dev/dma_heap of two regions"
CHECK=1
DTSO=dmabuf
MODULES="vgem"
GUEST="sh /usr/lib/memmgr/boots/dma-heap.sh"
