/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/feed.h"

#include <errno.h>
#include <stdbool.h>

#include "capture/side.h"

int feed_flush(struct feed *feed)
{
	int result = ledger_apply_batch(feed->ledger, feed->held, feed->count);

	feed->count = 0;
	return result == -ENOMEM ? 0 : result;
}

int feed_event(const struct event *event, void *context)
{
	struct feed *feed = context;
	bool block = event->kind == EVENT_ALLOC || event->kind == EVENT_FREE ||
		     event->kind == EVENT_REALLOC;
	int result = feed->listen ? feed->listen(event, feed->listen_context) : 0;

	if (result == 0 && (feed->count == FEED_EVENTS || !block))
		result = feed_flush(feed);
	if (result < 0)
		return result;
	if (block) {
		feed->held[feed->count++] = *event;
		return 0;
	}
	result = ledger_apply(feed->ledger, event);
	return result == -ENOMEM ? 0 : result;
}

int feed_poll(struct feed *feed, struct source *source, int timeout_ms)
{
	int result = source->poll(source, feed_event, feed, timeout_ms);
	int flushed = feed_flush(feed);

	return flushed < 0 ? flushed : result;
}

uint64_t feed_mark_time(struct feed *feed)
{
	return feed->capture ? capture_mark(feed->capture) : side_now_ns();
}

int feed_catch_up(struct feed *feed)
{
	int result = feed->capture ? capture_catch_up(feed->capture, feed_event, feed) : 0;
	int flushed = feed_flush(feed);

	return result < 0 ? result : flushed;
}
