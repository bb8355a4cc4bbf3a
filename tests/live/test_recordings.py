# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings: the same answer later, on another machine, and from a file that came to harm."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from harness import OUTLIVE, TARGETS, Outlive, Target, check, equal, limit, parse, process_of, run

FAILED, USAGE, IMPOSSIBLE = 1, 2, 3


def replay(file, *options, verb="threads"):
    status, text, errors = run(verb, "--json", *options, file)
    equal(status, 0, f"exit status of {verb} FILE (stderr {errors})")
    return parse(text), errors


def without_kind(report):
    report["capture"].pop("kind")
    return report


def same_answer(live, replayed):
    equal(live["capture"]["kind"], "live", "capture.kind")
    equal(replayed["capture"]["kind"], "recording", "capture.kind")
    live, replayed = without_kind(live), without_kind(replayed)
    for key in live:
        check(live[key] == replayed[key], f"'{key}' differs between live and replay")
    equal(list(live), list(replayed), "keys of the report")


def both_reports(target, *options):
    """Trace it live with a recording beside; returns the live report and the replayed one."""
    with tempfile.NamedTemporaryFile(suffix=".outlive") as file:
        with Outlive("threads", "-p", target.pid, "--json", "--record", file.name,
                     *options) as outlive:
            target.go()
            live = outlive.stop()
        replayed, errors = replay(file.name)
        equal(errors, [], "stderr of the replay")
        return live, replayed


@limit(120)
def test_same_answer_exact():
    with Target("exact", 8, 1000003) as target:
        live, replayed = both_reports(target)
    check(live["quality"]["events"] > 900000, "too few events")
    same_answer(live, replayed)
    return f"{live['quality']['events']} events"


PROGRAM = """
import threading
kept = []
def work():
    for i in range(30):
        kept.append(bytearray(100000 + i))
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_same_answer_python():
    with tempfile.TemporaryDirectory() as folder:
        file, out = os.path.join(folder, "r"), os.path.join(folder, "live.json")
        status, _, errors = run("threads", "--json", "-o", out, "--record", file, "--",
                                "/usr/bin/python3", "-c", PROGRAM)
        equal(status, 0, f"exit status (stderr {errors})")
        live = parse(pathlib.Path(out).read_text())
        replayed, _ = replay(file)
    languages = {frame["language"] for site in live["processes"][0]["sites"]
                 for frame in site["frames"]}
    check("python" in languages, f"no Python frames: {languages}")
    same_answer(live, replayed)


def test_needs_nothing_of_the_machine():
    """Names are in the file: the program and its symbols may be gone."""
    with tempfile.TemporaryDirectory() as folder:
        program, file = os.path.join(folder, "exact"), os.path.join(folder, "r")
        shutil.copy(TARGETS / "exact", program)
        live_out = os.path.join(folder, "live.json")
        with Target("exact", command=[program, "2", "20011"]) as target:
            with Outlive("report", "--json", "-o", live_out, "--record", file, "-p",
                         target.pid) as outlive:
                target.go()
                outlive.interrupt()
                equal(outlive.wait(), 0, f"exit status (stderr {outlive.errors})")
        os.unlink(program)
        replayed, _ = replay(file, verb="report")
        live = parse(pathlib.Path(live_out).read_text())
    same_answer(live, replayed)
    named = [frame["symbol"] for site in replayed["processes"][0]["sites"]
             for frame in site["frames"]]
    check(named and all(named[:3]), f"frames without names: {named[:10]}")


def test_record_verb():
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "r")
        with Target("exact", 2, 20011) as target:
            with Outlive("record", "-p", target.pid, "-o", file) as outlive:
                truth = target.go()
                outlive.interrupt()
                equal(outlive.wait(), 0, f"exit status (stderr {outlive.errors})")
            equal(outlive.text(), "", "stdout of record")
            check(any(line.startswith("recorded ") and file in line for line in outlive.errors),
                  f"no word on what was recorded: {outlive.errors}")
            report, _ = replay(file)
            process = process_of(report, target.pid)
        equal(process["live_bytes"], sum(row["live_bytes"] for row in truth["threads"]), "live")
        # And as text, for a person.
        status, text, _ = run("report", file)
        equal(status, 0, "exit status of report FILE")
        check("recording of" in text, f"the text does not say that it is a recording: {text[:200]}")


def kept_events(file):
    return replay(file)[0]["quality"]["events"]


def test_killed_recorder():
    """SIGKILL costs the last second at most; what was written can be read, and it is said."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "r")
        with Target("busy", 1) as target:
            target.start()
            with Outlive("record", "-p", target.pid, "-o", file) as outlive:
                time.sleep(3.5)
                outlive.process.kill()
                outlive.process.wait()
            report, errors = replay(file)
        check(any("was not closed" in line for line in errors), f"nothing is said: {errors}")
        check(report["capture"]["duration_ns"] > 1.5e9, f"only {report['capture']['duration_ns']} ns")
        check(report["quality"]["events"] > 100, "hardly any events")
        frames = [frame for site in report["processes"][0]["sites"] for frame in site["frames"]]
        check(any(frame["symbol"] for frame in frames), "no names from files with the same build-id")


