// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "calls.h"

int mm_call(int fd, unsigned long command, void *argument)
{
	int result = ioctl(fd, command, argument);

	return result < 0 ? -errno : result;
}

int mm_query(int fd, struct memmgr_query *q)
{
	*q = (struct memmgr_query){ .size = sizeof(*q) };
	return mm_call(fd, MEMMGR_IOC_QUERY, q);
}

__u64 mm_misaligned(int fd, __u64 offset, __u64 align)
{
	struct memmgr_query q;

	return mm_query(fd, &q) ? ~0ull : (q.phys + offset) % align;
}

int mm_heap_query(int fd, __u32 heap, struct memmgr_heap_query *q)
{
	*q = (struct memmgr_heap_query){ .size = sizeof(*q), .heap = heap };
	return mm_call(fd, MEMMGR_IOC_HEAP_QUERY, q);
}

int mm_heap_next(int fd, __u32 heap, struct memmgr_heap_query *q)
{
	*q = (struct memmgr_heap_query){
		.size = sizeof(*q), .heap = heap, .flags = MEMMGR_QUERY_NEXT,
	};
	return mm_call(fd, MEMMGR_IOC_HEAP_QUERY, q);
}

int mm_heap_named(int fd, const char *name, struct memmgr_heap_query *q)
{
	*q = (struct memmgr_heap_query){ .size = sizeof(*q), .flags = MEMMGR_QUERY_NAME };
	snprintf(q->name, sizeof(q->name), "%s", name);
	return mm_call(fd, MEMMGR_IOC_HEAP_QUERY, q);
}

int mm_heap_create(int fd, struct memmgr_heap_create *c)
{
	return mm_call(fd, MEMMGR_IOC_HEAP_CREATE, c);
}

int mm_heap_destroy(int fd, __u32 heap, __u32 flags)
{
	struct memmgr_heap_destroy d = {
		.size = sizeof(d), .heap = heap, .flags = flags,
	};

	return mm_call(fd, MEMMGR_IOC_HEAP_DESTROY, &d);
}

struct memmgr_alloc alloc_request(__u32 heap, __u64 bytes)
{
	return (struct memmgr_alloc){
		.size = sizeof(struct memmgr_alloc), .heap = heap, .bytes = bytes,
	};
}

int mm_alloc(int fd, struct memmgr_alloc *a)
{
	return mm_call(fd, MEMMGR_IOC_ALLOC, a);
}

int mm_free(int fd, __u64 handle)
{
	struct memmgr_free f = { .size = sizeof(f), .handle = handle };

	return mm_call(fd, MEMMGR_IOC_FREE, &f);
}

int mm_resize(int fd, __u64 handle, __u64 bytes, struct memmgr_resize *r)
{
	*r = (struct memmgr_resize){
		.size = sizeof(*r), .handle = handle, .bytes = bytes,
	};
	return mm_call(fd, MEMMGR_IOC_RESIZE, r);
}

int mm_mark(int fd, __u32 heap, __u64 *mark)
{
	struct memmgr_mark m = { .size = sizeof(m), .heap = heap };
	int result = mm_call(fd, MEMMGR_IOC_MARK, &m);

	*mark = m.mark;
	return result;
}

int mm_release(int fd, __u32 heap, __u64 mark, __u32 *released)
{
	struct memmgr_mark m = { .size = sizeof(m), .heap = heap, .mark = mark };
	int result = mm_call(fd, MEMMGR_IOC_RELEASE, &m);

	if (released)
		*released = m.released;
	return result;
}

struct memmgr_copy copy_request(__u64 handle, __u64 offset, __u64 bytes, const void *ptr)
{
	return (struct memmgr_copy){
		.size = sizeof(struct memmgr_copy), .handle = handle,
		.offset = offset, .bytes = bytes, .ptr = (uintptr_t)ptr,
	};
}

int mm_read(int fd, __u64 handle, __u64 offset, void *to, __u64 bytes)
{
	struct memmgr_copy c = copy_request(handle, offset, bytes, to);

	return mm_call(fd, MEMMGR_IOC_READ, &c);
}

int mm_write(int fd, __u64 handle, __u64 offset, const void *from, __u64 bytes)
{
	struct memmgr_copy c = copy_request(handle, offset, bytes, from);

	return mm_call(fd, MEMMGR_IOC_WRITE, &c);
}

int mm_info(int fd, __u64 handle, struct memmgr_info *i)
{
	*i = (struct memmgr_info){ .size = sizeof(*i), .handle = handle };
	return mm_call(fd, MEMMGR_IOC_ALLOC_QUERY, i);
}

int mm_stats(int fd, __u32 heap, struct memmgr_stats *s)
{
	*s = (struct memmgr_stats){ .size = sizeof(*s), .heap = heap };
	return mm_call(fd, MEMMGR_IOC_STATS, s);
}

int mm_frag(int fd, __u32 heap, struct memmgr_frag *f)
{
	*f = (struct memmgr_frag){ .size = sizeof(*f), .heap = heap };
	return mm_call(fd, MEMMGR_IOC_FRAG, f);
}

int mm_check(int fd, __u32 heap)
{
	struct memmgr_check c = { .size = sizeof(c), .heap = heap };
	int result = mm_call(fd, MEMMGR_IOC_CHECK, &c);

	if (result == -EUCLEAN)
		fprintf(stderr, "# heap %u broken at %llu: %.64s\n", heap,
			(unsigned long long)c.offset, c.what);
	return result;
}

