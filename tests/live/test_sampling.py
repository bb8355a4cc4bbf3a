# SPDX-License-Identifier: GPL-2.0-or-later
"""Sampling: estimates against the target's own truth, and what stays exact.

Estimates differ from run to run. An interval of 95 % is missed one time in twenty, and there are
many here, so the truth may lie three times as far off: that is missed once in millions.
(That intervals are what they say is tests/unit/test_estimate.c's to show.)
"""
from harness import (Outlive, Target, check, equal, limit, lossless, parse, process_of, run,
                     sites_through, total, trace)
from test_recordings import both_reports, same_answer

USAGE = 2
SLACK = 3


def near(found, truth, what):
    """The truth lies in the interval of a site or process, made SLACK times as wide."""
    live = found["live_bytes"]
    low = live - SLACK * (live - found["live_bytes_low"])
    high = live + SLACK * (found["live_bytes_high"] - live)
    check(low <= truth <= high, f"{what}: {live} ({found['live_bytes_low']} to "
          f"{found['live_bytes_high']}), the truth is {truth}")


@limit(90)
def test_estimates_of_sites():
    """Sites of blocks from 1 KB to 20 KB, sampled every 4 KB."""
    with Target("patterns", 10, 1, 2000) as target:
        truth, report = trace(target, "--sample", "4K")
        process = process_of(report, target.pid)
    lossless(report)
    equal(report["capture"]["sample_bytes"], 4096, "capture.sample_bytes")
    for name, live in {"leak": truth["leak_bytes"], "startup": 97 * 3001, "cache": 61 * 2003,
                       "serve": 10 * 20011, "buffer": 10 * 10007}.items():
        sites = sites_through(process, name)
        equal(len(sites), 1, f"sites through {name}()")
        near(sites[0], live, name)
        check(sites[0]["recorded_live_blocks"] > 0, f"{name}: no block behind the estimate")
    equal(total(sites_through(process, "scratch"), "live_bytes"), 0, "live bytes of scratch()")
    verdicts = {name: sites_through(process, name)[0]["pattern"]["name"]
                for name in ("leak", "serve")}
    equal(verdicts["leak"], "growing", "verdict on leak()")
    equal(verdicts["serve"], "per-thread-slot", "verdict on serve(), of blocks five times as large")
    return f"{report['quality']['events']} events"


@limit(90)
def test_calls_are_counted():
    """All calls of the process are counted, of all threads and functions, sampled or not."""
    with Target("exact", 8, 300007) as target:
        truth, report = trace(target, "--sample", "64K")
        process = process_of(report, target.pid)
    lossless(report)
    threads = truth["threads"]
    for found, name in (("allocated_blocks", "allocated_blocks"), ("frees", "freed_blocks"),
                        ("allocated_bytes", "allocated_bytes")):
        equal(process["called"][found], total(threads, name), f"called.{found}")
    near(process, total(threads, "live_bytes"), "live bytes")
    share = process["allocated_bytes"] / total(threads, "allocated_bytes")
    check(0.9 < share < 1.1, f"allocated bytes are off by {share:.3f}")
    return f"{report['quality']['events']} events, allocated x {share:.3f}"


@limit(90)
def test_every_byte_sampled():
    """At one sample per byte all but the tiniest blocks are certain: so nothing that is freed,
    moved by realloc, or freed by another thread may be missed."""
    with Target("exact", 8, 300007) as target:
        truth, report = trace(target, "--sample", "1")
        process = process_of(report, target.pid)
    lossless(report)
    for name in ("live_bytes", "allocated_bytes", "freed_bytes"):
        true = total(truth["threads"], name)
        check(abs(process[name] - true) <= 20 + true / 100000, f"{name} {process[name]}, {true}")
    equal(process["live_bytes"], total(process["sites"], "live_bytes"), "sum of sites")
    equal(process["live_bytes"], total(process["threads"], "live_bytes"), "sum of threads")


def test_with_min_size():
    """Blocks below the least size are neither sampled nor counted; the others are as ever."""
    with Target("patterns", 5, 1, 1000) as target:
        _, report = trace(target, "--sample", "4K", "--min-size", "5000")
        process = process_of(report, target.pid)
    lossless(report)
    for name in ("leak", "startup", "cache"):
        equal(sites_through(process, name), [], f"sites through {name}()")
    near(sites_through(process, "serve")[0], 5 * 20011, "serve")
    near(sites_through(process, "buffer")[0], 5 * 10007, "buffer")


@limit(90)
def test_same_answer_when_replayed():
    with Target("patterns", 10, 1, 1500) as target:
        live, replayed = both_reports(target, "--sample", "8K")
    equal(replayed["capture"]["sample_bytes"], 8192, "capture.sample_bytes of the recording")
    check(live["processes"][0]["called"]["allocated_blocks"] > 100, "calls were not counted")
    same_answer(live, replayed)


@limit(90)
def test_text_says_estimates():
    with Target("patterns", 10, 1, 800) as target:
        with Outlive("threads", "-p", target.pid, "--sample", "8K") as outlive:
            target.go()
            outlive.interrupt()
            equal(outlive.wait(), 0, "exit status")
            text = outlive.text()
    for words in ("sampled per 8.00 KB", "estimates", "live ≈ ", "counted ", "sampled block"):
        check(words in text, f"'{words}' is not in the text: {text[:600]}")
    check("exact" not in text, "a sampled trace calls itself exact")


def test_exec_ends_samples():
    """What the program before had is gone, and its notes do not meet the next one's blocks."""
    script = "x = [bytearray(50000) for _ in range(200)]; import os; " \
             "os.execv('/usr/bin/python3', ['python3', '-c', 'y = [bytearray(60000) for _ in " \
             "range(100)]; import os; os._exit(0)'])"
    status, text, errors = run("report", "--json", "--sample", "4K", "--",
                               "/usr/bin/python3", "-c", script)
    equal(status, 0, f"exit status (stderr {errors})")
    process = parse(text)["processes"][0]
    large = [site for site in process["sites"] if site["largest_block_bytes"] > 40000]
    check(large, "the second program's blocks are not there")
    check(all(site["largest_block_bytes"] > 59000 for site in large),
          f"blocks of the first program are live: {[s['largest_block_bytes'] for s in large]}")


def test_sizes_taken():
    for size in ("", "12Q", "2G", "-1"):
        status, _, errors = run("threads", "-p", 1, "--sample", size)
        equal(status, USAGE, f"exit status with --sample '{size}' ({errors})")
        check("--sample takes" in errors[0], f"stderr: {errors}")


def test_children_are_sampled_too():
    """A child's calls are counted from zero, and its frees of its parent's blocks hurt nobody."""
    script = "import os, time\n" \
             "x = [bytearray(50000) for _ in range(100)]\n" \
             "if os.fork() == 0:\n" \
             "    time.sleep(0.5)\n" \
             "    x.clear()\n" \
             "    y = [bytearray(60000) for _ in range(50)]\n" \
             "    os._exit(0)\n" \
             "os.wait()\n" \
             "os._exit(0)\n"
    status, text, errors = run("report", "--json", "--sample", "16K", "--",
                               "/usr/bin/python3", "-c", script)
    equal(status, 0, f"exit status (stderr {errors})")
    report = parse(text)
    lossless(report)
    parent, child = sorted(report["processes"], key=lambda process: process["pid"])
    check(50 <= child["called"]["allocated_blocks"] < parent["called"]["allocated_blocks"],
          f"calls: parent {parent['called']}, child {child['called']}")
    near(child, 50 * 60000, "the child's blocks")
    check(parent["live_bytes_high"] > 100 * 50000, "the parent's blocks are gone")
