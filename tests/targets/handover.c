/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover PAIRS BLOCKS: PAIRS producers hand blocks to as many consumers. A producer
 * makes BLOCKS blocks: some it frees at once, the others it hands over; of these the
 * consumer reallocates some, holds a few for a while, and frees all but every
 * hundred-and-first. So most blocks are young when they end, and by whose hand differs from
 * block to block. Prints what each thread holds, made and freed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "target.h"

#define MAX_PAIRS 16
#define QUEUE 16 /* few: the producer soon waits, so blocks stay young */
#define HELD 7

struct handed {
	void *block;
	size_t size;
};

struct worker {
	int index, tid;
	struct worker *other; /* of the pair */
	_Atomic uint64_t live_bytes, live_blocks, freed_by_others;
	uint64_t allocated_bytes, allocated_blocks, freed_bytes, freed_blocks;
	struct handed queue[QUEUE]; /* a consumer's */
	_Atomic unsigned long put, got;
};

static struct worker producers[MAX_PAIRS], consumers[MAX_PAIRS];
static unsigned long blocks;
static pthread_barrier_t start, end;

static void made(struct worker *self, size_t size)
{
	self->allocated_bytes += size;
	self->allocated_blocks++;
	self->live_bytes += size;
	self->live_blocks++;
}

static void gone(struct worker *self, struct worker *owner, size_t size)
{
	self->freed_bytes += size;
	self->freed_blocks++;
	owner->live_bytes -= size;
	owner->live_blocks--;
	if (owner != self)
		owner->freed_by_others++;
}

static size_t size_of(unsigned long i)
{
	static const size_t sizes[] = { 13, 61, 127, 509, 1021 };

	return sizes[i % 5];
}

__attribute__((noinline)) static void *make(struct worker *self, size_t size)
{
	void *block = malloc(size);

	if (!block)
		_exit(95);
	made(self, size);
	return block;
}

__attribute__((noinline)) static void produce(struct worker *self)
{
	for (unsigned long i = 0; i < blocks; i++) {
		size_t size = size_of(i);
		void *block = make(self, size);

		if (i % 3 == 0) {
			gone(self, self, size);
			free(block);
			continue;
		}
		while (self->other->put - self->other->got == QUEUE)
			sched_yield();
		self->other->queue[self->other->put % QUEUE] = (struct handed){ block, size };
		self->other->put++;
	}
}

__attribute__((noinline)) static void consume(struct worker *self)
{
	static _Thread_local struct { struct handed what; struct worker *owner; } held[HELD];
	unsigned long count = blocks - (blocks + 2) / 3;

	for (unsigned long i = 0; i < count; i++) {
		struct worker *owner = self->other;
		struct handed what;

		while (self->put == self->got)
			sched_yield();
		what = self->queue[self->got % QUEUE];
		self->got++;
		if (i % 4 == 0) {
			gone(self, owner, what.size);
			what.size = size_of(i + 1);
			what.block = realloc(what.block, what.size);
			owner = self;
			made(self, what.size);
		}
		if (i % 101 == 0)
			continue; /* kept for good */
		if (held[i % HELD].what.block) {
			gone(self, held[i % HELD].owner, held[i % HELD].what.size);
			free(held[i % HELD].what.block);
		}
		held[i % HELD].what = what;
		held[i % HELD].owner = owner;
	}
}

__attribute__((noreturn)) static void *thread_main(void *argument)
{
	struct worker *self = argument;
	bool producer = self >= producers && self < producers + MAX_PAIRS;
	char name[16];

	self->tid = (int)syscall(SYS_gettid);
	snprintf(name, sizeof(name), "%s-%d", producer ? "produce" : "consume", self->index);
	pthread_setname_np(pthread_self(), name);
	pthread_barrier_wait(&end);
	pthread_barrier_wait(&start);
	if (producer)
		produce(self);
	else
		consume(self);
	pthread_barrier_wait(&end);
	for (;;)
		pause();
}

static void print_worker(const struct worker *worker, const char *name)
{
	target_print("{\"tid\":%d,\"comm\":\"%s-%d\",\"live_bytes\":%ju,\"live_blocks\":%ju,"
		     "\"allocated_bytes\":%ju,\"allocated_blocks\":%ju,\"freed_bytes\":%ju,"
		     "\"freed_blocks\":%ju,\"freed_by_others_blocks\":%ju}",
		     worker->tid, name, worker->index, (uintmax_t)worker->live_bytes,
		     (uintmax_t)worker->live_blocks, (uintmax_t)worker->allocated_bytes,
		     (uintmax_t)worker->allocated_blocks, (uintmax_t)worker->freed_bytes,
		     (uintmax_t)worker->freed_blocks, (uintmax_t)worker->freed_by_others);
}

int main(int argc, char **argv)
{
	int pairs = (int)target_number(argc, argv, 1, 1, MAX_PAIRS);
	pthread_t thread;

	blocks = (unsigned long)target_number(argc, argv, 2, 1, 100000000);
	pthread_barrier_init(&start, NULL, 2 * (unsigned int)pairs + 1);
	pthread_barrier_init(&end, NULL, 2 * (unsigned int)pairs + 1);
	for (int i = 0; i < pairs; i++) {
		producers[i].index = consumers[i].index = i;
		producers[i].other = &consumers[i];
		consumers[i].other = &producers[i];
		if (pthread_create(&thread, NULL, thread_main, &producers[i]) != 0 ||
		    pthread_create(&thread, NULL, thread_main, &consumers[i]) != 0)
			_exit(93);
	}
	pthread_barrier_wait(&end);
	target_ready(argc, argv);
	pthread_barrier_wait(&start);
	pthread_barrier_wait(&end);
	target_print("{\"truth\":{\"threads\":[");
	for (int i = 0; i < pairs; i++) {
		print_worker(&producers[i], "produce");
		target_print(",");
		print_worker(&consumers[i], "consume");
		target_print(i + 1 < pairs ? "," : "");
	}
	target_print("]}}\n");
	target_finish();
}
