// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Heaps that a region has from the start: child nodes in the device tree, and the
 * module's heaps= parameter. One table maps both to the same fields.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/of.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/number.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/lookup.h"
#include "heap/make.h"
#include "heap/rights.h"
#include "heap/shape.h"
#include "region/region.h"
#include "setup/heaps.h"
#include "setup/source.h"

#define ANY_KIND	MEMMGR_KINDS

#define FIELD(name, property, kind, field, member, type) \
	{ name, property, kind, field, offsetof(struct memmgr_heap_create, member), \
	  sizeof(type) }

/*
 * A field of a heap's configuration: its key in heaps=, its property in the device tree,
 * and the kind of heap that uses these names.
 */
static const struct config_field {
	const char *key;
	const char *property;
	u32 kind;
	u32 field;
	size_t offset;
	size_t size;
} fields[] = {
	FIELD("bytes", "memmgr,size", ANY_KIND, HEAP_FIELD_BYTES, bytes, u64),
	FIELD("object", "memmgr,object-size", MEMMGR_KIND_SLAB, HEAP_FIELD_OBJECT, object_size,
	      u64),
	FIELD("object", "memmgr,block-size", MEMMGR_KIND_POOL, HEAP_FIELD_OBJECT, object_size,
	      u64),
	FIELD("align", "memmgr,align", ANY_KIND, HEAP_FIELD_ALIGN, align, u64),
	FIELD("count", "memmgr,count", ANY_KIND, HEAP_FIELD_COUNT, count, u32),
	FIELD("granule", "memmgr,granule", ANY_KIND, HEAP_FIELD_GRANULE, granule, u32),
	FIELD("max", "memmgr,max-allocations", ANY_KIND, 0, max_allocations, u32),
	FIELD("mode", "memmgr,mode", ANY_KIND, 0, mode, u32),
	FIELD("uid", "memmgr,uid", ANY_KIND, 0, uid, u32),
	FIELD("gid", "memmgr,gid", ANY_KIND, 0, gid, u32),
};

/* Open to every user who may open the node, unless the configuration sets a mode. */
static const struct memmgr_heap_create config_usual = {
	.flags = MEMMGR_HEAP_MODE,
	.mode = 0666,
};

/* Properties that are not numbers: of a region's node, of a heap's node, and of any node. */
static const char * const region_properties[] = {
	"memory-region", "label", "memmgr,cache", NULL
};

static const char * const heap_properties[] = {
	"memmgr,kind", "label", "memmgr,fallback", "memmgr,no-join", NULL
};

static const char * const any_properties[] = {
	"name", "compatible", "status", "phandle", "linux,phandle", "reg", "ranges", NULL
};

static bool name_is_in(const char *name, const char * const *names)
{
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

static bool name_is_number(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(name, fields[i].property))
			return true;
	return false;
}

/*
 * Log a line for each property that has no meaning here, because it may be misspelt. A
 * property with another prefix belongs to other code.
 */
static void properties_look(const struct device_node *node, const char * const *known,
			    bool numbers)
{
	const struct property *p;

	for (p = node->properties; p; p = p->next) {
		if (name_is_in(p->name, known) || name_is_in(p->name, any_properties) ||
		    (numbers && name_is_number(p->name)))
			continue;
		if (strncmp(p->name, "memmgr,", 7) &&
		    (strchr(p->name, ',') || strchr(p->name, '#')))
			continue;
		pr_warn("%pOF: property '%s' means nothing here and is ignored; see the binding memmgr,region.yaml\n",
			node, p->name);
	}
}

/* Check the properties of a region's node. Context: process. */
void heap_config_look(const struct device_node *node)
{
	properties_look(node, region_properties, false);
}

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

/**
 * struct asked - a heap that the configuration asks for
 * @c: its configuration
 * @node: its node in the device tree; NULL if it is from heaps=
 */
struct asked {
	struct memmgr_heap_create c;
	const struct device_node *node;
};

/* List the fields @which by their names in the device tree or in heaps=, as @a needs. */
static void fields_name(const struct asked *a, u32 which, char *text, size_t bytes)
{
	size_t i, len = 0;

	text[0] = 0;
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct config_field *f = &fields[i];

		if (!(f->field & which) ||
		    (f->field == HEAP_FIELD_OBJECT && a->c.kind == MEMMGR_KIND_POOL &&
		     f->kind != a->c.kind))
			continue;
		which &= ~f->field;
		len += scnprintf(text + len, bytes - len, "%s%s", len ? ", " : "",
				 a->node ? f->property : f->key);
	}
	if (which & HEAP_FIELD_NO_JOIN)
		scnprintf(text + len, bytes - len, "%smemmgr,no-join", len ? ", " : "");
}

/* Describe why a heap was refused. */
static void refusal_say(const struct asked *a, int err, char *text, size_t bytes)
{
	u32 surplus, missing;
	char names[64];

	surplus = heap_config_fields(&a->c, &missing);
	fields_name(a, missing ? missing : surplus, names, sizeof(names));
	if (err == -EOPNOTSUPP)
		snprintf(text, bytes, "this build has no such kind");
	else if (err == -EEXIST)
		snprintf(text, bytes, "the name is taken, give it another");
	else if (err == -ENOSPC && a->c.reason == MEMMGR_REASON_WINDOWS)
		snprintf(text, bytes,
			 "the mmap() offsets have no room; give it fewer allocations, or mode 0");
	else if (err == -ENOSPC)
		snprintf(text, bytes, "the region has %u heaps already", MEMMGR_MAX_HEAPS);
	else if (err == -ENOMEM)
		snprintf(text, bytes, "it does not fit into the region; make it smaller");
	else if (missing)
		snprintf(text, bytes, "%s is missing, a %s needs it", names,
			 heap_kind_name(a->c.kind));
	else if (surplus)
		snprintf(text, bytes, "%s is not for a %s, leave it out", names,
			 heap_kind_name(a->c.kind));
	else if (!heap_mode_ok(a->c.mode))
		snprintf(text, bytes, "its mode has other bits than read and write");
	else
		snprintf(text, bytes,
			 "a value is out of its range: names have 1 to %u letters, digits and -_., align and granule are powers of two, a granule is 32 bytes (tlsf: 16) up to a page",
			 MEMMGR_NAME_LEN - 1);
}

