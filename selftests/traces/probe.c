// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probe: makes a known sequence of allocations for the test of the recorder, then dies of SIGKILL.
 * What the recorder must write for it stands in ./test.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not static: the compiler must not leave out allocations that nobody reads. */
void *kept[8];

static void *in_thread(void *unused)
{
	kept[5] = malloc(500);
	return unused;
}

/* libc allocates for a thread, too: that happens before the thread's own allocation. */
static void run_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
	free(kept[5]);
}

/* The child inherits kept[0]; it leaves without any exit handler. */
static void run_child(void)
{
	pid_t child = fork();

	if (!child) {
		free(kept[0]);
		kept[0] = malloc(77);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void refused(void)
{
	void *p;

	kept[7] = calloc(SIZE_MAX, 2);
	kept[7] = reallocarray(kept[0], SIZE_MAX, 2);
	kept[7] = malloc(PTRDIFF_MAX);
	if (!posix_memalign(&p, 24, 100))
		kept[7] = p;
	free(NULL);
}

int main(void)
{
	void *p = NULL;

	kept[0] = malloc(100);
	kept[1] = calloc(10, 20);
	kept[2] = realloc(NULL, 300);
	kept[2] = realloc(kept[2], 300000);
	kept[2] = realloc(kept[2], 400);
	free(kept[1]);
	kept[1] = aligned_alloc(64, 256);
	if (!posix_memalign(&p, 4096, 5000))
		kept[3] = p;
	kept[4] = memalign(8, 40);
	kept[4] = realloc(kept[4], 0);
	kept[4] = reallocarray(NULL, 3, 7);
	kept[6] = malloc(0);
	refused();
	run_child();
	run_thread();
	raise(SIGKILL);
	return 0;
}
