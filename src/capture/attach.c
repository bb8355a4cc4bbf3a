/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/vec.h"
#include "capture/attach_closer.h"
#include "capture/uprobe_multi.h"
#include "outlive.skel.h"
#include "target/allocators.h"

static int keep(struct attach *attach, struct bpf_link *link, uint32_t pid)
{
	int result = VEC_PUSH_ROOM(attach->links, attach->count, attach->capacity);

	if (result < 0) {
		bpf_link__destroy(link);
		return result;
	}
	attach->links[attach->count++] = (struct attach_link){ .link = link, .pid = pid };
	return 0;
}

static int attach_failed(struct error *error, int result, const char *what, const char *path,
			 uint32_t pid)
{
	const char *remedy = "'outlive doctor -p PID' shows the chosen probe sites";

	if (result == -ESRCH)
		return error_set(error, result, "", "process %u ended while it was being attached to",
				 pid);
	if (result == -EPERM || result == -EACCES)
		remedy = "run as root, or with CAP_SYS_ADMIN: uprobes need it";
	return error_set(error, result, remedy, "cannot put probes on %s in %s: %s", what, path,
			 strerror(-result));
}

/* Which functions of a file. */
enum choice {
	CALLS,	    /* those that make and free blocks */
	EXCEPTIONS, /* those by which exceptions begin */
};

static bool chosen(const struct allocator_function *function, enum choice choice)
{
	return (function->shape == SHAPE_THROW) == (choice == EXCEPTIONS);
}

static int attach_function(struct attach *attach, const struct bpf_program *program,
			   const struct allocator_file *file,
			   const struct allocator_function *function, bool at_return, uint32_t pid,
			   struct error *error)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = allocator_cookie(function),
		    .retprobe = at_return);
	struct bpf_link *link = bpf_program__attach_uprobe_opts(
		program, pid ? (pid_t)pid : -1, file->open_path, function->file_offset, &options);

	if (!link)
		return attach_failed(error, -errno, alloc_function_name(function->function),
				     file->path, pid);
	return keep(attach, link, pid);
}

/* A place where functions that exceptions may leave are left. */
static int attach_leave(struct attach *attach, const struct bpf_program *program,
			const struct allocator_file *file, size_t index, uint32_t pid,
			struct error *error)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = file->leave_cookies[index]);
	struct bpf_link *link = bpf_program__attach_uprobe_opts(
		program, pid ? (pid_t)pid : -1, file->open_path, file->leaves[index], &options);

	return link ? keep(attach, link, pid)
		    : attach_failed(error, -errno, "ends of functions", file->path, pid);
}

/*
 * Functions by the order in which they get their probes, NULL behind the last: what frees
 * before what makes. Where processes run meanwhile, a block is then seen made only if it will
 * be seen freed.
 */
static const struct allocator_function *in_order(const struct allocator_file *file, size_t number)
{
	for (int makes = 0; makes <= 1; makes++) {
		for (size_t i = 0; i < file->function_count; i++) {
			uint8_t shape = file->functions[i].shape;
			bool frees = shape != SHAPE_ALLOC_RETURN && shape != SHAPE_ALLOC_OUT &&
				     shape != SHAPE_ALLOC_LEAVE;

			if (frees == !makes && number-- == 0)
				return &file->functions[i];
		}
	}
	return NULL;
}

static int attach_one_by_one(struct attach *attach, struct outlive_bpf *skeleton,
			     const struct allocator_file *file, enum choice choice, uint32_t pid,
			     struct error *error)
{
	int result = 0;

	for (size_t i = 0; i < file->leave_count && choice == CALLS && result == 0; i++)
		result = attach_leave(attach, skeleton->progs.outlive_return, file, i, pid,
				      error);
	for (size_t i = 0; i < file->function_count && result == 0; i++) {
		const struct allocator_function *function = in_order(file, i);

		if (!chosen(function, choice))
			continue;
		/* The return probe first: a call entered before it is there would never end. */
		if (function->with_return)
			result = attach_function(attach, skeleton->progs.outlive_return, file,
						 function, true, pid, error);
		if (result == 0)
			result = attach_function(attach, skeleton->progs.outlive_enter, file,
						 function, false, pid, error);
	}
	return result;
}

/* One link for `count` probes. */
static int attach_together(struct attach *attach, const struct bpf_program *program,
			   const struct allocator_file *file, const uint64_t *offsets,
			   const uint64_t *cookies, size_t count, bool at_return, uint32_t pid,
			   struct error *error)
{
	int result;

	if (count == 0)
		return 0;
	result = VEC_PUSH_ROOM(attach->links, attach->count, attach->capacity);
	if (result == 0)
		result = uprobe_multi_link(bpf_program__fd(program), file->open_path, offsets,
					   cookies, count, pid, at_return);
	if (result < 0)
		return attach_failed(error, result, "the allocator functions", file->path, pid);
	attach->links[attach->count++] = (struct attach_link){ .multi = result, .pid = pid };
	return 0;
}

