/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the recording that the screens of tests/screens are of: a minute of a shop that
 * never was, the same to the byte on every machine.
 *
 *   shop FILE
 *
 * shopd (4242): four workers that each keep a page, sessions that leak, a cache, a
 * configuration; and what is freed at once. orders.py (4300): Python, and a name that
 * would like to be more than text. Marks at 15 s and 45 s; three events lost at 55 s.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outlive/wire.h"
#include "stream/decode.h"
#include "stream/recorder.h"
#include "symbol/recorded_names.h"

#define START_NS 1000000000ull
#define TICK_NS 10000000ull
#define TICKS 6000u
#define SECOND_TICKS 100u

#define SHOP 4242u
#define ORDERS 4300u
#define WORKERS 4u
#define WORKER(n) (4251u + (n))

#define PROGRAM 0x400000ull
#define LIBC 0x7f0000000000ull
#define EVAL (PROGRAM + 0x8000) /* of the Python process */

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "shop: %s failed\n", #condition);                          \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* The functions, and where their code is; those of libc have no line. */
static const struct function {
	const char *name, *file;
	uint32_t line;
	uint64_t address;
} functions[] = {
	{ "render_page", "/srv/shop/src/page.c", 88, PROGRAM + 0x1000 },
	{ "handle_request", "/srv/shop/src/serve.c", 140, PROGRAM + 0x1100 },
	{ "worker_loop", "/srv/shop/src/serve.c", 201, PROGRAM + 0x1200 },
	{ "session_add", "/srv/shop/src/session.c", 31, PROGRAM + 0x1300 },
	{ "login", "/srv/shop/src/session.c", 77, PROGRAM + 0x1400 },
	{ "config_load", "/srv/shop/src/config.c", 12, PROGRAM + 0x1500 },
	{ "main", "/srv/shop/src/main.c", 20, PROGRAM + 0x1600 },
	{ "cache_put", "/srv/shop/src/cache.c", 54, PROGRAM + 0x1700 },
	{ "parse_request", "/srv/shop/src/parse.c", 9, PROGRAM + 0x1800 },
	{ "start_thread", NULL, 0, LIBC + 0x89000 },
	{ "clone3", NULL, 0, LIBC + 0x10a000 },
	{ "__libc_start_main", NULL, 0, LIBC + 0x27000 },
	{ "_PyEval_EvalFrameDefault", NULL, 0, EVAL },
};

/* Call paths by id, innermost first. */
enum stack_id { PAGE = 1, SESSION, CONFIG, CACHE, PARSE, PYTHON };

static const struct stack {
	enum stack_id id;
	uint32_t pid;
	const char *names[6];
} stacks[] = {
	{ PAGE, SHOP, { "render_page", "handle_request", "worker_loop", "start_thread", "clone3" } },
	{ SESSION, SHOP, { "session_add", "login", "main", "__libc_start_main" } },
	{ CONFIG, SHOP, { "config_load", "main", "__libc_start_main" } },
	{ CACHE, SHOP, { "cache_put", "handle_request", "worker_loop", "start_thread", "clone3" } },
	{ PARSE, SHOP, { "parse_request", "handle_request", "worker_loop", "start_thread", "clone3" } },
	{ PYTHON, ORDERS, { "_PyEval_EvalFrameDefault" } },
};

static struct recorder *recorder;
static uint64_t now_ns = START_NS;

static void deliver(struct event *event, uint32_t pid)
{
	event->pid = pid;
	event->time_ns = now_ns++;
	CHECK(recorder_event(event, recorder) == 0);
}

static void deliver_wire(void *record, uint16_t kind, size_t size, uint32_t pid, uint32_t tid)
{
	struct wire_header *header = record;
	struct event event;

	*header = (struct wire_header){ .kind = kind, .length = (uint16_t)size, .function = 1,
					.pid = pid, .tid = tid, .time_ns = now_ns++ };
	CHECK(decode_record(record, size, &event) == (int)size);
	CHECK(recorder_event(&event, recorder) == 0);
}

