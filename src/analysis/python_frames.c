/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/python_frames.h"

#include <string.h>

static bool within(const struct snapshot_range *ranges, uint64_t address)
{
	for (size_t i = 0; i < SNAPSHOT_PYTHON_RANGES; i++) {
		if (address >= ranges[i].start && address < ranges[i].end)
			return true;
	}
	return false;
}

/* How many of these frames are known by name? */
static size_t count_read(const struct snapshot_python_frame *frames, size_t count)
{
	size_t known = 0;

	for (size_t i = 0; i < count; i++)
		known += frames[i].function != NULL;
	return known;
}

void python_frames_place(const struct snapshot_process *process, const struct snapshot_site *site,
			 bool native, struct python_place *ret_places)
{
	size_t next = 0, count = site->frame_count, last = SIZE_MAX;

	if (count > WIRE_MAX_FRAMES)
		count = WIRE_MAX_FRAMES;
	memset(ret_places, 0, count * sizeof(*ret_places));
	if (count_read(site->python, site->python_count) == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		uint64_t call = site->frames[i] - 1; /* a return address */
		struct python_place *place = &ret_places[i];

		place->hidden = !native && within(process->python.own, call);
		if (!within(process->python.eval, call))
			continue;
		last = i;
		place->first = (uint16_t)next;
		while (next < site->python_count && !site->python[next++].entry)
			;
		place->count = (uint16_t)(next - place->first);
		place->hidden = !native && place->count &&
				count_read(site->python + place->first, place->count) ==
					place->count;
	}
	if (next < site->python_count && last == SIZE_MAX && count) {
		last = count - 1;
		ret_places[last].first = 0;
	}
	if (next < site->python_count && last != SIZE_MAX)
		ret_places[last].count = (uint16_t)(site->python_count - ret_places[last].first);
}

bool python_frame_get(const struct snapshot_python_frame *from, uint64_t address,
		      struct frame *ret_frame)
{
	if (!from->function || from->internal)
		return false;
	*ret_frame = (struct frame){
		.address = address,
		.symbol = from->function,
		.file = from->file,
		.line = from->line,
		.language = "python",
	};
	return true;
}
