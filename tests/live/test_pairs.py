# SPDX-License-Identifier: GPL-2.0-or-later
"""Young blocks paired in the kernel: the same totals as without, by fewer events."""
import os
import tempfile

from harness import Target, check, equal, lossless, process_of, run, total, trace
from test_exact import OPERATIONS, attached, compare_threads
from test_recordings import both_reports, replay, same_answer
from test_rules import exactly

HANDOVER = (3, 30011)
WITHOUT = "--no-pairs"


def handed_over(*options):
    with Target("handover", *HANDOVER) as target:
        truth, report = trace(target, *options)
    lossless(report)
    process = process_of(report, target.pid)
    compare_threads(process, truth)
    for name in ("live_bytes", "live_blocks", "allocated_blocks", "freed_blocks"):
        equal(process[name], total(truth["threads"], name), f"process {name}")
    equal(report["quality"]["alloc_over_live"], 0, "blocks over live ones")
    return process, report


def test_handed_over_to_other_threads():
    handed_over()


def test_handed_over_without_pairs():
    handed_over(WITHOUT)


def test_handed_over_with_a_small_buffer():
    """Whatever is lost is said, and no free of a block that was told is missing."""
    with Target("handover", *HANDOVER) as target:
        truth, report = trace(target, "--buffer", "64K")
    process, quality = process_of(report, target.pid), report["quality"]
    equal(quality["lost_frees"], 0, "lost frees")
    missing = total(truth["threads"], "allocated_blocks") - process["allocated_blocks"]
    equal(missing, quality["lost_allocs"], "blocks missing, and said to be")
    check(process["live_blocks"] <= total(truth["threads"], "live_blocks"), "false live blocks")


def test_exact_without_pairs():
    return attached(8, OPERATIONS, WITHOUT)


def test_rules_without_pairs():
    for scenario, functions in (("nested", None), ("failed_realloc", {"malloc": 1}),
                                ("realloc_zero", {"malloc": 12}),
                                ("zero_size", {"malloc": 31, "calloc": 1}),
                                ("longjmp_out", {"malloc": 5, "calloc": 5}),
                                ("reuse_in_realloc", None)):
        exactly(scenario, functions, options=[WITHOUT])


def test_same_answer_handed_over():
    """A recording of counts, and of blocks that were kept for a while, replays the same."""
    with Target("handover", *HANDOVER) as target:
        live, replayed = both_reports(target)
    same_answer(live, replayed)


def bytes_per_event(folder, *options):
    """Of a recording of a program that frees soon nearly all it makes."""
    path = os.path.join(folder, "trace")
    with Target("busy", 2) as target:
        target.start()
        status, _, errors = run("record", "-o", path, "-p", target.pid, "--for", "1s", *options)
    equal(status, 0, f"exit status ({errors})")
    replayed, _ = replay(path)
    return os.path.getsize(path) / replayed["quality"]["events"]


def test_fewer_events_come():
    with tempfile.TemporaryDirectory() as folder:
        paired, single = bytes_per_event(folder), bytes_per_event(folder, WITHOUT)
    check(paired * 3 < single, f"{paired:.2f} bytes per event with pairs, {single:.2f} without")
    return f"{paired:.2f} bytes per event with pairs, {single:.2f} without"
