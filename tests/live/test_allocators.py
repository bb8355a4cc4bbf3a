# SPDX-License-Identifier: GPL-2.0-or-later
"""Every allocator: what the target says it did, outlive says too, to the byte and the block."""
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

from harness import (TARGETS, Outlive, Target, check, consistent, equal, lossless, parse,
                     process_of, run, same_counts, sites_through, spawn, total, trace)
from test_exact import compare_threads

LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")
JEMALLOC = LIBRARIES / "libjemalloc.so.2"
TCMALLOC_MINIMAL = LIBRARIES / "libtcmalloc_minimal.so.4"
TCMALLOC = LIBRARIES / "libtcmalloc.so.4"
MIMALLOC = LIBRARIES / "libmimalloc.so.2"

COUNTS = ("allocated_bytes", "allocated_blocks", "freed_bytes", "freed_blocks")


def preload(library):
    return {"LD_PRELOAD": str(library)} if library else {}


def groups(counts):
    """Calls by function; what may be two names of one place is counted together."""
    same = {"aligned_alloc": "memalign", "pvalloc": "valloc"}
    sums = {}
    for name, count in counts.items():
        name = same.get(name, name)
        sums[name] = sums.get(name, 0) + count
    return {name: count for name, count in sums.items() if count}


def exact(library=None, threads=3, target="exact"):
    """The random work of exact.c on blocks that threads share."""
    with Target(target, threads, 60013, env=preload(library)) as traced:
        truth, report = trace(traced)
    lossless(report)
    equal(truth["spoiled"], 0, "blocks the target found spoiled")
    process = process_of(report, traced.pid)
    compare_threads(process, truth)
    for name in COUNTS:
        equal(process[name], total(truth["threads"], name), f"process {name}")
    called = {}
    for site in process["sites"]:
        for name, count in site["functions"].items():
            called[name] = called.get(name, 0) + count
    expected = dict(truth["functions"])
    del expected["free"]
    equal(groups(called), groups(expected), "calls by function")
    equal(process["failed_calls"], 0, "failed calls")
    consistent(process)
    return f"{report['quality']['events']} events"


def test_jemalloc_exact():
    return exact(JEMALLOC)


def test_tcmalloc_minimal_exact():
    return exact(TCMALLOC_MINIMAL)


def test_tcmalloc_exact():
    return exact(TCMALLOC)


def test_mimalloc_exact():
    return exact(MIMALLOC)


def operators(scenario, library=None, target="operators"):
    with Target(target, scenario, env=preload(library)) as traced:
        truth, report = trace(traced)
    lossless(report)
    process = process_of(report, traced.pid)
    consistent(process)
    return truth, process


def compare_operators(process, truth):
    """Exceptions are blocks that come and go; where there are none all is known."""
    equal(process["failed_calls"], truth["failed_calls"], "failed calls")
    made = process["allocated_blocks"] - truth["allocated_blocks"]
    if not truth["exceptions"]:
        same_counts(process, truth, COUNTS, "process")
    check(made >= truth["exceptions"], f"{made} blocks of {truth['exceptions']} exceptions")
    for name in ("blocks", "bytes"):
        equal(process[f"freed_{name}"] - truth[f"freed_{name}"],
              process[f"allocated_{name}"] - truth[f"allocated_{name}"],
              f"{name} of exceptions freed")
        equal(process[f"live_{name}"], truth[f"allocated_{name}"] - truth[f"freed_{name}"],
              f"live {name}")


def forms(library=None, target="operators"):
    truth, process = operators("forms", library, target)
    compare_operators(process, truth)
    return process


def throws(library=None, target="operators"):
    """The target must live through it."""
    truth, process = operators("throws", library, target)
    compare_operators(process, truth)


def test_operators_libstdcxx():
    """malloc owns the blocks: operator new only calls it, and has no probe."""
    names = {name for site in forms()["sites"] for name in site["functions"]}
    equal(names, {"malloc", "memalign"}, "functions")


def test_operators_jemalloc():
    forms(JEMALLOC)


def test_operators_tcmalloc_minimal():
    forms(TCMALLOC_MINIMAL)


def test_operators_tcmalloc():
    forms(TCMALLOC)


def test_operators_mimalloc():
    forms(MIMALLOC)