def test_size_limit():
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "r")
        with Target("busy", 1) as target:
            target.start()
            with Outlive("record", "-p", target.pid, "-o", file, "--max-file", "512K") as outlive:
                equal(outlive.wait(60), 0, f"exit status (stderr {outlive.errors})")
        size = os.path.getsize(file)
        check(128 << 10 < size <= 512 << 10, f"size of the file is {size}")
        report, errors = replay(file)
        equal([line for line in errors if "closed" in line or "damaged" in line], [], "complaints")
        check(report["quality"]["events"] > 1000, "hardly any events")


ON_SMALL_DISK = """
mount -t tmpfs -o size=600k tmpfs "$1" || exit 99
"$2" record -p "$3" -o "$1/r"
status=$?
cp "$1/r" "$4"
exit $status
"""


def test_full_disk():
    """The disk fills: one line, exit 1, and what was written can be read."""
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as copy:
        with Target("busy", 1) as target:
            target.start()
            done = subprocess.run(["unshare", "-m", "sh", "-c", ON_SMALL_DISK, "sh", folder, OUTLIVE,
                                   str(target.pid), copy.name], capture_output=True, text=True,
                                  timeout=50, check=False)
        equal(done.returncode, FAILED, f"exit status (stderr {done.stderr})")
        check("No space left" in done.stderr, f"the disk is not named: {done.stderr}")
        report, errors = replay(copy.name)
        check(any("not closed" in line for line in errors), f"nothing is said: {errors}")
        check(report["quality"]["events"] > 1000, "hardly any events")


def test_unwritable_recording():
    """Said before anything is traced."""
    with Target("exact", 2, 20011) as target:
        refuses("threads", "-p", target.pid, "--json", "--record", "/dev/full", status=IMPOSSIBLE,
                says=["/dev/full", "No space"])


def refuses(*arguments, status=USAGE, says=()):
    found, text, errors = run(*arguments)
    equal(found, status, f"exit status of {arguments} (stderr {errors})")
    equal(text, "", "stdout")
    equal(len(errors), 1, f"lines on stderr: {errors}")
    for word in says:
        check(word in errors[0], f"{arguments} does not say {word!r}: {errors[0]!r}")


def test_refusals():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"no recording at all, but a text of some length\n" * 9)
        file.flush()
        refuses("threads", file.name, status=IMPOSSIBLE, says=["no recording"])
        refuses("threads", file.name, "-p", os.getpid(), says=["--pid", file.name])
        refuses("threads", file.name, "--for", "3s", says=["--for"])
        refuses("threads", file.name, "b", says=["too many"])
    refuses("threads", "/nonexistent", status=IMPOSSIBLE, says=["/nonexistent", "No such file"])
    refuses("record", "-p", os.getpid(), says=["-o FILE"])
    refuses("record", "-o", "/tmp/x", says=["-p PID"])
    refuses("threads", "-p", os.getpid(), "--max-file", "1M", says=["--record"])
    refuses("record", "-o", "/nonexistent/x", "-p", os.getpid(), status=IMPOSSIBLE,
            says=["/nonexistent/x"])


def test_failed_trace_spares_the_old_file():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"precious")
        file.flush()
        status, _, _ = run("record", "-o", file.name, "-p", 2)
        equal(status, IMPOSSIBLE, "exit status")
        equal(pathlib.Path(file.name).read_bytes(), b"precious", "the older file")
