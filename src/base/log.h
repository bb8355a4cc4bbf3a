/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What library code has to tell a curious user (-v). Library code never prints
 * by itself: lines go to the sink that the program sets, or nowhere.
 */
#ifndef OUTLIVE_BASE_LOG_H
#define OUTLIVE_BASE_LOG_H

typedef void (*log_sink)(const char *line);

/* Where lines go from now on; NULL: nowhere. */
void log_set_sink(log_sink sink);

/* One line, without a newline, printf-like. Cheap when there is no sink. */
__attribute__((format(printf, 1, 2))) void log_line(const char *format, ...);

#endif
