# SPDX-License-Identifier: Apache-2.0
"""Many small batches that wait already: how many are through in a second, and what one costs."""

import json
import random
import resource
from collections.abc import Iterator

from common import Home, Options, cpu_ms, home, postmaster, row, seconds

BATCHES, FEATURES = 2000, 20


def batch(number: int) -> dict[str, bytes]:
    """The objects of one batch, its manifest last."""
    rng = random.Random(number)
    features = []
    for k in range(FEATURES):
        x, y, d = rng.uniform(13, 14), rng.uniform(52, 53), 0.001
        ring = [[x, y], [x + d, y], [x + d, y + d], [x, y + d], [x, y]]
        features.append({"type": "Feature", "properties": {"id": k, "name": f"site {number}-{k}", "value": rng.random()},
                         "geometry": {"type": "Polygon", "coordinates": [ring]}})
    name, path = f"b{number:05d}", f"b{number:05d}/sites_{number:05d}.geojson"
    manifest = {"batch_id": name, "uploader": "bench", "intent": "ingest_vector",
                "files": [{"path": f"s3://landing-zone/{path}", "type": "vector", "format": "GeoJSON", "crs": "EPSG:4326"}],
                "metadata": {"project": "bench", "description": "one of many"}}
    return {path: json.dumps({"type": "FeatureCollection", "features": features}).encode(),
            f"manifests/{name}.json": json.dumps(manifest).encode()}


def measure(one: Home, first: int, count: int, workers: int) -> tuple[float, float]:
    """Seconds, and milliseconds of processor a batch (sluice and its own PostgreSQL)."""
    for number in range(first, first + count):
        for key, body in batch(number).items():
            one.put(key, body)
    server = postmaster(one)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    server_before = cpu_ms(server) if server else 0
    took = seconds(lambda: one.run("run", "-q", "--workers", workers))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
    spent += cpu_ms(server) - server_before if server else 0
    return took, spent / count


def run(options: Options) -> Iterator[dict]:
    count = options.batches or (BATCHES // 10 if options.short else BATCHES)
    size = f"{count:,} of {FEATURES} features"
    for world in options.worlds():
        found = []
        with home(world) as one:
            for n in range(options.runs):
                found.append(measure(one, n * count, count, options.workers))
            done = len(one.json("ledger", "find", "manifests", '{"status":"succeeded"}', "--limit", "0"))
        if done != count * options.runs:
            raise RuntimeError(f"{count * options.runs} batches were uploaded, {done} succeeded")
        found.sort()
        took, spent = found[len(found) // 2]
        yield row(f"{world}, {options.workers} workers", count / took, "batches/s", size, options.runs)
        if world == "embedded":
            yield row(f"{world}, processor time", spent, "ms/batch", size, options.runs)
