// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "holding.h"

static bool hold_path(int fd, char *path, size_t room)
{
	struct memmgr_query q;

	if (mm_query(fd, &q))
		return false;
	snprintf(path, room, "/sys/kernel/debug/memmgr/%s/hold", q.name);
	return true;
}

bool has_hold(int fd)
{
	char path[128];

	return hold_path(fd, path, sizeof(path)) && !access(path, W_OK);
}

int hold_write(int fd, const char *word)
{
	char path[128];
	int file, result;

	if (!hold_path(fd, path, sizeof(path)))
		return -EIO;
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	result = write(file, word, strlen(word)) < 0 ? -errno : 0;
	close(file);
	return result;
}

void hold_read(int fd, char *text, size_t room)
{
	char path[128];
	ssize_t n = -1;
	int file;

	text[0] = 0;
	if (!hold_path(fd, path, sizeof(path)))
		return;
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return;
	n = read(file, text, room - 1);
	close(file);
	text[n < 0 ? 0 : n] = 0;
}

bool hold_says(int fd, const char *step, const char *state)
{
	char text[128], wanted[64];

	hold_read(fd, text, sizeof(text));
	snprintf(wanted, sizeof(wanted), "%s%s%s\n", step, *state ? " " : "", state);
	return !strcmp(text, wanted);
}

bool hold_waits(int fd, const char *step)
{
	char text[128], wanted[64];

	hold_read(fd, text, sizeof(text));
	snprintf(wanted, sizeof(wanted), "%s waiting", step);
	return strstr(text, wanted);
}

bool hold_reached(pid_t child, int fd, const char *step)
{
	siginfo_t info;

	for (;;) {
		if (hold_waits(fd, step))
			return true;
		info.si_pid = 0;
		if (waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			return false;
		usleep(1000);
	}
}
