# SPDX-License-Identifier: Apache-2.0
"""Records into an Iceberg table: sluice's append (a batch of Parquet), beside pyiceberg's append and Trino's INSERT of VALUES."""

import datetime
import json
import sys
import time
from collections.abc import Iterator

from common import DATA, ROOT, Options, Unavailable, row

sys.path.insert(0, str(ROOT / "tests/support"))

RECIPE = """apiVersion: sluice/v1
kind: Recipe
name: readings
version: 1
intents: [readings]
type: table
engine: duckdb
outputs:
  - iceberg: {dataset: readings, table: bench.readings}
"""
LOT = 500


def records(n: int, first: int = 0):
    import pyarrow

    return pyarrow.table({"id": pyarrow.array(range(first, first + n), pyarrow.int64()),
                          "station": pyarrow.array([f"COOP:{i % 2000:06d}" for i in range(n)]),
                          "event_time": pyarrow.array([1_700_000_000_000_000 + i * 900_000_000 for i in range(n)], pyarrow.timestamp("us")),
                          "value": pyarrow.array([(i * 7919 % 1000) / 10 for i in range(n)], pyarrow.float64())})


def prepared(n: int, run: int):
    """Other records each run: what is ingested already is not appended again."""
    import pyarrow.parquet

    path = DATA / f"records-{n}-{run}.parquet"
    if not path.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(records(n, run * n), path)
    return path


def write_seconds(home, batch: str, path) -> float:
    """Of the stage in which rows become Parquet and go into the table, committed."""
    home.run("submit", "--batch", batch, "--intent", "readings", "--type", "table", path)
    home.run("run", "--once")
    run = json.loads(home.run("ledger", "find", "runs", json.dumps({"batch_id": batch}), "--json").out)[0]
    stage = next(s for s in run["stages"] if s["name"] == "write")
    begin, end = (datetime.datetime.fromisoformat(stage[at]) for at in ("started_at", "ended_at"))
    return (end - begin).total_seconds()


def with_pyiceberg(services, table) -> float:
    from pyiceberg.catalog.rest import RestCatalog

    tables, store = services.tables(), services.env("minio")
    catalog = RestCatalog("bench", uri=tables["ICEBERG_CATALOG_URI"], warehouse=tables["ICEBERG_WAREHOUSE"],
                          **{"s3.endpoint": store["MINIO_ENDPOINT_URL"], "s3.access-key-id": store["MINIO_ROOT_USER"],
                             "s3.secret-access-key": store["MINIO_ROOT_PASSWORD"], "s3.region": "us-east-1"})
    catalog.create_namespace_if_not_exists("bench")
    target = catalog.create_table(f"bench.peer_{time.time_ns()}", table.schema)
    begin = time.perf_counter()
    target.append(table)
    return time.perf_counter() - begin


def with_trino(services, lots: int) -> float:
    import trino

    port = int(services.trino()["TRINO_URL"].rpartition(":")[2])
    with trino.dbapi.connect(host="127.0.0.1", port=port, user="bench", catalog="iceberg", schema="bench") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS lots (id bigint, station varchar, value double)").fetchall()
        begin = time.perf_counter()
        for lot in range(lots):
            values = ", ".join(f"({lot * LOT + i}, 'COOP:{i:06d}', DOUBLE '{i / 10}')" for i in range(LOT))
            cursor.execute(f"INSERT INTO lots VALUES {values}").fetchall()
        return time.perf_counter() - begin


def run(options: Options) -> Iterator[dict]:
    try:
        from services import ServiceHome, Services
    except ImportError as error:
        raise Unavailable(str(error)) from error
    n = 20_000 if options.short else 1_000_000
    running = Services()
    try:
        home = ServiceHome(running)
        home.environment |= running.tables()
        home.run("init")
        (home.path / "recipes").mkdir(exist_ok=True)
        (home.path / "recipes/readings.yaml").write_text(RECIPE)
        for i in range(options.runs):
            taken = write_seconds(home, f"large-{i}", prepared(n, i))
            yield row("sluice, a batch", n / taken, "records/s", f"{n:,} records of 4 columns", 1)
            taken = write_seconds(home, f"lot-{i}", prepared(LOT, i))
            yield row("sluice, a lot", taken, "s", f"{LOT} records, committed", 1)
            yield row("pyiceberg, from Arrow in memory", n / with_pyiceberg(running, records(n)), "records/s", f"{n:,} records", 1)
        lots = 2 if options.short else 10
        yield row("Trino, INSERT of VALUES", lots * LOT / with_trino(running, lots), "records/s", f"{lots} lots of {LOT}", 1)
        home.close()
    finally:
        running.close()
