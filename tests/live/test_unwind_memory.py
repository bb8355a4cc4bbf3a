# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory for unwind rows: bounded, shared, and never another module's rows."""
import functools
import pathlib
import re
import shutil
import tempfile


from harness import TARGETS, Outlive, Target, check, equal, parse, process_of, run, symbols

INNER = ["allocate", "module_inner", "module_middle", "module_work"]
OUTER = ["main", "__libc_start_call_main", "__libc_start_main", "_start"]
UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20}


def library(number):
    return TARGETS / f"libmodule_{number}.so"


def tell(target, *words):
    target.send(" ".join(str(word) for word in words))
    return target.truth()



def check_sites(process):
    """A stack may be cut where rows were missing, but what is there must be true: a part of the
    chain, in one and the same library. Returns {(library, function): blocks} with the whole stack,
    and those that were cut, by what is known of them."""
    complete, cut = {}, {}
    for site in process["sites"]:
        names = symbols(site)
        if names[0] != "allocate":
            continue  # dlopen's own
        function = names[4] if len(names) > 4 else None
        check(function in ("work", "prove", None), f"frames of site {site['id']}: {names}")
        chain = [*INNER, function, *OUTER]
        # Debian strips libc.
        equal([name or true for name, true in zip(names, chain)], chain[:len(names)],
              f"frames of site {site['id']}")
        through = {frame["module"] for frame in site["frames"][1:4]}
        check(len(through) <= 1, f"one stack through {through}")
        key = (through.pop() if through else None, function)
        counts = complete if len(names) == len(chain) else cut
        counts[key] = counts.get(key, 0) + site["live_blocks"]
    return complete, cut


def proven(process, libraries, blocks):
    """All that prove() allocated through `libraries`, `blocks` each, has the whole stack."""
    complete, cut = check_sites(process)
    for path in libraries:
        equal(complete.get((str(path), "prove")), blocks, f"whole stacks of {path} in prove()")
    return complete, cut


def pool(outlive):
    """What -v says of the pool at the end: {used, limit: bytes; away, evicted: times}."""
    line = next((row for row in outlive.errors if "unwind rows: " in row), None)
    check(line, f"nothing of the pool in {outlive.errors}")
    match = re.search(r"([\d.]+) (\w+) used, .* limit ([\d.]+) (\w+); (\d+) without room, gave "
                      r"way (\d+) times", line)
    check(match, line)
    return {"used": float(match[1]) * UNITS[match[2]], "limit": float(match[3]) * UNITS[match[4]],
            "away": int(match[5]), "evicted": int(match[6])}


def start(target, *options):
    return Outlive("threads", "-p", target.pid, "--json", "-v", "--stacks", "dwarf", *options)


@functools.cache
def sizes():
    """Of the program's rows, and of those with one of the libraries."""
    used = []
    for number in (0, 1):
        with Target("modules") as target:
            if number:
                tell(target, "load", 0, library(1))
            with start(target) as outlive:
                outlive.stop()
            used.append(pool(outlive)["used"])
    return used


def room_for(modules):
    """A size of the pool that holds the program and so many of the libraries."""
    program, one = sizes()
    return int(program + modules * (one - program))


def test_what_nobody_maps_gives_way():
    """Room for one library: one that comes takes the place of one that was unloaded."""
    with Target("modules") as target, start(target, "--unwind-memory", room_for(1.5)) as outlive:
        tell(target, "load", 0, library(1))
        tell(target, "work", 0, 15)
        tell(target, "prove", 0, 5)
        tell(target, "load", 1, library(2))
        tell(target, "unload", 0)
        tell(target, "work", 1, 15)
        tell(target, "prove", 1, 5)
        report = outlive.stop()
    proven(process_of(report, target.pid), [library(1), library(2)], 5)
    equal(pool(outlive)["evicted"], 1, "times that rows gave way")
    check(pool(outlive)["used"] <= pool(outlive)["limit"], f"the pool: {pool(outlive)}")


def test_what_is_idle_gives_way_and_comes_back():
    """Two libraries stay mapped and there is room for one: the one that is used has it."""
    with Target("modules") as target, start(target, "--unwind-memory", room_for(1.5)) as outlive:
        tell(target, "load", 0, library(1))
        tell(target, "work", 0, 10)
        tell(target, "load", 1, library(2))
        for place in (1, 0):
            tell(target, "work", place, 250)
            tell(target, "prove", place, 7)
        report = outlive.stop()
    proven(process_of(report, target.pid), [library(1), library(2)], 7)
    check(report["quality"]["unwind_errors"] > 0, "stacks that were cut are not counted")
    check(pool(outlive)["evicted"] >= 2, f"the pool: {pool(outlive)}")
    return f"gave way {pool(outlive)['evicted']} times"


