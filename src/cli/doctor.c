/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlive doctor: what this machine and one process allow. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"
#include "capture/features.h"
#include "capture/scope.h"
#include "cli/cli.h"
#include "cli/doctor_allocators.h"
#include "cli/doctor_code.h"
#include "cli/target.h"
#include "target/allocator.h"
#include "target/home.h"
#include "target/process.h"

/* Returns whether everything required is there. */
static bool show_machine(void)
{
	struct utsname kernel;
	bool good = true;

	if (uname(&kernel) == 0)
		printf("kernel          %s %s\n", kernel.release, kernel.machine);
	printf("user            %s\n", geteuid() == 0 ? "root" : "not root");
	for (size_t i = 0; i < feature_count; i++) {
		int result = features[i].probe();

		printf("%-15s %-8s %s\n", features[i].name,
		       result == 0 ? "yes" : features[i].required ? "MISSING" : "no", features[i].what);
		if (result < 0 && features[i].required) {
			printf("%-15s %s: %s\n", "", strerror(-result), features[i].remedy);
			good = false;
		}
	}
	return good;
}

/* Where it lives, as far as that is not where outlive does. */
static void show_home(uint32_t pid, const struct process_home *home)
{
	char cgroup[512];

	if (home->inner_pid != pid)
		printf("%-15s pid %u in its own namespace\n", "", home->inner_pid);
	printf("%-15s user %s (%u)\n", "", home->user[0] ? home->user : "?", home->uid);
	if (home->container[0])
		printf("%-15s container %s\n", "", home->container);
	text_clean(cgroup, sizeof(cgroup), home->cgroup, strlen(home->cgroup));
	if (cgroup[0])
		printf("%-15s cgroup %s\n", "", cgroup);
	if (home->namespaces)
		printf("%-15s own namespaces:", "");
	for (unsigned int i = 0; i < HOME_NAMESPACES; i++) {
		if (home->namespaces & 1u << i)
			printf(" %s", home_namespaces[i]);
	}
	if (home->namespaces)
		printf("\n");
}

static int show_process(uint32_t pid, uint64_t limit_bytes, struct error *error)
{
	struct allocator_list list = { 0 };
	struct process_info info;
	struct process_home home;
	char comm[64], exe[200];
	int result = process_check(pid, error);

	if (result < 0 || process_read(pid, &info) < 0)
		return result;
	text_clean(comm, sizeof(comm), info.comm, sizeof(info.comm));
	text_clean(exe, sizeof(exe), info.exe, strlen(info.exe));
	printf("\nprocess         %s (%u)%s%s\n", comm, pid, exe[0] ? ", " : "", exe);
	if (home_read(pid, &home) == 0)
		show_home(pid, &home);
	result = allocator_find(pid, &list, error);
	doctor_allocators(pid, &list);
	allocator_list_free(&list);
	if (result == 0)
		doctor_code(pid, limit_bytes, info.start_ns);
	return result;
}

/* How many processes there are to trace, and where probes would be. */
static int show_scope(const struct options *options, struct error *error)
{
	struct capture_options capture = { .scope = SCOPE_ALL };
	struct allocator_list list = { 0 };
	size_t count = 0, with = 0;
	uint32_t *pids = NULL;
	char path[200];
	int result = target_of_options(options, &capture, error);

	if (result == 0)
		result = scope_list(&capture, &pids, &count, error);
	if (result < 0)
		return result;
	for (size_t i = 0; i < count; i++)
		with += allocator_find(pids[i], &list, NULL) == 0;
	free(pids);
	printf("\nprocesses       %zu, of which %zu have a malloc to watch\n", count, with);
	for (size_t i = 0; i < list.count; i++) {
		text_clean(path, sizeof(path), list.files[i].path, strlen(list.files[i].path));
		printf("%-15s %zu functions of %s\n", i ? "" : "probes on", list.files[i].function_count,
		       path);
	}
	allocator_list_free(&list);
	return 0;
}

int cli_doctor(const struct options *options, enum verb_bit verb)
{
	struct error error = { .what = "" };
	bool good = show_machine();

	(void)verb;
	if ((options->all || options->cgroup) && show_scope(options, &error) < 0) {
		fflush(stdout);
		cli_complain(&error);
		good = false;
	}
	for (size_t i = 0; i < options->pid_count; i++) {
		error = (struct error){ .what = "" };
		if (show_process(options->pids[i], options->unwind_bytes, &error) < 0) {
			fflush(stdout);
			cli_complain(&error);
			good = false;
		}
	}
	return good ? EXIT_DONE : EXIT_IMPOSSIBLE;
}
