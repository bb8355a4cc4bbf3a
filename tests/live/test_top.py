# SPDX-License-Identifier: GPL-2.0-or-later
"""outlive top in a real terminal: every view and key, sizes, colours, endings."""
import ctypes
import os
import pathlib
import re
import signal
import sys
import tempfile
import time

from harness import OUTLIVE, Outlive, Target, check, equal, limit, run
from terminal import Terminal


def patterns(seconds=60, start=True):
    target = Target("patterns", "6", "2", str(seconds * 1000))
    if start:
        target.start()
    return target


def top(target, *options, start=False, **terminal):
    """outlive top on `target`, which with `start` begins its work when it is traced."""
    watch = Terminal([OUTLIVE, "top", "-p", target.pid, "--interval", "200ms", *options], **terminal)
    if start:
        watch.expect("Sites")
        target.start()
    return watch


def rows(screen, heading):
    """The rows of the table below its heading, up to the first empty line."""
    lines = screen.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(heading))
    body = []
    for line in lines[at + 1:-1]:
        if not line:
            break
        body.append(line)
    return body


@limit(90)
def test_views():
    target = patterns(start=False)
    with top(target, start=True) as terminal:
        screen = terminal.expect("Sites", "leak (patterns.c:", "growing", "per-thread slot",
                                 "exact, nothing lost", "resident", "peak", "GROWTH/S", "█")
        check("traced" in screen.split("\n")[0], "no time in the first line")
        while not rows(terminal.screen(), "SITE ")[0].startswith("leak"):
            time.sleep(0.1)
        terminal.keys("t")
        screen = terminal.expect("Threads · 11 ", "TID")
        equal(len(rows(screen, "THREAD ")), 11, "rows of threads")
        terminal.keys("Enter")
        screen = terminal.expect("Sites of thread patterns (")
        check("leak" in screen, f"the thread that leaks is not first:\n{screen}")
        terminal.keys("Enter")
        terminal.expect("VERDICT: growing", "STACK, the allocator's caller first", "leak_thread",
                        "HELD BY THREAD", "calls · malloc", "this looks like a leak")
        terminal.keys("Escape")
        terminal.expect("Sites of thread patterns (")
        terminal.keys("Escape")
        terminal.expect("Threads")
        terminal.keys("p")
        screen = terminal.expect("Processes", f"{target.pid}", "RESIDENT")
        equal(len(rows(screen, "PROCESS ")), 1, "rows of processes")
        terminal.keys("Enter")
        terminal.expect("Threads")
        terminal.keys("s")
        terminal.expect("Sites · ", without=["of thread"])
        for key in ("h", "F1", "?"):
            terminal.keys(key)
            terminal.expect("KEYS", "this help")
            terminal.keys("Escape")
            terminal.expect("Sites · ")
        terminal.keys("q")
        terminal.ended(0)


@limit(60)
def test_several_processes():
    """The processes first; then into one of them and back."""
    targets = [patterns(start=False), patterns(start=False)]
    pids = ",".join(str(target.pid) for target in targets)
    with Terminal([OUTLIVE, "top", "-p", pids, "--interval", "200ms"]) as terminal:
        terminal.expect("2 processes", "Processes · 2 ")
        targets[0].start()
        targets[1].start()
        screen = terminal.expect("RESIDENT", *(str(target.pid) for target in targets), without=[" 0 B  "])
        first = rows(screen, "PROCESS ")[0].split()[1]
        terminal.keys("Enter")
        terminal.expect("Threads", f"patterns ({first}) ")
        terminal.keys("Escape", "Down", "s")
        terminal.expect("Sites", "leak", without=[f"patterns ({first}) ", "2 processes"])
        terminal.keys("p", "q")
        terminal.ended(0)


