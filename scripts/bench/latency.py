# SPDX-License-Identifier: Apache-2.0
"""From the upload of a manifest to the start of its batch, with `sluice serve` idle before."""

import datetime
import json
import statistics
import time
from collections.abc import Iterator

from common import Home, Options, Unavailable, home, row
from small import batch

UPLOADS = 20


def started(one: Home, batch_id: str) -> float:
    """When its run began, as seconds since the epoch."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        runs = one.json("ledger", "find", "runs", json.dumps({"batch_id": batch_id}))
        if runs:
            return datetime.datetime.fromisoformat(runs[0]["started_at"]).timestamp()
        time.sleep(0.1)
    raise Unavailable(f"batch {batch_id} did not start within a minute")


def measure(one: Home, first: int, count: int, *settings: str) -> float:
    """The median in milliseconds."""
    found = []
    server = one.start(*settings, "serve")
    try:
        time.sleep(3)
        for number in range(first, first + count):
            for key, body in batch(number).items():
                one.put(key, body)
            uploaded = time.time()
            found.append((started(one, f"b{number:05d}") - uploaded) * 1000)
            time.sleep(0.37)  # another moment of the poll's interval each time
    finally:
        server.terminate()
        server.communicate()
    return statistics.median(found)


def run(options: Options) -> Iterator[dict]:
    count = 3 if options.short else UPLOADS
    for world in options.worlds():
        with home(world) as one:
            yield row(f"{world}, upload to start, notified", measure(one, 0, count), "ms", f"{count} uploads", count)
            poll = measure(one, count, count, "-c", "sensor.notify=false")
            yield row(f"{world}, upload to start, polled", poll, "ms", f"{count} uploads", count)
            looks = [json.loads(one.run("sensor", "preview", "--json")) for _ in range(3)]
            if all("duration_ns" in look and "requests" in look for look in looks):
                yield row(f"{world}, idle look", statistics.median(k["duration_ns"] for k in looks) / 1e6, "ms", "nothing new", 3)
                yield row(f"{world}, idle look", statistics.median(k["requests"] for k in looks), "requests", "nothing new", 3)
