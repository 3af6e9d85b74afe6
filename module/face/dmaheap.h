/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* /dev/dma_heap/<region>: the kernel's dma-heap interface to a region. */
#ifndef MEMMGR_DMAHEAP_H
#define MEMMGR_DMAHEAP_H

struct region;

#ifdef CONFIG_MEMMGR_DMABUF
int dmaheap_add_region(struct region *region);
void dmaheap_remove_region(struct region *region);
#else
static inline int dmaheap_add_region(struct region *region)
{
	return 0;
}

static inline void dmaheap_remove_region(struct region *region)
{
}
#endif

#endif /* MEMMGR_DMAHEAP_H */
