/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Signals that ask memctl to end, and waits that they end. */
#ifndef MEMCTL_INTERRUPT_H
#define MEMCTL_INTERRUPT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* From here on SIGINT, SIGTERM and SIGHUP do not end memctl; interrupt_arrived() tells. */
void interrupt_catch(void);
/* The same for SIGQUIT. */
void interrupt_catch_quit(void);
/* Has one come? Whoever asks a call that sleeps next may: the call ends with EINTR. */
bool interrupt_arrived(void);
/* As shells report the signal that came: 130 for SIGINT. */
int interrupt_code(void);
/* The signal that came, if any, has its effect after all. */
void interrupt_raise(void);
/* Every signal waits until the mask @before is set again. */
void interrupt_hold(sigset_t *before);
/*
 * interrupt_arrived() and ppoll() in one step: a signal that came before it ends it, too.
 * @timeout NULL: no limit. What ppoll() returns, or a negative errno.
 */
int interrupt_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout);
/* Until that time of CLOCK_MONOTONIC, or interrupt_arrived(). */
void interrupt_sleep_until(uint64_t time_ns);
/* For a child of fork(): signals are again as they were before interrupt_catch(). */
void interrupt_release(void);
/* From here on signals are the child's, too; 0: no longer. */
void interrupt_pass_to(pid_t pid);

#endif /* MEMCTL_INTERRUPT_H */