@limit(90)
def test_sort_filter_freeze_pause():
    target = patterns(start=False)
    with top(target, start=True, width=132) as terminal:
        terminal.expect("by LIVE ▾", "cache (patterns.c:")
        terminal.keys("Right")
        terminal.expect("by GROWTH/S ▾")
        terminal.keys("Right")
        terminal.expect("by OLDEST ▾")
        terminal.keys("r")
        screen = terminal.expect("by OLDEST ▴")
        # A temporary block may live just when the picture is taken.
        check(rows(screen, "SITE ")[0].startswith(("serve", "cache", "scratch")), "youngest first")
        terminal.keys("Left", "Left")
        terminal.expect("by LIVE ▾")
        terminal.keys("Left")
        terminal.expect("FREES", "by FREES ▾")
        terminal.keys("Right")
        # A name anywhere in the stack; keys are text meanwhile.
        terminal.keys("/")
        terminal.type("LEAK_THreadq")
        terminal.expect("filter: LEAK_THreadq_", "No row has this text")
        terminal.keys("BSpace")
        screen = terminal.expect('1 of 6 with "LEAK_THread"', "leak (patterns.c:")
        equal(len(rows(screen, "SITE ")), 1, "rows that pass the filter")
        terminal.keys("Enter", "Escape")
        terminal.expect("Sites · 6 · by LIVE")
        terminal.keys("f")
        terminal.expect("order frozen")
        terminal.keys("f", "Space")
        first = terminal.expect("PAUSED", without=["order frozen"])
        time.sleep(0.7)
        equal(terminal.screen(), first, "the paused screen")
        terminal.keys("Space")
        terminal.expect("traced", without=["PAUSED"])
        equal(terminal.child() > 0, True, "it still runs")
        terminal.keys("Down", "Down", "Enter")
        terminal.expect("VERDICT", "STACK")
        terminal.keys("q")
        terminal.ended(0)


@limit(90)
def test_moves():
    """On a small screen: scrolling by rows, by pages, to both ends; of texts too."""
    target = patterns(start=False)
    with top(target, start=True, height=10) as terminal:
        terminal.expect("leak (")
        terminal.keys("t")
        first = rows(terminal.expect("Threads · 11"), "THREAD ")
        equal(len(first), 5, "rows that fit")
        for there, back in (("End", "Home"), ("G", "g")):
            terminal.keys(there)
            terminal.expect("Threads", without=[first[0].split()[1] + " "])
            terminal.keys(back)
            terminal.expect(" " + first[0].split()[1] + " ")
        terminal.keys("NPage", "NPage", "NPage", "PPage", "PPage", "PPage", "j", "k", "Down", "Up")
        terminal.expect(" " + first[0].split()[1] + " ")
        terminal.keys("h")
        terminal.expect("KEYS")
        terminal.keys("NPage")
        terminal.expect("Help", without=["KEYS"])
        terminal.keys("Home")
        terminal.expect("KEYS")
        terminal.keys("End")
        terminal.expect("ALLOCATED bytes allocated since the trace began")
        terminal.keys("h")
        terminal.expect("Threads")
        terminal.keys("C-l", "q")
        terminal.ended(0)


@limit(120)
def test_sizes():
    """Three sizes from the start, and resized while it runs."""
    target = patterns()
    for width, height, has, lacks in ((80, 24, ["VERDICT", "OLDEST"], ["OVER TIME"]),
                                      (40, 12, ["LIVE", "GROWTH/S"], ["VERDICT", "OLDEST"]),
                                      (132, 43, ["VERDICT", "OVER TIME", "FREED/S"], [])):
        with top(target, width=width, height=height) as terminal:
            terminal.expect("leak", *has, without=lacks)
            check(terminal.lines()[height - 1].startswith("h help"), "the keys at the foot")
            terminal.keys("q")
            terminal.ended(0)
    with top(target) as terminal:
        terminal.expect("VERDICT", "leak")
        for width, height, has, lacks in ((132, 43, ["OVER TIME"], []), (40, 12, [], ["VERDICT"]),
                                          (20, 5, [], ["VERDICT"]), (1, 1, [], []),
                                          (100, 30, ["VERDICT", "leak"], ["OVER TIME"])):
            terminal.resize(width, height)
            terminal.expect(*has, without=lacks)
        check(terminal.lines()[29].startswith("h help"), "the keys at the new foot")
        terminal.keys("q")
        terminal.ended(0)


