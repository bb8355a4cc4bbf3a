/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "mapped_sites": where mappings come from, of a process whose blocks are not traced. */
#include "analysis/stack.h"
#include "report/json.h"
#include "stream/stack_status.h"

static void write_threads(struct json *json, const struct snapshot_process *process,
			  const struct snapshot_site *site)
{
	json_array(json, "threads");
	for (size_t i = 0; i < site->classes[0].cell_count; i++) {
		const struct snapshot_cell *cell = &site->classes[0].cells[i];

		if (!cell->counts.live_bytes)
			continue;
		json_object(json, NULL);
		json_number(json, "tid", process->threads[cell->thread].tid);
		json_string(json, "comm", process->threads[cell->thread].comm);
		json_number(json, "live_bytes", cell->counts.live_bytes);
		json_number(json, "live_ranges", cell->counts.live_blocks);
		json_end_object(json);
	}
	json_end_array(json);
}

void json_mapped(struct json *json, const struct report_options *options,
		 const struct snapshot_process *process, struct stack *room)
{
	json_array(json, "mapped_sites");
	for (size_t i = 0; i < process->mapped_site_count; i++) {
		const struct snapshot_site *site = &process->mapped_sites[i];

		stack_resolve(options->frames, options->native, process, site, room);
		json_object(json, NULL);
		json_number(json, "id", site->id);
		json_number(json, "live_bytes", site->counts.live_bytes);
		json_number(json, "live_ranges", site->counts.live_blocks);
		json_number(json, "mapped_bytes", site->counts.allocated_bytes);
		json_number(json, "mapped_ranges", site->counts.allocated_blocks);
		write_threads(json, process, site);
		json_string(json, "stack", site->stack_known ?
			    stack_status_find(site->stack_status)->name : NULL);
		json_frames(json, room);
		json_end_object(json);
	}
	json_end_array(json);
}
