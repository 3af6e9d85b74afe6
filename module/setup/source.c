// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Finds the regions to make: nodes of the device tree, base= and size= of the module,
 * or, if there is neither, one region of memory from the system.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "base/compat.h"
#include "base/number.h"
#include "region/region.h"
#include "setup/claim.h"
#include "setup/heaps.h"
#include "setup/region.h"
#include "setup/source.h"

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
MODULE_PARM_DESC(cache, "how the regions of base= are cached: write-back (default), write-combine, uncached or device");

static char *heaps;
module_param(heaps, charp, 0444);
MODULE_PARM_DESC(heaps, "heaps of the first region: name:kind:key=value,...;...");

static bool allow_empty;
module_param(allow_empty, bool, 0444);
MODULE_PARM_DESC(allow_empty, "load even if every region of the device tree was refused (default 0)");

/* Regions of the parameters, or the fallback. */
static struct region *own[SOURCE_MAX];

static const struct of_device_id source_of_match[] = {
	{ .compatible = "memmgr,region" },
	{ }
};

/*
 * MODULE_DEVICE_TABLE() would generate these two lines. Debian's modpost for foreign
 * kernels knows only its own machine's layout of the table, and fails on this one.
 */
MODULE_ALIAS("of:N*T*Cmemmgr,region");
MODULE_ALIAS("of:N*T*Cmemmgr,regionC*");

/**
 * struct source_node - a region that the device tree asks for
 * @node: a node compatible with memmgr,region; holds a reference
 * @number: number of the region, whether it is made or refused
 * @err: error of a refusal, or 0
 */
struct source_node {
	struct device_node *node;
	u32 number;
	int err;
};

/*
 * The regions that the device tree asks for, in its order, as it was when the module was
 * loaded. Probes write @err; they run one at a time until source_init() has read the table.
 */
static struct source_node *wanted;
static u32 wanted_count;

/* Number of the region that gets heaps=, and that kernel code searches first for a heap. */
static u32 first_number;

static struct source_node *wanted_find(const struct device_node *node)
{
	u32 i;

	for (i = 0; i < wanted_count; i++)
		if (wanted[i].node == node)
			return &wanted[i];
	return NULL;
}

/* The lowest number from @number on that no region of the tree has. */
static u32 number_free(u32 number)
{
	u32 i;

	for (i = 0; i < wanted_count; i++) {
		if (wanted[i].number != number)
			continue;
		number++;
		i = -1;
	}
	return number;
}

static int source_make(struct region_source *s, struct region **made)
{
	struct region *region;

	s->first = s->number == first_number;
	s->heaps = s->first ? heaps : NULL;
	region = region_create(s);
	if (IS_ERR(region))
		return PTR_ERR(region);
	if (region->index != s->number)
		pr_warn("%s: number %u is taken, it has %u; see the aliases of the device tree\n",
			region->name, s->number, region->index);
	*made = region;
	return 0;
}

static int source_create(struct platform_device *pdev, u32 number)
{
	struct region_source source = {
		.flags = MEMMGR_REGION_RESERVED | MEMMGR_REGION_DT,
		.node = pdev->dev.of_node,
		.number = number,
	};
	struct region *region;
	int err;

	heap_config_look(source.node);
	of_property_read_string(source.node, "label", &source.name);
	of_property_read_string(source.node, "memmgr,cache", &source.cache);
	err = claim_node(&source);
	if (!err)
		err = source_make(&source, &region);
	of_node_put(source.memory);
	if (!err)
		platform_set_drvdata(pdev, region);
	return err;
}

static int source_probe(struct platform_device *pdev)
{
	struct source_node *w = wanted_find(pdev->dev.of_node);
	int id = of_alias_get_id(pdev->dev.of_node, "memmgr");
	int err;

	/* A node that was added after loading gets its alias or a number that is left. */
	err = source_create(pdev, w ? w->number : id >= 0 ? id : number_free(0));
	if (w)
		w->err = err;
	return err;
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
		/* Synchronous, so that when insmod ends it is known which regions were refused. */
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
};

/* Are the node and all nodes that it lies in enabled? */
static bool node_is_enabled(const struct device_node *node)
{
	struct device_node *at = of_node_get((struct device_node *)node);
	bool enabled = true;

	while (at && enabled) {
		enabled = of_device_is_available(at);
		at = of_get_next_parent(at);
	}
	of_node_put(at);
	return enabled;
}

static u32 nodes_count(void)
{
	struct device_node *node;
	u32 n = 0;

	for_each_matching_node(node, source_of_match)
		n += node_is_enabled(node);
	return n;
}

