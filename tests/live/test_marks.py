# SPDX-License-Identifier: GPL-2.0-or-later
"""Marks and windows: which requests' memory survived?"""
import os
import pathlib
import signal
import tempfile
import time

from harness import Outlive, Target, check, equal, parse, process_of, run, symbols

FAILED, USAGE = 1, 2
KEEP_EVERY = 7


class Marked:
    """An outlive that traces `target` and takes marks by a pipe."""

    def __init__(self, target, *options, verb="threads"):
        read_end, self.marks = os.pipe()
        self.outlive = Outlive(verb, "-p", target.pid, "--mark-fd", read_end, *options,
                               pass_fds=[read_end])
        os.close(read_end)

    def mark(self, name):
        """Set it, and wait until outlive says that it stands."""
        before = len(self.said())
        os.write(self.marks, name.encode() + b"\n")
        wait(lambda: len(self.said()) > before, f"mark {name} is not confirmed")

    def said(self):
        return [line for line in self.outlive.errors if line.startswith("mark ")]

    def stop(self):
        os.close(self.marks)
        return self.outlive.stop()


def wait(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.002)


def request(target, line="request"):
    target.send(line)
    return target.line()["done"]


def serve(target, count, marked=None):
    """Requests, a mark before each: "1", "2", …; returns the numbers of those that kept a block."""
    kept = []
    for _ in range(count):
        if marked:
            marked.mark(str(serve.number + 1))
        serve.number = request(target)
        if serve.number % KEEP_EVERY == 0:
            kept.append(serve.number)
    return kept


def started():
    target = Target("requests")
    target.start()
    serve.number = 0
    return target


def names_exactly(report, pid, kept):
    """The report is of the blocks that these requests kept, and of nothing else."""
    process = process_of(report, pid)
    equal(process["live_blocks"], len(kept), "live blocks")
    equal(process["live_bytes"], sum(1000 + number for number in kept), "live bytes")
    held = [site for site in process["sites"] if site["live_blocks"]]
    for site in held:
        check("remember" in [frame["symbol"] for frame in site["frames"]],
              f"held elsewhere: {site['frames']}")
    equal(sum(site["live_blocks"] for site in held), len(kept), "blocks of the sites")
    equal(sum(thread["live_bytes"] for thread in process["threads"]), process["live_bytes"],
          "bytes of the threads")
    if kept:
        equal(held[0]["largest_block_bytes"], 1000 + kept[-1], "largest block")


def ask(file, *options, verb="threads"):
    status, text, errors = run(verb, "--json", file, *options)
    equal(status, 0, f"exit status of {verb} FILE {options} (stderr {errors})")
    return parse(text)


def test_requests_live():
    """--from and --to of a live trace, whose marks come later."""
    with started() as target:
        marked = Marked(target, "--json", "--from", "10", "--to", "25")
        serve(target, 40, marked)
        report = marked.stop()
        names_exactly(report, target.pid, [14, 21])
        process = process_of(report, target.pid)
        # What was made in between and is gone was counted too: five for each request.
        equal(process["allocated_blocks"], 15 * 5 + 2, "made between the marks")
        equal(process["freed_blocks"], 15 * 5, "freed of them")
        window = report["capture"]["window"]
        equal((window["from"], window["to"], window["at"]), ("10", "25", None), "window")
        check(window["from_ns"] < window["to_ns"] < window["at_ns"], f"window: {window}")
        equal([mark["name"] for mark in report["capture"]["marks"]],
              [str(number) for number in range(1, 41)], "marks")


