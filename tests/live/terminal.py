# SPDX-License-Identifier: GPL-2.0-or-later
"""A real terminal for programs that draw: tmux, keys in, screen text out.

The server is ours alone (a socket of its own) and runs in the foreground, so that stop_all()
ends it like every other process of a test.
"""
import os
import pathlib
import shlex
import subprocess
import tempfile
import time

from harness import Failure, check, spawn

_count = 0


class Terminal:
    """`command` in a terminal of `width` x `height`; behind it the shell says how it ended."""

    def __init__(self, command, width=80, height=24, term="tmux-256color", locale="C.UTF-8", **env):
        global _count
        _count += 1
        self.directory = tempfile.TemporaryDirectory()
        self.raw = pathlib.Path(self.directory.name) / "raw"
        self.base = ["tmux", "-S", f"{self.directory.name}/socket", "-f", "/dev/null"]
        self.server = spawn([*self.base, "-D"], stdout=subprocess.DEVNULL)
        self.await_server()
        words = " ".join(shlex.quote(str(word)) for word in command)
        settings = {"LC_ALL": locale, "TERM": term, "NO_COLOR": "", **env}
        exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
        # Begins when the raw bytes are being kept: everything counts.
        self.tmux("new-session", "-d", "-x", str(width), "-y", str(height),
                  f"read go; export {exports}; {words}; status=$?; stty -a >{self.directory.name}/modes; "
                  "echo status $status; read end")
        self.tmux("pipe-pane", "-o", f"cat >> {self.raw}")
        self.keys("Enter")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.server.terminate()
        self.server.wait(10)
        self.directory.cleanup()

    def await_server(self):
        for _ in range(200):
            if os.path.exists(f"{self.directory.name}/socket"):
                return
            time.sleep(0.02)
        raise Failure("tmux does not start")

    def tmux(self, *words):
        done = subprocess.run([*self.base, *words], capture_output=True, text=True, timeout=10,
                              check=False)
        check(done.returncode == 0, f"tmux {words[0]}: {done.stderr}")
        return done.stdout

    def keys(self, *keys):
        """Press keys by tmux's names: "Enter", "Escape", "Down", "F1", "q" …"""
        for key in keys:
            self.tmux("send-keys", key)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def lines(self):
        return [line.rstrip() for line in self.tmux("capture-pane", "-p").split("\n")]

    def screen(self):
        return "\n".join(self.lines())

    def coloured(self):
        """The screen with the colours that it has, as escape sequences."""
        return self.tmux("capture-pane", "-p", "-e")

    def ask(self, what):
        return self.tmux("display-message", "-p", f"#{{{what}}}").strip()

    def expect(self, *texts, without=(), timeout=10):
        """Wait for a screen that has all `texts` and nothing of `without`; return it."""
        end = time.monotonic() + timeout
        while True:
            screen = self.screen()
            if all(text in screen for text in texts) and not any(text in screen for text in without):
                return screen
            if time.monotonic() > end:
                raise Failure(f"no screen with {texts} without {without} in {timeout} s:\n{screen}")
            time.sleep(0.05)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def child(self):
        """The process id of the command."""
        shell = self.ask("pane_pid")
        for _ in range(100):
            children = pathlib.Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
            if children:
                return int(children[0])
            time.sleep(0.05)
        raise Failure("the command does not run")

    def ended(self, status):
        """It ended with `status`, and the terminal is as it was before."""
        screen = self.expect(f"status {status}", timeout=15)
        modes = (pathlib.Path(self.directory.name) / "modes").read_text().replace(";", " ").split()
        for mode in ("icanon", "echo", "isig", "icrnl", "opost"):
            check(mode in modes, f"the terminal is left without mode {mode}: {modes}")
        check(self.ask("alternate_on") == "0", "still on the alternate screen")
        check(self.ask("cursor_flag") == "1", "the cursor is not shown")
        return screen
