/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/attach_closer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/vec.h"

#define QUIET_MS 250	/* since probes were placed last */
#define WAITING_MOST 64 /* links that wait for it: each makes every hit a little slower */
#define THREADS_AT_END 16

struct attach_closer {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct attach_link *links;
	size_t count, capacity;
	struct timespec quiet_at;
	bool ending;
	pthread_mutex_t closing; /* held while one is closed, or none may be */
};

void attach_link_close(const struct attach_link *link)
{
	if (link->link)
		bpf_link__destroy(link->link);
	else
		close(link->multi);
}

static bool is_quiet(const struct attach_closer *closer)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > closer->quiet_at.tv_sec ||
	       (now.tv_sec == closer->quiet_at.tv_sec && now.tv_nsec >= closer->quiet_at.tv_nsec);
}

/* The next link, waited for. Returns false when there will be none. */
static bool next(struct attach_closer *closer, struct attach_link *ret_link)
{
	bool found;

	pthread_mutex_lock(&closer->lock);
	while (!closer->ending && closer->count <= WAITING_MOST &&
	       (!closer->count || !is_quiet(closer))) {
		if (closer->count)
			pthread_cond_timedwait(&closer->changed, &closer->lock, &closer->quiet_at);
		else
			pthread_cond_wait(&closer->changed, &closer->lock);
	}
	found = closer->count > 0;
	if (found)
		*ret_link = closer->links[--closer->count];
	pthread_mutex_unlock(&closer->lock);
	return found;
}

static void *run(void *context)
{
	struct attach_closer *closer = context;
	struct attach_link link;

	while (next(closer, &link)) {
		pthread_mutex_lock(&closer->closing);
		attach_link_close(&link);
		pthread_mutex_unlock(&closer->closing);
	}
	return NULL;
}

/* At the end: nothing is placed any more, and grace periods can be waited for together. */
static void *run_at_end(void *context)
{
	struct attach_closer *closer = context;
	struct attach_link link;

	while (next(closer, &link))
		attach_link_close(&link);
	return NULL;
}

/* Signals are for the thread that traces. Returns 0 or an errno. */
static int start_thread(pthread_t *thread, void *(*function)(void *), void *context)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(thread, NULL, function, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

struct attach_closer *attach_closer_new(void)
{
	struct attach_closer *closer = calloc(1, sizeof(*closer));
	pthread_condattr_t attributes;

	if (!closer)
		return NULL;
	pthread_mutex_init(&closer->lock, NULL);
	pthread_mutex_init(&closer->closing, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&closer->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (start_thread(&closer->thread, run, closer) == 0)
		return closer;
	free(closer);
	return NULL;
}

int attach_closer_add(struct attach_closer *closer, const struct attach_link *link)
{
	int result;

	pthread_mutex_lock(&closer->lock);
	result = VEC_PUSH_ROOM(closer->links, closer->count, closer->capacity);
	if (result == 0) {
		closer->links[closer->count++] = *link;
		pthread_cond_signal(&closer->changed);
	}
	pthread_mutex_unlock(&closer->lock);
	return result;
}

void attach_closer_urge(struct attach_closer *closer)
{
	pthread_mutex_lock(&closer->lock);
	closer->quiet_at = (struct timespec){ .tv_sec = 0 };
	pthread_cond_signal(&closer->changed);
	pthread_mutex_unlock(&closer->lock);
}

void attach_closer_hold(struct attach_closer *closer)
{
	if (closer)
		pthread_mutex_lock(&closer->closing);
}

void attach_closer_let_go(struct attach_closer *closer)
{
	if (!closer)
		return;
	pthread_mutex_unlock(&closer->closing);
	pthread_mutex_lock(&closer->lock);
	clock_gettime(CLOCK_MONOTONIC, &closer->quiet_at);
	closer->quiet_at.tv_nsec += QUIET_MS * 1000000;
	closer->quiet_at.tv_sec += closer->quiet_at.tv_nsec / 1000000000;
	closer->quiet_at.tv_nsec %= 1000000000;
	pthread_mutex_unlock(&closer->lock);
}

void attach_closer_finish(struct attach_closer *closer)
{
	pthread_t threads[THREADS_AT_END];
	size_t count = 0, wanted;

	pthread_mutex_lock(&closer->lock);
	closer->ending = true;
	wanted = closer->count < THREADS_AT_END ? closer->count : THREADS_AT_END;
	pthread_cond_signal(&closer->changed);
	pthread_mutex_unlock(&closer->lock);
	while (count < wanted && start_thread(&threads[count], run_at_end, closer) == 0)
		count++;
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_join(closer->thread, NULL);
	pthread_cond_destroy(&closer->changed);
	pthread_mutex_destroy(&closer->lock);
	pthread_mutex_destroy(&closer->closing);
	free(closer->links);
	free(closer);
}
