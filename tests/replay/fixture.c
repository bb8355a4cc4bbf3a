/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "ledger/ledger.h"
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

/* Word `i` as a number; a missing one is found by the word count each verb requires. */
static uint64_t number(const struct fixture *fixture, size_t i)
{
	return i < fixture->word_count ? strtoull(fixture->words[i], NULL, 0) : 0;
}

static const char *word(const struct fixture *fixture, size_t i)
{
	return i < fixture->word_count ? fixture->words[i] : "";
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
	struct event event = {
		.kind = EVENT_PROCESS,
		.pid = (uint32_t)number(fixture, 1),
		.time_ns = key_number(fixture, "t", fixture->now_ns + 1),
	};

	fixture->now_ns = event.time_ns;
	fixture->pid = event.pid;
	event.process.start_ns = key_number(fixture, "start", 0);
	event.process.comm = word(fixture, 3);
	event.process.exe = key(fixture, "exe");
	event.process.brk_start = key_number(fixture, "brk_start", 0);
	event.process.brk_end = key_number(fixture, "brk_end", 0);
	return apply(fixture, &event);
}

static int send_thread(struct fixture *fixture, uint16_t kind)
{
	struct wire_thread record = {
		.header = header(fixture, kind, sizeof(record)),
		.thread_start_ns = key_number(fixture, "start", 0),
		.process_start_ns = key_number(fixture, "process_start", 0),
	};

	memcpy(record.comm, word(fixture, 2),
	       strnlen(word(fixture, 2), sizeof(record.comm) - 1));
	return send(fixture, &record, sizeof(record));
}

static int do_thread(struct fixture *fixture)
{
	return send_thread(fixture, WIRE_THREAD);
}

