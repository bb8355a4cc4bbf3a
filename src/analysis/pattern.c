/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a verdict is reached
 *
 * Memory that is live at the end of a trace may be there for very different
 * reasons, and one look at the totals cannot tell them apart: a leak, a full
 * cache and a worker pool can hold the same bytes in the same number of blocks.
 * Three things tell them apart: who holds how many, what happened to the blocks
 * that are gone, and how live bytes went over time. All are in the snapshot.
 *
 *     live                            live                       live
 *      │          ╱                    │    ╭──╮╭─╮╭──           │  ┌───────────
 *      │      ╱╱╱                      │   ╱   ╰╯ ╰╯             │  │
 *      │  ╱╱╱                          │  ╱                      │  │
 *      └──────────── time              └──────────── time        └──────────── time
 *        growing                         bounded                   static
 *
 * The *window* is the time from the site's first allocation to the end. The
 * questions are put in this order, and the first yes is the verdict:
 *
 *  1. per-thread-slot  Two or more threads hold the same number (at most 8) and
 *     held it on average over time; the blocks that went were replaced, or there
 *     was only ever that one set. Decided on counts, never on bytes, so bodies
 *     that grow with each request do not disturb it. See slot.c.
 *
 *  2. growing  At least 8 blocks are live, and live bytes rose in the last half,
 *     the last third and the tail of the window, each by a fair share of the whole
 *     rise: what fills up and stays full fails the tail, what fills up ever more
 *     slowly fails the half. The rise dwarfs every fall in between (a sawtooth
 *     fails that), and blocks of the window's first half are still live (a cache
 *     with heavy-tailed sizes can rise by chance, but it does not keep its oldest).
 *     A leak on top of a full cache rises by less than that: it has to be
 *     all the more even. See growth.c.
 *
 *  3. static  Nothing new for half the window and ten times the mean gap
 *     between allocations, little was freed, and live bytes did not fall either.
 *     Or: live bytes moved by less than 5 % in the last two thirds.
 *
 *  4. bounded  Blocks come and go while live bytes stay on a plateau above zero,
 *     and the blocks are kept rather than passing through: they are replaced
 *     by younger ones, or stay long, or are many per thread.
 *
 *  5. short-lived  Nine in ten were freed, soon.
 *
 *  6. bounded  Turnover of some other shape (a sawtooth, a queue), if the last
 *     third did not go above what was reached before.
 *
 *  7. unknown  Says why, and what to do.
 *
 * A site that is bounded, short-lived or unknown as a whole, or that grows on top
 * of something, is then looked at size class by size class: a slow leak of small
 * blocks may hide below a large cache that shares its call path. Only "growing" and
 * "per-thread-slot" are taken from a class, and only from one that holds a tenth of the site's live
 * bytes.
 *
 * Of sampled blocks every count is an estimate, with the noise of one. Where blocks
 * are so small that most were not seen, no thread can be said to hold a number of them,
 * so there are no slots, and the other questions are put only when enough were seen.
 *
 * All the numbers stand in thresholds.h.
 */
#include "analysis/pattern.h"

#include <stdio.h>
#include <string.h>

#include "analysis/evidence.h"
#include "analysis/growth.h"
#include "analysis/pattern_text.h"
#include "analysis/slot.h"
#include "analysis/thresholds.h"
#include "base/cleanup.h"
#include "base/units.h"

static const struct {
	const char *name, *title;
} names[PATTERN_COUNT] = {
	[PATTERN_UNKNOWN] = { "unknown", "unknown" },
	[PATTERN_PER_THREAD_SLOT] = { "per-thread-slot", "per-thread slot" },
	[PATTERN_GROWING] = { "growing", "growing" },
	[PATTERN_BOUNDED] = { "bounded", "bounded" },
	[PATTERN_STATIC] = { "static", "static" },
	[PATTERN_SHORT_LIVED] = { "short-lived", "short-lived" },
};

