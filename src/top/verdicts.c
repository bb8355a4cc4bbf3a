/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/verdicts.h"

#include "top/identity.h"

void verdicts_clear(struct verdicts *verdicts)
{
	map_free(&verdicts->known);
}

enum pattern_name verdicts_get(struct verdicts *verdicts, const struct snapshot *snapshot,
			       const struct snapshot_process *process,
			       const struct snapshot_site *site)
{
	uint64_t key = identity_of_site(process, site);
	struct pattern pattern;
	uint32_t name;

	if (map_get(&verdicts->known, key, &name))
		return (enum pattern_name)name;
	pattern_find(snapshot, process, site, &pattern);
	/* Without memory it is worked out again at the next drawing. */
	(void)map_set(&verdicts->known, key, (uint32_t)pattern.name);
	return pattern.name;
}
