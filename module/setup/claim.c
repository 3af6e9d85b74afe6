// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Checks that memory may be handed out by a region. A region takes memory only if all of
 * this is proved: the memory is RAM, it was set aside, no pool of the kernel and no other
 * device tree node owns it, and the kernel uses no page of it. A refusal is one line in
 * the log, which names the node, the cause and the remedy.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_platform.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>
#include <linux/sched.h>

#include "region/region.h"
#include "region/remap.h"
#include "setup/claim.h"
#include "setup/source.h"

#define CLAIM_MAX	(1ull << 32)
#define CLAIM_STEP	1024u		/* pages that are checked between two breaks */

/* Messages that are longer than a line. */
#define SAY_LEFT_OUT "it is not reserved: the kernel left it out at boot; give /reserved-memory the #address-cells and #size-cells of the root node, and ranges"
#define SAY_EMPTY "its size is 0; give a size in whole pages"
#define SAY_NO_ROOM "the kernel found no room for it at boot; make it smaller, or see its alloc-ranges"
#define SAY_RANGES "its reg has several ranges, of which the kernel takes the first only; make a node and a region of each"
#define SAY_OVERLAPS "it overlaps region %s; give each its own memory"
#define SAY_GONE "region %s, which was removed, is still in use; close its files, dma-bufs and drivers"
#define SAY_NO_RAM "there is no such RAM, by the memory nodes of the device tree or what firmware reserved; move it, or reserve it (memmap=SIZE$BASE)"

/**
 * claim_refuse - log a refusal in one line
 * @s: the source that is refused; its place is shown if it is known
 * @cause: a format without newline: the cause, then a semicolon and the remedy
 */
void claim_refuse(const struct region_source *s, const char *cause, ...)
{
	struct va_format text = { .fmt = cause };
	va_list args;

	va_start(args, cause);
	text.va = &args;
	if (s->memory && !s->phys && !s->bytes)
		pr_err("%pOF: memory-region %pOFP refused: %pV\n", s->node, s->memory,
		       &text);
	else if (s->memory)
		pr_err("%pOF: memory-region %pOFP, 0x%llx bytes at %pa, refused: %pV\n",
		       s->node, s->memory, s->bytes, &s->phys, &text);
	else if (s->node)
		pr_err("%pOF: refused: %pV\n", s->node, &text);
	else if (s->flags & MEMMGR_REGION_RESERVED)
		pr_err("base=: 0x%llx bytes at %pa refused: %pV\n", s->bytes, &s->phys,
		       &text);
	else
		pr_err("size=: 0x%llx bytes refused: %pV\n", s->bytes, &text);
	va_end(args);
}

/* The kernel code that hands out the memory of such a node itself; NULL if there is none. */
static const char *claim_pool(const struct device_node *memory)
{
	const struct reserved_mem *rmem = of_reserved_mem_lookup((struct device_node *)memory);
	struct platform_device *pdev;

	if (of_property_read_bool(memory, "reusable"))
		return "it is reusable, so the kernel keeps movable pages in it";
	if (of_device_is_compatible(memory, "shared-dma-pool") ||
	    of_device_is_compatible(memory, "restricted-dma-pool") || (rmem && rmem->ops))
		return "it is a pool of the kernel's (CMA, dma or swiotlb)";
	pdev = of_find_device_by_node((struct device_node *)memory);
	put_device(pdev ? &pdev->dev : NULL);
	return pdev ? "a device of its own has it" : NULL;
}

bool claim_is_reserved_node(const struct device_node *memory)
{
	struct device_node *parent = of_get_next_parent(of_node_get((struct device_node *)memory));
	struct device_node *top = of_find_node_by_path("/reserved-memory");

	of_node_put(parent);
	of_node_put(top);
	return parent && parent == top;
}

/* A number that consists of @cells cells. */
static u64 claim_number(const __be32 *cell, int cells)
{
	u64 n = 0;

	while (cells-- > 0)
		n = n << 32 | be32_to_cpup(cell++);
	return n;
}