static void begin_process(uint32_t pid, const char *comm, const char *exe)
{
	struct event process = { .kind = EVENT_PROCESS };
	struct event module = { .kind = EVENT_MODULE };

	process.process.comm = comm;
	process.process.exe = exe;
	process.process.start_ns = pid;
	deliver(&process, pid);
	module.module.start = module.module.bias = PROGRAM;
	module.module.end = PROGRAM + 0x10000;
	module.module.path = exe;
	module.module.open_path = "/no/such/file";
	module.module.build_id = "";
	deliver(&module, pid);
	module.module.start = module.module.bias = LIBC;
	module.module.end = LIBC + 0x200000;
	module.module.path = "/lib/x86_64-linux-gnu/libc.so.6";
	deliver(&module, pid);
}

static void begin_thread(uint32_t pid, uint32_t tid, const char *comm)
{
	struct wire_thread thread = { .thread_start_ns = tid, .process_start_ns = pid };

	snprintf(thread.comm, sizeof(thread.comm), "%s", comm);
	deliver_wire(&thread, WIRE_THREAD, sizeof(thread), pid, tid);
}

static uint64_t address_of(const char *name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(functions[i].name, name) == 0)
			return functions[i].address + 5;
	}
	CHECK(!"a function of the table");
	return 0;
}

static void send_stack(const struct stack *stack)
{
	char record[sizeof(struct wire_stack) + sizeof(stack->names) / sizeof(char *) * 8];
	struct wire_stack head = { .id = stack->id };
	size_t size = sizeof(head);

	for (; stack->names[head.count]; head.count++) {
		uint64_t address = address_of(stack->names[head.count]);

		memcpy(record + size, &address, sizeof(address));
		size += sizeof(address);
	}
	memcpy(record, &head, sizeof(head));
	deliver_wire(record, WIRE_STACK, size, stack->pid, stack->pid);
}

static void begin_python(void)
{
	static const struct event_python_frame frames[] = {
		{ .function = "remember", .file = "/srv/shop/orders.py", .line = 17, .flags = 0 },
		{ .function = "\033[2Jserve\a", .file = "/srv/shop/orders.py", .line = 40,
		  .flags = WIRE_PYTHON_ENTRY },
	};
	struct event python = { .kind = EVENT_PYTHON };
	struct event part = { .kind = EVENT_PYTHON_FRAMES };

	python.python.version = 3 << 8 | 11;
	python.python.eval[0] = python.python.own[0] = (struct event_range){ EVAL, EVAL + 0x1000 };
	deliver(&python, ORDERS);
	part.python_frames.id = PYTHON;
	part.python_frames.count = 2;
	part.python_frames.frames = frames;
	deliver(&part, ORDERS);
}

static void make(uint32_t pid, uint32_t tid, enum stack_id stack, uint64_t address, uint64_t size)
{
	struct wire_alloc alloc = { .address = address, .size = size, .stack = stack };

	deliver_wire(&alloc, WIRE_ALLOC, sizeof(alloc), pid, tid);
}

static void drop(uint32_t pid, uint32_t tid, uint64_t address)
{
	struct wire_free release = { .address = address };

	deliver_wire(&release, WIRE_FREE, sizeof(release), pid, tid);
}

static void begin(void)
{
	char name[16];

	begin_process(SHOP, "shopd", "/srv/shop/bin/shopd");
	begin_thread(SHOP, SHOP, "shopd");
	for (uint32_t i = 0; i < WORKERS; i++) {
		snprintf(name, sizeof(name), "worker-%u", i + 1);
		begin_thread(SHOP, WORKER(i), name);
	}
	begin_process(ORDERS, "orders\033[5m", "/usr/bin/python3.11");
	begin_thread(ORDERS, ORDERS, "orders\033[5m");
	begin_python();
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		send_stack(&stacks[i]);
	for (uint64_t i = 0; i < 40; i++)
		make(SHOP, SHOP, CONFIG, 0x100000 + i * 0x1000, 3000);
	for (uint64_t i = 0; i < 25; i++)
		make(ORDERS, ORDERS, PYTHON, 0x200000 + i * 0x4000, 10000 + i);
}

