// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Allocations as dma-bufs, for devices and other processes.
 *
 * A dma-buf keeps its allocation in place, and alive, until its last reference is gone.
 * The protection of the allocation applies to it: mapping it for a device or for the
 * kernel checks the protection first, and its mappings into processes are those of
 * share/mmap.c.
 *
 * Memory that the kernel itself maps (MEMMGR_REGION_PAGES) is handled as in any other
 * exporter. Other memory is not in the kernel's linear map, through which the DMA interface
 * would maintain caches. For such memory we maintain the caches ourselves, through our own
 * mapping, and do without struct pages if the memory has none.
 *
 * A device gets the addresses that the kernel has for this device: an IOMMU's, or physical
 * addresses translated by the dma-ranges of its bus.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/vmalloc.h>

#include "base/compat.h"
#include "heap/account.h"
#include "heap/export.h"
#include "heap/heap.h"
#include "region/memory.h"
#include "region/region.h"
#include "share/dmabuf.h"
#include "share/mmap.h"

COMPAT_IMPORT_NS(DMA_BUF);

#define SEGMENT_MAX	(1ul << 30)	/* a scatterlist's lengths have 32 bits */

/**
 * struct export - one dma-buf of an allocation
 * @base: the allocation
 * @lock: guards @attachments and @shadow
 * @attachments: mappings for devices
 * @shadow: copy that the kernel has mapped instead of memory that it may not write
 *
 * It belongs to the dma-buf and is freed with it. The allocation has no pointer to the
 * dma-buf: a pointer with a reference would keep the dma-buf alive, and a pointer without
 * one would be stale as soon as the dma-buf is closed.
 */
struct export {
	struct heap_export base;
	struct mutex lock;	/* attachments, shadow */
	struct list_head attachments;
	void *shadow;
};

/**
 * struct attachment - the mapping of a dma-buf for one device
 * @table: given to the importer; first, so that it leads back to this structure
 * @node: in export.attachments
 * @device: the device
 * @access: MEMMGR_ACCESS_* of the device
 * @direct: only the dma-ranges of its bus translate physical to bus addresses
 * @paged: the memory has struct pages
 * @sync: memmgr maintains the CPU's caches for this mapping
 */
struct attachment {
	struct sg_table table;
	struct list_head node;
	struct device *device;
	u32 access;
	bool direct;
	bool paged;
	bool sync;
};

static struct region *export_region(const struct export *export)
{
	return export->base.heap->region;
}

/* Does the DMA interface maintain the caches of this memory? */
static bool region_is_ordinary(const struct region *region)
{
	return region->memory.flags & MEMMGR_REGION_PAGES;
}

static u32 access_of(enum dma_data_direction direction)
{
	return direction == DMA_TO_DEVICE ? MEMMGR_ACCESS_READ :
					    MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE;
}

/* The physical address of a page of the allocation. */
static phys_addr_t export_phys(const struct export *export, u64 offset)
{
	return PFN_PHYS(region_pfn(export_region(export), export->base.place + offset));
}

/* Number of bytes from an address on that lie in one window of the device's bus. */
static u64 bus_window(const struct device *device, phys_addr_t phys, u64 bytes)
{
	const struct bus_dma_region *w = device->dma_range_map;

	if (!w)
		return bytes;
	for (; w->size; w++)
		if (phys >= w->cpu_start && phys - w->cpu_start < w->size)
			return min_t(u64, bytes, w->size - (phys - w->cpu_start));
	return 0;
}

/* As dma_capable(), which asks on x86 from 7.3 on for a function that modules do not get. */
static bool device_reaches(const struct device *device, dma_addr_t first, dma_addr_t last)
{
	return first != DMA_MAPPING_ERROR &&
	       last <= min_not_zero(*device->dma_mask, device->bus_dma_limit);
}

/*
 * Number of bytes from an offset on that the device sees as one piece; 0 if it does not
 * reach them. In that case the kernel would use a bounce buffer. That must not happen here,
 * because a copy of memory that others use meanwhile becomes wrong, and because the kernel
 * cannot copy memory that is not in its linear map.
 */
