# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of correctness, one test each, by name.

tests/targets/rules.c holds the other half: what each scenario does, and why it is hard.
"""
import re

from harness import (Outlive, Target, check, consistent, equal, lossless, process_of, run,
                     same_counts, sites_through, thread_of, total, trace)

COUNTS = ("allocated_bytes", "allocated_blocks", "freed_bytes", "freed_blocks")


def exactly(scenario, functions=None, env=None, options=()):
    """Run a scenario; every total of the report must be the scenario's own."""
    with Target("rules", scenario, env=env) as target:
        truth, report = trace(target, *options)
        equal(truth["healthy"], True, "the target's own checks")
        lossless(report, truth["unknown_frees"])
        process = process_of(report, target.pid)
        same_counts(process, truth, (*COUNTS, "failed_calls"), scenario)
        equal(process["live_bytes"], truth["allocated_bytes"] - truth["freed_bytes"], "live bytes")
        equal(process["live_blocks"], truth["allocated_blocks"] - truth["freed_blocks"],
              "live blocks")
        if functions is not None:
            found = {}
            for site in process["sites"]:
                for name, calls in site["functions"].items():
                    found[name] = found.get(name, 0) + calls
            equal(found, functions, "calls by function")
        consistent(process)
        return truth, report, process


def either_alias(counts, one, other):
    """memalign and aligned_alloc are one function in glibc: which name it goes by is free."""
    return counts.get(one, 0) + counts.get(other, 0)


def test_nested_calls_count_once():
    _, _, process = exactly("nested")
    calls = {}
    for site in process["sites"]:
        for name, count in site["functions"].items():
            calls[name] = calls.get(name, 0) + count
    equal(either_alias(calls, "memalign", "aligned_alloc"), 1, "calls of memalign")
    for name, count in {"malloc": 2, "calloc": 1, "posix_memalign": 1, "realloc": 2,
                        "reallocarray": 2, "valloc": 1, "pvalloc": 1}.items():
        equal(calls.get(name), count, f"calls of {name}")


def test_failed_realloc_keeps_block():
    exactly("failed_realloc", {"malloc": 1})


def test_realloc_to_zero_frees():
    exactly("realloc_zero", {"malloc": 12})


def test_failed_posix_memalign_is_no_block():
    exactly("failed_posix_memalign", {"malloc": 1, "posix_memalign": 1})


def test_aliases_fire_once():
    _, _, process = exactly("aliases")
    equal(total(process["sites"], "allocated_blocks"), 18, "blocks of all sites")
    for site in process["sites"]:
        equal(either_alias(site["functions"], "memalign", "aligned_alloc"),
              site["allocated_blocks"], "calls of one site")


def test_zero_size_is_a_block():
    exactly("zero_size", {"malloc": 31, "calloc": 1})


def test_frees_from_before_the_trace():
    exactly("unknown_free", {"malloc": 1})


def test_big_malloc_counts_once():
    """21 MB: malloc calls mmap, which is the block's backing and no mapping of the program."""
    truth, _, process = exactly("big_malloc", {"malloc": 1})
    mappings = process["mappings"]
    check(truth["allocated_bytes"] <= mappings["allocator_backing_bytes"]
          <= truth["allocated_bytes"] + 64 * 1024, f"backing bytes: {mappings}")
    equal(mappings["live_bytes"], 0, "bytes mapped by the program")
    equal(process["sites"][0]["largest_block_bytes"], truth["allocated_bytes"], "largest block")


def test_longjmp_out_of_a_call():
    """A call that never returns leaves no trace in the counting of those after it."""
    exactly("longjmp_out", {"malloc": 5, "calloc": 5})


def test_address_reuse_during_realloc():
    """The old address of a realloc that has not returned yet may be another thread's block."""
    truth, _, process = exactly("reuse_in_realloc")
    check(truth["reused"] >= 20, f"only {truth['reused']} addresses were taken in time")
    equal(thread_of(process, truth["other_tid"])["live_blocks"], truth["reused"],
          "blocks of the thread that took the addresses")
    return f"{truth['reused']} taken"


def test_thread_exit_with_blocks_left():
    with Target("rules", "thread_exit") as target:
        truth, report = trace(target)
        process = process_of(report, target.pid)
        leaver = thread_of(process, truth["other_tid"])
        same_counts(leaver, {"live_blocks": 8, "live_bytes": 8 * 1019, "allocated_blocks": 13,
                             "allocated_bytes": 13 * 1019, "freed_blocks": 0,
                             "freed_by_others_blocks": 5, "state": "exited", "comm": "leaver"},
                    ("state", "comm", "live_blocks", "live_bytes", "allocated_blocks",
                     "allocated_bytes", "freed_blocks", "freed_by_others_blocks"), "the thread")
        equal(report["quality"]["alloc_over_live"], 0, "alloc_over_live")
        equal(thread_of(process, target.pid)["freed_blocks"], 5, "blocks freed by main")


