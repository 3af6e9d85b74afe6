// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* One function for each call of the ABI. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "memmgr.h"

/* Entries that memmgr_list() asks for at a time: 12 KiB of stack. */
#define LIST_CHUNK	64

static int call(int fd, unsigned long command, void *arg)
{
	return ioctl(fd, command, arg) < 0 ? -errno : 0;
}

static uint64_t user_pointer(const void *ptr)
{
	return (uint64_t)(uintptr_t)ptr;
}

int memmgr_query(int fd, struct memmgr_query *query)
{
	memset(query, 0, sizeof(*query));
	query->size = sizeof(*query);
	return call(fd, MEMMGR_IOC_QUERY, query);
}

int memmgr_heap_create(int fd, struct memmgr_heap_create *create)
{
	create->size = sizeof(*create);
	return call(fd, MEMMGR_IOC_HEAP_CREATE, create);
}

int memmgr_heap_destroy(int fd, uint32_t heap, uint32_t flags)
{
	struct memmgr_heap_destroy destroy = {
		.size = sizeof(destroy),
		.flags = flags,
		.heap = heap,
	};

	return call(fd, MEMMGR_IOC_HEAP_DESTROY, &destroy);
}

int memmgr_heap_set_rights(int fd, struct memmgr_heap_rights *rights)
{
	rights->size = sizeof(*rights);
	return call(fd, MEMMGR_IOC_HEAP_RIGHTS, rights);
}

int memmgr_heap_query(int fd, uint32_t heap, struct memmgr_heap_query *query)
{
	memset(query, 0, sizeof(*query));
	query->size = sizeof(*query);
	query->heap = heap;
	return call(fd, MEMMGR_IOC_HEAP_QUERY, query);
}

int memmgr_heap_by_name(int fd, const char *name,
			struct memmgr_heap_query *query)
{
	size_t len = strlen(name);

	if (!len || len >= MEMMGR_NAME_LEN)
		return -ENOENT;
	memset(query, 0, sizeof(*query));
	query->size = sizeof(*query);
	query->flags = MEMMGR_QUERY_NAME;
	memcpy(query->name, name, len);
	return call(fd, MEMMGR_IOC_HEAP_QUERY, query);
}

int memmgr_heap_next(int fd, uint32_t first, struct memmgr_heap_query *query)
{
	memset(query, 0, sizeof(*query));
	query->size = sizeof(*query);
	query->flags = MEMMGR_QUERY_NEXT;
	query->heap = first;
	return call(fd, MEMMGR_IOC_HEAP_QUERY, query);
}

int memmgr_alloc(int fd, struct memmgr_alloc *alloc)
{
	bool told = alloc->site;
	int err;

	alloc->size = sizeof(*alloc);
	if (!told)
		alloc->site = CALLER;
	err = call(fd, MEMMGR_IOC_ALLOC, alloc);
	/* An older module does not know sites. */
	if (err == -E2BIG) {
		alloc->site = 0;
		err = call(fd, MEMMGR_IOC_ALLOC, alloc);
	}
	if (!told)
		alloc->site = 0;
	return err;
}

int memmgr_free(int fd, uint64_t handle)
{
	struct memmgr_free free = {
		.size = sizeof(free),
		.handle = handle,
	};

	return call(fd, MEMMGR_IOC_FREE, &free);
}

int memmgr_resize(int fd, struct memmgr_resize *resize)
{
	resize->size = sizeof(*resize);
	return call(fd, MEMMGR_IOC_RESIZE, resize);
}

int memmgr_alloc_batch(int fd, struct memmgr_alloc_batch *batch)
{
	bool told = batch->site;
	int err;

	batch->size = sizeof(*batch);
	if (!told)
		batch->site = CALLER;
	err = call(fd, MEMMGR_IOC_ALLOC_BATCH, batch);
	if (err == -E2BIG) {
		batch->site = 0;
		err = call(fd, MEMMGR_IOC_ALLOC_BATCH, batch);
	}
	if (!told)
		batch->site = 0;
	return err;
}

