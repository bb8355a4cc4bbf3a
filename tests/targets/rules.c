/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules SCENARIO: one rule of correctness of the allocator's ledger at a time,
 * in the main thread unless the rule is about threads. Each scenario counts
 * what it did by hand, with made() and freed(), and prints the totals.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "target.h"

#define HUGE_SIZE ((size_t)PTRDIFF_MAX - 4095)

/* Read at run time, so that the compiler neither knows nor warns. */
static volatile size_t huge = HUGE_SIZE;
static void *volatile kept[256];
static void (*cfree_function)(void *);

static uint64_t allocated_bytes, allocated_blocks, freed_bytes, freed_blocks;
static uint64_t failed_calls, unknown_frees;
static bool healthy = true;

static void *made(void *address, size_t size)
{
	if (!address)
		_exit(95);
	allocated_bytes += size;
	allocated_blocks++;
	return address;
}

static void freed(size_t size)
{
	freed_bytes += size;
	freed_blocks++;
}

static void expect(bool condition)
{
	if (!condition)
		healthy = false;
}

static void nested(void)
{
	void *out = NULL;

	/* Those with alignment 16 or a NULL block call malloc inside in glibc. */
	kept[0] = made(calloc(3, 41), 123);
	kept[1] = made(memalign(16, 1009), 1009);
	expect(posix_memalign(&out, 16, 2003) == 0);
	kept[2] = made(out, 2003);
	kept[3] = made(realloc(NULL, 53), 53);
	kept[4] = made(reallocarray(NULL, 7, 11), 77);
	kept[5] = made(reallocarray(kept[4], 7, 1013), 7091);
	freed(77);
	/* A block that is a mapping: glibc calls mremap. */
	kept[6] = made(malloc(1000003), 1000003);
	kept[6] = made(realloc(kept[6], 101), 101);
	freed(1000003);
	kept[7] = made(valloc(5003), 5003);
	kept[8] = made(pvalloc(6007), 6007);
	kept[9] = made(strdup("seven"), 6);
}

static void failed_realloc(void)
{
	const char *block;

	kept[0] = made(malloc(1009), 1009);
	memset(kept[0], 'x', 1009);
	for (int i = 0; i < 3; i++, failed_calls++)
		expect(realloc(kept[0], huge) == NULL);
	expect(reallocarray(kept[0], huge, 2) == NULL);
	failed_calls++;
	expect(realloc(NULL, huge) == NULL);
	failed_calls++;
	expect(malloc(huge) == NULL);
	failed_calls++;
	expect(calloc(huge, 3) == NULL);
	failed_calls++;
	block = kept[0];
	for (int i = 0; i < 1009; i++)
		expect(block[i] == 'x');
}

static void realloc_zero(void)
{
	for (int i = 0; i < 11; i++) {
		void *block = made(malloc(211), 211);

		expect(realloc(block, 0) == NULL);
		freed(211);
	}
	kept[0] = made(malloc(13), 13);
}

static void failed_posix_memalign(void)
{
	void *live = made(malloc(1009), 1009);
	void *out = live; /* a tracer that ignores the result would take this for a new block */

	kept[0] = live;
	expect(posix_memalign(&out, 3, 100) == EINVAL);
	expect(posix_memalign(&out, 64, huge) == ENOMEM);
	expect(out == live);
	failed_calls += 2;
	expect(posix_memalign(&out, 64, 509) == 0);
	kept[1] = made(out, 509);
}

static void aliases(void)
{
	for (int i = 0; i < 7; i++)
		kept[i] = made(aligned_alloc(64, 640), 640);
	for (int i = 7; i < 18; i++)
		kept[i] = made(memalign(128, 1021), 1021);
	free(kept[0]);
	freed(640);
	if (cfree_function) {
		cfree_function(kept[1]);
		freed(640);
	}
	free(NULL);
}

