# SPDX-License-Identifier: GPL-2.0-or-later
"""What the live tests share: a traced program (Target), outlive itself (Outlive), and checks.

Every process started here is remembered until it ended, and stop_all() kills what a failed
test left behind: those processes and no others, by the handles we started them with.
"""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
OUTLIVE = BUILD / "outlive"
TARGETS = BUILD / "tests" / "targets"
PYTHON_LOAD = ROOT / "tests" / "targets" / "python_load.py"

LOSSES = ("lost_allocs", "lost_frees", "lost_stacks", "unknown_frees", "alloc_over_live")
THREAD_COUNTS = ("live_bytes", "live_blocks", "allocated_bytes", "allocated_blocks", "freed_bytes",
                 "freed_blocks", "freed_by_others_blocks")

_running = []


class Failure(AssertionError):
    """A test found something wrong; the message is for the person who reads the run."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def equal(found, expected, what):
    check(found == expected, f"{what}: {found!r}, expected {expected!r}")


def limit(seconds):
    """Decorator: a test that may take longer, or shorter, than the runner's default."""
    def mark(function):
        function.limit_s = seconds
        return function
    return mark


def spawn(command, **options):
    process = subprocess.Popen([str(word) for word in command], **options)
    _running.append(process)
    return process


def stop_all():
    for process in _running:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
    _running.clear()


