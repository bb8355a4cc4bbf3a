/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/process.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "target/proc_file.h"

#define STAT_BYTES 4096 /* a stat line has some 300 */
#define PF_KTHREAD 0x00200000u /* include/linux/sched.h */
#define NS_PER_S 1000000000ull

static uint64_t boottime_lead(void)
{
	struct timespec boot, mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (boot.tv_sec - mono.tv_sec) * NS_PER_S + boot.tv_nsec - mono.tv_nsec;
}

int process_parse_stat(const char *text, uint64_t boottime_lead_ns, struct process_stat *ret_stat)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	struct process_stat stat = { .state = '?' };
	uint64_t ns_per_tick = NS_PER_S / sysconf(_SC_CLK_TCK);
	uint64_t flags, ticks, start_brk = 0;
	size_t length;

	if (!open || !close || close < open || sscanf(text, "%" SCNu32 " (", &stat.pid) != 1)
		return -EPROTO;
	length = close - open - 1;
	if (length >= sizeof(stat.comm))
		length = sizeof(stat.comm) - 1;
	memcpy(stat.comm, open + 1, length);
	/* Fields 3 state, 4 ppid, 9 flags, 22 starttime, 47 start_brk of proc_pid_stat(5). */
	if (sscanf(close + 1,
		   " %c %" SCNu32 " %*s %*s %*s %*s %" SCNu64 " %*s %*s %*s %*s %*s %*s %*s %*s"
		   " %*s %*s %*s %*s %" SCNu64 " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		   " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
		   &stat.state, &stat.ppid, &flags, &ticks, &start_brk) < 4)
		return -EPROTO;
	if (ticks > UINT64_MAX / ns_per_tick)
		return -EPROTO;
	stat.kernel_thread = flags & PF_KTHREAD;
	stat.start_ns = ticks * ns_per_tick;
	stat.start_ns -= stat.start_ns < boottime_lead_ns ? stat.start_ns : boottime_lead_ns;
	stat.brk_start = start_brk;
	*ret_stat = stat;
	return 0;
}

static int read_stat(uint32_t pid, const char *name, struct process_stat *ret_stat)
{
	char text[STAT_BYTES];
	int err = proc_file_read(pid, name, text, sizeof(text));

	return err ? err : process_parse_stat(text, boottime_lead(), ret_stat);
}

int process_read_stat(uint32_t pid, struct process_stat *ret_stat)
{
	return read_stat(pid, "stat", ret_stat);
}

int process_resident(uint32_t pid, uint64_t *ret_rss, uint64_t *ret_peak)
{
	char text[PROC_STATUS_BYTES];
	int err = proc_file_read(pid, "status", text, sizeof(text));

	if (err)
		return err;
	if (ret_rss)
		*ret_rss = proc_status_number(text, "VmRSS") * 1024;
	if (ret_peak)
		*ret_peak = proc_status_number(text, "VmHWM") * 1024;
	return 0;
}

/* The program's path as the target names it. */
static void read_exe(uint32_t pid, struct process_info *info)
{
	static const char suffix[] = " (deleted)";
	const size_t cut = sizeof(suffix) - 1;
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	length = readlink(path, info->exe, sizeof(info->exe) - 1);
	info->exe[length > 0 ? length : 0] = '\0';
	if (length > (ssize_t)cut && strcmp(info->exe + length - cut, suffix) == 0) {
		info->exe[length - cut] = '\0';
		info->exe_deleted = true;
	}
}

int process_read(uint32_t pid, struct process_info *ret_info)
{
	struct process_stat stat;
	int err = read_stat(pid, "stat", &stat);

	if (err)
		return err;
	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->pid = stat.pid;
	ret_info->ppid = stat.ppid;
	ret_info->state = stat.state;
	ret_info->kernel_thread = stat.kernel_thread;
	ret_info->start_ns = stat.start_ns;
	ret_info->brk_start = stat.brk_start;
	memcpy(ret_info->comm, stat.comm, sizeof(ret_info->comm));
	read_exe(pid, ret_info);
	process_resident(pid, &ret_info->rss_bytes, &ret_info->peak_rss_bytes);
	return 0;
}

static bool has_ended(const struct process_stat *stat)
{
	return stat->state == 'Z' || stat->state == 'X';
}

/* Does any thread of `pid` but the first run on? The first may end before the others:
 * then it stays behind as a zombie until they have ended too. */
static bool others_alive(uint32_t pid)
{
	struct dirent *entry;
	bool alive = false;
	char path[64];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task", pid);
	directory = opendir(path);
	while (directory && !alive && (entry = readdir(directory))) {
		struct process_stat stat;
		char name[32 + sizeof(entry->d_name)];

		snprintf(name, sizeof(name), "task/%s/stat", entry->d_name);
		alive = entry->d_name[0] != '.' && read_stat(pid, name, &stat) == 0 &&
			!has_ended(&stat);
	}
	if (directory)
		closedir(directory);
	return alive;
}

