/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

static void put_string(struct json *json, const char *text);

static void newline(struct json *json)
{
	output_text(&json->output, "\n");
	for (unsigned int i = 0; i < json->depth; i++)
		output_text(&json->output, " ");
}

/* What goes before a value: comma, line break, name. */
static void begin_value(struct json *json, const char *key)
{
	bool inside = json->depth > 0, broken = json->depth <= json->inline_depth;

	if (json->follows)
		output_text(&json->output, broken ? "," : ", ");
	if (inside && broken)
		newline(json);
	if (key) {
		put_string(json, key);
		output_text(&json->output, ": ");
	}
	json->follows = true;
}

static void open_container(struct json *json, const char *key, const char *bracket)
{
	begin_value(json, key);
	output_text(&json->output, bracket);
	json->depth++;
	json->follows = false;
}

static void close_container(struct json *json, const char *bracket)
{
	bool broken = json->depth <= json->inline_depth;

	json->depth--;
	if (json->follows && broken)
		newline(json);
	output_text(&json->output, bracket);
	json->follows = true;
	if (json->depth == 0)
		output_text(&json->output, "\n");
}

void json_object(struct json *json, const char *key)
{
	open_container(json, key, "{");
}

void json_end_object(struct json *json)
{
	close_container(json, "}");
}

void json_array(struct json *json, const char *key)
{
	open_container(json, key, "[");
}

void json_end_array(struct json *json)
{
	close_container(json, "]");
}

/* Length of the harmless UTF-8 character of two to four bytes at `s`, 0 when there is none. */
static size_t utf8_length(const char *s)
{
	char clean[8];

	/* text_clean keeps a valid character as it is and cuts what does not end. */
	for (size_t length = 2; length <= 4; length++) {
		if (strnlen(s, length) < length)
			return 0;
		if (text_clean(clean, sizeof(clean), s, length) == length &&
		    memcmp(clean, s, length) == 0)
			return length;
	}
	return 0;
}

/* Bytes at `s` that need no escape: one character, or 0. */
static size_t plain_length(const char *s)
{
	unsigned char c = (unsigned char)*s;

	if (c < 0x80)
		return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
	return utf8_length(s);
}

static void put_escape(struct json *json, unsigned char c)
{
	char escape[8];

	if (c == '"' || c == '\\')
		snprintf(escape, sizeof(escape), "\\%c", c);
	else if (c == '\n')
		snprintf(escape, sizeof(escape), "\\n");
	else if (c == '\t')
		snprintf(escape, sizeof(escape), "\\t");
	else
		snprintf(escape, sizeof(escape), "\\u%04x", c < 0x80 ? c : 0xfffd);
	output_text(&json->output, escape);
}

static void put_string(struct json *json, const char *text)
{
	const char *run = text;

	output_text(&json->output, "\"");
	while (*text) {
		size_t length = plain_length(text);

		if (length) {
			text += length;
			continue;
		}
		output_bytes(&json->output, run, (size_t)(text - run));
		put_escape(json, (unsigned char)*text);
		run = ++text;
	}
	output_bytes(&json->output, run, (size_t)(text - run));
	output_text(&json->output, "\"");
}

void json_string(struct json *json, const char *key, const char *text)
{
	if (!text) {
		json_null(json, key);
		return;
	}
	begin_value(json, key);
	put_string(json, text);
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	char digits[24];

	begin_value(json, key);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	output_text(&json->output, digits);
}

void json_signed(struct json *json, const char *key, int64_t value)
{
	char digits[24];

	begin_value(json, key);
	snprintf(digits, sizeof(digits), "%" PRId64, value);
	output_text(&json->output, digits);
}

void json_double(struct json *json, const char *key, double value)
{
	char digits[64];

	if (!isfinite(value)) {
		json_null(json, key);
		return;
	}
	begin_value(json, key);
	snprintf(digits, sizeof(digits), "%.15g", value);
	output_text(&json->output, digits);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_value(json, key);
	output_text(&json->output, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	begin_value(json, key);
	output_text(&json->output, "null");
}

void json_address(struct json *json, const char *key, uint64_t address)
{
	char digits[24];

	begin_value(json, key);
	snprintf(digits, sizeof(digits), "\"0x%" PRIx64 "\"", address);
	output_text(&json->output, digits);
}