def test_leader_exits_first():
    """The process lives as long as any of its threads, whatever /proc says of the first."""
    with Target("leader") as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            truth = target.go()
            check(outlive.process.poll() is None, "the trace ended with the first thread")
            report = outlive.stop()
        process = process_of(report, target.pid)
        equal(process["state"], "running", "state of the process")
        equal(thread_of(process, target.pid)["state"], "exited", "state of its first thread")
        # Kernels before 6.10 lose sight of the others then; the report must say so.
        worker = thread_of(process, truth["tid"])
        if report["quality"]["lost_sight"]:
            equal(worker["live_blocks"], truth["before_blocks"], "blocks of the other thread")
        else:
            same_counts(worker, truth, ("live_blocks", "live_bytes"), "the thread that lives on")


def test_fork_child_frees_its_own():
    """The child's frees of inherited blocks do not touch the parent's."""
    with Target("rules", "fork_child") as target:
        truth, report = trace(target)
        equal(truth["healthy"], True, "the child")
        process = process_of(report, target.pid)
        same_counts(process, {**truth, "live_blocks": 22, "live_bytes": 22 * 1013},
                    (*COUNTS, "live_blocks", "live_bytes"), "the parent")
        equal(report["quality"]["lost_frees"], 0, "lost frees")
        consistent(process)


def test_exec_empties_the_heap():
    with Target("rules", "exec_again") as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            target.start()
            check("ready" in target.line(), "the new program did not start")
            truth = target.truth()
            report = outlive.stop()
        process = process_of(report, target.pid)
        equal(process["state"], "running", "state")
        equal(total(sites_through(process, "before_exec"), "live_blocks"), 0,
              "live blocks from before exec")
        sites = sites_through(process, "after_exec")
        same_counts({name: total(sites, name) for name in ("live_bytes", "live_blocks")},
                    {"live_bytes": truth["allocated_bytes"], "live_blocks": 7},
                    ("live_bytes", "live_blocks"), "after exec")
        check(process["live_blocks"] < 101, f"{process['live_blocks']} blocks are live after exec")
        equal(report["quality"]["alloc_over_live"], 0, "alloc_over_live")
        consistent(process)


def mapped(scenario, *options):
    with Target("mappings", scenario) as target:
        truth, report = trace(target, *options)
        equal(truth["healthy"], True, "the target's own checks")
        lossless(report)
        process = process_of(report, target.pid)
        equal(process["live_bytes"], 0, "heap bytes")
        return truth, process["mappings"]


def agree(truth, mappings):
    equal(mappings["live_bytes"], truth["mapped_bytes"], "bytes mapped")
    if truth["mapped_ranges"]:
        equal(mappings["live_ranges"], truth["mapped_ranges"], "ranges mapped")
    equal(mappings["allocator_backing_bytes"], 0, "backing bytes")


def test_partial_munmap():
    """Also: PROT_NONE is a reservation, and MAP_FIXED into it is memory."""
    agree(*mapped("partial_munmap"))


def test_map_fixed_replaces():
    agree(*mapped("map_fixed_over"))


def test_mremap_moves_and_shrinks():
    agree(*mapped("remap"))


def test_min_size_leaves_out_smaller_blocks():
    with Target("rules", "longjmp_out") as target:
        truth, report = trace(target, "--min-size", "1000")
        process = process_of(report, target.pid)
        equal(process["allocated_blocks"], 5, "blocks of 1009 bytes")
        equal(process["freed_blocks"], 5, "freed ones")
        equal(process["live_blocks"], 0, "live ones: those of 211 bytes are left out")


def test_no_mmap_option():
    """--no-mmap leaves the mappings out, and the heap as it is."""
    _, mappings = mapped("partial_munmap", "--no-mmap")
    equal(mappings["live_bytes"], 0, "bytes mapped")


def test_program_break():
    """brk_bytes is what /proc says the heap segment is."""
    with Target("exact", 0, 20011) as target:
        _, report = trace(target)
        with open(f"/proc/{target.pid}/maps") as maps:
            heap = re.search(r"^(\w+)-(\w+) .*\[heap\]$", maps.read(), re.M)
        equal(process_of(report, target.pid)["mappings"]["brk_bytes"],
              int(heap[2], 16) - int(heap[1], 16), "brk_bytes")


def test_hostile_names_stay_harmless():
    """A thread's name may hold anything: the terminal gets no control character of it."""
    with Target("rules", "hostile_name") as target:
        with Outlive("threads", "-p", target.pid) as outlive:
            target.go()
            outlive.interrupt()
            equal(outlive.wait(), 0, "exit status")
            text = outlive.text()
        check(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text),
              f"control characters: {text!r}")
        check("<b>" in text, f"the name is missing: {text!r}")
        for line in text.splitlines():
            check(len(line) <= 80, f"wider than 80 columns: {line!r}")


def test_text_report_without_a_pause():
    """A process that does nothing has a report too."""
    with Target("rules", "zero_size") as target:
        status, text, errors = run("threads", "-p", target.pid, "--for", "100ms")
        equal(status, 0, f"exit status ({errors})")
        check(str(target.pid) in text, f"no process in {text!r}")