static double window_s(const struct evidence *evidence)
{
	return (double)evidence->window_ns / 1e9;
}

/* Share of the blocks that are gone. */
static double freed_share(const struct evidence *evidence)
{
	return evidence->allocated_blocks
		       ? (double)evidence->freed_blocks / (double)evidence->allocated_blocks
		       : 0;
}

/* No allocation for long, measured by the site's own habits. */
static bool is_quiet(const struct evidence *evidence)
{
	double window = (double)evidence->window_ns;
	double quiet = (double)(evidence->window_ns - evidence->span_ns);
	double gap;

	if (evidence->allocated_blocks < STATIC_FEW_BLOCKS)
		gap = (double)(evidence->wait_ns + evidence->span_ns) /
		      (double)evidence->allocated_blocks;
	else
		gap = (double)evidence->span_ns / (double)(evidence->allocated_blocks - 1);
	if (quiet <= 0 || quiet < STATIC_QUIET_GAPS * gap)
		return false;
	return quiet >= STATIC_QUIET_SHARE * window ||
	       (quiet >= STATIC_PAUSE_SHARE * window && evidence->has_series &&
		evidence->allocated_blocks >= STATIC_FEW_BLOCKS &&
		trend_longest_pause(&evidence->series, (double)evidence->span_ns / 1e9) * 1e9 *
				STATIC_PAUSE_RATIO <=
			quiet);
}

static bool is_static(const struct evidence *evidence)
{
	double live = (double)evidence->live_bytes, end = window_s(evidence), low, high;

	if (!evidence->live_blocks || !evidence->allocated_blocks)
		return false;
	if (is_quiet(evidence)) {
		if (!evidence->has_series)
			return freed_share(evidence) <= STATIC_FREED_SHARE;
		double settled_s = (double)evidence->span_ns / 1e9;

		settled_s += (end - settled_s) / 4;
		return trend_drawdown(&evidence->series, settled_s, end) <=
		       STATIC_FALL_SHARE * live;
	}
	if (!evidence->has_series || freed_share(evidence) > STATIC_FREED_SHARE ||
	    evidence->allocated_blocks < STATIC_FEW_BLOCKS ||
	    evidence->series.count < GROWING_MIN_POINTS)
		return false;
	trend_range(&evidence->series, end / 3, end, &low, &high);
	return high - low <= STATIC_DRIFT_SHARE * live;
}

/* Blocks live per thread that takes part, averaged over the window. */
static double held_per_thread(const struct evidence *evidence)
{
	return evidence->holder_count ? evidence->occupancy / (double)evidence->holder_count : 0;
}

/*
 * Did live bytes stay on a plateau above zero? Where sizes differ by a factor of
 * thousands, bytes jump about while the number of blocks stands still.
 */
static bool is_level(const struct evidence *evidence)
{
	double end = window_s(evidence), live = (double)evidence->live_blocks, low, high, before;
	bool same_count = live >= BOUNDED_COUNT_MIN &&
			  live >= BOUNDED_COUNT_LOW * evidence->occupancy &&
			  live <= BOUNDED_COUNT_HIGH * evidence->occupancy;

	if (!evidence->has_series || evidence->series.count < GROWING_MIN_POINTS)
		return (double)evidence->freed_blocks >= 2 * live;
	trend_range(&evidence->series, end / 2, end, &low, &high);
	if (same_count && low > BOUNDED_COUNT_FLOOR * high)
		return (double)evidence->freed_blocks >= 2 * live;
	if (low <= 0 || low < BOUNDED_FLOOR_SHARE * high)
		return false;
	trend_range(&evidence->series, 0, end * 2 / 3, &low, &before);
	return (double)evidence->live_bytes <= BOUNDED_CEILING * before;
}

