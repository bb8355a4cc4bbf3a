/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tracing costs a process, as far as it can be seen from here: how often it stopped at
 * a probe, and how long our programs ran there. What stopping itself costs user space
 * measures beforehand (capture/calibrate.h).
 */
#ifndef OUTLIVE_BPF_GOVERN_H
#define OUTLIVE_BPF_GOVERN_H

#include "maps.bpf.h"

/* A run longer than this was interrupted or preempted: that is not ours. */
#define GOVERN_RUN_MOST 20000

static __always_inline __u64 govern_since(__u64 start_ns)
{
	__u64 ns = bpf_ktime_get_ns() - start_ns;

	return ns < GOVERN_RUN_MOST ? ns : GOVERN_RUN_MOST;
}

struct govern {
	struct sample_calls *count; /* NULL: not of a traced process */
	__u64 start_ns; /* 0: this hit is not timed */
};

static __always_inline struct sample_calls *govern_count(void)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	return bpf_map_lookup_elem(&calls, &pid);
}

/* A probe was met. */
static __always_inline void govern_begin(struct govern *govern)
{
	govern->start_ns = 0;
	govern->count = govern_count();
	if (govern->count &&
	    (__sync_fetch_and_add(&govern->count->hits, 1) & (SAMPLE_TIMED - 1)) == 0)
		govern->start_ns = bpf_ktime_get_ns();
}

static __always_inline void govern_end(const struct govern *govern)
{
	if (govern->count && govern->start_ns)
		__sync_fetch_and_add(&govern->count->run_ns,
				     SAMPLE_TIMED * govern_since(govern->start_ns));
}

/* Our part of an address-space system call of a traced process took so long. */
static __always_inline void govern_add(__u64 start_ns)
{
	struct sample_calls *count = govern_count();

	if (count)
		__sync_fetch_and_add(&count->run_ns, govern_since(start_ns));
}

#endif
