// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Allocations as dma-bufs, for devices and other processes.
 *
 * A dma-buf keeps its allocation where it is, and alive, until its last reference
 * goes. The protection of the allocation holds for it: who maps it for a device or
 * the kernel asks first, and its mappings into processes are those of mmap.c.
 *
 * Memory that the kernel itself maps (MEMMGR_REGION_PAGES) goes the way of all
 * exporters. Other memory has no place in the kernel's linear map, through which
 * the DMA interface would keep caches: there we do that ourselves, through our own
 * mapping, and keep from memory behind which there is no struct page at all.
 */
#include <linux/dma-buf.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "dmabuf.h"
#include "heap.h"
#include "mmap.h"
#include "region.h"

COMPAT_IMPORT_NS(DMA_BUF);

#define SEGMENT_MAX	(1ul << 30)	/* a scatterlist counts in 32 bits */

/**
 * struct export - a dma-buf of ours
 * @base: the allocation
 * @lock: guards @attachments and @shadow
 * @attachments: that are mapped for a device
 * @shadow: what the kernel has mapped instead of memory that it may not write
 *
 * It belongs to the dma-buf and dies with it. Nothing leads from the allocation back to
 * the dma-buf: a reference would keep it, and an address without one is no dma-buf any
 * more as soon as somebody closed it.
 */
struct export {
	struct heap_export base;
	struct mutex lock;	/* attachments, shadow */
	struct list_head attachments;
	void *shadow;
};

/**
 * struct attachment - the mapping of a dma-buf for a device
 * @node: in export.attachments
 * @device: for which
 * @table: that the importer was given; first, so that it leads back here
 * @access: MEMMGR_ACCESS_* of the device
 */
struct attachment {
	struct sg_table table;
	struct list_head node;
	struct device *device;
	u32 access;
};

static struct region *export_region(const struct export *export)
{
	return export->base.heap->region;
}

/* Does the DMA interface look after this memory? */
static bool region_is_ordinary(const struct region *region)
{
	return region->flags & MEMMGR_REGION_PAGES;
}

/* Must our own memory's cache lines be kept for this device? */
static bool needs_sync(const struct region *region, struct device *device)
{
	return !region_is_ordinary(region) && region_is_cached(region) &&
	       !dev_is_dma_coherent(device);
}

static u32 access_of(enum dma_data_direction direction)
{
	return direction == DMA_TO_DEVICE ? MEMMGR_ACCESS_READ :
					    MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE;
}

/* One entry, where the memory is contiguous, and one a page elsewhere. */
static int table_fill(const struct region *region, const struct export *export,
		      struct sg_table *table)
{
	bool contiguous = region->flags & MEMMGR_REGION_CONTIGUOUS;
	u64 step = contiguous ? SEGMENT_MAX : PAGE_SIZE;
	u64 left = export->base.bytes;
	u64 place = export->base.place;
	struct scatterlist *sg;
	int err, i;

	err = sg_alloc_table(table, div64_u64(left + step - 1, step), GFP_KERNEL);
	if (err)
		return err;
	for_each_sgtable_sg(table, sg, i) {
		unsigned long pfn = region_pfn(region, place);
		unsigned int length = min(step, left);

		sg_set_page(sg, pfn_valid(pfn) ? pfn_to_page(pfn) : NULL, length, 0);
		place += length;
		left -= length;
	}
	return 0;
}

/*
 * A device that cannot reach memory without a place in the linear map must not be
 * given it by way of a bounce buffer, which the kernel would fill from there.
 */
static bool device_reaches(struct device *device, const struct region *region,
			   const struct export *export)
{
	u64 last = region_phys(region, export->base.place) + export->base.bytes - 1;

	return device_iommu_mapped(device) || last <= dma_get_mask(device);
}

/* Memory without struct pages is to the DMA interface what a device's is. */
static void resource_unmap(struct device *device, struct sg_table *table,
			   enum dma_data_direction direction)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(table, sg, i)
		if (sg_dma_len(sg))
			dma_unmap_resource(device, sg_dma_address(sg), sg_dma_len(sg),
					   direction, DMA_ATTR_SKIP_CPU_SYNC);
}

static int resource_map(struct device *device, const struct region *region,
			const struct export *export, struct sg_table *table,
			enum dma_data_direction direction)
{
	phys_addr_t phys = region_phys(region, export->base.place);
	struct scatterlist *sg;
	dma_addr_t address;
	int i;