/* Number of ranges in the node's reg. */
static u32 claim_ranges(const struct device_node *memory)
{
	int cells = of_n_addr_cells((struct device_node *)memory) +
		    of_n_size_cells((struct device_node *)memory);
	int n = of_property_count_u32_elems(memory, "reg");

	return n > 0 && cells > 0 ? (u32)n / (u32)cells : 0;
}

/*
 * The fault of a node of which the kernel has no memory. Since 6.12 such nodes are unknown
 * to of_reserved_mem_lookup(); before, they have a size of 0.
 */
static const char *claim_empty_fault(const struct device_node *memory)
{
	const __be32 *reg = of_get_property(memory, "reg", NULL);
	int cells = of_n_addr_cells((struct device_node *)memory);

	if (of_get_property(memory, "size", NULL))
		return SAY_NO_ROOM;
	if (claim_ranges(memory) &&
	    !claim_number(reg + cells, of_n_size_cells((struct device_node *)memory)))
		return SAY_EMPTY;
	return SAY_LEFT_OUT;
}

/* The fault of the node that a region's memory-region names; NULL if there is none. */
static const char *claim_node_fault(struct region_source *s)
{
	const struct reserved_mem *rmem;

	if (!claim_is_reserved_node(s->memory))
		return "it is not reserved, being no child of /reserved-memory; move it there";
	if (!of_device_is_available(s->memory))
		return "it is not reserved, being disabled; set its status to okay";
	rmem = of_reserved_mem_lookup(s->memory);
	if (!rmem || !rmem->size)
		return claim_empty_fault(s->memory);
	s->phys = rmem->base;
	s->bytes = rmem->size;
	if (claim_ranges(s->memory) > 1)
		return SAY_RANGES;
	return NULL;
}

/**
 * claim_node - find the memory that a region's node names
 * @s: the source with its node; memory, phys and bytes are filled in. The caller owns the
 *	reference to memory, whatever the result is
 *
 * Context: process, may sleep. A refusal is one line in the log.
 * Return: 0 or -EINVAL.
 */
int claim_node(struct region_source *s)
{
	int n = of_property_count_u32_elems(s->node, "memory-region");
	const char *fault;

	if (n > 1) {
		claim_refuse(s,
			     "memory-region names %d nodes, and a region is of one; make a region of each",
			     n);
		return -EINVAL;
	}
	s->memory = of_parse_phandle(s->node, "memory-region", 0);
	if (!s->memory) {
		claim_refuse(s, "no memory-region; point it at a child of /reserved-memory");
		return -EINVAL;
	}
	fault = claim_node_fault(s);
	if (fault) {
		claim_refuse(s, "%s", fault);
		return -EINVAL;
	}
	fault = claim_pool(s->memory);
	if (fault) {
		claim_refuse(s,
			     "%s; give the region a child of /reserved-memory of its own, without compatible and reusable",
			     fault);
		return -EINVAL;
	}
	return 0;
}

static u64 claim_end(const struct region_source *s)
{
	return (u64)s->phys + s->bytes;
}

static bool claim_touches(const struct region_source *s, u64 start, u64 bytes)
{
	return s->phys < start + bytes && start < claim_end(s);
}

/* Does a child of /reserved-memory own memory in the range? */
static bool claim_node_touches(const struct region_source *s, struct device_node *child)
{
	const struct reserved_mem *rmem = of_reserved_mem_lookup(child);
	u32 n = claim_ranges(child);
	int na = of_n_addr_cells(child);
	int ns = of_n_size_cells(child);
	const __be32 *reg = of_get_property(child, "reg", NULL);

	if (rmem && claim_touches(s, rmem->base, rmem->size))
		return true;
	for (; n--; reg += na + ns)
		if (claim_touches(s, claim_number(reg, na), claim_number(reg + na, ns)))
			return true;
	return false;
}

/* May base= name memory of this node? Only if all of it lies there and nothing else owns it. */
static bool claim_node_lends(const struct region_source *s, struct device_node *child)
{
	const struct reserved_mem *rmem = of_reserved_mem_lookup(child);

	return !s->node && rmem && s->phys >= rmem->base &&
	       claim_end(s) <= (u64)rmem->base + rmem->size && !claim_pool(child);
}

