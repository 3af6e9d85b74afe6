/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a program asks of /dev/memmgr_caller: calls of kernel code, and accesses by it.
 * Each open file holds one heap and up to CALLER_BLOCKS blocks of it; what it has not
 * freed is freed when it is closed.
 */
#ifndef MEMMGR_CALLER_H
#define MEMMGR_CALLER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define CALLER_BLOCKS	64
#define CALLER_NAME	64

/**
 * struct caller_call - one call
 * @block: in: number of the block, below CALLER_BLOCKS
 * @zero: in: 1: an allocation that is cleared
 * @bytes: in: of an allocation; _STRESS: pairs
 * @align: in: of an allocation
 * @offset: in: of a byte, from the block's begin; _FREE: what is added to the pointer
 * @value: in or out: the byte; _ALLOC: out: the pointer's place in its page; _PHYS: out:
 *	the address; _STRESS: out: failures
 * @heap: in: name of the heap
 */
struct caller_call {
	__u32 block;
	__u32 zero;
	__u64 bytes;
	__u64 align;
	__s64 offset;
	__u64 value;
	char heap[CALLER_NAME];
};

#define CALLER_CALL(n)	_IOWR('m', n, struct caller_call)

#define CALLER_HOLD	CALLER_CALL(0)	/* get the heap */
#define CALLER_ALLOC	CALLER_CALL(1)
#define CALLER_FREE	CALLER_CALL(2)	/* also once more, and beside it */
#define CALLER_READ	CALLER_CALL(3)	/* a byte; EFAULT when there is no page */
#define CALLER_WRITE	CALLER_CALL(4)	/* a byte that is there */
#define CALLER_PHYS	CALLER_CALL(5)	/* EUCLEAN when other bytes are there */
#define CALLER_STRESS	CALLER_CALL(6)	/* @bytes pairs here, as many in an interrupt */
#define CALLER_TOUCH	CALLER_CALL(7)	/* write a byte in a thread, which may die of it */
#define CALLER_MARK	CALLER_CALL(8)	/* of a stack */
#define CALLER_RELEASE	CALLER_CALL(9)	/* what is above @value */
#define CALLER_GET	CALLER_CALL(10)	/* a block of a pool */
#define CALLER_PUT	CALLER_CALL(11)
#define CALLER_ALLOC_BULK CALLER_CALL(12)	/* @value blocks from @block on, at once */
#define CALLER_FREE_BULK CALLER_CALL(13)	/* the same, also those that do not live */

#endif
