// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* SIGINT as a question that loops ask, so that what they made can be undone. */
#include <signal.h>
#include <stdatomic.h>

#include "memctl.h"

static atomic_bool arrived;

static void on_interrupt(int signal)
{
	(void)signal;
	arrived = true;
}

/* Without SA_RESTART: a call that waits for memory ends with EINTR. */
void interrupt_catch(void)
{
	const struct sigaction action = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &action, NULL);
}

void interrupt_catch_all(void)
{
	const struct sigaction action = { .sa_handler = on_interrupt };

	interrupt_catch();
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool interrupt_arrived(void)
{
	return arrived;
}
