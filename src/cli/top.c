/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outlive top: watch it live. This thread has the screen, another one traces. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/side.h"
#include "cli/cli.h"
#include "cli/top_trace.h"
#include "top/draw.h"
#include "top/list.h"
#include "top/screen.h"

#define WAIT_MS 20	 /* for a key, while a picture is on its way */
#define ONCE_WIDTH 80
#define ONCE_ROWS 15	 /* of the table */
#define ONCE_OTHERS 9	 /* rows around it, at most */

static void on_signal(int number)
{
	(void)number;
	cli_interrupted = 1;
}

/* All of them end it in good order: probes out, terminal given back. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int begin_model(const struct options *options, struct top_model *model, struct error *error)
{
	*model = (struct top_model){
		.recording = options->file_count > 0,
		.native = options->native,
		.frames = frames_new(),
	};
	if (model->frames)
		frames_set_sources(model->frames, !model->recording, options->debuginfod);
	if (!model->frames || model_begin(model) < 0)
		return error_set(error, -ENOMEM, "", "out of memory");
	for (size_t i = 0; i < VIEW_LISTS && options->sort; i++) {
		const struct column *column =
			fields_find(list_fields((enum top_view)i), options->sort);

		if (column)
			model->sort[i].column = column;
	}
	return 0;
}

static void end_model(struct top_model *model)
{
	struct frames *frames = model->frames;

	model_end(model);
	frames_free(frames);
}

/* --- one picture ------------------------------------------------------------------ */

static void print_frame(const struct canvas *canvas)
{
	char line[CANVAS_LINE(CANVAS_MOST)];
	size_t last = canvas->height;

	while (last && !*canvas_line(canvas, last - 1, line))
		last--;
	for (size_t i = 0; i < last; i++)
		puts(canvas_line(canvas, i, line));
	fflush(stdout);
}

/* --- pictures into the model ---------------------------------------------------------- */

struct watching {
	const struct options *options;
	struct top_trace *trace;
	struct top_model *model;
	uint64_t due_ns; /* of the next picture */
};

/* The next picture; when the trace is over the last there will be. */
static struct snapshot *fetch(struct watching *watching)
{
	struct top_trace *trace = watching->trace;
	bool done = atomic_load(&trace->done);
	struct snapshot *snapshot = top_trace_fetch(trace);

	if (snapshot || !done)
		return snapshot;
	watching->model->ended = true;
	snapshot = trace->view.snapshot;
	trace->view.snapshot = NULL;
	return snapshot;
}

/* Fetch the picture that is ready, and ask for the next when it is due. True: the model
 * has another one. */
static bool pump(struct watching *watching)
{
	struct top_model *model = watching->model;
	uint64_t now_ns = side_now_ns();
	struct snapshot *snapshot;

	/* A recording that is held still may be moved by hand. */
	if (model->ended || (model->paused && !model->recording))
		return false;
	snapshot = fetch(watching);
	if (now_ns >= watching->due_ns && !(model->once && model->recording)) {
		watching->due_ns = now_ns + watching->options->interval_ns;
		atomic_store(&watching->trace->wanted, true);
	}
	if (snapshot)
		model_take(model, snapshot);
	return snapshot || model->ended;
}

static void sleep_ms(long ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

/* Until probes are in place. False: there will be no trace. */
static bool await_tracing(struct top_trace *trace)
{
	while (!atomic_load(&trace->tracing) && !atomic_load(&trace->done))
		sleep_ms(WAIT_MS);
	return atomic_load(&trace->tracing);
}

/* --- text, once ------------------------------------------------------------------------- */

static size_t once_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : ONCE_WIDTH;
}

static int show_once(struct watching *watching, struct error *error)
{
	struct canvas canvas = { .ascii = !screen_is_utf8() };
	size_t rows = watching->options->rows ? watching->options->rows : ONCE_ROWS;
	uint64_t end_ns = side_now_ns() + watching->options->interval_ns;

	watching->model->once = true;
	watching->model->most_rows = rows;
	while (!watching->model->ended && !cli_interrupted) {
		sleep_ms(WAIT_MS);
		pump(watching);
		/* With --for the trace ends by itself, and a recording does. */
		if (!watching->options->duration_ns && !watching->model->recording &&
		    side_now_ns() >= end_ns)
			break;
	}
	top_trace_end(watching->trace);
	while (!watching->model->ended)
		pump(watching);
	if (watching->trace->result < 0)
		return 0;
	if (canvas_resize(&canvas, once_width(), rows + ONCE_OTHERS) < 0)
		return error_set(error, -ENOMEM, "", "out of memory");
	do
		draw_frame(watching->model, &canvas);
	while (watching->model->stale);
	print_frame(&canvas);
	canvas_free(&canvas);
	return 0;
}

/* --- the screen --------------------------------------------------------------------------- */

static int redraw(struct watching *watching, struct canvas *canvas, bool anew)
{
	size_t width, height;

	screen_size(&width, &height);
	if (canvas_resize(canvas, width, height) < 0)
		return -ENOMEM;
	draw_frame(watching->model, canvas);
	screen_show(canvas, anew);
	return 0;
}

/* Key w: the recording beside the screen ends here. */
static void begin_saving(struct watching *watching)
{
	struct top_model *model = watching->model;
	int on = SAVING_ON;

	if (atomic_load(&watching->trace->saving) == SAVING_NOT)
		snprintf(model->message, sizeof(model->message),
			 "Nothing is being recorded: 'top --record FILE' keeps every event from the start");
	else if (model->ended || !atomic_compare_exchange_strong(&watching->trace->saving, &on,
								 SAVING_WANTED))
		return;
}

