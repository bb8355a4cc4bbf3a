/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/units.h"
#include "capture/features.h"
#include "capture/govern.h"
#include "capture/follow.h"
#include "capture/look.h"
#include "capture/poll.h"
#include "capture/scope.h"
#include "capture/side.h"
#include "outlive.skel.h"
#include "target/process.h"

/* Processes that may have unwind tables of their own; 128 KB each. */
#define FOLLOW_SLOTS 64	      /* children that run programs of their own */
#define SCOPE_SLOTS_LEAST 256 /* where not pids are traced; twice those there are, if more … */
#define SLOTS_MOST 4096	      /* … but no more */
#define PROCESSES_FOLLOWED 4096 /* known at a time; 64 bytes each */
#define PROCESSES_ALL 65536
#define MARK_AHEAD_NS 50000

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
static size_t slot_count(const struct capture *capture)
{
	const struct capture_options *options = capture->options;
	size_t wanted = capture->present_count + (options->follow ? FOLLOW_SLOTS : 0);

	if (options->scope != SCOPE_PIDS && wanted < capture->present_count * 2)
		wanted = capture->present_count * 2;
	if (options->scope != SCOPE_PIDS && wanted < SCOPE_SLOTS_LEAST)
		wanted = SCOPE_SLOTS_LEAST;
	return SCOPE_NO_SLOT + 1 + (wanted < SLOTS_MOST ? wanted : SLOTS_MOST);
}

/* Which processes are traced, and how a process begins that BPF meets. */
static void configure_scope(struct capture *capture)
{
	const struct capture_options *options = capture->options;
	struct outlive_bpf *skeleton = capture->skeleton;
	struct traced unmet = { .slot = SCOPE_NO_SLOT };
	struct scope_process first;

	govern_begin(capture, &unmet, NULL);
	first = govern_row(capture, &unmet);
	skeleton->rodata->first_state = first.state;
	skeleton->rodata->first_flags = first.flags;
	skeleton->rodata->first_sample_bytes = first.sample_bytes;
	skeleton->rodata->first_sample_rate = first.sample_rate;
	skeleton->rodata->scope = options->scope;
	skeleton->rodata->follow = options->follow;
	skeleton->rodata->own_pid = (uint32_t)getpid();
	skeleton->rodata->names_matter = options->name_count || options->not_name_count;
	skeleton->rodata->user_count = (uint32_t)options->user_count;
	for (size_t i = 0; i < options->user_count; i++)
		skeleton->rodata->users[i] = options->users[i];
	bpf_program__set_autoload(skeleton->progs.outlive_moved, options->scope == SCOPE_CGROUP);
}

