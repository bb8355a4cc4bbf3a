# SPDX-License-Identifier: GPL-2.0-or-later
"""Children of traced processes: forked workers, programs run by exec, and what is said of the
time before their probes stood."""
from harness import (TARGETS, Outlive, Target, check, consistent, equal, lossless, parse,
                     process_of, run, same_counts, sites_through)

COUNTS = ("live_blocks", "live_bytes", "allocated_blocks", "allocated_bytes", "freed_blocks",
          "freed_bytes", "inherited_blocks")
DELAY_MS = 300  # by then a child has its probes, on a machine that is busy too


def workers_exact(report, truth):
    for worker in truth["workers"]:
        process = process_of(report, worker["pid"])
        same_counts(process, worker, COUNTS, f"worker {worker['pid']}")
        equal(process["inherited_bytes"], worker["inherited_blocks"] * truth["block_bytes"],
              "inherited bytes")
        equal(process["state"], "exited" if worker["ended"] else "running", "state")
        consistent(process)
        kept = sites_through(process, "serve")
        equal(sum(site["live_blocks"] for site in kept), worker["live_blocks"], "blocks of serve()")
        equal(sites_through(process, "main") and all(
            "main" in [frame["symbol"] for frame in site["frames"]] for site in process["sites"]),
            True, "stacks reach main()")


def worst_ms(report, truth):
    return max(process_of(report, worker["pid"])["covered_after_ns"]
               for worker in truth["workers"]) / 1e6


def test_prefork_workers_exact():
    """Every worker has its own books; what ended is still there; blocks of before stand apart."""
    with Target("prefork", 3, 3, DELAY_MS) as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            truth = target.go()
            report = outlive.stop()
    lossless(report)
    parent = process_of(report, target.pid)
    equal(parent["live_blocks"], truth["blocks"], "blocks of the parent")
    equal(len(report["processes"]), 10, "processes")
    workers_exact(report, truth)
    worst = worst_ms(report, truth)
    check(0 < worst < DELAY_MS, f"probes stood after {worst} ms")
    return f"probes stood within {worst:.1f} ms"


def test_no_stacks_are_short():
    """A child walks by its parent's tables from its first call on."""
    with Target("prefork", 2, 1, DELAY_MS) as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            target.go()
            report = outlive.stop()
    equal(report["quality"]["unwind_errors"], 0, "stacks that end early")


def test_hasty_workers_have_no_false_leaks():
    """What a child did before its probes stood is missing, never invented."""
    with Target("prefork", 8, 1, 0) as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            truth = target.go()
            report = outlive.stop()
    for name in ("lost_allocs", "lost_frees", "alloc_over_live"):
        equal(report["quality"][name], 0, name)
    for worker in truth["workers"]:
        process = process_of(report, worker["pid"])
        consistent(process)
        for name in ("live_blocks", "live_bytes", "allocated_blocks", "allocated_bytes"):
            check(process[name] <= worker[name], f"{name}: {process[name]}, true {worker[name]}")
        check(process["inherited_blocks"] >= worker["inherited_blocks"], "inherited blocks")
        check(process["covered_after_ns"] > 0, "the report does not say what was missed")


def test_text_says_what_was_missed():
    with Target("prefork", 1, 1, DELAY_MS) as target:
        with Outlive("threads", "-p", target.pid) as outlive:
            target.go()
            outlive.interrupt()
            equal(outlive.wait(), 0, "exit status")
            text = " ".join(outlive.text().split())
    check("after its fork, exec or first mapping" in text, "nothing is said of the gap")
    check("inherited from " in text, "nothing is said of the parent's blocks")


def test_no_follow():
    """--no-follow: children are counted at their parent and are nothing else."""
    with Target("prefork", 2, 1, 0) as target:
        with Outlive("threads", "-p", target.pid, "--json", "--no-follow") as outlive:
            truth = target.go()
            report = outlive.stop()
    lossless(report)
    equal([process["pid"] for process in report["processes"]], [target.pid], "processes")
    equal(report["processes"][0]["live_blocks"], truth["blocks"], "blocks of the parent")


def test_recording_agrees():
    """A recording knows the children, the parent's blocks and the gap as the live report does."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder, Target("prefork", 2, 2, 100) as target:
        path = folder + "/prefork.outlive"
        with Outlive("threads", "-p", target.pid, "--json", "--record", path) as outlive:
            target.go()
            live = outlive.stop()
        status, text, errors = run("threads", path, "--json")
        equal(status, 0, f"exit status of the replay ({errors})")
    replayed = parse(text)
    equal(replayed["processes"], live["processes"], "processes of live and replayed report")


def test_command_and_its_children():
    """-- COMMAND: a shell's programs, by fork and exec and by exec alone, have their own books."""
    exact = str(TARGETS / "rules")
    with Outlive("threads", "--json", "--", "sh", "-c",
                 f"{exact} realloc_zero --go </dev/null >/dev/null; true", wait=False) as outlive:
        report = outlive.report()
    programs = [process["comm"] for process in report["processes"]]
    check("sh" in programs and "rules" in programs, f"programs: {programs}")