int memmgr_free_batch(int fd, const uint64_t *handles, size_t *count)
{
	size_t wanted = *count, freed = 0;
	int err = 0;

	while (freed < wanted && !err) {
		size_t left = wanted - freed;
		struct memmgr_free_batch batch = {
			.size = sizeof(batch),
			.count = left < MEMMGR_BATCH_MAX ? left : MEMMGR_BATCH_MAX,
			.handles = user_pointer(handles + freed),
		};
		uint32_t asked = batch.count;

		err = call(fd, MEMMGR_IOC_FREE_BATCH, &batch);
		/* A call that was refused as a whole leaves @count untouched. */
		if (!err || batch.count < asked)
			freed += batch.count;
	}
	*count = freed;
	return err;
}

int memmgr_alloc_query(int fd, uint64_t handle, struct memmgr_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->handle = handle;
	return call(fd, MEMMGR_IOC_ALLOC_QUERY, info);
}

int memmgr_list(int fd, uint32_t heap, uint32_t flags,
		int (*visit)(const struct memmgr_info *info, void *arg),
		void *arg)
{
	struct memmgr_info entries[LIST_CHUNK];
	struct memmgr_list list = {
		.size = sizeof(list),
		.flags = flags,
		.heap = heap,
		.entry_size = sizeof(entries[0]),
		.entries = user_pointer(entries),
	};
	int err;

	do {
		list.count = LIST_CHUNK;
		err = call(fd, MEMMGR_IOC_LIST, &list);
		for (uint32_t i = 0; !err && i < list.count; i++)
			err = visit(&entries[i], arg);
	} while (!err && list.cursor);
	return err;
}

int memmgr_protect(int fd, uint64_t handle, uint32_t access, uint32_t flags)
{
	struct memmgr_protect protect = {
		.size = sizeof(protect),
		.flags = flags,
		.handle = handle,
		.access = access,
	};

	return call(fd, MEMMGR_IOC_PROTECT, &protect);
}

int memmgr_sync(int fd, uint64_t handle, uint64_t offset, uint64_t bytes, uint32_t flags)
{
	struct memmgr_sync sync = {
		.size = sizeof(sync),
		.flags = flags,
		.handle = handle,
		.offset = offset,
		.bytes = bytes,
	};

	return call(fd, MEMMGR_IOC_SYNC, &sync);
}

int memmgr_export(int fd, uint64_t handle, uint32_t flags)
{
	struct memmgr_export export = {
		.size = sizeof(export),
		.flags = flags,
		.handle = handle,
	};
	int err = call(fd, MEMMGR_IOC_EXPORT, &export);

	return err ? err : export.fd;
}

int memmgr_accounts(int fd, uint32_t flags,
		    int (*visit)(const struct memmgr_account *account, void *arg),
		    void *arg)
{
	struct memmgr_account entries[LIST_CHUNK];
	struct memmgr_accounts list = {
		.size = sizeof(list),
		.flags = flags,
		.entry_size = sizeof(entries[0]),
		.entries = user_pointer(entries),
	};
	int err;

	do {
		list.count = LIST_CHUNK;
		err = call(fd, MEMMGR_IOC_ACCOUNTS, &list);
		for (uint32_t i = 0; !err && i < list.count; i++)
			err = visit(&entries[i], arg);
	} while (!err && list.cursor);
	return err;
}

int memmgr_set_quota(int fd, struct memmgr_quota *quota)
{
	quota->size = sizeof(*quota);
	return call(fd, MEMMGR_IOC_SET_QUOTA, quota);
}

static int pin_call(int fd, unsigned long command, uint64_t handle, uint32_t flags,
		    struct memmgr_pin *pin)
{
	struct memmgr_pin arg = {
		.size = sizeof(arg),
		.flags = flags,
		.handle = handle,
	};
	int err = call(fd, command, &arg);

	if (!err && pin)
		*pin = arg;
	return err;
}

int memmgr_pin(int fd, uint64_t handle, struct memmgr_pin *pin)
{
	return pin_call(fd, MEMMGR_IOC_PIN, handle, 0, pin);
}

int memmgr_lease(int fd, uint64_t handle, struct memmgr_pin *pin)
{
	return pin_call(fd, MEMMGR_IOC_PIN, handle, MEMMGR_PIN_LEASE, pin);
}

