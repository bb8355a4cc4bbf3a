/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/window.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"

int moment_parse(const char *text, struct moment *ret_moment)
{
	struct moment moment = { .kind = MOMENT_TIME };
	size_t length = strlen(text);

	if (length == 0)
		return -EINVAL;
	/* "7" may well be the seventh request; a time has to say so. */
	if (isdigit((unsigned char)text[length - 1]) ||
	    units_parse_duration(text, &moment.ns) < 0) {
		moment.kind = MOMENT_MARK;
		if (length >= sizeof(moment.name))
			return -EINVAL;
		text_clean(moment.name, sizeof(moment.name), text, length);
	}
	*ret_moment = moment;
	return 0;
}

static uint64_t first_guess(const struct moment *moment, uint64_t without)
{
	return moment->kind == MOMENT_NONE   ? without
	       : moment->kind == MOMENT_TIME ? moment->ns
					     : WINDOW_NEVER;
}

void window_start(struct window *window, const struct window_wish *wish)
{
	*window = (struct window){
		.wish = *wish,
		.counting = (wish->from.kind || wish->to.kind) && !wish->older_ns && !wish->newer_ns,
		.from_ns = first_guess(&wish->from, 0),
		.to_ns = first_guess(&wish->to, WINDOW_NEVER),
		.at_ns = first_guess(&wish->at, WINDOW_NEVER),
	};
}

static void set(const struct moment *moment, const char *name, uint64_t time_ns, uint64_t *time)
{
	if (moment->kind == MOMENT_MARK && *time == WINDOW_NEVER && strcmp(moment->name, name) == 0)
		*time = time_ns;
}

void window_mark(struct window *window, const char *name, uint64_t time_ns)
{
	set(&window->wish.from, name, time_ns, &window->from_ns);
	set(&window->wish.to, name, time_ns, &window->to_ns);
	set(&window->wish.at, name, time_ns, &window->at_ns);
}

/* The name of a mark that is needed and did not come, or NULL. */
static const char *missing(const struct moment *moment, uint64_t time)
{
	return moment->kind == MOMENT_MARK && time == WINDOW_NEVER ? moment->name : NULL;
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static void copy_name(char out[SNAPSHOT_MARK_BYTES], const struct moment *moment)
{
	if (moment->kind == MOMENT_MARK)
		memcpy(out, moment->name, SNAPSHOT_MARK_BYTES);
}

void window_resolve(const struct window *window, uint64_t start_ns, uint64_t now_ns,
		    struct snapshot_window *ret_window)
{
	const struct window_wish *wish = &window->wish;
	struct snapshot_window out = { .from_ns = start_ns, .to_ns = WINDOW_NEVER };
	const char *absent = missing(&wish->from, window->from_ns);

	if (!absent)
		absent = missing(&wish->to, window->to_ns);
	if (!absent)
		absent = missing(&wish->at, window->at_ns);
	out.at_set = wish->at.kind != MOMENT_NONE;
	out.older_ns = wish->older_ns;
	out.newer_ns = wish->newer_ns;
	out.set = !absent && (wish->from.kind || wish->to.kind || wish->older_ns || wish->newer_ns);
	out.made_known = !out.set || window->counting;
	copy_name(out.from, &wish->from);
	copy_name(out.to, &wish->to);
	copy_name(out.at, &wish->at);
	if (absent)
		memcpy(out.missing, absent, SNAPSHOT_MARK_BYTES);
	if (out.set) {
		uint64_t oldest = wish->newer_ns < now_ns ? now_ns - wish->newer_ns : 0;
		uint64_t newest = wish->older_ns < now_ns ? now_ns - wish->older_ns : 0;

		out.from_ns = add_capped(start_ns, window->from_ns);
		out.to_ns = add_capped(start_ns, window->to_ns);
		if (wish->newer_ns && oldest > out.from_ns)
			out.from_ns = oldest;
		if (wish->older_ns && newest < out.to_ns)
			out.to_ns = newest;
	}
	*ret_window = out;
}
