// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A camera that fills allocations: the stock kernel's vivid captures its test
 * picture into exported buffers (V4L2_MEMORY_DMABUF). It writes through the
 * kernel's mapping of a dma-buf, or, loaded with allocators=1, asks for its
 * addresses on the bus first.
 *
 * Rule: memmgr(7), SHARING, "dma-bufs".
 */
#include <linux/videodev2.h>

#include "lib/memmgr_test.h"

#define BUFFERS	3
#define FRAMES	6

MEMMGR_FIXTURE(vivid)

struct camera {
	int video;
	size_t bytes;		/* of a frame */
	struct memmgr_alloc a[BUFFERS];
	int dmabuf[BUFFERS];
	unsigned char *frame[BUFFERS];
};

/* The first node that captures single planes. */
static int camera_open(struct v4l2_format *f)
{
	char path[32];
	int i, fd;

	for (i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/dev/video%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		*f = (struct v4l2_format){ .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
		if (!ioctl(fd, VIDIOC_G_FMT, f))
			return fd;
		close(fd);
	}
	return -1;
}

static int queue(const struct camera *c, unsigned int i)
{
	struct v4l2_buffer b = {
		.index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF, .m.fd = c->dmabuf[i],
	};

	return ioctl(c->video, VIDIOC_QBUF, &b) ? -errno : 0;
}

static int dequeue(const struct camera *c)
{
	struct v4l2_buffer b = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_DMABUF,
	};

	if (ioctl(c->video, VIDIOC_DQBUF, &b))
		return -errno;
	return b.flags & V4L2_BUF_FLAG_ERROR ? -EIO : (int)b.index;
}

static void camera_start(struct __test_metadata *_metadata, struct camera *c, int fd,
			 __u32 flags)
{
	struct v4l2_requestbuffers rb = {
		.count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};
	unsigned int i;

	ASSERT_EQ(0, ioctl(c->video, VIDIOC_REQBUFS, &rb));
	ASSERT_EQ(BUFFERS, rb.count);
	for (i = 0; i < BUFFERS; i++) {
		c->a[i] = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, c->bytes);
		c->dmabuf[i] = mm_export(fd, c->a[i].handle, MEMMGR_EXPORT_CLOEXEC | flags);
		ASSERT_LE(0, c->dmabuf[i]);
		c->frame[i] = mmap(NULL, c->bytes, PROT_READ, MAP_SHARED, c->dmabuf[i], 0);
		ASSERT_TRUE(c->frame[i] != MAP_FAILED);
		ASSERT_TRUE(is_zero(c->frame[i], c->bytes));
	}
}

static void camera_stop(struct __test_metadata *_metadata, struct camera *c)
{
	unsigned int i;

	for (i = 0; i < BUFFERS; i++) {
		EXPECT_EQ(0, munmap(c->frame[i], c->bytes));
		EXPECT_EQ(0, close(c->dmabuf[i]));
	}
}

/* A picture: YUYV has a byte of brightness, never 0 in vivid's bars, in every two. */
static bool is_picture(const unsigned char *p, size_t bytes)
{
	size_t i, bright = 0;

	for (i = 0; i < bytes; i++)
		bright += !!p[i];
	return bright >= bytes / 4;
}

static bool camera_ready(struct camera *c)
{
	struct v4l2_format f;

	c->video = camera_open(&f);
	if (c->video < 0)
		return false;
	f.fmt.pix.width = 320;
	f.fmt.pix.height = 180;
	f.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
	if (ioctl(c->video, VIDIOC_S_FMT, &f))
		return false;
	c->bytes = f.fmt.pix.sizeimage;
	return true;
}

TEST_F(vivid, captures_into_allocations)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	unsigned char *copy;
	struct camera c;
	int i, n;

	if (!camera_ready(&c))
		SKIP(return, "no vivid");
	camera_start(_metadata, &c, self->fd, 0);
	copy = malloc(c.bytes);
	ASSERT_TRUE(!!copy);
	for (i = 0; i < BUFFERS; i++)
		ASSERT_EQ(0, queue(&c, i));
	ASSERT_EQ(0, ioctl(c.video, VIDIOC_STREAMON, &type));
	for (n = 0; n < FRAMES; n++) {
		i = dequeue(&c);
		ASSERT_LE(0, i);
		EXPECT_TRUE(is_picture(c.frame[i], c.bytes));
		ASSERT_EQ(0, mm_read(self->fd, c.a[i].handle, 0, copy, c.bytes));
		EXPECT_EQ(0, memcmp(copy, c.frame[i], c.bytes));
		ASSERT_EQ(0, queue(&c, i));
	}
	/* What is being filled cannot become read-only, and keeps its memory. */
	EXPECT_EQ(-EBUSY, mm_protect(self->fd, c.a[0].handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, mm_free(self->fd, c.a[1].handle));
	EXPECT_EQ(-EBADF, mm_free(self->fd, c.a[1].handle));
	EXPECT_TRUE(is_picture(c.frame[1], c.bytes));
	ASSERT_EQ(0, ioctl(c.video, VIDIOC_STREAMOFF, &type));
	EXPECT_EQ(0, close(c.video));
	EXPECT_EQ(0, mm_protect(self->fd, c.a[0].handle, MEMMGR_ACCESS_READ, 0));
	camera_stop(_metadata, &c);
	free(copy);
}

/*
 * A camera cannot write where nobody may: its buffers are refused, or, where it
 * writes through the kernel's mapping, that is a copy.
 */
TEST_F(vivid, read_only_buffers_stay_as_they_are)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	bool refused = false;
	struct camera c;
	int i;

	if (!camera_ready(&c))
		SKIP(return, "no vivid");
	camera_start(_metadata, &c, self->fd, MEMMGR_EXPORT_READ_ONLY);
	for (i = 0; i < BUFFERS; i++)
		refused |= queue(&c, i);
	if (!refused) {
		ASSERT_EQ(0, ioctl(c.video, VIDIOC_STREAMON, &type));
		for (i = 0; i < BUFFERS; i++)
			EXPECT_LE(0, dequeue(&c));
		ASSERT_EQ(0, ioctl(c.video, VIDIOC_STREAMOFF, &type));
	}
	for (i = 0; i < BUFFERS; i++)
		EXPECT_TRUE(is_zero(c.frame[i], c.bytes));
	EXPECT_EQ(0, close(c.video));
	camera_stop(_metadata, &c);
}

MEMMGR_TEST_MAIN
