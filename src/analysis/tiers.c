/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/tiers.h"

#include <stdio.h>

#include "base/units.h"
#include "stream/event.h"

static const struct {
	const char *name, *text;
} tiers[EVENT_TIER_COUNT] = {
	[EVENT_TIER_EXACT] = { "exact", "every block is traced" },
	[EVENT_TIER_SAMPLE] = { "sample", "one block is sampled per" },
	[EVENT_TIER_MMAP] = { "mmap", "only its mappings are traced, not its blocks" },
	[EVENT_TIER_OFF] = { "off", "it is not traced any more" },
};

const char *tier_name(uint8_t tier)
{
	return tier < EVENT_TIER_COUNT ? tiers[tier].name : "unknown";
}

char *tier_text(const struct snapshot_tier *tier, uint64_t since_ns, char buffer[TIER_TEXT])
{
	char from[UNITS_BUFFER], bytes[UNITS_BUFFER] = "";
	int length;

	units_format_duration(from, sizeof(from),
			      tier->time_ns > since_ns ? tier->time_ns - since_ns : 0);
	if (tier->tier == EVENT_TIER_SAMPLE)
		units_format_bytes(bytes, sizeof(bytes), tier->sample_bytes);
	length = snprintf(buffer, TIER_TEXT, "from %s on %s%s%s%s", from,
			  tier->tier < EVENT_TIER_COUNT ? tiers[tier->tier].text : "less is traced",
			  bytes[0] ? " " : "", bytes,
			  tier->probes_stay ? " (probes are everybody's here and stay: each call "
					      "still stops there)" : "");
	if (tier->limit)
		snprintf(buffer + length, (size_t)(TIER_TEXT - length),
			 ": tracing took %.1f %% of its CPU time, %.1f %% are allowed",
			 tier->cost / 10.0, tier->limit / 10.0);
	return buffer;
}
