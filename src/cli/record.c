/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/frames.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/marks.h"
#include "stream/recorder.h"
#include "symbol/recorded_names.h"

static int begin(void *context, const struct view *view, struct error *error)
{
	struct record *record = context;
	struct recording_about about = { .min_size = view->min_size,
					 .sample_bytes = view->sample_bytes };
	int result;

	snprintf(about.kernel, sizeof(about.kernel), "%.*s", (int)sizeof(about.kernel) - 1,
		 view->kernel);
	snprintf(about.stacks, sizeof(about.stacks), "%.*s", (int)sizeof(about.stacks) - 1,
		 view->stacks);
	snprintf(about.program, sizeof(about.program), "%s", OUTLIVE_VERSION);
	result = recorder_open(record->path, &about, record->options->max_file, &record->recorder);
	if (result < 0)
		return error_set(error, result, "choose a file that can be written",
				 "cannot write %.200s: %s", record->path, strerror(-result));
	return 0;
}

static int listen(const struct event *event, void *context)
{
	struct record *record = context;

	return recorder_event(event, record->recorder);
}

/* Enough is enough: of a limited file, and for one who only records also of a full disk. */
static int tick(void *context, struct feed *feed, uint64_t now_ns)
{
	struct record *record = context;

	(void)feed, (void)now_ns;
	return recorder_full(record->recorder) &&
	       (record->options->max_file || !record->options->record);
}

void record_watch(struct record *record, const struct options *options, const char *path,
		  struct live_watch *watch)
{
	*record = (struct record){ .options = options, .path = path };
	*watch = (struct live_watch){
		.begin = begin,
		.begin_context = record,
		.listen = listen,
		.listen_context = record,
		.tick = tick,
		.tick_context = record,
	};
}

/* --- names -------------------------------------------------------------------- */

struct naming {
	struct recorder *recorder;
	struct recorded_writer *writer;
	struct frames *frames;
	struct map known; /* hash of a place; value of no meaning */
};

static int send_names(struct naming *naming)
{
	CLEANUP_FREE void *bytes = NULL;
	size_t size;
	int result = recorded_writer_take(naming->writer, &bytes, &size);

	return result < 0 || !bytes ? result : recorder_names(naming->recorder, bytes, size);
}

static int name_address(struct naming *naming, const struct snapshot_process *process,
			uint64_t address)
{
	const struct recorded_place place = {
		.pid = process->pid,
		.start_ns = process->start_ns,
		.address = address,
	};
	struct frame frames[FRAMES_OF_ADDRESS_MAX];
	struct recorded_frame named[FRAMES_OF_ADDRESS_MAX];
	size_t count = frames_resolve(naming->frames, process, address, frames,
				      FRAMES_OF_ADDRESS_MAX);
	int result;

	/* What has no name now the reader finds out as well by itself. */
	if (!frames[0].symbol && !frames[0].file)
		return 0;
	for (size_t i = 0; i < count; i++)
		named[i] = (struct recorded_frame){
			.symbol = frames[i].symbol,
			.file = frames[i].file,
			.offset = frames[i].offset,
			.line = frames[i].line,
			.inlined = frames[i].inlined,
		};
	result = recorded_writer_add(naming->writer, &place, named, count);
	if (result != -ENOSPC)
		return result;
	result = send_names(naming);
	return result < 0 ? result : recorded_writer_add(naming->writer, &place, named, count);
}

static int name_sites(struct naming *naming, size_t number, const struct snapshot_process *process,
		      const struct snapshot_site *sites, size_t count)
{
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++) {
		const struct snapshot_site *site = &sites[i];

		for (size_t j = 0; j < site->frame_count && result == 0; j++) {
			uint64_t hash = hash_mix(hash_mix(number + 1) ^ site->frames[j]);
			uint32_t unused;

			if (map_get(&naming->known, hash, &unused))
				continue;
			result = map_set(&naming->known, hash, 0);
			if (result == 0)
				result = name_address(naming, process, site->frames[j]);
		}
	}
	return result;
}

static int name_process(struct naming *naming, size_t number, const struct snapshot_process *process)
{
	int result = name_sites(naming, number, process, process->sites, process->site_count);

	return result < 0 ? result : name_sites(naming, number, process, process->mapped_sites,
						process->mapped_site_count);
}

static int write_names(struct record *record, const struct snapshot *snapshot)
{
	struct naming naming = {
		.recorder = record->recorder,
		.writer = recorded_writer_new(),
		.frames = frames_new(),
	};
	int result = naming.writer && naming.frames ? 0 : -ENOMEM;

	if (result == 0)
		frames_set_sources(naming.frames, true, record->options->debuginfod);
	for (size_t i = 0; i < snapshot->process_count && result == 0; i++) {
		const struct snapshot_process *process = &snapshot->processes[i];

		/* A window is only what the report beside it shows. */
		result = name_process(&naming, i, process->whole ? process->whole : process);
	}
	if (result == 0)
		result = send_names(&naming);
	map_free(&naming.known);
	frames_free(naming.frames);
	recorded_writer_free(naming.writer);
	return result;
}

/* --- the end ------------------------------------------------------------------ */

static void say(const struct record *record, const struct recorder_total *total,
		uint64_t duration_ns, char said[RECORD_SAID])
{
	char bytes[UNITS_BUFFER], time[UNITS_BUFFER], path[RECORD_SAID / 2];

	text_clean(path, sizeof(path), record->path, strlen(record->path));
	snprintf(said, RECORD_SAID, "recorded %" PRIu64 " events of %s to %s, %s", total->events,
		 units_format_duration(time, sizeof(time), duration_ns), path,
		 units_format_bytes(bytes, sizeof(bytes), total->file_bytes));
	if (total->dropped)
		snprintf(said + strlen(said), RECORD_SAID - strlen(said),
			 "; it ends before the trace: %" PRIu64 " events came later", total->dropped);
}

int record_close(struct record *record, const struct view *view, char said[RECORD_SAID],
		 struct error *error)
{
	struct recorder_total total;
	int named = 0, result;

	said[0] = '\0';
	if (!record->recorder)
		return 0;
	if (view->snapshot)
		named = write_names(record, view->snapshot);
	result = recorder_close(record->recorder, view->snapshot ? view->snapshot->now_ns : 0,
				view->duration_ns, &total);
	record->recorder = NULL;
	say(record, &total, view->duration_ns, said);
	if (result < 0)
		return error_set(error, result, "what was written until then can be read",
				 "writing %.200s failed: %s", record->path, strerror(-result));
	if (named < 0)
		return error_set(error, named, "", "the recording lacks names: %s", strerror(-named));
	return 0;
}

int record_finish(struct record *record, const struct view *view, struct error *error)
{
	char said[RECORD_SAID];
	int result = record_close(record, view, said, error);

	if (said[0])
		fprintf(stderr, "%s\n", said);
	return result;
}

/* --- the verb ----------------------------------------------------------------- */

int cli_record(const struct options *options, enum verb_bit verb)
{
	struct error error = { .what = "" };
	struct view view = { 0 };
	struct live_watch watch;
	struct marks_setter marks;
	struct record record;
	int result, finished, status;

	(void)verb;
	record_watch(&record, options, options->output, &watch);
	marks_watch(&marks, options, &watch);
	result = live_run(options, &watch, &view, &error);
	status = view_status(&view, result);
	if (result < 0)
		cli_complain(&error);
	finished = record_finish(&record, &view, &error);
	if (finished < 0) {
		cli_complain(&error);
		status = EXIT_FAILED;
	}
	view_end(&view);
	return status;
}
