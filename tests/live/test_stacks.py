# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks: complete, and true function by function, without frame pointers."""
import ctypes
import http.client
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import time

from harness import (PYTHON_LOAD, TARGETS, Outlive, Target, check, consistent, equal, lossless, parse,
                     process_of, sites_through, spawn, symbols, trace)

# tests/targets/frames.c: one round of calls, outermost first.
ROUND = ("exe_plain", "a_saves", "b_large", "exe_alloca", "a_realigned", "b_arguments")
MODULES = {"exe": "frames", "a": "libframes_a.so", "b": "libframes_b.so"}
DEEPEST = 60


def true_chain(depth):
    """allocate, then the functions of a chain of `depth`, innermost first."""
    return ["allocate", *reversed([ROUND[i % len(ROUND)] for i in range(depth)]), "chains"]


def check_chain(site, depth, thread):
    names = symbols(site)
    chain = true_chain(depth)
    equal(names[:len(chain)], chain, f"frames of depth {depth}")
    for frame in site["frames"][1:depth + 1]:
        module = MODULES[frame["symbol"].split("_")[0]]
        equal(pathlib.Path(frame["module"]).name, module, f"module of {frame['symbol']}")
    rest = site["frames"][len(chain):]
    if thread:
        # thread_main, then start_thread and clone3 of libc, which Debian strips.
        equal(rest[0]["symbol"], "thread_main", f"depth {depth}: caller of chains()")
        check(len(rest) == 3 and all("libc" in frame["module"] for frame in rest[1:]),
              f"depth {depth}: does not end at the thread's start: {names}")
    else:
        equal(rest[0]["symbol"], "main", f"depth {depth}: caller of chains()")
        equal(rest[-1]["symbol"], "_start", f"depth {depth}: outermost frame")
        check(len(rest) == 4, f"depth {depth}: frames between main and _start: {names}")


def quality_of(report, minimum):
    """At least `minimum` of all stacks are complete."""
    quality = report["quality"]
    check(quality["stacks"] > 0, "no stacks")
    share = quality["complete_stacks"] / quality["stacks"]
    check(share >= minimum, f"{share:.2%} of {quality['stacks']} stacks complete: {quality}")
    return f"{share:.2%} of {quality['stacks']} stacks complete"


def every_depth(*options):
    with Target("frames", DEEPEST) as target:
        truth, report = trace(target, *options)
        lossless(report)
        process = process_of(report, target.pid)
        equal(process["live_blocks"], truth["blocks"], "live blocks")
        by_size = {}
        for site in process["sites"]:
            equal(site["live_blocks"], 1, f"blocks of site {site['id']}")
            by_size[site["live_bytes"]] = site
        for depth in range(1, DEEPEST + 1):
            for base in (10000, 20000):
                check(base + depth in by_size, f"no site of {base + depth} bytes")
                check_chain(by_size[base + depth], depth, base == 20000)
        equal(report["quality"]["truncated_stacks"], 0, "truncated stacks")
        return quality_of(report, 1.0)


def test_every_depth_through_two_libraries():
    return every_depth()


def test_every_depth_walked_afresh():
    return every_depth("--no-memo")


def test_deeper_than_the_limit():
    """Beyond 127 frames a stack is cut, says so, and its bytes still count."""
    with Target("frames", 400, 100) as target:
        truth, report = trace(target)
        lossless(report)
        process = process_of(report, target.pid)
        equal(process["live_blocks"], truth["blocks"], "live blocks")
        # Chains of 1 and 101 fit. What is left of 201 and of 301 is the same in both threads.
        equal(report["quality"]["truncated_stacks"], 2, "truncated stacks")
        for depth in (201, 301):
            size = 10000 + depth + 20000 + depth
            sites = [site for site in process["sites"] if site["live_bytes"] == size]
            equal(len(sites), 1, f"sites of {size} bytes")
            equal(symbols(sites[0]), true_chain(depth)[:127], f"frames of depth {depth}")


