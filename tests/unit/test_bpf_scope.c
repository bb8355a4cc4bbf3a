/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf/scope.bpf.h as ordinary C: which processes BPF takes for traced, and when it looks again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/host.h"

/* The user of the current process, and whether it is in the cgroup. */
static __u32 host_user;
static long host_in_cgroup;

#undef BPF_CORE_READ
#define BPF_CORE_READ(object, ...) ((void)(object), host_user)

static long bpf_map_update_elem(const void *map, const void *key, const void *value, __u64 flags);
static long bpf_map_delete_elem(const void *map, const void *key);

static long bpf_current_task_under_cgroup(const void *map, __u32 index)
{
	(void)map, (void)index;
	return host_in_cgroup;
}

struct task_struct;

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "scope.bpf.h"

#define OWN_PID 999
#define PLACES 8

static struct {
	__u32 pid;
	struct scope_process process;
} table[PLACES];
static int looks; /* times that a row was written */

static void *host_map_lookup(const void *map, const void *key)
{
	for (int i = 0; map == &processes && i < PLACES; i++) {
		if (table[i].pid == *(const __u32 *)key)
			return &table[i].process;
	}
	return NULL;
}

static long bpf_map_update_elem(const void *map, const void *key, const void *value, __u64 flags)
{
	(void)flags;
	if (map != &processes)
		return 0;
	looks++;
	for (int i = 0; i < PLACES; i++) {
		if (table[i].pid != 0 && table[i].pid != *(const __u32 *)key)
			continue;
		table[i].pid = *(const __u32 *)key;
		table[i].process = *(const struct scope_process *)value;
		return 0;
	}
	return -7; /* E2BIG */
}

static long bpf_map_delete_elem(const void *map, const void *key)
{
	for (int i = 0; map == &processes && i < PLACES; i++) {
		if (table[i].pid == *(const __u32 *)key)
			memset(&table[i], 0, sizeof(table[i]));
	}
	return 0;
}

static int begin(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	memset(losses, 0, sizeof(losses));
	looks = 0;
	host_user = 1000;
	host_in_cgroup = 0;
	scope = SCOPE_ALL;
	user_count = 0;
	own_pid = OWN_PID;
	first_state = SCOPE_TRACED;
	return 0;
}

static void test_pids_are_those_named(void **state)
{
	(void)state;
	scope = SCOPE_PIDS;
	assert_null(process_current(1));
	assert_int_equal(looks, 0);
	table[0].pid = 1;
	table[0].process.state = SCOPE_TRACED;
	assert_non_null(process_current(1));
	table[0].process.state = SCOPE_OUTSIDE;
	assert_null(process_current(1));
	assert_null(process_traced(1));
	assert_int_equal(looks, 0);
}

static void test_all_but_ourselves(void **state)
{
	(void)state;
	assert_non_null(process_current(1));
	assert_int_equal(process_current(1)->slot, SCOPE_NO_SLOT);
	assert_null(process_current(OWN_PID));
	assert_null(process_current(OWN_PID));
	/* Both verdicts are kept. */
	assert_int_equal(looks, 2);
}

static void test_a_met_process_begins_as_told(void **state)
{
	(void)state;
	first_state = SCOPE_MAPPINGS;
	first_sample_bytes = 4096;
	assert_int_equal(process_current(1)->state, SCOPE_MAPPINGS);
	assert_int_equal(process_current(1)->sample_bytes, 4096);
	first_sample_bytes = 0;
}

static void test_cgroup(void **state)
{
	(void)state;
	scope = SCOPE_CGROUP;
	assert_null(process_current(1));
	host_in_cgroup = 1;
	/* It is not asked at every call; being moved makes it be. */
	assert_null(process_current(1));
	process_forget(1);
	assert_non_null(process_current(1));
	host_in_cgroup = -22; /* no cgroup in the map */
	assert_null(process_current(2));
}

static void test_users(void **state)
{
	(void)state;
	users[0] = 33;
	users[1] = 1000;
	user_count = 1;
	assert_null(process_current(1));
	assert_null(process_current(1));
	assert_int_equal(looks, 1);
	/* A server that begins as root and becomes its own user. */
	host_user = 33;
	assert_non_null(process_current(1));
	/* What is traced stays so. */
	host_user = 0;
	assert_non_null(process_current(1));
	user_count = 2;
	host_user = 1000;
	assert_non_null(process_current(2));
}

static void test_left_out_by_user_space(void **state)
{
	(void)state;
	users[0] = 1000;
	user_count = 1;
	table[0].pid = 1;
	table[0].process = (struct scope_process){ .state = SCOPE_OUTSIDE, .user = SCOPE_ANY_USER };
	assert_null(process_current(1));
	assert_int_equal(looks, 0);
}

static void test_a_full_table_is_counted(void **state)
{
	__u32 pid;

	(void)state;
	for (pid = 1; pid <= PLACES; pid++)
		assert_non_null(process_current(pid));
	assert_null(process_current(pid));
	assert_int_equal(losses[WIRE_LOSS_PROCESS], 1);
}

static void test_changes_make_threads_look_again(void **state)
{
	__u32 before = generation;

	(void)state;
	process_forget(1);
	assert_int_not_equal(generation, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pids_are_those_named, begin),
		cmocka_unit_test_setup(test_all_but_ourselves, begin),
		cmocka_unit_test_setup(test_a_met_process_begins_as_told, begin),
		cmocka_unit_test_setup(test_cgroup, begin),
		cmocka_unit_test_setup(test_users, begin),
		cmocka_unit_test_setup(test_left_out_by_user_space, begin),
		cmocka_unit_test_setup(test_a_full_table_is_counted, begin),
		cmocka_unit_test_setup(test_changes_make_threads_look_again, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
