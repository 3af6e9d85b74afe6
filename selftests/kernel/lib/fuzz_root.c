// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What root may do to a region, and others try. */
#include <errno.h>

#include "basics.h"
#include "calls.h"
#include "fuzz.h"

static __u32 any_shared(struct fuzz_worker *w)
{
	return w->board->shared[fuzz_below(w, w->board->shared_used)].id;
}

/* Root's call may be refused with @other too; a user's has to be. */
static bool roots(struct fuzz_worker *w, const char *what, int result, int other)
{
	if (result == FUZZ_TWISTED)
		return true;
	if (w->uid)
		return ALLOW(w, what, result, -EPERM, -EACCES);
	return ALLOW(w, what, result, 0, other, -EOPNOTSUPP);
}

static bool op_debug(struct fuzz_worker *w)
{
	static const __u32 zones[] = { 0, 8, 64, 256 };
	struct memmgr_debug d = { .heap = any_shared(w) };
	__u32 flags;
	int result;

	if (!fuzz_chance(w, 20)) {
		d.flags = MEMMGR_DEBUG_SET;
		if (fuzz_chance(w, 50))
			d.flags |= fuzz_below(w, 16) << 1;
		if (d.flags & MEMMGR_DEBUG_ZONES)
			d.zone = zones[fuzz_below(w, ARRAY_SIZE(zones))];
		if (d.flags & MEMMGR_DEBUG_GUARDS)
			d.guard_interval = 1 + fuzz_below(w, 4);
	}
	flags = d.flags;
	result = fuzz_ioctl(w, w->clients[0], F(DEBUG), &d, d.heap, flags);
	if (!flags)
		return result == FUZZ_TWISTED ||
		       ALLOW(w, "DEBUG", result, 0, -EACCES, -EOPNOTSUPP);
	return roots(w, "DEBUG", result, -ENOMEM);
}

static bool op_track(struct fuzz_worker *w)
{
	struct memmgr_track t = {
		.heap = any_shared(w), .flags = 1 + fuzz_below(w, 2),
	};

	return roots(w, "TRACK", fuzz_ioctl(w, w->clients[0], F(TRACK), &t, t.heap, t.flags),
		     -ENOMEM);
}

static bool op_latency(struct fuzz_worker *w)
{
	struct memmgr_latency l = {
		.heap = any_shared(w), .flags = 1 + fuzz_below(w, 2),
	};

	if (fuzz_chance(w, 30))
		l.flags |= MEMMGR_LATENCY_RESET;
	return roots(w, "LATENCY", fuzz_ioctl(w, w->clients[0], F(LATENCY), &l, l.heap, l.flags),
		     -ENOMEM);
}

/* Anybody may let his own requests fail. */
static bool op_inject(struct fuzz_worker *w)
{
	struct memmgr_inject i = {
		.flags = MEMMGR_INJECT_SET | MEMMGR_INJECT_CLIENT, .skip = fuzz_below(w, 4),
		.interval = 1, .times = fuzz_below(w, 3), .seed = fuzz_random(w),
		.probability = fuzz_below(w, 1001),
	};
	int result;

	if (fuzz_chance(w, 40)) {
		i.flags = MEMMGR_INJECT_SET | MEMMGR_INJECT_HEAP;
		i.id = any_shared(w);
	}
	if (!i.times) {
		i.skip = 0;
		i.interval = 0;
		i.probability = 0;
		i.seed = 0;
	}
	result = fuzz_ioctl(w, w->clients[0], F(INJECT), &i, i.id, i.times);
	if (i.flags & MEMMGR_INJECT_HEAP)
		return roots(w, "INJECT", result, -ENOMEM);
	return result == FUZZ_TWISTED || ALLOW(w, "INJECT", result, 0, -EOPNOTSUPP);
}

static bool op_health(struct fuzz_worker *w)
{
	struct memmgr_health h = { 0 };
	__u32 flags;
	int result;

	if (fuzz_chance(w, 50)) {
		h.flags = MEMMGR_HEALTH_SET | (fuzz_chance(w, 50) ? MEMMGR_HEALTH_ON : 0);
		h.compact_above = fuzz_below(w, 1001);
		h.warn_above = fuzz_below(w, 1001);
		h.hysteresis = fuzz_below(w, 100);
		h.cpu = 1 + fuzz_below(w, 300);
	}
	flags = h.flags;
	result = fuzz_ioctl(w, w->clients[0], F(HEALTH), &h, flags, h.compact_above);
	if (!flags)
		return result == FUZZ_TWISTED || ALLOW(w, "HEALTH", result, 0, -EOPNOTSUPP);
	return roots(w, "HEALTH", result, 0);
}

