/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/keys.h"

#include "base/cleanup.h"

#define CTRL(letter) ((letter) & 0x1f)

const struct key_row key_rows[] = {
	{ { 'h', TOP_KEY_F1, '?' }, "h F1 ?", "this help", "help", ACTION_HELP, 0, 0 },
	{ { 'q' }, "q", "quit", "quit", ACTION_QUIT, 0, 0 },
	{ { TOP_KEY_UP, 'k' }, "Up k", "one row up", NULL, ACTION_UP, 0, 0 },
	{ { TOP_KEY_DOWN, 'j' }, "Down j", "one row down", NULL, ACTION_DOWN, 0, 0 },
	{ { TOP_KEY_PAGE_UP, CTRL('b') }, "PgUp", "one page up", NULL, ACTION_PAGE_UP, 0, 0 },
	{ { TOP_KEY_PAGE_DOWN, CTRL('f') }, "PgDn", "one page down", NULL, ACTION_PAGE_DOWN, 0, 0 },
	{ { TOP_KEY_HOME, 'g' }, "Home g", "to the first row", NULL, ACTION_HOME, 0, 0 },
	{ { TOP_KEY_END, 'G' }, "End G", "to the last row", NULL, ACTION_END, 0, 0 },
	{ { TOP_KEY_ENTER, '\n' }, "Enter",
	  "open: a process, what a thread holds, one site", "open", ACTION_OPEN, 0, 0 },
	{ { TOP_KEY_ESCAPE, TOP_KEY_BACKSPACE, '\b' }, "Esc", "back to where you came from", "back",
	  ACTION_BACK, 0, 0 },
	{ { 'p' }, "p", "the processes", NULL, ACTION_PROCESSES, 0, 0 },
	{ { 't' }, "t", "the threads of the process", "threads", ACTION_THREADS, 0, 0 },
	{ { 's' }, "s", "the sites of the process: the call paths that allocate", "sites",
	  ACTION_SITES, 0, 0 },
	{ { TOP_KEY_RIGHT, '>' }, "Right >", "sort by the next column", "sort", ACTION_SORT_NEXT, 0, 0 },
	{ { TOP_KEY_LEFT, '<' }, "Left <", "sort by the column before", NULL, ACTION_SORT_PREVIOUS,
	  0, 0 },
	{ { 'r' }, "r", "sort the other way round", NULL, ACTION_REVERSE, 0, 0 },
	{ { '/' }, "/", "show only what has this text in its name, place or stack", "filter",
	  ACTION_FILTER, 0, 0 },
	{ { ' ' }, "Space", "hold the picture still (tracing goes on)", "pause", ACTION_PAUSE, 0, 0 },
	{ { 'x' }, "x", "hide the processes and threads that ended, or show them again", NULL,
	  ACTION_ENDED, 0, 0 },
	{ { 'f' }, "f", "freeze the order of rows; numbers go on", NULL, ACTION_FREEZE, 0, 0 },
	{ { 'm' }, "m", "set a mark: this moment, by which old and new are told apart", "mark",
	  ACTION_MARK, 0, 0 },
	{ { 'n' }, "n", "show only what is newer than the mark, or all again", "newer", ACTION_NEWER, 0, 0 },
	{ { 'w' }, "w", "save: close the recording (--record) here, and go on", NULL, ACTION_SAVE,
	  false, true },
	{ { '+', '=' }, "+", "play twice as fast", "speed", ACTION_FASTER, true, false },
	{ { '-' }, "-", "play half as fast", NULL, ACTION_SLOWER, true, false },
	{ { ']' }, "]", "ahead by a twentieth of the recording", "seek", ACTION_FORWARD, true, false },
	{ { '[' }, "[", "back by a twentieth", NULL, ACTION_BACKWARD, true, false },
	{ { '}' }, "}", "to its end", NULL, ACTION_FINISH, true, false },
	{ { '{' }, "{", "to its beginning", NULL, ACTION_BEGINNING, true, false },
	{ { CTRL('l') }, "Ctrl-L", "draw the screen anew", NULL, ACTION_REDRAW, 0, 0 },
};

const size_t key_row_count = ARRAY_LENGTH(key_rows);

bool keys_apply(const struct key_row *row, bool recording)
{
	return recording ? !row->live : !row->recording;
}

enum top_action keys_action(uint32_t key, bool recording)
{
	for (size_t i = 0; i < key_row_count && key; i++) {
		const struct key_row *row = &key_rows[i];

		for (size_t k = 0; k < ARRAY_LENGTH(row->keys); k++) {
			if (row->keys[k] == key && keys_apply(row, recording))
				return row->action;
		}
	}
	return ACTION_NONE;
}
