/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reading, writing and clearing the memory of a region. */
#ifndef MEMMGR_REGION_MEMORY_H
#define MEMMGR_REGION_MEMORY_H

#include <linux/iosys-map.h>
#include <linux/mm_types.h>
#include <linux/types.h>

struct region;

/**
 * struct memory - the bytes of a region; constant once the region can be found
 * @flags: MEMMGR_REGION_*
 * @phys: physical address, if MEMMGR_REGION_CONTIGUOUS
 * @bytes: size, whole pages
 * @virt: the kernel's mapping
 * @claimed: memmgr has entered @phys into /proc/iomem
 * @max_align: largest alignment that can be asked for: of addresses, or of offsets if
 *	the memory is not contiguous
 */
struct memory {
	u32 flags;
	phys_addr_t phys;
	u64 bytes;
	void *virt;
	bool claimed;
	u64 max_align;
};

unsigned long region_pfn(const struct region *region, u64 offset);
pgprot_t region_pgprot(const struct region *region, pgprot_t prot);
void region_zero(struct region *region, u64 offset, u64 bytes);
void region_clear(struct region *region, u64 offset, u64 bytes);
u64 region_phys(const struct region *region, u64 offset);
void region_wait_writes(const struct region *region, u64 offset, u64 bytes);
bool region_in_io(const struct region *region, u64 offset, u64 bytes);
void region_iosys_map(const struct region *region, u64 offset, struct iosys_map *map);
void region_sync(const struct region *region, u64 offset, u64 bytes);
void region_move(const struct region *region, u64 to, u64 from, u64 bytes);
void region_copy_in(const struct region *region, u64 offset, const void *from, size_t bytes);
void region_copy(const struct region *region, u64 offset, void *to, size_t bytes);
unsigned long region_read(struct region *region, u64 offset, void __user *to,
			  unsigned long bytes);
unsigned long region_write(struct region *region, u64 offset,
			   const void __user *from, unsigned long bytes);
void __iomem *region_io(const struct region *region, u64 offset);
bool region_is_io(const struct region *region);

#endif /* MEMMGR_REGION_MEMORY_H */
