/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/python.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "base/vec.h"
#include "capture/python_code.h"
#include "capture/python_find.h"
#include "capture/side.h"

struct python {
	uint32_t pid;
	bool present;
	struct python_found found;
	uint64_t start; /* of the interpreter's mapping, by which it is told from another */
	uint32_t tss;
	struct python_codes *codes;
};

struct pythons {
	int map_fd;
	size_t slots;
	struct python *rows;
	/* Files that were looked into and have no interpreter, or none that we know. */
	const struct elf_file **plain;
	size_t plain_count, plain_capacity;
};

struct pythons *pythons_new(size_t slots, int map_fd)
{
	struct pythons *pythons = calloc(1, sizeof(*pythons));

	if (!pythons)
		return NULL;
	pythons->map_fd = map_fd;
	pythons->slots = slots;
	pythons->rows = calloc(slots ? slots : 1, sizeof(*pythons->rows));
	if (!pythons->rows) {
		free(pythons);
		return NULL;
	}
	return pythons;
}

void pythons_free(struct pythons *pythons)
{
	if (!pythons)
		return;
	for (size_t i = 0; i < pythons->slots; i++)
		python_codes_free(pythons->rows[i].codes);
	free(pythons->rows);
	free(pythons->plain);
	free(pythons);
}

/* Tell BPF what is known of a process now. It must never see half of it: so a row is first
 * written disabled. (One that is in force already changes in `tss` alone.) */
static int publish(const struct pythons *pythons, uint32_t slot)
{
	const struct python *python = &pythons->rows[slot];
	struct python_process process = python->found.layout.walk;

	process.head = python->found.head;
	process.tss = python->tss;
	process.names_bytes = python_layout_names_bytes(&python->found.layout);
	process.code_first_line = python->found.layout.code_first_line;
	process.string_data = python->found.layout.string_ascii ?
				      python->found.layout.string_ascii :
				      python->found.layout.bytes_data;
	process.enabled = python->tss != 0;
	for (; process.enabled <= python->present; process.enabled++) {
		if (bpf_map_update_elem(pythons->map_fd, &slot, &process, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

void pythons_forget(struct pythons *pythons, uint32_t slot)
{
	struct python *python = &pythons->rows[slot];

	if (!python->present)
		return;
	python_codes_free(python->codes);
	memset(python, 0, sizeof(*python));
	publish(pythons, slot);
}

bool pythons_has(const struct pythons *pythons, uint32_t slot)
{
	return pythons->rows[slot].present;
}

static bool is_plain(const struct pythons *pythons, const struct elf_file *elf)
{
	for (size_t i = 0; i < pythons->plain_count; i++) {
		if (pythons->plain[i] == elf)
			return true;
	}
	return false;
}

static int note_plain(struct pythons *pythons, const struct elf_file *elf)
{
	int result = VEC_PUSH_ROOM(pythons->plain, pythons->plain_count, pythons->plain_capacity);

	if (result == 0)
		pythons->plain[pythons->plain_count++] = elf;
	return result;
}

/* The program that only starts an interpreter of a library counts as its machinery too. */
static void find_starter(const struct binaries *binaries, struct python_found *found)
{
	struct binary_mapping mapping;

	for (size_t i = 0; binaries_mapping(binaries, i, &mapping); i++) {
		const char *slash = strrchr(mapping.path, '/');

		if (mapping.start != found->own[0].start &&
		    strncmp(slash ? slash + 1 : mapping.path, "python", 6) == 0) {
			found->own[1] = (struct event_range){ mapping.start, mapping.end };
			return;
		}
	}
}

static int deliver_found(const struct python *python, event_fn deliver, void *context)
{
	struct event event = { .kind = EVENT_PYTHON,
			       .pid = python->pid,
			       .time_ns = side_now_ns() };

	event.python.version = python->found.layout.version;
	memcpy(event.python.eval, python->found.eval, sizeof(event.python.eval));
	memcpy(event.python.own, python->found.own, sizeof(event.python.own));
	return deliver(&event, context);
}

/* The interpreter among the mappings of the last scan. Returns 0, or -ENOENT: none. */
static int search(struct pythons *pythons, uint32_t pid, const struct binaries *binaries,
		  struct python *ret_python)
{
	struct binary_mapping mapping;
	int result;

	for (size_t i = 0; binaries_mapping(binaries, i, &mapping); i++) {
		if (is_plain(pythons, mapping.elf))
			continue;
		result = python_in_file(mapping.elf) ? python_find(&mapping, &ret_python->found) :
						       -ENOENT;
		if (result == 0) {
			ret_python->pid = pid;
			ret_python->start = mapping.start;
			return 0;
		}
		if (result == -ENOTSUP)
			log_line("%s: a Python that is not known, its frames are shown native",
				 mapping.path);
		result = note_plain(pythons, mapping.elf);
		if (result < 0)
			return result;
	}
	return -ENOENT;
}

int pythons_look(struct pythons *pythons, uint32_t slot, uint32_t pid,
		 const struct binaries *binaries, event_fn deliver, void *context)
{
	struct python *python = &pythons->rows[slot], found = { 0 };
	int result = search(pythons, pid, binaries, &found);

	if (result == -ENOENT)
		return 0;
	if (result < 0 || (python->present && python->start == found.start))
		return result;
	pythons_forget(pythons, slot);
	found.codes = python_codes_new();
	if (!found.codes)
		return -ENOMEM;
	find_starter(binaries, &found.found);
	*python = found;
	python->present = true;
	log_line("process %u: Python %u.%u", pid, found.found.layout.version >> 8,
		 found.found.layout.version & 255);
	result = publish(pythons, slot);
	pythons_settle(pythons);
	return result < 0 ? result : deliver_found(python, deliver, context);
}

void pythons_settle(struct pythons *pythons)
{
	for (uint32_t slot = 0; slot < pythons->slots; slot++) {
		struct python *python = &pythons->rows[slot];
		int offset;

		/* 2.7 has no thread-specific slot: it keeps a list of its own. */
		if (!python->present || python->tss ||
		    python->found.layout.version < PYTHON_VERSION(3, 0))
			continue;
		offset = python_find_slot(python->pid, &python->found);
		if (offset > 0) {
			python->tss = (uint32_t)offset;
			publish(pythons, slot);
		}
	}
}

int pythons_stack(struct pythons *pythons, uint32_t slot, const struct event *event,
		  event_fn deliver, void *context)
{
	struct python *python = &pythons->rows[slot];
	struct event_python_frame frames[WIRE_MAX_FRAMES] = { 0 };
	struct event named = { .kind = EVENT_PYTHON_FRAMES,
			       .pid = event->pid,
			       .tid = event->tid,
			       .time_ns = event->time_ns };

	if (python->codes)
		python_codes_begin(python->codes);
	for (uint32_t i = 0; i < event->python_stack.count; i++) {
		struct wire_python_frame wire;
		struct python_name name;

		memcpy(&wire, (const char *)event->python_stack.frames + i * sizeof(wire),
		       sizeof(wire));
		frames[i].flags = (uint8_t)wire.flags;
		if (!python->codes || python_codes_name(python->codes, event->pid,
							&python->found.layout, &wire, &name) < 0)
			continue;
		frames[i].function = name.function;
		frames[i].file = name.file;
		frames[i].line = name.line;
		frames[i].internal = name.internal;
	}
	named.python_frames.id = event->python_stack.id;
	named.python_frames.count = event->python_stack.count;
	named.python_frames.status = event->python_stack.status;
	named.python_frames.frames = frames;
	return deliver(&named, context);
}
