// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Which regions there are: nodes of the device tree, base= and size= of the
 * module, or, with neither, one of memory that the system gives.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>

#include "compat.h"
#include "number.h"
#include "region.h"
#include "source.h"

#define SOURCE_MAX	8
#define SOURCE_DEFAULT	(16u << 20)

static char *base[SOURCE_MAX];
static unsigned int bases;
module_param_array(base, charp, &bases, 0444);
MODULE_PARM_DESC(base, "physical addresses of regions, e.g. 0x58000000,0x5c000000");

static char *size[SOURCE_MAX];
static unsigned int sizes;
module_param_array(size, charp, &sizes, 0444);
MODULE_PARM_DESC(size, "their sizes, e.g. 16M,16M; without base=: memory to take from the system (default 16M)");

static char *cache[SOURCE_MAX];
static unsigned int caches_given;
module_param_array(cache, charp, &caches_given, 0444);
MODULE_PARM_DESC(cache, "how the regions of base= are cached: write-back (default), write-combine or uncached");

static char *heaps;
module_param(heaps, charp, 0444);
MODULE_PARM_DESC(heaps, "heaps of the first region: name:kind:key=value,...;...");

/* Regions of the parameters and the fallback. */
static struct region *own[SOURCE_MAX];

static const struct of_device_id source_of_match[] = {
	{ .compatible = "memmgr,region" },
	{ }
};

/*
 * What MODULE_DEVICE_TABLE() would make of the table. Debian's modpost for
 * foreign kernels knows the layout of its own machine only and stops at it.
 */
MODULE_ALIAS("of:N*T*Cmemmgr,region");
MODULE_ALIAS("of:N*T*Cmemmgr,regionC*");

/* The heaps= parameter is for the first region that comes. */
static const char *heaps_for_first(void)
{
	return region_none() ? heaps : NULL;
}

static int source_probe(struct platform_device *pdev)
{
	struct device_node *node = pdev->dev.of_node;
	struct region_source source = {
		.flags = MEMMGR_REGION_RESERVED | MEMMGR_REGION_DT,
		.node = node,
		.heaps = heaps_for_first(),
	};
	struct device_node *memory;
	struct reserved_mem *rmem;
	struct region *region;

	memory = of_parse_phandle(node, "memory-region", 0);
	if (!memory) {
		dev_err(&pdev->dev, "memmgr: refused: no memory-region; point it at a child of /reserved-memory\n");
		return -EINVAL;
	}
	rmem = of_reserved_mem_lookup(memory);
	of_node_put(memory);
	if (!rmem) {
		dev_err(&pdev->dev, "memmgr: refused: memory-region is not reserved; is it enabled and does it fit into RAM?\n");
		return -EINVAL;
	}
	of_property_read_string(node, "label", &source.name);
	of_property_read_string(node, "memmgr,cache", &source.cache);
	source.phys = rmem->base;
	source.bytes = rmem->size;
	region = region_create(&source);
	if (IS_ERR(region))
		return PTR_ERR(region);
	platform_set_drvdata(pdev, region);
	return 0;
}

static COMPAT_REMOVE_TYPE source_remove(struct platform_device *pdev)
{
	region_remove(platform_get_drvdata(pdev));
	return COMPAT_REMOVE_RESULT;
}

static struct platform_driver source_driver = {
	.probe = source_probe,
	.remove = source_remove,
	.driver = {
		.name = "memmgr",
		.of_match_table = source_of_match,
	},
};

static bool tree_has_regions(void)
{
	struct device_node *node;

	for_each_matching_node(node, source_of_match) {
		if (of_device_is_available(node)) {
			of_node_put(node);
			return true;
		}
	}
	return false;
}

static int place_parse(const char *name, const char *text, u64 *value)
{
	int err = number_parse(text, value);

	if (err)
		pr_err("memmgr: %s=: '%s' is %s; use e.g. 0x58000000 or 16M\n", name,
		       text, err == -ERANGE ? "too large" : "no number");
	return err;
}

static int own_create(unsigned int i)
{
	struct region_source source = { .heaps = heaps_for_first() };
	struct region *region;
	u64 phys = 0;
	int err = 0;

	source.bytes = SOURCE_DEFAULT;
	source.cache = cache[i];
	if (i < sizes)
		err = place_parse("size", size[i], &source.bytes);
	if (!err && i < bases) {
		source.flags = MEMMGR_REGION_RESERVED;
		err = place_parse("base", base[i], &phys);
		source.phys = phys;
		if (!err && source.phys != phys) {
			pr_err("memmgr: base=: %s is beyond the physical addresses of this kernel\n",
			       base[i]);
			err = -EINVAL;
		}
	}
	if (err)
		return err;
	region = region_create(&source);
	if (IS_ERR(region))
		return PTR_ERR(region);
	own[i] = region;
	return 0;
}

static void own_remove(void)
{
	int i;

	for (i = SOURCE_MAX; i--;)
		if (own[i])
			region_remove(own[i]);
}

/* Regions of base= and size=, or the fallback. */
static int own_init(void)
{
	unsigned int n = bases;
	unsigned int i;
	int err;

	if (bases && sizes != bases) {
		pr_err("memmgr: %u base= but %u size=; give one size for each base\n",
		       bases, sizes);
		return -EINVAL;
	}
	if (caches_given > bases) {
		pr_err("memmgr: %u cache= but %u base=; give one for each base, or none\n",
		       caches_given, bases);
		return -EINVAL;
	}
	if (!bases && sizes > 1) {
		pr_err("memmgr: %u size= without base=; give one\n", sizes);
		return -EINVAL;
	}
	if (!bases && (sizes || !tree_has_regions()))
		n = 1;
	for (i = 0; i < n; i++) {
		err = own_create(i);
		if (err)
			return err;
	}
	return 0;
}

void source_exit(void)
{
	own_remove();
	platform_driver_unregister(&source_driver);
}

int source_init(void)
{
	int err;

	err = platform_driver_register(&source_driver);
	if (err)
		return err;
	err = own_init();
	if (!err)
		err = regions_publish();
	if (err)
		source_exit();
	return err;
}
