# SPDX-License-Identifier: GPL-2.0-or-later
"""Corners of the stack walk, and targets that write nonsense over their own stacks."""
from harness import TARGETS, Outlive, Target, check, equal, lossless, process_of, symbols, trace

MOST_FRAMES = 127
CHILDREN = 20


def counted(target, truth, report):
    """Whatever the stacks are like, every block is there."""
    lossless(report)
    process = process_of(report, target.pid)
    sites = [site for site in process["sites"] if symbols(site)[0] == "allocate"]
    equal(sum(site["live_blocks"] for site in sites), truth["blocks"], "live blocks")
    equal(sum(site["live_bytes"] for site in sites), truth["bytes"], "live bytes")
    for site in sites:
        check(len(site["frames"]) <= MOST_FRAMES, f"{len(site['frames'])} frames")
    return sites


def test_interrupted_in_the_vdso():
    with Target("corners", "vdso") as target:
        truth, report = trace(target)
        sites = counted(target, truth, report)
    equal(report["quality"]["complete_stacks"], report["quality"]["stacks"], "complete stacks")
    for site in sites:
        names = symbols(site)
        equal(names[:2], ["allocate", "on_tick"], "frames of the handler")
        equal(names[names.index("read_clock"):][:2], ["read_clock", "main"], "frames behind it")
        check("[vdso]" in [frame["module"] for frame in site["frames"]], f"no frame of the vdso: {names}")
    return f"{len(sites)} stacks through the vdso"


def test_a_stack_full_of_nonsense():
    """What lies below the nonsense is true, what is not true is counted, and nothing is lost."""
    with Target("corners", "scribble") as target:
        truth, report = trace(target)
        sites = counted(target, truth, report)
    for site in sites:
        equal(symbols(site)[:3], ["allocate", "scribble", "deep"], "innermost frames")
    quality = report["quality"]
    check(quality["unwind_errors"] > quality["stacks"] / 2, f"hardly any was found out: {quality}")
    return f"{quality['unwind_errors']} of {quality['stacks']} stacks found to be broken"


def test_a_stack_that_another_thread_spoils():
    with Target("corners", "race") as target:
        truth, report = trace(target)
        for site in counted(target, truth, report):
            equal(symbols(site)[:3], ["allocate", "race", "deep"], "innermost frames")


def stacks_without_aslr(*options):
    """{addresses of the frames: blocks} of a program that does the same at the same addresses."""
    command = ["setarch", "-R", TARGETS / "corners", "scribble"]
    with Target("corners", command=command) as target:
        truth, report = trace(target, *options)
        sites = counted(target, truth, report)
    return {(site["stack"], *(frame["address"] for frame in site["frames"])): site["live_blocks"]
            for site in sites}


def test_the_memo_changes_nothing():
    """Thousands of stacks, most of them broken, each like the last one in part: the same sites with
    the memo and without."""
    found = [stacks_without_aslr(), stacks_without_aslr("--no-memo")]
    only = [set(found[0].items()) - set(found[1].items()), set(found[1].items()) - set(found[0].items())]
    check(not only[0] and not only[1], f"with the memo {list(only[0])[:1]}, without {list(only[1])[:1]}: "
          f"{len(only[0])} and {len(only[1])} differ")
    check(len(found[0]) > 1000, f"only {len(found[0])} stacks")
    return f"{len(found[0])} stacks"


def test_a_vfork_child_that_allocates():
    """It may not (vfork(2)), and lives in its parent's memory under a pid of its own: what it
    allocates is not among its parent's blocks, so its parent's frees of it count as unknown."""
    with Target("corners", "vfork") as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            target.go()
            report = outlive.stop()
        equal(process_of(report, target.pid)["live_blocks"], 0, "live blocks of the parent")
        equal(report["quality"]["unknown_frees"], CHILDREN // 2, "unknown frees")
        equal(report["quality"]["lost_allocs"], 0, "lost allocations")
