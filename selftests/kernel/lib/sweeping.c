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

#define POINT_NONE	0
#define POINT_EACH	(~0u)	/* every allocation fails; no copy does */

static bool begin_at(unsigned int n)
{
	return n == POINT_NONE || (n == POINT_EACH ? faulting_on() : fault_at(n));
}

/* Has an allocation failed? Of POINT_EACH that is not known. */
static bool end_at(unsigned int n)
{
	return n == POINT_EACH ? !faulting_off() : n != POINT_NONE && fault_end();
}

/* One call at point @n. Its result, a positive number if the test cannot go on. */
static int call_once(const struct sweep *s, struct swept *m, unsigned int n, bool *failed)
{
	int result = s->prepare ? s->prepare(m) : 0;

	*failed = false;
	if (result) {
		fprintf(stderr, "# %s: not prepared: %d\n", s->name, result);
		return 1;
	}
	if (!begin_at(n))
		return 1;
	result = s->call(m);
	*failed = end_at(n);
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
		again = call_once(s, m, POINT_NONE, &none);
	*refused += !!result;
	if (same && !again && (!result || (*failed && (result == -ENOMEM || result == -EFAULT))))
		return true;
	fprintf(stderr, "# %s, point %u: %d, then %d, and the state is %s\n", s->name, n, result,
		again, same ? "as before" : "another");
	return false;
}

/*
 * What the first call makes for good is there before the state is taken. 0, -EOPNOTSUPP if
 * the build has no such call, or what went wrong.
 */
static int settle(const struct sweep *s, struct swept *m, struct state *before)
{
	bool failed;
	int result = call_once(s, m, POINT_NONE, &failed);

	if (result == -EOPNOTSUPP)
		fprintf(stderr, "# %s: not in this build\n", s->name);
	else if (result)
		fprintf(stderr, "# %s without a fault: %d\n", s->name, result);
	before->lowest = lowest_free(m->fd);
	return result ?: snapshot_take(m->fd, &before->books);
}

bool sweep_call(const struct sweep *s, struct swept *m)
{
	static struct state before;
	unsigned int n, refused = 0, bad = 0;
	bool failed = true;
	int result = settle(s, m, &before);

	if (result)
		return result == -EOPNOTSUPP;
	for (n = 1; failed && n < POINTS; n++)
		bad += !point_is_good(s, m, n, &before, &failed, &refused);
	fprintf(stderr, "# %s: %u points, %u of them needed\n", s->name, n - 2, refused);
	return !bad && !failed;
}

bool starve_call(const struct sweep *s, struct swept *m)
{
	static struct state before;
	int result = settle(s, m, &before);
	bool bad, same;

	if (result)
		return result == -EOPNOTSUPP;
	result = call_once(s, m, POINT_EACH, &bad);
	same = is_as_before(m, &before);
	fprintf(stderr, "# %s: %d%s\n", s->name, result, same ? "" : ", and another state");
	return !bad && same && result == (s->memory ? -ENOMEM : 0);
}
