/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes of every kind, made here, and what is said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/maps.h"
#include "target/process.h"

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* A child that waits to be killed. */
static pid_t start_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_stat_text(void **state)
{
	static const char rest[] = " 7 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1000 5000 600 "
				   "18446744073709551615 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 "
				   "18 19 777216 778240 987654321 22 23 24 25 0\n";
	static const char *const names[] = { "cat", "a b", "a) R 1 (", ")", "", "x\ny) Z 9 9" };
	struct process_stat stat;
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		snprintf(text, sizeof(text), "4242 (%s) S%s", names[i], rest);
		assert_int_equal(process_parse_stat(text, 3000000000, &stat), 0);
		assert_int_equal(stat.pid, 4242);
		assert_int_equal(stat.ppid, 7);
		assert_int_equal(stat.state, 'S');
		assert_string_equal(stat.comm, names[i]);
		assert_int_equal(stat.start_ns, 7000000000);
		assert_int_equal(stat.brk_start, 987654321);
		assert_false(stat.kernel_thread);
	}
	snprintf(text, sizeof(text), "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 9 0 0");
	assert_int_equal(process_parse_stat(text, 0, &stat), 0);
	assert_true(stat.kernel_thread);
	assert_int_equal(stat.brk_start, 0);
	/* started before the machine's monotonic clock: never below zero */
	assert_int_equal(process_parse_stat(text, UINT64_MAX, &stat), 0);
	assert_int_equal(stat.start_ns, 0);
}

static void test_hostile_stat(void **state)
{
	static const char *const bad[] = { "", "(", ")", "()", "1 ()", "1 (a) S", "1 )a(", "x (a) S 1",
					   "1 (a) S 1 2 3 4 5 6", "1 (a S 1 2 3 4 5 6 7 8 9" };
	static const char good[] = "42 (a b) S 7 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1000 5";
	struct process_stat stat = { .pid = 99 };
	unsigned int seed = 31;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(process_parse_stat(bad[i], 0, &stat), -EPROTO);
	assert_int_equal(stat.pid, 99);
	for (size_t round = 0; round < 20000; round++) {
		char text[sizeof(good)];

		memcpy(text, good, sizeof(good));
		text[rand_r(&seed) % (sizeof(good) - 1)] = rand_r(&seed);
		if (process_parse_stat(text, 0, &stat) == 0)
			assert_true(strlen(stat.comm) < sizeof(stat.comm));
	}
}

static void test_own_process(void **state)
{
	char exe[PATH_MAX];
	struct process_info info;
	struct maps maps;
	const struct mapping *row = NULL;

	(void)state;
	exe[readlink("/proc/self/exe", exe, sizeof(exe) - 1)] = '\0';
	assert_int_equal(process_check(getpid(), NULL), 0);
	assert_int_equal(process_read(getpid(), &info), 0);
	assert_int_equal(info.pid, getpid());
	assert_int_equal(info.ppid, getppid());
	assert_int_equal(info.state, 'R');
	assert_string_equal(info.exe, exe);
	assert_false(info.exe_deleted || info.kernel_thread);
	assert_true(info.rss_bytes > 0 && info.peak_rss_bytes > 0);
	assert_true(info.start_ns < now());
	assert_true(process_alive(getpid(), info.start_ns));
	assert_true(process_alive(getpid(), 0));
	assert_false(process_alive(getpid(), info.start_ns + 20000000));

	/* [heap] begins in the page of start_brk, once brk has been called */
	assert_ptr_not_equal(sbrk(4096), (void *)-1);
	assert_int_equal(maps_read(getpid(), &maps), 0);
	for (size_t i = 0; i < maps.count; i++) {
		if (strcmp(maps.rows[i].path, "[heap]") == 0 && !row)
			row = &maps.rows[i];
	}
	assert_non_null(row);
	assert_true(info.brk_start >= row->start && info.brk_start < row->start + 4096);
	maps_free(&maps);
}

static void test_start_time(void **state)
{
	struct process_info info;
	uint64_t before, after;
	pid_t pid;

	(void)state;
	for (int i = 0; i < 20; i++) {
		before = now();
		pid = start_child();
		after = now();
		assert_int_equal(process_read(pid, &info), 0);
		assert_true(info.start_ns + PROCESS_START_PRECISION_NS >= before);
		assert_true(info.start_ns <= after);
		end_child(pid);
		usleep(1700);
	}
}

static void test_resident(void **state)
{
	const size_t size = 48 << 20;
	uint64_t before, during, after, peak;
	char *memory;

	(void)state;
	assert_int_equal(process_resident(getpid(), &before, NULL), 0);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 1, size);
	assert_int_equal(process_resident(getpid(), &during, NULL), 0);
	munmap(memory, size);
	assert_int_equal(process_resident(getpid(), &after, &peak), 0);
	/* 2 MB: the kernel's counters are summed per CPU and may lag */
	assert_true(during > before + size - (2 << 20) && during < before + size + (2 << 20));
	assert_true(after < before + (2 << 20));
	assert_true(peak + (2 << 20) >= during);
}

static void *wait_in_thread(void *barrier)
{
	prctl(PR_SET_NAME, "worker) S 1 (2");
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	return NULL;
}

