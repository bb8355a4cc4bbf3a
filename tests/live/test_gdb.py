# SPDX-License-Identifier: GPL-2.0-or-later
"""Every stack equals gdb's backtrace of the same call: frame by frame, name by name."""
import json
import os
import pathlib
import re
import subprocess
import tempfile

from harness import (ROOT, TARGETS, Outlive, Target, check, equal, limit, lossless, process_of,
                     spawn)

MOST_FRAMES = 127  # of a stack, as outlive takes it


def gdb_stacks(name):
    """{size: frames} of the target `name`, innermost first. It runs without children: gdb takes
    its breakpoints out of the whole process while one of its threads waits in vfork."""
    with tempfile.NamedTemporaryFile("r") as output:
        gdb = spawn(["gdb", "-batch", "-nx", "-x", ROOT / "tests/live/gdb_stacks.py", "--args",
                     TARGETS / name, "--go"], env={**os.environ, "STACKS": output.name},
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        equal(gdb.wait(60), 0, "exit status of gdb")
        lines = [json.loads(line) for line in output]
    stacks = {line["size"]: line["frames"] for line in lines}
    equal(len(stacks), len(lines), "gdb saw each size once")
    # A frame that gdb makes up for a call that was turned into a jump: it is on no stack.
    return {size: [f for f in frames if f["kind"] != "tail call"]
            for size, frames in stacks.items()}


def file_places(pid):
    """A function: address in process `pid` -> (path, offset in the file), as in gdb_stacks.py."""
    with open(f"/proc/{pid}/maps") as maps:
        rows = [line.split(maxsplit=5) for line in maps]

    def place(address):
        for fields in rows:
            start, end = (int(word, 16) for word in fields[0].split("-"))
            if start <= address < end:
                path = fields[5].strip() if fields[5:] else ""
                return path, address - start + int(fields[2], 16)
        return None, address
    return place


def own(path):
    return path is not None and pathlib.Path(path).parent == TARGETS


def bare(name):
    """A function's own name: gdb and the demangler spell what stands around it each in a way."""
    name = name.replace("(anonymous namespace)", "").replace("operator()", "operator").split(".")[0]
    while (shorter := re.sub(r"<[^<>]*>|\([^()]*\)|\{[^{}]*\}", "", name)) != name:
        name = shorter
    return name.removesuffix(" const").split("::")[-1].split(" ")[-1]


def walked_through(frames):
    """How many of gdb's frames outlive can walk; None for all. The dynamic linker's trampoline for
    late binding keeps its CFA in rbx, which no row can say: a stack through it must end there,
    before the caller whose call is being bound, and be marked."""
    names = [frame["function"] for frame in frames]
    return names.index("bound_late") if "c_bind_late" in names else None


def same_stack(size, gdb, site, place):
    """Every frame by its place in a file and, in the targets' own files, every name as well."""
    ours = [(*place(int(frame["address"], 16)), frame) for frame in site["frames"]]
    end = walked_through(gdb)
    if end:
        check(site["stack"] != "complete", f"{size}: is said to be complete")
        gdb = gdb[:end]
    true = [(f["path"], f["offset"]) for f in gdb if f["kind"] != "inline"][:MOST_FRAMES]
    real = [(path, offset) for path, offset, frame in ours if not frame["inlined"]]
    if end:
        real = real[:len(true)]
    # The innermost frame calls checkpoint() in the one run and malloc() in the other.
    equal(real[0][0], true[0][0], f"{size}: module of the innermost frame")
    wrong = next((i for i in range(1, max(len(real), len(true)))
                  if real[i:i + 1] != true[i:i + 1]), None)
    check(wrong is None, f"{size}: frame {wrong} of {len(true)}: {real[wrong or 0:][:2]}, gdb has "
                         f"{true[wrong or 0:][:2]}; the stack is {site['stack']}")
    if not end and len(true) < MOST_FRAMES:
        equal(site["stack"], "complete", f"{size}: stack")

    # Names where gdb has debug information, without which it has no function.
    named = {true[0], real[0]} | {(f["path"], f["offset"]) for f in gdb if f["function"]}
    names = [bare(frame["symbol"] or "") for path, offset, frame in ours
             if own(path) and (path, offset) in named]
    expected = [bare(f["function"]) for f in gdb if own(f["path"]) and f["function"]]
    equal(names, expected[:len(names)] if len(true) == MOST_FRAMES else expected, f"{size}: names")
    return len(true)


def compare(name):
    stacks = gdb_stacks(name)
    with Target(name, "children") as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            truth = target.go()
            report = outlive.stop()
        place = file_places(target.pid)
        lossless(report)
        process = process_of(report, target.pid)
    check(truth["children"] > 0, "no children")
    equal(len(stacks), truth["blocks"], "stacks that gdb saw")
    sites = {site["live_bytes"]: site for site in process["sites"] if site["live_blocks"] == 1}
    missing = sorted(set(stacks) - set(sites))
    check(not missing, f"no site of {missing} bytes: {sorted(sites)}")
    frames = sum(same_stack(size, stacks[size], sites[size], place) for size in sorted(stacks))
    return f"{len(stacks)} stacks, {frames} frames equal gdb's, {truth['children']} children"


@limit(120)
def test_c():
    return compare("scenes")


@limit(120)
def test_cpp():
    return compare("throws")
