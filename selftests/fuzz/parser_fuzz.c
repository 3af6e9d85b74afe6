// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The texts that the module reads: numbers, heaps=, and the properties of a heap's node in
 * the device tree. The first byte of an input says which of these the rest is.
 */
#include <stdarg.h>

#include "kernel.h"

#include "../../module/base/number.c"
#include "../../module/setup/heaps.c"

/* What libFuzzer calls with each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();					\
		}							\
	} while (0)

/* ---- the kernel ---------------------------------------------------------------------- */

ssize_t strscpy(char *to, const char *from, size_t bytes)
{
	size_t n = strnlen(from, bytes);

	if (!bytes)
		return -E2BIG;
	memcpy(to, from, n == bytes ? bytes - 1 : n);
	to[n == bytes ? bytes - 1 : n] = 0;
	return n == bytes ? -E2BIG : (ssize_t)n;
}

int fuzz_scnprintf(char *to, size_t bytes, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to, bytes, format, args);
	va_end(args);
	return n < (int)bytes ? n : (int)bytes - 1;
}

/* Decimal, octal or hexadecimal, all of the text. */
int kstrtou64(const char *text, unsigned int base, u64 *number)
{
	unsigned __int128 sum = 0;
	int digit;

	base = 10;
	if (text[0] == '0' && tolower(text[1]) == 'x' && isxdigit(text[2])) {
		base = 16;
		text += 2;
	} else if (text[0] == '0') {
		base = 8;
	}
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		digit = isdigit(*text) ? *text - '0' : isxdigit(*text) ?
			tolower(*text) - 'a' + 10 : 99;
		if (digit >= (int)base)
			return -EINVAL;
		sum = sum * base + digit;
		if (sum > U64_MAX)
			return -ERANGE;
	}
	*number = sum;
	return 0;
}

static const struct property *property_of(const struct device_node *node, const char *name)
{
	const struct property *p;

	for (p = node->properties; p; p = p->next)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

const void *of_get_property(const struct device_node *node, const char *name, int *length)
{
	const struct property *p = property_of(node, name);

	if (p && length)
		*length = p->length;
	return p ? p->value : NULL;
}

int of_property_count_u32_elems(const struct device_node *node, const char *name)
{
	const struct property *p = property_of(node, name);

	if (!p)
		return -EINVAL;
	return p->length % 4 ? -EINVAL : p->length / 4;
}

int of_property_read_u32_array(const struct device_node *node, const char *name, u32 *to,
			       size_t count)
{
	const struct property *p = property_of(node, name);

	if (!p || p->length < (int)(4 * count))
		return -EOVERFLOW;
	memcpy(to, p->value, 4 * count);
	return 0;
}

int of_property_read_string(const struct device_node *node, const char *name, const char **text)
{
	const struct property *p = property_of(node, name);

	if (!p)
		return -EINVAL;
	if (!p->length || strnlen(p->value, p->length) == (size_t)p->length)
		return -EILSEQ;
	*text = p->value;
	return 0;
}

bool of_property_read_bool(const struct device_node *node, const char *name)
{
	return property_of(node, name);
}

/* ---- the module ------------------------------------------------------------------------- */

static const char * const kinds[MEMMGR_KINDS] = { "buddy", "slab", "pool", "stack", "tlsf" };

const char * const heap_kind_names = "buddy, slab, pool, stack, tlsf";

const char *heap_kind_name(u32 kind)
{
	CHECK(kind < MEMMGR_KINDS);
	return kinds[kind];
}

struct memmgr_heap *heap_get_named(struct region *region, const char *name)
{
	static struct memmgr_heap heap = { .id = 3 };

	(void)region;
	return strlen(name) % 2 ? &heap : NULL;
}

void heap_put(struct memmgr_heap *heap)
{
	CHECK(heap);
}

/* What it is asked for is well formed, and refused in all ways, by what it asks for. */
int heap_create(struct region *region, struct client *client, struct memmgr_heap_create *c)
{
	static const int errors[] = { 0, -EINVAL, -EOPNOTSUPP, -EEXIST, -ENOSPC, -ENOMEM };
	u32 known = MEMMGR_HEAP_MODE | MEMMGR_HEAP_FALLBACK | MEMMGR_HEAP_NO_JOIN;

	CHECK(region && !client);
	CHECK(c->size == sizeof(*c));
	CHECK(c->kind < MEMMGR_KINDS);
	CHECK(!(c->flags & ~known));
	CHECK(strnlen(c->name, sizeof(c->name)) < sizeof(c->name));
	CHECK(!(c->flags & MEMMGR_HEAP_FALLBACK) || c->fallback == 3);
	CHECK(!c->heap && !c->reserved && !c->pad);
	c->reason = c->max_allocations % MEMMGR_REASONS;
	return errors[c->bytes % ARRAY_SIZE(errors)];
}

u32 heap_config_fields(const struct memmgr_heap_create *c, u32 *missing)
{
	*missing = c->count % 64;
	return c->granule % 64;
}

bool heap_mode_ok(u32 mode)
{
	return !(mode & ~0666u);
}

/* ---- inputs ------------------------------------------------------------------------------- */

/* The value of a text of digits and a unit, by another way: -1 if it is none. */
static int number_by_hand(const char *text, u64 *value)
{
	unsigned __int128 sum;
	char *end;
	const char *unit;
	u64 number;

	if (!isdigit(*text))
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno == ERANGE)
		return -ERANGE;
	sum = number;
	unit = *end ? strchr("kmgtpe", tolower(*end)) : NULL;
	if (unit) {
		sum <<= 10 * (unit - "kmgtpe" + 1);
		end++;
	}
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	*value = sum;
	return sum > U64_MAX ? -ERANGE : 0;
}

