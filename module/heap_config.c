// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Heaps that a region has from the start: child nodes in the device tree, and
 * the module's heaps= parameter. Both set the same fields by the same table.
 */
#include <linux/kernel.h>
#include <linux/of.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heap.h"
#include "heap_config.h"
#include "number.h"
#include "region.h"

#define FIELD(name, property, member, type) \
	{ name, property, offsetof(struct memmgr_heap_create, member), \
	  sizeof(type) }

/* A field of a heap's configuration: key in heaps=, property in the tree. */
static const struct config_field {
	const char *key;
	const char *property;
	size_t offset;
	size_t size;
} fields[] = {
	FIELD("bytes",	 "memmgr,size",		   bytes,	    u64),
	FIELD("object",	 "memmgr,object-size",	   object_size,	    u64),
	FIELD("object",	 "memmgr,block-size",	   object_size,	    u64),
	FIELD("align",	 "memmgr,align",	   align,	    u64),
	FIELD("count",	 "memmgr,count",	   count,	    u32),
	FIELD("granule", "memmgr,granule",	   granule,	    u32),
	FIELD("max",	 "memmgr,max-allocations", max_allocations, u32),
};

static int field_set(struct memmgr_heap_create *c, const struct config_field *f,
		     u64 value)
{
	void *at = (void *)c + f->offset;

	if (f->size == sizeof(u64))
		*(u64 *)at = value;
	else if (value <= U32_MAX)
		*(u32 *)at = value;
	else
		return -EINVAL;
	return 0;
}

static int kind_parse(const char *name, u32 *kind)
{
	for (*kind = 0; *kind < MEMMGR_KINDS; ++*kind)
		if (!strcmp(heap_kind_name(*kind), name))
			return 0;
	return -EINVAL;
}

static int fallback_parse(struct region *region, struct memmgr_heap_create *c,
			  const char *name)
{
	struct memmgr_heap *heap = heap_get_named(region, name);

	if (!heap)
		return -ENOENT;
	c->flags |= MEMMGR_HEAP_FALLBACK;
	c->fallback = heap->id;
	heap_put(heap);
	return 0;
}

static int config_create(struct region *region, struct memmgr_heap_create *c)
{
	int err;

	c->size = sizeof(*c);
	err = heap_create(region, NULL, c);
	if (err)
		pr_err("memmgr: %s: heap '%s' refused: error %d%s\n",
		       region->name, c->name, err,
		       err == -EOPNOTSUPP ? ", this build has no such kind" :
		       err == -ENOMEM ? ", it does not fit into the region" :
		       err == -EEXIST ? ", the name is taken" :
		       ", a property is missing or wrong for its kind");
	return err;
}

/* One "key=value" of a heap in heaps=. */
static int option_parse(struct region *region, struct memmgr_heap_create *c,
			char *option)
{
	char *value = option;
	char *key = strsep(&value, "=");
	u64 number;
	size_t i;

	if (!value || !*value)
		return -EINVAL;
	if (!strcmp(key, "fallback"))
		return fallback_parse(region, c, value);
	if (number_parse(value, &number))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(key, fields[i].key))
			return field_set(c, &fields[i], number);
	return -EINVAL;
}

/* One "name:kind:key=value,..." of heaps=. */
static int heap_parse(struct region *region, char *text)
{
	struct memmgr_heap_create c = { 0 };
	char *name = strsep(&text, ":");
	char *kind = text ? strsep(&text, ":") : NULL;
	char *option;

	if (!kind || kind_parse(kind, &c.kind) ||
	    strscpy(c.name, name, sizeof(c.name)) < 0) {
		pr_err("memmgr: heaps=: '%s' is not name:kind:key=value,... with a kind of buddy, slab, pool, stack\n",
		       name);
		return -EINVAL;
	}
	while (text && (option = strsep(&text, ","))) {
		char *shown = kstrdup(option, GFP_KERNEL);
		int err = shown ? option_parse(region, &c, option) : -ENOMEM;

		if (err)
			pr_err("memmgr: heaps=: heap '%s': '%s' is not one of bytes, object, align, count, granule, max with a number, or fallback with a heap\n",
			       c.name, shown ? shown : "");
		kfree(shown);
		if (err)
			return err;
	}
	return config_create(region, &c);
}

static int heaps_from_text(struct region *region, const char *heaps)
{
	char *copy = kstrdup(heaps, GFP_KERNEL);
	char *rest = copy;
	char *heap;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	while (!err && (heap = strsep(&rest, ";")))
		if (*heap)
			err = heap_parse(region, heap);
	kfree(copy);
	return err;
}

/* A number of one or two cells. */
static int property_number(const struct device_node *node, const char *property,
			   u64 *value)
{
	u32 cell;

	if (of_property_count_u32_elems(node, property) == 2)
		return of_property_read_u64(node, property, value);
	if (of_property_count_u32_elems(node, property) != 1 ||
	    of_property_read_u32(node, property, &cell))
		return -EINVAL;
	*value = cell;
	return 0;
}

static void heap_from_node(struct region *region, struct device_node *node)
{
	struct memmgr_heap_create c = { 0 };
	const char *text = "";
	size_t i;
	u64 value;

	if (of_property_read_string(node, "memmgr,kind", &text) ||
	    kind_parse(text, &c.kind)) {
		pr_err("memmgr: %s: heap node %pOFn refused: memmgr,kind is '%s', not one of buddy, slab, pool, stack\n",
		       region->name, node, text);
		return;
	}
	if (of_property_read_string(node, "label", &text))
		snprintf(c.name, sizeof(c.name), "%pOFn", node);
	else
		strscpy(c.name, text, sizeof(c.name));
	if (!of_property_read_string(node, "memmgr,fallback", &text) &&
	    fallback_parse(region, &c, text)) {
		pr_err("memmgr: %s: heap '%s' refused: its memmgr,fallback '%s' does not exist before it\n",
		       region->name, c.name, text);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!of_find_property(node, fields[i].property, NULL))
			continue;
		if (property_number(node, fields[i].property, &value) ||
		    field_set(&c, &fields[i], value)) {
			pr_err("memmgr: %s: heap '%s' refused: %s is no number that fits\n",
			       region->name, c.name, fields[i].property);
			return;
		}
	}
	if (of_property_read_bool(node, "memmgr,no-join"))
		c.flags |= MEMMGR_HEAP_NO_JOIN;
	config_create(region, &c);
}

/**
 * heap_config_apply - make the heaps that a source asks for
 * @region: with heap main only
 * @source: whose node and text name them
 *
 * Every refusal is in the log.
 *
 * Return: 0, or the error of the first heap of the text that is refused. What
 * the device tree asks for and cannot be had is left out.
 */
int heap_config_apply(struct region *region, const struct region_source *source)
{
	struct device_node *node;

	/* A board that boots with one heap less can still be repaired. */
	if (source->node)
		for_each_available_child_of_node(source->node, node)
			heap_from_node(region, node);
	return source->heaps ? heaps_from_text(region, source->heaps) : 0;
}