@limit(120)
def test_colours_and_terminals():
    target = patterns()
    for term, env, sequence in (("tmux-256color", {}, "38;5;203m"), ("xterm-256color", {}, "38;5;203m"),
                                ("xterm", {}, "\x1b[1m\x1b[31m"), ("linux", {}, "[31m"),
                                ("tmux-256color", {"NO_COLOR": "1"}, None), ("vt100", {}, None)):
        with top(target, term=term, **env) as terminal:
            terminal.expect("growing", "per-thread slot")
            coloured = re.search(r"\x1b\[[0-9;]*(3[0-7]|38;5;\d+|9[0-7])m", terminal.coloured())
            equal(bool(coloured), sequence is not None, f"colour with TERM={term} {env}")
            if sequence and "256" in term:
                check(sequence in terminal.coloured(), f"no {sequence!r} with TERM={term}")
            terminal.keys("q")
            terminal.ended(0)
    with top(target, term="dumb") as terminal:
        terminal.expect("cannot place text", "--once", "status 3")
    with top(target, term="no-such-terminal") as terminal:
        terminal.expect("is not known", "status 3")


@limit(60)
def test_ascii():
    target = patterns()
    with top(target, locale="C") as terminal:
        screen = terminal.expect("Sites - ", "growing", "peak")
        check(screen.isascii(), f"not only ASCII: {screen}")
        terminal.keys("Enter")
        check(terminal.expect("VERDICT").isascii(), "not only ASCII")
        terminal.keys("q")
        terminal.ended(0)


@limit(120)
def test_endings():
    """However it ends, the terminal is given back and the target goes on."""
    target = patterns()
    for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 0),
                           (signal.SIGSEGV, 139), (signal.SIGABRT, 134), (signal.SIGBUS, 135)):
        with top(target) as terminal:
            terminal.expect("leak")
            os.kill(terminal.child(), number)
            terminal.ended(status)
    # A crash of the thread that traces.
    with top(target) as terminal:
        terminal.expect("leak")
        pid = terminal.child()
        threads = sorted(int(tid) for tid in os.listdir(f"/proc/{pid}/task"))
        equal(len(threads), 2, "threads of outlive")
        equal(ctypes.CDLL(None).tgkill(pid, threads[1], int(signal.SIGSEGV)), 0, "tgkill")
        terminal.ended(139)
    with top(target) as terminal:
        terminal.expect("leak")
        terminal.keys("C-c")
        terminal.ended(0)
    equal(target.process.poll(), None, "the target's end")


@limit(60)
def test_stop_and_continue():
    """Ctrl-Z gives the terminal back; fg comes back to a whole screen."""
    target = patterns()
    with Terminal(["bash", "--norc", "-i"], PS1="prompt> ") as terminal:
        terminal.expect("prompt>")
        terminal.type(f"{OUTLIVE} top -p {target.pid} --interval 200ms\n")
        terminal.expect("leak", "VERDICT")
        terminal.keys("C-z")
        terminal.expect("Stopped")
        equal(terminal.ask("alternate_on"), "0", "the alternate screen while stopped")
        terminal.type("fg\n")
        terminal.expect("leak", "VERDICT", "h help")
        terminal.keys("q")
        terminal.expect("prompt>")
        equal(terminal.ask("alternate_on"), "0", "the alternate screen at the end")


@limit(60)
def test_target_ends():
    target = patterns(4, start=False)
    with top(target, start=True) as terminal:
        terminal.expect("leak")
        target.truth()
        target.finish()
        terminal.expect("ended", "exited", "leak")
        terminal.keys("Enter")
        terminal.expect("VERDICT: growing", "leak_thread")
        terminal.keys("q")
        terminal.ended(0)


