/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the keys do: one table, from which the help screen is made too. */
#ifndef OUTLIVE_TOP_KEYS_H
#define OUTLIVE_TOP_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key: its Unicode code point, or one of these beyond them. */
enum top_key {
	TOP_KEY_NONE = 0, /* no key came */
	TOP_KEY_ENTER = '\r',
	TOP_KEY_ESCAPE = 0x1b,
	TOP_KEY_BACKSPACE = 0x7f,
	TOP_KEY_UP = 0x110000,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_F1,
	TOP_KEY_RESIZE, /* the terminal has another size */
	TOP_KEY_CLOSED, /* there is no terminal any more */
};

enum top_action {
	ACTION_NONE,
	/* of the picture alone, done by model_act() */
	ACTION_HELP,
	ACTION_UP,
	ACTION_DOWN,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_HOME,
	ACTION_END,
	ACTION_OPEN,
	ACTION_BACK,
	ACTION_PROCESSES,
	ACTION_THREADS,
	ACTION_SITES,
	ACTION_SORT_NEXT,
	ACTION_SORT_PREVIOUS,
	ACTION_REVERSE,
	ACTION_FILTER,
	ACTION_FREEZE,
	ACTION_ENDED,
	/* of who drives it, too */
	ACTION_PAUSE,
	ACTION_MARK,
	ACTION_NEWER,
	ACTION_SAVE,
	ACTION_FASTER,
	ACTION_SLOWER,
	ACTION_BACKWARD,
	ACTION_FORWARD,
	ACTION_BEGINNING,
	ACTION_FINISH,
	ACTION_REDRAW,
	ACTION_QUIT,
};

struct key_row {
	uint32_t keys[3]; /* that do it; 0: fewer */
	const char *name; /* what help calls them */
	const char *help;
	const char *hint; /* in the line of keys at the foot; NULL: not there */
	enum top_action action;
	bool recording; /* only where a recording is played … */
	bool live;	/* … or a live process is shown */
};

extern const struct key_row key_rows[];
extern const size_t key_row_count;

/* What `key` does, ACTION_NONE when nothing. */
enum top_action keys_action(uint32_t key, bool recording);

/* Is this row of use? */
bool keys_apply(const struct key_row *row, bool recording);

#endif