def test_a_process_that_ends_gives_way():
    with Target("modules") as first, Target("modules") as second:
        tell(first, "load", 0, library(1))
        tell(second, "load", 0, library(2))
        room = room_for(1.5)
        with Outlive("threads", "-p", f"{first.pid},{second.pid}", "--json", "-v", "--stacks",
                     "dwarf", "--unwind-memory", room) as outlive:
            tell(second, "work", 0, 5)
            first.finish()
            tell(second, "work", 0, 30)
            tell(second, "prove", 0, 7)
            report = outlive.stop()
    complete, cut = proven(process_of(report, second.pid), [library(2)], 7)
    check(sum(cut.values()) >= 5, f"cut before there was room: {cut}")
    check(complete[(str(library(2)), "work")] >= 20, f"whole: {complete}")


def test_copies_share_and_impostors_do_not():
    """A copy of a file is another file with the same rows; two libraries that claim the same
    build-id are not the same."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "libcopy.so"
        shutil.copy(library(3), copy)
        libraries = [library(1), library(2), library(3), copy]
        with Target("modules") as target, start(target) as outlive:
            for place, path in enumerate(libraries):
                tell(target, "load", place, path)
                tell(target, "work", place, 15)
                tell(target, "prove", place, 5)
            report = outlive.stop()
    proven(process_of(report, target.pid), libraries, 5)
    said = "\n".join(outlive.errors)
    check(f"{copy}: shares the unwind rows of {library(3)}" in said, said)
    check(f"{library(2)}: has the build-id of {library(1)}, but is another file" in said, said)
    made = [row for row in outlive.errors if re.search(r"libmodule_\d.so: \d+ unwind rows", row)]
    equal(len(made), 3, "tables made of the four")


def test_another_library_at_the_same_address():
    """Unloaded and another one loaded in its place, again and again: neither the rows nor the names
    of one are taken for the other's. Stacks that come before anybody can know of a library are cut."""
    turns, calls = 40, 3
    with Target("modules") as target, start(target) as outlive:
        addresses = set()
        for turn in range(turns):
            addresses.add(tell(target, "load", 0, library(1 + turn % 2))["address"] & ~0xffff)
            tell(target, "work", 0, calls)
            tell(target, "unload", 0)
        report = outlive.stop()
    check(len(addresses) < 10, f"the libraries lay at {len(addresses)} places")
    complete, cut = check_sites(process_of(report, target.pid))
    made = {str(library(number)): 0 for number in (1, 2)}
    for counts in (complete, cut):
        for (path, _), blocks in counts.items():
            check(path in made, f"{blocks} blocks through {path}")
            made[path] += blocks
    equal(set(made.values()), {turns // 2 * calls}, f"blocks by library: {made}")
    check(sum(complete.values()) > 0, "no whole stack")
    check(report["quality"]["stack_endings"]["no-module"] > 0, "no stack ends at an unknown module")
    return f"{sum(complete.values())} of {turns * calls} stacks whole"


def test_names_of_libraries_that_are_gone():
    """Three libraries, one after another at one address: each keeps its name, in a recording too."""
    libraries = [library(number) for number in (1, 2, 3)]
    with tempfile.TemporaryDirectory() as folder:
        recording = pathlib.Path(folder) / "recording"
        with Target("modules") as target, start(target, "--record", recording) as outlive:
            for path in libraries:
                tell(target, "load", 0, path)
                tell(target, "work", 0, 10)
                tell(target, "prove", 0, 5)
                tell(target, "unload", 0)
            live = process_of(outlive.stop(), target.pid)
        status, text, errors = run("threads", recording, "--json")
    equal(status, 0, f"exit status of the replay ({errors})")
    replayed = process_of(parse(text), target.pid)
    for process in (live, replayed):
        proven(process, libraries, 5)
    equal(replayed["sites"], live["sites"], "the sites of the recording")
    addresses = {frame["address"] for site in live["sites"] for frame in site["frames"]}
    check(all(int(address, 16) < 1 << 47 for address in addresses), f"addresses: {addresses}")
