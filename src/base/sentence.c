/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sentence.h"

#include <stdarg.h>
#include <stdio.h>

void say(struct sentence *sentence, const char *format, ...)
{
	size_t left = sizeof(sentence->text) - sentence->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(sentence->text + sentence->length, left, format, arguments);
	va_end(arguments);
	if (length > 0)
		sentence->length += (size_t)length < left ? (size_t)length : left - 1;
}
