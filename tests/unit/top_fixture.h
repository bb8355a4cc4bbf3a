/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The screen over the web shop of report_fixture.h: keys in, frames out. */
#ifndef OUTLIVE_TESTS_TOP_FIXTURE_H
#define OUTLIVE_TESTS_TOP_FIXTURE_H

#include "report_fixture.h"

#include <locale.h>

#include "base/text.h"
#include "ledger/snapshot_owner.h"
#include "top/draw.h"
#include "top/list.h"

struct shop {
	struct fixture now, before; /* two seconds apart */
	struct top_model model;
};

/* The fixture is not the ledger's: nothing of it may be freed as a snapshot. */
static inline void shop_close(struct shop *shop)
{
	struct frames *frames = shop->model.frames;

	shop->model.snapshot = NULL;
	model_end(&shop->model);
	frames_free(frames);
}

/* What can be freed as a snapshot, and leaves the fixture's rows where they are. */
static inline struct snapshot *shop_shell(const struct snapshot *snapshot)
{
	struct snapshot_owner *owner = calloc(1, sizeof(*owner));

	assert_non_null(owner);
	owner->snapshot = *snapshot;
	return &owner->snapshot;
}

static inline void shop_open(struct shop *shop)
{
	memset(shop, 0, sizeof(*shop));
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	fixture_make(&shop->before);
	fixture_make(&shop->now);
	shop->before.snapshot.now_ns -= 2 * SECOND;
	shop->before.sites[1].counts.live_bytes -= MB;
	shop->before.sites[1].counts.allocated_bytes -= MB;
	shop->before.sites[0].counts.allocated_bytes -= 42 * MB;
	shop->before.sites[0].counts.freed_bytes -= 42 * MB;
	shop->before.sites[2].counts.live_bytes += MB / 2;
	shop->before.threads[WORKERS].counts.live_bytes -= MB / 2;
	shop->before.processes[0].counts.live_bytes -= MB / 2;
	shop->before.processes[0].counts.allocated_bytes -= 43 * MB;
	shop->model.frames = frames_new();
	assert_non_null(shop->model.frames);
	assert_int_equal(model_begin(&shop->model), 0);
	model_take(&shop->model, shop_shell(&shop->before.snapshot));
	model_take(&shop->model, &shop->now.snapshot);
}

static inline void shop_keys(struct shop *shop, const char *keys)
{
	for (; *keys; keys++)
		model_key(&shop->model, (unsigned char)*keys);
}

/* The frame as text; the row of the cursor ends in "<". free() it. */
static inline char *shop_frame(struct shop *shop, size_t width, size_t height, bool ascii)
{
	struct canvas canvas = { .ascii = ascii };
	char line[CANVAS_LINE(CANVAS_MOST)];
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	assert_non_null(file);
	assert_int_equal(canvas_resize(&canvas, width, height), 0);
	draw_frame(&shop->model, &canvas);
	for (size_t i = 0; i < height; i++) {
		bool selected = canvas.cells[i * width].selected;

		fprintf(file, "%s%s\n", canvas_line(&canvas, i, line), selected ? " <" : "");
		assert_true(text_width(line) <= width);
	}
	canvas_free(&canvas);
	assert_int_equal(fclose(file), 0);
	return text;
}

#endif
