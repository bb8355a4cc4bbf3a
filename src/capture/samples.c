/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "outlive.skel.h"

#define SWEEP_BATCH 8192 /* a bucket must fit in it (kernel/bpf/hashtab.c); they hold a few */

int samples_size(struct outlive_bpf *skeleton, size_t processes, bool sampling, bool notes)
{
	int result;

	skeleton->rodata->sampling = sampling;
	if (!sampling)
		return 0;
	result = bpf_map__set_max_entries(skeleton->maps.calls, (uint32_t)processes);
	if (result == 0 && notes)
		result = bpf_map__set_max_entries(skeleton->maps.sampled, SAMPLES_MOST);
	return result;
}

int samples_open(struct samples *samples, struct outlive_bpf *skeleton)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	*samples = (struct samples){
		.on = skeleton->rodata->sampling,
		.noted_fd = bpf_map__fd(skeleton->maps.sampled),
		.calls_fd = bpf_map__fd(skeleton->maps.calls),
		.cpus = (size_t)cpus,
	};
	return 0;
}

void samples_add(const struct samples *samples, uint32_t pid)
{
	CLEANUP_FREE struct sample_calls *none = calloc(samples->cpus, sizeof(*none));

	/* Without a row nothing is counted, which shows. */
	if (samples->on && none)
		bpf_map_update_elem(samples->calls_fd, &pid, none, BPF_ANY);
}

void samples_remove(const struct samples *samples, uint32_t pid)
{
	if (samples->on)
		bpf_map_delete_elem(samples->calls_fd, &pid);
}

int samples_calls(const struct samples *samples, uint32_t pid, struct sample_calls *ret_calls)
{
	CLEANUP_FREE struct sample_calls *each = calloc(samples->cpus, sizeof(*each));

	memset(ret_calls, 0, sizeof(*ret_calls));
	if (!each)
		return -ENOMEM;
	if (bpf_map_lookup_elem(samples->calls_fd, &pid, each) < 0)
		return -errno;
	for (size_t i = 0; i < samples->cpus; i++) {
		ret_calls->blocks += each[i].blocks;
		ret_calls->bytes += each[i].bytes;
		ret_calls->frees += each[i].frees;
		ret_calls->hits += each[i].hits;
		ret_calls->run_ns += each[i].run_ns;
	}
	return 0;
}

int samples_sweep(const struct samples *samples,
		  bool (*is_dead)(const struct sample_note *note, void *context), void *context)
{
	CLEANUP_FREE struct sample_key *keys = calloc(SWEEP_BATCH, sizeof(*keys));
	CLEANUP_FREE struct sample_note *notes = calloc(SWEEP_BATCH, sizeof(*notes));
	uint32_t place = 0;
	bool more = true, begun = false;

	if (!keys || !notes)
		return -ENOMEM;
	while (more) {
		uint32_t count = SWEEP_BATCH;

		/* The last batch comes with -ENOENT; any other error ends the sweep early. */
		more = bpf_map_lookup_batch(samples->noted_fd, begun ? &place : NULL, &place, keys,
					    notes, &count, NULL) == 0;
		if (!more && errno != ENOENT)
			return 0;
		begun = true;
		for (uint32_t i = 0; i < count; i++) {
			if (is_dead(&notes[i], context))
				bpf_map_delete_elem(samples->noted_fd, &keys[i]);
		}
	}
	return 0;
}