@limit(60)
def test_command():
    """A command's output stays off the screen, and it does not take our keys."""
    script = "import sys,time\nx=[]\nfor i in range(200):\n  x.append(bytearray(50000))\n" \
             "  print('GARBAGE', flush=True); print('MORE', file=sys.stderr, flush=True)\n  time.sleep(.02)\n"
    with Terminal([OUTLIVE, "top", "--interval", "200ms", "--", sys.executable, "-c", script]) as terminal:
        screen = terminal.expect("Sites", "growing", timeout=20)
        check("GARBAGE" not in screen and "MORE" not in screen, f"the command's output: {screen}")
        terminal.keys("t")
        terminal.expect("Threads")
        terminal.keys("q")
        terminal.ended(0)


HOSTILE = r"""
import ctypes, json, sys, time
evil = "\x1b]0;pwned\x07\x1b[2J\x1b[31mX"
ctypes.CDLL(None).prctl(15, b"\x1b]0;pwned\x07\x1b[2J", 0, 0, 0)
code = compile("def keep(n):\n    return bytearray(n)\n", "/tmp/" + evil + ".py", "exec")
space = {}
exec(code, space)
print(json.dumps({"ready": True}), flush=True)
sys.stdin.readline()
kept = []
for i in range(400):
    kept.append(space["keep"](70000))
    time.sleep(.02)
"""


@limit(60)
def test_hostile_names():
    target = Target("hostile", command=[sys.executable, "-c", HOSTILE])
    with top(target, start=True) as terminal:
        terminal.expect("keep")
        terminal.keys("Enter")
        terminal.expect("VERDICT", "keep")
        terminal.keys("t")
        terminal.expect("Threads", "?]0;pwned?")
        terminal.keys("p")
        terminal.expect("Processes")
        check(terminal.ask("pane_title") != "pwned", "the target set the terminal's title")
        terminal.keys("q")
        terminal.ended(0)
        raw = terminal.raw.read_bytes()
    check(b"?]0;pwned" in raw, "the name was not shown at all")
    for sequence in (b"\x1b]0;pwned", b"\x1b[31mX", b"\x07"):
        check(sequence not in raw, f"the target's {sequence!r} reached the terminal")


@limit(60)
def test_refusals():
    status, _, errors = run("top", "-p", str(os.getpid()))
    equal(status, 3, "exit status without a terminal")
    check("--once" in errors[0], f"no way out is named: {errors}")
    for words in (["top"], ["top", "-p", "1", "--interval", "1ms"], ["top", "-p", "1", "--sort", "nothing"],
                  ["top", "a", "b"]):
        status, _, errors = run(*words)
        equal(status, 2, f"exit status of {words}")
    status, _, errors = run("top", "--once", "-p", "999999")
    equal(status, 3, "exit status without the process")
    equal(len(errors), 1, f"lines of {errors}")


@limit(60)
def test_once():
    target = patterns()
    status, text, errors = run("top", "--once", "-p", target.pid, "--for", "3s", env={**os.environ, "LC_ALL": "C.UTF-8"})
    equal(status, 0, f"exit status ({errors})")
    lines = text.split("\n")
    check(lines[0].startswith(f"patterns ({target.pid}) · traced 3."), f"first line {lines[0]!r}")
    check(any(re.match(r"leak \(patterns\.c:\d+\) .* growing$", line) for line in lines), text)
    check(any(re.match(r"growth \+2\d\d KB/s", line) for line in lines), text)
    check("\x1b" not in text and "help" not in text, "not plain text")
    check(all(len(line) <= 80 for line in lines), "wider than 80 columns")
    status, text, _ = run("top", "--once", "-p", target.pid, "--sort", "allocated_rate", "-n", "2",
                          env={**os.environ, "LC_ALL": "C"})
    equal(status, 0, "exit status")
    check(text.isascii(), "not ASCII in the C locale")
    table = rows(text + "\n\n", "SITE ")
    equal(len(table), 2, "rows with -n 2")
    check(table[0].startswith("serve"), f"what allocates fastest: {table}")


