/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds it: as a table (HELD BY THREAD) and as a sentence. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "report/text.h"

#define DEFAULT_ROWS 12 /* a pool of ten, main and one more */
#define NAMED_HOLDERS 3

static bool is_active(const struct snapshot_thread *thread)
{
	return thread->counts.live_blocks || thread->counts.allocated_blocks ||
	       thread->counts.freed_blocks;
}

static void put_thread(struct text *text, const struct row *row,
		       const struct text_columns *columns)
{
	char comm[WIRE_COMM_BYTES + 1], name[WIRE_COMM_BYTES + 16];

	text_clean(comm, sizeof(comm), row->thread->comm, sizeof(row->thread->comm));
	snprintf(name, sizeof(name), "%s%s", comm[0] ? comm : "?",
		 row->thread->exited ? " (exited)" : "");
	layout_cell(&text->layout, STYLE_NAME, name, columns->name_width, false);
	text_table_cells(text, columns, row);
	layout_newline(&text->layout);
}

static void put_rest(struct text *text, size_t count, uint64_t live_bytes)
{
	char bytes[UNITS_BUFFER], number[UNITS_BUFFER], line[128];

	if (count == 0)
		return;
	units_format_count(number, sizeof(number), count);
	if (live_bytes)
		snprintf(line, sizeof(line), "… and %s more thread%s, %s", number,
			 count == 1 ? "" : "s", units_format_bytes(bytes, sizeof(bytes), live_bytes));
	else
		snprintf(line, sizeof(line), "… and %s more thread%s that hold%s nothing", number,
			 count == 1 ? "" : "s", count == 1 ? "s" : "");
	layout_paragraph(&text->layout, STYLE_DIM, 0, line);
}

int text_thread_table(struct text *text)
{
	size_t limit = text->options->rows ? text->options->rows : DEFAULT_ROWS;
	size_t count, active = 0, shown = 0;
	struct text_columns columns;
	CLEANUP_FREE uint32_t *order = NULL;
	struct row row = text->row;
	uint64_t rest_bytes = 0;
	int r;

	r = table_sort(&thread_table, text_sort_column(text, &thread_table), &row, &order, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		active += is_active(&row.process->threads[i]);
	limit = text_shown(active, limit);
	text_table_heading(text, &thread_table, "HELD BY THREAD", 0, &columns);
	layout_newline(&text->layout);
	for (size_t i = 0; i < count; i++) {
		thread_table.select(&row, order[i]);
		if (is_active(row.thread) && shown < limit) {
			put_thread(text, &row, &columns);
			shown++;
		} else {
			rest_bytes += row.thread->counts.live_bytes;
		}
	}
	put_rest(text, count - shown, rest_bytes);
	return 0;
}

/* Do all holders' bytes read alike? Then they are said once. */
static bool hold_alike(const struct holders *holders)
{
	char first[UNITS_BUFFER], other[UNITS_BUFFER];

	units_format_bytes(first, sizeof(first), holders->rows[0].live_bytes);
	for (size_t i = 1; i < holders->count; i++) {
		units_format_bytes(other, sizeof(other), holders->rows[i].live_bytes);
		if (strcmp(first, other) != 0)
			return false;
	}
	return true;
}

/* ", worker-3 (4251) 21.2 MB": the place of one holder in the sentence. */
static size_t format_holder(const struct text *text, size_t index, bool with_bytes, char *buffer,
			    size_t size)
{
	const struct holders *holders = text->row.holders;
	const struct holder *holder = &holders->rows[index];
	const struct snapshot_thread *thread = &text->row.process->threads[holder->thread];
	const char *joint = index == 0 ? "" : index + 1 == holders->count ? " and " : ", ";
	char comm[WIRE_COMM_BYTES + 1], bytes[UNITS_BUFFER];

	text_clean(comm, sizeof(comm), thread->comm, sizeof(thread->comm));
	units_format_bytes(bytes, sizeof(bytes), holder->live_bytes);
	return (size_t)snprintf(buffer, size, "%s%s (%u)%s%s", joint, comm[0] ? comm : "?",
				thread->tid, with_bytes ? " " : "", with_bytes ? bytes : "");
}

void text_holders(struct text *text, size_t indent)
{
	const struct holders *holders = text->row.holders;
	char line[512] = "held by ", bytes[UNITS_BUFFER];
	size_t used = strlen(line), named = text_shown(holders->count, NAMED_HOLDERS);
	uint64_t rest_bytes = 0;
	bool alike;

	if (holders->count == 0)
		return;
	alike = hold_alike(holders);
	for (size_t i = 0; i < named; i++)
		used += format_holder(text, i, !alike, line + used, sizeof(line) - used);
	for (size_t i = named; i < holders->count; i++)
		rest_bytes += holders->rows[i].live_bytes;
	if (holders->count > named)
		used += (size_t)snprintf(line + used, sizeof(line) - used, " and %zu more threads%s%s",
					 holders->count - named, alike ? "" : " ",
					 alike ? "" : units_format_bytes(bytes, sizeof(bytes),
									 rest_bytes));
	if (alike && holders->count > 1)
		snprintf(line + used, sizeof(line) - used, ", %s each",
			 units_format_bytes(bytes, sizeof(bytes), holders->rows[0].live_bytes));
	layout_paragraph(&text->layout, STYLE_PLAIN, indent, line);
}

int text_thread_line(struct text *text)
{
	int r = holders_of_process(text->row.holders, text->row.process);

	if (r == 0)
		text_holders(text, 0);
	return r;
}
