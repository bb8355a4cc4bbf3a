/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long does the screen take to draw?
 *
 *   bench_top [SITES]     default 10 000
 *
 * Three rows: a new picture taken in and drawn (once a second), the list sorted and
 * drawn anew (a key), and the frame drawn again as it is (moving the cursor). Processor
 * time, the mean of many drawings; names are known after the first.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "many_sites.h"
#include "top/draw.h"

#define ROUNDS 12

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_row(const char *what, double total, unsigned int times)
{
	printf("  %-44s %8.2f ms\n", what, total * 1000 / times);
}

int main(int argc, char *argv[])
{
	uint64_t sites = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	struct ledger *ledger = ledger_new();
	struct top_model model = { 0 };
	struct canvas canvas = { 0 };
	double taken = 0, sorted = 0, moved = 0, begin;

	setlocale(LC_CTYPE, "C.UTF-8");
	if (!ledger || model_begin(&model) < 0 || canvas_resize(&canvas, 132, 43) < 0)
		return 1;
	many_begin(ledger, sites);
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct snapshot *snapshot;

		many_round(ledger, sites, round);
		snapshot = many_snapshot(ledger, round);
		if (!snapshot)
			return 1;
		begin = seconds();
		model_take(&model, snapshot);
		draw_frame(&model, &canvas);
		taken += seconds() - begin;
		begin = seconds();
		model_key(&model, TOP_KEY_RIGHT);
		draw_frame(&model, &canvas);
		sorted += seconds() - begin;
		begin = seconds();
		model_key(&model, TOP_KEY_DOWN);
		draw_frame(&model, &canvas);
		moved += seconds() - begin;
	}
	printf("the screen, %llu sites:\n", (unsigned long long)sites);
	print_row("a new picture", taken, ROUNDS);
	print_row("sorted by another column", sorted, ROUNDS);
	print_row("the cursor moved", moved, ROUNDS);
	canvas_free(&canvas);
	model_end(&model);
	ledger_free(ledger);
	return 0;
}