static void test_threads(void **state)
{
	CLEANUP_FREE struct process_thread *threads = NULL;
	pthread_barrier_t barrier;
	pthread_t thread[7];
	struct error error;
	char wanted[32];
	size_t count, workers = 0;

	(void)state;
	pthread_barrier_init(&barrier, NULL, ARRAY_LENGTH(thread) + 1);
	for (size_t i = 0; i < ARRAY_LENGTH(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, wait_in_thread, &barrier), 0);
	pthread_barrier_wait(&barrier);
	assert_int_equal(process_threads(getpid(), &threads, &count), 0);
	for (size_t i = 0; i < count; i++) {
		assert_true(i == 0 || threads[i - 1].tid < threads[i].tid);
		if (strcmp(threads[i].comm, "worker) S 1 (2") != 0)
			continue;
		workers++;
		assert_true(threads[i].start_ns <= now());
		/* a thread is not a process: the error names the one it belongs to */
		assert_int_equal(process_check(threads[i].tid, &error), -EINVAL);
		snprintf(wanted, sizeof(wanted), "-p %d", getpid());
		assert_non_null(strstr(error.remedy, wanted));
	}
	assert_int_equal(workers, ARRAY_LENGTH(thread));
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < ARRAY_LENGTH(thread); i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);
}

/* An error for a person: the words wanted, on one line, with something to do. */
static void assert_told(const struct error *error, const char *wanted)
{
	if (!strstr(error->what, wanted))
		fail_msg("'%s' not in '%s'", wanted, error->what);
	assert_null(strchr(error->what, '\n'));
	assert_true(error->remedy[0]);
}

static void test_zombie_and_gone(void **state)
{
	struct process_thread *threads;
	struct process_info info;
	struct error error;
	siginfo_t ended;
	size_t count;
	pid_t pid = start_child();

	(void)state;
	assert_int_equal(process_check(pid, &error), 0);
	assert_true(process_alive(pid, 0));
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, pid, &ended, WEXITED | WNOWAIT), 0);
	assert_int_equal(process_check(pid, &error), -ESRCH);
	assert_told(&error, "zombie");
	assert_false(process_alive(pid, 0));
	assert_int_equal(process_read(pid, &info), 0);
	assert_int_equal(info.rss_bytes, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);

	assert_int_equal(process_check(pid, &error), -ESRCH);
	assert_told(&error, "there is no process");
	assert_int_equal(process_read(pid, &info), -ESRCH);
	assert_int_equal(process_resident(pid, NULL, NULL), -ESRCH);
	assert_int_equal(process_threads(pid, &threads, &count), -ESRCH);
	assert_false(process_alive(pid, 0));
	assert_int_equal(process_check(0, &error), -ESRCH);
	assert_int_equal(process_check(UINT32_MAX, &error), -ESRCH);
}

static void test_kernel_thread(void **state)
{
	struct process_info info;
	struct error error;

	(void)state;
	if (process_read(2, &info) || strcmp(info.comm, "kthreadd") != 0) {
		print_message("pid 2 is not kthreadd here (a container)\n");
		skip();
	}
	assert_true(info.kernel_thread);
	assert_int_equal(process_check(2, &error), -EINVAL);
	assert_told(&error, "kernel thread");
}

/* The smallest 32-bit program: for (;;) pause(); */
static int write_32_bit_program(const char *path)
{
	static const unsigned char code[] = { 0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7 };
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
		unsigned char code[sizeof(code)];
	} file = {
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT,
			    .e_entry = 0x10000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
			    .e_phoff = sizeof(Elf32_Ehdr), .e_ehsize = sizeof(Elf32_Ehdr),
			    .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1 },
		.segment = { .p_type = PT_LOAD, .p_vaddr = 0x10000, .p_filesz = sizeof(file),
			     .p_memsz = sizeof(file), .p_flags = PF_R | PF_X, .p_align = 4096 },
	};
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755);

	memcpy(file.code, code, sizeof(code));
	return fd >= 0 && write(fd, &file, sizeof(file)) == sizeof(file) ? 0 : -1;
}

/* Start `path`; returns 0 when the kernel cannot run it. */
static pid_t start_program(const char *path, const char *argument)
{
	int pipes[2], failed = 0;
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, path, argument, NULL);
		failed = errno;
		_exit(write(pipes[1], &failed, sizeof(failed)) != sizeof(failed));
	}
	close(pipes[1]);
	failed = read(pipes[0], &failed, sizeof(failed)) > 0;
	close(pipes[0]);
	if (failed)
		waitpid(pid, NULL, 0);
	return failed ? 0 : pid;
}

static void test_32_bit(void **state)
{
	char directory[] = "/tmp/outlive-XXXXXX", path[64];
	struct error error;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/evil\nname", directory);
	assert_int_equal(write_32_bit_program(path), 0);
	pid = start_program(path, NULL);
	unlink(path);
	rmdir(directory);
	if (!pid) {
		print_message("this kernel runs no 32-bit programs\n");
		skip();
	}
	assert_int_equal(process_check(pid, &error), -ENOTSUP);
	end_child(pid);
	assert_told(&error, "32-bit");
}

static void test_deleted_program(void **state)
{
	char directory[] = "/tmp/outlive-XXXXXX", path[64], command[160];
	struct process_info info;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/nap", directory);
	snprintf(command, sizeof(command), "cp /bin/sleep %s", path);
	assert_int_equal(system(command), 0);
	pid = start_program(path, "1000");
	assert_true(pid > 0);
	unlink(path);
	rmdir(directory);
	assert_int_equal(process_check(pid, NULL), 0);
	assert_int_equal(process_read(pid, &info), 0);
	end_child(pid);
	assert_string_equal(info.exe, path);
	assert_true(info.exe_deleted);
	assert_string_equal(info.comm, "nap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat_text),	cmocka_unit_test(test_hostile_stat),
		cmocka_unit_test(test_own_process),	cmocka_unit_test(test_start_time),
		cmocka_unit_test(test_resident),	cmocka_unit_test(test_threads),
		cmocka_unit_test(test_zombie_and_gone), cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_32_bit),		cmocka_unit_test(test_deleted_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
