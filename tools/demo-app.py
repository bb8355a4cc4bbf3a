#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The web application of the demo: a list of orders, as JSON, served by a pool of threads.

    demo-app.py WORKERS [fixed]     prints "port N" once it listens on 127.0.0.1

Paste's httpserver and Routes are Debian's, unchanged, and the application uses them as their
manuals say: at the start of a request it gives the WSGI environ to Routes, and it leaves the
response in the environ for the layers around it. Nothing here looks like a leak. With "fixed" it
lets go of the environ when the response is sent.
"""
import json
import sys
import threading

from paste import httpserver
from routes import Mapper, request_config

ROW_TEXT = "the quick brown fox jumps over the lazy dog " * 24
ORDERS = [{"id": number, "customer": number % 997, "note": ROW_TEXT} for number in range(20000)]


class Answer(list):
    """A response's body, which the server closes when it is sent (PEP 3333)."""

    def close(self):
        config = request_config()
        del config.environ, config.mapper.environ


class Application:
    def __init__(self, workers, fixed):
        self.answer = Answer if fixed else list
        self.mapper = Mapper()
        self.mapper.connect("/orders/{count}", controller="orders")
        # Only for the demo: ?together holds a request until every worker has one, so that a
        # single quick worker cannot serve them all.
        self.together = threading.Barrier(workers)

    def __call__(self, environ, start_response):
        config = request_config()
        config.mapper = self.mapper
        config.environ = environ
        match = config.mapper_dict
        if match is None:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        if environ["QUERY_STRING"] == "together":
            self.together.wait(timeout=60)
        body = self.orders(int(match["count"]))
        environ["demo.response"] = body
        start_response("200 OK", [("Content-Type", "application/json"),
                                  ("Content-Length", str(len(body)))])
        return self.answer([body])

    @staticmethod
    def orders(count):
        return json.dumps(ORDERS[:count]).encode()


def main():
    workers = int(sys.argv[1])
    # Paste adds workers when all are busy; here the pool has the size that it is said to have.
    server = httpserver.serve(Application(workers, "fixed" in sys.argv), host="127.0.0.1", port="0", start_loop=False,
                              threadpool_workers=workers, threadpool_options={"spawn_if_under": 0},
                              request_queue_size=64)
    print("port", server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
