/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of the benchmark: what the kernel's probes cost before a tracer has done
 * anything. Attached where outlive attaches its own programs (tests/bench/floor.c).
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

SEC("uprobe")
int floor_enter(void *ctx)
{
	return 0;
}

SEC("uretprobe")
int floor_return(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