bool process_alive(uint32_t pid, uint64_t start_ns)
{
	struct process_stat stat;
	uint64_t apart;

	if (read_stat(pid, "stat", &stat) || (has_ended(&stat) && !others_alive(pid)))
		return false;
	apart = stat.start_ns > start_ns ? stat.start_ns - start_ns : start_ns - stat.start_ns;
	return start_ns == 0 || apart <= PROCESS_START_PRECISION_NS;
}

static int compare_tids(const void *a, const void *b)
{
	const struct process_thread *x = a, *y = b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

int process_threads(uint32_t pid, struct process_thread **ret_threads, size_t *ret_count)
{
	CLEANUP_FREE struct process_thread *threads = NULL;
	size_t count = 0, capacity = 0;
	char path[64];
	struct dirent *entry;
	DIR *directory;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task", pid);
	directory = opendir(path);
	if (!directory)
		return errno == ENOENT ? -ESRCH : -errno;
	while (count < PROCESS_MAX_THREADS && (entry = readdir(directory))) {
		struct process_stat stat;
		char name[32 + sizeof(entry->d_name)];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "task/%s/stat", entry->d_name);
		if (read_stat(pid, name, &stat))
			continue;
		err = VEC_PUSH_ROOM(threads, count, capacity);
		if (err)
			break;
		threads[count].tid = stat.pid;
		threads[count].start_ns = stat.start_ns;
		memcpy(threads[count].comm, stat.comm, sizeof(stat.comm));
		count++;
	}
	closedir(directory);
	if (err)
		return err;
	if (count == 0)
		return -ESRCH;
	qsort(threads, count, sizeof(*threads), compare_tids);
	*ret_threads = threads;
	*ret_count = count;
	threads = NULL;
	return 0;
}

/* Is the running program one of this machine's 64-bit ABI? x86-64's x32 is not:
 * its pointers have 4 bytes. */
static int check_program(uint32_t pid, const char *comm, struct error *error)
{
	unsigned char ident[EI_NIDENT];
	char path[64];
	CLEANUP_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return error_set(error, -EACCES, "Run outlive as root.",
				 "not permitted to look at process %" PRIu32 " (%s)", pid, comm);
	if (fd < 0 && errno == ENOENT && !process_alive(pid, 0))
		return error_set(error, -ESRCH, "Start the program again and use its new pid.",
				 "process %" PRIu32 " (%s) has just ended", pid, comm);
	if (fd < 0)
		return error_set(error, -errno, "",
				 "cannot open the program of process %" PRIu32 " (%s): %s", pid,
				 comm, strerror(errno));
	if (pread(fd, ident, sizeof(ident), 0) != sizeof(ident) ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0)
		return error_set(error, -ENOTSUP, "Trace a 64-bit ELF program.",
				 "the program of process %" PRIu32 " (%s) is no ELF file", pid, comm);
	if (ident[EI_CLASS] != ELFCLASS64)
		return error_set(error, -ENOTSUP, "Trace a 64-bit build of the program.",
				 "process %" PRIu32 " (%s) is a 32-bit program; outlive reads 64-bit "
				 "ones only", pid, comm);
	return 0;
}

int process_check(uint32_t pid, struct error *error)
{
	char status[PROC_STATUS_BYTES], comm[4 * WIRE_COMM_BYTES];
	struct process_stat stat;
	uint64_t tgid;
	int err = read_stat(pid, "stat", &stat);

	if (!err)
		err = proc_file_read(pid, "status", status, sizeof(status));
	if (err == -ESRCH)
		return error_set(error, err, "Find its pid with 'pgrep -a NAME' (it may have ended).",
				 "there is no process %" PRIu32, pid);
	if (err)
		return error_set(error, err, "Run outlive as root, with /proc mounted.",
				 "cannot read /proc/%" PRIu32 ": %s", pid, strerror(-err));
	text_clean(comm, sizeof(comm), stat.comm, sizeof(stat.comm));
	tgid = proc_status_number(status, "Tgid");
	if (stat.kernel_thread)
		return error_set(error, -EINVAL, "Give the pid of a program.",
				 "%" PRIu32 " (%s) is a kernel thread: it has no user memory", pid,
				 comm);
	if (tgid != pid) {
		char remedy[64];

		snprintf(remedy, sizeof(remedy), "Use -p %" PRIu64 ": it covers all its threads.",
			 tgid);
		return error_set(error, -EINVAL, remedy,
				 "%" PRIu32 " (%s) is a thread of process %" PRIu64, pid, comm, tgid);
	}
	if (has_ended(&stat) && others_alive(pid))
		return error_set(error, -ESRCH, "Trace it from its start: outlive threads -- COMMAND.",
				 "the first thread of process %" PRIu32 " (%s) has ended: probes can no "
				 "longer be put into the others", pid, comm);
	if (has_ended(&stat))
		return error_set(error, -ESRCH, "Nothing of it is left to trace; give a running process.",
				 "process %" PRIu32 " (%s) is a zombie: it has ended, and its parent "
				 "%" PRIu32 " has not yet waited for it", pid, comm, stat.ppid);
	return check_program(pid, comm, error);
}
