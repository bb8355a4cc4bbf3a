# SPDX-License-Identifier: GPL-2.0-or-later
"""Exactness: outlive and the target agree to the byte and to the block."""
import json
import tempfile

from harness import (TARGETS, Outlive, Target, THREAD_COUNTS, check, consistent, equal,
                     lossless, parse, process_of, same_counts, sites_through, thread_of,
                     total, trace)


OPERATIONS = 1000003
ALLOCATED = ("allocated_bytes", "allocated_blocks", "freed_bytes", "freed_blocks")


def calls(sites):
    """Calls by function, aliases as one: a library has one memalign under two names."""
    counts = {}
    for site in sites:
        for name, count in site["functions"].items():
            name = "memalign" if name == "aligned_alloc" else name
            counts[name] = counts.get(name, 0) + count
    return counts


def true_calls(truth):
    counts = dict(truth["functions"])
    counts["memalign"] += counts.pop("aligned_alloc")
    del counts["free"]  # a site counts what allocates there
    return {name: count for name, count in counts.items() if count}


def compare_threads(process, truth):
    for row in truth["threads"]:
        found = thread_of(process, row["tid"])
        equal(found["comm"], row["comm"], f"comm of thread {row['tid']}")
        same_counts(found, row, THREAD_COUNTS, f"thread {row['tid']}")


def compare_all(report, pid, truth):
    """Nothing but the work happened while tracing: every row and every total is known."""
    lossless(report)
    equal(truth["spoiled"], 0, "blocks the target found spoiled")
    process = process_of(report, pid)
    compare_threads(process, truth)
    for name in ("live_bytes", "live_blocks", *ALLOCATED):
        equal(process[name], total(truth["threads"], name), f"process {name}")
    equal(calls(process["sites"]), true_calls(truth), "calls by function")
    equal(process["failed_calls"], 0, "failed calls")
    consistent(process)
    return f"{report['quality']['events']} events"


def attached(threads, operations, *options):
    with Target("exact", threads, operations) as target:
        truth, report = trace(target, *options)
        return compare_all(report, target.pid, truth)


def commanded(threads):
    """-- COMMAND: start-up allocates too, so compare what only the work can have done."""
    with tempfile.NamedTemporaryFile() as file:
        outlive = Outlive("threads", "--json", "-o", file.name, "--", TARGETS / "exact", threads,
                          OPERATIONS, "--go")
        equal(outlive.wait(50), 0, f"exit status (stderr {outlive.errors})")
        report = parse(file.read().decode())
        lines = [json.loads(line) for line in outlive.text().splitlines()]
    pid, truth = lines[0]["ready"], lines[1]["truth"]
    lossless(report)
    process = process_of(report, pid)
    equal(process["state"], "exited", "state")
    sites = sites_through(process, "work")
    if threads:
        compare_threads(process, truth)
        for site in sites:
            for row in site["threads"]:
                check(row["tid"] != pid, "the main thread works")
    for name in ("live_bytes", "live_blocks", "allocated_bytes", "allocated_blocks"):
        equal(total(sites, name), total(truth["threads"], name), f"{name} of sites through work()")
    equal(calls(sites), true_calls(truth), "calls by function")
    consistent(process)
    return f"{report['quality']['events']} events"


def test_attached_single_thread():
    return attached(0, OPERATIONS)


def test_attached_eight_threads():
    return attached(8, OPERATIONS)


def test_attached_without_stacks():
    return attached(8, 100003, "--stacks", "none")


def test_attached_frame_pointers():
    return attached(2, 100003, "--stacks", "fp")


def test_command_single_thread():
    return commanded(0)


def test_command_eight_threads():
    return commanded(8)


def test_report_verb_agrees():
    with Target("exact", 3, 10007) as target:
        truth, report = trace(target, verb="report")
        equal(report["verb"], "report", "verb")
        return compare_all(report, target.pid, truth)


def test_two_processes():
    """-p PID,PID keeps them apart."""
    with Target("exact", 2, 20011) as first, Target("exact", 3, 30011) as second:
        with Outlive("threads", "-p", f"{first.pid},{second.pid}", "--json") as outlive:
            first.start()
            second.start()
            truths = {target.pid: target.truth() for target in (first, second)}
            report = outlive.stop()
        lossless(report)
        equal(len(report["processes"]), 2, "processes")
        for pid, truth in truths.items():
            compare_threads(process_of(report, pid), truth)


def test_two_tracers():
    """Two outlives on one process at the same time: each sees everything."""
    with Target("exact", 2, 50021) as target:
        with Outlive("threads", "-p", target.pid, "--json") as one, \
                Outlive("threads", "-p", target.pid, "--json") as two:
            truth = target.go()
            reports = one.stop(), two.stop()
        for report in reports:
            compare_all(report, target.pid, truth)


def test_untraced_before_tracing():
    """What happens before the line "tracing" is not counted, what happens after is."""
    with Target("exact", 2, 50021) as target:
        target.go()
        with Outlive("threads", "-p", target.pid, "--json", "--for", "200ms") as outlive:
            report = outlive.report()
        process = process_of(report, target.pid)
        equal(process["allocated_blocks"], 0, "blocks allocated")
        equal(process["live_bytes"], 0, "live bytes")


def test_command_status_is_ours():
    """The command's exit status is not outlive's; the report is there all the same."""
    with tempfile.NamedTemporaryFile() as file:
        outlive = Outlive("threads", "--json", "-o", file.name, "--", "/bin/sh", "-c",
                          "exit 3")
        equal(outlive.wait(), 0, "exit status")
        report = parse(file.read().decode())
        check(report["processes"] and report["processes"][0]["allocated_blocks"] > 0,
              "a shell allocates when it starts, nothing was seen")
