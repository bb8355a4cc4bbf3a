/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static log_sink current_sink;

void log_set_sink(log_sink sink)
{
	current_sink = sink;
}

void log_line(const char *format, ...)
{
	char line[512];
	va_list arguments;

	if (!current_sink)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	current_sink(line);
}
