# SPDX-License-Identifier: GPL-2.0-or-later
"""outlive diff: two builds of a program, and two moments of one recording."""
import contextlib
import os
import signal
import tempfile
import time

from harness import Outlive, Target, check, equal, parse, run, symbols

USAGE, IMPOSSIBLE = 2, 3
REQUESTS = 150


@contextlib.contextmanager
def recordings():
    """The recording of both builds, and what each says it holds: [(file, truth), …]."""
    with tempfile.TemporaryDirectory() as folder:
        sides = []
        for name in ("changes", "changes_leaky"):
            file = os.path.join(folder, name)
            with Target(name, REQUESTS) as target:
                with Outlive("record", "-p", target.pid, "-o", file) as outlive:
                    truth = target.go()
                    outlive.interrupt()
                    equal(outlive.wait(), 0, f"exit status (stderr {outlive.errors})")
            sides.append((file, truth))
        yield sides


def diff(*arguments):
    status, text, errors = run("diff", "--json", *arguments)
    equal((status, errors), (0, []), f"exit status and stderr of diff {arguments}")
    report = parse(text, ("verb", "matched_by", "before", "after", "processes"))
    equal((report["verb"], len(report["processes"])), ("diff", 1), "verb, processes")
    return report["processes"][0], report


def row_of(process, function):
    rows = [row for row in process["sites"] if symbols(row)[0] == function]
    equal(len(rows), 1, f"rows of {function}")
    return rows[0]


def is_consistent(process):
    """Sums must hold, and every row be in one of the counts."""
    for name in ("live_bytes", "live_blocks"):
        equal(sum(row[f"{name}_change"] for row in process["sites"]), process[f"{name}_change"],
              f"sum of {name}")
        for side in ("before", "after"):
            equal(sum(row[side][name] for row in process["sites"] if row[side]),
                  process[side][name], f"sum of {name} {side}")
    for change, count in process["changes"].items():
        equal(len([row for row in process["sites"] if row["change"] == change]), count, change)


def test_two_builds():
    """What was added, taken away, and moved; matched by name, named first, exact."""
    with recordings() as ((old, before), (new, after)):
        process, report = diff(old, new)
        equal((report["matched_by"], report["before"]["file"]), ("name", old), "kind")
        is_consistent(process)
        expected = {"audit_request": "appeared", "load_routes": "grew", "load_plugins": "shrank",
                    "load_legacy": "vanished", "load_config": "same", "grow_tree": "same",
                    "cache_answer": "same"}
        equal(len(process["sites"]), len(expected), "rows")
        for function, change in expected.items():
            row = row_of(process, function)
            equal(row["change"], change, function)
            equal([row["live_bytes_change"], row["live_blocks_change"]],
                  [b - a for a, b in zip(before[function], after[function])], function)
            for side, truth in (("before", before), ("after", after)):
                found = row[side] or {"live_bytes": 0, "live_blocks": 0}
                equal([found["live_bytes"], found["live_blocks"]], truth[function],
                      f"{function} {side}")
        first = process["sites"][0]
        equal((symbols(first)[:3], first["live_bytes_change"]),
              (["audit_request", "serve", "main"], REQUESTS * 997), "first row")
        # In the other build it made as many, and kept none; here its lines are others.
        equal(first["before"]["allocated_blocks"], REQUESTS, "blocks of the first build")
        check(first["frames"][0]["line"] > 500, f"{first['frames'][0]}")
        # What it is after depends on how long the trace went on when the work was done.
        equal((first["before"]["pattern"]["name"],
               first["after"]["pattern"]["name"] in ("growing", "static")),
              ("short-lived", True), "verdicts")

        process, _ = diff(new, old, "--sort", "loss", "-n", "1")
        equal((symbols(process["sites"][0])[0], process["sites"][0]["change"]),
              ("audit_request", "vanished"), "turned round")
        equal(process["more_sites"], {"count": 6, "live_bytes_change":
                                      process["live_bytes_change"] + REQUESTS * 997}, "the rest")


