/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/screen.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "top/keys.h"

#define ESCAPE_DELAY_MS 25 /* a key's sequence comes in one piece; a person is slower */

static bool is_open;
static struct termios before; /* how the terminal was */
static char leave[64];	      /* what takes it out of our screen: read in a signal handler */
static size_t leave_length;

/* --- colours ------------------------------------------------------------------ */

/* How styles look with 256 colours, with 8 or 16, and without any. -1: the terminal's own. */
static const struct {
	short many, few;
	attr_t coloured, plain;
} looks[TOP_STYLE_COUNT] = {
	[TOP_PLAIN] = { -1, -1, A_NORMAL, A_NORMAL },
	[TOP_TITLE] = { -1, -1, A_BOLD, A_BOLD },
	[TOP_HEAD] = { 39, COLOR_CYAN, A_BOLD, A_BOLD | A_UNDERLINE },
	[TOP_SORTED] = { 226, COLOR_YELLOW, A_BOLD, A_BOLD | A_REVERSE },
	[TOP_NAME] = { 117, COLOR_CYAN, A_NORMAL, A_NORMAL },
	[TOP_DIM] = { 245, -1, A_NORMAL, A_NORMAL },
	[TOP_CHART] = { 114, COLOR_GREEN, A_NORMAL, A_NORMAL },
	[TOP_NOTICE] = { 214, COLOR_YELLOW, A_NORMAL, A_BOLD },
	[TOP_ALARM] = { 203, COLOR_RED, A_BOLD, A_BOLD | A_STANDOUT },
	[TOP_KEYS] = { -1, -1, A_BOLD, A_BOLD },
};

static bool coloured;

static void start_colours(void)
{
	const char *unwanted = getenv("NO_COLOR"); /* https://no-color.org */

	coloured = has_colors() && !(unwanted && *unwanted) && start_color() == OK &&
		   use_default_colors() == OK;
	for (short i = 0; i < TOP_STYLE_COUNT && coloured; i++)
		init_pair((short)(i + 1), COLORS >= 256 ? looks[i].many : looks[i].few, -1);
}

/* --- taking and giving back ------------------------------------------------------ */

/* In a handler nothing of curses may be called: the bytes and modes are ready. */
static void on_crash(int number)
{
	if (is_open) {
		if (write(STDOUT_FILENO, leave, leave_length) < 0)
			is_open = false;
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	}
	/* SA_RESETHAND: the default does the rest, a core file too. */
	raise(number);
}

static void catch_crashes(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	static char stack[16384];
	const stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = on_crash,
				    .sa_flags = (int)(SA_RESETHAND | SA_ONSTACK | SA_NODEFER) };

	sigaltstack(&own, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(crashes); i++)
		sigaction(crashes[i], &action, NULL);
}

static void remember_leaving(void)
{
	static const char *const names[] = { "sgr0", "cnorm", "rmkx", "rmcup" };

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const char *text = tigetstr(names[i]);
		size_t length = text && text != (char *)-1 ? strlen(text) : 0;

		if (leave_length + length > sizeof(leave))
			continue;
		memcpy(leave + leave_length, text, length);
		leave_length += length;
	}
}

static int refuse(struct error *error, const char *why)
{
	return error_set(error, -ENOTTY, "'top --once' prints one picture as text", "%s", why);
}

int screen_check(struct error *error)
{
	const char *terminal = getenv("TERM");
	int found;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return refuse(error, "top needs a terminal to draw on");
	if (!terminal || !*terminal || strcmp(terminal, "dumb") == 0)
		return refuse(error, "this terminal cannot place text (TERM is dumb or not set)");
	if (setupterm(terminal, STDOUT_FILENO, &found) == ERR)
		return refuse(error, "this terminal is not known (TERM is not in terminfo)");
	if (!tigetstr("cup") || tigetstr("cup") == (char *)-1)
		return refuse(error, "this terminal cannot place text");
	return 0;
}

int screen_open(struct error *error)
{
	int result = screen_check(error);

	if (result < 0)
		return result;
	tcgetattr(STDIN_FILENO, &before);
	if (!newterm(NULL, stdout, stdin))
		return refuse(error, "this terminal cannot be taken over");
	is_open = true;
	remember_leaving();
	catch_crashes();
	set_escdelay(ESCAPE_DELAY_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	start_colours();
	return 0;
}

void screen_close(void)
{
	if (!is_open)
		return;
	endwin();
	is_open = false;
}

bool screen_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void screen_size(size_t *ret_width, size_t *ret_height)
{
	*ret_width = (size_t)(COLS > 0 ? COLS : 1);
	*ret_height = (size_t)(LINES > 0 ? LINES : 1);
}

/* --- a frame --------------------------------------------------------------------- */

static attr_t look_of(const struct canvas_cell *cell)
{
	attr_t look = coloured ? looks[cell->style].coloured : looks[cell->style].plain;

	return cell->selected ? (look & ~A_UNDERLINE) | A_REVERSE : look;
}

static bool same_look(const struct canvas_cell *a, const struct canvas_cell *b)
{
	return a->style == b->style && a->selected == b->selected;
}

/* Cells of one look from `from` on, written at once. Returns the first behind them. */
static size_t put_run(const struct canvas *canvas, size_t row, size_t from)
{
	const struct canvas_cell *cells = &canvas->cells[row * canvas->width];
	char text[CANVAS_MOST * 4 + 1];
	size_t at = from, used = 0;

	for (; at < canvas->width && same_look(&cells[at], &cells[from]); at++) {
		size_t length = strlen(cells[at].text);

		memcpy(text + used, cells[at].text, length);
		used += length;
	}
	text[used] = '\0';
	attr_set(look_of(&cells[from]), coloured ? (short)(cells[from].style + 1) : 0, NULL);
	mvaddstr((int)row, (int)from, text);
	return at;
}

void screen_show(const struct canvas *canvas, bool anew)
{
	if (anew)
		clearok(stdscr, TRUE);
	for (size_t row = 0; row < canvas->height; row++) {
		for (size_t at = 0; at < canvas->width;)
			at = put_run(canvas, row, at);
	}
	refresh();
}

/* --- keys ------------------------------------------------------------------------- */

static uint32_t translate(wint_t code)
{
	static const struct {
		wint_t code;
		enum top_key key;
	} keys[] = {
		{ KEY_UP, TOP_KEY_UP }, { KEY_DOWN, TOP_KEY_DOWN }, { KEY_LEFT, TOP_KEY_LEFT },
		{ KEY_RIGHT, TOP_KEY_RIGHT }, { KEY_PPAGE, TOP_KEY_PAGE_UP },
		{ KEY_NPAGE, TOP_KEY_PAGE_DOWN }, { KEY_HOME, TOP_KEY_HOME },
		{ KEY_END, TOP_KEY_END }, { KEY_ENTER, TOP_KEY_ENTER },
		{ KEY_BACKSPACE, TOP_KEY_BACKSPACE },
		{ KEY_F(1), TOP_KEY_F1 }, { KEY_RESIZE, TOP_KEY_RESIZE },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		if (keys[i].code == code)
			return keys[i].key;
	}
	return TOP_KEY_NONE;
}

uint32_t screen_key(int timeout_ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	wint_t code = 0;
	int kind;

	timeout(timeout_ms);
	kind = get_wch(&code);
	if (kind == KEY_CODE_YES)
		return translate(code);
	if (kind == OK)
		return (uint32_t)code;
	return poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR)) ? TOP_KEY_CLOSED :
										 TOP_KEY_NONE;
}
