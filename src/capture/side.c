/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/side.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "target/home.h"
#include "target/maps.h"
#include "target/process.h"

uint64_t side_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Mappings that are the kernel's or are counted elsewhere (the heap of brk). */
static bool is_special(const struct mapping *mapping)
{
	return mapping->path[0] == '[' && strcmp(mapping->path, "[stack]") != 0 &&
	       strncmp(mapping->path, "[anon", 5) != 0;
}

static int deliver_mapping(uint32_t pid, uint64_t now, const struct mapping *mapping,
			   event_fn deliver, void *context)
{
	struct event event = { .kind = EVENT_MAP,
			       .flags = WIRE_BEFORE_TRACE,
			       .pid = pid,
			       .time_ns = now };

	event.range.address = mapping->start;
	event.range.length = mapping->end - mapping->start;
	event.range.enter_ns = now;
	event.range.prot = mapping->prot;
	event.range.map_flags = mapping->shared ? MAP_SHARED : MAP_PRIVATE;
	event.range.fd = mapping->inode ? 0 : -1;
	if (!mapping->inode)
		event.range.map_flags |= MAP_ANONYMOUS;
	if (strcmp(mapping->path, "[stack]") == 0)
		event.range.map_flags |= MAP_GROWSDOWN;
	return deliver(&event, context);
}

/* Who a process is and where it lives; `maps` NULL: not what it has mapped. */
static int deliver_process(struct event *event, const struct maps *maps, event_fn deliver,
			   void *context)
{
	struct process_info info;
	struct process_home lives;
	struct event_home home;
	int result = process_read(event->pid, &info);

	if (result < 0)
		return result;
	event->process.comm = info.comm;
	event->process.exe = info.exe;
	if (maps) {
		event->process.brk_start = info.brk_start;
		event->process.brk_end = maps_heap_end(maps);
	}
	if (home_read(event->pid, &lives) == 0) {
		home = (struct event_home){
			.parent_pid = info.ppid,
			.inner_pid = lives.inner_pid,
			.uid = lives.uid,
			.namespaces = lives.namespaces,
			.user = lives.user,
			.cgroup = lives.cgroup,
			.container = lives.container,
		};
		event->process.home = &home;
	}
	return deliver(event, context);
}

int side_process(uint32_t pid, event_fn deliver, void *context)
{
	struct event event = { .kind = EVENT_PROCESS, .pid = pid, .time_ns = side_now_ns() };
	struct maps maps = { 0 };
	int result = maps_read(pid, &maps);

	if (result == 0)
		result = deliver_process(&event, &maps, deliver, context);
	for (size_t i = 0; i < maps.count && result == 0; i++) {
		if (!is_special(&maps.rows[i]))
			result = deliver_mapping(pid, event.time_ns, &maps.rows[i], deliver, context);
	}
	maps_free(&maps);
	return result;
}

int side_program(uint32_t pid, event_fn deliver, void *context)
{
	struct event event = { .kind = EVENT_PROCESS, .pid = pid, .time_ns = side_now_ns() };

	return deliver_process(&event, NULL, deliver, context);
}

int side_resident(uint32_t pid, uint64_t last_rss_bytes, uint64_t peak_bytes, event_fn deliver,
		  void *context)
{
	struct event event = { .kind = EVENT_RESIDENT, .pid = pid, .time_ns = side_now_ns() };
	uint64_t rss = 0, peak = 0;

	if (process_resident(pid, &rss, &peak) < 0 || rss == 0) {
		if (!peak_bytes)
			return 0;
		rss = last_rss_bytes;
	}
	event.resident.rss_bytes = rss;
	event.resident.peak_rss_bytes = peak > peak_bytes ? peak : peak_bytes;
	return deliver(&event, context);
}
