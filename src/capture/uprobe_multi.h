/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uprobe_multi links by bpf(2) itself: the libbpf of Debian 12 does not know them yet. */
#ifndef OUTLIVE_CAPTURE_UPROBE_MULTI_H
#define OUTLIVE_CAPTURE_UPROBE_MULTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* enum bpf_attach_type, BPF_TRACE_UPROBE_MULTI: Linux 6.6, commit 89ae89f53d20. A program
 * must be loaded with it as its expected attach type. */
#define UPROBE_MULTI_ATTACH_TYPE 48

/*
 * Link `program` to `count` places of the file at `path` in process `pid`:
 * `offsets` are file offsets, `cookies` what bpf_get_attach_cookie() gives there.
 * Returns a descriptor whose close takes the probes out, or a -errno.
 */
int uprobe_multi_link(int program, const char *path, const uint64_t *offsets,
		      const uint64_t *cookies, size_t count, uint32_t pid, bool at_return);

/* Do such links work here, and for all threads of a process (Linux 6.10, commit
 * 46ba0e49b642)? Tried out on ourselves, with one probe and two threads. */
bool uprobe_multi_works(void);

#endif