/* Everything that is fixed when the programs are loaded. */
static int configure(struct capture *capture)
{
	const struct capture_options *options = capture->options;
	struct outlive_bpf *skeleton = capture->skeleton;
	uint32_t ring = round_to_power(options->buffer_bytes);
	uint32_t processes = options->scope == SCOPE_PIDS ? PROCESSES_FOLLOWED : PROCESSES_ALL;
	size_t slots = slot_count(capture);
	int result = bpf_map__set_max_entries(skeleton->maps.ring, ring);

	if (result == 0)
		result = bpf_map__set_max_entries(skeleton->maps.processes, processes);
	if (result == 0)
		result = tables_size(skeleton, unwinds_words(capture->unwinds), slots);
	if (result == 0)
		result = slots_open(&capture->slots, slots);
	if (result == 0)
		result = samples_size(skeleton, processes,
				      options->sample_bytes || options->max_overhead > 0,
				      options->sample_bytes != 0);
	/* What is sampled is few as it is. */
	if (result == 0)
		result = young_size(skeleton, options->pairs && !options->sample_bytes &&
						      options->max_overhead <= 0);
	attach_prepare(&capture->attach, skeleton);
	configure_scope(capture);
	skeleton->rodata->stack_mode = options->stacks;
	skeleton->rodata->memo = options->memo;
	skeleton->rodata->mapping_stacks = options->no_blocks || options->max_overhead > 0;
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
	if (result == 0)
		result = young_open(&capture->young, capture->skeleton);
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

/* A process named by pid: it must be one that can be traced. */
static int find_target(struct capture *capture, uint32_t pid, struct error *error)
{
	int result = process_check(pid, error);

	/* A program held at its start has no libc yet: it is looked for as it comes. */
	if (result == 0)
		result = allocator_find(pid, &capture->allocators, error);
	return result == -ENOENT && (capture->options->launch || capture->options->no_blocks) ?
		       0 : result;
}

/* The processes and their allocators, before anything of the kernel's is touched. */
static int find_targets(struct capture *capture, struct error *error)
{
	const struct capture_options *options = capture->options;
	int result = 0;

	if (options->scope != SCOPE_PIDS)
		result = scope_list(options, &capture->present, &capture->present_count, error);
	else
		capture->present_count = options->pid_count;
	for (size_t i = 0; i < capture->present_count && result == 0; i++) {
		if (options->scope == SCOPE_PIDS)
			result = find_target(capture, options->pids[i], error);
		else if (allocator_find(capture->present[i], &capture->allocators, NULL) == -ENOMEM)
			result = error_set(error, -ENOMEM, "", "out of memory");
	}
	return result;
}

static int set_cgroup(const struct capture *capture)
{
	CLEANUP_CLOSE int fd = open(capture->options->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t first = 0;

	if (fd < 0 || bpf_map_update_elem(bpf_map__fd(capture->skeleton->maps.cgroups), &first, &fd,
					  BPF_ANY) < 0)
		return -errno;
	return 0;
}

static int name_targets(struct capture *capture, struct error *error)
{
	const struct capture_options *options = capture->options;
	const uint32_t *pids = options->scope == SCOPE_PIDS ? options->pids : capture->present;
	int result = options->scope == SCOPE_CGROUP ? set_cgroup(capture) : 0;

	if (result < 0)
		return error_set(error, result, "give a directory of the cgroup v2 hierarchy",
				 "cannot trace the cgroup %.200s: %s", options->cgroup,
				 strerror(-result));
	for (size_t i = 0; i < capture->present_count; i++) {
		result = look_add(capture, pids[i]);
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
		result = look_attach_new(capture, error);
	if (result == 0)
		result = attach_tracepoints(&capture->attach, capture->skeleton, options->ranges,
					    options->scope == SCOPE_CGROUP, error);
	if (result < 0) {
		capture_close(capture);
		return result;
	}
	*ret_capture = capture;
	return 0;
}

/* Tell of one process and of what it has mapped. Of many, one may have ended meanwhile. */
static int begin_process(struct capture *capture, struct traced *traced)
{
	bool named = capture->options->scope == SCOPE_PIDS;
	int result = 0;

	if (named) {
		result = side_process(traced->pid, capture->deliver, capture->context);
		if (result == 0)
			result = govern_announce(capture, traced);
		traced->fresh = false;
	}
	if (result == 0)
		result = look_at(capture, traced);
	if (!named && !process_alive(traced->pid, 0))
		processes_exit(&capture->processes, traced);
	return result;
}

int capture_start(struct capture *capture, event_fn deliver, void *context, struct error *error)
{
	int result = 0;

	capture->deliver = deliver;
	capture->context = context;
	for (size_t i = 0; i < capture->processes.count && result == 0; i++)
		result = begin_process(capture, &capture->processes.rows[i]);
	if (result == -ESRCH)
		return error_set(error, result, "", "the process ended before tracing began");
	if (result < 0)
		return error_set(error, result, "", "cannot begin: %s", strerror(-result));
	__atomic_store_n(&capture->skeleton->bss->enabled, 1, __ATOMIC_SEQ_CST);
	/* From here on BPF meets whoever comes; but who came while all this was put in place? */
	if (capture->options->scope != SCOPE_PIDS)
		result = follow_present(capture);
	if (result < 0)
		return error_set(error, result, "", "cannot begin: %s", strerror(-result));
	return 0;
}

size_t capture_processes(const struct capture *capture)
{
	return capture->processes.alive;
}

int capture_release(struct capture *capture, struct error *error)
{
	struct launch *launch = capture->options->launch;
	int result = launch && launch->held ? launch_run(launch, look_held_mapped, capture) : 0;

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

uint64_t capture_mark(struct capture *capture)
{
	const struct timespec a_while = { .tv_nsec = MARK_AHEAD_NS };
	uint64_t time_ns;

	/* Should we have been held up, the kernel saw it too late: another one. */
	do {
		time_ns = side_now_ns() + MARK_AHEAD_NS;
		young_mark(&capture->young, time_ns);
	} while (side_now_ns() >= time_ns);
	while (side_now_ns() < time_ns)
		nanosleep(&a_while, NULL);
	return time_ns;
}

void capture_mark_at(struct capture *capture, uint64_t time_ns)
{
	young_mark(&capture->young, time_ns);
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
	young_close(&capture->young);
	tables_close(&capture->tables);
	pythons_free(capture->pythons);
	outlive_bpf__destroy(capture->skeleton);
	allocator_list_free(&capture->allocators);
	binaries_free(capture->binaries);
	unwinds_free(capture->unwinds);
	slots_close(&capture->slots);
	processes_free(&capture->processes);
	free(capture->present);
	free(capture);
}
