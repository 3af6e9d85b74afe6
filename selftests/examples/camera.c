// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A program with a memory error: module/doc/finding-errors.md finds it.
 *
 * A camera writes what it sees. Each frame has a caption beside its pixels.
 */
#include <memmgr.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define CAPTION 32	/* enough by day */

/* One frame: the darker it is, the longer is its exposure, in microseconds. */
static int take_frame(int fd, unsigned int number, unsigned int exposure)
{
	struct memmgr_alloc caption = { .bytes = CAPTION, .tag = "caption" };
	void *text;
	int err;

	err = memmgr_alloc_mapped(fd, &caption, &text);	/* whose end is run over */
	if (err)
		return err;
	sprintf(text, "frame %u, exposed for %u usec", number, exposure);
	puts(text);
	return memmgr_free_mapped(fd, &caption, text);
}

int main(void)
{
	static const unsigned int exposures[] = { 500, 2000, 8000, 32000, 12800000, 0 };
	unsigned int i;
	int fd, err;

	setlinebuf(stdout);
	fd = memmgr_open(NULL, O_RDWR);
	err = fd < 0 ? fd : 0;
	for (i = 0; !err && exposures[i]; i++)
		err = take_frame(fd, i + 1, exposures[i]);
	if (err)
		fprintf(stderr, "camera: %s\n", strerror(-err));
	return err ? 1 : 0;
}