/* A little at a time: the other workers touch what moves. */
static bool op_compact(struct fuzz_worker *w)
{
	struct memmgr_compact c = {
		.heap = any_shared(w), .max_bytes = 32 * w->page, .max_ns = 20000000,
		.step_bytes = w->page << fuzz_below(w, 4),
	};
	int result;

	if (fuzz_chance(w, 50)) {
		c.heap = MEMMGR_HEAP_MAIN;
		c.flags = MEMMGR_COMPACT_RANGE;
		c.offset = fuzz_below(w, 256) * w->page;
		c.bytes = (1 + fuzz_below(w, 64)) * w->page;
	}
	if (fuzz_chance(w, 10))
		c.flags |= MEMMGR_COMPACT_DRY_RUN;
	result = fuzz_ioctl(w, w->clients[0], F(COMPACT), &c, c.heap, c.flags);
	if (w->uid && !(c.flags & MEMMGR_COMPACT_DRY_RUN))
		return result == FUZZ_TWISTED ||
		       ALLOW(w, "COMPACT by a user", result, -EPERM, -EACCES, -EOPNOTSUPP);
	return result == FUZZ_TWISTED ||
	       ALLOW(w, "COMPACT", result, 0, -ENOMEM, -EBUSY, -EOPNOTSUPP, -EACCES, -EINVAL);
}

/* Limits of the two users, and of a client that is not there. */
static bool op_quota(struct fuzz_worker *w)
{
	struct memmgr_quota q = { .flags = MEMMGR_QUOTA_USER, .id = 1001 + fuzz_below(w, 2) };
	int result;

	if (fuzz_chance(w, 60)) {
		q.flags |= MEMMGR_QUOTA_DEFAULT;
	} else if (fuzz_chance(w, 40)) {
		q.flags = MEMMGR_QUOTA_CLIENT;
		q.id = 1ull << 40 | fuzz_random(w);
	} else {
		q.max_bytes = (8 + fuzz_below(w, 200)) * w->page;
		q.max_allocations = 10 + fuzz_below(w, 60);
	}
	result = fuzz_ioctl(w, w->clients[0], F(SET_QUOTA), &q, q.id, q.max_bytes);
	return roots(w, "SET_QUOTA", result, q.flags & MEMMGR_QUOTA_CLIENT ? -ENOENT : 0);
}

static bool op_rights(struct fuzz_worker *w)
{
	static const __u32 modes[] = { 0666, 0666, 0600, 0, 0644, 0060 };
	struct memmgr_heap_rights r = {
		.flags = MEMMGR_RIGHTS_MODE, .heap = w->board->rights,
		.mode = modes[fuzz_below(w, ARRAY_SIZE(modes))],
	};

	if (w->uid && fuzz_chance(w, 50)) {
		r.flags = MEMMGR_RIGHTS_OWNER;
		r.uid = w->uid;
		r.heap = MEMMGR_HEAP_MAIN;
	}
	return roots(w, "HEAP_RIGHTS",
		     fuzz_ioctl(w, w->clients[0], F(HEAP_RIGHTS), &r, r.heap, r.mode), 0);
}

static bool op_unknown(struct fuzz_worker *w)
{
	static const unsigned int kinds[] = { _IOC_READ, _IOC_WRITE, _IOC_READ | _IOC_WRITE };
	unsigned long command = _IO(MEMMGR_IOC_MAGIC, 0x25 + fuzz_below(w, 0xda));
	int result;

	if (fuzz_chance(w, 30))
		command = _IOC(kinds[fuzz_below(w, ARRAY_SIZE(kinds))], MEMMGR_IOC_MAGIC,
			       fuzz_below(w, 0x25), fuzz_below(w, 1000));
	else if (fuzz_chance(w, 30))
		command = _IO(fuzz_below(w, MEMMGR_IOC_MAGIC), fuzz_below(w, 256));
	/* what every file answers: FIOCLEX and its like */
	if (_IOC_TYPE(command) == 'T' || _IOC_TYPE(command) == 'X' || !_IOC_TYPE(command) ||
	    _IOC_TYPE(command) == 0x12 || _IOC_TYPE(command) == 'f')
		return true;
	result = mm_call(w->clients[0], command, w->scratch);
	fuzz_note(w, F_UNKNOWN, result, command, 0);
	return ALLOW(w, "an unknown call", result, -ENOTTY);
}

const struct fuzz_op fuzz_root_ops[] = {
	{ "debug", 10, op_debug },
	{ "track", 9, op_track },
	{ "latency", 9, op_latency },
	{ "inject", 7, op_inject },
	{ "health", 9, op_health },
	{ "compact", 8, op_compact },
	{ "quota", 12, op_quota },
	{ "rights", 10, op_rights },
	{ "unknown", 5, op_unknown },
	{ }
};
