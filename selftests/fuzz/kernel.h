/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the parsers of the module use of the kernel and of the rest of the module, for
 * parser_fuzz.c: their own headers have nothing to add.
 */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMMGR_HEAP_H
#define MEMMGR_HEAP_LOOKUP_H
#define MEMMGR_HEAP_MAKE_H
#define MEMMGR_HEAP_RIGHTS_H
#define MEMMGR_HEAP_SHAPE_H
#define MEMMGR_REGION_H
#define MEMMGR_SOURCE_H

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define U32_MAX		UINT32_MAX
#define U64_MAX		UINT64_MAX
#define GFP_KERNEL	0

#define IS_ENABLED(CONFIG_option)	1

struct heap_kind;

struct memmgr_heap {
	u32 id;
	const struct heap_kind *traits;
};

struct region {
	const char *name;
};

struct client;

struct property {
	char *name;
	int length;
	void *value;
	struct property *next;
};

struct device_node {
	const char *name;
	struct property *properties;
	struct device_node *child;
};

struct region_source {
	struct device_node *node;
	const char *heaps;
};

struct memmgr_heap *heap_get_named(struct region *region, const char *name);
void heap_put(struct memmgr_heap *heap);
int heap_create(struct region *region, struct client *client, struct memmgr_heap_create *c);
u32 heap_config_fields(const struct memmgr_heap_create *c, u32 *missing);
bool heap_mode_ok(u32 mode);

/* The kernel's %pOF means nothing to printf(). */
static inline void quiet(const char *format, ...)
{
	(void)format;
}

#define pr_err(...)	quiet(__VA_ARGS__)
#define pr_warn(...)	quiet(__VA_ARGS__)

static inline char *kstrdup(const char *text, int how)
{
	(void)how;
	return strdup(text);
}

#define kfree(p)	free(p)

#define scnprintf	fuzz_scnprintf

int fuzz_scnprintf(char *to, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
ssize_t strscpy(char *to, const char *from, size_t bytes);
int kstrtou64(const char *text, unsigned int base, u64 *number);

const void *of_get_property(const struct device_node *node, const char *name, int *length);
int of_property_count_u32_elems(const struct device_node *node, const char *name);
int of_property_read_u32_array(const struct device_node *node, const char *name, u32 *to,
			       size_t count);
int of_property_read_string(const struct device_node *node, const char *name, const char **text);
bool of_property_read_bool(const struct device_node *node, const char *name);

#define of_node_put(node)	((void)(node))
#define for_each_available_child_of_node(parent, node) \
	for ((node) = (parent) ? (parent)->child : NULL; (node); (node) = NULL)

#endif /* FUZZ_KERNEL_H */