static bool is_plateau(const struct evidence *evidence)
{
	double freed = (double)evidence->freed_blocks;

	return evidence->live_blocks && freed_share(evidence) >= BOUNDED_FREED_SHARE &&
	       is_level(evidence) &&
	       ((double)evidence->overlapped_blocks >= BOUNDED_REPLACED * freed ||
		evidence->lifetime_s >= BOUNDED_LIFE * window_s(evidence) ||
		held_per_thread(evidence) >= BOUNDED_HELD);
}

static bool is_short_lived(const struct evidence *evidence)
{
	double life = held_per_thread(evidence) < BOUNDED_HELD ? SHORT_LIFE : SHORT_LIFE_MANY;

	return evidence->allocated_blocks >= SHORT_MIN_BLOCKS &&
	       freed_share(evidence) >= SHORT_FREED_SHARE &&
	       evidence->lifetime_s <= life * window_s(evidence);
}

static bool is_turnover(const struct evidence *evidence)
{
	double end = window_s(evidence), low, before, last;

	if (freed_share(evidence) < BOUNDED_FREED_SHARE || !evidence->has_series ||
	    evidence->series.count < GROWING_MIN_POINTS ||
	    evidence->allocated_blocks < STATIC_FEW_BLOCKS)
		return false;
	trend_range(&evidence->series, 0, end * 2 / 3, &low, &before);
	trend_range(&evidence->series, end * 2 / 3, end, &low, &last);
	if (trend_drawdown(&evidence->series, 0, end) >= BOUNDED_TOOTH * before)
		return last <= BOUNDED_TOOTH_CEILING * before;
	return last <= BOUNDED_CEILING * before;
}

static const char *why_unknown(const struct evidence *evidence)
{
	if (!evidence->live_blocks)
		return "none of it is live now";
	if (evidence->allocated_blocks < GROWING_MIN_BLOCKS)
		return "too few to tell what becomes of it";
	if (!evidence->has_series)
		return "with so many sites no history of this one was kept";
	if (is_quiet(evidence))
		return "it stopped growing and is now shrinking";
	return "it neither rises steadily nor stays below a ceiling yet";
}

static void set_range(struct pattern *pattern, double rate, double error)
{
	pattern->growth_range_known = error >= 0;
	if (error >= 0) {
		pattern->growth_low = rate - error;
		pattern->growth_high = rate + error;
	}
}

/* How much a plateau may tilt. */
static void set_drift(const struct evidence *evidence, struct pattern *pattern)
{
	double end = window_s(evidence), error = -1;

	if (evidence->has_series)
		error = trend_rate_error(&evidence->series, end / 2, end);
	if (error >= 0)
		set_range(pattern, trend_rise(&evidence->series, end / 2, end) / (end / 2), error);
}

/* The verdict on what `evidence` covers. */
static void judge(const struct evidence *evidence, bool strict, struct pattern *pattern,
		  struct pattern_detail *detail)
{
	*pattern = (struct pattern){ .size_class = evidence->size_class,
				     .replacements = evidence->replaced_blocks };
	*detail = (struct pattern_detail){ .because = "" };
	for (size_t i = 0; i < evidence->holder_count; i++)
		pattern->threads += evidence->holders[i].live_blocks > 0;
	if (evidence->thin && evidence->recorded_blocks < SAMPLED_MIN) {
		detail->because = "too few of them were sampled to tell";
	} else if (!evidence->thin && slot_find(evidence, strict, &detail->slot)) {
		pattern->name = PATTERN_PER_THREAD_SLOT;
		pattern->threads = detail->slot.threads;
		pattern->blocks_per_thread = detail->slot.blocks;
		pattern->replacements = detail->slot.replacements;
	} else if ((!evidence->thin || evidence->recorded_live_blocks >= SAMPLED_MIN) &&
		   growth_find(evidence, strict, &detail->growth)) {
		pattern->name = PATTERN_GROWING;
		pattern->growth_bytes_per_s = detail->growth.bytes_per_s;
		set_range(pattern, detail->growth.bytes_per_s, detail->growth.error_per_s);
	} else if (is_static(evidence)) {
		pattern->name = PATTERN_STATIC;
	} else if (is_plateau(evidence)) {
		pattern->name = PATTERN_BOUNDED;
	} else if (is_short_lived(evidence)) {
		pattern->name = PATTERN_SHORT_LIVED;
	} else if (is_turnover(evidence)) {
		pattern->name = PATTERN_BOUNDED;
	} else {
		detail->because = why_unknown(evidence);
	}
	if (pattern->name == PATTERN_BOUNDED)
		set_drift(evidence, pattern);
}

