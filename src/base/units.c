/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit size_units[] = {
	{ "", 1 },	  { "b", 1 },
	{ "k", 1ull << 10 }, { "kb", 1ull << 10 }, { "kib", 1ull << 10 },
	{ "m", 1ull << 20 }, { "mb", 1ull << 20 }, { "mib", 1ull << 20 },
	{ "g", 1ull << 30 }, { "gb", 1ull << 30 }, { "gib", 1ull << 30 },
	{ "t", 1ull << 40 }, { "tb", 1ull << 40 }, { "tib", 1ull << 40 },
};

static const struct unit time_units[] = {
	{ "", 1e9 },  { "ns", 1 },   { "us", 1e3 },  { "ms", 1e6 },
	{ "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 },
};

static int parse_with_unit(const char *text, const struct unit *units, size_t count,
			   uint64_t *ret_value)
{
	char *end;
	double number;

	/* strtod would take "inf", "nan", hex and signs; a size is none of those. */
	if (!isdigit((unsigned char)text[0]) || strpbrk(text, "xXpP"))
		return -EINVAL;
	errno = 0;
	number = strtod(text, &end);
	if (errno)
		return -ERANGE;
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(end, units[i].name) != 0)
			continue;
		if (number * units[i].factor >= 18446744073709551615.0)
			return -ERANGE;
		*ret_value = (uint64_t)(number * units[i].factor);
		return 0;
	}
	return -EINVAL;
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
	return parse_with_unit(text, size_units, ARRAY_LENGTH(size_units), ret_bytes);
}

int units_parse_duration(const char *text, uint64_t *ret_ns)
{
	return parse_with_unit(text, time_units, ARRAY_LENGTH(time_units), ret_ns);
}

int units_parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret_value)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || value < low || value > high)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

char *units_format_bytes(char *buffer, size_t size, uint64_t bytes)
{
	static const char *const names[] = { "B", "KB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	/* 999.95 would print as "1000.0", so step up before it is rounded there. */
	while (value >= 999.5 && unit + 1 < ARRAY_LENGTH(names)) {
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(buffer, size, "%" PRIu64 " B", bytes);
	else
		snprintf(buffer, size, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value,
			 names[unit]);
	return buffer;
}

char *units_format_count(char *buffer, size_t size, uint64_t count)
{
	char digits[UNITS_BUFFER];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
	size_t used = 0;

	for (size_t i = 0; i < length && used + 2 < size; i++) {
		if (i && (length - i) % 3 == 0)
			buffer[used++] = ' ';
		buffer[used++] = digits[i];
	}
	buffer[used] = '\0';
	return buffer;
}

char *units_format_duration(char *buffer, size_t size, uint64_t ns)
{
	uint64_t seconds = ns / 1000000000;

	if (ns < 1000)
		snprintf(buffer, size, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		snprintf(buffer, size, "%.1f us", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(buffer, size, "%.0f ms", (double)ns / 1e6);
	else if (seconds < 120)
		snprintf(buffer, size, "%.1f s", (double)ns / 1e9);
	else if (seconds < 7200)
		snprintf(buffer, size, "%" PRIu64 " m %02" PRIu64 " s", seconds / 60, seconds % 60);
	else
		snprintf(buffer, size, "%" PRIu64 " h %02" PRIu64 " m", seconds / 3600,
			 seconds % 3600 / 60);
	return buffer;
}
