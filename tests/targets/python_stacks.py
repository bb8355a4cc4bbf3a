# SPDX-License-Identifier: GPL-2.0-or-later
"""Allocations on every kind of Python stack, and what the program itself says of each.

Runs on CPython 2.7 and 3.6 or later. Each take() allocates one block that is kept, of a size of
its own, and notes the stack by sys._getframe: [function, file, line], innermost first. The truth
is a list of {"size", "stack"}; "stack" is empty for a thread that never ran Python.
"""
from __future__ import print_function

import ctypes
import functools
import json
import os
import sys
import threading

C = ctypes.CDLL(None)       # calls without the GIL
HELD = ctypes.PyDLL(None)   # calls with it
SIZE = ctypes.c_size_t
for library in (C, HELD):
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [SIZE]

COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
LARGE, SMALL = 200000, 300

truth = []
kept = [None] * 4096  # never grows: a growing list would allocate on the same lines
state = {"taken": 0, "large": LARGE, "small": SMALL}


def note(size):
    stack, frame = [], sys._getframe(1)
    while frame:
        stack.append([frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno])
        frame = frame.f_back
    truth.append({"size": size, "stack": stack})


def next_size(small=False):
    key = "small" if small else "large"
    state[key] += 1 if small else 1009
    return state[key]


def slot():
    state["taken"] += 1
    return state["taken"]


def take(*ignored):
    """One block by each way to the allocator; the note and the call stand on one line."""
    i, size = slot(), next_size()
    note(size), kept.__setitem__(i, bytearray(size - 1))
    i, size = slot(), next_size()
    note(size), kept.__setitem__(i, C.malloc(size))
    i, size = slot(), next_size()
    note(size), kept.__setitem__(i, HELD.malloc(size))
    i, size = slot(), next_size(small=True)
    note(size), kept.__setitem__(i, C.malloc(size))
    return 0


def over_lines(first, second):
    return take(
        first,
        second,
    )


def recurse(depth):
    if depth == 0:
        return take()
    return recurse(depth - 1) + \
        1


def generate(count):
    for number in range(count):
        take()
        yield number
    for number in generate_inner():
        yield number


def generate_inner():
    yield take()


def decorated(function):
    @functools.wraps(function)
    def wrapper(*arguments, **named):
        return function(*arguments, **named)
    return wrapper


@decorated
@decorated
def with_decorators(number=0):
    return take(number)


class Thing(object):
    def __init__(self):
        self.number = take()

    @property
    def value(self):
        return take()

    def __getattr__(self, name):
        return take()

    def __enter__(self):
        take()
        return self

    def __exit__(self, *exception):
        take()

    def __lt__(self, other):
        return bool(take())

    @classmethod
    def made(cls):
        return cls()

    @staticmethod
    def still():
        return take()


def things():
    thing = Thing()
    thing.value
    thing.missing
    with thing:
        pass
    sorted([thing, thing])
    Thing.made()
    Thing.still()


def comprehensions():
    list([take() for _ in range(2)])
    dict((number, take()) for number in range(2))
    {number: take() for number in range(2)}
    {take() for _ in range(2)}
    any(take() for _ in range(2))
    sorted([2, 1], key=lambda number: take())
    functools.reduce(lambda left, right: take(), [1, 2, 3])
    list(map(take, [1]))


def guarded():
    try:
        try:
            raise ValueError()
        except ValueError:
            take()
            raise
        finally:
            take()
    except ValueError:
        return (take(),
                take())


def callback_of(depth):
    """A C function that calls back: Python -> C -> Python, and deeper."""
    def compare(left, right):
        if depth:
            ladder(depth - 1)
        take()
        return 0
    return COMPARE(compare)


def ladder(depth):
    compare = callback_of(depth)
    numbers = (ctypes.c_int * 2)(2, 1)
    (C if depth % 2 else HELD).qsort(numbers, SIZE(2), SIZE(4), compare)


def run(source, name, space):
    """What runs stays, or outlive might find it gone when it asks for its names."""
    code = compile(source, name, "exec")
    kept[slot()] = code
    exec(code, space)


def made_up():
    """Code that has no file, far line numbers, and names beyond ASCII."""
    space = {"take": take}
    source = u"def made(number):\n" + u"\n" * 400 + u"    return take(\n" + u"\n" * 300 + u"number)\n"
    run(source + u"made(1)\n", "made-up.py", space)
    if sys.version_info[0] > 2:
        for name in (u"caf\u00e9", u"\u5b57", u"\U00010400"):
            space["take"] = take
            run(u"def %s():\n  take()\n%s()\n" % (name, name), name + u".py", space)
            kept[slot()] = space.pop(name)
        run(COROUTINE, "coroutine.py", space)
        kept[slot()] = space
    kept[slot()] = space


COROUTINE = u"""
class Wait:
    def __await__(self):
        take()
        yield

async def inner():
    async with Manager():
        await Wait()

class Manager:
    async def __aenter__(self):
        take()
    async def __aexit__(self, *exception):
        take()

async def outer():
    await inner()
    return [take() async for _ in numbers()]

async def numbers():
    for number in range(2):
        take()
        yield number

def drive():
    coroutine = outer()
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass

drive()
"""


def without_python():
    """A thread of C alone: its start routine is malloc itself."""
    size, thread = next_size(), ctypes.c_ulong()
    truth.append({"size": size, "stack": []})
    C.pthread_create.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    C.pthread_create(ctypes.byref(thread), None, ctypes.cast(C.malloc, ctypes.c_void_p), size)
    C.pthread_join.argtypes = [ctypes.c_ulong, ctypes.c_void_p]
    C.pthread_join(thread, None)


def everything():
    take()
    over_lines(1, 2)
    for depth in (1, 2, 30):
        recurse(depth)
    list(generate(2))
    with_decorators(number=1)
    things()
    comprehensions()
    guarded()
    for depth in (0, 1, 3):
        ladder(depth)
    made_up()


def in_thread():
    everything()


def main():
    recurse(3)
    del truth[:]
    for key, first in (("large", LARGE), ("small", SMALL)):
        state[key] = first
    print(json.dumps({"ready": os.getpid()}))
    sys.stdout.flush()
    sys.stdin.readline()
    everything()
    for depth in (100, 200):
        recurse(depth)
    for _ in range(3):
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()
    without_python()
    print(json.dumps({"truth": truth}))
    sys.stdout.flush()
    sys.stdin.read()


main()
