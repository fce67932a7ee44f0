# SPDX-License-Identifier: Apache-2.0
"""Reproject, repair, simplify with topology, index, GeoParquet with zstd: sluice beside three others on one file."""

import datetime
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

from common import ROOT, Home, Options, Unavailable, home, median, row, seconds
from data import flatgeobuf

COUNT, TOLERANCE = 500_000, 1e-5
EXTENSIONS = ROOT / ".cache/duckdb/1.5.5/extensions"


def with_sluice(one: Home, source: Path, number: int) -> tuple[float, dict[str, float]]:
    """The whole batch - upload apart - with the program's start, and the seconds of its stages."""
    one.run("submit", "-q", "--intent", "ingest_vector", "--type", "vector", "--batch-id", f"p{number}", "--dataset",
            f"polygons_{number}", source)
    took = seconds(lambda: one.run("run", "-q", "--once"))
    (run,) = one.json("ledger", "find", "runs", f'{{"batch_id":"p{number}"}}')
    at = datetime.datetime.fromisoformat
    return took, {s["name"]: (at(s["ended_at"]) - at(s["started_at"])).total_seconds() for s in run["stages"]}


def with_geopandas(source: Path, target: Path) -> None:
    import geopandas

    frame = geopandas.read_file(source).to_crs(4326)
    frame.geometry = frame.geometry.make_valid().simplify(TOLERANCE, preserve_topology=True)
    assert frame.sindex is not None
    frame.to_parquet(target, compression="zstd", write_covering_bbox=True)


def with_duckdb(source: Path, target: Path) -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{EXTENSIONS}/spatial.duckdb_extension'")
        connection.execute("COPY (SELECT * EXCLUDE geom, ST_SimplifyPreserveTopology(ST_MakeValid(ST_Transform(geom, "
                           f"'EPSG:25833', 'EPSG:4326', always_xy := true)), {TOLERANCE}) AS geom FROM ST_Read('{source}')) "
                           f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def with_postgis(one: Home, source: Path, target: Path) -> None:
    """ogr2ogr into the home's own server, SQL there, and out through geopandas (GDAL has no Parquet everywhere)."""
    import geopandas
    import psycopg
    import shapely

    lines = next(one.path.glob("postgres/data/postmaster.pid")).read_text().splitlines()
    dsn = f"host={lines[4]} port={lines[3]} dbname=sluice user=sluice"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS peer CASCADE")
        connection.execute("CREATE SCHEMA peer")
        subprocess.run(["ogr2ogr", "-f", "PostgreSQL", f"PG:{dsn} active_schema=peer", source, "-nln", "raw", "-lco",
                        "UNLOGGED=ON", "-lco", "SPATIAL_INDEX=NONE", "-lco", "GEOMETRY_NAME=geom", "--config",
                        "PG_USE_COPY", "YES"], check=True, capture_output=True)
        connection.execute("CREATE UNLOGGED TABLE peer.done AS SELECT id, name, value, ST_SimplifyPreserveTopology("
                           f"ST_MakeValid(ST_Transform(geom, 4326)), {TOLERANCE}) AS geom FROM peer.raw")
        connection.execute("CREATE INDEX ON peer.done USING gist (geom)")
        rows = connection.execute("SELECT id, name, value, ST_AsBinary(geom) FROM peer.done", binary=True).fetchall()
        columns = dict(zip(("id", "name", "value", "geometry"), zip(*rows)))
        columns["geometry"] = shapely.from_wkb(columns["geometry"])
        geopandas.GeoDataFrame(columns, crs=4326).to_parquet(target, compression="zstd")
        connection.execute("DROP SCHEMA peer CASCADE")


def run(options: Options) -> Iterator[dict]:
    count = COUNT // 10 if options.short else COUNT
    source = flatgeobuf(count)
    size = f"{count:,} polygons, {source.stat().st_size / 1e6:.0f} MB"
    with home("embedded") as one:
        target = one.folder / "peer.parquet"
        found = [with_sluice(one, source, n) for n in range(options.runs)]
        yield row("sluice, whole batch", statistics.median(took for took, _ in found), "s", size, options.runs)
        for stage in found[0][1]:
            yield row(f"sluice, of it {stage}", statistics.median(s[stage] for _, s in found), "s", size, options.runs)
        peers = {"geopandas": lambda: with_geopandas(source, target), "DuckDB spatial": lambda: with_duckdb(source, target),
                 "ogr2ogr + PostGIS + geopandas": lambda: with_postgis(one, source, target)}
        missing = []
        for name, peer in peers.items():
            try:
                yield row(name, median(lambda p=peer: seconds(p), options.runs), "s", size, options.runs)
            except (ImportError, FileNotFoundError) as reason:
                missing.append(f"{name}: {reason}")
        if missing:
            raise Unavailable("; ".join(missing))
