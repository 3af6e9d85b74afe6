// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memctl top: the screen, by curses.
 *
 * The terminal is put back whatever happens: exit() in the midst of something,
 * a signal that asks to end (screen_wait() tells of it, and the loop ends), and a
 * crash, where only what may be called in a signal handler is left.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>

#include "base/interrupt.h"
#include "memctl.h"
#include "top/top.h"

static struct screen *screen;
static struct style style;

/* For a crash. */
static struct termios saved;
static char restore[128];

static void on_crash(int signal)
{
	ssize_t written = write(STDOUT_FILENO, restore, strlen(restore));

	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	/* SA_RESETHAND: now it ends memctl. */
	raise(signal);
}

/* What somebody else handles, such as a sanitizer, stays theirs. */
static void catch_default(int signal, const struct sigaction *action)
{
	struct sigaction old;

	if (!sigaction(signal, NULL, &old) && old.sa_handler == SIG_DFL)
		sigaction(signal, action, NULL);
}

static void catch_signals(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	const struct sigaction crash = { .sa_handler = on_crash, .sa_flags = SA_RESETHAND };

	interrupt_catch();
	interrupt_catch_quit();
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		catch_default(crashes[i], &crash);
}

/* ---- colours ---- */

/* Two pairs for each paint: as the letter, and behind it. */
static short pair_of(uint8_t paint, bool solid)
{
	return paint == PAINT_PLAIN ? 0 : (short)(2 * paint + (solid ? 1 : 0));
}

static void make_pairs(void)
{
	for (int paint = PAINT_PLAIN + 1; paint < (int)PAINTS; paint++) {
		short color = (short)(paint_color(paint, style.depth) % COLORS);

		init_pair(pair_of(paint, false), color, -1);
		init_pair(pair_of(paint, true), COLOR_BLACK, color);
	}
}

static void choose_style(enum color_when color)
{
	/* "always" cannot give colours to a terminal that has none. */
	style = style_find(color);
	if (style.depth == DEPTH_NONE)
		return;
	style.depth = DEPTH_NONE;
	if (!has_colors() || start_color() == ERR || COLOR_PAIRS < 2 * (int)PAINTS)
		return;
	use_default_colors();
	style.depth = COLORS >= 256 ? DEPTH_256 : DEPTH_16;
	make_pairs();
}

struct style screen_style(void)
{
	return style;
}

/* ---- open and close ---- */

static void add_capability(const char *name)
{
	const char *text = tigetstr(name);

	if (text && text != (char *)-1)
		strncat(restore, text, sizeof(restore) - strlen(restore) - 1);
}

bool screen_open(enum color_when color)
{
	tcgetattr(STDIN_FILENO, &saved);
	catch_signals();
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return false;
	atexit(screen_close);
	add_capability("sgr0");
	add_capability("cnorm");
	add_capability("rmcup");
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	choose_style(color);
	return true;
}

void screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void screen_size(int *rows, int *columns)
{
	getmaxyx(stdscr, *rows, *columns);
}

/* ---- showing ---- */

static attr_t attributes(const struct canvas_cell *cell)
{
	bool solid = cell->look & LOOK_SOLID;
	attr_t attr = A_NORMAL;

	if (cell->look & LOOK_BOLD)
		attr |= A_BOLD;
	if (cell->look & LOOK_DIM)
		attr |= A_DIM;
	if (cell->look & LOOK_REVERSE)
		attr |= A_REVERSE;
	if (style.depth != DEPTH_NONE)
		attr |= COLOR_PAIR(pair_of(cell->paint, solid));
	return attr;
}

void screen_show(const struct canvas *canvas)
{
	erase();
	for (int row = 0; row < canvas->rows; row++) {
		for (int column = 0; column < canvas->columns; column++) {
			const struct canvas_cell *cell = &canvas->cells[row * canvas->columns +
									column];

			attrset(attributes(cell));
			mvaddnwstr(row, column, &cell->c, 1);
		}
	}
	attrset(A_NORMAL);
	refresh();
}

/* ---- keys ---- */

static int key_of(int key)
{
	switch (key) {
	case KEY_RESIZE:
		return SCREEN_RESIZED;
	case KEY_UP:
		return SCREEN_UP;
	case KEY_DOWN:
		return SCREEN_DOWN;
	case KEY_PPAGE:
		return SCREEN_PAGE_UP;
	case KEY_NPAGE:
		return SCREEN_PAGE_DOWN;
	default:
		return key;
	}
}

/* A key or another size that came before is known now; no signal can come before the wait. */
static int wait_for_input(const struct timespec *timeout, int *key)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t before;
	int ready = 0;

	interrupt_hold(&before);
	*key = getch();
	if (*key == ERR && !interrupt_arrived())
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
	int key, ready = wait_for_input(&timeout, &key);

	if (key != ERR)
		return key_of(key);
	if (interrupt_arrived())
		return SCREEN_ENDED;
	key = getch();
	if (key != ERR)
		return key_of(key);
	/* There is something to read, but no key: the terminal is gone. */
	return ready > 0 ? SCREEN_ENDED : SCREEN_TIME;
}
