/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every number a verdict depends on. What they are for: the head of pattern.c.
 *
 * *Window* is the time from a site's first allocation to the end of the trace.
 * The shares were set by simulating each kind of site with random sizes, rates,
 * thread counts and trace lengths (tests/unit/verdict.h) and leave room on both
 * sides.
 */
#ifndef OUTLIVE_ANALYSIS_THRESHOLDS_H
#define OUTLIVE_ANALYSIS_THRESHOLDS_H

/* sampled blocks */
#define SAMPLED_SURE 3	/* x the rate: blocks so large are seen 95 times of 100 and more */
#define SAMPLED_MIN 16	/* recorded; a verdict needs so many smaller ones, growth of them live */

/* per-thread-slot */
#define SLOT_MAX_BLOCKS 8	 /* "small number": more per thread is a cache, not a slot */
#define SLOT_SAME_SHARE 0.8	 /* of the holding threads have exactly that number */
#define SLOT_HOLDING_SHARE 0.8	 /* of the threads that ever made a block here hold one */
#define SLOT_OCCUPANCY_LOW 0.65	 /* × number: on average over time they held no fewer … */
#define SLOT_OCCUPANCY_HIGH 1.5	 /* × number + 1: … and no more, temporaries included */
#define SLOT_TEMPORARY_SHARE 0.2 /* of frees without replacement: temporaries are made here too */
#define SLOT_REPLACED_SHARE 0.95 /* of frees are replacements; if less, few threads must … */
#define SLOT_TIGHT_LOW 0.9	 /* × number … */
#define SLOT_TIGHT_HIGH 1.3	 /* … have held it on average over time, within this */
#define SLOT_FEW_THREADS 5	 /* may hold the same by chance: shared, not slots, if … */
#define SLOT_FOREIGN_FEW 0.4	 /* … this share of frees was done by other threads; … */
#define SLOT_FOREIGN_MANY 0.7	 /* … or this, if more threads do not agree to the last */
/* "free, then make": blocks that stay long (EVIDENCE_LONG) within the tight limits, or … */
#define SLOT_TURNS_LOW 0.97	/* × number held on average, of blocks that … */
#define SLOT_TURNS_LIFE_S 0.001 /* … live for this, and … */
#define SLOT_TURNS_REPLACED 0.9 /* … of which, freed, this share was replaced */
#define SLOT_BURST_SHARE 0.1	/* of a thread's window: all its blocks came within this */
#define SLOT_CLASS_REPLACED 0.8 /* the same for one size class of a mixed site, where */
#define SLOT_CLASS_SLACK 0.15	/* equal numbers come about by chance more easily */

/* growing */
#define GROWING_MIN_BLOCKS 8	 /* live; fewer prove nothing */
#define GROWING_MIN_POINTS 4	 /* of the series */
#define GROWING_HALF_SHARE 0.3	 /* of the rise happened in the window's last half, … */
#define GROWING_THIRD_SHARE 0.11 /* … this much in its last third, … */
#define GROWING_TAIL_RATE 0.25	 /* … and in its tail at this share of the mean rate at least */
#define GROWING_TAIL_STEPS 10	 /* the tail is long enough for so many steps, 1/8 … 1/2 */
#define GROWING_FALL 2		 /* the rise is this many times the largest fall */
#define GROWING_OLD_SHARE 0.25	 /* of live bytes: of cells with a block from the first half */
#define GROWING_ON_TOP_SHARE 0.1 /* on top of a cache: a smaller rise in the last half, … */
#define GROWING_ON_TOP_FALL 4	 /* … but hardly any fall … */
#define GROWING_ON_TOP_EVEN 0.75 /* … and the last quarter rises no less than the one before */
#define GROWING_ON_TOP_STEPS 20

#define GROWING_START_TIME 0.05	 /* of the window: what came by then may be set-up; the rise … */
#define GROWING_START_BYTES 0.01 /* … begins when there was last no more than this beyond it */
#define GROWING_SETUP_SHARE 0.05 /* of live bytes: if that much is off, it was set-up */
#define GROWING_RATE_SLACK 1.5	 /* / root of steps: average and median slope agree */
#define GROWING_CLASS_LIVE 0.5	 /* in a class of a mixed site: this share is still live, or … */
#define GROWING_CLASS_FALL 8	 /* … the rise is so many times the largest fall, … */
#define GROWING_CLASS_STEPS 50	 /* … in so many steps */

/* static */
#define STATIC_QUIET_SHARE 0.5	/* of the window passed since the last allocation, … */
#define STATIC_QUIET_GAPS 10	/* … which is so many mean gaps between allocations */
#define STATIC_PAUSE_SHARE 0.2	/* or this share, if no earlier pause was … */
#define STATIC_PAUSE_RATIO 3	/* … more than a third of it */
#define STATIC_FEW_BLOCKS 8	/* with fewer, the wait for the first counts as a gap too */
#define STATIC_FALL_SHARE 0.1	/* of live bytes: no more was freed while quiet, once settled */
#define STATIC_FREED_SHARE 0.2	/* of blocks freed: above that there is turnover */
#define STATIC_DRIFT_SHARE 0.05 /* of live bytes: change in the last two thirds */

/* bounded, short-lived */
#define BOUNDED_FLOOR_SHARE 0.5	 /* lowest to highest live bytes in the last half: a plateau */
#define BOUNDED_COUNT_LOW 0.6	 /* × blocks live on average are live now, … */
#define BOUNDED_COUNT_HIGH 1.6	 /* … and no more than × that: a plateau in blocks, … */
#define BOUNDED_COUNT_MIN 16	 /* … if so many are live and … */
#define BOUNDED_COUNT_FLOOR 0.05 /* … the lowest to highest live bytes are no less */
#define BOUNDED_REPLACED 0.03	 /* of frees had the next block beside them already, or … */
#define BOUNDED_LIFE 0.05	 /* … they lived for this share of the window, or … */
#define BOUNDED_HELD 5		 /* … each thread held so many: kept, not passing through */
#define BOUNDED_CEILING 1.25	 /* × the earlier high: more in the last third is no ceiling yet */
#define BOUNDED_TOOTH 0.5	 /* of the high: it fell by this, so the high is a tooth's, … */
#define BOUNDED_TOOTH_CEILING 2	 /* … and with random sizes the next may be so much higher */
#define BOUNDED_FREED_SHARE 0.1	 /* of blocks freed: blocks come and go */
#define SHORT_FREED_SHARE 0.9	 /* of blocks freed, … */
#define SHORT_LIFE 0.1		 /* … at this share of the window on average, … */
#define SHORT_LIFE_MANY 0.01	 /* … or at this one where each thread held BOUNDED_HELD */
#define SHORT_MIN_BLOCKS 3

/* a size class of a site that says nothing as a whole */
#define CLASS_MIN_SHARE 0.1 /* of the site's live bytes */

#endif
