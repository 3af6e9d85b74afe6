// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

#include "tracing.h"

bool put(const char *folder, const char *file, const char *text)
{
	char path[192];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "%s%s", folder, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, strlen(text)) == strlen(text);
	close(fd);
	return done;
}

bool tracing_find(char trace[64], char events[64])
{
	static const char *const mounts[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		snprintf(trace, 64, "%s/trace", mounts[i]);
		snprintf(events, 64, "%s/events/memmgr/", mounts[i]);
		if (!access(events, F_OK))
			return true;
	}
	return false;
}

int traced(const char *trace, const char *text)
{
	FILE *file = fopen(trace, "r");
	char line[512];
	int count = 0;

	while (file && fgets(line, sizeof(line), file))
		count += !!strstr(line, text);
	if (file)
		fclose(file);
	return put(trace, "", "\n") ? count : -1;
}
