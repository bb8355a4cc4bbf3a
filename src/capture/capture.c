/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/units.h"
#include "capture/features.h"
#include "capture/govern.h"
#include "capture/follow.h"
#include "capture/poll.h"
#include "capture/side.h"
#include "outlive.skel.h"
#include "target/process.h"

#define FOLLOW_SLOTS 64	    /* for children that run programs of their own; 128 KB each */
#define PROCESSES_MOST 4096 /* traced at a time */

__attribute__((format(printf, 2, 0))) static int
libbpf_line(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[400];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	log_line("%s", line);
	return 0;
}

static uint32_t round_to_power(uint64_t bytes)
{
	uint64_t power = CAPTURE_BUFFER_LEAST;

	while (power < bytes && power < CAPTURE_BUFFER_MOST)
		power *= 2;
	return (uint32_t)power;
}

/* How many processes may have unwind tables of their own; children that only fork need none. */
static size_t slot_count(const struct capture_options *options)
{
	return SCOPE_NO_SLOT + 1 + options->pid_count + (options->follow ? FOLLOW_SLOTS : 0);
}

/* Everything that is fixed when the programs are loaded. */
static int configure(struct capture *capture)
{
	const struct capture_options *options = capture->options;
	struct outlive_bpf *skeleton = capture->skeleton;
	uint32_t ring = round_to_power(options->buffer_bytes);
	size_t slots = slot_count(options);
	int result = bpf_map__set_max_entries(skeleton->maps.ring, ring);

	if (result == 0)
		result = bpf_map__set_max_entries(skeleton->maps.processes, PROCESSES_MOST);
	if (result == 0)
		result = tables_size(skeleton, unwinds_words(capture->unwinds), slots);
	if (result == 0)
		result = slots_open(&capture->slots, slots);
	if (result == 0)
		result = samples_size(skeleton, PROCESSES_MOST,
				      options->sample_bytes || options->max_overhead > 0,
				      options->sample_bytes != 0);
	/* What a command or child that is yet to run will map is not known. */
	attach_prepare(&capture->attach, skeleton,
		       capture->allocators.leaves || options->launch || options->follow);
	skeleton->rodata->stack_mode = options->stacks;
	skeleton->rodata->memo = options->memo;
	skeleton->rodata->follow = options->follow;
	skeleton->rodata->governed = options->max_overhead > 0;
	skeleton->rodata->min_size = options->min_size;
	skeleton->rodata->ring_alloc_mark = ring / 4 * 3;
	skeleton->rodata->ring_wake_mark = ring / 4;
	return result;
}

static int load(struct capture *capture, struct error *error)
{
	int result;

	libbpf_set_print(libbpf_line);
	capture->skeleton = outlive_bpf__open();
	if (!capture->skeleton)
		return error_set(error, -errno, "", "cannot open the BPF object: %s",
				 strerror(errno));
	result = configure(capture);
	if (result == 0)
		result = outlive_bpf__load(capture->skeleton);
	if (result == -ENOMEM)
		return error_set(error, result, "give a smaller --buffer",
				 "the kernel has no memory for the event buffer and tables");
	if (result < 0)
		return error_set(error, result, "'outlive doctor' shows what is missing; -v says more",
				 "the kernel refused the BPF programs: %s", strerror(-result));
	result = tables_open(&capture->tables, capture->skeleton);
	if (result == 0)
		result = samples_open(&capture->samples, capture->skeleton);
	if (result == 0)
		result = ring_open(capture->skeleton, &capture->ring);
	if (result == 0) {
		capture->pythons = pythons_new(capture->slots.count,
					       bpf_map__fd(capture->skeleton->maps.pythons));
		result = capture->pythons ? 0 : -ENOMEM;
	}
	if (result < 0)
		return error_set(error, result, "", "cannot map the event buffer: %s",
				 strerror(-result));
	return 0;
}

/* The processes, before anything of the kernel's is touched. */
static int find_targets(struct capture *capture, struct error *error)
{
	const struct capture_options *options = capture->options;
	int result;

	for (size_t i = 0; i < options->pid_count; i++) {
		uint32_t pid = options->pids[i];

		result = process_check(pid, error);
		/* A program held at its start has no libc yet: it is looked for as it comes. */
		if (result == 0)
			result = allocator_find(pid, &capture->allocators, error);
		if (result == -ENOENT && (options->launch || options->no_blocks))
			result = 0;
		if (result < 0)
			return result;
		result = binaries_scan(capture->binaries, pid);
		if (result < 0)
			return error_set(error, result, "", "cannot read the mappings of process %u: %s",
					 pid, strerror(-result));
	}
	return 0;
}

