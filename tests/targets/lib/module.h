/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_TARGETS_MODULE_H
#define TESTS_TARGETS_MODULE_H

typedef long (*module_fn)(long size);

/* Calls `bottom(size)` through two functions more. */
long module_work(module_fn bottom, long size);

#endif
