/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "cli/cli.h"
#include "stream/recording.h"
#include "symbol/recorded_names.h"

static int take_names(const void *bytes, size_t size, void *context)
{
	int result = recorded_names_add(context, bytes, size);

	/* A report can do without some names, not without memory. */
	return result == -ENOMEM ? result : 0;
}

static int describe(struct recording *recording, struct view *view, struct error *error)
{
	const struct recording_about *about = recording_about(recording);
	int result;

	view->recording = true;
	text_clean(view->kernel, sizeof(view->kernel), about->kernel, strlen(about->kernel));
	text_clean(view->stacks, sizeof(view->stacks), about->stacks, strlen(about->stacks));
	view->min_size = about->min_size;
	view->sample_bytes = about->sample_bytes;
	view->start_ns = recording_start_ns(recording);
	view->unclosed = recording_damage(recording)->incomplete;
	recording_end(recording, &view->end_ns, &view->duration_ns);
	view->names = recorded_names_new();
	result = view->names ? recording_names(recording, take_names, view->names) : -ENOMEM;
	if (result < 0)
		return error_set(error, result, "", "cannot read the recording's names: %s",
				 strerror(-result));
	return 0;
}

static int play(struct recording *recording, const struct live_watch *watch, struct feed *feed,
		struct error *error)
{
	struct source *source = recording_source(recording);
	int result = 0;

	while (!cli_interrupted && result >= 0) {
		int ticked = watch->tick ? watch->tick(watch->tick_context, feed, 0) : 0;

		if (ticked > 0)
			break;
		result = ticked < 0 ? ticked : feed_poll(feed, source, 0);
	}
	if (result < 0 && result != -EPIPE)
		return error_set(error, result, "", "reading the recording failed: %s",
				 strerror(-result));
	return 0;
}

/* What the report beside it cannot show, as far as the reading came. */
static void describe_damage(const struct recording *recording, const char *path, struct view *view)
{
	const struct recording_damage *damage = recording_damage(recording);
	uint64_t start_ns = recording_start_ns(recording);
	char from[UNITS_BUFFER], to[UNITS_BUFFER], when[128] = "";
	size_t used = 0;

	if (damage->incomplete)
		used = (size_t)snprintf(view->damage, sizeof(view->damage),
					"outlive: %.200s was not closed: outlive was killed or its disk was "
					"full; shown is what was written until then\n", path);
	if (damage->chunks == 0)
		return;
	if (damage->records)
		snprintf(when, sizeof(when), ", %" PRIu64 " events between %s and %s", damage->records,
			 units_format_duration(from, sizeof(from), damage->first_ns - start_ns),
			 units_format_duration(to, sizeof(to), damage->last_ns - start_ns));
	snprintf(view->damage + used, sizeof(view->damage) - used,
		 "outlive: %.200s is damaged: %" PRIu64 " of its chunks cannot be read%s\n", path,
		 damage->chunks, when);
}

int replay_run(const char *path, const struct live_watch *watch, struct view *view,
	       struct error *error)
{
	static struct feed feed;
	struct recording *recording = NULL;
	uint64_t now_ns;
	int result;

	memset(view, 0, sizeof(*view));
	feed = (struct feed){
		.ledger = ledger_new(),
		.listen = watch->listen,
		.listen_context = watch->listen_context,
	};
	if (!feed.ledger)
		return error_set(error, -ENOMEM, "", "out of memory");
	if (watch->window)
		ledger_set_window(feed.ledger, watch->window);
	if (!watch->screen)
		live_catch_signals();
	result = recording_open(path, &recording, error);
	if (result == 0)
		result = describe(recording, view, error);
	if (result == 0) {
		view->began = true;
		result = play(recording, watch, &feed, error);
	}
	if (result == 0) {
		recording_end(recording, &now_ns, &view->duration_ns);
		if (ledger_snapshot(feed.ledger, now_ns, &view->snapshot) < 0)
			result = error_set(error, -ENOMEM, "", "out of memory for the report");
	}
	if (view->began)
		describe_damage(recording, path, view);
	if (result == 0 && !watch->screen)
		fputs(view->damage, stderr);
	recording_close(recording);
	ledger_free(feed.ledger);
	return result;
}
