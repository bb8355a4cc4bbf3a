# SPDX-License-Identifier: GPL-2.0-or-later
"""Being traced harms nobody: whoever dies, whenever, the other goes on or ends in order."""
import concurrent.futures
import os
import random
import re
import signal
import subprocess
import time

from harness import (OUTLIVE, Failure, Outlive, Target, changed_text, check, consistent, equal,
                     limit, no_probes_left, parse, process_of, symbols)

CYCLES = 200


def alive_and_well(target):
    """The target works on, and what it checks of its own blocks holds."""
    target.send("report")
    before = target.line()
    time.sleep(0.05)
    target.send("report")
    after = target.line()
    check(after["operations"] > before["operations"], "the target stands still")
    equal(after["errors"], 0, "errors the target found")


def busy(threads=2):
    target = Target("busy", threads)
    target.start()
    return target


def interrupted(target, delay, number=signal.SIGINT, wait=True):
    """Trace, wait, interrupt. Returns seconds until it was gone, its status, its output."""
    with Outlive("threads", "-p", target.pid, "--json", wait=wait) as outlive:
        time.sleep(delay)
        begin = time.monotonic()
        outlive.process.send_signal(number)
        status = outlive.wait(10)
        return time.monotonic() - begin, status, outlive.text()


def test_probes_are_in_the_text_while_tracing():
    """The check for probes left behind must be able to fail."""
    with busy() as target:
        equal(changed_text(target.pid), {}, "text changed before tracing")
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            changed = changed_text(target.pid)
            check(any("libc" in path for path in changed), f"no breakpoint in libc: {changed}")
            outlive.stop()
        no_probes_left(target.pid)


@limit(90)
def test_sigint_at_random_moments():
    worst = 0
    choose = random.Random(1009)
    with busy() as target:
        for i in range(15):
            number = signal.SIGTERM if i % 5 == 4 else signal.SIGINT
            seconds, status, text = interrupted(target, choose.uniform(0, 0.6), number)
            equal(status, 0, "exit status")
            process = process_of(parse(text), target.pid)
            check(process["allocated_blocks"] > 0, "the report saw nothing")
            consistent(process)
            check(seconds <= 1, f"took {seconds:.2f} s from SIGINT to its end")
            worst = max(worst, seconds)
            no_probes_left(target.pid)
        alive_and_well(target)
    return f"at worst {worst:.2f} s"


def test_sigint_before_it_traces():
    """While it still prepares: gone within a second, with a report or by the signal."""
    choose = random.Random(2003)
    with busy() as target:
        for _ in range(12):
            seconds, status, text = interrupted(target, choose.uniform(0, 0.25), wait=False)
            check(status in (0, -signal.SIGINT), f"exit status {status}")
            if status == 0:
                parse(text)
            check(seconds <= 1, f"took {seconds:.2f} s from SIGINT to its end")
            no_probes_left(target.pid)
        alive_and_well(target)


def test_sigkill_leaves_no_probe():
    choose = random.Random(4099)
    with busy() as target:
        for i in range(12):
            with Outlive("threads", "-p", target.pid, "--json", wait=i % 2 == 0) as outlive:
                time.sleep(choose.uniform(0, 0.4))
                outlive.process.kill()
                equal(outlive.wait(10), -signal.SIGKILL, "exit status")
            no_probes_left(target.pid)
        alive_and_well(target)


def test_target_killed_at_random_moments():
    """Its death ends the trace; the report is about what it was."""
    choose = random.Random(8191)
    worst = 0
    for _ in range(8):
        target = busy()
        with Outlive("threads", "-p", target.pid, "--json") as outlive:
            time.sleep(choose.uniform(0, 0.4))
            target.process.kill()
            begin = time.monotonic()
            target.process.wait()
            report = outlive.report(10)
            worst = max(worst, time.monotonic() - begin)
        equal(process_of(report, target.pid)["state"], "exited", "state")
        check(worst <= 2, f"took {worst:.2f} s from the target's death to the end")
    return f"at worst {worst:.2f} s"


