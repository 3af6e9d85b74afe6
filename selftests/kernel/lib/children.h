/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Children of a test: processes of other users, and what they are told and given. */
#ifndef MEMMGR_CHILDREN_H
#define MEMMGR_CHILDREN_H

#include <errno.h>
#include <stdio.h>
#include <sys/types.h>

#include <linux/types.h>

#define NOBODY	65534	/* a user id without any capability */

/* In a step of a child that returns 0: a condition that does not hold ends it with 1. */
#define DEMAND(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "# %s:%d: %s (errno %d)\n", __func__, __LINE__, \
				#condition, errno);			\
			return 1;					\
		}							\
	} while (0)

/*
 * Runs a part of a test in a child. The child tells by its exit code which
 * step went wrong, 0 when none.
 */
int child_result(pid_t child);

/* fork() of a child that ends with the test: one that waits would wait for ever. */
pid_t start_child(void);

/* The same for a child that has changed its user: the kernel forgets it then. */
void end_with_parent(void);

/* Has no capability from then on: 0 or a negative errno. */
int become_user(uid_t uid);

/* A new client of the node that open_public_node() found, for a user; 0 is root. */
int open_as(int node, uid_t uid);
int open_as_nobody(int node);

/* Runs @step as a user, in a child with a client; 0 when it returned 0. */
int as_user(uid_t uid, int (*step)(int fd, int node, __u64 what), __u64 what);

/* Hand a file over through a socket: 0, and the new descriptor; -1 is an error. */
int send_file(int socket, int file);
int receive_file(int socket);

#endif /* MEMMGR_CHILDREN_H */
