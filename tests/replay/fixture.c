/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/fixture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "ledger/ledger.h"
#include "replay/expect.h"
#include "stream/decode.h"

#define MAX_WORDS 24

struct fixture {
	const char *path;
	int line;
	struct ledger *ledger;
	uint64_t now_ns;
	uint32_t pid; /* of the last process line */
	char *words[MAX_WORDS]; /* of the current line, without the key=value ones */
	size_t word_count;
	char *keys[MAX_WORDS]; /* "key=value" */
	size_t key_count;
	struct fixture_result *result;
};

__attribute__((format(printf, 2, 3))) static int fault(struct fixture *fixture, const char *format,
							...)
{
	int used = snprintf(fixture->result->fault, sizeof(fixture->result->fault),
			    "%s:%d: ", fixture->path, fixture->line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fixture->result->fault + used, sizeof(fixture->result->fault) - (size_t)used,
		  format, arguments);
	va_end(arguments);
	return -1;
}

static const char *key(const struct fixture *fixture, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < fixture->key_count; i++)
		if (strncmp(fixture->keys[i], name, length) == 0 &&
		    fixture->keys[i][length] == '=')
			return fixture->keys[i] + length + 1;
	return NULL;
}

static uint64_t key_number(const struct fixture *fixture, const char *name, uint64_t otherwise)
{
	const char *text = key(fixture, name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static const char *word(const struct fixture *fixture, size_t i)
{
	return i < fixture->word_count ? fixture->words[i] : "";
}

/* A missing word is 0; the least number of words is checked before a verb runs. */
static uint64_t number(const struct fixture *fixture, size_t i)
{
	return strtoull(word(fixture, i), NULL, 0);
}

/* "100/101" or "100" at word `i`. */
static void owner(const struct fixture *fixture, size_t i, uint32_t *ret_pid, uint32_t *ret_tid)
{
	const char *slash = strchr(word(fixture, i), '/');

	*ret_pid = (uint32_t)number(fixture, i);
	*ret_tid = slash ? (uint32_t)strtoul(slash + 1, NULL, 0) : *ret_pid;
}

static struct wire_header header(struct fixture *fixture, uint16_t kind, size_t length)
{
	struct wire_header head = {
		.kind = kind,
		.length = (uint16_t)length,
		.function = (uint8_t)key_number(fixture, "fn", 1),
	};

	owner(fixture, 1, &head.pid, &head.tid);
	fixture->now_ns = key_number(fixture, "t", fixture->now_ns + 1);
	head.time_ns = fixture->now_ns;
	return head;
}

static int apply(struct fixture *fixture, const struct event *event)
{
	fixture->result->events++;
	if (ledger_apply(fixture->ledger, event) < 0)
		return fault(fixture, "ledger_apply failed");
	return 0;
}

static int send(struct fixture *fixture, const void *record, size_t length)
{
	struct event event;

	if (decode_record(record, length, &event) != (int)length)
		return fault(fixture, "the record does not decode");
	return apply(fixture, &event);
}

static int do_process(struct fixture *fixture)
{
	const struct event_home home = {
		.parent_pid = (uint32_t)number(fixture, 2),
		.inner_pid = (uint32_t)key_number(fixture, "inner", 0),
		.uid = (uint32_t)key_number(fixture, "uid", 0),
		.namespaces = (uint32_t)key_number(fixture, "namespaces", 0),
		.user = key(fixture, "user"),
		.cgroup = key(fixture, "cgroup"),
		.container = key(fixture, "container"),
	};
	struct event event = {
		.kind = EVENT_PROCESS,
		.pid = (uint32_t)number(fixture, 1),
		.time_ns = key_number(fixture, "t", fixture->now_ns + 1),
	};

	fixture->now_ns = event.time_ns;
	fixture->pid = event.pid;
	event.process.start_ns = key_number(fixture, "start", 0);
	event.process.comm = word(fixture, 3);
	if (key(fixture, "uid"))
		event.process.home = &home;
	event.process.exe = key(fixture, "exe");
	event.process.brk_start = key_number(fixture, "brk_start", 0);
	event.process.brk_end = key_number(fixture, "brk_end", 0);
	return apply(fixture, &event);
}

static int do_thread(struct fixture *fixture)
{
	uint16_t kind = strcmp(fixture->words[0], "exec") ? WIRE_THREAD : WIRE_EXEC;
	struct wire_thread record = {
		.header = header(fixture, kind, sizeof(record)),
		.thread_start_ns = key_number(fixture, "start", 0),
		.process_start_ns = key_number(fixture, "process_start", 0),
	};

	snprintf(record.comm, sizeof(record.comm), "%s", word(fixture, 2));
	return send(fixture, &record, sizeof(record));
}

/* A made-up address per function name. */
static uint64_t frame_address(const char *name, size_t length)
{
	uint64_t address = 5381;

	for (size_t i = 0; i < length; i++)
		address = address * 33 + (unsigned char)name[i];
	return 0x400000 + address % 0x100000;
}

static int do_stack(struct fixture *fixture)
{
	char bytes[sizeof(struct wire_stack) + WIRE_MAX_FRAMES * sizeof(uint64_t)] = { 0 };
	struct wire_stack record = {
		.id = number(fixture, 1),
		.status = (uint8_t)key_number(fixture, "status", 0),
	};
	const char *begin = word(fixture, 2);
	const char *end = begin + strlen(begin);
	size_t length = sizeof(record);

	while (end > begin && record.count < WIRE_MAX_FRAMES) {
		const char *start = end;
		uint64_t frame;

		while (start > begin && start[-1] != '>')
			start--;
		frame = frame_address(start, (size_t)(end - start));
		memcpy(bytes + length, &frame, sizeof(frame));
		length += sizeof(frame);
		record.count++;
		end = start > begin ? start - 1 : start;
	}
	record.header = header(fixture, WIRE_STACK, length);
	record.header.pid = (uint32_t)key_number(fixture, "pid", fixture->pid);
	record.header.tid = record.header.pid;
	memcpy(bytes, &record, sizeof(record));
	return send(fixture, bytes, length);
}

static int do_alloc(struct fixture *fixture)
{
	struct wire_alloc record = {
		.header = header(fixture, WIRE_ALLOC, sizeof(record)),
		.address = number(fixture, 2),
		.size = number(fixture, 3),
		.stack = key_number(fixture, "stack", 0),
	};

	return send(fixture, &record, sizeof(record));
}

static int do_free(struct fixture *fixture)
{
	struct wire_free record = {
		.header = header(fixture, WIRE_FREE, sizeof(record)),
		.address = number(fixture, 2),
	};

	return send(fixture, &record, sizeof(record));
}

static int do_realloc(struct fixture *fixture)
{
	struct wire_realloc record = {
		.header = header(fixture, WIRE_REALLOC, sizeof(record)),
		.old_address = number(fixture, 2),
		.address = number(fixture, 3),
		.size = number(fixture, 4),
		.stack = key_number(fixture, "stack", 0),
	};

	record.enter_ns = key_number(fixture, "enter", record.header.time_ns);
	return send(fixture, &record, sizeof(record));
}

static struct wire_range range(struct fixture *fixture, uint16_t kind)
{
	struct wire_range record = {
		.header = header(fixture, kind, sizeof(record)),
		.address = number(fixture, 2),
		.length = number(fixture, 3),
		.fd = -1,
	};

	record.enter_ns = key_number(fixture, "enter", record.header.time_ns);
	return record;
}

static int do_map(struct fixture *fixture)
{
	static const struct {
		const char *name;
		uint8_t flags;
		uint32_t prot, map_flags;
		int32_t fd;
	} ways[] = {
		{ "anonymous", 0, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1 },
		{ "backing", WIRE_IN_ALLOCATOR, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1 },
		{ "reserved", 0, PROT_NONE, MAP_ANONYMOUS, -1 },
		{ "stack", 0, PROT_NONE, MAP_ANONYMOUS | MAP_STACK, -1 },
		{ "file", 0, PROT_READ, MAP_PRIVATE, 3 },
		{ "before", WIRE_BEFORE_TRACE, PROT_READ, MAP_ANONYMOUS, -1 },
	};
	const char *as = key(fixture, "as");
	struct wire_range record = range(fixture, WIRE_MAP);

	for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
		if (strcmp(ways[i].name, as ? as : "anonymous"))
			continue;
		record.header.flags = ways[i].flags;
		record.prot = ways[i].prot;
		record.map_flags = ways[i].map_flags;
		record.fd = ways[i].fd;
		return send(fixture, &record, sizeof(record));
	}
	return fault(fixture, "no such way to map: %s", as);
}

static int do_unmap(struct fixture *fixture)
{
	struct wire_range record = range(fixture, WIRE_UNMAP);

	return send(fixture, &record, sizeof(record));
}

static int do_remap(struct fixture *fixture)
{
	struct wire_range record = range(fixture, WIRE_REMAP);

	record.old_address = number(fixture, 2);
	record.old_length = number(fixture, 3);
	record.address = number(fixture, 4);
	record.length = number(fixture, 5);
	record.map_flags = key_number(fixture, "keep", 0) ? MREMAP_DONTUNMAP : 0;
	return send(fixture, &record, sizeof(record));
}

static int do_brk(struct fixture *fixture)
{
	struct wire_range record = range(fixture, WIRE_BRK);

	record.length = 0;
	record.old_address = key_number(fixture, "old", 0);
	return send(fixture, &record, sizeof(record));
}

static int do_fork(struct fixture *fixture)
{
	struct wire_fork record = {
		.header = header(fixture, WIRE_FORK, sizeof(record)),
		.child_pid = (uint32_t)number(fixture, 2),
		.child_start_ns = key_number(fixture, "start", 0),
	};

	if (key_number(fixture, "followed", 0))
		record.header.flags |= WIRE_FOLLOWED;
	if (key_number(fixture, "shares", 0))
		record.header.flags |= WIRE_SHARES_MEMORY;
	return send(fixture, &record, sizeof(record));
}

static int do_exit(struct fixture *fixture)
{
	struct wire_exit record = {
		.header = header(fixture, WIRE_EXIT, sizeof(record)),
		.last_thread = (uint32_t)key_number(fixture, "last", 0),
	};

	return send(fixture, &record, sizeof(record));
}

static int do_expect(struct fixture *fixture)
{
	struct expectation expectation = {
		.words = fixture->words,
		.word_count = fixture->word_count,
		.keys = fixture->keys,
		.key_count = fixture->key_count,
	};
	struct snapshot *snapshot;
	int result;

	if (ledger_snapshot(fixture->ledger, fixture->now_ns, &snapshot) < 0)
		return fault(fixture, "no snapshot");
	result = expectation_holds(&expectation, snapshot);
	snapshot_free(snapshot);
	fixture->result->expectations += expectation.checked;
	return result < 0 ? fault(fixture, "%s", expectation.fault) : 0;
}

static const struct verb {
	const char *name;
	size_t words; /* at least, the verb included */
	int (*run)(struct fixture *fixture);
} verbs[] = {
	{ "process", 4, do_process }, { "thread", 3, do_thread },
	{ "stack", 3, do_stack },     { "alloc", 4, do_alloc },
	{ "free", 3, do_free },	      { "realloc", 5, do_realloc },
	{ "map", 4, do_map },	      { "unmap", 4, do_unmap },
	{ "remap", 6, do_remap },     { "brk", 3, do_brk },
	{ "fork", 3, do_fork },	      { "exec", 3, do_thread },
	{ "exit", 2, do_exit },
	{ "expect", 2, do_expect },
};

static int run_line(struct fixture *fixture, char *line)
{
	char *rest = line;
	char *text;

	line[strcspn(line, "#\n")] = '\0';
	fixture->word_count = 0;
	fixture->key_count = 0;
	while ((text = strtok_r(rest, " \t", &rest))) {
		if (fixture->word_count == MAX_WORDS || fixture->key_count == MAX_WORDS)
			return fault(fixture, "too many words");
		if (strchr(text, '='))
			fixture->keys[fixture->key_count++] = text;
		else
			fixture->words[fixture->word_count++] = text;
	}
	if (fixture->word_count == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
		if (strcmp(verbs[i].name, fixture->words[0]))
			continue;
		if (fixture->word_count < verbs[i].words)
			return fault(fixture, "too few words");
		return verbs[i].run(fixture);
	}
	return fault(fixture, "no such verb: %s", fixture->words[0]);
}

int fixture_run(const char *path, struct fixture_result *ret_result)
{
	struct fixture fixture = { .path = path, .result = ret_result };
	CLEANUP_FCLOSE FILE *file = fopen(path, "r");
	CLEANUP_FREE char *line = NULL;
	size_t capacity = 0;
	int result = 0;

	memset(ret_result, 0, sizeof(*ret_result));
	if (!file)
		return fault(&fixture, "%s", strerror(errno));
	fixture.ledger = ledger_new();
	if (!fixture.ledger)
		return fault(&fixture, "no memory");
	while (result == 0 && getline(&line, &capacity, file) >= 0) {
		fixture.line++;
		result = run_line(&fixture, line);
	}
	ledger_free(fixture.ledger);
	if (result == 0 && ret_result->expectations == 0)
		result = fault(&fixture, "the fixture expects nothing");
	return result;
}
