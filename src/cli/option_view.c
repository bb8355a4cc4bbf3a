/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "analysis/columns.h"
#include "analysis/diff.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "cli/option_row.h"
#include "report/report.h"
#include "top/fields.h"

#define INTERVAL_LEAST_NS 100000000ull
#define INTERVAL_MOST_NS 3600000000000ull

/* Names of all columns of the tables, each told once. */
static char *column_names(char *buffer, size_t size)
{
	const struct table *const tables[] = { &thread_table, &site_table, &process_table,
					       &rate_table };
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t t = 0; t < ARRAY_LENGTH(tables); t++) {
		for (size_t i = 0; i < tables[t]->column_count && used < size; i++) {
			const char *name = tables[t]->columns[i].name;
			bool told = false;

			for (size_t before = 0; before < t; before++)
				told |= column_find(tables[before], name) != NULL;
			if (!told)
				used += (size_t)snprintf(buffer + used, size - used, "%s%s",
							 used ? ", " : "", name);
		}
	}
	return buffer;
}

int option_set_output(struct options *options, const char *value, struct error *error)
{
	if (!*value)
		return error_set(error, -EINVAL, "", "-o takes a file name");
	options->output = value;
	return 0;
}

int option_set_rows(struct options *options, const char *value, struct error *error)
{
	uint64_t rows;

	if (units_parse_number(value, 1, 100000000, &rows) < 0)
		return error_set(error, -EINVAL, "", "-n takes a number of rows, not '%s'", value);
	options->rows = rows;
	return 0;
}

int option_set_sort(struct options *options, const char *value, struct error *error)
{
	char known[400];

	if (!report_sorts_by(value))
		return error_set(error, -EINVAL, "", "there is no column '%s': sort by one of %s",
				 value, column_names(known, sizeof(known)));
	options->sort = value;
	return 0;
}

/* Of the screen: there are columns that only it has. */
int option_set_screen_sort(struct options *options, const char *value, struct error *error)
{
	const struct column *columns[FIELDS_MOST];
	char known[200];
	size_t used = 0;

	for (size_t i = 0; i < FIELDS_TABLES; i++) {
		if (fields_find((enum fields_table)i, value)) {
			options->sort = value;
			return 0;
		}
	}
	for (size_t i = fields_of(FIELDS_SITES, columns); i && used < sizeof(known); i--)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? ", " : "", columns[i - 1]->name);
	return error_set(error, -EINVAL, "", "there is no column '%s': sort by one of %s", value,
			 known);
}

int option_set_diff_sort(struct options *options, const char *value, struct error *error)
{
	char known[200];
	size_t used = 0;

	options->sort = value;
	if (diff_order_find(value))
		return 0;
	for (size_t i = 0; i < diff_order_count && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? ", " : "", diff_orders[i].name);
	return error_set(error, -EINVAL, "", "there is no order '%s': sort by one of %s", value,
			 known);
}

int option_set_interval(struct options *options, const char *value, struct error *error)
{
	if (units_parse_duration(value, &options->interval_ns) < 0 ||
	    options->interval_ns < INTERVAL_LEAST_NS || options->interval_ns > INTERVAL_MOST_NS)
		return error_set(error, -EINVAL, "",
				 "--interval takes a time from 100ms to 1h, not '%s'", value);
	return 0;
}