static u64 export_piece(const struct export *export, const struct attachment *a, u64 at)
{
	bool contiguous = export_region(export)->memory.flags & MEMMGR_REGION_CONTIGUOUS;
	u64 bytes = min_t(u64, export->base.bytes - at, contiguous ? SEGMENT_MAX : PAGE_SIZE);
	phys_addr_t phys = export_phys(export, at);
	dma_addr_t first, last;

	if (!a->direct)
		return bytes;
	if (!a->device->dma_mask || is_swiotlb_force_bounce(a->device))
		return 0;
	bytes = round_down(bus_window(a->device, phys, bytes), PAGE_SIZE);
	first = phys_to_dma(a->device, phys);
	last = first + bytes - 1;
	return last > first && device_reaches(a->device, first, last) ? bytes : 0;
}

/* Number of pieces, or -EIO if the device does not reach all of them. */
static int export_pieces(const struct export *export, const struct attachment *a)
{
	u64 at, bytes;
	int n = 0;

	for (at = 0; at < export->base.bytes; at += bytes, n++) {
		bytes = export_piece(export, a, at);
		if (!bytes)
			goto out_unreached;
		cond_resched();
	}
	return n;

out_unreached:
	pr_warn_ratelimited("%s: %s does not reach 0x%llx of it (mask 0x%llx); move the region or mend dma-ranges\n",
			    export_region(export)->name, dev_name(a->device),
			    export->base.place + at, dma_get_mask(a->device));
	return -EIO;
}

static int table_fill(const struct export *export, struct attachment *a)
{
	int n = export_pieces(export, a);
	struct scatterlist *sg;
	u64 at = 0, bytes;
	int err, i;

	err = n < 0 ? n : sg_alloc_table(&a->table, n, GFP_KERNEL);
	if (err)
		return err;
	for_each_sgtable_sg(&a->table, sg, i) {
		unsigned long pfn = PHYS_PFN(export_phys(export, at));

		bytes = export_piece(export, a, at);
		sg_set_page(sg, a->paged ? pfn_to_page(pfn) : NULL, bytes, 0);
		at += bytes;
	}
	return 0;
}

/*
 * Memory without struct pages. An IOMMU of the device maps it like registers of another
 * device. Without an IOMMU only its bus addresses are needed.
 */
static void resource_unmap(struct attachment *a, enum dma_data_direction direction, int count)
{
	struct scatterlist *sg;
	int i;

	if (a->direct)
		return;
	for_each_sg(a->table.sgl, sg, count, i)
		dma_unmap_resource(a->device, sg_dma_address(sg), sg_dma_len(sg), direction,
				   DMA_ATTR_SKIP_CPU_SYNC);
}

static int resource_map(const struct export *export, struct attachment *a,
			enum dma_data_direction direction)
{
	phys_addr_t phys = export_phys(export, 0);
	struct scatterlist *sg;
	dma_addr_t address;
	int i;

	for_each_sgtable_sg(&a->table, sg, i) {
		address = a->direct ? phys_to_dma(a->device, phys) :
			  dma_map_resource(a->device, phys, sg->length, direction,
					   DMA_ATTR_SKIP_CPU_SYNC);
		if (!a->direct && dma_mapping_error(a->device, address)) {
			/* Unmap the first i: sg_dma_len() may be sg->length, also of others. */
			resource_unmap(a, direction, i);
			return -EIO;
		}
		sg_dma_address(sg) = address;
		sg_dma_len(sg) = sg->length;
		phys += sg->length;
	}
	a->table.nents = a->table.orig_nents;
	return 0;
}

/* The DMA interface maintains the caches of ordinary memory, and no others. */
static unsigned long table_attrs(const struct export *export)
{
	return region_is_ordinary(export_region(export)) ? 0 : DMA_ATTR_SKIP_CPU_SYNC;
}

static int table_map(const struct export *export, struct attachment *a,
		     enum dma_data_direction direction)
{
	if (!a->paged)
		return resource_map(export, a, direction);
	return dma_map_sgtable(a->device, &a->table, direction, table_attrs(export));
}

