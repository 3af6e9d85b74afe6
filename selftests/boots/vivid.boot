# SPDX-License-Identifier: GPL-2.0-only OR MIT
DESC="the stock kernel's vivid captures into dma-bufs, by address and through the kernel"
CHECK=1
DTSO=dmabuf
MODULES="videobuf2-dma-contig vivid"
GUEST="sh /usr/lib/memmgr/boots/vivid.sh"
