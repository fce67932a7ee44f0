# SPDX-License-Identifier: Apache-2.0
"""One of the programs beside sluice, in a process of its own: PEER SOURCE TARGET DSN; prints its seconds."""

import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import geopandas
import psycopg
import pyarrow.parquet  # noqa: F401  (its import is no part of the work)
import shapely

TOLERANCE = 1e-5
EXTENSIONS = Path(__file__).resolve().parents[2] / ".cache/duckdb/1.5.5/extensions"


def with_geopandas(source: str, target: str, steps: bool) -> None:
    frame = geopandas.read_file(source)
    if steps:
        frame = frame.to_crs(4326)
        frame.geometry = frame.geometry.simplify(TOLERANCE, preserve_topology=True)
    frame.to_parquet(target, compression="zstd", write_covering_bbox=True)


def with_duckdb(source: str, target: str, steps: bool) -> None:
    changed = (f"ST_SimplifyPreserveTopology(ST_Transform(geom, 'EPSG:25833', 'EPSG:4326', always_xy := true), {TOLERANCE})"
               if steps else "geom")
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{EXTENSIONS}/spatial.duckdb_extension'")
        connection.execute(f"COPY (SELECT * EXCLUDE geom, {changed} AS geom FROM ST_Read('{source}')) "
                           f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def with_postgis(source: str, target: str, dsn: str) -> None:
    """ogr2ogr into the server, SQL there, and out through geopandas (GDAL has no Parquet everywhere)."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS peer CASCADE")
        connection.execute("CREATE SCHEMA peer")
        subprocess.run(["ogr2ogr", "-f", "PostgreSQL", f"PG:{dsn} active_schema=peer", source, "-nln", "raw", "-lco", "UNLOGGED=ON",
                        "-lco", "SPATIAL_INDEX=NONE", "-lco", "GEOMETRY_NAME=geom", "-lco", "FID=fid", "--config", "PG_USE_COPY",
                        "YES"], check=True, capture_output=True)
        connection.execute("CREATE UNLOGGED TABLE peer.done AS SELECT id, name, kind, floors, height, "
                           f"ST_SimplifyPreserveTopology(ST_Transform(geom, 4326), {TOLERANCE}) AS geom FROM peer.raw")
        rows = connection.execute("SELECT id, name, kind, floors, height, ST_AsBinary(geom) FROM peer.done", binary=True).fetchall()
        columns = dict(zip(("id", "name", "kind", "floors", "height", "geometry"), zip(*rows)))
        columns["geometry"] = shapely.from_wkb(columns["geometry"])
        geopandas.GeoDataFrame(columns, crs=4326).to_parquet(target, compression="zstd")
        connection.execute("DROP SCHEMA peer CASCADE")


def main() -> None:
    peer, source, target, dsn = sys.argv[1:5]
    work = {"geopandas": lambda: with_geopandas(source, target, True), "geopandas_plain": lambda: with_geopandas(source, target, False),
            "duckdb": lambda: with_duckdb(source, target, True), "duckdb_plain": lambda: with_duckdb(source, target, False),
            "postgis": lambda: with_postgis(source, target, dsn)}[peer]
    begin = time.perf_counter()
    work()
    print(json.dumps({"seconds": time.perf_counter() - begin}))


main()
