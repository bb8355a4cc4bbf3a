# SPDX-License-Identifier: GPL-2.0-or-later
"""Code objects that come and go, and structures of the interpreter that are scribbled over.

    python_churn.py churn       thousands of short-lived functions f<N>; each keeps a block of
                                SIZE + N bytes, by which its name can be told from its block;
                                every STAYS-th stays for a while, so that it can be read
    python_churn.py scribble    keeps writing nonsense over objects that live frames point at
"""
from __future__ import print_function

import ctypes
import gc
import json
import os
import sys
import time

C = ctypes.CDLL(None)
C.malloc.restype = ctypes.c_void_p
C.malloc.argtypes = [ctypes.c_size_t]
SIZE = 1000000
COUNT = 3000
STAYS = 300
STAY_S = 0.1


def churn():
    """One after another, so that the next is made where the last one was freed."""
    for number in range(COUNT):
        space = {"malloc": C.malloc, "size": SIZE + number, "sleep": time.sleep,
                 "stay": STAY_S if number % STAYS == 0 else 0}
        exec(compile("def f%d():\n    malloc(size)\n    stay and sleep(stay)\nf%d()\n"
                     % (number, number),
                     "file%d.py" % number, "exec"), space)
        space.clear()
    return {"size": SIZE, "count": COUNT, "stays": STAYS}


def words_at(address, count):
    return (ctypes.c_uint64 * count).from_address(address)


def code_words(code):
    """The words of a code object that nothing reads while its code runs: names and lines."""
    lines = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
    wanted = {id(code.co_name), id(code.co_filename), id(lines)}
    words = words_at(id(code), 24)
    return [(words, i) for i in range(24) if words[i] in wanted]


def back_word(frame):
    """The word of a frame that leads to its caller, needed again only at the return."""
    if sys.version_info < (3, 11):
        return words_at(id(frame), 4), 3
    address = words_at(id(frame), 4)[3]  # PyFrameObject.f_frame
    return words_at(address, 8), 6 if sys.version_info < (3, 12) else 1


def victim(malloc, value, size, which):
    """Breaks itself, allocates, and mends itself."""
    frame = sys._getframe()
    places = code_words(frame.f_code) + [back_word(frame)]
    if which >= len(places):
        return False
    words, i = places[which]
    saved = words[i]
    words[i] = saved + 8 if value is None else value
    malloc(size)
    words[i] = saved
    return True


def scribble():
    malloc = C.malloc
    gc.disable()
    made = 0
    here = id(sys._getframe())
    for value in (0, 1, 2**64 - 8, 2**63, here, None, 0x7fff00000000):
        for which in range(8):
            made += victim(malloc, value, SIZE + made, which)
    return {"size": SIZE, "count": made}


def main():
    print(json.dumps({"ready": os.getpid()}))
    sys.stdout.flush()
    sys.stdin.readline()
    truth = churn() if sys.argv[1] == "churn" else scribble()
    print(json.dumps({"truth": truth}))
    sys.stdout.flush()
    sys.stdin.read()


main()
