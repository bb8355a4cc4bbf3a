/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leader: the thread that main() runs in ends, and the process lives on. /proc
 * then shows a zombie with this pid, and has no maps of it.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "target.h"

#define BLOCKS 13
#define BLOCK_BYTES 1019

static void *volatile kept[BLOCKS], *volatile kept_after[BLOCKS];
static pthread_t leader;
static pthread_barrier_t allocated;

__attribute__((noreturn)) static void *work(void *unused)
{
	(void)unused;
	for (int i = 0; i < BLOCKS; i++)
		kept[i] = malloc(BLOCK_BYTES);
	pthread_barrier_wait(&allocated);
	pthread_join(leader, NULL);
	for (int i = 0; i < BLOCKS; i++)
		kept_after[i] = malloc(BLOCK_BYTES);
	target_sleep_until(target_now_ns() + 300000000);
	target_print("{\"truth\":{\"tid\":%d,\"before_blocks\":%d,\"live_blocks\":%d,"
		     "\"live_bytes\":%d}}\n",
		     (int)syscall(SYS_gettid), BLOCKS, 2 * BLOCKS, 2 * BLOCKS * BLOCK_BYTES);
	target_finish();
}

int main(int argc, char **argv)
{
	pthread_t thread;

	leader = pthread_self();
	pthread_barrier_init(&allocated, NULL, 2);
	target_ready(argc, argv);
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		_exit(93);
	pthread_barrier_wait(&allocated);
	pthread_exit(NULL);
}
