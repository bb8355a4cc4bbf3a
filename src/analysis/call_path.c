/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/call_path.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

/* Keys begin with what they are of, so that none is another's by chance of its text. */
#define KEY_NO_STACK 0x6e6f20737461636bull
#define KEY_PATH 0x7061746800000000ull
#define OWN_MODULE "\1" /* no file is called so: base names of ours are never this */

static uint64_t hash_bytes(uint64_t hash, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
	return hash_mix(hash);
}

/* The base name of a module up to the version: "libc.so" of "/lib/libc.so.6". */
static uint64_t hash_module(uint64_t hash, const struct snapshot_process *process,
			    const char *path)
{
	const char *base = path_base(path), *version = strstr(base, ".so.");

	if (process->exe && strcmp(path, process->exe) == 0)
		return hash_text(hash, OWN_MODULE);
	return hash_bytes(hash, base, version ? (size_t)(version - base) + 3 : strlen(base));
}

/*
 * How much of a function's name is its author's: gcc and clang call copies of one
 * "work.constprop.0", "work.isra.0.cold", "work.llvm.1234".
 */
static size_t name_length(const char *symbol)
{
	static const char *const clones[] = { ".constprop", ".isra", ".part", ".cold",
					      ".lto_priv",  ".llvm", ".localalias" };

	for (const char *dot = strchr(symbol, '.'); dot; dot = strchr(dot + 1, '.')) {
		for (size_t i = 0; i < ARRAY_LENGTH(clones) && dot != symbol; i++) {
			size_t length = strlen(clones[i]);

			if (strncmp(dot, clones[i], length) == 0 &&
			    (dot[length] == '.' || dot[length] == '\0'))
				return (size_t)(dot - symbol);
		}
	}
	return strlen(symbol);
}

static uint64_t build_key(const struct snapshot_process *process,
			  const struct snapshot_module *module)
{
	return hash_text(hash_module(HASH_TEXT, process, module->path), module->build_id);
}

int call_paths_add(struct call_paths *paths, unsigned int side, const struct snapshot *snapshot)
{
	for (size_t p = 0; p < snapshot->process_count; p++) {
		const struct snapshot_process *process = &snapshot->processes[p];

		for (size_t i = 0; i < process->module_count; i++) {
			const struct snapshot_module *module = &process->modules[i];
			int r;

			if (!module->build_id[0])
				continue;
			r = map_set(&paths->builds[side], build_key(process, module), 0);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Has the other run the very build that this address is in? */
static bool same_build(const struct call_paths *paths, unsigned int side,
		       const struct snapshot_process *process, const struct frame *frame)
{
	uint32_t unused;

	for (size_t i = 0; i < process->module_count; i++) {
		const struct snapshot_module *module = &process->modules[i];

		if (module->path == frame->module && module->build_id[0])
			return map_get(&paths->builds[!side], build_key(process, module), &unused);
	}
	return false;
}

static uint64_t frame_key(const struct call_paths *paths, unsigned int side,
			  const struct snapshot_process *process, const struct frame *frame)
{
	uint64_t hash = HASH_TEXT;

	if (frame->module)
		hash = hash_module(hash, process, frame->module);
	else if (frame->file)
		hash = hash_text(hash, path_base(frame->file));
	if (frame->symbol)
		return hash_bytes(hash, frame->symbol, name_length(frame->symbol));
	if (frame->module && same_build(paths, side, process, frame))
		return hash_mix(hash ^ frame->offset);
	return hash;
}

uint64_t call_path_key(struct call_paths *paths, unsigned int side, struct frames *frames,
		       const struct snapshot_process *process, const struct snapshot_site *site)
{
	struct stack *stack = &paths->stack;
	uint64_t key = KEY_PATH, last = 0;
	size_t count;

	if (!site->stack_known)
		return KEY_NO_STACK;
	stack_resolve(frames, false, process, site, stack);
	count = stack->count;
	if (site->stack_status == WIRE_STACK_COMPLETE)
		count = frames_without_start(stack->frames, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t next = frame_key(paths, side, process, &stack->frames[i]);

		if (i == 0 || next != last)
			key = hash_mix(key * 3 + next);
		last = next;
	}
	return key;
}

void call_paths_free(struct call_paths *paths)
{
	map_free(&paths->builds[0]);
	map_free(&paths->builds[1]);
}