def test_target_killed_while_attaching():
    """It may be gone before the probes are in place: a report, or one line that says so."""
    choose = random.Random(16411)
    for _ in range(10):
        target = busy()
        with Outlive("threads", "-p", target.pid, "--json", wait=False) as outlive:
            time.sleep(choose.uniform(0, 0.25))
            target.process.kill()
            target.process.wait()
            status = outlive.wait(10)
            check(status in (0, 3), f"exit status {status}, stderr {outlive.errors}")
            if status == 0:
                parse(outlive.text())
            else:
                equal(len(outlive.errors), 1, f"lines on stderr ({outlive.errors})")


def cycle(target):
    done = subprocess.run([OUTLIVE, "threads", "-p", str(target.pid), "--for", "10ms", "--json"],
                          capture_output=True, timeout=20, check=False)
    if done.returncode != 0:
        raise Failure(f"exit status {done.returncode}, {done.stderr.decode()}")
    process_of(parse(done.stdout.decode()), target.pid)


@limit(150)
def test_attach_detach_cycles():
    """200 times, two at a time, on a busy target; nothing may be left behind."""
    begin = time.monotonic()
    with busy(1) as target, concurrent.futures.ThreadPoolExecutor(2) as pool:
        descriptors = len(os.listdir(f"/proc/{target.pid}/fd"))
        for _ in range(CYCLES // 20):
            list(pool.map(cycle, [target] * 20))
            no_probes_left(target.pid)
        equal(len(os.listdir(f"/proc/{target.pid}/fd")), descriptors, "descriptors of the target")
        alive_and_well(target)
    return f"{(time.monotonic() - begin) / CYCLES * 1000:.0f} ms each"


def test_target_that_stops_is_left_stopped():
    """Tracing neither needs nor disturbs a target that SIGSTOP holds."""
    with busy() as target:
        os.kill(target.pid, signal.SIGSTOP)
        with Outlive("threads", "-p", target.pid, "--json", "--for", "200ms") as outlive:
            process_of(outlive.report(), target.pid)
        with open(f"/proc/{target.pid}/status") as status:
            check(re.search(r"^State:\s+T", status.read(), re.M), "the target was woken up")
        os.kill(target.pid, signal.SIGCONT)
        alive_and_well(target)


@limit(90)
def test_overload_keeps_frees():
    """More comes than can be taken: allocations are lost and counted, frees are not, so once all is
    freed nothing of it looks live; and outlive does not grow with what it could not take."""
    with Target("storm", 1200, 0, 4001) as target:
        with Outlive("report", "-p", target.pid, "--json", "--buffer", "64K") as outlive:
            target.start()
            for _ in range(4):
                time.sleep(0.05)
                outlive.process.send_signal(signal.SIGSTOP)
                time.sleep(0.3)
                outlive.process.send_signal(signal.SIGCONT)
            target.truth()
            time.sleep(0.3)
            with open(f"/proc/{outlive.process.pid}/status") as status:
                peak_kb = int(re.search(r"^VmHWM:\s+(\d+) kB", status.read(), re.M).group(1))
            report = outlive.stop()
    quality, process = report["quality"], process_of(report, target.pid)
    check(quality["lost_allocs"] > 1000, f"too little was lost for a test: {quality}")
    equal(quality["lost_frees"], 0, "lost frees")
    equal(sum(site["live_blocks"] for site in process["sites"] if "pair" in symbols(site)), 0,
          "blocks that look live although all were freed")
    check(process["live_blocks"] <= 61, f"{process['live_blocks']} live blocks, 61 are")
    check(peak_kb < 300000, f"outlive grew to {peak_kb} KB")
    consistent(process)
    return f"{quality['lost_allocs']} allocations lost, peak {peak_kb // 1024} MB"


def test_small_buffer_counts_what_it_loses():
    """Where losing cannot be avoided, the report says so and stays well-formed."""
    with busy(4) as target:
        with Outlive("threads", "-p", target.pid, "--json", "--buffer", "64K") as outlive:
            outlive.process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            outlive.process.send_signal(signal.SIGCONT)
            begin = time.monotonic()
            report = outlive.stop()
            seconds = time.monotonic() - begin
            check(seconds <= 1.5, f"took {seconds:.2f} s from SIGINT to its end")
        check(report["quality"]["lost_allocs"] > 0, "64 KB held half a second of a busy program")
        consistent(process_of(report, target.pid))
        alive_and_well(target)
