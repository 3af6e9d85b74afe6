// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Modes, users and groups of heaps, and the access to allocations, as words. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "find/rights.h"
#include "memctl.h"

uint32_t arg_mode(struct argp_state *state, const char *text)
{
	unsigned long mode;
	char *end;

	errno = 0;
	mode = strtoul(text, &end, 8);
	if (!*text || *end || errno || mode & ~(unsigned long)MODE_ALL)
		argp_error(state, "--mode: '%s' is not an octal number of read (4) and write (2) "
			   "bits; for example 0660, or 0 for kernel code alone", text);
	return (uint32_t)mode;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

uint32_t arg_user(struct argp_state *state, const char *name, const char *text)
{
	const struct passwd *user = getpwnam(text);

	if (!user && !is_number(text))
		argp_error(state, "%s: there is no user '%s'; give a name of /etc/passwd or a "
			   "number", name, text);
	return user ? user->pw_uid : (uint32_t)arg_count(state, name, text, 0, UINT32_MAX - 1);
}

uint32_t arg_group(struct argp_state *state, const char *name, const char *text)
{
	const struct group *group = getgrnam(text);

	if (!group && !is_number(text))
		argp_error(state, "%s: there is no group '%s'; give a name of /etc/group or a "
			   "number", name, text);
	return group ? group->gr_gid : (uint32_t)arg_count(state, name, text, 0, UINT32_MAX - 1);
}

const char *mode_text(const struct memmgr_heap_query *heap)
{
	static char text[16];

	if (heap->heap_flags & MEMMGR_HEAP_PRIVATE)
		return "private";
	for (unsigned int i = 0; i < 9; i++)
		text[i] = heap->mode & 0400u >> i ? "rwx"[i % 3] : '-';
	return heap->mode ? text : "kernel";
}

const char *user_text(uint32_t uid)
{
	const struct passwd *user = getpwuid(uid);
	static char text[16];

	snprintf(text, sizeof(text), "%u", uid);
	return user ? user->pw_name : text;
}

const char *group_text(uint32_t gid)
{
	const struct group *group = getgrgid(gid);
	static char text[16];

	snprintf(text, sizeof(text), "%u", gid);
	return group ? group->gr_name : text;
}

const char *const access_names[ACCESSES] = { "none", "read", "read-write" };

const uint32_t access_bits[ACCESSES] = {
	MEMMGR_ACCESS_NONE,
	MEMMGR_ACCESS_READ,
	MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE,
};

const char *access_name(uint32_t access)
{
	for (size_t i = 0; i < ARRAY_SIZE(access_bits); i++)
		if (access_bits[i] == access)
			return access_names[i];
	return "?";
}
