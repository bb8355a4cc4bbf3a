# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets in a root, in namespaces and under a user of their own: their files, their names.

In each root the files of a path differ from those of the same path here, so whoever opens the
wrong one sees nothing, or gives the wrong names.
"""
import os
import pathlib
import pwd
import shutil
import sys
import tempfile

from container import USER, Contained, Root
from harness import (PYTHON_LOAD, TARGETS, Outlive, check, consistent, equal, limit, lossless, parse,
                     process_of, run, same_counts, sites_through, symbols, trace)

DEPTH = 12


def frames_root(root):
    """The target "frames" with the files of its two libraries exchanged, and all stripped."""
    root.put_program(TARGETS / "frames")
    root.put(TARGETS / "libframes_a.so", TARGETS / "libframes_b.so")
    root.put(TARGETS / "libframes_b.so", TARGETS / "libframes_a.so")
    for name in ("frames", "libframes_a.so", "libframes_b.so"):
        root.strip(TARGETS / name)


def check_frames(target, truth, report):
    """Exact, and every frame named by the file that is in the root."""
    process = process_of(report, target.pid)
    lossless(report)
    equal(process["live_blocks"], truth["blocks"], "live blocks")
    equal(process["live_bytes"], sum(base + depth for base in (10000, 20000)
                                     for depth in range(1, DEPTH + 1)), "live bytes")
    consistent(process)
    deepest = [site for site in process["sites"] if site["live_bytes"] == 10000 + DEPTH]
    equal(len(deepest), 1, "sites of the deepest chain")
    equal(symbols(deepest[0])[:8], ["allocate", "b_arguments", "a_realigned", "exe_alloca", "b_large",
                                    "a_saves", "exe_plain", "b_arguments"], "frames")
    for frame in deepest[0]["frames"][1:DEPTH + 1]:
        module = {"exe": "frames", "a": "libframes_b.so", "b": "libframes_a.so"}[frame["symbol"].split("_")[0]]
        equal(pathlib.Path(frame["module"]).name, module, f"file of {frame['symbol']}")
        check(frame["file"] and frame["line"], f"no source line: the root's debug file was not found: {frame}")
    return process


def check_home(target, process, user):
    equal(process["inner_pid"], target.inner_pid, "inner pid")
    check(process["inner_pid"] != process["pid"], "it has no pid namespace of its own")
    equal(process["uid"], user, "uid")
    equal(process["user"], pwd.getpwuid(user).pw_name, "user")
    lines = pathlib.Path(f"/proc/{target.pid}/cgroup").read_text().splitlines()
    check(any(line.endswith(f":{process['cgroup']}") for line in lines), f"cgroup {process['cgroup']}: {lines}")
    equal(process["container"], None, "container")
    check({"mnt", "pid"} <= set(process["namespaces"]), f"namespaces {process['namespaces']}")
    equal("user" in process["namespaces"], bool(user), "has it a user namespace")
    equal(process["parent_pid"], target.process.pid, "parent")


def test_files_of_another_root():
    """Other libraries at the same paths, stripped, their debug files in the root only."""
    with Root() as root, tempfile.NamedTemporaryFile(suffix=".outlive") as file:
        frames_root(root)
        with Contained(root, TARGETS / "frames", DEPTH) as target:
            truth, report = trace(target, "--record", file.name)
            process = check_frames(target, truth, report)
            check_home(target, process, USER)
        shutil.rmtree(root.path / "usr/lib/debug")
        status, text, errors = run("threads", "--json", file.name)
        equal((status, errors), (0, []), "replay")
        equal(parse(text)["processes"], report["processes"], "processes of the replay")
        status, text, errors = run("threads", file.name)
        check(f"user daemon · pid {target.inner_pid} in its own namespace" in text, f"text: {text[:400]}")


def test_files_on_overlayfs():
    """maps shows another device number for them than stat(2) does."""
    with Root() as root:
        lower, upper = root.path, root.path.parent / (root.path.name + "-upper")
        frames_root(root)
        mount = (f"mkdir {upper}; mount -t tmpfs none {upper}; mkdir {upper}/u {upper}/w;"
                 f"mount -t overlay none {lower} -o lowerdir={lower},upperdir={upper}/u,workdir={upper}/w;"
                 # A file that was changed lies in the upper folder, another filesystem.
                 f"touch {root.inside(TARGETS / 'libframes_a.so')};")
        try:
            with Contained(root, TARGETS / "frames", DEPTH, user=0, before=mount) as target:
                truth, report = trace(target)
                process = check_frames(target, truth, report)
                check_home(target, process, 0)
        finally:
            upper.rmdir()


def test_preloaded_library():
    """Who is malloc is decided in the root: the library that is preloaded there."""
    with Root() as root:
        library = pathlib.Path("/opt/libpreload.so")
        root.put_program(TARGETS / "frames")
        root.put(library, TARGETS / "libpreload.so")
        with Contained(root, TARGETS / "frames", DEPTH, env=[f"LD_PRELOAD={library}"]) as target:
            truth, report = trace(target)
            lossless(report)
            equal(process_of(report, target.pid)["live_blocks"], truth["blocks"], "live blocks")
            status, text, errors = run("doctor", "-p", target.pid)
            equal(status, 0, f"exit status of doctor (stderr {errors})")
            check(f"allocator {library}" in text, f"doctor: {text}")
            check(f"pid {target.inner_pid} in its own namespace" in text, f"doctor: {text}")


def test_code_made_at_run_time():
    """perf-PID.map lies in the root's /tmp, under the pid of the target's namespace."""
    with Root() as root:
        root.put_program(TARGETS / "jitted")
        with Contained(root, TARGETS / "jitted") as target:
            check((root.path / "tmp" / f"perf-{target.inner_pid}.map").exists(), "the target wrote no map")
            truth, report = trace(target)
            process = process_of(report, target.pid)
            equal(process["live_bytes"], truth["bytes"], "live bytes")
            sites = sites_through(process, "made_while_running")
            equal([site["live_blocks"] for site in sites], [truth["blocks"]], "blocks of that function")


def test_workers_in_a_container():
    """Forked in there, each has its own pid in there, and by that it says what it did."""
    with Root() as root:
        root.put_program(TARGETS / "prefork")
        with Contained(root, TARGETS / "prefork", 3, 1, 300) as target:
            truth, report = trace(target)
        lossless(report)
        by_inner = {process["inner_pid"]: process for process in report["processes"]}
        equal(len(by_inner), 4, "processes")
        equal(by_inner[target.inner_pid]["pid"], target.pid, "pid of the parent")
        for worker in truth["workers"]:
            process = by_inner[worker["pid"]]
            same_counts(process, worker, ("live_blocks", "live_bytes", "inherited_blocks"), "a worker")
            equal((process["parent_pid"], process["forked_from"]), (target.pid, target.pid), "its parent")
            equal(process["user"], pwd.getpwuid(USER).pw_name, "its user")
            check("pid" in process["namespaces"], f"its namespaces: {process['namespaces']}")


@limit(90)
def test_python_in_a_container():
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = pathlib.Path(os.__file__).parent
    with Root() as root:
        program = os.path.realpath("/usr/bin/python3")
        root.put_program(program)
        shutil.copytree(library, root.inside(f"/usr/lib/{version}"), ignore=shutil.ignore_patterns(
            "__pycache__", "test", "idlelib", "lib2to3", "pydoc_data", "config-*", "ensurepip", "site-packages",
            "dist-packages", "distutils", "tkinter", "unittest", "asyncio"))
        root.put("/app/load.py", PYTHON_LOAD)
        with Contained(root, program, "/app/load.py") as target:
            with Outlive("threads", "-p", target.pid, "--json", "--for", "2s") as outlive:
                target.go()
                process = process_of(outlive.report(), target.pid)
            sites = [site for site in process["sites"] if {"build", "worker"} & set(symbols(site))]
            files = {frame["file"] for site in sites for frame in site["frames"] if frame["language"] == "python"}
            check("/app/load.py" in files, f"no frame of the program: {files}")