def test_text():
    """One glance tells it: the sentence, the row, the bar; what stayed is left out."""
    with recordings() as ((old, _), (new, _)), tempfile.TemporaryDirectory() as folder:
        status, text, errors = run("diff", old, new)
        equal((status, errors), (0, []), "exit status and stderr")
        lines = text.splitlines()
        check(all(len(line) <= 80 for line in lines), f"too wide: {text}")
        for word in ("Live memory grew by ", "+146 KB at audit_request", "LIVE BEFORE",
                     "1 call path appeared, 1 grew, 1 shrank, 1 vanished; 3 are as before.",
                     "appeared · ", "vanished · was ", "before, all of it was freed"):
            check(word in text, f"no {word!r} in {text}")
        row = next(line for line in lines if line.startswith(" 1 "))
        check("audit_request" in row and "+146 KB" in row and row.endswith("│██████"), row)
        for word in ("load_config", "cache_answer", "grow_tree"):
            check(word not in text, f"{word!r} did not change: {text}")
        file = os.path.join(folder, "report")
        equal(run("diff", old, new, "-o", file), (0, "", []), "to a file")
        with open(file, encoding="utf-8") as written:
            equal(written.read(), text, "the file")
        status, text, errors = run("diff", old, old)
        equal((status, errors), (0, []), "exit status and stderr of the same twice")
        check("Live memory is the same" in text and "WHAT CHANGED" not in text, text)


def test_marks():
    """Two moments of one recording: exactly what came and went between them."""
    with tempfile.TemporaryDirectory() as folder, Target("requests") as target:
        file = os.path.join(folder, "r")
        with Outlive("record", "-p", target.pid, "-o", file) as outlive:
            target.start()

            def request(line="request"):
                target.send(line)
                target.line()

            def mark():
                before = len(outlive.errors)
                outlive.process.send_signal(signal.SIGUSR1)
                deadline = time.monotonic() + 10
                while len(outlive.errors) == before:
                    check(time.monotonic() < deadline, "mark is not confirmed")
                    time.sleep(0.002)

            for count in (15, 21):
                for _ in range(count):
                    request()
                mark()
            request("drop 7")
            request("drop 14")
            outlive.interrupt()
            equal(outlive.wait(), 0, f"exit status (stderr {outlive.errors})")
        # Kept: 7 and 14 | 21, 28 and 35 | 7 and 14 are dropped.
        kept = {number: 1000 + number for number in (7, 14, 21, 28, 35)}
        process, report = diff(file, "--from", "signal-1", "--to", "signal-2")
        is_consistent(process)
        equal(report["matched_by"], "stack", "kind")
        equal([report[side]["capture"]["window"]["at"] for side in ("before", "after")],
              ["signal-1", "signal-2"], "moments")
        row = row_of(process, "remember")
        equal((row["change"], row["live_bytes_change"], row["live_blocks_change"]),
              ("grew", kept[21] + kept[28] + kept[35], 3), "between the marks")
        equal(row["before"]["live_bytes"], kept[7] + kept[14], "at the first")
        equal({row["change"] for row in process["sites"] if row["frames"][0]["symbol"] == "work"},
              {"same"}, "what comes and goes")
        # Allocated in between: five short-lived blocks a request, and three that stay.
        equal(process["after"]["allocated_blocks"] - process["before"]["allocated_blocks"],
              21 * 5 + 3, "made in between")

        process, _ = diff(file, "--from", "signal-2")
        row = row_of(process, "remember")
        equal((row["change"], row["live_bytes_change"], row["live_blocks_change"]),
              ("shrank", -kept[7] - kept[14], -2), "until the end")

        for options, word in ((("--from", "signal-2", "--to", "signal-1"), "earlier"),
                              (("--from", "never"), "signal-1, signal-2")):
            status, text, errors = run("diff", file, *options)
            equal((status, text), (USAGE, ""), f"{options}")
            check(word in errors[0], f"{options}: {errors}")


def test_usage():
    with tempfile.NamedTemporaryFile() as file:
        for arguments, status, word in (
                ((), USAGE, "BEFORE AFTER"), ((file.name,), USAGE, "--from MARK"),
                ((file.name,) * 3, USAGE, "too many"),
                ((file.name, "--from", "1s", "--at", "2s"), USAGE, "--at"),
                ((file.name, file.name, "--from", "1s"), USAGE, "--from and --to"),
                ((file.name, file.name, "--sort", "size"), USAGE, "change, growth"),
                ((file.name, file.name, "--for", "1s"), USAGE, "unknown option"),
                ((file.name, "--", "true"), USAGE, "no command"),
                ((file.name, file.name), IMPOSSIBLE, "no recording"),
                ((file.name, "/no/such"), IMPOSSIBLE, "no recording")):
            found, text, errors = run("diff", *arguments)
            equal((found, text), (status, ""), f"{arguments}")
            check(word in errors[0], f"{arguments}: {errors}")
