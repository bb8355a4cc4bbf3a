/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/pattern_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sentence.h"
#include "base/text.h"
#include "base/units.h"

#define SECONDS(ns) ((double)(ns) / 1e9)

struct words {
	char text[UNITS_BUFFER];
};

static struct words bytes_words(double bytes)
{
	struct words words;

	/* 2^64 as a double is the first that does not fit. */
	units_format_bytes(words.text, sizeof(words.text),
			   bytes < 0			    ? 0
			   : bytes < 18446744073709551616.0 ? (uint64_t)bytes
							    : UINT64_MAX);
	return words;
}

static struct words seconds_words(double seconds)
{
	struct words words;
	double ns = seconds * 1e9;

	units_format_duration(words.text, sizeof(words.text),
			      ns < 0			    ? 0
			      : ns < 18446744073709551616.0 ? (uint64_t)ns
							    : UINT64_MAX);
	return words;
}

static struct words count_words(uint64_t count)
{
	struct words words;

	units_format_count(words.text, sizeof(words.text), count);
	return words;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* Of two numbers, the share in whole percent, never more than 100. */
static unsigned int percent(double part, double whole)
{
	double share = whole > 0 ? part / whole * 100 : 0;

	return share >= 100 ? 100 : share > 0 ? (unsigned int)(share + 0.5) : 0;
}

/* How long to trace to learn more: well over what did not suffice. */
static const char *longer(const struct evidence *evidence)
{
	double seconds = SECONDS(evidence->trace_ns);

	return seconds < 20	? "--for 60s"
	       : seconds < 200	? "--for 10m"
	       : seconds < 1200 ? "--for 1h"
				: "--for 6h";
}

static void say_block_size(struct sentence *sentence, const struct evidence *evidence)
{
	double mean = evidence->live_blocks
			      ? (double)evidence->live_bytes / (double)evidence->live_blocks
			      : 0;

	if ((double)evidence->largest_live_bytes > 2 * mean)
		say(sentence, "up to %s", bytes_words((double)evidence->largest_live_bytes).text);
	else
		say(sentence, "about %s", bytes_words(mean).text);
}

static void say_slot(struct sentence *sentence, const struct evidence *evidence,
		     const struct pattern_detail *detail)
{
	static const char *const numbers[] = { "no",   "one", "two",   "three", "four",
					       "five", "six", "seven", "eight" };
	const struct slot *slot = &detail->slot;

	say(sentence, "%s threads each keep %s block%s of ", count_words(slot->threads).text,
	    slot->blocks < ARRAY_LENGTH(numbers) ? numbers[slot->blocks] : "some",
	    plural(slot->blocks));
	say_block_size(sentence, evidence);
	if (!slot->replacements) {
		say(sentence,
		    "; no replacement seen yet. If a thread's next block replaces its last, this "
		    "is "
		    "bounded by threads × block size; to see, trace longer (%s).",
		    longer(evidence));
		return;
	}
	say(sentence, "; a thread's next block replaces its last (%s made, %s replaced%s). ",
	    count_words(evidence->allocated_blocks).text, count_words(slot->replacements).text,
	    slot->temporaries ? ", the others freed soon" : "");
	say(sentence, "Bounded by threads × block size; more requests will not grow it.");
}

/* A rate in the unit of time that suits `like`. */
static void say_rate_as(struct sentence *sentence, double bytes_per_s, double like)
{
	if (like >= 1024)
		say(sentence, "%s/s", bytes_words(bytes_per_s).text);
	else if (like * 60 >= 1024)
		say(sentence, "%s/min", bytes_words(bytes_per_s * 60).text);
	else
		say(sentence, "%s/h", bytes_words(bytes_per_s * 3600).text);
}

static void say_rate(struct sentence *sentence, double bytes_per_s)
{
	say_rate_as(sentence, bytes_per_s, bytes_per_s);
}

static void say_growing(struct sentence *sentence, const struct evidence *evidence,
			const struct pattern_detail *detail, const struct pattern *pattern)
{
	unsigned int kept =
		percent((double)evidence->live_bytes, (double)evidence->allocated_bytes);

	say(sentence, "live bytes rise by ");
	say_rate(sentence, pattern->growth_bytes_per_s);
	if (pattern->growth_range_known) {
		say(sentence, " ± ");
		say_rate_as(sentence, (pattern->growth_high - pattern->growth_low) / 2,
			    pattern->growth_bytes_per_s);
	}
	say(sentence, " (from %s to %s over %s", bytes_words(detail->growth.from_bytes).text,
	    bytes_words((double)evidence->live_bytes).text,
	    seconds_words(SECONDS(evidence->window_ns) - detail->growth.from_s).text);
	if (kept > 0)
		say(sentence, ", %u %% of what was allocated is still live", kept);
	say(sentence, "): this looks like a leak.");
	if (evidence->unknown_frees >= evidence->live_blocks / 2)
		say(sentence,
		    " But %s older block%s were freed meanwhile, and a cache that renews itself "
		    "looks the same at first: trace longer (%s).",
		    count_words(evidence->unknown_frees).text, plural(evidence->unknown_frees),
		    longer(evidence));
}

/* ", -1.2 KB/s ± 3.1 KB/s": how level the plateau is. */
static void say_drift(struct sentence *sentence, const struct pattern *pattern)
{
	double rate = (pattern->growth_low + pattern->growth_high) / 2;
	double error = (pattern->growth_high - pattern->growth_low) / 2;
	double size = rate < 0 ? -rate : rate, like = size > error ? size : error;

	if (!pattern->growth_range_known)
		return;
	say(sentence, ", %s", rate < 0 ? "-" : "+");
	say_rate_as(sentence, size, like);
	say(sentence, " ± ");
	say_rate_as(sentence, error, like);
}

static void say_bounded(struct sentence *sentence, const struct evidence *evidence,
			const struct pattern *pattern)
{
	double window_s = SECONDS(evidence->window_ns), low = 0, high = 0;

	say(sentence, "blocks come and go under a ceiling");
	if (evidence->has_series) {
		trend_range(&evidence->series, window_s / 2, window_s, &low, &high);
		if (low > 0.97 * high)
			say(sentence, " of about %s", bytes_words(high).text);
		else
			say(sentence, ": between %s and %s were live", bytes_words(low).text,
			    bytes_words(high).text);
		say(sentence, " during the last %s", seconds_words(window_s / 2).text);
		say_drift(sentence, pattern);
	}
	say(sentence, " (%s made, %s freed). ", count_words(evidence->allocated_blocks).text,
	    count_words(evidence->freed_blocks).text);
	say(sentence, "Like a cache or a pool that is full: it is not growing.");
}

static void say_static(struct sentence *sentence, const struct evidence *evidence)
{
	uint64_t quiet_ns = evidence->window_ns - evidence->span_ns;

	say(sentence, "%s block%s (", count_words(evidence->live_blocks).text,
	    plural(evidence->live_blocks));
	say(sentence, "%s) made early and kept; ", bytes_words((double)evidence->live_bytes).text);
	if (quiet_ns >= evidence->window_ns / 10)
		say(sentence, "nothing new for %s. ", seconds_words(SECONDS(quiet_ns)).text);
	else
		say(sentence, "hardly any change since. ");
	say(sentence, "Set-up data or a filled cache: it is not growing.");
}

static void say_short_lived(struct sentence *sentence, const struct evidence *evidence)
{
	say(sentence, "%s of %s blocks were freed, ", count_words(evidence->freed_blocks).text,
	    count_words(evidence->allocated_blocks).text);
	say(sentence, "after %s on average; %s is live at this moment. Nothing piles up here.",
	    seconds_words(evidence->lifetime_s).text,
	    bytes_words((double)evidence->live_bytes).text);
}

static void say_unknown(struct sentence *sentence, const struct evidence *evidence,
			const struct pattern_detail *detail)
{
	say(sentence, "%s allocation%s in ", count_words(evidence->allocated_blocks).text,
	    plural(evidence->allocated_blocks));
	say(sentence, "%s, %s freed: %s. ", seconds_words(SECONDS(evidence->trace_ns)).text,
	    count_words(evidence->freed_blocks).text, detail->because);
	say(sentence, "To learn more, trace longer (%s).", longer(evidence));
}

void pattern_write_text(const struct evidence *evidence, const struct pattern_detail *detail,
			struct pattern *pattern)
{
	struct sentence sentence = { .length = 0 };

	if (evidence->size_class >= 0) {
		double low = evidence->size_class > 63 ? 0 : (double)(1ull << evidence->size_class);

		say(&sentence, "blocks of %s to ",
		    bytes_words(evidence->size_class ? low : 0).text);
		say(&sentence, "%s, %u %% of what is live here: ", bytes_words(low * 2).text,
		    percent(detail->site_share, 1));
	}
	switch (pattern->name) {
	case PATTERN_PER_THREAD_SLOT:
		say_slot(&sentence, evidence, detail);
		break;
	case PATTERN_GROWING:
		say_growing(&sentence, evidence, detail, pattern);
		break;
	case PATTERN_BOUNDED:
		say_bounded(&sentence, evidence, pattern);
		break;
	case PATTERN_STATIC:
		say_static(&sentence, evidence);
		break;
	case PATTERN_SHORT_LIVED:
		say_short_lived(&sentence, evidence);
		break;
	default:
		say_unknown(&sentence, evidence, detail);
		break;
	}
	if (sentence.text[0] >= 'a' && sentence.text[0] <= 'z')
		sentence.text[0] -= 'a' - 'A';
	text_clean(pattern->text, sizeof(pattern->text), sentence.text, sentence.length);
}
