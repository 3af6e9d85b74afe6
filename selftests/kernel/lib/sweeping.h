/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Calls while the system is out of memory: each allocation of the kernel's, and each copy
 * from or to the program, fails once.
 */
#ifndef MEMMGR_SWEEPING_H
#define MEMMGR_SWEEPING_H

#include <stdbool.h>

#include <linux/memmgr.h>

#define SWEEP_BATCH	4
#define NO_NUMBER	(~0u)

/**
 * struct swept - the things that the calls work on, and those that they made
 * @fd: the device
 * @handle: an allocation of two pages
 * @heap: a slab heap
 * @stack: a stack heap
 * @device: a device that imports dma-bufs; negative: none
 * @dma_heap: the dma-heap device; negative: none
 * @path: file that is read
 * @file: file descriptor that was made
 * @at: mapping that was made
 * @alloc: allocation that was made
 * @create: heap that was made
 * @batch: allocations that were made
 * @mark: mark of @stack
 */
struct swept {
	int fd;
	__u64 handle;
	__u32 heap;
	__u32 stack;
	int device;
	int dma_heap;
	const char *path;
	int file;
	unsigned char *at;
	struct memmgr_alloc alloc;
	struct memmgr_heap_create create;
	__u64 batch[SWEEP_BATCH];
	__u64 mark;
};

/**
 * struct sweep - one call
 * @name: for the log
 * @nr: _IOC_NR() of the call, or NO_NUMBER
 * @prepare: makes what the call needs, each time; NULL: nothing. 0 or a negative errno
 * @call: 0 or a negative errno
 * @undo: undoes a call that succeeded; NULL: it leaves nothing
 * @finish: removes what @prepare made, if the call has not done that; NULL: nothing
 * @partly: a call that failed is undone too, because it may have got half way, and says so
 * @memory: it needs memory of the system; all other calls work without
 */
struct sweep {
	const char *name;
	unsigned int nr;
	int (*prepare)(struct swept *m);
	int (*call)(struct swept *m);
	void (*undo)(struct swept *m);
	void (*finish)(struct swept *m);
	bool partly;
	bool memory;
};

/*
 * At each point of the call: it succeeds, or it fails with -ENOMEM or -EFAULT; then all is as
 * before, and the next try succeeds. Prints the number of points. A call that this build does
 * not have (EOPNOTSUPP) has none.
 */
bool sweep_call(const struct sweep *s, struct swept *m);

/*
 * The call while every allocation of the kernel's fails: 0, or -ENOMEM if it needs memory; the
 * state is as before.
 */
bool starve_call(const struct sweep *s, struct swept *m);

#endif /* MEMMGR_SWEEPING_H */