static void zero_size(void)
{
	for (int i = 0; i < 31; i++)
		kept[i] = made(malloc(0), 0);
	kept[31] = made(calloc(0, 5), 0);
	free(kept[0]);
	freed(0);
}

static void big_malloc(void)
{
	size_t size = 21 * 1024 * 1024 + 1;
	char *block = made(malloc(size), size);

	memset(block, 1, size);
	kept[0] = block;
}

static void unknown_free(void)
{
	for (int i = 0; i < 17; i++, unknown_frees++)
		free(kept[i]); /* made before "ready" */
	kept[0] = made(malloc(1013), 1013);
}

static sigjmp_buf escape;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(escape, 1);
}

/* posix_memalign faults when it stores the result, and the call never returns. */
static void longjmp_out(void)
{
	signal(SIGSEGV, on_fault);
	for (int i = 0; i < 5; i++) {
		if (sigsetjmp(escape, 1) == 0) {
			int result = posix_memalign((void **)(uintptr_t)8, 64, 3001);

			expect(result == -1);
		}
		kept[2 * i] = made(malloc(1009), 1009);
		kept[2 * i + 1] = made(calloc(1, 211), 211);
		free(kept[2 * i]);
		freed(1009);
	}
}

static void fork_child(void)
{
	int status = -1;
	pid_t child;

	for (int i = 0; i < 23; i++)
		kept[i] = made(malloc(1013), 1013);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 23; i++)
			free(kept[i]);
		for (int i = 0; i < 5; i++)
			kept[i] = malloc(499);
		_exit(kept[4] ? 0 : 1);
	}
	expect(waitpid(child, &status, 0) == child && status == 0);
	free(kept[0]);
	freed(1013);
}

/* --- more than one thread --- */

static int other_tid;
static pthread_barrier_t barrier;

static void *leave_blocks(void *unused)
{
	(void)unused;
	other_tid = syscall(SYS_gettid);
	prctl(PR_SET_NAME, "leaver");
	for (int i = 0; i < 13; i++)
		kept[i] = malloc(1019);
	return NULL;
}

/* A thread that did not exist at attach, is gone at the end, and left blocks. */
static void thread_exit(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, leave_blocks, NULL) != 0)
		_exit(93);
	pthread_join(thread, NULL);
	for (int i = 0; i < 13; i++)
		made(kept[i], 1019);
	for (int i = 0; i < 5; i++) {
		free(kept[i]);
		freed(1019);
	}
}

static const size_t mapped_size = 200003, moved_size = 400009; /* beyond M_MMAP_THRESHOLD */
#define REUSES 20
static void *_Atomic vacated;
static _Atomic int reused, finished;

/*
 * realloc of a block that is a mapping moves it (mremap) and so gives up the
 * old address before it returns; a malloc of another thread then maps it again.
 * A tracer that removes `old` when realloc returns removes the other's block.
 *
 * Both threads share a processor, and this one, of real-time priority, wakes
 * up at random moments: inside the other's mremap, it runs before that realloc
 * returns.
 */
__attribute__((noreturn)) static void *take_addresses(void *unused)
{
	const struct sched_param first = { .sched_priority = 1 };
	uint64_t state = 0x9e3779b97f4a7c15u;

	(void)unused;
	other_tid = syscall(SYS_gettid);
	if (sched_setscheduler(0, SCHED_FIFO, &first) != 0)
		_exit(91);
	pthread_barrier_wait(&barrier);
	while (!finished) {
		void *block;

		target_sleep_until(target_now_ns() + 10000 + target_random(&state) % 8192);
		block = made(malloc(mapped_size), mapped_size);
		if (block == vacated && reused < REUSES) {
			kept[reused] = block;
			reused++;
			continue;
		}
		free(block);
		freed(mapped_size);
	}
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
}

