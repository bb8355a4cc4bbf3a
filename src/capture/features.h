/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What outlive needs of the kernel and of its own privileges, asked one by one. */
#ifndef OUTLIVE_CAPTURE_FEATURES_H
#define OUTLIVE_CAPTURE_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct feature {
	const char *name;
	const char *what;   /* what it is needed for */
	const char *remedy; /* what to do when it is missing */
	bool required;	    /* without it nothing can be traced */
	int (*probe)(void); /* 0: there; a -errno otherwise */
};

extern const struct feature features[];
extern const size_t feature_count;

/* The first required feature that is missing: its -errno, with `error` filled; 0 if none. */
int features_check(struct error *error);

#endif
