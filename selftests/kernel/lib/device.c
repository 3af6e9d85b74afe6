// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest.h"

#include "device.h"

const char *device_path(void)
{
	const char *path = getenv("MEMMGR_DEVICE");

	return path ? path : "/dev/memmgr";
}

int open_device(int mode)
{
	int fd = open(device_path(), mode | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void require_device(void)
{
	if (access(device_path(), F_OK))
		ksft_exit_skip("no %s: load memmgr.ko first\n", device_path());
	if (geteuid())
		ksft_exit_skip("needs root\n");
}

size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int open_public_node(void)
{
	char path[64];
	struct stat st;
	int fd = -1;

	snprintf(path, sizeof(path), "/dev/test-memmgr-%d", getpid());
	if (stat(device_path(), &st) || mknod(path, S_IFCHR, st.st_rdev))
		return -errno;
	if (!chmod(path, 0666))
		fd = open(path, O_PATH | O_CLOEXEC);
	unlink(path);
	return fd;
}

int open_again(int node, int mode)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", node);
	fd = open(path, mode | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
