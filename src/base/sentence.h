/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sentences put together piece by piece; what does not fit is cut off. */
#ifndef OUTLIVE_BASE_SENTENCE_H
#define OUTLIVE_BASE_SENTENCE_H

#include <stddef.h>

/* All zeroes is an empty one. */
struct sentence {
	char text[640];
	size_t length;
};

/* Go on, printf-like. */
__attribute__((format(printf, 2, 3))) void say(struct sentence *sentence, const char *format, ...);

#endif