static void table_unmap(const struct export *export, struct attachment *a,
			enum dma_data_direction direction)
{
	if (!a->paged)
		resource_unmap(a, direction, a->table.orig_nents);
	else
		dma_unmap_sgtable(a->device, &a->table, direction, table_attrs(export));
}

static struct attachment *attachment_create(const struct export *export,
					    struct device *device,
					    enum dma_data_direction direction)
{
	struct region *region = export_region(export);
	struct attachment *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return NULL;
	a->device = device;
	a->access = access_of(direction);
	a->direct = compat_dma_is_direct(device);
	a->paged = pfn_valid(PHYS_PFN(export_phys(export, 0)));
	/* Memory that is mapped like registers is not looked up in caches by the device. */
	a->sync = !region_is_ordinary(region) && region_is_cached(region) &&
		  !(dev_is_dma_coherent(device) && (a->paged || a->direct));
	return a;
}

static struct sg_table *export_map(struct dma_buf_attachment *at,
				   enum dma_data_direction direction)
{
	struct export *export = at->dmabuf->priv;
	struct attachment *a = attachment_create(export, at->dev, direction);
	int err;

	if (!a)
		return ERR_PTR(-ENOMEM);
	err = heap_export_use(&export->base, a->access, false);
	if (err)
		goto out_free;
	err = table_fill(export, a);
	if (err)
		goto out_use;
	if (a->sync)
		region_sync(export_region(export), export->base.place, export->base.bytes);
	err = table_map(export, a, direction);
	if (err)
		goto out_table;
	mutex_lock(&export->lock);
	list_add(&a->node, &export->attachments);
	mutex_unlock(&export->lock);
	return &a->table;

out_table:
	sg_free_table(&a->table);
out_use:
	heap_export_unuse(&export->base, a->access);
out_free:
	kfree(a);
	return ERR_PTR(err);
}

static void export_unmap(struct dma_buf_attachment *at, struct sg_table *table,
			 enum dma_data_direction direction)
{
	struct attachment *a = container_of(table, struct attachment, table);
	struct export *export = at->dmabuf->priv;

	mutex_lock(&export->lock);
	list_del(&a->node);
	mutex_unlock(&export->lock);
	table_unmap(export, a, direction);
	if (a->sync && direction != DMA_TO_DEVICE)
		region_sync(export_region(export), export->base.place, export->base.bytes);
	sg_free_table(table);
	heap_export_unuse(&export->base, a->access);
	kfree(a);
}

/* The CPU begins (@for_cpu), or ends, to use memory that devices have mapped. */
static void export_sync(struct export *export, enum dma_data_direction direction,
			bool for_cpu)
{
	struct region *region = export_region(export);
	bool own = false;
	struct attachment *a;

	mutex_lock(&export->lock);
	list_for_each_entry(a, &export->attachments, node) {
		if (!region_is_ordinary(region))
			own |= a->sync;
		else if (for_cpu)
			dma_sync_sgtable_for_cpu(a->device, &a->table, direction);
		else
			dma_sync_sgtable_for_device(a->device, &a->table, direction);
	}
	mutex_unlock(&export->lock);
	if (own)
		region_sync(region, export->base.place, export->base.bytes);
}

/* Copy the present contents of the allocation to the shadow, if it may be read. */
static void export_refresh(struct export *export)
{
	if (!export->shadow ||
	    heap_export_use(&export->base, MEMMGR_ACCESS_READ, true))
		return;
	region_copy(export_region(export), export->base.place, export->shadow,
		    export->base.bytes);
	heap_export_unuse(&export->base, MEMMGR_ACCESS_READ);
}

static int export_begin_cpu_access(struct dma_buf *dmabuf,
				   enum dma_data_direction direction)
{
	struct export *export = dmabuf->priv;

	export_sync(export, direction, true);
	mutex_lock(&export->lock);
	export_refresh(export);
	mutex_unlock(&export->lock);
	return 0;
}