static void fuzz_number(const char *text)
{
	u64 number = 0, value = 0;
	int result = number_parse(text, &number), other = number_by_hand(text, &value);

	CHECK(result == 0 || result == -EINVAL || result == -ERANGE);
	/* a number with too many zeros in front of it is refused */
	if (!result)
		CHECK(!other && number == value);
	else
		CHECK(other || strspn(text, "0123456789") > NUMBER_DIGITS ||
		      strspn(text + 2, "0123456789abcdefABCDEF") + 2 > NUMBER_DIGITS);
}

static void fuzz_heaps(const char *text)
{
	struct region region = { .name = "fuzz" };
	struct region_source source = { .heaps = text };
	int err = heap_config_apply(&region, &source);

	CHECK(!err || err == -ENOMEM);
}

static const char * const names[] = {
	"memmgr,kind", "label", "memmgr,fallback", "memmgr,no-join", "memmgr,size",
	"memmgr,object-size", "memmgr,block-size", "memmgr,align", "memmgr,count",
	"memmgr,granule", "memmgr,max-allocations", "memmgr,mode", "memmgr,uid", "memmgr,gid",
	"name", "other", "vendor,other", "#cells",
};

/* A property of the next bytes: a name, a length, and the value, in memory of its own. */
static struct property *property_from(const uint8_t **data, size_t *left, struct property *next)
{
	struct property *p = calloc(1, sizeof(*p));
	uint8_t first = **data;

	++*data;
	--*left;
	p->length = *left ? **data % 40 : 0;
	if (p->length > (int)*left)
		p->length = *left;
	p->name = strdup(names[first % ARRAY_SIZE(names)]);
	p->value = malloc(p->length ? p->length : 1);
	memcpy(p->value, *data, p->length);
	/* most kinds are kinds */
	if (p->length && first >= 128 && first % ARRAY_SIZE(names) == 0) {
		free(p->value);
		p->value = strdup(kinds[**data % MEMMGR_KINDS]);
		p->length = strlen(p->value) + 1;
	}
	*data += (size_t)p->length < *left ? (size_t)p->length : *left;
	*left -= (size_t)p->length < *left ? (size_t)p->length : *left;
	p->next = next;
	return p;
}

static void fuzz_node(const uint8_t *data, size_t size)
{
	struct device_node child = { .name = "child" };
	struct device_node parent = { .name = "parent", .child = &child };
	struct region_source source = { .node = &parent };
	struct region region = { .name = "fuzz" };
	struct property *next;
	int err;

	while (size)
		child.properties = property_from(&data, &size, child.properties);
	heap_config_look(&child);
	err = heap_config_apply(&region, &source);
	CHECK(!err || err == -ENOMEM);
	for (; child.properties; child.properties = next) {
		next = child.properties->next;
		free(child.properties->name);
		free(child.properties->value);
		free(child.properties);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	if (*data % 3 == 2) {
		fuzz_node(data + 1, size - 1);
		return 0;
	}
	text = strndup((const char *)data + 1, size - 1);
	if (*data % 3)
		fuzz_heaps(text);
	else
		fuzz_number(text);
	free(text);
	return 0;
}