/* Close it once the other thread has let go. Returns true when there is something to tell. */
static bool finish_saving(struct watching *watching)
{
	struct top_trace *trace = watching->trace;
	struct top_model *model = watching->model;
	struct error error = { .what = "" };
	char said[RECORD_SAID];
	struct view view;

	if (!trace->record.recorder || !model->snapshot ||
	    (atomic_load(&trace->saving) != SAVING_ENDED && !model->ended))
		return false;
	view = (struct view){ .snapshot = model->snapshot };
	view.duration_ns = view.snapshot->now_ns - view.snapshot->start_ns;
	if (record_close(&trace->record, &view, said, &error) < 0) {
		trace->view.incomplete = true;
		snprintf(said, sizeof(said), "%s", error.what);
	}
	snprintf(model->message, sizeof(model->message), "%.*s", TOP_MESSAGE - 1, said);
	return true;
}

/* Key m. */
static void set_mark(struct watching *watching)
{
	struct top_model *model = watching->model;

	if (model->ended)
		return;
	atomic_store(&watching->trace->mark, true);
	model->marked = true;
	watching->due_ns = 0;
	snprintf(model->message, sizeof(model->message),
		 "Mark set: n shows only what is newer, and all again");
}

/* Where the player is; and that the recording was cut short. */
static void show_state(struct watching *watching)
{
	struct top_trace *trace = watching->trace;
	char text[64];

	snprintf(watching->model->state, sizeof(watching->model->state), "%s%s",
		 trace->unclosed ? "not closed, " : "",
		 player_format(&trace->player, text, sizeof(text)));
}

/* What a key does to a recording. */
static void steer(struct watching *watching, enum top_action action)
{
	struct top_trace *trace = watching->trace;
	struct player *player = &trace->player;

	if (action == ACTION_SAVE)
		begin_saving(watching);
	if (action == ACTION_MARK)
		set_mark(watching);
	if (!watching->model->recording)
		return;
	pthread_mutex_lock(&trace->lock);
	player_advance(player, side_now_ns());
	switch (action) {
	case ACTION_PAUSE: player->paused = watching->model->paused; break;
	case ACTION_FASTER: player_speed(player, 1); break;
	case ACTION_SLOWER: player_speed(player, -1); break;
	case ACTION_FORWARD: player_step(player, 1); break;
	case ACTION_BACKWARD: player_step(player, -1); break;
	case ACTION_FINISH: player_step(player, PLAYER_STEPS); break;
	case ACTION_BEGINNING: player_step(player, -PLAYER_STEPS); break;
	default: break;
	}
	show_state(watching);
	pthread_mutex_unlock(&trace->lock);
	if (action >= ACTION_FASTER && action <= ACTION_FINISH)
		watching->due_ns = 0;
}

static int watch(struct watching *watching, struct canvas *canvas)
{
	bool anew = false, changed = true;

	while (!cli_interrupted) {
		enum top_action action;
		uint32_t key;

		changed = pump(watching) || changed || watching->model->stale;
		changed = finish_saving(watching) || changed;
		if (changed && redraw(watching, canvas, anew) < 0)
			return -ENOMEM;
		key = screen_key(watching->model->stale ? 0 : WAIT_MS);
		action = key && key < TOP_KEY_RESIZE ? model_key(watching->model, key) : ACTION_NONE;
		if (action == ACTION_QUIT || key == TOP_KEY_CLOSED)
			break;
		steer(watching, action);
		changed = key != TOP_KEY_NONE;
		anew = key == TOP_KEY_RESIZE || action == ACTION_REDRAW;
	}
	return 0;
}

static int show_live(struct watching *watching, struct error *error)
{
	struct canvas canvas = { .ascii = !screen_is_utf8() };
	int result = screen_open(error);

	if (result == 0) {
		result = watch(watching, &canvas);
		screen_close();
		if (result < 0)
			error_set(error, result, "", "out of memory for the screen");
	}
	canvas_free(&canvas);
	top_trace_end(watching->trace);
	return result;
}

/* At the end, with the names of the last picture, wherever that is. */
static int finish_recording(struct top_trace *trace, struct top_model *model, struct error *error)
{
	struct snapshot *last = trace->view.snapshot;
	int result;

	if (!last)
		trace->view.snapshot = model->snapshot;
	result = record_finish(&trace->record, &trace->view, error);
	trace->view.snapshot = last;
	trace->view.incomplete |= result < 0;
	return result;
}

int cli_top(const struct options *options, enum verb_bit verb)
{
	static struct top_trace trace;
	struct error error = { .what = "" };
	struct top_model model = { 0 };
	struct watching watching = { .options = options, .trace = &trace, .model = &model };
	int result, status;

	(void)verb;
	setlocale(LC_CTYPE, "");
	if (!options->once && screen_check(&error) < 0) {
		cli_complain(&error);
		return EXIT_IMPOSSIBLE;
	}
	live_catch_signals();
	result = begin_model(options, &model, &error);
	if (result == 0)
		result = top_trace_begin(&trace, options, &error);
	if (result < 0) {
		cli_complain(&error);
		end_model(&model);
		return EXIT_FAILED;
	}
	if (await_tracing(&trace)) {
		frames_set_recorded(model.frames, trace.names);
		catch_signals();
		result = options->once ? show_once(&watching, &error) : show_live(&watching, &error);
	} else {
		top_trace_end(&trace);
	}
	if (result < 0)
		cli_complain(&error);
	if (finish_recording(&trace, &model, &error) < 0)
		cli_complain(&error);
	if (trace.result < 0)
		cli_complain(&trace.error);
	else if (!options->once)
		fputs(trace.view.damage, stderr);
	status = view_status(&trace.view, result < 0 ? result : trace.result);
	snapshot_free(top_trace_fetch(&trace));
	end_model(&model);
	view_end(&trace.view);
	return status;
}
