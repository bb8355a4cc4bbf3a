/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole host: how much memory, and how long for a picture, a report, a screen?
 *
 *   bench_processes [PROCESSES [THREADS [SITES [BLOCKS]]]]
 *
 * default: 500 processes of 50 threads and 20 sites, 10 000 000 blocks live in all.
 * Then as many processes again as a fork server makes in a while come and go.
 */
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "many_processes.h"
#include "report/report.h"
#include "top/draw.h"

#define ROUNDS 6
#define SHORT_LIVED 20000
#define SHORT_BLOCKS 100

/* Processor time: other work on the machine does not count. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double resident_mb(void)
{
	unsigned long whole, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%lu %lu", &whole, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void print_time(const char *what, double begin)
{
	printf("  %-44s %8.1f ms\n", what, (seconds() - begin) * 1e3);
}

static struct snapshot *picture(struct host *host)
{
	struct snapshot *snapshot = NULL;

	host->now_ns += HOST_SECOND;
	return ledger_snapshot(host->ledger, host->now_ns, &snapshot) < 0 ? NULL : snapshot;
}

static void report(const char *format, const char *what, const struct snapshot *snapshot)
{
	struct report_options options = { .verb = REPORT_THREADS, .kind = "live", .frames = frames_new() };
	FILE *file = fopen("/dev/null", "w");
	double begin = seconds();

	if (!file || report_find(format)->render(file, snapshot, &options) < 0)
		exit(1);
	print_time(what, begin);
	fclose(file);
	frames_free(options.frames);
}

static void screen(struct host *host)
{
	struct top_model model = { 0 };
	struct canvas canvas = { 0 };
	double taken = 0, sorted = 0, begin;

	if (model_begin(&model) < 0 || canvas_resize(&canvas, 132, 43) < 0)
		exit(1);
	for (int round = 0; round < ROUNDS; round++) {
		struct snapshot *snapshot = picture(host);

		begin = seconds();
		model_take(&model, snapshot);
		draw_frame(&model, &canvas);
		taken += seconds() - begin;
		begin = seconds();
		model_key(&model, TOP_KEY_RIGHT);
		draw_frame(&model, &canvas);
		sorted += seconds() - begin;
	}
	printf("  %-44s %8.1f ms\n", "a new picture on the screen", taken * 1e3 / ROUNDS);
	printf("  %-44s %8.1f ms\n", "sorted by another column", sorted * 1e3 / ROUNDS);
	canvas_free(&canvas);
	model_end(&model);
}

/* Workers that come and go, each leaving blocks behind. */
static void come_and_go(struct host *host)
{
	double before = resident_mb(), begin = seconds();
	struct snapshot *snapshot;

	for (uint32_t i = 0; i < SHORT_LIVED; i++) {
		uint32_t pid = HOST_FIRST_PID + host->processes + i;

		host->now_ns += HOST_SECOND / 1000;
		host_process(host, pid);
		host_blocks(host, pid, 0, SHORT_BLOCKS);
		host->now_ns += HOST_SECOND / 1000;
		host_exit(host, pid);
	}
	printf("%d more that come and go: %+.0f MB, %.0f us each\n", SHORT_LIVED, resident_mb() - before,
	       (seconds() - begin) * 1e6 / SHORT_LIVED);
	begin = seconds();
	snapshot = picture(host);
	print_time("a picture", begin);
	snapshot_free(snapshot);
}

static uint64_t number(int argc, char **argv, int index, uint64_t otherwise)
{
	return index < argc ? strtoull(argv[index], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	struct host host = { .ledger = ledger_new(), .now_ns = HOST_SECOND };
	uint64_t blocks = number(argc, argv, 4, 10000000);
	struct snapshot *snapshot;
	double begin;

	setlocale(LC_CTYPE, "C.UTF-8");
	host.processes = (uint32_t)number(argc, argv, 1, 500);
	host.threads = (uint32_t)number(argc, argv, 2, 50);
	host.sites = (uint32_t)number(argc, argv, 3, 20);
	if (!host.ledger || !host.processes || !host.threads || !host.sites)
		return 2;
	for (uint32_t i = 0; i < host.processes; i++)
		host_process(&host, HOST_FIRST_PID + i);
	printf("%u processes, %u threads, %u sites, %" PRIu64 " blocks live: ", host.processes,
	       host.processes * host.threads, host.processes * host.sites, blocks);
	for (uint64_t round = 0; round < 10; round++) {
		host.now_ns += HOST_SECOND / 10;
		for (uint32_t i = 0; i < host.processes; i++)
			host_blocks(&host, HOST_FIRST_PID + i, round * (blocks / host.processes / 10),
				    blocks / host.processes / 10);
	}
	printf("%.0f MB\n", resident_mb());
	for (int round = 0; round < 2; round++) {
		begin = seconds();
		snapshot = picture(&host);
		if (!snapshot)
			return 1;
		print_time(round ? "a picture when nothing changed since" : "a picture", begin);
		if (round == 0) {
			begin = seconds();
			snapshot_free(snapshot);
			print_time("letting it go", begin);
		}
	}
	report("text", "a report as text", snapshot);
	report("json", "a report as JSON", snapshot);
	snapshot_free(snapshot);
	screen(&host);
	come_and_go(&host);
	ledger_free(host.ledger);
	return 0;
}
