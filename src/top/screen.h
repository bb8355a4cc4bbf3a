/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal: the only file that knows curses.
 *
 * Whatever ends the program (a key, a signal, a crash), the terminal is given back
 * as it was: a shell that does not echo is the last thing anybody needs when
 * production burns.
 */
#ifndef OUTLIVE_TOP_SCREEN_H
#define OUTLIVE_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "top/canvas.h"

/* Can there be a screen? Returns 0, or -ENOTTY (no terminal, or none that can do it) with
 * `error` filled. */
int screen_check(struct error *error);

/*
 * Take over the terminal of standard input and output. Handlers for SIGSEGV,
 * SIGBUS, SIGFPE, SIGILL and SIGABRT restore it and let the signal do its work;
 * SIGTSTP and SIGCONT leave it and come back. Returns as screen_check.
 */
int screen_open(struct error *error);

/* Give it back; nothing when it is not open. */
void screen_close(void);

/* Does the terminal understand UTF-8? By the locale that setlocale() has set. */
bool screen_is_utf8(void);

void screen_size(size_t *ret_width, size_t *ret_height);

/* Show the frame. With `anew` all of it, whatever the terminal has. */
void screen_show(const struct canvas *canvas, bool anew);

/* The next key (enum top_key), waiting up to timeout_ms; TOP_KEY_NONE when none came or a
 * signal did. */
uint32_t screen_key(int timeout_ms);

#endif
