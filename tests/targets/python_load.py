#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What Python programs do with memory: json, regular expressions and sorting in four threads.

Speaks like the C targets, but has no truth to tell: how CPython allocates is its own affair.
"""
import json
import os
import re
import sys
import threading

stop = threading.Event()
kept = []


def build(number):
    return {"id": number, "name": "row %d" % number, "tags": [str(i) * 7 for i in range(number % 23)],
            "nested": {"a": [1.5 * number] * 11, "b": None}}


def worker(seed):
    number = seed
    while not stop.is_set():
        rows = [build(number + i) for i in range(40)]
        text = json.dumps(rows)
        back = json.loads(text)
        words = re.findall(r'"(\w+)": \[', text)
        rows = sorted(back, key=lambda row: row["name"])
        number = (number * 7 + len(words) + len(rows)) % 100003
        if number % 11 == 0:
            kept.append(text)
            del kept[:-20]


def main():
    threads = [threading.Thread(target=worker, args=(i,)) for i in range(4)]
    print(json.dumps({"ready": os.getpid()}), flush=True)
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    print(json.dumps({"truth": {}}), flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()


main()
