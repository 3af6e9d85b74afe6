// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A command of the user's, run so that memctl can undo something after it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/command.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "memctl.h"

static sigset_t signals_before;

/* Does not come back. 127 is what shells say of a command that is not there. */
static void become(const struct memctl *ctl, char **command, const sigset_t *mask)
{
	interrupt_release();
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
	interrupt_hold(&signals_before);
}

/* While it is waited for, the process number is nobody else's: signals may be passed on. */
static int wait_for(pid_t pid)
{
	siginfo_t info;
	int status;

	while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	interrupt_pass_to(0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? EXIT_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

int command_run(const struct memctl *ctl, char **command)
{
	pid_t pid = fork();

	if (pid < 0) {
		sigprocmask(SIG_SETMASK, &signals_before, NULL);
		return fail_errno(ctl, -errno, "%s", command[0]);
	}
	if (!pid)
		become(ctl, command, &signals_before);
	interrupt_pass_to(pid);
	interrupt_catch();
	interrupt_catch_quit();
	sigprocmask(SIG_SETMASK, &signals_before, NULL);
	return wait_for(pid);
}
