# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs inside gdb: every backtrace at checkpoint(size), as JSON lines {"size", "frames"}.

    gdb -batch -nx -x gdb_stacks.py --args PROGRAM --go        STACKS=FILE names the output

A frame is {"kind", "function", "path", "offset"}: the place in the file its pc is mapped from,
and the function's name where the file has debug information. Inlined functions have frames of
their own, with the pc of the function they are in.
"""
import json
import os

import gdb

KINDS = {gdb.NORMAL_FRAME: "normal", gdb.INLINE_FRAME: "inline", gdb.TAILCALL_FRAME: "tail call",
         gdb.SIGTRAMP_FRAME: "signal"}


def mappings(pid):
    found = []
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            fields = line.split(maxsplit=5)
            start, end = (int(word, 16) for word in fields[0].split("-"))
            found.append((start, end, int(fields[2], 16), fields[5].strip() if fields[5:] else ""))
    return found


def place(pc, maps):
    for start, end, offset, path in maps:
        if start <= pc < end:
            return path, pc - start + offset
    return None, pc


def backtrace(maps):
    frame = gdb.newest_frame().older()
    while frame is not None and frame.is_valid():
        path, offset = place(frame.pc(), maps)
        function = frame.function()
        yield {"kind": KINDS.get(frame.type(), "other"), "path": path, "offset": offset,
               "function": function.name if function else None}
        frame = frame.older()


class Checkpoint(gdb.Breakpoint):
    def __init__(self, output):
        super().__init__("*checkpoint")
        self.output = output

    def stop(self):
        size = int(gdb.newest_frame().read_register("rdi"))
        frames = list(backtrace(mappings(gdb.selected_inferior().pid)))
        print(json.dumps({"size": size, "frames": frames}), file=self.output)
        return False


def main():
    for setting in ("debuginfod enabled off", "pagination off", "confirm off",
                    "breakpoint pending on", "backtrace past-main on", "backtrace limit unlimited",
                    "follow-fork-mode parent", "detach-on-fork on"):
        gdb.execute(f"set {setting}")
    for name in ("SIGUSR1", "SIGUSR2", "SIGILL", "SIGSEGV"):
        gdb.execute(f"handle {name} nostop noprint pass", to_string=True)
    with open(os.environ["STACKS"], "w") as output:
        # The library with checkpoint() is there once main() is reached.
        gdb.execute("tbreak main", to_string=True)
        gdb.execute("run", to_string=True)
        Checkpoint(output)
        gdb.execute("continue", to_string=True)


main()
