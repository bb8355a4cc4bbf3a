# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot be done is said in one clear line, with the right exit status."""
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

from harness import OUTLIVE, Target, check, equal, parse, run, spawn

FAILED, USAGE, IMPOSSIBLE = 1, 2, 3


def refuses(status, *arguments, says=(), **options):
    """It ends with `status`, nothing on stdout, one line on stderr that has all of `says`."""
    found, text, errors = run(*arguments, **options)
    what = f"outlive {' '.join(str(word) for word in arguments)}"
    equal(found, status, f"exit status of {what} (stderr {errors})")
    equal(text, "", f"stdout of {what}")
    lines = [line for line in errors if not line.startswith("tracing ")]
    equal(len(lines), 1, f"lines on stderr of {what}: {lines}")
    check(len(lines[0]) > 20 and lines[0].startswith("outlive"), f"not a clear line: {lines[0]!r}")
    for word in says:
        check(word in lines[0], f"{what} does not say {word!r}: {lines[0]!r}")


def dead_pid():
    """A pid that was ours a moment ago, thus nobody's."""
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def test_no_such_process():
    pid = dead_pid()
    refuses(IMPOSSIBLE, "threads", "-p", pid, says=[str(pid)])


def test_kernel_thread():
    with open("/proc/2/comm") as comm:
        equal(comm.read(), "kthreadd\n", "process 2")
    refuses(IMPOSSIBLE, "threads", "-p", 2, says=["2", "kernel"])


def test_static_program_without_malloc():
    with Target("bare") as target:
        refuses(IMPOSSIBLE, "threads", "-p", target.pid, says=[str(target.pid), "malloc"])


def elf32():
    """A 32-bit program of its own, byte by byte: no compiler for it is needed.

    One PT_LOAD; the code is write(1, "\\n", 1), then read(0, …) until the end, exit(0).
    System calls of arch/x86/entry/syscalls/syscall_32.tbl.
    """
    base = 0x08048000
    offset = 52 + 32  # sizes of Elf32_Ehdr and Elf32_Phdr
    code = bytes.fromhex(
        "b804000000"  # mov $4, %eax: write
        "bb01000000"  # mov $1, %ebx
        "89e1"        # mov %esp, %ecx
        "c7010a000000"  # movl $10, (%ecx)
        "ba01000000"  # mov $1, %edx
        "cd80"        # int $0x80
        "b803000000"  # again: mov $3, %eax: read
        "31db"        # xor %ebx, %ebx
        "cd80"        # int $0x80
        "85c0"        # test %eax, %eax
        "7ff3"        # jg again
        "b801000000"  # mov $1, %eax: exit
        "cd80")
    size = offset + len(code)
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, base + offset, 52, 0,
                         0, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0, base, base, size, size, 5, 4096)
    return header + segment + code


