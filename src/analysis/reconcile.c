/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/reconcile.h"

#include <stdio.h>

#include "base/units.h"

#define MB (1ull << 20)
#define SHORT_TEXT 16 /* "9.99 MB" and the like: no number of bytes is longer */

#define SMALL_GAP (16 * MB)   /* code, stacks and libraries of an ordinary program */
#define EXPLAINED_PERCENT 75  /* of resident memory is live */
#define FALL_MIN MB	      /* a fall of live bytes worth a word … */
#define FALL_PERCENT 5	      /* … of resident memory, too */
#define UNTOUCHED_PERCENT 105 /* live above resident by more than rounding */

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t above(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Percent in whole numbers that cannot overflow. */
static uint64_t share_of(uint64_t bytes, unsigned int percent)
{
	return bytes / 100 * percent + bytes % 100 * percent / 100;
}

static unsigned int percent_of(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned int)((double)part * 100 / (double)whole + 0.5) : 0;
}

/* What all sites held at each sampled moment, and the highest of these sums. */
static uint64_t highest_live(const struct snapshot_process *process)
{
	uint64_t sums[SNAPSHOT_SERIES_POINTS] = { 0 };
	uint64_t highest = process->counts.live_bytes;
	size_t points = process->series_count < SNAPSHOT_SERIES_POINTS ? process->series_count
								       : SNAPSHOT_SERIES_POINTS;

	for (size_t s = 0; s < process->site_count; s++) {
		const struct snapshot_site *site = &process->sites[s];

		for (size_t c = 0; c < site->class_count; c++)
			for (size_t p = 0; site->classes[c].series && p < points; p++)
				sums[p] = add_capped(sums[p], site->classes[c].series[p]);
	}
	for (size_t p = 0; p < points; p++)
		if (sums[p] > highest)
			highest = sums[p];
	return highest;
}

/*
 * Freed memory that is surely still resident: live bytes fell by so much, resident
 * memory fell from its peak by less. The peak is of the process' whole life, so
 * this never claims too much: a higher peak before the trace only hides what is kept.
 */
static uint64_t kept_bytes(const struct reconcile *reconcile)
{
	uint64_t fell = above(reconcile->peak_live_bytes, reconcile->live_bytes);
	uint64_t returned = above(reconcile->peak_resident_bytes, reconcile->resident_bytes);
	uint64_t kept = above(fell, returned);

	if (!reconcile->peak_resident_bytes || fell < FALL_MIN ||
	    fell < share_of(reconcile->resident_bytes, FALL_PERCENT) || kept < fell / 2)
		return 0;
	return kept < reconcile->gap_bytes ? kept : reconcile->gap_bytes;
}

static enum reconcile_name name_of(const struct reconcile *reconcile)
{
	if (!reconcile->resident_bytes)
		return RECONCILE_UNKNOWN;
	if (reconcile->kept_bytes)
		return RECONCILE_KEPT;
	if (reconcile->live_bytes > share_of(reconcile->resident_bytes, UNTOUCHED_PERCENT))
		return RECONCILE_UNTOUCHED;
	if (reconcile->gap_bytes <= SMALL_GAP ||
	    reconcile->live_bytes >= share_of(reconcile->resident_bytes, EXPLAINED_PERCENT))
		return RECONCILE_EXPLAINED;
	return RECONCILE_GAP;
}

static void write_gap(const struct snapshot *snapshot, const struct snapshot_process *process,
		      struct reconcile *reconcile, const char *live, const char *resident)
{
	char older[96] = "", freed[SHORT_TEXT], count[UNITS_BUFFER];

	units_format_bytes(freed, sizeof(freed), process->counts.freed_bytes);
	if (reconcile->from_start) {
		snprintf(reconcile->text, sizeof(reconcile->text),
			 "Live blocks are %s of %s resident. The rest is code, stacks, mappings of "
			 "the program's own, and what the allocator adds to blocks or keeps of the "
			 "%s freed so far.",
			 live, resident, freed);
		return;
	}
	/* Frees of unknown blocks are counted for all processes together. */
	if (snapshot->process_count == 1 && snapshot->quality.unknown_frees)
		snprintf(older, sizeof(older), " (%s of them freed meanwhile)",
			 units_format_count(count, sizeof(count), snapshot->quality.unknown_frees));
	snprintf(reconcile->text, sizeof(reconcile->text),
		 "Blocks made since the trace began are %s of %s resident. The rest is blocks from "
		 "before%s, code, stacks, and freed memory that the allocator keeps; a trace from "
		 "the start (-- COMMAND) tells more.",
		 live, resident, older);
}

static void write_text(const struct snapshot *snapshot, const struct snapshot_process *process,
		       struct reconcile *reconcile)
{
	char live[SHORT_TEXT], peak[SHORT_TEXT], resident[SHORT_TEXT], part[SHORT_TEXT];
	char *text = reconcile->text;
	size_t size = sizeof(reconcile->text);

	units_format_bytes(live, sizeof(live), reconcile->live_bytes);
	units_format_bytes(peak, sizeof(peak), reconcile->peak_live_bytes);
	units_format_bytes(resident, sizeof(resident), reconcile->resident_bytes);
	switch (reconcile->name) {
	case RECONCILE_KEPT:
		units_format_bytes(part, sizeof(part), reconcile->kept_bytes);
		snprintf(
			text, size,
			"Live bytes fell from %s to %s, resident memory did not follow (%s): about "
			"%s of freed memory stay with the allocator for its next blocks. That is "
			"no leak; malloc_trim(3) or fewer arenas (MALLOC_ARENA_MAX) would return "
			"it to the system.",
			peak, live, resident, part);
		break;
	case RECONCILE_GAP:
		write_gap(snapshot, process, reconcile, live, resident);
		break;
	case RECONCILE_UNTOUCHED:
		units_format_bytes(part, sizeof(part),
				   reconcile->live_bytes - reconcile->resident_bytes);
		snprintf(text, size,
			 "Live blocks (%s) exceed resident memory (%s): at least %s were asked for "
			 "but never written to, or are swapped out.",
			 live, resident, part);
		break;
	case RECONCILE_EXPLAINED:
		snprintf(text, size, "Live blocks are %s of %s resident (%u %%); the rest is %s.",
			 live, resident,
			 percent_of(reconcile->live_bytes, reconcile->resident_bytes),
			 reconcile->from_start
				 ? "code, stacks and the allocator's own"
				 : "code, stacks, the allocator's own and older blocks");
		break;
	default:
		snprintf(text, size,
			 "Resident memory was not sampled, so %s of live blocks cannot be compared "
			 "with it.",
			 live);
		break;
	}
}

void reconcile_find(const struct snapshot *snapshot, const struct snapshot_process *process,
		    struct reconcile *ret_reconcile)
{
	if (process->whole)
		process = process->whole;
	*ret_reconcile = (struct reconcile){
		.live_bytes = add_capped(process->counts.live_bytes, process->inherited_bytes),
		.peak_live_bytes = add_capped(highest_live(process), process->inherited_bytes),
		.resident_bytes = process->rss_bytes,
		.peak_resident_bytes = process->peak_rss_bytes,
		.from_start = process->start_ns && process->start_ns >= snapshot->start_ns,
	};
	ret_reconcile->gap_bytes = above(ret_reconcile->resident_bytes, ret_reconcile->live_bytes);
	if (ret_reconcile->resident_bytes)
		ret_reconcile->kept_bytes = kept_bytes(ret_reconcile);
	ret_reconcile->name = name_of(ret_reconcile);
	write_text(snapshot, process, ret_reconcile);
}
