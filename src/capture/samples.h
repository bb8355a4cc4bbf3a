/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User space's side of sampling (outlive/sample.h): counted calls, and notes of the dead. */
#ifndef OUTLIVE_CAPTURE_SAMPLES_H
#define OUTLIVE_CAPTURE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outlive/sample.h"

struct outlive_bpf;

/* Sampled blocks that can be noted: 80 MB of kernel memory if ever there are so many. */
#define SAMPLES_MOST (1u << 20)

struct samples {
	bool on;
	int noted_fd, calls_fd;
	size_t cpus;
};

/* Before load: will blocks of up to `processes` processes at a time be sampled? `notes`:
 * from their first block on, so that those are noted that live. Returns 0 or -errno. */
int samples_size(struct outlive_bpf *skeleton, size_t processes, bool sampling, bool notes);

/* After load. Returns 0 or -errno. */
int samples_open(struct samples *samples, struct outlive_bpf *skeleton);

/* Count the calls of process `pid`, and forget it. (BPF begins to count those of children.) */
void samples_add(const struct samples *samples, uint32_t pid);
void samples_remove(const struct samples *samples, uint32_t pid);

/* What the process has called so far. Returns 0 or -errno. */
int samples_calls(const struct samples *samples, uint32_t pid, struct sample_calls *ret_calls);

/*
 * Clear away the notes of blocks that nothing will ever free: those for which `is_dead`,
 * given the note, returns true. Takes some 0.1 s for a million notes. Returns 0, or -ENOMEM
 * with nothing done.
 */
int samples_sweep(const struct samples *samples,
		  bool (*is_dead)(const struct sample_note *note, void *context), void *context);

#endif
