/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/govern.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "capture/calibrate.h"
#include "capture/look.h"
#include "capture/side.h"
#include "outlive.skel.h"

#define LOOK_EVERY_NS 10000000ull
#define LOOK_PER_PROCESS_NS 50000ull /* a look takes some us: a twentieth of a core at most */

int govern_calibrate(struct capture *capture, struct error *error)
{
	double share = capture->options->max_overhead;
	int result;

	if (share <= 0)
		return 0;
	capture->limits.share = share;
	result = calibrate_trap(capture->skeleton, capture->attach.multi, &capture->limits.trap_ns);
	if (result < 0)
		return error_set(error, result, "trace without --max-overhead",
				 "cannot measure what a probe costs here: %s", strerror(-result));
	log_line("stopping at a probe takes %.0f ns here", capture->limits.trap_ns);
	return 0;
}

void govern_begin(const struct capture *capture, struct traced *traced,
		  const struct traced *parent)
{
	const struct capture_options *options = capture->options;

	if (parent) {
		traced->governor.tier = parent->governor.tier;
		traced->governor.sample_bytes = parent->governor.sample_bytes;
	} else if (options->no_blocks) {
		traced->governor.tier = EVENT_TIER_MMAP;
	} else if (options->sample_bytes) {
		traced->governor.tier = EVENT_TIER_SAMPLE;
		traced->governor.sample_bytes = options->sample_bytes;
	}
}

int govern_announce(struct capture *capture, const struct traced *traced)
{
	struct event event = { .kind = EVENT_TIER, .pid = traced->pid };

	if (govern_wants_probes(traced))
		return 0;
	event.time_ns = side_now_ns();
	event.tier.tier = (uint8_t)traced->governor.tier;
	return capture->deliver(&event, capture->context);
}

bool govern_wants_probes(const struct traced *traced)
{
	return traced->governor.tier < EVENT_TIER_MMAP;
}

struct scope_process govern_row(const struct capture *capture, const struct traced *traced)
{
	static const uint16_t states[EVENT_TIER_COUNT] = {
		[EVENT_TIER_EXACT] = SCOPE_TRACED,
		[EVENT_TIER_SAMPLE] = SCOPE_TRACED,
		[EVENT_TIER_MMAP] = SCOPE_MAPPINGS,
		[EVENT_TIER_OFF] = SCOPE_OUTSIDE,
	};
	const struct governor *governor = &traced->governor;

	return (struct scope_process){
		.slot = traced->slot,
		.state = states[governor->tier],
		/* Blocks from before it is sampled are not noted. */
		.flags = capture->options->sample_bytes ? 0 : SCOPE_ALL_FREES,
		.sample_bytes = (uint32_t)governor->sample_bytes,
		.sample_rate = sample_code(governor->sample_bytes),
		.user = SCOPE_ANY_USER,
	};
}

/* What the process and our probes in it have used so far. Returns false when it is gone. */
static bool read_totals(const struct capture *capture, const struct traced *traced,
			struct governor_totals *ret_totals)
{
	struct sample_calls calls;
	struct timespec cpu;
	clockid_t clock;

	if (clock_getcpuclockid((pid_t)traced->pid, &clock) != 0 ||
	    clock_gettime(clock, &cpu) < 0 ||
	    samples_calls(&capture->samples, traced->pid, &calls) < 0)
		return false;
	*ret_totals = (struct governor_totals){
		.cpu_ns = (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec,
		.hits = calls.hits,
		.run_ns = calls.run_ns,
	};
	return true;
}

static int give_up(struct capture *capture, struct traced *traced, double share)
{
	const struct governor *governor = &traced->governor;
	struct event event = { .kind = EVENT_TIER, .pid = traced->pid };
	int result = look_tell(capture, traced, BPF_EXIST);

	/* From here on the programs do less; the time is after all that they still did. */
	event.time_ns = side_now_ns();
	event.tier.tier = (uint8_t)governor->tier;
	event.tier.sample_bytes = governor->sample_bytes;
	event.tier.cost = (uint32_t)(share * 1000 + 0.5);
	event.tier.probes_stay = !govern_wants_probes(traced) &&
				 capture->options->scope != SCOPE_PIDS;
	event.tier.limit = (uint32_t)(capture->limits.share * 1000 + 0.5);
	if (result == 0 && !govern_wants_probes(traced) && !event.tier.probes_stay &&
	    traced->probed) {
		traced->probed = false;
		result = attach_release(&capture->attach, traced->pid, true);
	}
	return result < 0 ? result : capture->deliver(&event, capture->context);
}

int govern_tick(struct capture *capture)
{
	uint64_t now_ns = side_now_ns();
	int result = 0;

	if (capture->limits.share <= 0 || capture->stopped || now_ns < capture->govern_due_ns)
		return 0;
	capture->govern_due_ns = now_ns + LOOK_EVERY_NS +
				 capture->processes.alive * LOOK_PER_PROCESS_NS;
	for (size_t i = 0; i < capture->processes.count && result == 0; i++) {
		struct traced *traced = &capture->processes.rows[i];
		struct governor_totals totals;
		double share;

		if (traced->used && !traced->exited && read_totals(capture, traced, &totals) &&
		    governor_look(&traced->governor, &capture->limits, &totals, &share)) {
			log_line("process %u: %" PRIu64 " stops and %" PRIu64 " us of ours in %" PRIu64
				 " ms of CPU time so far", traced->pid, totals.hits,
				 totals.run_ns / 1000, totals.cpu_ns / 1000000);
			result = give_up(capture, traced, share);
		}
	}
	return result;
}
