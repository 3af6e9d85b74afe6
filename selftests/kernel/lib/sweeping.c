// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "books.h"
#include "faulting.h"
#include "sweeping.h"

#define POINTS	3000	/* more than a call has */

/* What must be the same after each call: the books, and the lowest free file descriptor. */
struct state {
	struct snapshot books;
	int lowest;
};

static int lowest_free(int fd)
{
	int lowest = dup(fd);

	close(lowest);
	return lowest;
}

static bool is_as_before(const struct swept *m, const struct state *before)
{
	int lowest = lowest_free(m->fd);

	if (lowest != before->lowest)
		fprintf(stderr, "# descriptor %d is left\n", before->lowest);
	return state_returns(m->fd, &before->books) && lowest == before->lowest;
}

/* One call at point @n, 0: at none. Its result, a positive number if the test cannot go on. */
static int call_once(const struct sweep *s, struct swept *m, unsigned int n, bool *failed)
{
	int result = s->prepare ? s->prepare(m) : 0;

	*failed = false;
	if (result) {
		fprintf(stderr, "# %s: not prepared: %d\n", s->name, result);
		return 1;
	}
	if (n && !fault_at(n))
		return 1;
	result = s->call(m);
	if (n)
		*failed = fault_end();
	if (s->undo && (!result || s->partly))
		s->undo(m);
	if (s->finish)
		s->finish(m);
	return result;
}

/* The call at point @n, and once more if it was refused. */
static bool point_is_good(const struct sweep *s, struct swept *m, unsigned int n,
			  const struct state *before, bool *failed, unsigned int *refused)
{
	int result = call_once(s, m, n, failed), again = 0;
	bool same = is_as_before(m, before), none;

	if (result)
		again = call_once(s, m, 0, &none);
	*refused += !!result;
	if (same && !again && (!result || (*failed && (result == -ENOMEM || result == -EFAULT))))
		return true;
	fprintf(stderr, "# %s, point %u: %d, then %d, and the state is %s\n", s->name, n, result,
		again, same ? "as before" : "another");
	return false;
}

bool sweep_call(const struct sweep *s, struct swept *m)
{
	static struct state before;
	unsigned int n, refused = 0, bad = 0;
	bool failed = true;
	int result;

	/* What the first call makes for good is there before the state is taken. */
	result = call_once(s, m, 0, &failed);
	if (result == -EOPNOTSUPP) {
		fprintf(stderr, "# %s: not in this build\n", s->name);
		return true;
	}
	before.lowest = lowest_free(m->fd);
	if (result || snapshot_take(m->fd, &before.books)) {
		fprintf(stderr, "# %s without a fault: %d\n", s->name, result);
		return false;
	}
	for (n = 1, failed = true; failed && n < POINTS; n++)
		bad += !point_is_good(s, m, n, &before, &failed, &refused);
	fprintf(stderr, "# %s: %u points, %u of them needed\n", s->name, n - 2, refused);
	return !bad && !failed;
}
