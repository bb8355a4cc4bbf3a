/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slot is a place that a thread owns and that holds the last of something: a
 * thread-local pointer, a per-worker buffer, "the previous response". At any
 * moment all threads that ever used it hold the same small number of blocks.
 *
 * Equal numbers alone prove little. Two threads that share a cache of eight
 * entries hold four each every fourth time one looks, and a leak in equally
 * busy threads gives equal numbers all the time. What sets a slot apart is time:
 *
 *  - it is never empty again: every thread that made a block still holds one;
 *  - averaged over time each thread held that number. (By Little's law the
 *    average is the blocks' lifetimes summed up, divided by the time.) A
 *    leak's average is half of what it holds now;
 *  - a block that goes leaves a younger one of its thread behind: a replacement.
 */
#include "analysis/slot.h"

#include "analysis/thresholds.h"

/* What all threads together say. */
struct tally {
	uint64_t participants; /* made a block here and could still hold it */
	uint64_t holding, exited;
	uint64_t number; /* the number in question */
	uint64_t same;	 /* threads that hold exactly that */
	uint64_t fewest, most;
	uint64_t foreign;   /* blocks freed by other threads, an upper bound */
	uint64_t replacing; /* threads in which a block was replaced */
};

static void tally_holders(const struct evidence *evidence, struct tally *tally)
{
	uint64_t with[SLOT_MAX_BLOCKS + 1] = { 0 };

	*tally = (struct tally){ .fewest = UINT64_MAX };
	for (size_t i = 0; i < evidence->holder_count; i++) {
		const struct evidence_holder *holder = &evidence->holders[i];

		if (!holder->allocated_blocks || (holder->exited && !holder->live_blocks))
			continue;
		tally->participants++;
		tally->foreign += holder->freed_by_others_blocks < holder->freed_blocks
					  ? holder->freed_by_others_blocks
					  : holder->freed_blocks;
		tally->replacing += holder->replaced_blocks > 0;
		if (!holder->live_blocks)
			continue;
		tally->holding++;
		tally->exited += holder->exited;
		if (holder->live_blocks < tally->fewest)
			tally->fewest = holder->live_blocks;
		if (holder->live_blocks > tally->most)
			tally->most = holder->live_blocks;
		if (holder->live_blocks <= SLOT_MAX_BLOCKS)
			with[holder->live_blocks]++;
	}
	for (uint64_t number = 1; number <= SLOT_MAX_BLOCKS; number++) {
		if (with[number] > tally->same) {
			tally->same = with[number];
			tally->number = number;
		}
	}
	if (tally->number && tally->fewest < tally->number &&
	    (double)tally->same < SLOT_SAME_SHARE * (double)tally->holding) {
		tally->number = tally->fewest;
		tally->same = with[tally->fewest];
	}
}

static bool has_temporaries(const struct evidence *evidence)
{
	uint64_t others = evidence->freed_blocks - evidence->replaced_blocks;

	return evidence->freed_blocks > evidence->replaced_blocks &&
	       (double)others >= SLOT_TEMPORARY_SHARE * (double)evidence->freed_blocks;
}

/* The number is the same in all threads, or the same plus what is just passing through. */
static bool same_number(const struct evidence *evidence, const struct tally *tally)
{
	if ((double)tally->same >= SLOT_SAME_SHARE * (double)tally->holding)
		return tally->holding > 2 || tally->same == tally->holding;
	return has_temporaries(evidence) && tally->fewest == tally->number &&
	       tally->most <= tally->number + SLOT_MAX_BLOCKS &&
	       (double)tally->same >= (double)tally->holding / 3;
}

/* Threads whose average over time lies in [low, high], as a share of those that hold blocks. */
static double occupied_share(const struct evidence *evidence, const struct tally *tally, double low,
			     double high)
{
	uint64_t within = 0;

	for (size_t i = 0; i < evidence->holder_count; i++) {
		const struct evidence_holder *holder = &evidence->holders[i];
		bool untouched = !holder->freed_blocks && holder->live_blocks == tally->number;

		if (holder->live_blocks &&
		    (untouched || (holder->occupancy >= low && holder->occupancy <= high)))
			within++;
	}
	return (double)within / (double)tally->holding;
}

/* Nothing was ever freed: each thread made its few blocks at one go and no other since. */
static bool made_at_once(const struct evidence *evidence, const struct tally *tally)
{
	if (evidence->freed_blocks || tally->same != tally->holding)
		return false;
	for (size_t i = 0; i < evidence->holder_count && tally->number > 1; i++) {
		const struct evidence_holder *holder = &evidence->holders[i];

		if ((double)holder->span_ns > SLOT_BURST_SHARE * (double)holder->window_ns)
			return false;
	}
	return true;
}

/* The blocks are as old as the threads' work here; others came and went beside them. */
static bool kept_throughout(const struct evidence *evidence, const struct tally *tally)
{
	for (size_t i = 0; i < evidence->holder_count; i++) {
		const struct evidence_holder *holder = &evidence->holders[i];
		double window_s = (double)holder->window_ns / 1e9;

		if (holder->live_blocks &&
		    (holder->live_blocks != tally->number || !holder->freed_blocks ||
		     holder->live_block_s <
			     (1 - SLOT_BURST_SHARE) * (double)tally->number * window_s))
			return false;
	}
	return true;
}

/*
 * Blocks come and go with hardly a moment without one: "free the old one, then make
 * the new one". Work that holds a buffer while it lasts looks alike, but is either
 * short or leaves gaps. Blocks that stay long may be of another size next time.
 */
static bool takes_turns(const struct evidence *evidence, const struct tally *tally)
{
	double number = (double)tally->number, life_s = evidence->lifetime_s;
	double window_s = (double)evidence->window_ns / 1e9;
	double low;

	if (!evidence->freed_blocks ||
	    (double)tally->same < SLOT_SAME_SHARE * (double)tally->holding)
		return false;
	if (life_s >= 1 || life_s >= EVIDENCE_LONG * window_s)
		low = SLOT_TIGHT_LOW;
	else if (life_s >= SLOT_TURNS_LIFE_S &&
		 (double)evidence->replaced_blocks >=
			 SLOT_TURNS_REPLACED * (double)evidence->freed_blocks)
		low = SLOT_TURNS_LOW;
	else
		return false;
	return occupied_share(evidence, tally, low * number, SLOT_TIGHT_HIGH * number) >=
	       SLOT_SAME_SHARE;
}

/* A thread's next block is made before its last is freed. */
static bool replaces(const struct evidence *evidence, const struct tally *tally)
{
	double freed = (double)evidence->freed_blocks, number = (double)tally->number;
	double replaced = (double)evidence->overlapped_blocks;

	if (!evidence->overlapped_blocks)
		return false;
	if (tally->number > 1 && tally->replacing * 2 < tally->holding)
		return false;
	return replaced >= SLOT_REPLACED_SHARE * freed || tally->holding > SLOT_FEW_THREADS ||
	       occupied_share(evidence, tally, SLOT_TIGHT_LOW * number, SLOT_TIGHT_HIGH * number) >=
		       1;
}

/*
 * Threads that share a cache free each other's blocks, and may hold equal numbers
 * by chance: often when they are few, hardly when they are many and all agree.
 */
static bool is_shared(const struct evidence *evidence, const struct tally *tally)
{
	double freed = (double)evidence->freed_blocks, foreign = (double)tally->foreign;

	if (!evidence->freed_blocks)
		return false;
	if (tally->holding <= SLOT_FEW_THREADS)
		return foreign >= SLOT_FOREIGN_FEW * freed;
	return foreign >= SLOT_FOREIGN_MANY * freed &&
	       (tally->same < tally->holding ||
		(double)evidence->overlapped_blocks < SLOT_REPLACED_SHARE * freed);
}

/* In one size class of a mixed site, numbers go up and down and agree now and then. */
static bool beyond_chance(const struct evidence *evidence, const struct tally *tally)
{
	double number = (double)tally->number;

	return (double)evidence->overlapped_blocks >=
		       SLOT_CLASS_REPLACED * (double)evidence->freed_blocks &&
	       evidence->overlapped_blocks > 0 && (tally->number == 1 || tally->holding >= 4) &&
	       occupied_share(evidence, tally, (1 - SLOT_CLASS_SLACK) * number,
			      (1 + SLOT_CLASS_SLACK) * number) >= SLOT_SAME_SHARE;
}

bool slot_find(const struct evidence *evidence, bool strict, struct slot *ret_slot)
{
	struct tally tally;
	double number;

	tally_holders(evidence, &tally);
	number = (double)tally.number;
	if (tally.holding < 2 || !tally.number || tally.exited * 5 > tally.holding ||
	    (double)tally.holding < SLOT_HOLDING_SHARE * (double)tally.participants ||
	    !same_number(evidence, &tally))
		return false;
	if (is_shared(evidence, &tally) ||
	    occupied_share(evidence, &tally, SLOT_OCCUPANCY_LOW * number,
			   SLOT_OCCUPANCY_HIGH * number + 1) < SLOT_SAME_SHARE)
		return false;
	if (strict && !beyond_chance(evidence, &tally))
		return false;

	if (!made_at_once(evidence, &tally) && !kept_throughout(evidence, &tally) &&
	    !takes_turns(evidence, &tally) && !replaces(evidence, &tally))
		return false;
	*ret_slot = (struct slot){
		.threads = tally.holding,
		.blocks = tally.number,
		.replacements = evidence->class_count == 1 && evidence->replaced_blocks
					? evidence->replaced_blocks
					: evidence->turned_blocks,
	};
	ret_slot->temporaries = evidence->freed_blocks > ret_slot->replacements;
	return true;
}
