// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * insmod, rmmod, and the driver's bind and unbind while the system is out of memory: each
 * allocation fails once. Either the module, or the region, is refused and nothing of it is
 * left, or it is there, and the log names the parts that are missing. Memory is never
 * lacking to leave. This test needs a kernel with fault injection. It runs
 * while the module is not loaded; memmgr_importer is, and tells where the init begins.
 * LOAD_PARAMETERS are the parameters of insmod.
 *
 * Rule: memmgr(4), WHERE A REGION COMES FROM.
 */
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/driver.h"
#include "lib/faulting.h"
#include "lib/memmgr_test.h"

#define POINTS		5000	/* more than there are */
#define FAIL_INIT	"/sys/module/memmgr_importer/parameters/fail_init"

/* What regions have on the system. */
static const char * const things[] = {
	"/dev/{memmgr,memmgr[0-9]*}",
	"/dev/dma_heap/*",
	"/sys/class/misc/{memmgr,memmgr[0-9]*,dma_heap*}",
	"/sys/kernel/debug/memmgr",
	"/sys/kernel/debug/memmgr/*",
	"/sys/kernel/debug/memmgr/*/*",
};

#define THINGS	ARRAY_SIZE(things)

/*
 * Is it a node whose device has gone? The kernel leaves it when it lacks the memory for a
 * path below /dev, see devtmpfs_delete_node(). It is removed, because it would be in the way
 * of the next device of that name.
 */
static bool was_left_behind(const char *path)
{
	int fd;

	if (strncmp(path, "/dev/", strlen("/dev/")))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && (errno == ENODEV || errno == ENXIO) && !unlink(path);
}

static unsigned int thing_count(const char *pattern)
{
	unsigned int n = 0;
	glob_t g;
	size_t i;

	if (glob(pattern, GLOB_BRACE, NULL, &g))
		return 0;
	for (i = 0; i < g.gl_pathc; i++)
		n += !was_left_behind(g.gl_pathv[i]);
	globfree(&g);
	return n;
}

/* Lines of /proc/iomem that are ours. */
static unsigned int claims(void)
{
	FILE *f = fopen("/proc/iomem", "r");
	unsigned int n = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, ": memmgr");
	if (f)
		fclose(f);
	return n;
}