int memmgr_unpin(int fd, uint64_t handle, uint32_t flags)
{
	return pin_call(fd, MEMMGR_IOC_UNPIN, handle, flags, NULL);
}

int memmgr_compact(int fd, struct memmgr_compact *compact)
{
	compact->size = sizeof(*compact);
	return call(fd, MEMMGR_IOC_COMPACT, compact);
}

int memmgr_explain(int fd, struct memmgr_explain *explain)
{
	explain->size = sizeof(*explain);
	return call(fd, MEMMGR_IOC_EXPLAIN, explain);
}

int memmgr_health(int fd, struct memmgr_health *health)
{
	memset(health, 0, sizeof(*health));
	health->size = sizeof(*health);
	return call(fd, MEMMGR_IOC_HEALTH, health);
}

int memmgr_set_health(int fd, struct memmgr_health *health)
{
	health->size = sizeof(*health);
	health->flags = MEMMGR_HEALTH_SET | (health->flags & MEMMGR_HEALTH_ON);
	return call(fd, MEMMGR_IOC_HEALTH, health);
}

int memmgr_inject(int fd, struct memmgr_inject *inject)
{
	inject->size = sizeof(*inject);
	return call(fd, MEMMGR_IOC_INJECT, inject);
}

int memmgr_next_event(int fd, int timeout_ms, struct memmgr_event *event)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int ready = poll(&wait, 1, timeout_ms);
	ssize_t got;

	if (ready < 0)
		return -errno;
	if (!ready)
		return -ETIMEDOUT;
	if (!(wait.revents & POLLIN))
		return -ENODEV;
	got = read(fd, event, sizeof(*event));
	if (got < 0)
		return -errno;
	return got == sizeof(*event) ? 0 : -ENODEV;
}

static int copy(int fd, unsigned long command, uint64_t handle, uint64_t offset,
		const void *ptr, size_t bytes)
{
	struct memmgr_copy arg = {
		.size = sizeof(arg),
		.handle = handle,
		.offset = offset,
		.bytes = bytes,
		.ptr = user_pointer(ptr),
	};

	return call(fd, command, &arg);
}

int memmgr_read(int fd, uint64_t handle, uint64_t offset, void *to, size_t bytes)
{
	return copy(fd, MEMMGR_IOC_READ, handle, offset, to, bytes);
}

int memmgr_write(int fd, uint64_t handle, uint64_t offset, const void *from, size_t bytes)
{
	return copy(fd, MEMMGR_IOC_WRITE, handle, offset, from, bytes);
}

int memmgr_mmap(int fd, uint64_t map_offset, size_t bytes, int prot,
		void **address)
{
	void *mapped;

	if (map_offset == UINT64_MAX)
		return -ENXIO;
	mapped = mmap(NULL, bytes, prot, MAP_SHARED, fd, (off_t)map_offset);
	if (mapped == MAP_FAILED)
		return -errno;
	*address = mapped;
	return 0;
}

int memmgr_munmap(void *address, size_t bytes)
{
	return munmap(address, bytes) < 0 ? -errno : 0;
}

int memmgr_mark(int fd, uint32_t heap, uint64_t *mark)
{
	struct memmgr_mark arg = {
		.size = sizeof(arg),
		.heap = heap,
	};
	int err = call(fd, MEMMGR_IOC_MARK, &arg);

	if (!err)
		*mark = arg.mark;
	return err;
}

int memmgr_release(int fd, uint32_t heap, uint64_t mark, uint32_t *released)
{
	struct memmgr_mark arg = {
		.size = sizeof(arg),
		.heap = heap,
		.mark = mark,
	};
	int err = call(fd, MEMMGR_IOC_RELEASE, &arg);

	if (!err && released)
		*released = arg.released;
	return err;
}

int memmgr_stats(int fd, uint32_t heap, struct memmgr_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	stats->heap = heap;
	return call(fd, MEMMGR_IOC_STATS, stats);
}

int memmgr_frag(int fd, uint32_t heap, struct memmgr_frag *frag)
{
	memset(frag, 0, sizeof(*frag));
	frag->size = sizeof(*frag);
	frag->heap = heap;
	return call(fd, MEMMGR_IOC_FRAG, frag);
}

