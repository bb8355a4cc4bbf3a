/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MAPPED MEMORY: where mappings come from, of a process whose blocks are not traced. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "report/text.h"

#define DEFAULT_ROWS 10
#define NUMBER_WIDTH 3
#define COLUMN_WIDTH 10
#define INDENT 4

static int by_live_bytes(const void *left, const void *right)
{
	const struct snapshot_site *const *a = left, *const *b = right;

	if ((*a)->counts.live_bytes != (*b)->counts.live_bytes)
		return (*a)->counts.live_bytes > (*b)->counts.live_bytes ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

static void put_cells(struct text *text, enum style style, const char *const cells[3])
{
	for (size_t i = 0; i < 3; i++) {
		layout_put(&text->layout, STYLE_PLAIN, " ");
		layout_cell(&text->layout, style, cells[i], COLUMN_WIDTH, true);
	}
	layout_newline(&text->layout);
}

static int put_site(struct text *text, size_t number, size_t width)
{
	const struct snapshot_site *site = text->row.site;
	char label[32], name[TEXT_SITE_NAME], bytes[UNITS_BUFFER], ranges[UNITS_BUFFER];
	char threads[UNITS_BUFFER];
	struct stack stack;
	int r;

	stack_resolve(text->options->frames, text->options->native, text->row.process, site, &stack);
	r = holders_find(text->row.holders, site);
	if (r < 0)
		return r;
	snprintf(label, sizeof(label), "%*zu ", NUMBER_WIDTH - 1, number);
	layout_put(&text->layout, STYLE_PLAIN, label);
	width -= text->layout.column;
	layout_cell(&text->layout, STYLE_NAME, text_site_name(&stack, width, name), width, false);
	units_format_bytes(bytes, sizeof(bytes), site->counts.live_bytes);
	units_format_count(ranges, sizeof(ranges), site->counts.live_blocks);
	units_format_count(threads, sizeof(threads), text->row.holders->count);
	put_cells(text, STYLE_PLAIN, (const char *const[]){ bytes, ranges, threads });
	text_holders(text, INDENT);
	text_site_stack(text, &stack);
	return 0;
}

int text_mapped_table(struct text *text)
{
	const struct snapshot_process *process = text->row.process;
	size_t width = text->layout.width - 3 * (COLUMN_WIDTH + 1), live = 0, shown;
	CLEANUP_FREE const struct snapshot_site **order =
		calloc(process->mapped_site_count + 1, sizeof(*order));
	int r = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < process->mapped_site_count; i++) {
		if (process->mapped_sites[i].counts.live_bytes)
			order[live++] = &process->mapped_sites[i];
	}
	if (!live)
		return 0;
	qsort(order, live, sizeof(*order), by_live_bytes);
	shown = text_shown(live, text->options->rows ? text->options->rows : DEFAULT_ROWS);
	layout_newline(&text->layout);
	layout_cell(&text->layout, STYLE_HEADING, "MAPPED MEMORY", width, false);
	put_cells(text, STYLE_HEADING, (const char *const[]){ "LIVE", "RANGES", "THREADS" });
	for (size_t i = 0; i < shown && r == 0; i++) {
		if (i)
			layout_newline(&text->layout);
		text->row.site = order[i];
		r = put_site(text, i + 1, width);
	}
	text->row.site = NULL;
	if (shown < live) {
		char rest[UNITS_BUFFER + 32], number[UNITS_BUFFER];

		snprintf(rest, sizeof(rest), "… and %s more",
			 units_format_count(number, sizeof(number), live - shown));
		layout_newline(&text->layout);
		layout_paragraph(&text->layout, STYLE_DIM, 0, rest);
	}
	return r;
}