/* Check against all nodes of /reserved-memory but the source's own. */
static int claim_check_nodes(const struct region_source *s)
{
	struct device_node *top = of_find_node_by_path("/reserved-memory");
	struct device_node *child;
	int err = 0;

	for_each_available_child_of_node(top, child) {
		if (child == s->memory || !claim_node_touches(s, child) ||
		    claim_node_lends(s, child))
			continue;
		claim_refuse(s, "it overlaps %pOF; give each its own memory", child);
		of_node_put(child);
		err = -EBUSY;
		break;
	}
	of_node_put(top);
	return err;
}

/* The address in a property of /chosen; 0 if there is none. */
static u64 claim_chosen(const char *property)
{
	struct device_node *chosen = of_find_node_by_path("/chosen");
	int bytes;
	const __be32 *cells = of_get_property(chosen, property, &bytes);

	of_node_put(chosen);
	return cells ? claim_number(cells, bytes / sizeof(*cells)) : 0;
}

/* Did the boot loader put the initrd there? The kernel frees its pages. */
static bool claim_has_initrd(const struct region_source *s)
{
	u64 start = claim_chosen("linux,initrd-start");
	u64 end = claim_chosen("linux,initrd-end");

	return start < end && claim_touches(s, start, end - start);
}

/* Is this entry of the memory map the kernel itself? It is RAM inside of RAM. */
static bool claim_is_kernel(const struct resource *r)
{
	return r->flags & IORESOURCE_SYSRAM && r->parent != &iomem_resource;
}

/* Put a range into the memory map; not if an entry reaches into it from outside. */
static bool claim_insert(struct resource *range, u64 start, u64 bytes)
{
	*range = (struct resource) {
		.name = "memmgr",
		.start = start,
		.end = start + bytes - 1,
		.flags = IORESOURCE_MEM,
	};
	return !insert_resource(&iomem_resource, range);
}

/*
 * Does the kernel itself lie in the range? To find out, the range is inserted into the
 * memory map for a moment, and the entries around and inside it are examined. Where banks
 * of RAM meet, each has an entry of its own: the range goes in by pieces.
 */
static bool claim_has_kernel(const struct region_source *s)
{
	u64 at, bytes, end = claim_end(s);
	struct resource range;
	const struct resource *r;
	bool found = false;

	for (at = s->phys; at < end && !found; at += bytes) {
		for (bytes = end - at; !claim_insert(&range, at, bytes);
		     bytes = PAGE_ALIGN(bytes / 2))
			if (bytes <= PAGE_SIZE)
				return true;
		for (r = range.parent; r != &iomem_resource; r = r->parent)
			found |= claim_is_kernel(r);
		for (r = range.child; r; r = r->sibling)
			found |= claim_is_kernel(r);
		remove_resource(&range);
	}
	return found;
}

/*
 * Number of pages in the range that the kernel uses. A page that was set aside at boot is
 * reserved, and has the one reference that every page begins with. A page that was given
 * to the page allocator since then is not reserved.
 */
static u64 claim_pages_in_use(const struct region_source *s)
{
	unsigned long pfn = PHYS_PFN(s->phys);
	unsigned long end = pfn + (s->bytes >> PAGE_SHIFT);
	u64 used = 0;

	for (; pfn < end; pfn++) {
		if (!(pfn % CLAIM_STEP))
			cond_resched();
		if (!pfn_valid(pfn))
			continue;
		if (!PageReserved(pfn_to_page(pfn)) || page_count(pfn_to_page(pfn)) != 1)
			used++;
	}
	return used;
}

/* Check memory that is in the kernel's own map of RAM. */
static int claim_check_mapped(const struct region_source *s)
{
	u64 pages;

	if (!(s->flags & MEMMGR_REGION_DT)) {
		claim_refuse(s,
			     "the kernel itself uses it; reserve it with mem= or in the device tree");
		return -EINVAL;
	}
	if (region_cache_flag(s->cache)) {
		claim_refuse(s, "the kernel maps it write-back; for another attribute add no-map");
		return -EINVAL;
	}
	if (claim_has_kernel(s)) {
		claim_refuse(s, "the kernel itself lies there, see /proc/iomem; move the node");
		return -EBUSY;
	}
	pages = claim_pages_in_use(s);
	if (pages) {
		claim_refuse(s,
			     "%llu pages of it are in use by the kernel, which had them before the node or got them since; move the node, or add no-map",
			     pages);
		return -EBUSY;
	}
	return 0;
}

