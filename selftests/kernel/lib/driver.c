// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"

#define DRIVER	"/sys/bus/platform/drivers/memmgr"

int driver_device(char *name, size_t size)
{
	struct dirent *entry;
	DIR *dir = opendir(DRIVER);
	int found = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_LNK || !strcmp(entry->d_name, "module"))
			continue;
		snprintf(name, size, "%s", entry->d_name);
		found++;
	}
	closedir(dir);
	return found;
}

int driver_write(const char *file, const char *device)
{
	char path[PATH_MAX];
	int fd, err = 0;

	snprintf(path, sizeof(path), DRIVER "/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, device, strlen(device)) < 0)
		err = -errno;
	close(fd);
	return err;
}
