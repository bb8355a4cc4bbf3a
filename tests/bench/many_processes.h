/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ledger of a whole host: many processes with many threads, events made up. */
#ifndef OUTLIVE_TESTS_MANY_PROCESSES_H
#define OUTLIVE_TESTS_MANY_PROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ledger/ledger.h"

#define HOST_FIRST_PID 1000
#define HOST_FRAMES 20
#define HOST_SECOND 1000000000ull
#define HOST_SERVICES 12 /* programs that the processes are of */
#define HOST_MODULES 20

struct host {
	struct ledger *ledger;
	uint32_t processes, threads, sites; /* threads and sites of each process */
	uint64_t now_ns;
};

static inline void host_event(struct host *host, struct event *event, uint32_t pid, uint32_t tid)
{
	event->pid = pid;
	event->tid = tid;
	event->time_ns = host->now_ns;
	ledger_apply(host->ledger, event);
}

/* The thread ids of a process lie behind its pid. */
static inline uint32_t host_tid(uint32_t pid, uint32_t thread)
{
	return thread ? pid * 256 + thread : pid;
}

/* A process appears: its program, its home, its files, its stacks, its threads. */
static inline void host_process(struct host *host, uint32_t pid)
{
	char comm[WIRE_COMM_BYTES], exe[64], cgroup[64], path[64];
	struct event_home home = { .parent_pid = 1, .inner_pid = pid, .uid = 33, .user = "www-data",
				   .cgroup = cgroup };
	struct event event = { .kind = EVENT_PROCESS };
	uint64_t frames[HOST_FRAMES];

	snprintf(comm, sizeof(comm), "service-%u", pid % HOST_SERVICES);
	snprintf(exe, sizeof(exe), "/usr/sbin/%s", comm);
	snprintf(cgroup, sizeof(cgroup), "/system.slice/%s.service", comm);
	event.process.start_ns = pid + 1;
	event.process.comm = comm;
	event.process.exe = exe;
	event.process.home = &home;
	host_event(host, &event, pid, pid);
	for (uint64_t i = 0; i < HOST_MODULES; i++) {
		event = (struct event){ .kind = EVENT_MODULE };
		snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/lib%s-%u.so", comm, (unsigned int)i);
		event.module.start = event.module.bias = 0x7f0000000000ull + (i << 24) + ((uint64_t)pid << 32);
		event.module.end = event.module.start + (1 << 22);
		event.module.path = i ? path : exe;
		host_event(host, &event, pid, pid);
	}
	for (uint32_t site = 1; site <= host->sites; site++) {
		event = (struct event){ .kind = EVENT_STACK };
		for (uint64_t i = 0; i < HOST_FRAMES; i++)
			frames[i] = 0x7f0000000000ull + ((uint64_t)pid << 32) + ((i % HOST_MODULES) << 24) +
				    (i ? i : site) * 16;
		event.stack.id = site;
		event.stack.count = HOST_FRAMES;
		event.stack.frames = frames;
		host_event(host, &event, pid, pid);
	}
	for (uint32_t thread = 0; thread < host->threads; thread++) {
		event = (struct event){ .kind = EVENT_THREAD };
		event.thread.thread_start_ns = event.thread.process_start_ns = pid + 1;
		memcpy(event.thread.comm, comm, sizeof(comm));
		host_event(host, &event, pid, host_tid(pid, thread));
	}
}

/* It makes `count` blocks, by turns at all its sites in all its threads. */
static inline void host_blocks(struct host *host, uint32_t pid, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++) {
		struct event event = { .kind = EVENT_ALLOC, .function = 1 };

		event.alloc.address = 0x10000000 + i * 64;
		event.alloc.size = 40ull + pid % 7;
		event.alloc.stack = 1 + i % host->sites;
		host_event(host, &event, pid, host_tid(pid, (uint32_t)(i / host->sites) % host->threads));
	}
}

static inline void host_exit(struct host *host, uint32_t pid)
{
	struct event event = { .kind = EVENT_EXIT };

	event.exit.last_thread = 1;
	host_event(host, &event, pid, pid);
}

#endif