static int do_exec(struct fixture *fixture)
{
	return send_thread(fixture, WIRE_EXEC);
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
	struct {
		struct wire_stack head;
		uint64_t frames[WIRE_MAX_FRAMES];
	} record = { 0 };
	const char *end = word(fixture, 2) + strlen(word(fixture, 2));
	size_t length;

	while (end > word(fixture, 2) && record.head.count < WIRE_MAX_FRAMES) {
		const char *start = end;

		while (start > word(fixture, 2) && start[-1] != '>')
			start--;
		record.frames[record.head.count++] = frame_address(start, (size_t)(end - start));
		end = start > word(fixture, 2) ? start - 1 : start;
	}
	length = sizeof(record.head) + record.head.count * sizeof(uint64_t);
	record.head.header = header(fixture, WIRE_STACK, length);
	record.head.header.pid = (uint32_t)key_number(fixture, "pid", fixture->pid);
	record.head.header.tid = record.head.header.pid;
	record.head.id = number(fixture, 1);
	record.head.status = (uint8_t)key_number(fixture, "status", 0);
	return send(fixture, &record, length);
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

static int do_follow_forks(struct fixture *fixture)
{
	ledger_follow_forks(fixture->ledger, true);
	return 0;
}

/* What an expect line may name: a field and where it lies in its row. */
struct field {
	const char *scope, *name;
	size_t offset, size;
};

#define FIELD(scope, type, name, member)                                                           \
	{                                                                                          \
		scope, name, offsetof(struct type, member), sizeof(((struct type *)0)->member)      \
	}
#define COUNTS(scope, type)                                                                        \
	FIELD(scope, type, "live_bytes", counts.live_bytes),                                       \
		FIELD(scope, type, "live_blocks", counts.live_blocks),                             \
		FIELD(scope, type, "allocated_bytes", counts.allocated_bytes),                     \
		FIELD(scope, type, "allocated_blocks", counts.allocated_blocks),                   \
		FIELD(scope, type, "freed_bytes", counts.freed_bytes),                             \
		FIELD(scope, type, "freed_blocks", counts.freed_blocks)

static const struct field fields[] = {
	COUNTS("process", snapshot_process),
	FIELD("process", snapshot_process, "failed_calls", failed_calls),
	FIELD("process", snapshot_process, "inherited_blocks", inherited_blocks),
	FIELD("process", snapshot_process, "inherited_bytes", inherited_bytes),
	FIELD("process", snapshot_process, "dropped_blocks", dropped_blocks),
	FIELD("process", snapshot_process, "dropped_bytes", dropped_bytes),
	FIELD("process", snapshot_process, "children", children),
	FIELD("process", snapshot_process, "exited", exited),
	FIELD("process", snapshot_process, "forked", forked),
	FIELD("process", snapshot_process, "thread_count", thread_count),
	FIELD("process", snapshot_process, "site_count", site_count),
	FIELD("mappings", snapshot_process, "live_bytes", mappings.live_bytes),
	FIELD("mappings", snapshot_process, "live_ranges", mappings.live_ranges),
	FIELD("mappings", snapshot_process, "backing_bytes", mappings.allocator_backing_bytes),
	FIELD("mappings", snapshot_process, "brk_bytes", mappings.brk_bytes),
	FIELD("mappings", snapshot_process, "reserved_bytes", mappings.reserved_bytes),
	FIELD("mappings", snapshot_process, "stack_bytes", mappings.stack_bytes),
	FIELD("mappings", snapshot_process, "file_bytes", mappings.file_bytes),
	COUNTS("thread", snapshot_thread),
	FIELD("thread", snapshot_thread, "freed_by_others", freed_by_others_blocks),
	FIELD("thread", snapshot_thread, "exited", exited),
	COUNTS("site", snapshot_site),
	FIELD("site", snapshot_site, "id", id),
	FIELD("site", snapshot_site, "stack_known", stack_known),
	FIELD("site", snapshot_site, "frames", frame_count),
	FIELD("site", snapshot_site, "classes", class_count),
	FIELD("site", snapshot_site, "largest", largest_live_bytes),
	FIELD("site", snapshot_site, "oldest", oldest_live_ns),
	FIELD("site", snapshot_site, "newest", newest_live_ns),
	FIELD("site", snapshot_site, "first", first_ns),
	FIELD("site", snapshot_site, "last", last_ns),
	FIELD("site", snapshot_site, "malloc", calls[1]),
	FIELD("site", snapshot_site, "realloc", calls[3]),
	COUNTS("cell", snapshot_cell),
	FIELD("cell", snapshot_cell, "replaced", replaced_blocks),
	FIELD("cell", snapshot_cell, "refilled", refilled_blocks),
	FIELD("cell", snapshot_cell, "lifetime", lifetime_ns),
	FIELD("quality", snapshot, "events", quality.events),
	FIELD("quality", snapshot, "unknown_frees", quality.unknown_frees),
	FIELD("quality", snapshot, "alloc_over_live", quality.alloc_over_live),
	FIELD("quality", snapshot, "unknown_stack_events", quality.unknown_stack_events),
	FIELD("quality", snapshot, "stacks", quality.stacks),
	FIELD("quality", snapshot, "senseless", quality.senseless),
	FIELD("quality", snapshot, "ledger_full", quality.ledger_full),
	FIELD("quality", snapshot, "processes", process_count),
};

/* The newest process of `pid`: pids are reused. */
static const struct snapshot_process *find_process(const struct snapshot *snapshot, uint32_t pid)
{
	for (size_t i = snapshot->process_count; i-- > 0;)
		if (snapshot->processes[i].pid == pid)
			return &snapshot->processes[i];
	return NULL;
}

static const struct snapshot_site *find_site(const struct snapshot_process *process, uint64_t stack)
{
	for (size_t i = 0; i < process->site_count; i++)
		if (process->sites[i].stack == stack)
			return &process->sites[i];
	return NULL;
}

static const struct snapshot_thread *find_thread(const struct snapshot_process *process,
						 uint32_t tid)
{
	for (size_t i = process->thread_count; i-- > 0;)
		if (process->threads[i].tid == tid)
			return &process->threads[i];
	return NULL;
}

/* All cells of one thread and site, size classes taken together. */
static bool sum_cells(const struct snapshot_process *process, uint32_t tid, uint64_t stack,
		      struct snapshot_cell *ret_sum)
{
	const struct snapshot_site *site = find_site(process, stack);
	bool found = false;

	memset(ret_sum, 0, sizeof(*ret_sum));
	for (size_t i = 0; site && i < site->class_count; i++) {
		for (size_t j = 0; j < site->classes[i].cell_count; j++) {
			const struct snapshot_cell *cell = &site->classes[i].cells[j];

			if (process->threads[cell->thread].tid != tid)
				continue;
			found = true;
			ret_sum->counts.live_bytes += cell->counts.live_bytes;
			ret_sum->counts.live_blocks += cell->counts.live_blocks;
			ret_sum->counts.allocated_bytes += cell->counts.allocated_bytes;
			ret_sum->counts.allocated_blocks += cell->counts.allocated_blocks;
			ret_sum->counts.freed_bytes += cell->counts.freed_bytes;
			ret_sum->counts.freed_blocks += cell->counts.freed_blocks;
			ret_sum->replaced_blocks += cell->replaced_blocks;
			ret_sum->refilled_blocks += cell->refilled_blocks;
			ret_sum->lifetime_ns += cell->lifetime_ns;
		}
	}
	return found;
}

/* The row that an expect line speaks of, or NULL. `sum` is scratch for a cell. */
static const void *find_row(const struct fixture *fixture, const struct snapshot *snapshot,
			    struct snapshot_cell *sum)
{
	const char *scope = word(fixture, 1);
	const struct snapshot_process *process;
	uint32_t pid, tid;

	if (strcmp(scope, "quality") == 0)
		return snapshot;
	owner(fixture, 2, &pid, &tid);
	process = find_process(snapshot, pid);
	if (!process || strcmp(scope, "process") == 0 || strcmp(scope, "mappings") == 0)
		return process;
	if (strcmp(scope, "thread") == 0)
		return find_thread(process, tid);
	if (strcmp(scope, "site") == 0)
		return find_site(process, number(fixture, 3));
	if (strcmp(scope, "cell") == 0 && sum_cells(process, tid, number(fixture, 3), sum))
		return sum;
	return NULL;
}

static int check_field(struct fixture *fixture, const void *row, const char *expected)
{
	size_t length = strcspn(expected, "=");
	uint64_t value = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		if (strcmp(fields[i].scope, word(fixture, 1)) ||
		    strncmp(fields[i].name, expected, length) || fields[i].name[length])
			continue;
		/* Little-endian, as everything that this is traced on. */
		memcpy(&value, (const char *)row + fields[i].offset, fields[i].size);
		fixture->result->expectations++;
		if (value != strtoull(expected + length + 1, NULL, 0))
			return fault(fixture, "%s %s: expected %s, have %" PRIu64, word(fixture, 1),
				     word(fixture, 2), expected, value);
		return 0;
	}
	return fault(fixture, "no such field: %s %s", word(fixture, 1), expected);
}

static int do_expect(struct fixture *fixture)
{
	struct snapshot_cell sum;
	struct snapshot *snapshot;
	const void *row;
	int result = 0;

	if (fixture->key_count == 0)
		return fault(fixture, "expects nothing");
	if (ledger_snapshot(fixture->ledger, fixture->now_ns, &snapshot) < 0)
		return fault(fixture, "no snapshot");
	row = find_row(fixture, snapshot, &sum);
	if (key(fixture, "none")) {
		fixture->result->expectations++;
		result = row ? fault(fixture, "there is such a %s", word(fixture, 1)) : 0;
	} else if (!row) {
		result = fault(fixture, "no such %s", word(fixture, 1));
	} else {
		for (size_t i = 0; i < fixture->key_count && result == 0; i++)
			result = check_field(fixture, row, fixture->keys[i]);
	}
	snapshot_free(snapshot);
	return result;
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
	{ "fork", 3, do_fork },	      { "exec", 3, do_exec },
	{ "exit", 2, do_exit },	      { "follow-forks", 1, do_follow_forks },
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
		return fixture->key_count ? fault(fixture, "no verb") : 0;
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