class Target:
    """A program of tests/targets, ready to be traced. As a context: its stdin closes at the end."""

    def __init__(self, name, *arguments, command=None, env=None):
        self.process = spawn(command or [TARGETS / name, *arguments], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, env={**os.environ, **(env or {})})
        ready = self.line()
        check("ready" in ready, f"{name}: first line is {ready!r}")
        self.pid = self.process.pid
        self.inner = ready["ready"]  # its pid as it sees it itself

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if exception[0] is None:
            self.finish()

    def line(self):
        text = self.process.stdout.readline()
        check(text, f"target {self.process.args[0]} ended with {self.process.poll()} and no answer")
        return json.loads(text)

    def send(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def start(self):
        self.send("go")

    def truth(self):
        return self.line()["truth"]

    def go(self):
        """Let it work, and return what it then says it did."""
        self.start()
        return self.truth()

    def finish(self):
        """Close its stdin: it must leave by itself, with status 0."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            raise Failure(f"target {self.process.args[0]} does not end") from None
        equal(status, 0, f"exit status of target {self.process.args[0]}")


class Outlive:
    """One run of outlive. `wait` False: do not wait for the line that says probes are in place."""

    def __init__(self, *arguments, wait=True, stdin=subprocess.DEVNULL, binary=OUTLIVE, **options):
        self.output = tempfile.TemporaryFile()
        self.errors = []
        self._tracing = threading.Event()
        self.process = spawn([binary, *arguments], stdin=stdin, stdout=self.output,
                             stderr=subprocess.PIPE, **options)
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        if wait:
            self.wait_tracing()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.decode(errors="replace").rstrip("\n"))
            if line.startswith(b"tracing "):
                self._tracing.set()
        self._tracing.set()

    def wait_tracing(self, timeout=20):
        check(self._tracing.wait(timeout), f"not tracing after {timeout} s; stderr: {self.errors}")
        check(any(line.startswith("tracing ") for line in self.errors),
              f"ended before it traced; stderr: {self.errors}")

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait(self, timeout=30):
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"outlive still runs after {timeout} s; stderr: {self.errors}") from None
        self._reader.join(5)
        return status

    def text(self):
        self.output.seek(0)
        return self.output.read().decode()

    def report(self, timeout=30):
        """Wait for its end, and return the JSON it printed."""
        status = self.wait(timeout)
        equal(status, 0, f"exit status of outlive (stderr {self.errors})")
        return parse(self.text())

    def stop(self):
        """End the trace as a person would, and return the report."""
        self.interrupt()
        return self.report()


def parse(text, keys=("verb", "capture", "quality", "processes")):
    try:
        report = json.loads(text)
    except ValueError as wrong:
        raise Failure(f"not JSON ({wrong}): {text[:300]!r}") from None
    equal(report.get("schema"), "outlive/1", "schema")
    for key in keys:
        check(key in report, f"no '{key}' in the report")
    return report


def trace(target, *options, verb="threads"):
    """Trace all that a started, waiting target does; return (its truth, outlive's report)."""
    with Outlive(verb, "-p", target.pid, "--json", *options) as outlive:
        truth = target.go()
        return truth, outlive.stop()


def run(*arguments, timeout=30, **options):
    """Run outlive to its end. Returns (status, stdout, stderr lines)."""
    with Outlive(*arguments, wait=False, **options) as outlive:
        return outlive.wait(timeout), outlive.text(), outlive.errors


def process_of(report, pid):
    for process in report["processes"]:
        if process["pid"] == pid:
            return process
    raise Failure(f"no process {pid} in the report: {[p['pid'] for p in report['processes']]}")


def thread_of(process, tid):
    for thread in process["threads"]:
        if thread["tid"] == tid:
            return thread
    raise Failure(f"no thread {tid} in the report: {[t['tid'] for t in process['threads']]}")


def lossless(report, unknown_frees=0):
    """Nothing may be lost, for any cause, where a test compares to the byte."""
    quality = report["quality"]
    for name in {*LOSSES, *(name for name in quality if name.startswith("lost_"))}:
        equal(quality[name], unknown_frees if name == "unknown_frees" else 0, f"quality.{name}")


def same_counts(found, truth, names, what):
    """Report all that differs, not only the first: the pattern of it is the clue."""
    wrong = [f"{name} {found[name]} (true {truth[name]})" for name in names
             if found[name] != truth[name]]
    check(not wrong, f"{what}: {', '.join(wrong)}")


def symbols(site):
    """The functions' names in the source: gcc calls a copy of serve() "serve.constprop.0"."""
    return [(frame["symbol"] or "").split(".")[0] or None for frame in site["frames"]]


def sites_through(process, function):
    """The sites whose stack goes through `function`."""
    return [site for site in process["sites"] if function in symbols(site)]


def total(rows, name):
    return sum(row[name] for row in rows)


def consistent(process):
    """Sums that must hold in every report, whatever happened."""
    for name in ("live_bytes", "live_blocks"):
        equal(total(process["threads"], name), process[name], f"sum of threads' {name}")
        equal(total(process["sites"], name), process[name], f"sum of sites' {name}")
    for site in process["sites"]:
        for name in ("live_bytes", "live_blocks"):
            equal(total(site["threads"], name), site[name], f"site {site['id']}: sum of {name}")


def changed_text(pid):
    """Bytes of executable file mappings of `pid` that differ from the file: breakpoints.

    Returns {path: [file offset, …]}.
    """
    changed = {}
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            fields = line.split(maxsplit=5)
            if "x" not in fields[1] or len(fields) < 6 or not fields[5].startswith("/"):
                continue
            path = fields[5].rstrip("\n")
            start, end = (int(word, 16) for word in fields[0].split("-"))
            memory.seek(start)
            found = memory.read(end - start)
            with open(path, "rb") as file:
                file.seek(int(fields[2], 16))
                expected = file.read(end - start)
            for i in range(0, len(expected), 4096):
                if found[i:i + 4096] != expected[i:i + 4096]:
                    changed.setdefault(path, []).extend(
                        int(fields[2], 16) + j for j in range(i, min(i + 4096, len(expected)))
                        if found[j] != expected[j])
    return changed


def no_probes_left(pid, seconds=3):
    """Wait until no breakpoint is left: after SIGKILL the kernel takes its time."""
    deadline = time.monotonic() + seconds
    while True:
        changed = changed_text(pid)
        if not changed:
            return
        check(time.monotonic() < deadline, f"breakpoints left in {pid}: {changed}")
        time.sleep(0.05)
