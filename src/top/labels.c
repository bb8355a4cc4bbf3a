/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stack.h"
#include "base/map.h"
#include "base/vec.h"
#include "top/identity.h"

#define ALL_BYTES 1024 /* searched of one stack: some 30 frames */

/* What a label was made of: when that changes it is made anew. */
struct sources {
	bool known;
	size_t frames, python, modules;
};

struct entry {
	struct label label;
	struct sources sources;
	bool named; /* what was found is a name: more modules cannot change it */
	char *text;
};

struct labels {
	struct frames *frames;
	bool native;
	struct map map; /* identity -> row of entries */
	struct entry **entries;
	size_t count, capacity;
	struct stack stack; /* room to resolve in */
};

struct labels *labels_new(struct frames *frames, bool native)
{
	struct labels *labels = calloc(1, sizeof(*labels));

	if (labels) {
		labels->frames = frames;
		labels->native = native;
	}
	return labels;
}

static void free_entry(struct entry *entry)
{
	if (entry)
		free(entry->text);
	free(entry);
}

void labels_free(struct labels *labels)
{
	if (!labels)
		return;
	for (size_t i = 0; i < labels->count; i++)
		free_entry(labels->entries[i]);
	free(labels->entries);
	map_free(&labels->map);
	free(labels);
}

/* Three texts behind one another: function, place, and all of the stack. */
static int write_label(const struct stack *stack, struct entry *entry)
{
	const struct frame *title = stack_title(stack);
	char function[STACK_TEXT] = "(stack not known)", place[STACK_TEXT] = "";
	char all[ALL_BYTES] = "", a[STACK_TEXT], b[STACK_TEXT];
	size_t used = 0, sizes[3];

	if (title) {
		frame_format(title, function, sizeof(function));
		frame_format_place(title, place, sizeof(place));
	}
	for (size_t i = 0; i < stack->count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s %s\n",
					 frame_format(&stack->frames[i], a, sizeof(a)),
					 frame_format_place(&stack->frames[i], b, sizeof(b)));
	sizes[0] = strlen(function) + 1;
	sizes[1] = strlen(place) + 1;
	sizes[2] = strlen(all) + 1;
	free(entry->text);
	entry->text = malloc(sizes[0] + sizes[1] + sizes[2]);
	if (!entry->text)
		return -1;
	memcpy(entry->text, function, sizes[0]);
	memcpy(entry->text + sizes[0], place, sizes[1]);
	memcpy(entry->text + sizes[0] + sizes[1], all, sizes[2]);
	entry->label = (struct label){ entry->text, entry->text + sizes[0],
				       entry->text + sizes[0] + sizes[1] };
	entry->named = title && title->symbol;
	return 0;
}

static bool is_current(const struct entry *entry, const struct sources *sources)
{
	return entry->text && entry->sources.known == sources->known &&
	       entry->sources.frames == sources->frames &&
	       entry->sources.python == sources->python &&
	       (entry->named || entry->sources.modules == sources->modules);
}

static struct entry *find_or_add(struct labels *labels, uint64_t key, bool add)
{
	uint32_t at;

	if (map_get(&labels->map, key, &at))
		return labels->entries[at];
	if (!add || VEC_PUSH_ROOM(labels->entries, labels->count, labels->capacity) < 0)
		return NULL;
	labels->entries[labels->count] = calloc(1, sizeof(struct entry));
	if (!labels->entries[labels->count] ||
	    map_set(&labels->map, key, (uint32_t)labels->count) < 0) {
		free(labels->entries[labels->count]);
		return NULL;
	}
	return labels->entries[labels->count++];
}

const struct label *labels_get(struct labels *labels, const struct snapshot_process *process,
			       const struct snapshot_site *site, bool resolve)
{
	const struct sources sources = { site->stack_known, site->frame_count, site->python_count,
					 process->module_count };
	struct entry *entry = find_or_add(labels, identity_of_site(process, site), resolve);

	if (!entry)
		return NULL;
	if (!is_current(entry, &sources)) {
		if (!resolve)
			return entry->text ? &entry->label : NULL;
		stack_resolve(labels->frames, labels->native, process, site, &labels->stack);
		entry->sources = sources;
		if (write_label(&labels->stack, entry) < 0)
			return NULL;
	}
	return &entry->label;
}