def test_operators_in_the_program():
    """libstdc++ linked statically."""
    forms(target="operators-static")


def test_operators_of_the_program():
    """A pool of its own for small blocks: they are blocks, and what goes to malloc counts once."""
    forms(target="operators-own")


def test_throws_of_the_program():
    throws(target="operators-own")


def test_throws_libstdcxx():
    throws()


def test_throws_jemalloc():
    throws(JEMALLOC)


def test_throws_tcmalloc_minimal():
    throws(TCMALLOC_MINIMAL)


def test_throws_tcmalloc():
    throws(TCMALLOC)


def test_throws_in_the_program():
    throws(target="operators-static")


def sized(target, env=None):
    with Target(target, env=env) as traced:
        truth, report = trace(traced)
    lossless(report)
    process = process_of(report, traced.pid)
    consistent(process)
    same_counts(process, truth, (*COUNTS, "failed_calls"), "process")
    return {name for site in process["sites"] for name in site["functions"]}


def test_jemalloc_calls():
    """mallocx, rallocx, xallocx (the block changes where it is, or the call fails), and frees."""
    names = sized("sized")
    equal(names, {"mallocx", "rallocx", "xallocx"}, "functions")


def test_prefixed():
    """je_malloc and its kin, C23's sized frees among them, by the names without prefix."""
    names = sized("prefixed")
    check({"malloc", "calloc", "realloc", "posix_memalign", "mallocx"} <= names, f"only {names}")


def test_prefixed_hidden():
    """The same inside the program: only its symbol table knows them, as local ones."""
    sized("prefixed-hidden")


def test_malloc_of_the_program():
    """It calls the C library's by pointers: each block counts once all the same."""
    equal(sized("own_malloc"), {"malloc", "calloc", "realloc"}, "functions")


def test_malloc_of_the_program_over_jemalloc():
    sized("own_malloc", preload(JEMALLOC))


def doctor(target, library=None):
    """What doctor says of a process: all of it, and the lines about whose malloc it is."""
    with Target(*target, env=preload(library)) as traced:
        status, text, errors = run("doctor", "-p", traced.pid)
    equal(status, 0, f"exit status ({errors})")
    start = text.find("\nmalloc ")
    check(start >= 0, f"nothing about malloc: {text!r}")
    return text, text[start + 1:].split("\n\n")[0]


def says(text, *words):
    flat = " ".join(text.split())
    for word in words:
        check(word in flat, f"no '{word}' in {flat!r}")


def test_doctor_tells_the_c_librarys():
    text, choice = doctor(("rules", "nested"))
    says(choice, "malloc the C library's: ", "/libc.so.6")
    check("probed too" not in choice, choice)
    says(text, "a call stops: malloc 2 times, free once")


def test_doctor_tells_preloaded():
    text, choice = doctor(("operators", "forms"), JEMALLOC)
    says(choice, f"malloc preloaded (LD_PRELOAD or /etc/ld.so.preload): {JEMALLOC}",
         "/libc.so.6: its malloc is hidden by that one, but code may be bound to it",
         "counted once")
    says(text, "malloc 2 times, free once, operator new(size_t) 2 times",
         "operator new(size_t), operator new[](size_t)", "calls malloc, which has a probe")


def test_doctor_tells_linked():
    _, choice = doctor(("sized",))
    says(choice, f"malloc linked: {JEMALLOC}", f"needed by {TARGETS / 'sized'}",
         "it comes before the C library, whose malloc it replaces")


def test_doctor_tells_the_programs_own():
    """The program comes before what is preloaded: so the dynamic linker looks for names."""
    _, choice = doctor(("own_malloc",), JEMALLOC)
    says(choice, f"malloc the program's own: {TARGETS / 'own_malloc'}",
         f"{JEMALLOC}: its malloc is hidden", "/libc.so.6: its malloc is hidden")


def test_doctor_tells_other_names():
    _, choice = doctor(("prefixed",))
    says(choice, "malloc the C library's: ", "libown_allocator.so: functions of other names")


def test_musl_exact():
    return exact(target="exact-musl")


def test_musl_static_exact():
    return exact(target="exact-musl-static")


def test_glibc_static_exact():
    return exact(target="exact-static")


def test_glibc_static_pie_exact():
    return exact(target="exact-static-pie")


