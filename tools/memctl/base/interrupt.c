// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The signals that ask memctl to end, as a question that loops ask, so that what they
 * made can be undone.
 *
 * A signal may come between the question and the wait that follows. interrupt_poll() and
 * interrupt_sleep_until() do both in one step. A call that sleeps in the kernel and takes
 * no signal mask (an allocation that waits, a write to a full pipe) cannot: there the
 * first signal starts a timer whose ticks end whatever memctl sleeps in, until a loop has
 * asked.
 */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "memctl.h"

#define TICK_US		20000

static volatile sig_atomic_t arrived;	/* the first signal */
static volatile sig_atomic_t ticking;
static volatile pid_t command;		/* it runs in front of memctl; 0: none */

static struct {
	int signal;
	bool caught;
	struct sigaction before;
} ends[] = {
	{ .signal = SIGINT }, { .signal = SIGTERM }, { .signal = SIGHUP }, { .signal = SIGQUIT },
};

static void tick(bool on)
{
	const struct itimerval ticks = {
		.it_value.tv_usec = on ? TICK_US : 0,
		.it_interval.tv_usec = on ? TICK_US : 0,
	};

	ticking = on;
	setitimer(ITIMER_REAL, &ticks, NULL);
}

static void on_tick(int signal)
{
	(void)signal;
}

/*
 * A signal of the terminal (SIGINT, SIGQUIT) reaches a command by itself; one that a
 * program sent to memctl is meant for both. While a command runs memctl waits for its
 * end alone, and needs no ticks.
 */
static void on_end(int signal, siginfo_t *info, void *unused)
{
	int saved_errno = errno;

	(void)unused;
	if (command) {
		if (signal == SIGTERM || signal == SIGHUP || info->si_code == SI_USER)
			kill(command, signal);
	} else if (!arrived) {
		tick(true);
	}
	if (!arrived)
		arrived = signal;
	errno = saved_errno;
}

/*
 * A signal that the caller ignored stays ignored, as with nohup. Not SIGINT: shells ignore
 * it for what they run in the background, and a program that sends it there means it.
 * Without SA_RESTART: a call that sleeps ends with EINTR.
 */
static void catch(int signal)
{
	const struct sigaction action = { .sa_sigaction = on_end, .sa_flags = SA_SIGINFO };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (ends[i].signal != signal || ends[i].caught)
			continue;
		sigaction(signal, NULL, &ends[i].before);
		if (ends[i].before.sa_handler == SIG_IGN && signal != SIGINT)
			continue;
		ends[i].caught = !sigaction(signal, &action, NULL);
	}
}

void interrupt_catch(void)
{
	const struct sigaction action = { .sa_handler = on_tick };
	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigaction(SIGALRM, &action, NULL);
	sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	catch(SIGINT);
	catch(SIGTERM);
	catch(SIGHUP);
}

void interrupt_catch_quit(void)
{
	catch(SIGQUIT);
}

void interrupt_release(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends[i].caught)
			sigaction(ends[i].signal, &ends[i].before, NULL);
}

void interrupt_pass_to(pid_t pid)
{
	command = pid;
}

bool interrupt_arrived(void)
{
	if (arrived && ticking)
		tick(false);
	return arrived;
}

int interrupt_code(void)
{
	return EXIT_SIGNALLED + (arrived ? arrived : SIGINT);
}

void interrupt_raise(void)
{
	if (!arrived)
		return;
	signal(arrived, SIG_DFL);
	raise(arrived);
}

void interrupt_hold(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, before);
}

int interrupt_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout)
{
	sigset_t before;
	int ready;

	interrupt_hold(&before);
	if (interrupt_arrived()) {
		errno = EINTR;
		ready = -1;
	} else {
		ready = ppoll(fds, count, timeout, &before);
	}
	ready = ready < 0 ? -errno : ready;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ready;
}

/* A wait that a signal of another kind cut short goes on. */
void interrupt_sleep_until(uint64_t time_ns)
{
	uint64_t now;

	while (!interrupt_arrived() && (now = now_ns(CLOCK_MONOTONIC)) < time_ns) {
		const struct timespec left = {
			.tv_sec = (time_t)((time_ns - now) / NSEC_PER_SEC),
			.tv_nsec = (long)((time_ns - now) % NSEC_PER_SEC),
		};

		interrupt_poll(NULL, 0, &left);
	}
}
