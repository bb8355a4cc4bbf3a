# SPDX-License-Identifier: GPL-2.0-or-later
"""outlive top plays a recording: every view and every key, at three sizes, to the letter.

The recording is tests/screens/shop.c's, so each screen is known ahead: tests/screens/WxH.txt
has them all, the cursor's row (and other reverse ones) marked with ">". UPDATE=1 writes them anew, to be read over.
"""
import concurrent.futures
import difflib
import os
import re
import subprocess
import tempfile
import time

from harness import BUILD, OUTLIVE, ROOT, Failure, check, limit
from terminal import Terminal

SCREENS = ROOT / "tests" / "screens"
SIZES = ((80, 24), (50, 15), (132, 43))
PATIENCE_S = 15
STILL_S = 0.6

# What is pressed, one key after another. Each line ends with a screen to be compared; a text
# in quotes is typed.
STEPS = (
    # Held at the beginning; at the end what was lost is said.
    "Space {", "}",
    # Of processes: moves, sorts.
    "Down", "Up", "j", "k", "Right", "Right", "r", "r", "Left", "Left",
    # Into one, by way of its threads, down to one site, and back.
    "Enter", "End", "Home", "G", "g", "Enter", "Down", "Enter", "NPage", "PPage", "C-f", "C-b",
    "Escape", "BSpace",
    # Its sites; the other sort keys; one site.
    "s", ">", "<", "Enter", "End", "Escape",
    # What has a name anywhere in its stack.
    "/ 'hand'", "Enter", "/ BSpace BSpace BSpace BSpace 'no such' Enter", "/ Escape",
    # Python, and a name that is made of control sequences.
    "p End Enter s", "Enter", "p Home Enter s",
    # Help by each of its keys.
    "h", "NPage", "Escape", "F1", "h", "?", "?",
    # Time: back and ahead, a mark, and only what is newer.
    "[ [ [ [", "]", "m ]", "n", "t", "n", "{", "}", "s f", "f", "+ + -", "- -", "C-l",
)


def press(terminal, step):
    for word in re.findall(r"'[^']*'|\S+", step):
        if word.startswith("'"):
            terminal.type(word[1:-1])
        else:
            terminal.keys(word)
        time.sleep(0.03)


def picture(terminal, height):
    """The screen as text; rows that begin in reverse, as the cursor's, are marked."""
    rows = []
    for line in terminal.coloured().split("\n")[:height]:
        reverse = re.match(r"\x1b\[([0-9;]*;)?7(;[0-9;]*)?m", line)
        text = re.sub(r"\x1b\[[0-9;]*m|\x0e|\x0f", "", line).rstrip()
        rows.append((">" if reverse else "|") + text)
    return re.sub(r"(\|\n){2,}", lambda empty: f"| {len(empty.group()) // 2} empty rows\n",
                  "\n".join(rows))


def await_picture(terminal, height, expected):
    """The screen, when it is as expected, or after a while what it is."""
    deadline = time.monotonic() + PATIENCE_S
    shown = picture(terminal, height)
    since = time.monotonic()
    while True:
        now = time.monotonic()
        if shown == expected or (expected is None and now - since > STILL_S) or now > deadline:
            return shown
        time.sleep(0.04)
        latest = picture(terminal, height)
        if latest != shown:
            shown, since = latest, now


def read_golden(path):
    if os.environ.get("UPDATE") or not path.exists():
        return {}
    parts = re.split(r"^=== (\d+) (.*)\n", path.read_text(), flags=re.MULTILINE)
    return {int(parts[i]): parts[i + 2].rstrip("\n") for i in range(1, len(parts), 3)}


def play(recording, width, height):
    path = SCREENS / f"{width}x{height}.txt"
    golden = read_golden(path)
    check(golden or os.environ.get("UPDATE"), f"no {path}")
    with Terminal([OUTLIVE, "top", recording, "--interval", "100ms"], width=width, height=height,
                  NO_COLOR="1") as terminal:
        terminal.expect("Processes")
        shown = []
        for number, step in enumerate(STEPS):
            press(terminal, step)
            shown.append(await_picture(terminal, height, golden.get(number)))
            if golden and shown[-1] != golden.get(number):
                difference = difflib.unified_diff((golden.get(number) or "").split("\n"),
                                                  shown[-1].split("\n"), "expected", "shown",
                                                  lineterm="", n=40)
                raise Failure(f"{width}x{height}, screen {number}, after {step!r}:\n"
                              + "\n".join(difference))
        terminal.keys("q")
        terminal.ended(0)
    if not golden:
        path.write_text("".join(f"=== {number} {step}\n{screen}\n"
                                for number, (step, screen) in enumerate(zip(STEPS, shown))))


@limit(240)
def test_every_view_and_key():
    with tempfile.TemporaryDirectory() as folder:
        recording = f"{folder}/shop"
        subprocess.run([BUILD / "tests" / "screens" / "shop", recording], check=True)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for played in [pool.submit(play, recording, *size) for size in SIZES]:
                played.result()


def test_recording_cut_short():
    """What is missing is said on the screen, and again when it is closed."""
    with tempfile.TemporaryDirectory() as folder:
        recording = f"{folder}/shop"
        subprocess.run([BUILD / "tests" / "screens" / "shop", recording], check=True)
        with open(recording, "r+b") as file:
            file.truncate(os.path.getsize(recording) - 100)
        with Terminal([OUTLIVE, "top", recording], width=110) as terminal:
            terminal.expect("not closed, x1", "Processes")
            terminal.keys("}")
            terminal.expect("60.0 s of 60.0 s", "shopd")
            terminal.keys("q")
            terminal.ended(0)
            screen = terminal.screen()
            check("was not closed" in screen.replace("\n", ""), f"nothing is said: {screen}")
