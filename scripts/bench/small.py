# SPDX-License-Identifier: Apache-2.0
"""Many small batches that wait already: how many are through in a second, and what one costs."""

import concurrent.futures
import json
import random
import resource
import statistics
from collections.abc import Iterator

from common import Home, Options, cpu_ms, home, row, seconds, servers

BATCHES, SHORT, FEATURES, UPLOADERS = 2000, 300, 20, 8


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


def upload(one: Home, first: int, count: int) -> None:
    def put(number: int) -> None:
        for key, body in batch(number).items():
            one.put(key, body)

    with concurrent.futures.ThreadPoolExecutor(UPLOADERS) as pool:
        list(pool.map(put, range(first, first + count)))


def measure(one: Home, first: int, count: int, workers: int) -> tuple[float, dict[str, float]]:
    """Seconds, and milliseconds of processor a batch of each that takes part."""
    upload(one, first, count)
    pids = servers(one)
    before, ours = {name: cpu_ms(pid) for name, pid in pids.items()}, resource.getrusage(resource.RUSAGE_CHILDREN)
    took = seconds(lambda: one.run("run", "-q", "--workers", workers))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = {"sluice": (after.ru_utime + after.ru_stime - ours.ru_utime - ours.ru_stime) * 1000 / count}
    return took, spent | {name: (cpu_ms(pid) - before[name]) / count for name, pid in pids.items()}


def run(options: Options) -> Iterator[dict]:
    count = options.batches or (SHORT if options.short else BATCHES)
    size = f"{count:,} of {FEATURES} features"
    for world in options.worlds():
        found = []
        with home(world) as one:
            for n in range(options.runs):
                found.append(measure(one, n * count, count, options.workers))
            done = len(one.json("ledger", "find", "manifests", '{"status":"succeeded"}', "--limit", "0"))
        if done != count * options.runs:
            raise RuntimeError(f"{count * options.runs} batches were uploaded, {done} succeeded")
        yield row(f"{world}, {options.workers} workers", count / statistics.median(took for took, _ in found), "batches/s", size,
                  options.runs)
        for name in found[0][1]:
            yield row(f"{world}, processor of {name}", statistics.median(spent[name] for _, spent in found), "ms/batch", size,
                      options.runs)
