/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What went wrong, for a person: library code fills one of these beside its
 * -errno, and cli prints it. `what` says what failed and why, `remedy` what to do.
 */
#ifndef OUTLIVE_BASE_ERROR_H
#define OUTLIVE_BASE_ERROR_H

struct error {
	char what[320];
	char remedy[256];
};

/* Fill `error` (may be NULL) and return `code` (a -errno), so that a caller can
 * `return error_set(...)`. `remedy` may be "". */
__attribute__((format(printf, 4, 5))) int error_set(struct error *error, int code,
						      const char *remedy, const char *format, ...);

#endif
