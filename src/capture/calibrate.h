/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stopping at a probe costs on this machine. */
#ifndef OUTLIVE_CAPTURE_CALIBRATE_H
#define OUTLIVE_CAPTURE_CALIBRATE_H

#include "capture/attach.h"

struct outlive_bpf;

/*
 * Measure it: a child of our own calls malloc and free in a loop, first without and then
 * with the probes of `skeleton` (loaded, and not yet enabled: they return at once), in CPU
 * time. `multi`: place them by uprobe_multi links. Takes some 50 ms, more before Linux 6.10.
 * Returns 0 with the mean of entry and return probes in *ret_ns, or a -errno.
 */
int calibrate_trap(struct outlive_bpf *skeleton, bool multi, double *ret_ns);

#endif