/*
 * Make the heap, or log a line and leave it out. If the system lacks memory, which is no
 * fault of the configuration, return -ENOMEM.
 */
static int asked_create(struct region *region, struct asked *a)
{
	char text[200];
	int err;

	a->c.size = sizeof(a->c);
	err = heap_create(region, NULL, &a->c);
	if (!err || (err == -ENOMEM && !a->c.reason))
		return err;
	refusal_say(a, err, text, sizeof(text));
	pr_err("%s: heap '%s' left out: %s\n", region->name, a->c.name, text);
	return 0;
}

/* Parse one "key=value" of a heap in heaps=. */
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

/* Parse one "name:kind:key=value,..." of heaps=. */
static int heap_parse(struct region *region, char *text)
{
	struct asked a = { .c = config_usual };
	char *name = strsep(&text, ":");
	char *kind = text ? strsep(&text, ":") : NULL;
	char *option;

	if (!kind || kind_parse(kind, &a.c.kind) ||
	    strscpy(a.c.name, name, sizeof(a.c.name)) < 0) {
		pr_err("%s: heap '%s' left out: it is not name:kind:key=value,... with a kind of %s\n",
		       region->name, name, heap_kind_names);
		return 0;
	}
	while (text && (option = strsep(&text, ","))) {
		char *shown = kstrdup(option, GFP_KERNEL);
		int err = shown ? option_parse(region, &a.c, option) : -ENOMEM;

		if (shown && err)
			pr_err("%s: heap '%s' left out: '%s' is not one of bytes, object, align, count, granule, max, mode, uid, gid with a number, or fallback with a heap\n",
			       region->name, a.c.name, shown);
		kfree(shown);
		if (err)
			return shown ? 0 : err;
	}
	return asked_create(region, &a);
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

/* Read a number of one or two cells. */
static int property_number(const struct device_node *node, const char *property,
			   u64 *value)
{
	int n = of_property_count_u32_elems(node, property);
	u32 cells[2];

	if ((n != 1 && n != 2) || of_property_read_u32_array(node, property, cells, n))
		return -EINVAL;
	*value = n == 2 ? (u64)cells[0] << 32 | cells[1] : cells[0];
	return 0;
}

/* Read all numbers of a heap's node. Returns the property that does not fit, or NULL. */
static const char *numbers_read(struct asked *a)
{
	size_t i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!of_get_property(a->node, fields[i].property, NULL))
			continue;
		if (property_number(a->node, fields[i].property, &value) ||
		    field_set(&a->c, &fields[i], value))
			return fields[i].property;
	}
	return NULL;
}

static int heap_from_node(struct region *region, const struct device_node *node)
{
	struct asked a = { .c = config_usual, .node = node };
	const char *text = "";
	const char *wrong;

	properties_look(node, heap_properties, true);
	if (of_property_read_string(node, "memmgr,kind", &text) ||
	    kind_parse(text, &a.c.kind)) {
		pr_err("%s: heap of node %pOFn left out: memmgr,kind is '%s', not one of %s\n",
		       region->name, node, text, heap_kind_names);
		return 0;
	}
	if (of_property_read_string(node, "label", &text))
		snprintf(a.c.name, sizeof(a.c.name), "%pOFn", node);
	else if (strscpy(a.c.name, text, sizeof(a.c.name)) < 0)
		a.c.name[0] = 0;
	if (!of_property_read_string(node, "memmgr,fallback", &text) &&
	    fallback_parse(region, &a.c, text)) {
		pr_err("%s: heap '%s' left out: its memmgr,fallback '%s' does not exist before it\n",
		       region->name, a.c.name, text);
		return 0;
	}
	wrong = numbers_read(&a);
	if (wrong) {
		pr_err("%s: heap '%s' left out: %s is no number that fits\n",
		       region->name, a.c.name, wrong);
		return 0;
	}
	if (of_property_read_bool(node, "memmgr,no-join"))
		a.c.flags |= MEMMGR_HEAP_NO_JOIN;
	return asked_create(region, &a);
}

/**
 * heap_config_apply - make the heaps that a source asks for
 * @region: a region with only heap main
 * @source: its node and its heaps= name the heaps
 *
 * A heap whose configuration is wrong or that does not fit is left out, with a line in the
 * log, because a board that boots with one heap less can still be repaired.
 *
 * Context: process, may sleep.
 * Return: 0, or -ENOMEM if the system has no memory for the parts of heaps that lie
 * outside of the region.
 */
int heap_config_apply(struct region *region, const struct region_source *source)
{
	struct device_node *node;
	int err;

	for_each_available_child_of_node(source->node, node) {
		err = heap_from_node(region, node);
		if (err) {
			of_node_put(node);
			return err;
		}
	}
	return source->heaps ? heaps_from_text(region, source->heaps) : 0;
}