class ReturnProbe:
    """Somebody else's return probe on a function of a process: a bare perf event of the uprobe
    PMU (perf_event_open(2); Documentation/ABI/testing/sysfs-bus-event_source-devices-uprobe)."""

    def __init__(self, pid, path, symbol):
        path = str(path)
        table = subprocess.run(["nm", "-D", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        rows = [row.split() for row in table.splitlines()]
        offset = next(int(row[0], 16) for row in rows if row[-1] == symbol and len(row) == 3)
        pmu = int(pathlib.Path("/sys/bus/event_source/devices/uprobe/type").read_text())
        name = ctypes.create_string_buffer(path.encode())
        # struct perf_event_attr: type, size, config (bit 0: at return), …, config1, config2
        attributes = struct.pack("IIQQQQQIIQQ", pmu, 72, 1, 0, 0, 0, 0, 0, 0, ctypes.addressof(name), offset)
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.syscall(298, ctypes.create_string_buffer(attributes), pid, -1, -1, 8)
        check(self.fd >= 0, f"no return probe on {symbol}: errno {ctypes.get_errno()}")

    def close(self):
        os.close(self.fd)


def test_through_return_probes_of_others():
    """Return addresses that another tracer has replaced are found out and put right."""
    with Target("frames", 20) as target:
        probes = [ReturnProbe(target.pid, TARGETS / "libframes_a.so", "a_saves"),
                  ReturnProbe(target.pid, TARGETS / "frames", "exe_alloca"),
                  ReturnProbe(target.pid, TARGETS / "libframes_b.so", "b_large")]
        try:
            truth, report = trace(target)
        finally:
            for probe in probes:
                probe.close()
        process = process_of(report, target.pid)
        equal(process["live_blocks"], truth["blocks"], "live blocks")
        by_size = {site["live_bytes"]: site for site in process["sites"]}
        for depth in range(1, 21):
            for base in (10000, 20000):
                check_chain(by_size[base + depth], depth, base == 20000)
        return quality_of(report, 1.0)


def test_library_loaded_later():
    """dlopen after attach: the first stacks through it may be cut, the later ones are whole."""
    with Target("frames", "plugin", TARGETS / "libplugin.so") as target:
        truth, report = trace(target)
        process = process_of(report, target.pid)
        sites = sites_through(process, "plugin_work")
        whole = [site for site in sites if symbols(site)[-1] == "_start"]
        check(whole, f"no complete stack through the library: {[symbols(s) for s in sites]}")
        site = max(whole, key=lambda row: row["live_blocks"])
        equal(symbols(site)[:4], ["plugin_allocate", "plugin_work", "load_plugin", "main"],
              "frames")
        check(site["live_blocks"] >= 0.9 * truth["blocks"],
              f"only {site['live_blocks']} of {truth['blocks']} blocks have the whole stack")


def test_python():
    with Target("python", command=["/usr/bin/python3", PYTHON_LOAD]) as target:
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            target.go()
            time.sleep(3)
            report = outlive.stop()
        process = process_of(report, target.pid)
        check(process["allocated_blocks"] > 10000, "python3 hardly allocated")
        consistent(process)
        return quality_of(report, 0.995)


def test_redis():
    """redis-server brings its own allocator, libjemalloc: that one is traced."""
    with tempfile.TemporaryDirectory() as folder:
        socket = pathlib.Path(folder) / "redis.sock"
        server = spawn(["/usr/bin/redis-server", "--port", "0", "--unixsocket", socket,
                        "--save", "", "--appendonly", "no", "--dir", folder],
                       stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not socket.exists():
            check(server.poll() is None and time.monotonic() < deadline,
                  "redis-server does not start")
            time.sleep(0.02)
        with Outlive("threads", "-p", server.pid, "--json") as outlive:
            load = spawn(["/usr/bin/redis-benchmark", "-s", socket, "-q", "-n", "3000",
                          "-r", "1000", "-d", "211",
                          "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset"],
                         stdout=subprocess.DEVNULL)
            equal(load.wait(40), 0, "exit status of redis-benchmark")
            report = outlive.stop()
        process = process_of(report, server.pid)
        check(process["allocated_blocks"] > 10000, "redis-server hardly allocated")
        check(process["live_bytes"] > 1000 * 211, f"only {process['live_bytes']} bytes are live")
        consistent(process)
        server.terminate()
        equal(server.wait(10), 0, "exit status of redis-server")
        return quality_of(report, 0.995)


NGINX_CONF = """
daemon off; user root; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    types {{ text/html html; }}
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}; root {folder}/www; gzip on; gzip_min_length 100; ssi on;
        location ~ ^/again/(.*)$ {{ proxy_pass http://127.0.0.1:{port}/$1; }}
        location /list/ {{ alias {folder}/www/; autoindex on; }}
    }}
}}
"""


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def start_nginx(folder, port):
    """An nginx of our own, in the foreground; returns it and its worker's pid."""
    (folder / "www").mkdir()
    (folder / "www" / "page.html").write_text("<p>outlive</p>\n" * 3000)
    (folder / "www" / "parts.html").write_text('<!--#include virtual="/page.html" -->\n' * 7)
    (folder / "conf").write_text(NGINX_CONF.format(folder=folder, port=port))
    server = spawn(["/usr/sbin/nginx", "-p", folder, "-c", folder / "conf", "-e",
                    folder / "error.log"])
    children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children")
    deadline = time.monotonic() + 10
    while not (folder / "pid").exists() or not children.read_text():
        check(server.poll() is None and time.monotonic() < deadline, "nginx does not start")
        time.sleep(0.02)
    return server, int(children.read_text().split()[0])


def ask_nginx(port, requests):
    """Each on a connection of its own, so that nginx allocates for that as well."""
    paths = ("/page.html", "/parts.html", "/again/page.html", "/list/", "/again/parts.html", "/no")
    for number in range(requests):
        path = paths[number % len(paths)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        equal(answer.status, 404 if path == "/no" else 200, f"nginx's answer to {path}")
        answer.read()
        connection.close()


def test_nginx():
    with tempfile.TemporaryDirectory() as name:
        folder, port = pathlib.Path(name), free_port()
        server, worker = start_nginx(folder, port)
        with Outlive("threads", "-p", worker, "--json") as outlive:
            ask_nginx(port, 600)
            report = outlive.stop()
        process = process_of(report, worker)
        check(process["allocated_blocks"] > 3000, "nginx hardly allocated")
        consistent(process)
        server.terminate()
        equal(server.wait(10), 0, "exit status of nginx")
        return quality_of(report, 0.995)


def musl(name):
    """musl tells of no function of its own how to unwind it; but where stacks begin is known."""
    with Target(name, 30) as target:
        truth, report = trace(target)
        lossless(report)
        process = process_of(report, target.pid)
        equal(process["live_blocks"], truth["blocks"], "live blocks")
        by_size = {site["live_bytes"]: symbols(site) for site in process["sites"]}
        for depth in range(1, 31):
            for base, starter in ((10000, "main"), (20000, "thread_main")):
                names = by_size[base + depth]
                equal(names[:depth + 3], [*true_chain(depth), starter], f"frames of depth {depth}")
                equal(len(names), depth + 4, f"frames behind {starter}: {names[depth + 3:]}")
        return quality_of(report, 1.0)


def test_every_depth_over_musl():
    return musl("musl_dynamic")


def test_every_depth_over_musl_linked_in():
    return musl("musl_static")


def test_before_main():
    """What constructors of libraries allocate (libstdc++'s does): the outermost frame is the
    dynamic linker's."""
    with tempfile.NamedTemporaryFile() as file:
        with Outlive("report", "--json", "-o", file.name, "--", TARGETS / "throws", "--go",
                     wait=False) as outlive:
            equal(outlive.wait(), 0, "exit status")
        process = parse(file.read().decode())["processes"][0]
    early = [site for site in process["sites"] if "_dl_init" in symbols(site)]
    check(early, "nothing was allocated before main()")
    for site in early:
        equal(site["stack"], "complete", f"the stack {symbols(site)}")
    return f"{len(early)} stacks"
