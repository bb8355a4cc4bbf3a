/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exact THREADS OPERATIONS: every allocation function, at random, on blocks
 * that all threads share: a thread frees and reallocates what others made.
 * THREADS 0 works in the main thread. Prints what each thread holds, made and
 * freed, and how often each function succeeded.
 *
 * Under another allocator a function that it lacks is the C library's, and a block of that
 * one may not be given to the other's free: it is left out (jemalloc, musl: pvalloc).
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "target.h"

#define MAX_THREADS 64
#define SLOTS 1009

enum function {
	MALLOC,
	CALLOC,
	REALLOC,
	REALLOCARRAY,
	MEMALIGN,
	ALIGNED_ALLOC,
	POSIX_MEMALIGN,
	VALLOC,
	PVALLOC,
	FREE,
	FUNCTIONS
};

static const char *const function_names[FUNCTIONS] = {
	"malloc",	 "calloc",	   "realloc", "reallocarray", "memalign",
	"aligned_alloc", "posix_memalign", "valloc",  "pvalloc",      "free",
};

struct worker {
	pthread_t thread;
	int index, tid;
	_Atomic uint64_t live_bytes, live_blocks; /* of blocks it made, whoever frees them */
	_Atomic uint64_t freed_by_others;
	uint64_t allocated_bytes, allocated_blocks, freed_bytes, freed_blocks;
	uint64_t calls[FUNCTIONS];
	uint64_t spoiled; /* blocks whose content somebody changed */
};

struct slot {
	_Atomic int taken;
	unsigned char *address;
	size_t size;
	struct worker *owner;
};

/* Primes, so that no sum comes out right by accident; the last two are beyond M_MMAP_THRESHOLD. */
static const size_t sizes[] = { 1, 13, 61, 127, 509, 1021, 4099, 20011, 150001, 262147 };

static struct worker workers[MAX_THREADS];
static struct slot slots[SLOTS];
static long operations; /* of all threads together, so that they end at the same time */
static _Atomic long operations_done;
static pthread_barrier_t start, end;

#ifdef __GLIBC__
static bool has_pvalloc;

/* Does `function` come from the file that has malloc? A static program is one file. */
static bool of_malloc(void *function)
{
	Dl_info mine, its;

	return !dladdr((void *)(uintptr_t)malloc, &its) || !dladdr(function, &mine) ||
	       mine.dli_fbase == its.dli_fbase;
}
#else
#define has_pvalloc false
#define pvalloc valloc
#endif

static size_t random_size(uint64_t *state)
{
	uint64_t r = target_random(state) >> 20;

	/* One in 512 is large: mapping and unmapping for each would be all this does. */
	return r % 512 == 0 ? sizes[8 + (r >> 9) % 2] : sizes[(r >> 9) % 8];
}

static void stamp(struct slot *slot)
{
	slot->address[0] = (unsigned char)slot->size;
	slot->address[slot->size - 1] = (unsigned char)slot->size;
}

static void made(struct worker *self, struct slot *slot, enum function function)
{
	if (!slot->address)
		_exit(95);
	slot->owner = self;
	stamp(slot);
	self->calls[function]++;
	self->allocated_bytes += slot->size;
	self->allocated_blocks++;
	self->live_bytes += slot->size;
	self->live_blocks++;
}

static void gone(struct worker *self, struct slot *slot)
{
	struct worker *owner = slot->owner;

	self->freed_bytes += slot->size;
	self->freed_blocks++;
	owner->live_bytes -= slot->size;
	owner->live_blocks--;
	if (owner != self)
		owner->freed_by_others++;
}

__attribute__((noinline)) static void make(struct worker *self, struct slot *slot, uint64_t *state)
{
	enum function drawn = target_random(state) >> 24 & 15;
	enum function function = drawn == PVALLOC && !has_pvalloc ? VALLOC : drawn;
	size_t size = slot->size = random_size(state);
	void *out = NULL;

	switch (function) {
	case CALLOC:
		slot->address = calloc(size, 1);
		break;
	case REALLOC:
		slot->address = realloc(NULL, size);
		break;
	case REALLOCARRAY:
		slot->address = reallocarray(NULL, 1, size);
		break;
	case MEMALIGN:
		slot->address = memalign(size % 2 ? 16 : 256, size);
		break;
	case ALIGNED_ALLOC:
		slot->address = aligned_alloc(64, size);
		break;
	case POSIX_MEMALIGN:
		if (posix_memalign(&out, size % 4 == 1 ? 16 : 128, size) != 0)
			_exit(94);
		slot->address = out;
		break;
	case VALLOC:
		slot->address = valloc(size);
		break;
	case PVALLOC:
		slot->address = pvalloc(size);
		break;
	default:
		function = MALLOC;
		slot->address = malloc(size);
	}
	made(self, slot, function);
}

