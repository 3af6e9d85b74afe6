/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A victim and an attacker. The victim is root and has memory of each sort. The attacker is
 * a child process: a user without capabilities who has the device open.
 */
#ifndef MEMMGR_ATTACKING_H
#define MEMMGR_ATTACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/memmgr.h>

struct __test_metadata;

#define VICTIM_PAGES	4
#define QUOTA_PAGES	16

/* The numbers of all calls. */
#define FIRST_CALL	0x00
#define LAST_CALL	_IOC_NR(MEMMGR_IOC_HEAP_RIGHTS)

struct target {
	int node;
	int victim;
	size_t page;
	struct memmgr_alloc a;		/* in main */
	struct memmgr_alloc persistent;
	struct memmgr_heap_create arena;	/* private */
	struct memmgr_alloc block;	/* in it */
	struct memmgr_heap_create shared;
	struct memmgr_alloc common;	/* in it */
	struct memmgr_info info;	/* of @a */
	int buffer;			/* @a as a read-only dma-buf, when handed over */
};

/* Ends the attacker's process when a defence did not hold, and says which. */
void holds(const char *who, int line, const char *what, bool ok);

#define HOLDS(condition) holds(__func__, __LINE__, #condition, condition)

/* Ends the attacker's process: nothing can be attacked here. */
void vacuous(const char *why);

void become(uid_t uid);
int attacker_open(const struct target *t, int mode);
struct memmgr_alloc attacker_alloc(int fd, size_t bytes);
unsigned char *attacker_map(int fd, __u64 offset, size_t bytes, int prot);

/* Memory of the victim with a pattern, which the victim expects to be there still. */
void fill_allocation(struct __test_metadata *_metadata, int fd, const struct memmgr_alloc *a,
		     __u32 seed);

void expect_allocation(struct __test_metadata *_metadata, int fd, const struct memmgr_alloc *a,
		       __u32 seed);

void expect_zeros(struct __test_metadata *_metadata, int fd, const struct memmgr_alloc *a);
void set_up_target(struct __test_metadata *_metadata, struct target *t, int fd);
void expect_unharmed(struct __test_metadata *_metadata, struct target *t);
void tear_down_target(struct __test_metadata *_metadata, struct target *t);

/* Runs the attack as another user, and looks what became of the victim. */
void suffer(struct __test_metadata *_metadata, int fd, bool buffer,
	    void (*attack)(const struct target *t));

#define ATTACK(name)							\
	TEST_F(victim, adversary_##name)				\
	{								\
		suffer(_metadata, self->fd, false, name);		\
	}

/* The same, where the victim gave the attacker a read-only dma-buf. */
#define ATTACK_BUFFER(name)						\
	TEST_F(victim, adversary_##name)				\
	{								\
		suffer(_metadata, self->fd, true, name);		\
	}

/* The same, where the attacker's user may have QUOTA_PAGES. */
#define ATTACK_QUOTA(name)						\
	TEST_F(victim, adversary_##name)				\
	{								\
		ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER, NOBODY, \
					  QUOTA_PAGES * self->page, 0)); \
		suffer(_metadata, self->fd, false, name);		\
		EXPECT_EQ(0, mm_set_quota(self->fd,			\
					  MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT, \
					  NOBODY, 0, 0));		\
	}

/* What each call that takes a handle says to one. */
enum { CALL_FREE, CALL_BATCH, CALL_RESIZE, CALL_READ, CALL_WRITE, CALL_QUERY,
	CALL_PROTECT, CALL_SYNC, CALL_EXPORT, CALLS };

int call_with(int fd, int call, __u64 handle);

/* Each ends the process when the answer is another one. */
void try_handle(int fd, int call, __u64 handle, int error);

void try_all_calls(int fd, __u64 handle, int error);

#endif /* MEMMGR_ATTACKING_H */
