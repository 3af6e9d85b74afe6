// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memctl top: the screen of a terminal that understands ECMA-48 ("ANSI").
 *
 * The terminal is put back whatever happens: exit() in the midst of something, a signal
 * that asks to end (screen_wait() tells of it, and the loop ends), a stop by Ctrl-Z, and
 * a crash, where only functions are left that may be called in a signal handler.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/terminal.h"
#include "memctl.h"
#include "top/top.h"

#define ROWS_UNKNOWN	24	/* of a terminal that does not tell its size */
#define COLUMNS_UNKNOWN	80
#define CHAR_ESCAPE		'\033'
#define ESCAPE_MS	100	/* the rest of a key's sequence comes that soon */
#define ESCAPE_MOST	16	/* no sequence is longer */

/* Another screen where there is one, no wrapping, no cursor, all blank. */
#define ENTER		"\033[?1049h\033[?7l\033[?25l\033[0m\033[2J"
/* The same backwards; without another screen the prompt comes in the last line. */
#define LEAVE		"\033[0m\033[999;1H\033[K\033[?25h\033[?7h\033[?1049l"

/* The beginnings of the names of terminals, and whether these have colours. */
static const struct {
	const char *name;
	bool color;
} terminals[] = {
	{ "xterm", true }, { "linux", true }, { "screen", true }, { "tmux", true },
	{ "rxvt", true }, { "ansi", true }, { "alacritty", true }, { "foot", true },
	{ "kitty", true }, { "konsole", true }, { "gnome", true }, { "vte", true },
	{ "st-", true }, { "stterm", true }, { "wezterm", true }, { "ghostty", true },
	{ "contour", true }, { "mlterm", true }, { "mintty", true }, { "putty", true },
	{ "teraterm", true }, { "cygwin", true }, { "iterm", true }, { "nsterm", true },
	{ "Eterm", true }, { "eterm", true }, { "fbterm", true }, { "kmscon", true },
	{ "pcansi", true }, { "cons25", true }, { "hurd", true },
	{ "vt1", false }, { "vt2", false }, { "vt3", false }, { "vt4", false },
};

static struct style style;
static struct termios saved, raw;
static bool opened;
static volatile sig_atomic_t redraw;	/* nothing of the screen is as it was left */
static volatile sig_atomic_t resized;	/* screen_wait() tells of it */
static struct canvas *shown;

/* ---- enter and leave ---- */

/* In signal handlers, too. */
static void put(const char *text)
{
	ssize_t written = write(STDOUT_FILENO, text, strlen(text));

	(void)written;
}

static void enter(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	put(ENTER);
	redraw = 1;
}

