# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts: each way of keeping memory is called by its name, and never by another's."""
from harness import (Failure, Outlive, Target, check, equal, lossless, process_of, sites_through)

MILLISECONDS = 3000
AT_ONCE = 5
RUNS = [(threads, blocks) for blocks in (1, 1, 1, 1, 2) for threads in (2, 7, 10, 32)]


def one_site(process, function):
    sites = sites_through(process, function)
    equal(len(sites), 1, f"sites through {function}()")
    return sites[0]


def verdicts(process, truth, threads, blocks):
    """Everything that is wrong with the verdicts of one run."""
    wrong = []

    def expect(function, field, expected, tolerance=0.0):
        pattern = one_site(process, function)["pattern"]
        found = pattern[field]
        good = found == expected
        if tolerance and found is not None:
            good = abs(found - expected) <= tolerance * expected
        if not good:
            wrong.append(f"{function}: {field} {found!r}, expected {expected!r}"
                         f" ({pattern['text']})")

    expect("serve", "name", "per-thread-slot")
    expect("serve", "threads", threads)
    expect("serve", "blocks_per_thread", blocks)
    expect("serve", "replacements", truth["replacements"])
    expect("buffer", "name", "per-thread-slot")
    expect("buffer", "threads", threads)
    expect("buffer", "blocks_per_thread", 1)
    expect("buffer", "replacements", 0)
    expect("startup", "name", "static")
    expect("cache", "name", "bounded")
    expect("scratch", "name", "short-lived")
    expect("leak", "name", "growing")
    expect("leak", "growth_bytes_per_s",
           truth["leak_bytes"] * 1e9 / truth["leak_ns"], 0.10)
    return wrong


def batch(runs):
    targets = [Target("patterns", threads, blocks, MILLISECONDS) for threads, blocks in runs]
    tracers = [Outlive("threads", "-p", target.pid, "--json", wait=False) for target in targets]
    for tracer in tracers:
        tracer.wait_tracing()
    for target in targets:
        target.start()
    truths = []
    for target, tracer in zip(targets, tracers):
        truths.append(target.truth())
        tracer.interrupt()  # at once: a leak that has ended no longer grows
    wrong = []
    for target, tracer, truth, (threads, blocks) in zip(targets, tracers, truths, runs):
        report = tracer.report()
        lossless(report)
        process = process_of(report, target.pid)
        equal(one_site(process, "serve")["live_blocks"], threads * blocks, "blocks in slots")
        wrong += [f"pool of {threads} × {blocks}: {line}"
                  for line in verdicts(process, truth, threads, blocks)]
        target.finish()
    return wrong


def test_all_patterns_twenty_runs():
    wrong = []
    for first in range(0, len(RUNS), AT_ONCE):
        wrong += batch(RUNS[first:first + AT_ONCE])
    if wrong:
        raise Failure(f"{len(wrong)} wrong in {len(RUNS)} runs:" + "".join(
            f"\n           {line}" for line in wrong))
    return f"{len(RUNS)} runs"


def test_text_says_it_in_words():
    """The first thing a person reads: who holds it, and that it is bounded by the pool."""
    with Target("patterns", 7, 1, 1500) as target:
        with Outlive("threads", "-p", target.pid) as outlive:
            target.go()
            outlive.interrupt()
            equal(outlive.wait(), 0, "exit status")
            text = outlive.text()
    check("per-thread slot" in text, f"no verdict in {text}")
    check("7 threads" in text, f"no number of threads in {text}")
    check("serve" in text, f"no function in {text}")
    for line in text.splitlines():
        check(len(line) <= 80, f"wider than 80 columns: {line!r}")
    check("\x1b" not in text, "colours without a terminal")
