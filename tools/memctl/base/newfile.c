// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A file that appears whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/newfile.h"
#include "memctl.h"

static int cannot_write(const struct memctl *ctl, struct newfile *file, int err)
{
	int rc = fail(ctl, "name a file in a directory that you may write to, on a disk with room",
		      "cannot write %s: %s", file->path, strerror(err));

	if (file->fresh)
		unlink(file->fresh);
	free(file->fresh);
	free(file->path);
	return rc;
}

/* Devices and pipes are written to as they are: they must not become plain files. */
static bool is_special(const char *path)
{
	struct stat stat_now;

	return !stat(path, &stat_now) && !S_ISREG(stat_now.st_mode);
}

/*
 * As open() makes a file, not as mkstemp() does. One that takes the place of another keeps
 * its mode; of somebody else's, or one that somebody may have linked there, no more of it
 * than a new one would have.
 */
static void set_mode(int fd, const char *path)
{
	mode_t mask = umask(0), mode = 0666 & ~mask;
	struct stat before;

	umask(mask);
	if (!stat(path, &before))
		mode = before.st_mode &
		       (before.st_uid == geteuid() && before.st_nlink == 1 ? 0777 : mode);
	fchmod(fd, mode);
}

static FILE *open_fresh(struct newfile *file)
{
	int fd;

	if (asprintf(&file->fresh, "%s.XXXXXX", file->path) < 0)
		out_of_memory();
	fd = mkostemp(file->fresh, O_CLOEXEC);
	if (fd < 0) {
		free(file->fresh);
		file->fresh = NULL;
		return NULL;
	}
	set_mode(fd, file->path);
	return fdopen(fd, "w");
}

/*
 * Would the kernel let us write to it, if it is there? It refuses to follow another's link
 * in a folder for all, and must be asked: who reads the link himself is not refused.
 */
static int ask_to_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == EACCES || errno == EPERM || errno == ELOOP ? errno : 0;
	close(fd);
	return 0;
}

int newfile_open(const struct memctl *ctl, const char *path, struct newfile *file)
{
	int err;

	if (!strcmp(path, "-")) {
		*file = (struct newfile){ .stream = stdout };
		return EXIT_OK;
	}
	/* Opened once, and by its own name: who waits at a pipe must not find it closed. */
	if (is_special(path)) {
		*file = (struct newfile){ .path = strdup(path), .stream = fopen(path, "we") };
		return file->stream ? EXIT_OK : cannot_write(ctl, file, errno);
	}
	err = ask_to_write(path);
	if (err) {
		*file = (struct newfile){ .path = strdup(path) };
		return cannot_write(ctl, file, err);
	}
	/* A link stays, and leads to the new file. */
	*file = (struct newfile){ .path = realpath(path, NULL) };
	if (!file->path)
		file->path = strdup(path);
	if (!file->path)
		out_of_memory();
	file->stream = open_fresh(file);
	return file->stream ? EXIT_OK : cannot_write(ctl, file, errno);
}

int newfile_close(const struct memctl *ctl, struct newfile *file)
{
	bool bad = fflush(file->stream) || ferror(file->stream);
	int err = bad ? errno : 0;

	/* Whether that could be written is main()'s to say. */
	if (file->stream == stdout)
		return EXIT_OK;
	if (fclose(file->stream) && !err)
		err = errno;
	if (!err && file->fresh && rename(file->fresh, file->path))
		err = errno;
	if (err)
		return cannot_write(ctl, file, err);
	free(file->fresh);
	free(file->path);
	return EXIT_OK;
}
