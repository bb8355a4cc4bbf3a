/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The renderers behind the rows of report_formats; see struct report_ops.render. */
#ifndef OUTLIVE_REPORT_FORMATS_H
#define OUTLIVE_REPORT_FORMATS_H

#include "report/report.h"

int report_text(FILE *file, const struct snapshot *snapshot,
		const struct report_options *options);
int report_json(FILE *file, const struct snapshot *snapshot,
		const struct report_options *options);

#endif