int mm_protect(int fd, __u64 handle, __u32 access, __u32 flags)
{
	struct memmgr_protect p = {
		.size = sizeof(p), .flags = flags, .handle = handle, .access = access,
	};

	return mm_call(fd, MEMMGR_IOC_PROTECT, &p);
}

int mm_sync(int fd, __u64 handle, __u64 offset, __u64 bytes, __u32 flags)
{
	struct memmgr_sync s = {
		.size = sizeof(s), .flags = flags, .handle = handle,
		.offset = offset, .bytes = bytes,
	};

	return mm_call(fd, MEMMGR_IOC_SYNC, &s);
}

int mm_export(int fd, __u64 handle, __u32 flags)
{
	struct memmgr_export e = {
		.size = sizeof(e), .flags = flags, .handle = handle, .fd = -1,
	};
	int result = mm_call(fd, MEMMGR_IOC_EXPORT, &e);

	return result ? result : e.fd;
}

int mm_accounts(int fd, __u32 flags, struct memmgr_account *entries, __u32 *count, __u64 *cursor)
{
	struct memmgr_accounts a = {
		.size = sizeof(a), .flags = flags, .count = *count,
		.entry_size = sizeof(*entries), .cursor = *cursor,
		.entries = (uintptr_t)entries,
	};
	int result = mm_call(fd, MEMMGR_IOC_ACCOUNTS, &a);

	*count = a.count;
	*cursor = a.cursor;
	return result;
}

int mm_set_quota(int fd, __u32 flags, __u64 id, __u64 max_bytes, __u32 max_allocations)
{
	struct memmgr_quota q = {
		.size = sizeof(q), .flags = flags, .id = id,
		.max_bytes = max_bytes, .max_allocations = max_allocations,
	};

	return mm_call(fd, MEMMGR_IOC_SET_QUOTA, &q);
}

int mm_explain(int fd, __u32 heap, __u64 bytes, __u64 align, struct memmgr_explain *e)
{
	*e = (struct memmgr_explain){
		.size = sizeof(*e), .heap = heap, .bytes = bytes, .align = align,
	};
	return mm_call(fd, MEMMGR_IOC_EXPLAIN, e);
}

struct memmgr_compact compact_request(__u32 heap, __u32 flags, __u64 bytes)
{
	return (struct memmgr_compact){
		.size = sizeof(struct memmgr_compact), .heap = heap, .flags = flags,
		.bytes = bytes,
	};
}

int mm_compact(int fd, struct memmgr_compact *c)
{
	return mm_call(fd, MEMMGR_IOC_COMPACT, c);
}

int mm_empty(int fd, __u32 heap, __u64 offset, __u64 bytes, struct memmgr_compact *c)
{
	*c = compact_request(heap, MEMMGR_COMPACT_RANGE, bytes);
	c->offset = offset;
	return mm_compact(fd, c);
}

struct memmgr_pin pin_request(__u64 handle, __u32 flags)
{
	return (struct memmgr_pin){
		.size = sizeof(struct memmgr_pin), .flags = flags, .handle = handle,
	};
}

int mm_pin(int fd, __u64 handle, __u32 flags)
{
	struct memmgr_pin p = pin_request(handle, flags);

	return mm_call(fd, MEMMGR_IOC_PIN, &p);
}

int mm_unpin(int fd, __u64 handle, __u32 flags)
{
	struct memmgr_pin p = pin_request(handle, flags);

	return mm_call(fd, MEMMGR_IOC_UNPIN, &p);
}

int mm_health(int fd, struct memmgr_health *h)
{
	*h = (struct memmgr_health){ .size = sizeof(*h) };
	return mm_call(fd, MEMMGR_IOC_HEALTH, h);
}

int mm_health_set(int fd, const struct memmgr_health *h, __u32 flags)
{
	struct memmgr_health set = {
		.size = sizeof(set), .flags = MEMMGR_HEALTH_SET | flags,
		.compact_above = h->compact_above, .warn_above = h->warn_above,
		.hysteresis = h->hysteresis, .cpu = h->cpu,
	};

	return mm_call(fd, MEMMGR_IOC_HEALTH, &set);
}

int mm_inject(int fd, struct memmgr_inject *inject)
{
	inject->size = sizeof(*inject);
	return mm_call(fd, MEMMGR_IOC_INJECT, inject);
}

int mm_alloc_batch(int fd, __u32 heap, __u32 flags, __u64 bytes, __u64 *handles, __u32 *count)
{
	struct memmgr_alloc_batch b = {
		.size = sizeof(b), .heap = heap, .flags = flags, .count = *count,
		.bytes = bytes, .handles = (uintptr_t)handles,
	};
	int result = mm_call(fd, MEMMGR_IOC_ALLOC_BATCH, &b);

	*count = b.count;
	return result;
}

int mm_free_batch(int fd, const __u64 *handles, __u32 count)
{
	struct memmgr_free_batch b = {
		.size = sizeof(b), .count = count, .handles = (uintptr_t)handles,
	};

	return mm_call(fd, MEMMGR_IOC_FREE_BATCH, &b);
}
