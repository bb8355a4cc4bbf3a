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
#include "target/allocator.h"
#include "target/allocators.h"

#include "floor.skel.h"

static int attach(struct bpf_program *program, pid_t pid, const struct allocator_file *file,
		  const struct allocator_function *function, bool at_return)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = at_return,
		    .bpf_cookie = allocator_cookie(function));
	struct bpf_link *link = bpf_program__attach_uprobe_opts(
		program, pid, file->open_path, function->file_offset, &options);

	/* The link lives as long as this program: the kernel takes it away at exit. */
	return link ? 0 : -errno;
}

static int attach_file(struct floor_bpf *skeleton, pid_t pid, const struct allocator_file *file)
{
	for (size_t i = 0; i < file->function_count; i++) {
		const struct allocator_function *function = &file->functions[i];
		int err = attach(skeleton->progs.floor_enter, pid, file, function, false);

		if (!err && function->with_return)
			err = attach(skeleton->progs.floor_return, pid, file, function, true);
		if (err) {
			fprintf(stderr, "floor: %s in %s: %s\n",
				alloc_function_name(function->function), file->path, strerror(-err));
			return err;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct allocator_list allocators = { 0 };
	struct error error = { 0 };
	struct floor_bpf *skeleton;
	sigset_t ends;
	int signal_number;
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
	skeleton = floor_bpf__open_and_load();
	if (!skeleton) {
		fprintf(stderr, "floor: the BPF programs cannot be loaded: %s\n", strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < allocators.count; i++) {
		if (attach_file(skeleton, pid, &allocators.files[i]) < 0)
			return 1;
	}
	fprintf(stderr, "tracing %d with empty programs\n", pid);
	sigwait(&ends, &signal_number);
	floor_bpf__destroy(skeleton);
	allocator_list_free(&allocators);
	return 0;
}
