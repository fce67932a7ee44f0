# SPDX-License-Identifier: Apache-2.0
"""From the upload of a manifest to the start of its batch, with `sluice serve` idle before; what an idle look costs."""

import contextlib
import datetime
import json
import re
import socket
import statistics
import threading
import time
from collections.abc import Iterator

from common import Home, Options, Unavailable, home, row
from small import batch

UPLOADS, TICKS, POLL_MS = 20, 10, 2000


def started(one: Home, batch_id: str) -> float:
    """When the batch's history says running, as seconds since the epoch."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for found in one.json("ledger", "find", "manifests", json.dumps({"batch_id": batch_id})):
            for entry in found["history"]:
                if entry["status"] == "running":
                    return datetime.datetime.fromisoformat(entry["at"]).timestamp()
        time.sleep(0.2)
    raise Unavailable(f"batch {batch_id} did not start within a minute")


@contextlib.contextmanager
def serving(one: Home, *settings: str) -> Iterator[None]:
    server = one.start(*settings, "serve")
    drains = [threading.Thread(target=stream.read) for stream in (server.stdout, server.stderr)]
    for drain in drains:
        drain.start()
    try:
        time.sleep(5)  # until its workers are warm and nothing is left to do
        yield
    finally:
        server.terminate()
        server.wait()
        for drain in drains:
            drain.join()


def measure(one: Home, first: int, count: int, *settings: str) -> float:
    """The median in milliseconds."""
    found = []
    with serving(one, *settings):
        for number in range(first, first + count):
            for key, body in batch(number).items():
                one.put(key, body)
            uploaded = time.time()
            found.append((started(one, f"b{number:05d}") - uploaded) * 1000)
            time.sleep(0.37)  # another moment of the poll's interval each time
    return statistics.median(found)


class Middle:
    """Between sluice and a server: counts requests, and how long each takes until its answer begins."""

    def __init__(self, port: int) -> None:
        self.took: list[float] = []
        self.target = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(self.target)
                asked: list[float] = []
                threading.Thread(target=self.forward, args=(client, server, asked, True), daemon=True).start()
                threading.Thread(target=self.forward, args=(server, client, asked, False), daemon=True).start()

    def forward(self, source: socket.socket, target: socket.socket, asked: list[float], to_server: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if to_server and re.match(rb"(GET|HEAD|PUT|POST|DELETE) ", data):
                    asked.append(time.perf_counter())
                elif not to_server and asked:
                    self.took.append((time.perf_counter() - asked.pop()) * 1000)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def idle(one: Home) -> tuple[float, float]:
    """Requests of a look, and milliseconds."""
    url = one.environment["MINIO_ENDPOINT_URL"]
    middle = Middle(int(url.rpartition(":")[2]))
    try:
        with serving(one, "-c", f"minio.endpoint_url=http://127.0.0.1:{middle.port}", "-c", "sensor.notify=false", "-c",
                     f"sensor.poll={POLL_MS}ms"):
            before = len(middle.took)
            time.sleep(TICKS * POLL_MS / 1000)
            took = middle.took[before:]
    finally:
        middle.listener.close()
    return len(took) / TICKS, statistics.median(took)


def run(options: Options) -> Iterator[dict]:
    count = 3 if options.short else UPLOADS
    for world in options.worlds():
        with home(world) as one:
            if world == "services":  # the embedded store tells nobody
                yield row(f"{world}, upload to start, notified", measure(one, 0, count), "ms", f"{count} uploads", count)
            poll = measure(one, count, count, "-c", "sensor.notify=false")
            yield row(f"{world}, upload to start, polled", poll, "ms", f"{count} uploads, poll {POLL_MS / 1000:.0f} s", count)
            if world == "services":
                requests, took = idle(one)
                yield row(f"{world}, idle look", requests, "requests", "nothing new", TICKS)
                yield row(f"{world}, idle look", took, "ms", "nothing new", TICKS)