static int export_end_cpu_access(struct dma_buf *dmabuf,
				 enum dma_data_direction direction)
{
	export_sync(dmabuf->priv, direction, false);
	return 0;
}

static int export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct export *export = dmabuf->priv;

	return mapping_create_export(&export->base, vma);
}

#define VMAP_ACCESS	(MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE)

/*
 * A mapping in the kernel can be written, and the caller of dma_buf_vmap() sees a warning
 * if it is refused. So a driver that may not write gets a copy. Its writes there are lost,
 * and it reads the contents as of the beginning of its access.
 */
static int export_shadow(struct export *export, struct iosys_map *map)
{
	void *shadow = __vmalloc(export->base.bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO |
				 __GFP_NOWARN);

	if (!shadow)
		return -ENOMEM;
	mutex_lock(&export->lock);
	export->shadow = shadow;
	export_refresh(export);
	mutex_unlock(&export->lock);
	iosys_map_set_vaddr(map, shadow);
	return 0;
}

/* Uses the region's mapping. The dma-buf core counts, so there is one vmap at a time. */
static int export_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct export *export = dmabuf->priv;

	if (heap_export_use(&export->base, VMAP_ACCESS, true))
		return export_shadow(export, map);
	region_iosys_map(export_region(export), export->base.place, map);
	return 0;
}

static void export_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct export *export = dmabuf->priv;
	void *shadow;

	mutex_lock(&export->lock);
	shadow = export->shadow;
	export->shadow = NULL;
	mutex_unlock(&export->lock);
	if (shadow)
		vfree(shadow);
	else
		heap_export_unuse(&export->base, VMAP_ACCESS);
}

static void export_release(struct dma_buf *dmabuf)
{
	struct export *export = dmabuf->priv;

	heap_export_end(&export->base);
	kfree(export);
}

static const struct dma_buf_ops export_ops = {
	.map_dma_buf = export_map,
	.unmap_dma_buf = export_unmap,
	.begin_cpu_access = export_begin_cpu_access,
	.end_cpu_access = export_end_cpu_access,
	.mmap = export_mmap,
	.vmap = export_vmap,
	.vunmap = export_vunmap,
	.release = export_release,
};

/* After 0, the release of the dma-buf calls heap_export_end(). */
static struct dma_buf *export_create(struct export *export, u32 file_flags)
{
	struct region *region = export_region(export);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	mutex_init(&export->lock);
	INIT_LIST_HEAD(&export->attachments);
	info.exp_name = "memmgr";
	info.ops = &export_ops;
	info.size = export->base.bytes;
	info.flags = export->base.writable ? file_flags : O_RDONLY;
	info.priv = export;
	dmabuf = dma_buf_export(&info);
	/* Its mappings are found in the region's address space, see share/mmap.c. */
	if (!IS_ERR(dmabuf))
		dmabuf->file->f_mapping = region->view.inode->i_mapping;
	return dmabuf;
}

/**
 * dmabuf_export - make a new dma-buf of an allocation
 * @heap: the heap that the handle names
 * @client: the caller
 * @handle: handle of the allocation
 * @read_only: nothing may write through the dma-buf
 * @file_flags: access mode of its file, which limits processes, not devices
 *
 * Context: process, may sleep. O(1).
 * Return: the only reference to the dma-buf, or an error of the ABI's table.
 */
struct dma_buf *dmabuf_export(struct memmgr_heap *heap, struct client *client,
			      u64 handle, bool read_only, u32 file_flags)
{
	struct export *export = kzalloc(sizeof(*export), GFP_KERNEL_ACCOUNT);
	struct dma_buf *dmabuf;
	int err;

	if (!export)
		return ERR_PTR(-ENOMEM);
	err = heap_export_begin(heap, client, handle, read_only, &export->base);
	if (err)
		goto out_free;
	dmabuf = export_create(export, file_flags);
	if (!IS_ERR(dmabuf))
		return dmabuf;
	err = PTR_ERR(dmabuf);
	heap_export_end(&export->base);
out_free:
	kfree(export);
	return ERR_PTR(err);
}
