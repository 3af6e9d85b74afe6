// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * insmod while the system is out of memory: each of its allocations fails once. Either
 * the module is refused and nothing of it is left, or its regions are there, and the log
 * names the parts that are missing. This test needs a kernel with fault injection. It runs
 * while the module is not loaded; memmgr_importer is, and tells where the init begins.
 * LOAD_PARAMETERS are the parameters of insmod.
 *
 * Rule: memmgr(4), WHERE A REGION COMES FROM.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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

static unsigned int thing_count(const char *pattern)
{
	unsigned int n;
	glob_t g;

	if (glob(pattern, GLOB_BRACE, NULL, &g))
		return 0;
	n = g.gl_pathc;
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

struct loader {
	int module;
	int log;
	const char *parameters;
	unsigned int there[THINGS];	/* when nothing fails */
	unsigned int claims;
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
	unsigned int i;

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
	for (i = 0; i < THINGS; i++)
		self->loader.there[i] = thing_count(things[i]);
	self->loader.claims = claims();
	ASSERT_TRUE(unload());
}

FIXTURE_TEARDOWN(load)
{
	close(self->loader.log);
	close(self->loader.module);
}

/* The module was refused: nothing is left. Or it has come: whole, or with a word. */
static bool whole_or_not_at_all(const struct loader *loader, unsigned int n, bool loaded)
{
	bool said = said_left_out(loader->log);
	unsigned int i, less = 0;
	bool good = true;

	for (i = 0; i < THINGS; i++) {
		unsigned int count = thing_count(things[i]);

		less += count != loader->there[i];
		if (loaded ? count == loader->there[i] || said : !count)
			continue;
		fprintf(stderr, "# allocation %u failed, insmod %s: %u of %u %s\n", n,
			loaded ? "did not say so" : "did", count, loader->there[i], things[i]);
		good = false;
	}
	if (claims() != (loaded ? loader->claims : 0)) {
		fprintf(stderr, "# allocation %u failed: %u entries of /proc/iomem\n", n,
			claims());
		good = false;
	}
	if (loaded && said && !less) {
		fprintf(stderr, "# allocation %u failed: the log says so, but all is there\n", n);
		good = false;
	}
	return good;
}

TEST_F_TIMEOUT(load, whole_or_not_at_all, 900)
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
		bad += !whole_or_not_at_all(&self->loader, n, loaded);
		if (loaded)
			ASSERT_TRUE(unload());
	}
	fprintf(stderr, "# %u allocations, %u of them needed\n", n - 2, refused);
	EXPECT_FALSE(failed);
	EXPECT_GT(refused, 0);
	EXPECT_EQ(bad, 0);
}

TEST_HARNESS_MAIN
