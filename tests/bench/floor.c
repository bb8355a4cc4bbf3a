/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor: empty BPF programs at the very sites where outlive puts its own, so
 * that a ratio to it is the price of what outlive does and not of the kernel's traps.
 *
 *   floor PID     says "tracing …" when attached, detaches on SIGINT or SIGTERM
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/error.h"
#include "capture/uprobe_multi.h"
#include "target/allocator.h"

#include "floor.skel.h"

/* Links live as long as this program: the kernel takes them away at exit. */
static int attach_one(struct bpf_program *program, pid_t pid, const struct allocator_file *file,
		      const struct allocator_function *function, bool at_return)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = at_return,
		    .bpf_cookie = allocator_cookie(function));

	return bpf_program__attach_uprobe_opts(program, pid, file->open_path, function->file_offset,
					       &options) ?
		       0 :
		       -errno;
}

static int attach_together(struct bpf_program *program, pid_t pid,
			   const struct allocator_file *file, bool at_return)
{
	uint64_t offsets[ALLOCATOR_MAX_FUNCTIONS], cookies[ALLOCATOR_MAX_FUNCTIONS];
	size_t count = 0;
	int link;

	for (size_t i = 0; i < file->function_count; i++) {
		if (at_return && !file->functions[i].with_return)
			continue;
		offsets[count] = file->functions[i].file_offset;
		cookies[count++] = allocator_cookie(&file->functions[i]);
	}
	if (count == 0)
		return 0;
	link = uprobe_multi_link(bpf_program__fd(program), file->open_path, offsets, cookies, count,
				 (uint32_t)pid, at_return);
	return link < 0 ? link : 0;
}

static int attach_file(struct floor_bpf *skeleton, bool multi, pid_t pid,
		       const struct allocator_file *file)
{
	int result = 0;

	if (multi) {
		result = attach_together(skeleton->progs.floor_return, pid, file, true);
		return result ? result :
				attach_together(skeleton->progs.floor_enter, pid, file, false);
	}
	for (size_t i = 0; i < file->function_count && result == 0; i++) {
		const struct allocator_function *function = &file->functions[i];

		if (function->with_return)
			result = attach_one(skeleton->progs.floor_return, pid, file, function, true);
		if (result == 0)
			result = attach_one(skeleton->progs.floor_enter, pid, file, function, false);
	}
	return result;
}

/* Probes of the kind that outlive uses here. Returns NULL when they cannot be loaded. */
static struct floor_bpf *load(bool multi)
{
	struct floor_bpf *skeleton = floor_bpf__open();
	enum bpf_attach_type type = (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE;

	if (!skeleton)
		return NULL;
	if (multi) {
		bpf_program__set_expected_attach_type(skeleton->progs.floor_enter, type);
		bpf_program__set_expected_attach_type(skeleton->progs.floor_return, type);
	}
	if (floor_bpf__load(skeleton) == 0)
		return skeleton;
	floor_bpf__destroy(skeleton);
	return NULL;
}

int main(int argc, char **argv)
{
	struct allocator_list allocators = { 0 };
	struct error error = { 0 };
	struct floor_bpf *skeleton;
	sigset_t ends;
	int signal_number, result;
	bool multi;
	pid_t pid;

	if (argc != 2 || (pid = atoi(argv[1])) <= 0) {
		fprintf(stderr, "usage: floor PID\n");
		return 2;
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);

	if (allocator_find(pid, &allocators, &error) < 0) {
		fprintf(stderr, "floor: %s\n", error.what);
		return 1;
	}
	multi = uprobe_multi_works();
	skeleton = load(multi);
	if (!skeleton) {
		fprintf(stderr, "floor: the BPF programs cannot be loaded: %s\n", strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < allocators.count; i++) {
		result = attach_file(skeleton, multi, pid, &allocators.files[i]);
		if (result < 0) {
			fprintf(stderr, "floor: cannot attach to %s: %s\n",
				allocators.files[i].path, strerror(-result));
			return 1;
		}
	}
	fprintf(stderr, "tracing %d with empty programs\n", pid);
	sigwait(&ends, &signal_number);
	floor_bpf__destroy(skeleton);
	allocator_list_free(&allocators);
	return 0;
}
