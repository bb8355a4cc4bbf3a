/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlive doctor: what stacks of a process will be like. */
#ifndef OUTLIVE_CLI_DOCTOR_CODE_H
#define OUTLIVE_CLI_DOCTOR_CODE_H

#include <stdint.h>

/*
 * Print what is to be known of the code that process `pid`, which started at `start_ns`, runs: its unwind
 * rows, beside the `limit_bytes` that they may take; interpreters of Python, and whether their
 * frames will be read; names of generated code. Nothing if its mappings cannot be read.
 */
void doctor_code(uint32_t pid, uint64_t limit_bytes, uint64_t start_ns);

#endif
