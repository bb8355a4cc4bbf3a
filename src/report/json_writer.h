/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A streaming writer of JSON (RFC 8259): calls in document order, nothing kept
 * but the nesting. It places commas and line breaks; the caller closes what it
 * opens. Write errors are kept in `output`: ask output_finish.
 */
#ifndef OUTLIVE_REPORT_JSON_WRITER_H
#define OUTLIVE_REPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "report/output.h"

struct json {
	struct output output;
	unsigned int depth;
	unsigned int inline_depth; /* containers opened this deep or deeper stay on one line */
	bool follows; /* something was written in this container */
};

/* Every function takes the member's name, or NULL inside an array and at the top. */

/* Containers. */
void json_object(struct json *json, const char *key);
void json_end_object(struct json *json);
void json_array(struct json *json, const char *key);
void json_end_array(struct json *json);

/*
 * A string; NULL writes null. Any bytes will do: quotes, backslashes and controls
 * are escaped; a byte that is not UTF-8, or part of a character that a terminal
 * would act on (C1, bidirectional overrides), becomes U+FFFD.
 */
void json_string(struct json *json, const char *key, const char *text);

/* Whole numbers are written exactly; a double that is not finite becomes null. */
void json_number(struct json *json, const char *key, uint64_t value);
void json_signed(struct json *json, const char *key, int64_t value);
void json_double(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

/* An address, as the string "0x…". */
void json_address(struct json *json, const char *key, uint64_t address);

#endif
