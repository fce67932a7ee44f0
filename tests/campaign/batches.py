# SPDX-License-Identifier: Apache-2.0
"""What the campaign uploads: batches of every fate, made from a seed."""

import hashlib
import json
import random
from dataclasses import dataclass, field

FEATURES = 20
NAMELESS = 3
ASIDE = """apiVersion: sluice/v1
kind: Recipe
name: campaign_aside
version: 1
intents: [campaign_aside]
type: vector
checks:
  - not_null: {columns: [name], on_fail: quarantine}
outputs:
  - geoparquet: {}
"""


@dataclass
class Batch:
    batch_id: str
    manifest_key: str
    manifest: bytes
    files: dict[str, bytes]
    fate: str  # "good", "bad" (a file that cannot be ingested), "refused" (the manifest itself)
    datasets: list[str] = field(default_factory=list)
    late: bool = False  # the manifest comes before its files


def features(rng: random.Random, count: int = FEATURES, nameless: int = 0) -> bytes:
    """Small squares, none of them on the antimeridian or a pole."""
    found = []
    for number in range(count):
        x, y = rng.uniform(-170, 170), rng.uniform(-80, 80)
        size = rng.uniform(0.001, 0.5)
        ring = [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
        found.append({"type": "Feature", "properties": {"n": number, "name": f"p{number}" if number >= nameless else None, "value": rng.random()},
                      "geometry": {"type": "Polygon", "coordinates": [ring]}})
    return json.dumps({"type": "FeatureCollection", "features": found}).encode()


def manifest(batch_id: str, paths: list[str], dataset: str | None, **changes) -> bytes:
    doc = {"batch_id": batch_id, "uploader": "campaign", "intent": "ingest_vector",
           "files": [{"path": f"s3://landing-zone/{p}", "type": "vector", "format": "GeoJSON", "crs": "EPSG:4326"} for p in paths],
           "metadata": {"project": "campaign", "description": "one of many"}}
    if dataset:
        doc["dataset"] = dataset
    return json.dumps(doc | changes).encode()


def make(rng: random.Random, number: int) -> Batch:
    batch_id = f"c{number:05d}"
    key = f"manifests/{batch_id}.json"
    kind = rng.choices(["one", "shared", "many", "late", "truncated", "crs", "syntax", "schema", "aside"],
                       [60, 12, 8, 5, 5, 3, 4, 3, 8])[0]
    path = f"{batch_id}/points_{batch_id}.geojson"
    own = f"points_{batch_id}"
    if kind == "many":
        paths = [f"{batch_id}/{name}_{batch_id}.geojson" for name in ("north", "south", "east")]
        return Batch(batch_id, key, manifest(batch_id, paths, None), {p: features(rng) for p in paths}, "good",
                     [p.rsplit("/", 1)[1].removesuffix(".geojson") for p in paths])
    if kind == "aside":  # rows that a check puts aside are an asset of their own
        return Batch(batch_id, key, manifest(batch_id, [path], None, intent="campaign_aside"),
                     {path: features(rng, nameless=NAMELESS)}, "good", [own, f"{own}.quarantine"])
    body = features(rng)
    if kind == "shared":  # versions of one dataset, asked for by several workers at a time
        dataset = f"shared_{rng.randrange(3)}"
        return Batch(batch_id, key, manifest(batch_id, [path], dataset), {path: body}, "good", [dataset])
    if kind == "truncated":
        return Batch(batch_id, key, manifest(batch_id, [path], None), {path: body[: len(body) // 2]}, "bad")
    if kind == "crs":
        return Batch(batch_id, key, manifest(batch_id, [path], None, crs_policy="fail").replace(b"EPSG:4326", b"EPSG:25833"),
                     {path: body}, "bad")
    if kind == "syntax":
        return Batch(batch_id, key, manifest(batch_id, [path], None)[:-7], {path: body}, "refused")
    if kind == "schema":
        return Batch(batch_id, key, manifest(batch_id, [f"{batch_id}/../../{path}"], None), {path: body}, "refused")
    return Batch(batch_id, key, manifest(batch_id, [path], None), {path: body}, "good", [own], late=kind == "late")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
