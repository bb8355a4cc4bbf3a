/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mark is set between two polls, and its time is read then: whatever the poll
 * delivered is older. That is all that windows rest on (ledger/window.h); what
 * is still on its way is told apart by its own time.
 *
 * Who writes a line and at once starts the work it is the mark of is too fast:
 * the line is read some milliseconds later. Its echo on standard error says that
 * the mark stands.
 */
#include "cli/marks.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "capture/side.h"

static volatile sig_atomic_t signals_seen;

static void on_signal(int number)
{
	(void)number;
	signals_seen++;
}

static int set_mark(struct feed *feed, const char *name, uint64_t time_ns, bool say)
{
	struct event event = { .kind = EVENT_MARK, .time_ns = time_ns };
	const struct snapshot_mark *marks;
	size_t before = ledger_marks(feed->ledger, &marks);
	size_t count;
	char when[UNITS_BUFFER];
	int result;

	event.mark.name = name;
	result = feed_event(&event, feed);
	count = ledger_marks(feed->ledger, &marks);
	if (result < 0 || !say)
		return result;
	if (count > before)
		fprintf(stderr, "mark %s at %s\n", marks[count - 1].name,
			units_format_duration(when, sizeof(when), marks[count - 1].time_ns));
	else
		fprintf(stderr, "outlive: there are %zu marks already: no more are kept\n", count);
	return 0;
}

static int set_signalled(struct marks_setter *setter, struct feed *feed)
{
	int result = 0;

	while (setter->signals != (unsigned int)signals_seen && result == 0) {
		char name[SNAPSHOT_MARK_BYTES];

		snprintf(name, sizeof(name), "signal-%u", ++setter->signals);
		result = set_mark(feed, name, feed_mark_time(feed), !setter->inner.screen);
	}
	return result;
}

/* "10s", "2500ms": what --from takes for the same moment. */
static void name_time(char *name, size_t size, uint64_t ns)
{
	if (ns % 1000000000 == 0)
		snprintf(name, size, "%" PRIu64 "s", ns / 1000000000);
	else if (ns % 1000000 == 0)
		snprintf(name, size, "%" PRIu64 "ms", ns / 1000000);
	else
		snprintf(name, size, "%" PRIu64 "ns", ns);
}

static void next_at(struct marks_setter *setter, struct feed *feed, uint64_t start_ns,
		    uint64_t next_ns)
{
	setter->next_ns = next_ns;
	if (feed->capture)
		capture_mark_at(feed->capture, start_ns + next_ns);
}

/* These stand at the exact time, whenever the poll came back. */
static int set_periodic(struct marks_setter *setter, struct feed *feed)
{
	uint64_t every_ns = setter->options->mark_every_ns, start_ns = ledger_start_ns(feed->ledger);
	uint64_t passed_ns = side_now_ns() - start_ns;
	int result = 0;

	if (!every_ns || !start_ns)
		return 0;
	if (!setter->next_ns)
		next_at(setter, feed, start_ns, every_ns);
	for (; setter->next_ns <= passed_ns && result == 0;
	     next_at(setter, feed, start_ns, setter->next_ns + every_ns)) {
		char name[SNAPSHOT_MARK_BYTES];

		name_time(name, sizeof(name), setter->next_ns);
		result = set_mark(feed, name, start_ns + setter->next_ns,
				  !setter->inner.screen && isatty(STDERR_FILENO));
	}
	return result;
}

static int take_byte(struct marks_setter *setter, struct feed *feed, char byte)
{
	if (byte != '\n') {
		if (setter->length + 1 < sizeof(setter->line))
			setter->line[setter->length++] = byte ? byte : '?';
		return 0;
	}
	setter->line[setter->length] = '\0';
	setter->length = 0;
	return set_mark(feed, setter->line, feed_mark_time(feed), !setter->inner.screen);
}

/* No more than what is there: the descriptor may be shared, so it is not made non-blocking. */
static int set_written(struct marks_setter *setter, struct feed *feed)
{
	struct pollfd ready = { .fd = setter->options->mark_fd, .events = POLLIN };
	char bytes[MARKS_LINE_BYTES];
	ssize_t count;
	int result = 0;

	if (ready.fd < 0 || setter->ended || poll(&ready, 1, 0) <= 0)
		return 0;
	count = read(ready.fd, bytes, sizeof(bytes));
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	setter->ended = count <= 0;
	for (ssize_t i = 0; i < count && result == 0; i++)
		result = take_byte(setter, feed, bytes[i]);
	if (setter->ended && setter->length && result == 0)
		result = take_byte(setter, feed, '\n');
	return result;
}

static int tick(void *context, struct feed *feed, uint64_t now_ns)
{
	struct marks_setter *setter = context;
	int result = set_periodic(setter, feed);

	if (result == 0)
		result = set_signalled(setter, feed);
	if (result == 0)
		result = set_written(setter, feed);
	if (result == 0 && setter->inner.tick)
		result = setter->inner.tick(setter->inner.tick_context, feed, now_ns);
	return result;
}

void marks_watch(struct marks_setter *setter, const struct options *options,
		 struct live_watch *watch)
{
	struct sigaction action = { .sa_handler = on_signal };

	*setter = (struct marks_setter){ .options = options, .inner = *watch };
	watch->tick = tick;
	watch->tick_context = setter;
	sigaction(SIGUSR1, &action, NULL);
}