static int name_targets(struct capture *capture, struct error *error)
{
	const struct capture_options *options = capture->options;

	for (size_t i = 0; i < options->pid_count; i++) {
		int result = follow_add(capture, options->pids[i]);

		if (result < 0)
			return error_set(error, result, "", "cannot set the traced processes: %s",
					 strerror(-result));
	}
	return 0;
}

static void close_source(struct source *source)
{
	capture_close((struct capture *)source);
}

/* Every file that is mapped stays open, and so does every probe: a soft limit of 1024, which
 * is there for select(2) alone, would leave the rest without rows and names. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int capture_open(const struct capture_options *options, struct capture **ret_capture,
		 struct error *error)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	int result;

	if (!capture)
		return error_set(error, -ENOMEM, "", "out of memory");
	raise_file_limit();
	capture->source.poll = poll_source;
	capture->source.close = close_source;
	capture->options = options;
	capture->unwinds = unwinds_new(options->unwind_bytes);
	capture->binaries = capture->unwinds ? binaries_new(capture->unwinds) : NULL;
	result = capture->binaries ? features_check(error) :
				    error_set(error, -ENOMEM, "", "out of memory");
	if (result == 0)
		result = find_targets(capture, error);
	if (result == 0)
		result = load(capture, error);
	if (result == 0)
		result = govern_calibrate(capture, error);
	if (result == 0)
		result = name_targets(capture, error);
	if (result == 0)
		result = follow_attach_new(capture, error);
	if (result == 0)
		result = attach_tracepoints(&capture->attach, capture->skeleton, options->ranges,
					    error);
	if (result < 0) {
		capture_close(capture);
		return result;
	}
	*ret_capture = capture;
	return 0;
}

int capture_start(struct capture *capture, event_fn deliver, void *context, struct error *error)
{
	int result = 0;

	capture->deliver = deliver;
	capture->context = context;
	for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
		struct traced *traced = &capture->processes.rows[i];

		result = side_process(traced->pid, deliver, context);
		if (result == 0)
			result = govern_announce(capture, traced);
		if (result == 0)
			result = follow_look(capture, traced);
	}
	if (result == -ESRCH)
		return error_set(error, result, "", "the process ended before tracing began");
	if (result < 0)
		return error_set(error, result, "", "cannot begin: %s", strerror(-result));
	__atomic_store_n(&capture->skeleton->bss->enabled, 1, __ATOMIC_SEQ_CST);
	return 0;
}

int capture_release(struct capture *capture, struct error *error)
{
	struct launch *launch = capture->options->launch;
	int result = launch && launch->held ? launch_run(launch, follow_held_mapped, capture) : 0;

	if (result < 0)
		return error_set(error, result, "'outlive doctor' shows what is missing",
				 "cannot put probes into the command: %s", strerror(-result));
	return 0;
}

struct source *capture_source(struct capture *capture)
{
	return &capture->source;
}

static void log_unwinds(const struct capture *capture)
{
	struct unwinds_total total = unwinds_total(capture->unwinds, &capture->tables);
	char used[UNITS_BUFFER], kernel[UNITS_BUFFER], limit[UNITS_BUFFER];

	log_line("unwind rows: %zu of %zu files, %s used, %s taken, limit %s; %zu without room, "
		 "gave way %" PRIu64 " times", total.rows, total.tables,
		 units_format_bytes(used, sizeof(used), total.used_bytes),
		 units_format_bytes(kernel, sizeof(kernel), total.kernel_bytes),
		 units_format_bytes(limit, sizeof(limit), total.limit_bytes), total.away,
		 total.evicted);
}

void capture_stop(struct capture *capture)
{
	/* First stop recording, so that the report's end is one moment for all threads;
	 * then take the probes out, which waits until no program is running. */
	__atomic_store_n(&capture->skeleton->bss->enabled, 0, __ATOMIC_SEQ_CST);
	attach_detach(&capture->attach);
	capture->stopped = true;
	log_unwinds(capture);
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	attach_detach(&capture->attach);
	ring_close(capture->ring);
	tables_close(&capture->tables);
	pythons_free(capture->pythons);
	outlive_bpf__destroy(capture->skeleton);
	allocator_list_free(&capture->allocators);
	binaries_free(capture->binaries);
	unwinds_free(capture->unwinds);
	slots_close(&capture->slots);
	processes_free(&capture->processes);
	free(capture);
}
