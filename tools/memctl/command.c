// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A command of the user's, run so that memctl can undo something after it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memctl.h"

#define EXIT_SIGNALLED	128	/* plus the signal that ended the command, as shells have it */

static pid_t command_pid;
static sigset_t signals_before;

static void pass_on(int signal)
{
	kill(command_pid, signal);
}

/* A signal of the terminal reaches both; one that a program sent to memctl is meant for both. */
static void pass_on_sent(int signal, siginfo_t *info, void *unused)
{
	(void)unused;
	if (info->si_code == SI_USER)
		kill(command_pid, signal);
}

static void leave_signals_to_command(void)
{
	const struct sigaction sent = {
		.sa_sigaction = pass_on_sent, .sa_flags = SA_RESTART | SA_SIGINFO,
	};
	const struct sigaction pass = { .sa_handler = pass_on, .sa_flags = SA_RESTART };

	sigaction(SIGINT, &sent, NULL);
	sigaction(SIGQUIT, &sent, NULL);
	sigaction(SIGTERM, &pass, NULL);
	sigaction(SIGHUP, &pass, NULL);
}

/* Does not come back. 127 is what shells say of a command that is not there. */
static void become(const struct memctl *ctl, char **command, const sigset_t *mask)
{
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	fail(ctl, "give a program that is there", "%s cannot be run: %s", command[0],
	     strerror(errno));
	_exit(127);
}

char **command_split(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		*argc = i;
		argv[i] = NULL;
		return argv + i + 1;
	}
	return NULL;
}

void command_prepare(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &signals_before);
}

int command_run(const struct memctl *ctl, char **command)
{
	int status;

	command_pid = fork();
	if (command_pid < 0)
		return fail_errno(ctl, -errno, "%s", command[0]);
	if (!command_pid)
		become(ctl, command, &signals_before);
	leave_signals_to_command();
	sigprocmask(SIG_SETMASK, &signals_before, NULL);
	while (waitpid(command_pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? EXIT_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}
