# SPDX-License-Identifier: Apache-2.0
"""How long `verify --quick` takes for many assets, and how much memory: copies of one that was ingested, each with its batch,
run, raw file and rows, put straight into ledger, catalog and store."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from common import BINARY, Home, Options, home, row

SIZES = (10_000, 100_000)
FIRST = {"type": "FeatureCollection", "features": [
    {"type": "Feature", "properties": {"n": 1}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]}


def uuid(of: str) -> str:
    """Its last twelve digits are the number of the copy."""
    return f"overlay({of} placing lpad(i::text, 12, '0') from 25)"


def connect(one: Home):
    import psycopg

    lines = next(one.path.rglob("postmaster.pid")).read_text().splitlines()
    return psycopg.connect(host=lines[4], port=lines[3], dbname="sluice", user="sluice", autocommit=True)


def put_objects(one: Home, first_manifest: dict, low: int, high: int) -> list[str]:
    """The objects of the copies, of one byte each but for the manifests; the hashes of those."""
    store, template, hashes = one.path / "store", json.dumps(first_manifest, sort_keys=True, separators=(",", ":")), []
    for i in range(low, high + 1):
        text = template.replace('"first"', f'"b{i}"').encode()
        hashes.append("sha256:" + hashlib.sha256(text).hexdigest())
        put(store / "landing-zone/archive" / f"b{i}.json", text)
        put(store / "data-lake" / f"d{i}/v1/d{i}.parquet", b"x")
        put(store / "raw-vault" / f"copies/{i}.geojson", b"x")
    return hashes


def grow(one: Home, c, low: int, high: int) -> None:
    """Copies low to high of the first batch."""
    (batch,) = c.execute("SELECT doc FROM ledger.manifests WHERE id = 'first'").fetchone()
    (run,) = c.execute("SELECT doc FROM ledger.runs WHERE id = %s", (batch["run_id"],)).fetchone()
    (asset,) = c.execute("SELECT doc FROM ledger.assets WHERE batch_id = 'first'").fetchone()
    values = {"low": low, "high": high, "hashes": put_objects(one, batch["manifest"], low, high), "run": run["_id"],
              "asset": asset["_id"], "raw": run["inputs"][0]["raw_key"]}
    raw_file, run_of = uuid("doc->'inputs'->0->>'raw_file_id'"), uuid("doc->>'run_id'")
    asset_of, own, row_id = uuid("%(asset)s::text"), uuid("id"), uuid("id::text")
    row_run, row_raw = uuid("run_id::text"), uuid("raw_file_id::text")
    copies = "generate_series(%(low)s::int, %(high)s::int) i"
    source = (f"jsonb_build_array((doc->'inputs'->0) || jsonb_build_object('raw_key', 'copies/' || i || '.geojson',"
              f" 'size_bytes', 1, 'raw_file_id', {raw_file}))")
    for statement in (
        f"""INSERT INTO ledger.manifests (id, doc) SELECT 'b' || i, doc || jsonb_build_object('_id', 'b' || i,
            'batch_id', 'b' || i, 'manifest_key', 'archive/b' || i || '.json', 'content_hash', h,
            'run_id', {run_of})
            FROM ledger.manifests, unnest(%(hashes)s::text[]) WITH ORDINALITY AS t(h, n), LATERAL (SELECT n + %(low)s - 1) x(i)
            WHERE id = 'first'""",
        f"""INSERT INTO ledger.runs (id, doc) SELECT n, doc || jsonb_build_object('_id', n, 'batch_id', 'b' || i,
            'inputs', {source}, 'outputs', jsonb_build_array((doc->'outputs'->0) ||
              jsonb_build_object('asset_id', {asset_of})))
            FROM ledger.runs, {copies}, LATERAL {own} n WHERE id = %(run)s""",
        f"""INSERT INTO ledger.assets (id, doc) SELECT n, doc || jsonb_build_object('_id', n, 'batch_id', 'b' || i,
            'dataset_id', 'd' || i, 'version', 1, 's3_key', format('d%%s/v1/d%%s.parquet', i, i), 'size_bytes', 1,
            'documents', '[]'::jsonb, 'fingerprint', 'f' || i, 'run_id', {run_of}, 'inputs', {source})
            FROM ledger.assets, {copies}, LATERAL {own} n WHERE id = %(asset)s""",
        f"INSERT INTO catalog.datasets (dataset_id, kind, latest_version) SELECT 'd' || i, 'vector', 1 FROM {copies}",
        f"""INSERT INTO catalog.assets (id, dataset_id, version, batch_id, run_id, kind, bucket, s3_key, media_type, content_hash,
            crs, size_bytes, row_count, min_x, min_y, max_x, max_y, created_at)
            SELECT {row_id}::uuid, 'd' || i, 1, 'b' || i, {row_run}::uuid, kind, bucket,
            format('d%%s/v1/d%%s.parquet', i, i), media_type, content_hash, crs, 1, row_count, min_x, min_y, max_x, max_y,
            created_at FROM catalog.assets, {copies} WHERE id = %(asset)s::uuid""",
        f"""INSERT INTO catalog.raw_files (id, source, dataset, date, s3_key) SELECT {row_id}::uuid, source,
            dataset, date, 'copies/' || i || '.geojson' FROM catalog.raw_files, {copies} WHERE s3_key = %(raw)s""",
        f"""INSERT INTO catalog.raw_file_details (raw_file_id, bucket, content_hash, size_bytes, batch_id, run_id, landing_path,
            role, media_type) SELECT {row_raw}::uuid, bucket, content_hash, 1, 'b' || i,
            {row_run}::uuid, landing_path, role, media_type FROM catalog.raw_file_details, {copies}
            WHERE raw_file_id = (SELECT id FROM catalog.raw_files WHERE s3_key = %(raw)s)"""):
        c.execute(statement, values)


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def verify(one: Home) -> tuple[float, float]:
    """Seconds, and the most memory in MB."""
    out = one.folder / "verify.json"
    begin = time.perf_counter()
    with out.open("wb") as file:
        pid = os.posix_spawn(BINARY, [BINARY, "--home", str(one.path), "verify", "--quick", "--json"], one.environment,
                             file_actions=[(os.POSIX_SPAWN_DUP2, file.fileno(), 1)])
        _, status, usage = os.wait4(pid, 0)
    took = time.perf_counter() - begin
    report = json.loads(out.read_text())
    if status or report["problems"]:
        raise RuntimeError(f"sluice verify ended with {os.waitstatus_to_exitcode(status)}: {str(report['problems'][:3])}")
    return took, usage.ru_maxrss / 1000


def run(options: Options) -> Iterator[dict]:
    with home("embedded") as one:
        put(one.folder / "first.geojson", json.dumps(FIRST).encode())
        one.run("submit", "-q", "--intent", "ingest_vector", "--type", "vector", "--crs", "EPSG:4326", "--batch-id", "first",
                one.folder / "first.geojson")
        one.run("run", "-q", "--once")
        with connect(one) as c:
            there = 0
            for size in (n // 10 if options.short else n for n in SIZES):
                grow(one, c, there + 1, size)
                c.execute("ANALYZE")
                there = size
                took, memory = verify(one)
                yield row("verify --quick", took, "s", f"{size:,} assets", 1)
                yield row("verify --quick, memory", memory, "MB", f"{size:,} assets", 1)