def test_32_bit_process():
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "small32"
        program.write_bytes(elf32())
        program.chmod(0o755)
        process = spawn([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        equal(process.stdout.readline(), b"\n", "what the 32-bit program says")
        refuses(IMPOSSIBLE, "threads", "-p", process.pid, says=[str(process.pid), "32"])
        process.stdin.close()
        equal(process.wait(5), 0, "exit status of the 32-bit program")


def test_not_root():
    """As nobody, with a copy of outlive where nobody may read it."""
    with tempfile.TemporaryDirectory() as folder, Target("exact", 0, 11) as target:
        os.chmod(folder, 0o755)
        binary = shutil.copy(OUTLIVE, folder)
        os.chmod(binary, 0o755)
        nobody = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
        refuses(IMPOSSIBLE, "threads", "-p", target.pid, says=["root"], binary=binary, **nobody)


def test_bad_sizes():
    for size in ("", "12Q", "-1", "1.2.3", "99999999999999999999", "64K!", "K"):
        refuses(USAGE, "threads", "-p", os.getpid(), "--buffer", size, says=[f"'{size}'"])
        refuses(USAGE, "threads", "-p", os.getpid(), "--min-size", size, says=[f"'{size}'"])
    for size in ("4", "2G"):
        refuses(USAGE, "threads", "-p", os.getpid(), "--buffer", size, says=[f"'{size}'"])


def test_bad_durations():
    for duration in ("", "soon", "-1s", "1y", "5 parsecs", "1e99h"):
        refuses(USAGE, "threads", "-p", os.getpid(), "--for", duration, says=[f"'{duration}'"])


def test_bad_pids():
    for pid in ("", "x", "-1", "0", "12,", "12,,13", "99999999999", "1;2"):
        refuses(USAGE, "threads", "-p", pid)


def test_bad_words():
    refuses(USAGE, "nonsense", says=["nonsense"])
    refuses(USAGE, "threads", "--nonsense", says=["nonsense"])
    refuses(USAGE, "threads", "-p", os.getpid(), "--stacks", "sideways", says=["sideways"])
    refuses(USAGE, "threads", "-p", os.getpid(), "--sort", "beauty", says=["beauty"])
    refuses(USAGE, "threads", "-p", os.getpid(), "-n", "many", says=["many"])
    refuses(USAGE, "threads", "-p")
    refuses(USAGE, "threads")
    refuses(USAGE, "threads", "-p", os.getpid(), "--", "/bin/true")


def test_bad_scopes():
    """None of these may trace: they name a cgroup that is not there, never -a."""
    nowhere = ("--cgroup", "no/such/cgroup")
    refuses(IMPOSSIBLE, "threads", *nowhere, says=["no/such/cgroup"])
    refuses(USAGE, "threads", *nowhere, "-p", os.getpid(), says=["--cgroup"])
    refuses(USAGE, "threads", *nowhere, "--user", "no such user", says=["no such user"])
    refuses(USAGE, "threads", *nowhere, "--comm", "")
    refuses(USAGE, "threads", "-p", os.getpid(), "--comm", "x", says=["--comm"])
    refuses(USAGE, "threads", "-p", os.getpid(), "--user", "0", says=["--user"])


def test_output_that_cannot_be_written():
    with Target("exact", 0, 11) as target:
        for path in ("/nonexistent/report.json", "/proc/report.json", "/"):
            refuses(FAILED, "threads", "-p", target.pid, "--json", "--for", "50ms", "-o", path,
                    says=[path])


def test_output_on_a_full_disk():
    """A report that was not written whole is a failure, wherever it goes."""
    with Target("exact", 0, 11) as target:
        refuses(FAILED, "threads", "-p", target.pid, "--json", "--for", "50ms", "-o", "/dev/full",
                says=["No space left"])


def test_output_to_a_file():
    with tempfile.TemporaryDirectory() as folder, Target("exact", 0, 11) as target:
        path = pathlib.Path(folder) / "report.json"
        status, text, errors = run("threads", "-p", target.pid, "--json", "--for", "50ms",
                                   "-o", path)
        equal(status, 0, f"exit status ({errors})")
        equal(text, "", "stdout")
        parse(path.read_text())


def test_no_such_command():
    found, _, errors = run("threads", "--", "/nonexistent/command")
    check(found in (FAILED, IMPOSSIBLE), f"exit status {found}")
    lines = [line for line in errors if not line.startswith("tracing ")]
    equal(len(lines), 1, f"lines on stderr: {lines}")
    check("/nonexistent/command" in lines[0], f"does not say which: {lines[0]!r}")


def test_help_and_doctor():
    """Help goes to stdout; doctor says where it would probe this very process."""
    for arguments in (["--help"], ["threads", "--help"]):
        status, text, errors = run(*arguments)
        equal(status, 0, f"exit status of {arguments} ({errors})")
        check("threads" in text and "-p" in text, f"no help: {text!r}")
    with Target("exact", 0, 11) as target:
        status, text, errors = run("doctor", "-p", target.pid)
        equal(status, 0, f"exit status of doctor ({errors})")
        for word in ("malloc", "free", "posix_memalign", "libc"):
            check(word in text, f"doctor does not speak of {word}: {text}")