/* All return probes, or all entry probes. */
static int attach_functions(struct attach *attach, const struct bpf_program *program,
			    const struct allocator_file *file, enum choice choice, bool at_return,
			    uint32_t pid, struct error *error)
{
	uint64_t offsets[ALLOCATOR_MAX_FUNCTIONS], cookies[ALLOCATOR_MAX_FUNCTIONS];
	size_t count = 0;

	for (size_t i = 0; i < file->function_count && count < ALLOCATOR_MAX_FUNCTIONS; i++) {
		const struct allocator_function *function = in_order(file, i);

		if (!chosen(function, choice) || (at_return && !function->with_return))
			continue;
		offsets[count] = function->file_offset;
		cookies[count++] = allocator_cookie(function);
	}
	return attach_together(attach, program, file, offsets, cookies, count, at_return, pid,
			       error);
}

static int attach_all_at_once(struct attach *attach, struct outlive_bpf *skeleton,
			      const struct allocator_file *file, enum choice choice, uint32_t pid,
			      struct error *error)
{
	int result = choice == CALLS ?
			     attach_together(attach, skeleton->progs.outlive_return, file,
					     file->leaves, file->leave_cookies, file->leave_count,
					     false, pid, error) :
			     0;

	if (result == 0)
		result = attach_functions(attach, skeleton->progs.outlive_return, file, choice,
					  true, pid, error);
	if (result == 0)
		result = attach_functions(attach, skeleton->progs.outlive_enter, file, choice,
					  false, pid, error);
	return result;
}

static int attach_chosen(struct attach *attach, struct outlive_bpf *skeleton,
			 const struct allocator_file *file, enum choice choice, uint32_t pid,
			 struct error *error)
{
	int result;

	attach_closer_hold(attach->closer);
	result = attach->multi ?
			 attach_all_at_once(attach, skeleton, file, choice, pid, error) :
			 attach_one_by_one(attach, skeleton, file, choice, pid, error);
	attach_closer_let_go(attach->closer);
	return result;
}

int attach_exceptions(struct attach *attach, struct outlive_bpf *skeleton,
		      const struct allocator_file *file, uint32_t pid, struct error *error)
{
	return attach_chosen(attach, skeleton, file, EXCEPTIONS, pid, error);
}

int attach_allocator(struct attach *attach, struct outlive_bpf *skeleton,
		     const struct allocator_file *file, uint32_t pid, struct error *error)
{
	int result = attach->exceptions ?
			     attach_exceptions(attach, skeleton, file, pid, error) : 0;

	if (result == 0)
		result = attach_chosen(attach, skeleton, file, CALLS, pid, error);
	if (result == 0)
		log_line("probes on %zu functions of %s in process %u", file->function_count,
			 file->path, pid);
	return result;
}

void attach_prepare(struct attach *attach, struct outlive_bpf *skeleton)
{
	enum bpf_attach_type type = (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE;

	attach->multi = uprobe_multi_works() &&
			bpf_program__set_expected_attach_type(skeleton->progs.outlive_enter, type) ==
				0 &&
			bpf_program__set_expected_attach_type(skeleton->progs.outlive_return, type) ==
				0;
	log_line("probes are placed by %s", attach->multi ? "uprobe_multi links" : "perf events");
}

int attach_tracepoints(struct attach *attach, struct outlive_bpf *skeleton, bool ranges,
		       bool cgroup, struct error *error)
{
	const struct {
		struct bpf_program *program;
		bool wanted;
	} rows[] = {
		{ skeleton->progs.outlive_fork, true },
		{ skeleton->progs.outlive_exec, true },
		{ skeleton->progs.outlive_exit, true },
		{ skeleton->progs.outlive_rename, true },
		{ skeleton->progs.outlive_moved, cgroup },
		{ skeleton->progs.outlive_sys_enter, ranges },
		{ skeleton->progs.outlive_sys_exit, ranges },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct bpf_link *link;
		int result;

		if (!rows[i].wanted)
			continue;
		link = bpf_program__attach(rows[i].program);
		if (!link)
			return error_set(error, -errno, "'outlive doctor' shows what is missing",
					 "cannot attach %s: %s", bpf_program__name(rows[i].program),
					 strerror(errno));
		result = keep(attach, link, 0);
		if (result < 0)
			return error_set(error, result, "", "out of memory");
	}
	return 0;
}

int attach_release(struct attach *attach, uint32_t pid, bool urgent)
{
	size_t kept = 0;
	int result = 0;

	if (!attach->closer)
		attach->closer = attach_closer_new();
	if (!attach->closer)
		return -ENOMEM;
	for (size_t i = 0; i < attach->count; i++) {
		struct attach_link *link = &attach->links[i];

		if (link->pid != pid || (result = attach_closer_add(attach->closer, link)) < 0)
			attach->links[kept++] = *link;
	}
	attach->count = kept;
	if (urgent)
		attach_closer_urge(attach->closer);
	return result;
}

void attach_detach(struct attach *attach)
{
	bool multi = attach->multi;

	if (!attach->closer && attach->count)
		attach->closer = attach_closer_new();
	for (size_t i = 0; i < attach->count; i++) {
		if (!attach->closer || attach_closer_add(attach->closer, &attach->links[i]) < 0)
			attach_link_close(&attach->links[i]);
	}
	if (attach->closer)
		attach_closer_finish(attach->closer);
	free(attach->links);
	memset(attach, 0, sizeof(*attach));
	attach->multi = multi;
}