/* Numbers: those of the aliases; the other nodes get the rest, in the order of the tree. */
static int wanted_init(void)
{
	struct device_node *node;
	u32 next = 0, room = nodes_count();
	u32 i;

	wanted = kcalloc(room, sizeof(*wanted), GFP_KERNEL);
	if (!wanted)
		return -ENOMEM;
	for_each_matching_node(node, source_of_match)
		if (node_is_enabled(node) && wanted_count < room)
			wanted[wanted_count++] = (struct source_node) {
				.node = of_node_get(node),
				.number = of_alias_get_id(node, "memmgr"),
			};
	for (i = 0; i < wanted_count; i++) {
		if ((int)wanted[i].number >= 0 || claim_is_reserved_node(wanted[i].node))
			continue;
		next = number_free(next);
		wanted[i].number = next;
	}
	first_number = U32_MAX;
	for (i = 0; i < wanted_count; i++)
		first_number = min(first_number, wanted[i].number);
	if (first_number == U32_MAX)
		first_number = 0;
	return 0;
}

static void wanted_exit(void)
{
	while (wanted_count)
		of_node_put(wanted[--wanted_count].node);
	kfree(wanted);
}

/*
 * The result of one node. The driver core may have failed before or after the probe, so
 * attach once more to find out. A device that waits for another one (-EAGAIN) will be
 * probed later. A device with another driver (-EBUSY) was bound to it by hand.
 */
static int wanted_look(struct source_node *w)
{
	struct platform_device *pdev = of_find_device_by_node(w->node);
	int err;

	if (!pdev && claim_is_reserved_node(w->node))
		pr_err("%pOF: refused: children of /reserved-memory get no device; write compatible = \"memmgr,region\" into a node of its own at the root, with memory-region\n",
		       w->node);
	else if (!pdev)
		pr_err("%pOF: refused: the kernel makes no device of it, its parent being no bus; move it to the root\n",
		       w->node);
	if (!pdev)
		return -ENODEV;
	if (!w->err && !platform_get_drvdata(pdev)) {
		err = device_driver_attach(&source_driver.driver, &pdev->dev);
		if (!w->err && err != -EAGAIN && err != -EBUSY)
			w->err = err;
	}
	put_device(&pdev->dev);
	return w->err;
}

/*
 * Were the regions of the tree made? A board with one region less can be repaired, so
 * refusals are an error only if all were refused. Lack of memory is always an error,
 * because it is not the board's fault.
 */
static int wanted_check(void)
{
	u32 i, refused = 0;
	int err = 0;

	for (i = 0; i < wanted_count; i++) {
		int one = wanted_look(&wanted[i]);

		if (one == -ENOMEM)
			return one;
		refused += !!one;
		err = err ? err : one;
	}
	if (!refused || refused < wanted_count)
		return 0;
	if (bases || allow_empty)
		return 0;
	pr_err("none of the %u regions of the device tree came, see above; allow_empty=1 loads the module all the same\n",
	       refused);
	return err;
}

static int place_parse(const char *name, const char *text, u64 *value)
{
	int err = number_parse(text, value);

	if (err)
		pr_err("%s=: '%s' is %s; use e.g. 0x58000000 or 16M\n", name,
		       text, err == -ERANGE ? "too large" : "no number");
	return err;
}

static int own_create(unsigned int i, u32 number)
{
	struct region_source source = { .number = number };
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
			pr_err("base=: %s is beyond the physical addresses of this kernel\n",
			       base[i]);
			err = -EINVAL;
		}
	}
	if (err)
		return err;
	return source_make(&source, &own[i]);
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
	u32 number = 0;
	unsigned int i;
	int err;

	if (bases && sizes != bases) {
		pr_err("%u base= but %u size=; give one size for each base\n",
		       bases, sizes);
		return -EINVAL;
	}
	if (caches_given > bases) {
		pr_err("%u cache= but %u base=; give one for each base, or none\n",
		       caches_given, bases);
		return -EINVAL;
	}
	if (!bases && sizes > 1) {
		pr_err("%u size= without base=; give one\n", sizes);
		return -EINVAL;
	}
	if (!bases && (sizes || !wanted_count))
		n = 1;
	for (i = 0; i < n; i++) {
		number = number_free(number);
		err = own_create(i, number++);
		if (err)
			return err;
	}
	return 0;
}

void source_exit(void)
{
	own_remove();
	platform_driver_unregister(&source_driver);
	wanted_exit();
}

int source_init(void)
{
	int err;

	err = wanted_init();
	if (err)
		goto out_wanted;
	err = platform_driver_register(&source_driver);
	if (err)
		goto out_wanted;
	err = wanted_check();
	if (!err)
		err = own_init();
	if (!err)
		err = regions_publish();
	if (err)
		source_exit();
	return err;

out_wanted:
	wanted_exit();
	return err;
}
