# SPDX-License-Identifier: GPL-2.0-or-later
"""Children of traced processes: forked workers, programs run by exec, and what is said of the
time before their probes stood."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from harness import (TARGETS, Outlive, Target, check, consistent, equal, limit, lossless, parse,
                     process_of, run, same_counts, sites_through, spawn)

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


@limit(120)
def test_more_children_than_probes():
    """Children beyond what the kernel bears probes for are counted, and named as not traced."""
    with Target("prefork", 140, 1, 3000) as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            truth = target.go()
            report = outlive.stop()
    traced = {process["pid"] for process in report["processes"]}
    followed = [worker for worker in truth["workers"] if worker["pid"] in traced]
    equal(len(followed), 128, "children followed")
    equal(report["quality"]["lost_processes"], 12, "processes not traced")
    workers_exact(report, {**truth, "workers": followed})
    equal(process_of(report, target.pid)["live_blocks"], truth["blocks"], "blocks of the parent")


def test_crowd():
    """20 children of 50 threads each."""
    with tempfile.TemporaryDirectory() as folder:
        keeper = Keeper(folder, 3, "crowd", 20)
        with Outlive("threads", "-p", keeper.pid, "--json") as outlive:
            keeper.go()
            report = outlive.stop()
        keeper.end()
    lossless(report)
    children = [process for process in report["processes"] if process["pid"] != keeper.pid]
    equal(len(children), 20, "children")
    for process in children:
        equal(sum(site["live_blocks"] for site in sites_through(process, "keep_in_thread")), 150,
              f"blocks of the threads of {process['pid']}")


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
    with tempfile.TemporaryDirectory() as folder, Target("prefork", 2, 2, 100) as target:
        path = folder + "/prefork.outlive"
        with Outlive("threads", "-p", target.pid, "--json", "--record", path) as outlive:
            target.go()
            live = outlive.stop()
        status, text, errors = run("threads", path, "--json")
        equal(status, 0, f"exit status of the replay ({errors})")
    replayed = parse(text)
    equal(replayed["processes"], live["processes"], "processes of live and replayed report")


class Keeper:
    """A process of tests/targets/keep, which works once go() is called."""

    def __init__(self, folder, *words):
        self.folder = folder
        self.process = spawn([TARGETS / "keep", folder, *words], stdout=subprocess.PIPE)
        self.pid = self.process.pid

    def go(self):
        (pathlib.Path(self.folder) / "go").touch()
        return json.loads(self.process.stdout.readline())

    def end(self):
        (pathlib.Path(self.folder) / "end").touch()


def exec_chain(kind):
    with tempfile.TemporaryDirectory() as folder:
        keeper = Keeper(folder, 7, kind, 3)
        with Outlive("threads", "-p", keeper.pid, "--json") as outlive:
            truth = keeper.go()
            report = outlive.stop()
        keeper.end()
    process = process_of(report, keeper.pid)
    for name in ("live_blocks", "live_bytes"):
        equal(process[name], truth[name], name)
    equal(sum(site["live_blocks"] for site in sites_through(process, "keep_block")), 10,
          "blocks of keep_block()")
    consistent(process)
    return process, report


def test_exec_chain():
    """Each program of a process begins with empty books, and is traced from its first call."""
    process, report = exec_chain("chain")
    lossless(report)
    equal(process["allocated_blocks"], 2 * (7 + 8 + 9 + 10), "blocks made by all programs")


def own_libc(folder):
    """Copies of the loader and of libc in `folder`, other files to the kernel; a command's start."""
    for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"):
        shutil.copy(os.path.realpath(path), os.path.join(folder, os.path.basename(path)))
    return f"{folder}/ld-linux-x86-64.so.2 --library-path {folder} {TARGETS}/keep {folder}"


def exec_with_own_libc(*options):
    with tempfile.TemporaryDirectory() as folder:
        parent = spawn(["sh", "-c", f"read go; exec {own_libc(folder)} 5 stay"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with Outlive("threads", "-p", parent.pid, "--json", *options) as outlive:
            parent.stdin.write(b"go\n")
            parent.stdin.flush()
            time.sleep(0.7)
            (pathlib.Path(folder) / "go").touch()
            truth = json.loads(parent.stdout.readline())
            report = outlive.stop()
        (pathlib.Path(folder) / "end").touch()
    process = process_of(report, parent.pid)
    for name in ("live_blocks", "live_bytes"):
        equal(process[name], truth[name], name)
    equal(sum(site["live_blocks"] for site in sites_through(process, "keep_block")), 5,
          "blocks of keep_block()")
    return process["covered_after_ns"] / 1e6


def test_exec_with_its_own_libc():
    """A libc that is met while the trace runs gets its probes, and the report says how late."""
    late = exec_with_own_libc()
    check(0 < late < 700, f"covered after {late} ms")
    return f"after {late:.1f} ms"


def test_exec_with_its_own_libc_unannounced():
    """--no-mmap: nothing tells when a program has mapped its libraries; they are looked for."""
    exec_with_own_libc("--no-mmap")


def test_exec_by_another_thread():
    """It takes the first thread's place, to which the kernel had tied the probes."""
    process, report = exec_chain("thread")
    equal(report["quality"]["lost_calls"], 0, "lost calls")
    check(process["covered_after_ns"] > 0, "the report does not say what was missed")


def test_command_ends_its_trace():
    """What a command leaves running is shown as it is then, and does not keep the trace up."""
    with tempfile.TemporaryDirectory() as folder:
        script = (f"{TARGETS}/keep {folder} 5 stay >{folder}/truth 2>/dev/null &"
                  f"sleep 0.5; touch {folder}/go; sleep 0.5")
        begin = time.monotonic()
        with Outlive("threads", "--json", "--", "sh", "-c", script, wait=False) as outlive:
            report = outlive.report(timeout=15)
        took = time.monotonic() - begin
        (pathlib.Path(folder) / "end").touch()
        with open(folder + "/truth") as said:
            truth = json.loads(said.readline())
    keeper = process_of(report, truth["pid"])
    equal(keeper["state"], "running", "state of what the command left")
    equal(keeper["live_blocks"], 5, "its blocks")
    check(took < 10, f"the report came after {took:.1f} s")


def test_trace_of_a_pid_outlives_it():
    """-p: the trace goes on until the children have ended too."""
    with tempfile.TemporaryDirectory() as folder:
        parent = spawn(["sh", "-c", f"read go; {TARGETS}/keep {folder} 5 leave 2>/dev/null & exit 0"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with Outlive("threads", "-p", parent.pid, "--json") as outlive:
            parent.stdin.write(b"go\n")
            parent.stdin.flush()
            equal(parent.wait(10), 0, "exit status of the parent")
            time.sleep(0.5)
            check(outlive.process.poll() is None, "the trace ended with the parent")
            (pathlib.Path(folder) / "go").touch()
            truth = json.loads(parent.stdout.readline())
            report = outlive.report()
    equal(process_of(report, truth["pid"])["live_blocks"], 5, "blocks of the child")
    equal({process["state"] for process in report["processes"]}, {"exited"}, "states")


def test_command_and_its_children():
    """-- COMMAND: a shell's programs, by fork and exec and by exec alone, have their own books."""
    exact = str(TARGETS / "rules")
    with Outlive("threads", "--json", "--", "sh", "-c",
                 f"{exact} realloc_zero --go </dev/null >/dev/null; true", wait=False) as outlive:
        report = outlive.report()
    programs = [process["comm"] for process in report["processes"]]
    check("sh" in programs and "rules" in programs, f"programs: {programs}")