__attribute__((noinline)) static void change(struct worker *self, struct slot *slot,
					     uint64_t *state)
{
	bool array = target_random(state) >> 24 & 1;
	size_t size = random_size(state);
	unsigned char *address =
		array ? reallocarray(slot->address, size, 1) : realloc(slot->address, size);

	gone(self, slot);
	slot->address = address;
	slot->size = size;
	made(self, slot, array ? REALLOCARRAY : REALLOC);
}

__attribute__((noinline)) static void drop(struct worker *self, struct slot *slot)
{
	if (slot->address[0] != (unsigned char)slot->size ||
	    slot->address[slot->size - 1] != (unsigned char)slot->size)
		self->spoiled++;
	gone(self, slot);
	self->calls[FREE]++;
	free(slot->address);
	slot->address = NULL;
}

__attribute__((noinline)) static void work(struct worker *self)
{
	uint64_t state = 0x9e3779b97f4a7c15u * (self->index + 1);

	while (atomic_fetch_add(&operations_done, 1) < operations) {
		struct slot *slot;

		do
			slot = &slots[target_random(&state) % SLOTS];
		while (atomic_exchange(&slot->taken, 1));
		if (!slot->address)
			make(self, slot, &state);
		else if (target_random(&state) >> 24 & 1)
			change(self, slot, &state);
		else
			drop(self, slot);
		atomic_store(&slot->taken, 0);
	}
}

__attribute__((noreturn)) static void *thread_main(void *argument)
{
	struct worker *self = argument;
	char name[16];

	self->tid = syscall(SYS_gettid);
	snprintf(name, sizeof(name), "exact-%d", self->index);
	pthread_setname_np(pthread_self(), name);
	pthread_barrier_wait(&end); /* has a name */
	pthread_barrier_wait(&start);
	work(self);
	pthread_barrier_wait(&end);
	for (;;)
		pause();
}

static void print_worker(const struct worker *worker, bool last)
{
	target_print("{\"tid\":%d,\"comm\":\"exact-%d\",\"live_bytes\":%ju,\"live_blocks\":%ju,"
		     "\"allocated_bytes\":%ju,\"allocated_blocks\":%ju,\"freed_bytes\":%ju,"
		     "\"freed_blocks\":%ju,\"freed_by_others_blocks\":%ju}%s",
		     worker->tid, worker->index, (uintmax_t)worker->live_bytes,
		     (uintmax_t)worker->live_blocks, (uintmax_t)worker->allocated_bytes,
		     (uintmax_t)worker->allocated_blocks, (uintmax_t)worker->freed_bytes,
		     (uintmax_t)worker->freed_blocks, (uintmax_t)worker->freed_by_others,
		     last ? "" : ",");
}

static void print_truth(int count)
{
	uint64_t spoiled = 0;

	target_print("{\"truth\":{\"threads\":[");
	for (int i = 0; i < count; i++)
		print_worker(&workers[i], i + 1 == count);
	target_print("],\"functions\":{");
	for (int f = 0; f < FUNCTIONS; f++) {
		uint64_t calls = 0;

		for (int i = 0; i < count; i++)
			calls += workers[i].calls[f];
		target_print("%s\"%s\":%ju", f ? "," : "", function_names[f], (uintmax_t)calls);
	}
	for (int i = 0; i < count; i++)
		spoiled += workers[i].spoiled;
	target_print("},\"spoiled\":%ju}}\n", (uintmax_t)spoiled);
}

int main(int argc, char **argv)
{
	int threads = target_number(argc, argv, 1, 0, MAX_THREADS);

	operations = target_number(argc, argv, 2, 1, 100000000);
#ifdef __GLIBC__
	has_pvalloc = of_malloc((void *)(uintptr_t)pvalloc);
#endif
	pthread_barrier_init(&start, NULL, threads + 1);
	pthread_barrier_init(&end, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		workers[i].index = i;
		if (pthread_create(&workers[i].thread, NULL, thread_main, &workers[i]) != 0)
			_exit(93);
	}
	if (threads == 0) {
		workers[0].tid = getpid();
		pthread_setname_np(pthread_self(), "exact-0");
	}
	pthread_barrier_wait(&end);
	target_ready(argc, argv);
	pthread_barrier_wait(&start);
	if (threads == 0)
		work(&workers[0]);
	pthread_barrier_wait(&end);
	print_truth(threads ? threads : 1);
	target_finish();
}
