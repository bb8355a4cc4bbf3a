# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs in a root, in namespaces and under a user of their own, like those of a container."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from harness import Target, check

USER = 1  # "daemon" on every Debian
DEBUG_FOLDER = "usr/lib/debug/.build-id"


def libraries(program):
    """Paths of what the dynamic linker loads for `program`, itself included."""
    text = subprocess.run(["ldd", str(program)], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", text)


def build_id(path):
    notes = subprocess.run(["readelf", "-n", str(path)], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.search(r"Build ID: ([0-9a-f]+)", notes)
    check(found, f"{path} has no build-id")
    return found[1]


class Root:
    """A folder that holds copies of files at the paths that they have here. As a context."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="outlive-root-")
        self.path = pathlib.Path(self._folder.name)
        self.path.chmod(0o755)
        for name in ("tmp", "proc", "dev"):
            (self.path / name).mkdir()
        (self.path / "tmp").chmod(0o1777)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def inside(self, path):
        return self.path / str(path).lstrip("/")

    def put(self, path, source=None):
        """Copy `source` (or what is here at `path`) to `path` in the root."""
        place = self.inside(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(source or path), place)
        return place

    def put_program(self, program):
        """A program and all that it is linked with."""
        for library in libraries(program):
            self.put(library)
        return self.put(program)

    def strip(self, path):
        """Strip a file of the root, and put its debug file where the root's own users find it."""
        place, number = self.inside(path), build_id(self.inside(path))
        debug = self.path / DEBUG_FOLDER / number[:2] / f"{number[2:]}.debug"
        debug.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["objcopy", "--only-keep-debug", place, debug], check=True)
        subprocess.run(["strip", place], check=True)
        check(not pathlib.Path("/", debug.relative_to(self.path)).exists(), f"{debug} is here too")


def parents():
    """{pid: pid of its parent} of all processes."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            found[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    return found


# What a container runtime does (pivot_root(2), "pivot_root(".", ".")"): afterwards the root is the
# top of all mounts, and /proc/PID/maps shows the paths that the target itself knows. A mere
# chroot would show where the root lies.
ENTER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def must(result):
    if result:
        sys.exit(f"enter: {os.strerror(ctypes.get_errno())}")
root = sys.argv[1].encode()
must(libc.mount(root, root, None, ctypes.c_ulong(4096 | 16384), None))  # MS_BIND | MS_REC
os.chdir(root)
must(libc.mount(b"proc", b"proc", b"proc", ctypes.c_ulong(0), None))
must(libc.syscall(155, b".", b"."))  # pivot_root
must(libc.umount2(b".", 2))  # MNT_DETACH
os.chdir("/")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Contained(Target):
    """A target in a root. `pid` is its pid here, `inner_pid` the one that it says it has."""

    def __init__(self, root, *command, user=USER, env=(), before=""):
        """`before`: shell commands in the new namespaces, before the root is changed to."""
        options = ["--mount", "--pid", "--fork", "--kill-child"]
        start = []
        if user:
            start = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
            options += ["--user", "--map-root-user"]
        script = f'{before} exec "$@"'
        words = [str(word) for word in command]
        if env:
            words = ["/usr/bin/env", *env, *words]
            root.put_program("/usr/bin/env")
        super().__init__("unshare", command=[*start, "unshare", *options, "sh", "-ec", script, "sh",
                                             sys.executable, "-ISc", ENTER, root.path, *words])
        self.pid = self._find(self.process.pid)
        self.inner_pid = self.inner

    def _find(self, starter):
        children = [pid for pid, parent in parents().items() if parent == starter]
        check(len(children) == 1, f"children of unshare: {children}")
        return children[0]
