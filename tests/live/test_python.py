# SPDX-License-Identifier: GPL-2.0-or-later
"""Python stacks: outlive's are the program's own, frame by frame, on every interpreter found."""
import collections
import glob
import itertools
import os
import pathlib
import subprocess

from harness import ROOT, Outlive, Target, check, equal, limit, lossless, process_of, trace

STACKS = ROOT / "tests" / "targets" / "python_stacks.py"
CHURN = ROOT / "tests" / "targets" / "python_churn.py"
MOST_FRAMES = 127


def interpreters():
    """{version: path} of the interpreters of this machine, one of each version."""
    found = {}
    candidates = ["/usr/bin/python3", "/usr/bin/python2"]
    candidates += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python")))
    for path in candidates:
        if not os.access(path, os.X_OK):
            continue
        version = subprocess.run([path, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
                                 stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        found.setdefault(version, os.path.realpath(path))
    return found


def python_stack(site):
    return tuple((frame["symbol"], frame["file"], frame["line"]) for frame in site["frames"]
                 if frame["language"] == "python")


def expected_stacks(truth):
    """{stack: sizes of the blocks that were made there}"""
    stacks = collections.defaultdict(list)
    for block in truth:
        stacks[tuple(tuple(frame) for frame in block["stack"][:MOST_FRAMES])].append(block["size"])
    return stacks


def adds_up(parts, whole):
    """Do some of `parts` come to `whole`? The native part may differ between two calls from one
    Python stack, and CPython's own blocks may lie at the same one."""
    parts = [part for part in parts if part <= whole][:16]
    return any(sum(some) == whole for count in range(len(parts), 0, -1)
               for some in itertools.combinations(parts, count))


def compare(truth, process):
    """Every block at its own stack: by the sum of their sizes, which no other stack has."""
    found = collections.defaultdict(list)
    for site in process["sites"]:
        found[python_stack(site)].append(site["live_bytes"])
    wrong = []
    for stack, sizes in expected_stacks(truth).items():
        if not adds_up(found.get(stack, []), sum(sizes)):
            others = [python_stack(site) for site in process["sites"]
                      if site["live_bytes"] == sum(sizes)]
            wrong.append(f"{len(sizes)} blocks of {sum(sizes)} bytes are not at {stack[:6]} "
                         f"(there: {found.get(stack, [])[:4]}), but at {[o[:6] for o in others]}")
    check(not wrong, f"{len(wrong)} stacks differ: {wrong[0] if wrong else ''}")


def placed(process):
    """No frame of the interpreter is left to see beside the Python frames that it ran."""
    for site in process["sites"]:
        if python_stack(site):
            for frame in site["frames"]:
                check("EvalFrame" not in (frame["symbol"] or ""),
                      f"an eval frame without a Python frame: {site['frames']}")


def one_interpreter(version, path):
    with Target(f"python {version}", command=[path, STACKS]) as target:
        truth, report = trace(target, verb="report")
        process = process_of(report, target.pid)
        quality = report["quality"]
        for name in ("lost_allocs", "lost_frees", "lost_stacks", "python_unread"):
            equal(quality[name], 0, f"Python {version}: quality.{name}")
        check(quality["python_truncated"] >= 1, f"Python {version}: no stack was too deep")
        compare(truth, process)
        placed(process)
        return len(truth)


@limit(180)
def test_every_interpreter():
    found = interpreters()
    check(found, "no Python on this machine")
    counts = [one_interpreter(version, path) for version, path in sorted(found.items())]
    return f"{', '.join(sorted(found))}: {sum(counts)} of {sum(counts)} stacks equal"


def test_native_frames_on_demand():
    """--native leaves every frame of the interpreter in its place, the Python frames beside it."""
    path = sorted(interpreters().items())[-1][1]
    with Target("python", command=[path, STACKS]) as target:
        truth, report = trace(target, "--native", verb="report")
        process = process_of(report, target.pid)
        compare(truth, process)
        shown = 0
        for site in process["sites"]:
            evals = {frame["address"] for frame in site["frames"]
                     if frame["language"] == "native" and "EvalFrame" in (frame["symbol"] or "")}
            for frame in site["frames"]:
                if frame["language"] == "python" and site["stack"] == "complete":
                    check(frame["address"] in evals, f"no eval frame beside {frame}")
                    shown += 1
        check(shown > 1000, f"only {shown} Python frames")
        return f"{shown} Python frames beside their eval frames"


@limit(120)
def test_code_objects_that_come_and_go():
    """A name is the true one or none, though thousands of functions come to lie at the same
    addresses."""
    named = total = stayed = stayed_named = 0
    for version, path in sorted(interpreters().items()):
        with Target(f"python {version}", command=[path, CHURN, "churn"]) as target:
            truth, report = trace(target, "--buffer", "64M", verb="report")
            process = process_of(report, target.pid)
            for site in process["sites"]:
                number = site["live_bytes"] - truth["size"]
                if site["largest_block_bytes"] < truth["size"]:
                    continue
                equal(site["live_blocks"], 1, f"Python {version}: functions taken for one")
                total += 1
                stays = number % truth["stays"] == 0
                stayed += stays
                stack = python_stack(site)
                check(stack and stack[-1][0] == "<module>", f"{version}: stack is {stack}")
                for function, file, line in stack:
                    if function.startswith("f") and file.startswith("file"):
                        equal((function, file, line), (f"f{number}", f"file{number}.py", 2),
                              f"Python {version}: block {number}")
                        named += 1
                        stayed_named += stays
            equal(report["quality"]["lost_allocs"], 0, "lost_allocs")
            equal(report["quality"]["alloc_over_live"], 0, "alloc_over_live")
    # Of those gone within microseconds any number may be named; those that stay must be.
    check(stayed > 0 and stayed_named >= 0.9 * stayed,
          f"only {stayed_named} of {stayed} functions that stayed were named")
    return (f"{stayed_named} of {stayed} that stayed and {named - stayed_named} of "
            f"{total - stayed} short-lived functions named, none wrongly")


@limit(120)
def test_scribbled_structures():
    """Names, line tables and frame chains that lead nowhere, or in circles."""
    unread = 0
    for version, path in sorted(interpreters().items()):
        with Target(f"python {version}", command=[path, CHURN, "scribble"]) as target:
            truth, report = trace(target, verb="report")
            process = process_of(report, target.pid)
            sites = [site for site in process["sites"] if truth["size"] <= site["largest_block_bytes"]]
            equal(sum(site["live_blocks"] for site in sites), truth["count"],
                  f"Python {version}: blocks made while broken")
            unread += report["quality"]["python_unread"]
            check(report["quality"]["python_unread"] > 0, f"Python {version}: nothing was unread")
            for site in process["sites"]:
                check(len(site["frames"]) <= 2 * MOST_FRAMES, "too many frames")
    return f"{unread} stacks counted as not read"
