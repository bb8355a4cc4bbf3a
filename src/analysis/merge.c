/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/frames.h"
#include "base/hash.h"

void merge_free(struct merge *merge)
{
	free(merge->parts);
	free(merge->sites);
	memset(merge, 0, sizeof(*merge));
}

/* --- which are the same ----------------------------------------------------------- */

/* What each module of a process is, hashed once. NULL without memory. */
static uint64_t *hash_modules(const struct snapshot_process *process)
{
	uint64_t *hashes = calloc(process->module_count + 1, sizeof(*hashes));

	for (size_t i = 0; hashes && i < process->module_count; i++) {
		const struct snapshot_module *module = &process->modules[i];

		hashes[i] = hash_text(HASH_TEXT, module->build_id[0] ? module->build_id : module->path);
	}
	return hashes;
}

static uint64_t add_python(uint64_t key, const struct snapshot_python_frame *frame)
{
	key = hash_text(key, frame->function ? frame->function : "");
	key = hash_text(key, frame->file ? frame->file : "");
	return hash_mix(key ^ frame->line);
}

static uint64_t key_of(const struct snapshot_process *process, const struct snapshot_site *site,
		       const uint64_t *modules)
{
	uint64_t key = site->stack_known;

	for (size_t i = 0; i < site->frame_count; i++) {
		uint64_t address = site->frames[i];
		const struct snapshot_module *module =
			frames_module(process, address ? address - 1 : 0);

		if (module)
			address = (address - module->bias) ^ modules[module - process->modules];
		key = hash_mix(key + 1) ^ hash_mix(address);
	}
	for (size_t i = 0; i < site->python_count; i++)
		key = add_python(key, &site->python[i]);
	return key;
}

static int add_process(struct merge *merge, const struct snapshot_process *process)
{
	uint64_t *modules = hash_modules(process);

	if (!modules)
		return -ENOMEM;
	for (size_t i = 0; i < process->site_count; i++) {
		const struct snapshot_site *site = &process->sites[i];

		if (site->counts.live_blocks || site->counts.allocated_blocks)
			merge->parts[merge->part_count++] = (struct merged_part){
				process, site, key_of(process, site, modules)
			};
	}
	free(modules);
	return 0;
}

static int compare_keys(const void *left, const void *right)
{
	const struct merged_part *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	return a->site < b->site ? -1 : a->site > b->site;
}

static int compare_parts(const void *left, const void *right)
{
	const struct merged_part *a = left, *b = right;
	uint64_t live_a = a->site->counts.live_bytes, live_b = b->site->counts.live_bytes;

	return live_a != live_b ? (live_a > live_b ? -1 : 1) : compare_keys(left, right);
}

/* --- their sums ---------------------------------------------------------------------- */

static void add_site(struct snapshot_site *sum, const struct snapshot_site *site)
{
	const struct snapshot_counts *counts = &site->counts;

	sum->counts.live_bytes += counts->live_bytes;
	sum->counts.live_blocks += counts->live_blocks;
	sum->counts.allocated_bytes += counts->allocated_bytes;
	sum->counts.allocated_blocks += counts->allocated_blocks;
	sum->counts.freed_bytes += counts->freed_bytes;
	sum->counts.freed_blocks += counts->freed_blocks;
	snapshot_add_sampled(&sum->sampled, &site->sampled);
	for (size_t i = 0; i < SNAPSHOT_FUNCTIONS; i++)
		sum->calls[i] += site->calls[i];
	if (site->largest_live_bytes > sum->largest_live_bytes)
		sum->largest_live_bytes = site->largest_live_bytes;
	if (site->oldest_live_ns &&
	    (!sum->oldest_live_ns || site->oldest_live_ns < sum->oldest_live_ns))
		sum->oldest_live_ns = site->oldest_live_ns;
	if (site->newest_live_ns > sum->newest_live_ns)
		sum->newest_live_ns = site->newest_live_ns;
	if (!sum->first_ns || (site->first_ns && site->first_ns < sum->first_ns))
		sum->first_ns = site->first_ns;
	if (site->last_ns > sum->last_ns)
		sum->last_ns = site->last_ns;
}

/* The parts [from, to) are one site, and in the order of their processes. */
static void sum_up(const struct merge *merge, size_t from, size_t to, struct merged_site *out)
{
	struct merged_part *parts = &merge->parts[from];
	const struct snapshot_process *last = NULL;

	*out = (struct merged_site){ .parts = parts, .part_count = to - from };
	for (size_t i = 0; i < out->part_count; i++) {
		add_site(&out->site, parts[i].site);
		/* Several stacks of one process can come to the same: those that were lost. */
		if (parts[i].site->counts.live_blocks && parts[i].process != last) {
			out->holding_processes++;
			last = parts[i].process;
		}
	}
	qsort(parts, out->part_count, sizeof(*parts), compare_parts);
	/* What it looks like is what its largest part does. */
	out->site.frame_count = parts->site->frame_count;
	out->site.frames = parts->site->frames;
	out->site.python_count = parts->site->python_count;
	out->site.python = parts->site->python;
	out->site.stack_known = parts->site->stack_known;
	out->site.stack_status = parts->site->stack_status;
}

static int compare_sites(const void *left, const void *right)
{
	const struct merged_site *a = left, *b = right;
	uint64_t live_a = a->site.counts.live_bytes, live_b = b->site.counts.live_bytes;

	if (live_a != live_b)
		return live_a > live_b ? -1 : 1;
	return a->parts < b->parts ? -1 : a->parts > b->parts;
}

int merge_sites(const struct snapshot_process *const *processes, size_t count,
		struct merge *ret_merge)
{
	struct merge merge = { .parts = NULL };
	size_t most = 0, distinct = 0, to;

	for (size_t i = 0; i < count; i++)
		most += processes[i]->site_count;
	merge.parts = calloc(most + 1, sizeof(*merge.parts));
	if (!merge.parts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (add_process(&merge, processes[i]) < 0) {
			merge_free(&merge);
			return -ENOMEM;
		}
	}
	qsort(merge.parts, merge.part_count, sizeof(*merge.parts), compare_keys);
	for (size_t i = 0; i < merge.part_count; i++)
		distinct += i == 0 || merge.parts[i].key != merge.parts[i - 1].key;
	merge.sites = calloc(distinct + 1, sizeof(*merge.sites));
	if (!merge.sites) {
		merge_free(&merge);
		return -ENOMEM;
	}
	for (size_t from = 0; from < merge.part_count; from = to) {
		for (to = from + 1; to < merge.part_count; to++) {
			if (merge.parts[to].key != merge.parts[from].key)
				break;
		}
		sum_up(&merge, from, to, &merge.sites[merge.site_count++]);
	}
	qsort(merge.sites, merge.site_count, sizeof(*merge.sites), compare_sites);
	*ret_merge = merge;
	return 0;
}