def test_requests_of_a_recording():
    """Any window afterwards, and what was live at a moment in between."""
    with tempfile.TemporaryDirectory() as folder, started() as target:
        file = os.path.join(folder, "r")
        marked = Marked(target, "-o", file, verb="record")
        serve(target, 30, marked)
        marked.mark("before the drop")
        equal(request(target, "drop 14"), 30, "answer to drop")
        marked.mark("after the drop")
        serve(target, 10, marked)
        os.close(marked.marks)
        marked.outlive.interrupt()
        equal(marked.outlive.wait(), 0, f"exit status (stderr {marked.outlive.errors})")

        for first in range(1, 38, 3):
            for last in range(first + 1, 41, 5):
                kept = [n for n in range(first, last) if n % KEEP_EVERY == 0 and n != 14]
                names_exactly(ask(file, "--from", str(first), "--to", str(last)), target.pid, kept)
        names_exactly(ask(file), target.pid, [7, 21, 28, 35])
        names_exactly(ask(file, "--from", "9", verb="report"), target.pid, [21, 28, 35])
        names_exactly(ask(file, "--to", "22"), target.pid, [7, 21])
        names_exactly(ask(file, "--at", "before the drop"), target.pid, [7, 14, 21, 28])
        names_exactly(ask(file, "--at", "after the drop"), target.pid, [7, 21, 28])
        names_exactly(ask(file, "--from", "10", "--to", "25", "--at", "15"), target.pid, [14])
        status, text, _ = run("report", file, "--from", "10", "--to", "25")
        equal(status, 0, "exit status as text")
        check(text.startswith("Only blocks made between mark 10 (") and "remember" in text, text)
        for options in (("--from", "41x"), ("--to", "nobody"), ("--at", "nobody")):
            status, text, errors = run("threads", file, *options)
            equal((status, text), (USAGE, ""), f"{options}")
            check("no mark is called" in errors[0] and "The marks are 1, 2, 3," in errors[0],
                  f"{errors}")
        status, _, errors = run("threads", file, "--from", "20", "--to", "10")
        equal(status, USAGE, f"marks in the wrong order: {errors}")


def test_recording_beside_a_window():
    """The window is the report's; the recording keeps all, names included."""
    with tempfile.TemporaryDirectory() as folder, started() as target:
        file = os.path.join(folder, "r")
        marked = Marked(target, "--json", "--from", "20", "--record", file)
        serve(target, 30, marked)
        live = marked.stop()
        names_exactly(live, target.pid, [21, 28])
        names_exactly(ask(file), target.pid, [7, 14, 21, 28])
        replayed = ask(file, "--from", "20")
        for report in (live, replayed):
            report["capture"].pop("kind")
        equal(replayed, live, "the same window of the recording")


def test_ages():
    with tempfile.TemporaryDirectory() as folder, started() as target:
        file = os.path.join(folder, "r")
        with Outlive("threads", "-p", target.pid, "--json", "--older-than", "700ms", "--record",
                     file) as outlive:
            old = serve(target, 15)
            time.sleep(1)
            new = serve(target, 15)
            report = outlive.stop()
        names_exactly(report, target.pid, old)
        for value in (process_of(report, target.pid)["allocated_blocks"],
                      process_of(report, target.pid)["sites"][0]["freed_blocks"]):
            equal(value, None, "what was made and freed of an age")
        names_exactly(ask(file, "--newer-than", "700ms"), target.pid, new)
        names_exactly(ask(file, "--newer-than", "1m"), target.pid, old + new)
        names_exactly(ask(file, "--older-than", "1m"), target.pid, [])
        status, text, _ = run("threads", file, "--older-than", "1m")
        check(status == 0 and "No block of that age is alive." in text, text)


def test_times_and_mark_every():
    with tempfile.TemporaryDirectory() as folder, started() as target:
        file = os.path.join(folder, "r")
        with Outlive("record", "-p", target.pid, "-o", file, "--mark-every", "100ms") as outlive:
            first = serve(target, 14)
            time.sleep(0.5)
            later = serve(target, 14)
            outlive.interrupt()
            equal(outlive.wait(), 0, f"exit status (stderr {outlive.errors})")
        marks = ask(file)["capture"]["marks"]
        names = [mark["name"] for mark in marks]
        equal(names[:4], ["100ms", "200ms", "300ms", "400ms"], "names of marks")
        equal([mark["time_ns"] for mark in marks],
              [(i + 1) * 10**8 for i in range(len(marks))], "times of marks")
        # Somewhere in the pause lies the border, wherever tracing began.
        borders = [name for name in names
                   if process_of(ask(file, "--from", name), target.pid)["live_blocks"] == 2]
        check(borders, "no mark between the two halves")
        names_exactly(ask(file, "--from", borders[0]), target.pid, later)
        names_exactly(ask(file, "--to", borders[0]), target.pid, first)


def test_signal():
    with started() as target:
        with Outlive("threads", "-p", target.pid, "--json", "--from", "signal-1", "--to",
                     "signal-2") as outlive:
            serve(target, 10)
            outlive.process.send_signal(signal.SIGUSR1)
            wait(lambda: "mark signal-1 at" in "".join(outlive.errors), "no first mark")
            serve(target, 10)
            outlive.process.send_signal(signal.SIGUSR1)
            wait(lambda: "mark signal-2 at" in "".join(outlive.errors), "no second mark")
            serve(target, 10)
            names_exactly(outlive.stop(), target.pid, [14])


