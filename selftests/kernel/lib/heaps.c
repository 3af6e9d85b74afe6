// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "asserting.h"
#include "basics.h"
#include "calls.h"
#include "heaps.h"

const char *const kind_names[MEMMGR_KINDS] = {
	"buddy", "slab", "pool", "stack", "tlsf",
};

struct memmgr_heap_create heap_config(__u32 kind, const char *name)
{
	struct memmgr_heap_create c = {
		.size = sizeof(c), .flags = MEMMGR_HEAP_PRIVATE, .kind = kind,
	};

	snprintf(c.name, sizeof(c.name), "%s", name);
	switch (kind) {
	case MEMMGR_KIND_BUDDY:
	case MEMMGR_KIND_TLSF:
		c.bytes = 256 * KIB;
		c.granule = 32;
		break;
	case MEMMGR_KIND_SLAB:
		c.object_size = 192;
		break;
	case MEMMGR_KIND_POOL:
		c.object_size = 256;
		c.count = 64;
		break;
	default:
		c.bytes = 64 * KIB;
	}
	return c;
}

bool kind_is_built(int fd, __u32 kind)
{
	static const __u64 feature[MEMMGR_KINDS] = {
		0, MEMMGR_FEATURE_SLAB, MEMMGR_FEATURE_POOL,
		MEMMGR_FEATURE_STACK, MEMMGR_FEATURE_TLSF,
	};
	struct memmgr_query q;

	return !feature[kind] || (!mm_query(fd, &q) && (q.features & feature[kind]));
}

bool debug_is_built(int fd)
{
	struct memmgr_query q;

	return !mm_query(fd, &q) && (q.features & MEMMGR_FEATURE_DEBUG);
}

bool dmabuf_is_built(int fd)
{
	struct memmgr_query q;

	return !mm_query(fd, &q) && (q.features & MEMMGR_FEATURE_DMABUF);
}

bool heap_is_listed(int fd, __u32 heap)
{
	struct memmgr_heap_query q;
	__u32 next = 0;

	while (!mm_heap_next(fd, next, &q)) {
		if (q.heap == heap)
			return true;
		next = q.heap + 1;
	}
	return false;
}

__u32 must_heap(struct __test_metadata *_metadata, int fd, struct memmgr_heap_create c)
{
	ASSERT_EQ(0, mm_heap_create(fd, &c));
	return c.heap;
}

__u32 must_kind(struct __test_metadata *_metadata, int fd, __u32 kind)
{
	char name[MEMMGR_NAME_LEN];

	snprintf(name, sizeof(name), "t-%s-%d", kind_names[kind], getpid());
	return must_heap(_metadata, fd, heap_config(kind, name));
}

struct memmgr_alloc must_alloc(struct __test_metadata *_metadata, int fd, __u32 heap, __u64 bytes)
{
	struct memmgr_alloc a = alloc_request(heap, bytes);

	ASSERT_EQ(0, mm_alloc(fd, &a)) {
		TH_LOG("heap %u, %llu bytes: reason %u, largest %llu", heap,
		       (unsigned long long)bytes, a.reason,
		       (unsigned long long)a.largest);
	}
	return a;
}

struct memmgr_stats must_stats(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	struct memmgr_stats s;

	ASSERT_EQ(0, mm_stats(fd, heap, &s));
	return s;
}

__u64 violations_of(struct __test_metadata *_metadata, int fd, __u64 handle)
{
	struct memmgr_info i;

	ASSERT_EQ(0, mm_info(fd, handle, &i));
	return i.violations;
}

bool move_is_built(int fd)
{
	struct memmgr_query q;

	return !mm_query(fd, &q) && (q.features & MEMMGR_FEATURE_MOVE);
}
