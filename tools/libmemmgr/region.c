// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Finding and opening regions. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "memmgr.h"

/* Opens @path and makes sure that a region is behind it. */
static int open_node(const char *path, int flags, struct memmgr_query *query)
{
	int fd = open(path, flags | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = memmgr_query(fd, query);
	if (err) {
		close(fd);
		/* The errors of other drivers and files for an unknown call. */
		return err == -EINVAL ? -ENOTTY : err;
	}
	return fd;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* /dev/memmgr is region 0, /dev/memmgr1 region 1; @digits is a number. */
static int open_number(const char *digits, int flags)
{
	struct memmgr_query query;
	char path[sizeof(MEMMGR_DEVICE) + 10];

	digits += strspn(digits, "0");
	if (strlen(digits) >= 10)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s%s", MEMMGR_DEVICE, digits);
	return open_node(path, flags, &query);
}

struct name_search {
	const char *name;
	char path[PATH_MAX];
};

static int name_matches(const char *path, const struct memmgr_query *query,
			void *arg)
{
	struct name_search *search = arg;

	if (strncmp(query->name, search->name, sizeof(query->name)))
		return 0;
	snprintf(search->path, sizeof(search->path), "%s", path);
	return 1;
}

static int open_name(const char *name, int flags)
{
	struct name_search search = { .name = name };
	struct memmgr_query query;
	int found = memmgr_regions(name_matches, &search);

	if (found < 0)
		return found;
	if (found)
		return open_node(search.path, flags, &query);
	/* Not a region's name; the node's own name will do ("memmgr1"). */
	snprintf(search.path, sizeof(search.path), "/dev/%s", name);
	return open_node(search.path, flags, &query);
}

int memmgr_open(const char *region, int flags)
{
	struct memmgr_query query;

	if (!region)
		region = getenv(MEMMGR_DEVICE_ENV);
	if (!region || !*region)
		region = MEMMGR_DEVICE;
	if (strchr(region, '/'))
		return open_node(region, flags, &query);
	if (is_number(region))
		return open_number(region, flags);
	return open_name(region, flags);
}

void memmgr_close(int fd)
{
	memmgr_forget_mapped();
	close(fd);
}

/* Visits the region at @path; a node that cannot be opened is passed over. */
static int visit_node(const char *path,
		      int (*visit)(const char *path,
				   const struct memmgr_query *query, void *arg),
		      void *arg)
{
	struct memmgr_query query;
	int fd = open_node(path, O_RDONLY, &query);

	if (fd < 0)
		return 0;
	close(fd);
	return visit(path, &query, arg);
}

int memmgr_regions(int (*visit)(const char *path,
				const struct memmgr_query *query, void *arg),
		   void *arg)
{
	glob_t nodes;
	int err = 0;

	switch (glob(MEMMGR_DEVICE "*", 0, NULL, &nodes)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		return 0;
	case GLOB_NOSPACE:
		return -ENOMEM;
	default:
		return -EIO;
	}
	for (size_t i = 0; !err && i < nodes.gl_pathc; i++)
		err = visit_node(nodes.gl_pathv[i], visit, arg);
	globfree(&nodes);
	return err;
}