def test_a_live_mark_that_never_came():
    """The trace is not lost: all of it is shown, and the status says that something failed."""
    with started() as target:
        marked = Marked(target, "--json", "--from", "tomorrow")
        serve(target, 8, marked)
        os.close(marked.marks)
        marked.outlive.interrupt()
        equal(marked.outlive.wait(), FAILED, "exit status")
        names_exactly(parse(marked.outlive.text()), target.pid, [7])
        check(any("no mark is called 'tomorrow'" in line for line in marked.outlive.errors),
              f"{marked.outlive.errors}")


def test_timeline():
    """Live bytes, blocks and resident memory over time, of the process and its largest sites."""
    with tempfile.TemporaryDirectory() as folder, started() as target:
        file = os.path.join(folder, "r")
        marked = Marked(target, "-o", file, verb="record")
        for _ in range(10):
            serve(target, 7, marked)
            time.sleep(0.05)
        os.close(marked.marks)
        marked.outlive.interrupt()
        equal(marked.outlive.wait(), 0, f"exit status (stderr {marked.outlive.errors})")
        process = process_of(ask(file, "--timeline", verb="report"), target.pid)
        status, text, _ = run("report", "--timeline", file)
        check("timeline" not in process_of(ask(file, verb="report"), target.pid), "not asked for")
    line = process["timeline"]
    check(32 <= len(line["live_bytes"]) <= 64, f"{len(line['live_bytes'])} points")
    equal({len(line[name]) for name in ("live_bytes", "live_blocks", "resident_bytes")},
          {len(line["live_bytes"])}, "points of the others")
    check(line["live_blocks"] == sorted(line["live_blocks"]), f"blocks: {line['live_blocks']}")
    equal((line["live_blocks"][-1], line["live_bytes"][-1]),
          (10, sum(1000 + 7 * i for i in range(1, 11))), "the last point")
    check(len(set(line["live_blocks"])) > 8, f"steps: {line['live_blocks']}")
    check(line["resident_bytes"][-1] > 100000, f"resident: {line['resident_bytes']}")
    site = next(site for site in process["sites"] if "remember" in symbols(site))
    equal(line["sites"][0]["id"], site["id"], "largest site")
    equal(line["sites"][0]["live_blocks"][-1], 10, "its blocks")
    for word in ("LIVE OVER TIME", "█", "▲ 1", "resident memory, now ",
                 "remember (requests.c:31), now 10.1 KB, at most 10.1 KB"):
        check(status == 0 and word in text, f"no {word!r} in {text}")


def test_hostile_lines():
    """Names are cut and cleaned, empty and repeated ones told apart, half a line is one."""
    with started() as target:
        marked = Marked(target, "--json")
        lines = [b"\x1b[2J\x00", b"", b"", b"same", b"same", b"z" * 100000, b"\xff\xfe"]
        os.write(marked.marks, b"\n".join(lines[:5]) + b"\n")
        os.write(marked.marks, lines[5] + b"\n")
        os.write(marked.marks, lines[6])
        os.close(marked.marks)
        wait(lambda: len(marked.said()) == 7, f"marks: {marked.outlive.errors}")
        report = marked.outlive.stop()
        equal([mark["name"] for mark in report["capture"]["marks"]],
              ["?[2J?", "mark", "mark#2", "same", "same#2", "z" * 63, "??"], "names")


def test_usage():
    for options, word in (
            (("--mark-fd", "977"), "not open"), (("--mark-fd", "-1"), "descriptor"),
            (("--mark-every", "1ms"), "10ms"), (("--from", ""), "--from"),
            (("--to", "x" * 64), "63 bytes"), (("--older-than", "soon"), "age"),
            (("--older-than", "5s", "--newer-than", "5s"), "newer"),
            (("--older-than", "5s", "--from", "1s"), "either"),
            (("--at", "1s", "--record", "/dev/null"), "--at")):
        status, text, errors = run("threads", "-p", os.getpid(), *options)
        equal((status, text), (USAGE, ""), f"{options}")
        check(word in errors[0], f"{options}: {errors}")
    status, _, errors = run("threads", "--mark-every", "1s", pathlib.Path(__file__))
    check(status == USAGE and "how to trace" in errors[0], f"{status} {errors}")