def record(directory, seconds=6):
    path = pathlib.Path(directory) / "trace"
    target = patterns(seconds, start=False)
    with Outlive("record", "-o", path, "-p", target.pid, "--for", f"{seconds - 1}s") as outlive:
        target.start()
        equal(outlive.wait(30), 0, "exit status of record")
    return path


RATES = re.compile(r"[+-]?[\d.]+ [KMG]?B/s|growth|allocated|freed")


def without_rates(line):
    """What does not depend on the picture before: names, amounts, ages, verdicts."""
    return re.sub(r"\s+", " ", RATES.sub("", line)).strip()


@limit(90)
def test_recording():
    with tempfile.TemporaryDirectory() as directory:
        path = record(directory)
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        status, once, errors = run("top", "--once", path, env=environment)
        equal(status, 0, f"exit status of --once ({errors})")
        again = run("top", "--once", path, env=environment)[1]
        equal(again, once, "the same recording's picture")
        end = re.search(r" at (5\.\d s) ", once).group(1)
        with Terminal([OUTLIVE, "top", path, "--interval", "200ms"], width=80, height=30) as terminal:
            terminal.expect("x1, ", "Sites")
            terminal.keys("+", "+", "-")
            terminal.expect("x2, ")
            terminal.keys("-", "-")
            terminal.expect("1/2, ")
            terminal.keys("Space")
            terminal.expect("PAUSED")
            terminal.keys("}")
            terminal.expect(f"at {end}", f"{end} of {end}")
            # The terminal shows what --once prints.
            terminal.expect("per-thread slot", "growing", "static")
            for line in once.split("\n")[3:]:
                check(not line or any(without_rates(line) in without_rates(other)
                                      for other in terminal.lines()),
                      f"not on the screen: {line!r}\n{terminal.screen()}")
            terminal.keys("[")
            terminal.expect(" at 4.", f" of {end}")
            terminal.keys("]")
            terminal.expect(f"at {end}", f"{end} of {end}")
            terminal.keys("{")
            terminal.expect(f"0 ns of {end}", without=["per-thread slot"])
            terminal.keys("Space")
            terminal.expect("leak", without=["PAUSED"])
            terminal.keys("}", "Enter")
            terminal.expect("VERDICT", "STACK", "patterns.c:")
            terminal.keys("h")
            terminal.expect("play twice as fast")
            terminal.keys("q")
            terminal.ended(0)


@limit(60)
def test_recording_that_is_none():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"no recording" * 100)
        file.flush()
        status, text, errors = run("top", "--once", file.name)
        equal((status, text), (3, ""), f"of a file that is no recording ({errors})")
        with Terminal([OUTLIVE, "top", file.name]) as terminal:
            terminal.expect("outlive: ", "status 3")


@limit(120)
def test_drawing_does_not_delay_draining():
    """A stopped terminal (Ctrl-S, a hung ssh) costs no event."""
    target = Target("busy", "2")
    with Terminal([OUTLIVE, "top", "-p", target.pid, "--interval", "100ms"]) as terminal:
        terminal.expect("Sites", "events")
        terminal.keys("C-s")
        time.sleep(4)
        terminal.keys("C-q")
        terminal.expect("exact, nothing lost", timeout=20)
        terminal.keys("q")
        terminal.ended(0)