static void leave(void)
{
	put(LEAVE);
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

static void on_crash(int signal)
{
	leave();
	/* SA_RESETHAND: now it ends memctl. */
	raise(signal);
}

static void catch_stop(void);

/* With SA_RESETHAND and SA_NODEFER memctl stops in raise(), and goes on there. */
static void on_stop(int signal)
{
	int saved_errno = errno;

	leave();
	raise(signal);
	catch_stop();
	enter();
	resized = 1;
	errno = saved_errno;
}

static void on_resize(int signal)
{
	(void)signal;
	redraw = 1;
	resized = 1;
}

/* A signal that has a handler already, such as a sanitizer's, keeps it. */
static void catch_default(int signal, const struct sigaction *action)
{
	struct sigaction old;

	if (!sigaction(signal, NULL, &old) && old.sa_handler == SIG_DFL)
		sigaction(signal, action, NULL);
}

static void catch_stop(void)
{
	const struct sigaction stop = {
		.sa_handler = on_stop,
		.sa_flags = SA_RESTART | SA_RESETHAND | SA_NODEFER,
	};

	catch_default(SIGTSTP, &stop);
}

static void catch_signals(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	const struct sigaction crash = { .sa_handler = on_crash, .sa_flags = SA_RESETHAND };
	const struct sigaction resize = { .sa_handler = on_resize, .sa_flags = SA_RESTART };

	interrupt_catch();
	interrupt_catch_quit();
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		catch_default(crashes[i], &crash);
	catch_stop();
	sigaction(SIGWINCH, &resize, NULL);
}

/* ---- open and close ---- */

static bool choose_style(enum color_when color)
{
	const char *name = getenv("TERM");

	for (size_t i = 0; name && i < ARRAY_SIZE(terminals); i++) {
		if (strncmp(name, terminals[i].name, strlen(terminals[i].name)))
			continue;
		style = style_find(color);
		/* "always" cannot give colours to a terminal that has none. */
		if (style.depth == DEPTH_NONE || !terminals[i].color)
			style.depth = DEPTH_LOOKS;
		return true;
	}
	return false;
}

struct style screen_style(void)
{
	return style;
}

bool screen_open(enum color_when color)
{
	if (!choose_style(color) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	raw = saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	opened = true;
	atexit(screen_close);
	catch_signals();
	enter();
	return true;
}

void screen_close(void)
{
	if (!opened)
		return;
	opened = false;
	fflush(stdout);
	leave();
	if (shown)
		canvas_free(shown);
	shown = NULL;
}

void screen_size(int *rows, int *columns)
{
	unsigned int high = terminal_rows(), wide = terminal_columns();

	*rows = high ? (int)high : ROWS_UNKNOWN;
	*columns = wide ? (int)wide : COLUMNS_UNKNOWN;
}

/* ---- showing ---- */

static bool row_changed(const struct canvas *canvas, int row)
{
	size_t first = (size_t)row * (size_t)canvas->columns;

	return memcmp(&canvas->cells[first], &shown->cells[first],
		      (size_t)canvas->columns * sizeof(*canvas->cells)) != 0;
}

/* Only rows that changed: a slow serial line shall keep up. */
void screen_show(const struct canvas *canvas)
{
	bool anew = redraw || !shown || shown->rows != canvas->rows ||
		    shown->columns != canvas->columns;

	redraw = 0;
	if (anew)
		fputs("\033[2J", stdout);
	for (int row = 0; row < canvas->rows; row++) {
		if (!anew && !row_changed(canvas, row))
			continue;
		printf("\033[%d;1H", row + 1);
		/* Behind the last column it would take that one with it. */
		if (canvas_print_row(canvas, row, stdout) < canvas->columns)
			fputs("\033[K", stdout);
	}
	fflush(stdout);
	if (shown)
		canvas_free(shown);
	shown = canvas_copy(canvas);
}

/* ---- keys ---- */

static const struct {
	const char *sequence;	/* behind the escape character */
	int key;
} sequences[] = {
	{ "[A", SCREEN_UP }, { "OA", SCREEN_UP },
	{ "[B", SCREEN_DOWN }, { "OB", SCREEN_DOWN },
	{ "[5~", SCREEN_PAGE_UP }, { "[6~", SCREEN_PAGE_DOWN },
};

/* The next byte of standard input within @ms; -1: none came. */
static int next_byte(int ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned char byte;

	/* A byte that is there is found, even if a signal comes. */
	return poll(&input, 1, ms) > 0 && read(STDIN_FILENO, &byte, 1) == 1 ? byte : -1;
}

/* "[" and "O" open a sequence; a letter or "~" ends it. */
static bool sequence_ended(const char *text, size_t len)
{
	if (len > 1)
		return text[len - 1] >= '@' && text[len - 1] <= '~';
	return len == 1 && *text != '[' && *text != 'O';
}

/* The key of a sequence, which is read to its end; the escape character if there is none. */
static int read_sequence(void)
{
	char text[ESCAPE_MOST + 1] = "";
	size_t len = 0;
	int byte;

	while (len < ESCAPE_MOST && !sequence_ended(text, len)) {
		byte = next_byte(ESCAPE_MS);
		if (byte < 0)
			break;
		text[len++] = (char)byte;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
		if (!strcmp(text, sequences[i].sequence))
			return sequences[i].key;
	}
	return CHAR_ESCAPE;
}

/* Returns the result of ppoll(). A signal that came before ends the wait as well. */
static int wait_for_input(const struct timespec *timeout)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t before;
	int ready = 0;

	interrupt_hold(&before);
	if (!resized && !interrupt_arrived())
		ready = ppoll(&input, 1, timeout, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ready;
}

int screen_wait(uint64_t ms)
{
	const struct timespec timeout = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};
	int ready = wait_for_input(&timeout), byte;

	if (interrupt_arrived())
		return SCREEN_ENDED;
	if (resized) {
		resized = 0;
		return SCREEN_RESIZED;
	}
	if (ready <= 0)
		return SCREEN_TIME;
	byte = next_byte(0);
	if (byte == CHAR_ESCAPE)
		return read_sequence();
	/* There is something to read, but no key: the terminal is gone. */
	return byte < 0 ? SCREEN_ENDED : byte;
}
