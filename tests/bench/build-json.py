# SPDX-License-Identifier: GPL-2.0-or-later
"""Build JSON in CPython: prints "ready"; then for each line "SECONDS" on standard input builds
documents for about that long and prints ns of CPU time per document."""
import json
import sys
import time

ORDERS = [{"id": number, "customer": f"customer {number % 97}", "price": number * 1.25,
           "note": "n" * (number % 700)} for number in range(500)]


def build(seconds):
    documents, start, elapsed = 0, time.thread_time(), 0.0
    while elapsed < seconds:
        rows = [dict(order, total=order["price"] * 3) for order in ORDERS]
        json.loads(json.dumps({"orders": rows}))
        documents += 1
        elapsed = time.thread_time() - start
    return elapsed * 1e9 / documents


print("ready", flush=True)
for line in sys.stdin:
    print(f"{build(float(line)):.2f}", flush=True)
