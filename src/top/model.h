/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the screen shows: which snapshot, which part of it, in which order, and
 * where the cursor is. Knows neither terminal nor clock: keys and snapshots go in,
 * draw.h makes a frame of it.
 *
 *     processes ──Enter──> threads, sites of one process ──Enter──> one site
 *                          (sites of one thread)
 *
 * Places remember rows by identity (identity.h), not by number: the next snapshot
 * has them elsewhere, and the cursor stays on what it was put on.
 */
#ifndef OUTLIVE_TOP_MODEL_H
#define OUTLIVE_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/columns.h"
#include "analysis/rates.h"
#include "top/keys.h"
#include "top/labels.h"
#include "top/verdicts.h"

enum top_view {
	VIEW_PROCESSES,
	VIEW_THREADS,
	VIEW_SITES,
	VIEW_SITE,
	VIEW_HELP,
	VIEW_COUNT
};

#define VIEW_LISTS (VIEW_SITES + 1) /* the first so many are tables */

#define TOP_FILTER 64

struct top_place {
	enum top_view view;
	uint64_t process; /* identity; 0: all of them */
	uint64_t thread;  /* identity; 0: all of the process */
	uint32_t site;	  /* id; VIEW_SITE only */
	uint64_t cursor;  /* identity of the row it is on; 0: the first, whichever that is */
	size_t scroll;	  /* first line shown */
	char filter[TOP_FILTER]; /* while another place is shown */
};

#define TOP_DEPTH 8 /* places one can go back through */

struct top_entry {
	uint64_t id; /* identity */
	uint64_t rank, live_bytes;
	bool ended; /* a process: these come last, unless the order is frozen */
	uint32_t index; /* of the process, thread or site in the snapshot */
};

struct top_sort {
	const struct column *column;
	bool reversed;
};

#define TOP_MESSAGE 160

struct top_model {
	/* Set by whoever drives it. */
	bool recording;	      /* what is played, not traced */
	char state[64];	      /* how it goes: "x2, 12 s of 41 s"; "" nothing to say */
	bool ended;	      /* no more will come */
	bool marked;	      /* a mark was set: later snapshots are of such a window too */
	bool once;	      /* the frame is printed: no cursor, no keys, and … */
	size_t most_rows;     /* … of the list so many; 0: as many as fit */
	char message[TOP_MESSAGE]; /* at the foot until the next key */
	struct frames *frames; /* names addresses; NULL: modules and addresses only */
	bool native;
	/* Its own. */
	struct snapshot *snapshot; /* NULL before the first */
	struct rates rates;
	struct labels *labels;
	struct verdicts verdicts;
	struct holders holders;
	struct top_place place, path[TOP_DEPTH];
	size_t depth;
	struct top_sort sort[VIEW_LISTS];
	char filter[TOP_FILTER];
	bool filtering; /* the filter is being typed */
	bool paused, frozen;
	bool hide_ended;
	bool touched; /* a key was pressed: what is shown is what was asked for */
	bool newer; /* only what is newer than the mark, where the snapshot is of such a window */
	struct top_entry *entries; /* rows of the list, in order */
	size_t entry_count, entry_capacity;
	size_t left_out; /* by the filter */
	size_t hidden;	 /* because they ended */
	bool stale;	 /* the entries are of another snapshot, place, order or filter */
	bool unnamed;	 /* the filter waits for names: the next list has more of them */
	size_t page;	 /* lines of the list or text that the last drawing had room for */
	size_t lines;	 /* and of how many */
};

/* Begin; `model` is all zeroes but for what its driver sets. Returns 0 or -ENOMEM. */
int model_begin(struct top_model *model);
void model_end(struct top_model *model);

/* The next snapshot, which now belongs to the model; or, of a recording, an earlier one. */
void model_take(struct top_model *model, struct snapshot *snapshot);

/* The index-th process of the snapshot, with all its blocks, or those newer than the mark. */
const struct snapshot_process *model_process_at(const struct top_model *model, size_t index);

/* The process in question, or NULL: all of them, or none is there. */
const struct snapshot_process *model_process(const struct top_model *model);

/* The thread whose share alone is shown, an index; RATES_ALL_THREADS: there is none. */
uint32_t model_thread(const struct top_model *model);

/* The site that is open, or NULL. */
const struct snapshot_site *model_site(const struct top_model *model);

/* The row of the list that the cursor is on; entry_count when it is empty. */
size_t model_cursor(const struct top_model *model);

/*
 * A key was pressed. Does all that the picture alone needs, and returns the action
 * for the driver: it heeds those from ACTION_PAUSE on.
 */
enum top_action model_key(struct top_model *model, uint32_t key);

#endif