int memmgr_check(int fd, uint32_t heap, struct memmgr_check *check)
{
	memset(check, 0, sizeof(*check));
	check->size = sizeof(*check);
	check->heap = heap;
	return call(fd, MEMMGR_IOC_CHECK, check);
}

int memmgr_map(int fd, struct memmgr_cell *cells, uint32_t *count,
	       uint64_t *cell_bytes)
{
	struct memmgr_map map = {
		.size = sizeof(map),
		.count = *count,
		.cells = user_pointer(cells),
	};
	int err = call(fd, MEMMGR_IOC_MAP, &map);

	if (!err) {
		*count = map.count;
		*cell_bytes = map.cell_bytes;
	}
	return err;
}

int memmgr_failures(int fd, uint64_t after, struct memmgr_failure *entries,
		    uint32_t *count, uint64_t *total)
{
	struct memmgr_failures failures = {
		.size = sizeof(failures),
		.count = *count,
		.entry_size = sizeof(*entries),
		.after = after,
		.entries = user_pointer(entries),
	};
	int err = call(fd, MEMMGR_IOC_FAILURES, &failures);

	if (!err) {
		*count = failures.count;
		if (total)
			*total = failures.total;
	}
	return err;
}

int memmgr_track(int fd, uint32_t heap, uint32_t flags, struct memmgr_track *track)
{
	memset(track, 0, sizeof(*track));
	track->size = sizeof(*track);
	track->heap = heap;
	track->flags = flags;
	return call(fd, MEMMGR_IOC_TRACK, track);
}

/* Entries that memmgr_sites() asks for at a time. */
#define SITES_CHUNK	16

int memmgr_sites(int fd, int (*visit)(const struct memmgr_site *site, void *arg), void *arg)
{
	struct memmgr_site entries[SITES_CHUNK];
	struct memmgr_sites sites = {
		.size = sizeof(sites),
		.entry_size = sizeof(entries[0]),
		.entries = user_pointer(entries),
	};
	int err;

	do {
		sites.count = SITES_CHUNK;
		err = call(fd, MEMMGR_IOC_SITES, &sites);
		for (uint32_t i = 0; !err && i < sites.count; i++)
			err = visit(&entries[i], arg);
	} while (!err && sites.count);
	return err;
}

int memmgr_latency(int fd, uint32_t heap, uint32_t flags, struct memmgr_latency *latency)
{
	memset(latency, 0, sizeof(*latency));
	latency->size = sizeof(*latency);
	latency->heap = heap;
	latency->flags = flags;
	return call(fd, MEMMGR_IOC_LATENCY, latency);
}

int memmgr_debug(int fd, struct memmgr_debug *debug)
{
	uint32_t on = debug->flags & MEMMGR_DEBUG_SET ? debug->flags : 0;
	struct memmgr_debug d = { .size = sizeof(d), .heap = debug->heap, .flags = on };
	int err;

	if (on & MEMMGR_DEBUG_ZONES)
		d.zone = debug->zone;
	if (on & MEMMGR_DEBUG_QUARANTINE) {
		d.quarantine_bytes = debug->quarantine_bytes;
		d.quarantine_blocks = debug->quarantine_blocks;
	}
	if (on & MEMMGR_DEBUG_GUARDS)
		d.guard_interval = debug->guard_interval;
	err = call(fd, MEMMGR_IOC_DEBUG, &d);
	if (!err)
		*debug = d;
	return err;
}

int memmgr_corruptions(int fd, uint64_t after, struct memmgr_corruption *entries,
		       uint32_t *count, uint64_t *total)
{
	struct memmgr_corruptions corruptions = {
		.size = sizeof(corruptions),
		.count = *count,
		.entry_size = sizeof(*entries),
		.after = after,
		.entries = user_pointer(entries),
	};
	int err = call(fd, MEMMGR_IOC_CORRUPTIONS, &corruptions);

	if (!err) {
		*count = corruptions.count;
		if (total)
			*total = corruptions.total;
	}
	return err;
}