@limit(90)
def test_record():
    """--record keeps the whole of it; w ends the recording while the screen goes on."""
    target = patterns(start=False)
    with tempfile.TemporaryDirectory() as directory:
        for name, save in (("saved", True), ("whole", False)):
            path = f"{directory}/{name}"
            with top(target, "--record", path, start=save) as terminal:
                terminal.expect("leak (", "growing")
                if save:
                    terminal.keys("w")
                    terminal.expect("recorded", "events", "saved")
                    size = os.path.getsize(path)
                    terminal.keys("j")
                    before = terminal.expect("leak (", without=["recorded"])
                    terminal.expect("leak (", without=[before.split("\n")[0]])
                    equal(os.path.getsize(path), size, "size of the recording that was closed")
                terminal.keys("q")
                screen = terminal.ended(0)
                equal("recorded" in screen, not save, f"the closing line at the end of {name}:\n{screen}")
            status, text, errors = run("report", path)
            equal((status, errors), (0, []), f"report of {name}")
            check("leak (patterns.c:" in text and "growing" in text, text)
    with top(target) as terminal:
        terminal.expect("leak")
        terminal.keys("w")
        terminal.expect("--record FILE")
        terminal.keys("q")
        terminal.ended(0)


def live_bytes(screen, name):
    """LIVE of a row of sites, in bytes."""
    line = next(line for line in screen.split("\n") if line.startswith(name))
    number, unit = re.search(r"([\d.]+) ([KM]?)B ", line).groups()
    return float(number) * {"": 1, "K": 1024, "M": 1024**2}[unit]


@limit(90)
def test_mark():
    """What is newer than a mark: the leak goes on, what was made at the start is left out."""
    target = patterns(start=False)
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/marked"
        with top(target, "--record", path, start=True) as terminal:
            terminal.expect("startup", "leak")
            terminal.keys("n")
            terminal.expect("no mark yet")
            time.sleep(2)
            terminal.keys("m")
            terminal.expect("Mark set")
            terminal.keys("n")
            screen = terminal.expect("only newer than the mark at", "leak", without=["startup", "buffer"])
            first = live_bytes(screen, "leak")
            check(first < 300000, f"bytes leaked since the mark: {first}")
            time.sleep(1)
            check(live_bytes(terminal.screen(), "leak") > first + 100000, "the leak since the mark grows")
            terminal.keys("n")
            screen = terminal.expect("startup", "mark at", without=["only newer"])
            check(live_bytes(screen, "leak") > 600000, "all of the leak")
            # The next mark is a new beginning; and threads are narrowed as sites are.
            terminal.keys("m", "n", "t")
            screen = terminal.expect("Threads", "only newer than the mark at")
            terminal.keys("q")
            terminal.ended(0)
        status, text, _ = run("report", path, "--from", "top-1", "--to", "top-2")
        equal(status, 0, "exit status of a report between the marks")
        check("leak" in text and "startup" not in text, text)
        with Terminal([OUTLIVE, "top", path, "--interval", "200ms"]) as terminal:
            terminal.expect("startup", "leak")
            terminal.keys("m", "n")
            terminal.expect("only newer than the mark at", "leak", without=["startup"])
            # To the end and back: the mark stays where it was set.
            terminal.keys("}")
            terminal.expect("only newer than the mark at", "leak", without=["startup"])
            terminal.keys("[")
            screen = terminal.expect("only newer than the mark at", "leak", without=["startup"])
            terminal.keys("{")
            terminal.expect("Nothing")
            terminal.keys("q")
            terminal.ended(0)


@limit(60)
def test_other_marks_are_quiet():
    """SIGUSR1 and --mark-every set marks without writing across the screen."""
    target = patterns()
    with tempfile.TemporaryDirectory() as directory:
        with top(target, "--record", f"{directory}/marked", "--mark-every", "500ms") as terminal:
            terminal.expect("leak")
            os.kill(terminal.child(), signal.SIGUSR1)
            time.sleep(1.5)
            check("mark " not in terminal.screen(), f"a mark's echo:\n{terminal.screen()}")
            terminal.keys("q")
            terminal.ended(0)
        status, text, _ = run("report", f"{directory}/marked", "--from", "signal-1", "--json")
        equal(status, 0, "exit status")
        check('"signal-1"' in text and '"1s"' in text, "the marks are in the recording")