/* Has the module said since @log was moved to its end that it left something out? */
static bool said_left_out(int log)
{
	char record[1024];
	bool said = false;
	ssize_t n;

	while ((n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		said |= strstr(record, ";memmgr: ") && strstr(record, "left out");
	}
	return said;
}

/* How many of @things there are, and entries of /proc/iomem. */
struct sight {
	unsigned int there[THINGS];
	unsigned int claims;
};

static void look(struct sight *s)
{
	unsigned int i;

	for (i = 0; i < THINGS; i++)
		s->there[i] = thing_count(things[i]);
	s->claims = claims();
}

static const struct sight nothing;	/* the module is not loaded */

struct loader {
	int module;
	int log;
	const char *parameters;
	struct sight loaded;		/* when nothing fails */
};

FIXTURE(load)
{
	struct loader loader;
};

static bool load(const struct loader *loader)
{
	return !syscall(SYS_finit_module, loader->module, loader->parameters, 0);
}

/* The same while the @n-th allocation of the module's init fails. */
static bool load_faulting(const struct loader *loader, unsigned int n, bool *failed)
{
	char text[16];
	bool loaded;

	snprintf(text, sizeof(text), "%u", n);
	faulting_write(FAIL_INIT, text);
	loaded = load(loader);
	*failed = fault_end();
	return loaded;
}

static bool unload(void)
{
	return !syscall(SYS_delete_module, "memmgr", O_NONBLOCK);
}

FIXTURE_SETUP(load)
{
	const char *module = getenv("MEMMGR_KO");

	if (!access("/sys/module/memmgr", F_OK))
		SKIP(return, "memmgr is loaded");
	if (access(FAIL_INIT, W_OK) || !faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	self->loader.parameters = getenv("LOAD_PARAMETERS") ?: "";
	self->loader.module = open(module ?: "/lib/modules/memmgr.ko", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(self->loader.module, 0);
	self->loader.log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(self->loader.log, 0);
	ASSERT_TRUE(load(&self->loader));
	look(&self->loader.loaded);
	ASSERT_TRUE(unload());
}

FIXTURE_TEARDOWN(load)
{
	close(self->loader.log);
	close(self->loader.module);
}

/*
 * It was done: @wanted is there, and the log names what is missing. It was refused: what was
 * there before is there.
 */
static bool is_whole(const struct loader *loader, unsigned int n, bool done,
		     const struct sight *wanted, const struct sight *before)
{
	const struct sight *right = done ? wanted : before;
	bool said = said_left_out(loader->log), good = true;
	unsigned int i, less = 0;
	struct sight now;

	look(&now);
	for (i = 0; i < THINGS; i++) {
		less += now.there[i] != right->there[i];
		if (now.there[i] == right->there[i] || (done && said))
			continue;
		fprintf(stderr, "# allocation %u failed, it %s: %u of %u %s\n", n,
			done ? "was done, and no word" : "was refused", now.there[i],
			right->there[i], things[i]);
		good = false;
	}
	if (now.claims != right->claims) {
		fprintf(stderr, "# allocation %u failed: %u entries of /proc/iomem, not %u\n", n,
			now.claims, right->claims);
		good = false;
	}
	if (done && said && !less) {
		fprintf(stderr, "# allocation %u failed: the log says so, but all is there\n", n);
		good = false;
	}
	return good;
}

TEST_F_TIMEOUT(load, load_whole_or_not_at_all, 900)
{
	unsigned int n, refused = 0, bad = 0;
	bool failed = true;

	if (!self->loader.parameters)
		SKIP(return, "nothing to load, or nothing to fail");
	for (n = 1; failed && n < POINTS; n++) {
		bool loaded;

		lseek(self->loader.log, 0, SEEK_END);
		loaded = load_faulting(&self->loader, n, &failed);
		refused += !loaded;
		bad += !is_whole(&self->loader, n, loaded, &self->loader.loaded, &nothing);
		if (loaded)
			ASSERT_TRUE(unload());
	}
	fprintf(stderr, "# %u allocations, %u of them needed\n", n - 2, refused);
	EXPECT_FALSE(failed);
	EXPECT_GT(refused, 0);
	EXPECT_EQ(bad, 0);
}

TEST_F_TIMEOUT(load, unload_needs_no_memory, 900)
{
	unsigned int n, bad = 0;
	bool failed = true;

	if (!self->loader.parameters)
		SKIP(return, "nothing to load, or nothing to fail");
	for (n = 1; failed && n < POINTS; n++) {
		bool unloaded;

		ASSERT_TRUE(load(&self->loader));
		lseek(self->loader.log, 0, SEEK_END);
		ASSERT_TRUE(fault_at(n));
		unloaded = unload();
		/* The copy of the module's name is a point, too. */
		EXPECT_TRUE(unloaded || errno == EFAULT);
		failed = fault_end();
		bad += !is_whole(&self->loader, n, unloaded, &nothing, &self->loader.loaded);
		ASSERT_TRUE(unloaded || unload());
	}
	fprintf(stderr, "# %u allocations\n", n - 2);
	EXPECT_FALSE(failed);
	EXPECT_EQ(bad, 0);
}

/* Each point of writing @device to @file; @back undoes it. */
static void drive_at_each_point(struct __test_metadata *_metadata, const struct loader *loader,
				const char *device, const char *file, const char *back)
{
	unsigned int n, refused = 0, bad = 0;
	struct sight before, after;
	bool failed = true;

	look(&before);
	ASSERT_EQ(0, driver_write(file, device));
	look(&after);
	ASSERT_EQ(0, driver_write(back, device));
	for (n = 1; failed && n < POINTS; n++) {
		bool done;

		lseek(loader->log, 0, SEEK_END);
		ASSERT_TRUE(fault_at(n));
		done = !driver_write(file, device);
		failed = fault_end();
		refused += !done;
		bad += !is_whole(loader, n, done, &after, &before);
		if (done)
			ASSERT_EQ(0, driver_write(back, device));
	}
	fprintf(stderr, "# %s: %u points, %u of them needed\n", file, n - 2, refused);
	EXPECT_FALSE(failed);
	EXPECT_EQ(bad, 0);
}

TEST_F_TIMEOUT(load, unbind_and_bind, 900)
{
	char device[NAME_MAX + 1];

	if (!self->loader.parameters)
		SKIP(return, "nothing to load, or nothing to fail");
	ASSERT_TRUE(load(&self->loader));
	if (!driver_device(device, sizeof(device))) {
		unload();
		SKIP(return, "no region of the device tree");
	}
	drive_at_each_point(_metadata, &self->loader, device, "unbind", "bind");
	ASSERT_EQ(0, driver_write("unbind", device));
	drive_at_each_point(_metadata, &self->loader, device, "bind", "unbind");
	EXPECT_TRUE(unload());
}

TEST_HARNESS_MAIN
