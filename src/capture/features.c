/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/features.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>

#include "base/cleanup.h"
#include "capture/uprobe_multi.h"

#define UPROBE_PMU_TYPE "/sys/bus/event_source/devices/uprobe/type"

/* bpf(2) at all: a socket filter-sized program of two instructions. */
static int probe_bpf(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	CLEANUP_CLOSE int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", code,
					     ARRAY_LENGTH(code), NULL);

	return fd < 0 ? -errno : 0;
}

static int probe_btf(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) < 0 ? -errno : 0;
}

static int probe_uprobe(void)
{
	return access(UPROBE_PMU_TYPE, R_OK) < 0 ? -errno : 0;
}

/* perf_event_open of a software event on ourselves: forbidden by seccomp in most containers. */
static int probe_perf(void)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_DUMMY,
	};
	CLEANUP_CLOSE int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1,
					    PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : 0;
}

static int probe_map(enum bpf_map_type type)
{
	int result = libbpf_probe_bpf_map_type(type, NULL);

	return result > 0 ? 0 : result < 0 ? result : -EOPNOTSUPP;
}

static int probe_ring(void)
{
	return probe_map(BPF_MAP_TYPE_RINGBUF);
}

static int probe_task_storage(void)
{
	return probe_map(BPF_MAP_TYPE_TASK_STORAGE);
}

static int probe_helper(enum bpf_func_id helper)
{
	int result = libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, helper, NULL);

	return result > 0 ? 0 : result < 0 ? result : -EOPNOTSUPP;
}

static int probe_cookie(void)
{
	return probe_helper(BPF_FUNC_get_attach_cookie);
}

static int probe_loop(void)
{
	return probe_helper(BPF_FUNC_loop);
}

static int probe_multi(void)
{
	return uprobe_multi_works() ? 0 : -EOPNOTSUPP;
}

/* Not needed: system calls are seen through BTF tracepoints. Told because people ask. */
static int probe_tracefs(void)
{
	if (access("/sys/kernel/tracing/events", R_OK) == 0 ||
	    access("/sys/kernel/debug/tracing/events", R_OK) == 0)
		return 0;
	return -ENOENT;
}

#define OLD_KERNEL "needs Linux 6.1 or later"
#define AS_ROOT                                                                                    \
	"run as root (sudo), or with CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN; in a container also "  \
	"allow bpf() and perf_event_open() in its seccomp profile"

const struct feature features[] = {
	/* bpf(2) itself, refused to the unprivileged: kernel.unprivileged_bpf_disabled, seccomp. */
	{ "bpf", "loading programs", AS_ROOT, true, probe_bpf },
	{ "perf events", "attaching probes", AS_ROOT, true, probe_perf },
	/* CONFIG_DEBUG_INFO_BTF, commit 341dfcf8d78e (5.2). */
	{ "BTF", "finding kernel structures (CO-RE), tracepoints",
	  "needs a kernel built with CONFIG_DEBUG_INFO_BTF=y, as Debian's are", true, probe_btf },
	/* perf's uprobe PMU, commit 33ea4b24277b (4.17). */
	{ "uprobes", "stopping at malloc and free", "needs a kernel with CONFIG_UPROBE_EVENTS=y",
	  true, probe_uprobe },
	/* BPF ring buffer, commit 457f44363a88 (5.8). */
	{ "ring buffer", "events on their way to user space", OLD_KERNEL, true, probe_ring },
	/* Task storage in tracing programs, commit a10787e6d58c (5.12). */
	{ "task storage", "what a thread is doing", OLD_KERNEL, true, probe_task_storage },
	/* bpf_get_attach_cookie, commit 7adfc6c9b315 (5.15). */
	{ "probe cookies", "one program for all functions", OLD_KERNEL, true, probe_cookie },
	/* bpf_loop, commit e6f2dd0f8067 (5.17). */
	{ "bpf_loop", "walking stacks", OLD_KERNEL, true, probe_loop },
	/* See uprobe_multi.h. */
	{ "uprobe_multi", "all probes of a file in one go (else one by one)",
	  "nothing to do: probes are placed one by one, and take longer to remove", false, probe_multi },
	{ "tracefs", "not needed", "nothing to do", false, probe_tracefs },
};

const size_t feature_count = ARRAY_LENGTH(features);

int features_check(struct error *error)
{
	for (size_t i = 0; i < feature_count; i++) {
		int result = features[i].required ? features[i].probe() : 0;

		if (result < 0)
			return error_set(error, result, features[i].remedy,
					 "this machine does not allow %s (%s): %s", features[i].name,
					 features[i].what, strerror(-result));
	}
	return 0;
}
