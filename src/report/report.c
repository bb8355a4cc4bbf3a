/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <string.h>

#include "analysis/columns.h"
#include "base/cleanup.h"
#include "report/formats.h"

const struct report_ops report_formats[] = {
	{ "text", "txt", "for people: tables and verdicts in words", report_text },
	{ "json", "json", "for programs: every number, schema outlive/1", report_json },
};

const size_t report_format_count = ARRAY_LENGTH(report_formats);

const struct report_ops *report_find(const char *name)
{
	for (size_t i = 0; i < report_format_count; i++) {
		if (strcmp(report_formats[i].name, name) == 0)
			return &report_formats[i];
	}
	return NULL;
}

bool report_sorts_by(const char *name)
{
	return column_find(&thread_table, name) || column_find(&site_table, name) ||
	       column_find(&process_table, name) || column_find(&rate_table, name);
}

const char *report_verb_name(enum report_verb verb)
{
	return verb == REPORT_THREADS ? "threads" : "report";
}