/*
 * End of the memory bank that contains an address; 0 if none does. @known: there are banks.
 * A bank without bytes, and a disabled one, is none for the kernel either.
 */
static u64 claim_bank_end(u64 phys, bool *known)
{
	struct device_node *node = NULL;
	struct resource ram;
	int i;

	while ((node = of_find_node_by_type(node, "memory"))) {
		if (!of_device_is_available(node))
			continue;
		for (i = 0; !of_address_to_resource(node, i, &ram); i++) {
			*known = true;
			if (phys - ram.start >= resource_size(&ram))
				continue;
			of_node_put(node);
			return (u64)ram.end + 1;
		}
	}
	return 0;
}

/* Advance over one of the ranges that firmware reserved; they come in order. */
static int claim_follow(struct resource *res, void *arg)
{
	u64 *at = arg;

	if (res->start > *at)
		return 1;
	*at = max_t(u64, *at, (u64)res->end + 1);
	return 0;
}

/*
 * Is the range RAM? The banks in the device tree tell; the range may span several.
 * Without a device tree, RAM that the kernel does not use is the RAM that firmware or
 * memmap= reserved.
 */
static bool claim_is_ram(const struct region_source *s)
{
	u64 end = claim_end(s);
	bool known = false;
	u64 at = s->phys;

	while (at < end) {
		at = claim_bank_end(at, &known);
		if (!at)
			break;
	}
	if (known)
		return at >= end;
	if (region_in_system(s->phys, s->bytes))
		return true;
	at = s->phys;
	walk_iomem_res_desc(IORES_DESC_RESERVED, IORESOURCE_MEM, s->phys, end - 1, &at,
			    claim_follow);
	return at >= end;
}

/* The fault in the numbers of a source; NULL if there is none. */
static const char *claim_fault(const struct region_source *s)
{
	u64 last = claim_end(s) - 1;

	if (!s->bytes)
		return SAY_EMPTY;
	if (!PAGE_ALIGNED(s->bytes))
		return "its size is not a multiple of the page size; give whole pages";
	if (s->bytes > CLAIM_MAX)
		return "it is larger than 4 GiB; split it";
	if (region_cache_flag(s->cache) == ~0u)
		return "its cache attribute is none of " REGION_CACHES "; write one of them";
	if (!(s->flags & MEMMGR_REGION_RESERVED))
		return region_cache_flag(s->cache) ?
		       "memory of the system is write-back; reserve some" : NULL;
	if (!PAGE_ALIGNED(s->phys))
		return "its base is not a multiple of the page size; move it";
	if (last < s->phys || (phys_addr_t)last != last)
		return "it reaches beyond the end of physical addresses; move it";
	return claim_is_ram(s) ? NULL :
	       SAY_NO_RAM;
}

/**
 * claim_check - check that a source's memory may be handed out
 * @s: the source; if it is from the device tree, after claim_node()
 * @other: a region that has some of the memory already, or NULL
 *
 * Context: process, may sleep. O(pages) if the kernel maps the memory, in steps;
 * otherwise O(nodes of /reserved-memory). A refusal is one line in the log.
 * Return: 0; -EINVAL if the memory is not fit for a region; -EBUSY if it has another owner.
 */
int claim_check(const struct region_source *s, const struct region *other)
{
	const char *fault = claim_fault(s);
	int err;

	if (fault) {
		claim_refuse(s, "%s", fault);
		return -EINVAL;
	}
	if (!(s->flags & MEMMGR_REGION_RESERVED))
		return 0;
	if (other) {
		claim_refuse(s, region_is_gone(other) ? SAY_GONE : SAY_OVERLAPS, other->name);
		return -EBUSY;
	}
	err = claim_check_nodes(s);
	if (!err && claim_has_initrd(s)) {
		claim_refuse(s,
			     "the boot loader put the initrd there, whose pages the kernel frees; put that elsewhere");
		err = -EBUSY;
	}
	if (!err && region_in_system(s->phys, s->bytes))
		err = claim_check_mapped(s);
	return err;
}