def no_malloc(target):
    """Without symbols nothing tells where malloc is: one line says so, and what would help."""
    with Target(target, 0, 1) as traced:
        status, text, errors = run("threads", "-p", traced.pid, "--for", "100ms")
    equal(status, 3, f"exit status ({errors})")
    equal(text, "", "stdout")
    equal(len(errors), 1, f"lines: {errors}")
    for words in ("no malloc to watch", "symbol table"):
        check(words in errors[0], f"no '{words}' in {errors[0]!r}")


def test_static_without_symbols():
    no_malloc("stripped")


def test_musl_static_without_symbols():
    no_malloc("stripped-musl")


def test_doctor_tells_static():
    for target in ("exact-static", "exact-static-pie", "exact-musl-static"):
        text, choice = doctor((target, "0", "1"))
        says(choice, "malloc the program's own: it is linked statically")
        says(text, "a call stops: malloc ")


def test_doctor_tells_musl():
    _, choice = doctor(("exact-musl", "0", "1"))
    says(choice, "malloc the C library's: ")


def test_mimalloc_calls():
    """mi_… and mi_heap_…: each argument is where the table says."""
    names = sized("extras")
    check({"zalloc", "mallocn", "recalloc", "expand", "new_n", "malloc_aligned"} <= names,
          f"only {names}")


def test_tcmalloc_calls():
    sized("extras-tcmalloc")


class Redis:
    """A redis-server of our own, which Debian links with jemalloc."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "redis.sock"
        self.server = spawn(["/usr/bin/redis-server", "--port", "0", "--unixsocket", self.path,
                             "--save", "", "--appendonly", "no", "--dir", folder],
                            stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self.path.exists():
            check(time.monotonic() < deadline, "redis-server does not start")
            time.sleep(0.05)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.path))
        self.answers = self.socket.makefile("rb")

    def ask(self, *words):
        """One command, in redis' protocol; its answer's first line."""
        request = b"*%d\r\n" % len(words)
        for word in words:
            request += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(request)
        return self.answers.readline().strip()

    def close(self):
        self.socket.close()
        self.server.terminate()
        equal(self.server.wait(10), 0, "exit status of redis-server")


def test_redis_values():
    """The values that it holds are held in the report, and gone from it after FLUSHALL."""
    size, count, lives = 10007, 211, []
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(folder)
        for flush in (False, True):
            with Outlive("threads", "-p", redis.server.pid, "--json") as outlive:
                for i in range(count):
                    equal(redis.ask(b"SET", b"key %d" % i, b"x" * size), b"+OK", "SET")
                if flush:
                    equal(redis.ask(b"FLUSHALL", b"SYNC"), b"+OK", "FLUSHALL")
                report = outlive.stop()
            equal(report["quality"]["lost_frees"] + report["quality"]["lost_allocs"], 0, "lost")
            equal(report["quality"]["alloc_over_live"], 0, "blocks made where one lives")
            lives.append(process_of(report, redis.server.pid)["live_bytes"])
            redis.ask(b"FLUSHALL", b"SYNC")
        redis.close()
    check(lives[0] >= size * count, f"{lives[0]} bytes live of {count} values of {size}")
    check(lives[0] < 1.2 * size * count, f"{lives[0]} bytes live of {count} values of {size}")
    check(lives[1] < size * count / 20, f"{lives[1]} bytes live after FLUSHALL")


def test_command_with_a_preloaded_allocator():
    """From its first instruction: what will be preloaded is not known when outlive starts."""
    with tempfile.NamedTemporaryFile() as file:
        outlive = Outlive("threads", "--json", "-o", file.name, "--", TARGETS / "operators",
                          "throws", "--go", env={**os.environ, **preload(JEMALLOC)})
        equal(outlive.wait(), 0, f"exit status (stderr {outlive.errors})")
        report = parse(file.read().decode())
        ready, truth = [json.loads(line) for line in outlive.text().splitlines()]
    lossless(report)
    process = process_of(report, ready["ready"])
    truth = truth["truth"]
    equal(process["failed_calls"], truth["failed_calls"], "failed calls")
    equal(total(sites_through(process, "below"), "live_bytes"),
          truth["allocated_bytes"] - truth["freed_bytes"], "live bytes")