/* Look for a size class that says more than the site as a whole. True: *pattern is of it. */
static bool judge_classes(const struct snapshot *snapshot, const struct snapshot_process *process,
			  const struct snapshot_site *site, struct pattern *pattern)
{
	uint64_t best_bytes = 0;

	for (size_t i = 0; i < site->class_count && i < 64; i++) {
		uint64_t live = site->classes[i].counts.live_bytes;
		struct pattern_detail detail;
		struct evidence evidence;
		struct pattern found;

		if (live <= best_bytes ||
		    (double)live < CLASS_MIN_SHARE * (double)site->counts.live_bytes ||
		    evidence_gather(snapshot, process, site, (int)i, &evidence) < 0)
			continue;
		judge(&evidence, true, &found, &detail);
		if (found.name == PATTERN_GROWING || found.name == PATTERN_PER_THREAD_SLOT) {
			detail.site_share = (double)live / (double)site->counts.live_bytes;
			pattern_write_text(&evidence, &detail, &found);
			*pattern = found;
			best_bytes = live;
		}
		evidence_release(&evidence);
	}
	return best_bytes > 0;
}

/* Nobody saw what became of these blocks. */
static void unwatched(const struct evidence *evidence, const struct snapshot *snapshot,
		      const struct snapshot_process *process, struct pattern *pattern)
{
	char since[UNITS_BUFFER];

	*pattern = (struct pattern){ .size_class = -1, .replacements = evidence->replaced_blocks };
	for (size_t i = 0; i < evidence->holder_count; i++)
		pattern->threads += evidence->holders[i].live_blocks > 0;
	units_format_duration(since, sizeof(since), process->unwatched_ns - snapshot->start_ns);
	snprintf(pattern->text, sizeof(pattern->text),
		 "Unwatched since %s: the probes were taken out of this process to keep to "
		 "--max-overhead. This was live then; what has been freed of it since is not known.",
		 since);
}

void pattern_find(const struct snapshot *snapshot, const struct snapshot_process *process,
		  const struct snapshot_site *site, struct pattern *ret_pattern)
{
	struct pattern_detail detail;
	struct evidence evidence;

	if (process->whole && site->whole) {
		process = process->whole;
		site = site->whole;
	}
	if (evidence_gather(snapshot, process, site, -1, &evidence) < 0) {
		*ret_pattern =
			(struct pattern){ .size_class = -1, .text = "No verdict: out of memory." };
		return;
	}
	if (process->unwatched_ns) {
		unwatched(&evidence, snapshot, process, ret_pattern);
		evidence_release(&evidence);
		return;
	}
	judge(&evidence, false, ret_pattern, &detail);
	pattern_write_text(&evidence, &detail, ret_pattern);
	evidence_release(&evidence);
	if (site->class_count > 1 &&
	    (ret_pattern->name != PATTERN_GROWING || detail.growth.on_top) &&
	    ret_pattern->name != PATTERN_PER_THREAD_SLOT && ret_pattern->name != PATTERN_STATIC)
		judge_classes(snapshot, process, site, ret_pattern);
}

const char *pattern_name(enum pattern_name name)
{
	return names[(size_t)name < ARRAY_LENGTH(names) ? name : PATTERN_UNKNOWN].name;
}

const char *pattern_title(enum pattern_name name)
{
	return names[(size_t)name < ARRAY_LENGTH(names) ? name : PATTERN_UNKNOWN].title;
}
