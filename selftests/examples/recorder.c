// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A program that leaks: module/doc/finding-errors.md finds where.
 *
 * A recorder reads what a sensor measures, one number a line, and keeps each reading in
 * the region while it works on it.
 */
#include <memmgr.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int record(int fd, const char *line, long *sum)
{
	struct memmgr_alloc reading = { .bytes = sizeof(int), .tag = "reading" };
	char *end;
	int value;
	int err;

	err = memmgr_alloc(fd, &reading);	/* what is leaked */
	if (err)
		return err;
	value = strtol(line, &end, 10);
	if (*end != '\n')
		return 0;	/* not a number: passed over, and the reading forgotten */
	err = memmgr_write(fd, reading.handle, 0, &value, sizeof(value));
	if (!err)
		*sum += value;
	memmgr_free(fd, reading.handle);
	return err;
}

int main(void)
{
	char line[80];
	long sum = 0;
	int fd, err;

	fd = memmgr_open(NULL, O_RDWR);
	err = fd < 0 ? fd : 0;
	while (!err && fgets(line, sizeof(line), stdin))
		err = record(fd, line, &sum);
	if (err)
		fprintf(stderr, "recorder: %s\n", strerror(-err));
	else
		printf("sum: %ld\n", sum);
	return err ? 1 : 0;
}
