/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The help: the table of keys, the columns, the verdicts, each from its own table. */
#include "base/cleanup.h"
#include "top/fields.h"
#include "top/lines.h"

#define KEY_WIDTH 12
#define COLUMN_WIDTH 12

static void add_keys(struct lines *lines, bool recording)
{
	lines_add(lines, TOP_HEAD, "KEYS");
	for (size_t i = 0; i < key_row_count; i++) {
		if (keys_apply(&key_rows[i], recording))
			lines_aside(lines_add(lines, TOP_KEYS, "  %s", key_rows[i].name), TOP_PLAIN,
				    KEY_WIDTH, key_rows[i].help);
	}
}

static void add_columns(struct lines *lines, enum fields_table table, const char *title)
{
	const struct column *columns[FIELDS_MOST];
	size_t count = fields_of(table, columns);

	lines_add(lines, TOP_PLAIN, "%s", "");
	lines_add(lines, TOP_HEAD, "COLUMNS of %s, as far as they fit", title);
	for (size_t i = 0; i < count; i++)
		lines_aside(lines_add(lines, TOP_NAME, "  %s", columns[i]->title), TOP_PLAIN,
			    COLUMN_WIDTH, columns[i]->help);
}

static void add_verdicts(struct lines *lines)
{
	static const struct {
		enum pattern_name name;
		const char *means;
	} verdicts[] = {
		{ PATTERN_GROWING, "live bytes rise steadily: a leak, until proven otherwise" },
		{ PATTERN_PER_THREAD_SLOT, "each thread keeps its last: threads × size" },
		{ PATTERN_BOUNDED, "come and go under a ceiling: a cache, a pool" },
		{ PATTERN_STATIC, "made early, kept, quiet since: start-up data" },
		{ PATTERN_SHORT_LIVED, "nearly all is freed soon" },
		{ PATTERN_UNKNOWN, "too little seen yet; Enter tells why" },
	};

	lines_add(lines, TOP_PLAIN, "%s", "");
	lines_add(lines, TOP_HEAD, "VERDICTS");
	for (size_t i = 0; i < ARRAY_LENGTH(verdicts); i++)
		lines_aside(lines_add(lines, TOP_NAME, "  %s", pattern_title(verdicts[i].name)),
			    TOP_PLAIN, 19, verdicts[i].means);
}

void draw_help(struct top_model *model, struct canvas *canvas, size_t from, size_t to)
{
	struct lines lines = { 0 };

	add_keys(&lines, model->recording);
	add_verdicts(&lines);
	add_columns(&lines, FIELDS_SITES, "sites");
	add_columns(&lines, FIELDS_THREADS, "threads");
	add_columns(&lines, FIELDS_PROCESSES, "processes");
	lines_show(&lines, model, canvas, from, to);
}