/* New before old: a slot, and a ring of them. */
static void replace(uint32_t tid, enum stack_id stack, uint64_t base, uint64_t turn, uint64_t ring,
		    uint64_t size)
{
	make(SHOP, tid, stack, base + turn % (ring + 1) * 0x4000000, size);
	if (turn >= ring)
		drop(SHOP, tid, base + (turn - ring) % (ring + 1) * 0x4000000);
}

static void work(uint32_t tick)
{
	uint32_t worker = tick % WORKERS;

	make(SHOP, WORKER(worker), PARSE, 0x300000, 512);
	drop(SHOP, WORKER(worker), 0x300000);
	if (tick % 5 == 0)
		make(SHOP, SHOP, SESSION, 0x10000000 + tick * 0x2000ull, 4100);
	if (tick % 20 == 0)
		replace(WORKER(tick / 20 % WORKERS), CACHE, 0x100000000000, tick / 20, 32, 8000);
	for (uint32_t i = 0; i < WORKERS; i++) {
		if (tick % 200 == 50 + 30 * i)
			replace(WORKER(i), PAGE, 0x200000000000 + i * 0x100000000ull, tick / 200, 1,
				22020096 + i);
	}
}

static void see_resident(uint32_t pid, uint64_t bytes)
{
	struct event resident = { .kind = EVENT_RESIDENT };

	resident.resident.rss_bytes = bytes;
	resident.resident.peak_rss_bytes = bytes + 4096;
	deliver(&resident, pid);
}

static void every_second(uint32_t second)
{
	struct event mark = { .kind = EVENT_MARK }, loss = { .kind = EVENT_LOSS };

	see_resident(SHOP, 180000000 + second * 100000ull);
	see_resident(ORDERS, 30000000);
	mark.mark.name = second == 15 ? "login" : "logout";
	if (second == 15 || second == 45)
		deliver(&mark, 0);
	loss.loss.totals[WIRE_LOSS_ALLOC_RING] = 3;
	if (second == 55)
		deliver(&loss, 0);
}

static void write_names(void)
{
	static const uint32_t pids[] = { SHOP, ORDERS };
	struct recorded_writer *writer = recorded_writer_new();
	void *bytes;
	size_t size;

	CHECK(writer);
	for (size_t p = 0; p < 2; p++) {
		for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
			const struct recorded_place place = {
				.pid = pids[p],
				.start_ns = pids[p],
				.address = functions[i].address + 5,
			};
			const struct recorded_frame frame = {
				.symbol = functions[i].name,
				.file = functions[i].file,
				.line = functions[i].line,
				.offset = 5,
			};

			CHECK(recorded_writer_add(writer, &place, &frame, 1) == 0);
		}
	}
	CHECK(recorded_writer_take(writer, &bytes, &size) == 0);
	CHECK(recorder_names(recorder, bytes, size) == 0);
	free(bytes);
	recorded_writer_free(writer);
}

int main(int argc, char *argv[])
{
	static const struct recording_about about = {
		.kernel = "6.1.0-test", .stacks = "auto", .program = "0.1.0",
	};
	struct recorder_total total;

	CHECK(argc == 2);
	CHECK(recorder_open(argv[1], &about, 0, &recorder) == 0);
	begin();
	for (uint32_t tick = 0; tick < TICKS; tick++) {
		if (tick)
			now_ns = START_NS + tick * TICK_NS;
		work(tick);
		if (tick && tick % SECOND_TICKS == 0)
			every_second(tick / SECOND_TICKS);
	}
	now_ns = START_NS + TICKS * TICK_NS;
	write_names();
	CHECK(recorder_close(recorder, now_ns, TICKS * TICK_NS, &total) == 0);
	return 0;
}