static void reuse_in_realloc(void)
{
	uint64_t deadline = target_now_ns() + 10000000000u, calls = 0;

	pthread_barrier_wait(&barrier);
	while (reused < REUSES && target_now_ns() < deadline) {
		void *block = malloc(mapped_size);

		vacated = block;
		block = realloc(block, moved_size);
		vacated = NULL;
		free(block);
		calls++;
	}
	finished = 1;
	pthread_barrier_wait(&barrier);
	allocated_blocks += 2 * calls;
	allocated_bytes += calls * (mapped_size + moved_size);
	freed_blocks += 2 * calls;
	freed_bytes += calls * (mapped_size + moved_size);
}

/* --- exec --- */

static char **program;

__attribute__((noinline)) static void before_exec(void)
{
	for (int i = 0; i < 101; i++)
		kept[i] = malloc(1009);
}

static void exec_again(void)
{
	char *arguments[] = { program[0], (char *)"after_exec", (char *)"--go", NULL };

	before_exec();
	execv("/proc/self/exe", arguments);
	_exit(92);
}

__attribute__((noinline)) static void after_exec(void)
{
	for (int i = 0; i < 7; i++)
		kept[i] = made(malloc(113), 113);
}

static void hostile_name(void)
{
	prctl(PR_SET_NAME, "\x1b[2J\"<b>\n\xff\\");
	kept[0] = made(malloc(1009), 1009);
}

static const struct scenario {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "nested", nested },
	{ "failed_realloc", failed_realloc },
	{ "realloc_zero", realloc_zero },
	{ "failed_posix_memalign", failed_posix_memalign },
	{ "aliases", aliases },
	{ "zero_size", zero_size },
	{ "big_malloc", big_malloc },
	{ "unknown_free", unknown_free },
	{ "longjmp_out", longjmp_out },
	{ "fork_child", fork_child },
	{ "thread_exit", thread_exit },
	{ "reuse_in_realloc", reuse_in_realloc },
	{ "exec_again", exec_again },
	{ "after_exec", after_exec },
	{ "hostile_name", hostile_name },
};

/* What a scenario needs to exist before anything is traced. */
static void prepare(const char *name)
{
	pthread_t thread;
	cpu_set_t one;

	if (strcmp(name, "aliases") == 0)
		cfree_function = (void (*)(void *))dlvsym(RTLD_DEFAULT, "cfree", "GLIBC_2.2.5");
	for (int i = 0; i < 17 && strcmp(name, "unknown_free") == 0; i++)
		kept[i] = malloc(1013);
	if (strcmp(name, "reuse_in_realloc") == 0) {
		/* A threshold that we set stays put: large blocks go on being mappings. */
		mallopt(M_MMAP_THRESHOLD, 128 * 1024);
		CPU_ZERO(&one);
		CPU_SET(sched_getcpu(), &one);
		sched_setaffinity(0, sizeof(one), &one);
		pthread_barrier_init(&barrier, NULL, 2);
		if (pthread_create(&thread, NULL, take_addresses, NULL) != 0)
			_exit(93);
	}
}

int main(int argc, char **argv)
{
	const struct scenario *scenario = NULL;

	program = argv;
	for (size_t i = 0; argc > 1 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (strcmp(argv[1], scenarios[i].name) == 0)
			scenario = &scenarios[i];
	}
	if (!scenario)
		_exit(96);
	prepare(scenario->name);
	target_ready(argc, argv);
	scenario->run();
	target_print("{\"truth\":{\"allocated_bytes\":%ju,\"allocated_blocks\":%ju,"
		     "\"freed_bytes\":%ju,\"freed_blocks\":%ju,\"failed_calls\":%ju,"
		     "\"unknown_frees\":%ju,\"other_tid\":%d,\"reused\":%d,\"healthy\":%s}}\n",
		     (uintmax_t)allocated_bytes, (uintmax_t)allocated_blocks,
		     (uintmax_t)freed_bytes, (uintmax_t)freed_blocks, (uintmax_t)failed_calls,
		     (uintmax_t)unknown_frees, other_tid, reused, healthy ? "true" : "false");
	target_finish();
}