	for_each_sgtable_sg(table, sg, i) {
		address = dma_map_resource(device, phys, sg->length, direction,
					   DMA_ATTR_SKIP_CPU_SYNC);
		if (dma_mapping_error(device, address)) {
			resource_unmap(device, table, direction);
			return -EIO;
		}
		sg_dma_address(sg) = address;
		sg_dma_len(sg) = sg->length;
		phys += sg->length;
	}
	table->nents = table->orig_nents;
	return 0;
}

static int table_map(struct device *device, const struct region *region,
		     const struct export *export, struct sg_table *table,
		     enum dma_data_direction direction)
{
	if (region_is_ordinary(region))
		return dma_map_sgtable(device, table, direction, 0);
	if (!device_reaches(device, region, export))
		return -EIO;
	if (!sg_page(table->sgl))
		return resource_map(device, region, export, table, direction);
	return dma_map_sgtable(device, table, direction, DMA_ATTR_SKIP_CPU_SYNC);
}

static void table_unmap(struct device *device, const struct region *region,
			struct sg_table *table, enum dma_data_direction direction)
{
	if (region_is_ordinary(region))
		dma_unmap_sgtable(device, table, direction, 0);
	else if (!sg_page(table->sgl))
		resource_unmap(device, table, direction);
	else
		dma_unmap_sgtable(device, table, direction, DMA_ATTR_SKIP_CPU_SYNC);
}

static struct sg_table *export_map(struct dma_buf_attachment *at,
				   enum dma_data_direction direction)
{
	struct export *export = at->dmabuf->priv;
	struct region *region = export_region(export);
	struct attachment *a = kzalloc(sizeof(*a), GFP_KERNEL);
	int err;

	if (!a)
		return ERR_PTR(-ENOMEM);
	a->device = at->dev;
	a->access = access_of(direction);
	err = heap_export_use(&export->base, a->access, false);
	if (err)
		goto out_free;
	err = table_fill(region, export, &a->table);
	if (err)
		goto out_use;
	if (needs_sync(region, at->dev))
		region_sync(region, export->base.place, export->base.bytes);
	err = table_map(at->dev, region, export, &a->table, direction);
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
	struct region *region = export_region(export);

	mutex_lock(&export->lock);
	list_del(&a->node);
	mutex_unlock(&export->lock);
	table_unmap(at->dev, region, table, direction);
	if (needs_sync(region, at->dev) && direction != DMA_TO_DEVICE)
		region_sync(region, export->base.place, export->base.bytes);
	sg_free_table(table);
	heap_export_unuse(&export->base, a->access);
	kfree(a);
}

/* The CPU begins, or ends, to use what devices have mapped. */
static void export_sync(struct export *export, enum dma_data_direction direction,
			bool for_cpu)
{
	struct region *region = export_region(export);
	bool own = false;
	struct attachment *a;

	mutex_lock(&export->lock);
	list_for_each_entry(a, &export->attachments, node) {
		if (!region_is_ordinary(region))
			own |= needs_sync(region, a->device);
		else if (for_cpu)
			dma_sync_sgtable_for_cpu(a->device, &a->table, direction);
		else
			dma_sync_sgtable_for_device(a->device, &a->table, direction);
	}
	mutex_unlock(&export->lock);
	if (own)
		region_sync(region, export->base.place, export->base.bytes);
}

/* The shadow shows what the allocation holds now, if it may be read. */
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
 * A mapping of the kernel can be written, and who asks for one takes a refusal for
 * a bug (dma_buf_vmap() warns). So a driver that may not write gets a copy: what it
 * writes there is lost, and what it reads is as of the beginning of its access.
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

/* The kernel's mapping is there already. Never two at a time: the core counts. */
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

/* After 0 the dma-buf ends what heap_export_begin() began. */
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
	/* Its mappings are found with those of the clients, see mmap.c. */
	if (!IS_ERR(dmabuf))
		dmabuf->file->f_mapping = region->inode->i_mapping;
	return dmabuf;
}

/**
 * dmabuf_export - a new dma-buf of an allocation
 * @heap: that its handle names
 * @client: who asks
 * @handle: of the allocation
 * @read_only: nobody may write through it
 * @file_flags: access mode of its file, which binds processes, not devices
 *
 * Context: process, may sleep. O(1).
 * Return: the only reference to it, or an error of the ABI's table.
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
