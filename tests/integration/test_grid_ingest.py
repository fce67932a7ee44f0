# SPDX-License-Identifier: Apache-2.0
"""Grids from a file to rows that can be asked for: Parquet on the embedded default, ClickHouse where it is configured."""

import json
import math
import os
import signal
import struct
import subprocess
from pathlib import Path

import psycopg
import pyarrow.dataset
import pytest

import gribs
from home import Home
from killing import WAIT_S, Lock, children, start, wait_until

POINTS = 16 * 31


def make_grib(path: Path, tmp: Path) -> Path:
    """Two variables at three hours, from ecCodes' own sample, by ecCodes' own tool."""
    rules = tmp / "rules"
    for hour in range(3):
        for name, offset in (("t", 0.0), ("z", 100.0)):
            rules.write_text(f'set shortName="{name}";set dataDate=20250311;set dataTime={hour * 100};set step=0;'
                             f'set scaleValuesBy=1;set offsetValuesBy={offset + hour};write;')
            one = tmp / f"{hour}{name}.grib"
            subprocess.run(["grib_filter", "-o", one, rules, gribs.SAMPLES / "regular_ll_pl_grib2.tmpl"], check=True)
            with path.open("ab") as out:
                out.write(one.read_bytes())
    return path


def points_of(path: Path) -> list[tuple]:
    return [(name, int(time), lat, lon, value) for name, time, lat, lon, value in gribs.points_of(path)]


@pytest.fixture
def grib(tmp_path) -> Path:
    return make_grib(tmp_path / "weather.grib2", tmp_path)


def ingest(home: Home, path: Path, batch: str = "b1") -> dict:
    home.run("submit", "--intent", "ingest_grib", "--type", "grid", "--batch-id", batch, path)
    home.run("run", "--once")
    return asset_of(home, batch)


def asset_of(home: Home, batch: str) -> dict:
    [asset] = json.loads(home.run("ledger", "find", "assets", json.dumps({"batch_id": batch}), "--json").out)
    return asset


@pytest.fixture
def embedded():
    home = Home()
    home.run("init")
    yield home
    home.close()


def test_every_value_is_in_the_lake_as_eccodes_has_it(embedded, grib):
    asset = ingest(embedded, grib)
    wanted = points_of(grib)
    assert asset["kind"] == "grid" and asset["row_count"] == len(wanted) > 0
    folder = embedded.path / "store/data-lake/weather/v1"
    table = pyarrow.dataset.dataset(folder, partitioning="hive", format="parquet",
                                    exclude_invalid_files=True).to_table().to_pylist()
    assert len(table) == len(wanted)
    found = {(r["variable"], r["timestamp"].hour * 100, round(r["lat"], 4), round(r["lon"], 4)): r for r in table}
    for name, time, lat, lon, value in wanted:
        row = found[name, time, round(lat, 4), round(lon, 4)]
        assert struct.pack("d", row["value"]) == struct.pack("d", value)
        assert math.isclose(row["lat"], lat, abs_tol=1e-6) and math.isclose(row["lon"], lon, abs_tol=1e-6)
    [run] = json.loads(embedded.run("ledger", "find", "runs", '{"batch_id": "b1"}', "--json").out)
    assert run["versions"]["eccodes"] == subprocess.run(["codes_info", "-v"], capture_output=True, text=True).stdout.strip()
    fields = json.loads((folder / "weather.fields.json").read_text())["fields"]
    assert sum(f["points"] - f["missing"] for f in fields) == len(wanted)


def test_a_replay_gives_the_same_bytes(embedded, grib):
    asset = ingest(embedded, grib)
    done = embedded.run("replay", "b1")
    embedded.run("run", "--once")
    assert asset_of(embedded, "b1")["content_hash"] == asset["content_hash"], done.out


def nearest(rows: list[tuple], name: str, time: int, lat: float, lon: float) -> float:
    """By the spherical law of cosines, over all points."""
    def cosine(row) -> float:
        a, b = math.radians(lat), math.radians(row[2])
        return math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(math.radians(lon - row[3]))
    return max((r for r in rows if r[:2] == (name, time)), key=cosine)[4]


PLACES = [(52.52, 13.40), (0.7, 179.9), (-0.7, -179.9), (89.5, 45.0), (-89.9, 100.0), (30.0, 20.0)]


def check_points(home: Home, asset: dict, wanted: list[tuple]) -> None:
    for lat, lon in PLACES:
        [answer] = json.loads(home.run("grid", "point", "--variable", "t", f"--lat={lat}", f"--lon={lon}", "--at",
                                       "2025-03-11T01:00", "--json").out)
        assert answer["value"] == nearest(wanted, "t", 100, lat, lon), (lat, lon, answer)
        for name in ("raw_file_id", "raw_key", "content_hash"):
            assert answer[name] == asset["inputs"][0][name]
        assert (answer["dataset_id"], answer["version"], answer["asset_id"]) == ("weather", 1, asset["_id"])


def test_a_point_is_answered_from_the_lake_with_its_raw_file(embedded, grib):
    check_points(embedded, ingest(embedded, grib), points_of(grib))
    assert "raw-vault" in embedded.run("grid", "point", "--variable", "t", "--lat", "1", "--lon", "2", "--at", "2025-03-11").out
    missing = embedded.run("grid", "point", "--variable", "tp", "--lat", "1", "--lon", "2", "--at", "2025-03-11", check=4)
    assert 'no value of "tp"' in missing.err


@pytest.fixture
def with_clickhouse(embedded, services):
    settings = services.clickhouse()
    embedded.environment |= settings
    yield embedded, lambda query: services.ask_clickhouse(query, settings["CLICKHOUSE_DB"])


def test_every_value_is_in_clickhouse_as_eccodes_has_it(with_clickhouse, grib):
    home, ask = with_clickhouse
    asset = ingest(home, grib)
    wanted = points_of(grib)
    rows = ask("SELECT variable, toHour(timestamp) * 100, lat, lon, value FROM grid_data ORDER BY field, lat, lon")
    assert len(rows) == len(wanted) == asset["row_count"]
    found = {(v, int(t), round(float(lat), 4), round(float(lon), 4)): float(value) for v, t, lat, lon, value in rows}
    for name, time, lat, lon, value in wanted:
        assert found[name, time, round(lat, 4), round(lon, 4)] == value
    assert ask("SELECT DISTINCT load_id, raw_file_id FROM grid_data") == [[asset["_id"], asset["inputs"][0]["raw_file_id"]]]
    assert ask("SELECT count() FROM grid_fields WHERE rows = points - missing") == [["6"]]


def test_a_point_is_answered_from_clickhouse_with_its_raw_file(with_clickhouse, grib):
    home, _ = with_clickhouse
    check_points(home, ingest(home, grib), points_of(grib))


def test_a_replay_does_not_double_rows_in_clickhouse(with_clickhouse, grib):
    home, ask = with_clickhouse
    before = ingest(home, grib)
    home.run("replay", "b1")
    home.run("run", "--once")
    assert asset_of(home, "b1")["_id"] == before["_id"]
    assert ask("SELECT uniqExact(load_id), count() FROM grid_data") == [["1", str(before["row_count"])]]
    assert ask("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%stage%'") == [["0"]]


def connect(home: Home) -> psycopg.Connection:
    pid_file = next(home.path.rglob("postmaster.pid")).read_text().splitlines()
    return psycopg.connect(host=pid_file[4], port=pid_file[3], dbname="sluice", user="sluice", autocommit=True)


def kill_before_commit(home: Home, process: subprocess.Popen, attempt: int) -> None:
    """Rows can be seen, the ledger does not have the asset: its worker dies there."""
    lock = Lock(lambda: connect(home), "ledger.assets")
    publishing = ("SELECT 1 FROM catalog.assets a JOIN ledger.runs r ON r.id = a.run_id::text"
                  f" WHERE (r.doc->>'attempt')::int = {attempt}")

    def is_publishing() -> bool:
        with connect(home) as c:
            return bool(c.execute(publishing).fetchall())
    wait_until(is_publishing, f"attempt {attempt} in publish")
    for worker in children(process.pid):
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda pid=worker: pid not in children(process.pid), "the end of the worker")
    lock.release()


def test_a_worker_that_is_killed_before_its_commit_doubles_no_rows(with_clickhouse, grib):
    home, ask = with_clickhouse
    home.run("submit", "--intent", "ingest_grib", "--type", "grid", "--batch-id", "b1", grib)
    process = start(home, "run", "--once")
    kill_before_commit(home, process, 1)
    assert process.wait(WAIT_S) == 0
    asset = asset_of(home, "b1")
    assert ask("SELECT DISTINCT load_id FROM grid_data") == [[asset["_id"]]]
    assert ask("SELECT count() FROM grid_data") == [[str(len(points_of(grib)))]]
    assert ask("SELECT DISTINCT load_id, batch_id FROM grid_fields") == [[asset["_id"], "b1"]]


def test_a_batch_that_kills_its_worker_twice_leaves_no_rows(with_clickhouse, grib):
    home, ask = with_clickhouse
    home.run("submit", "--intent", "ingest_grib", "--type", "grid", "--batch-id", "b1", grib)
    process = start(home, "run", "--once")
    for attempt in (1, 2):
        kill_before_commit(home, process, attempt)
    assert process.wait(WAIT_S) == 1
    assert home.run("batch", "show", "b1", "--json").json["error"]["code"] == "batch.poison"
    assert ask("SELECT count() FROM grid_data") == [["0"]]
    assert ask("SELECT count() FROM grid_fields") == [["0"]]


def test_clickhouse_that_is_down_is_told_and_the_batch_ingested_when_it_is_back(with_clickhouse, services, grib):
    home, ask = with_clickhouse
    services.kill("clickhouse")
    try:
        quick = {"SLUICE_RUN_RETRY_BASE": "10ms", "SLUICE_RUN_RETRY_MAX": "20ms", "SLUICE_CLICKHOUSE_RETRIES": "0"}
        home.run("submit", "--intent", "ingest_grib", "--type", "grid", "--batch-id", "b1", grib)
        home.run("run", "--once", env=quick | {"SLUICE_RUN_RETRIES": "1"}, check=75)
        [manifest] = json.loads(home.run("ledger", "find", "manifests", '{"_id": {"$exists": true}}', "--json").out)
        assert manifest["error"]["code"] == "clickhouse.unavailable"
        assert len(manifest["error"]["message"].splitlines()) == 1
    finally:
        services.start("clickhouse")
    home.run("replay", "b1")
    home.run("run", "--once")
    assert ask("SELECT count() FROM grid_data") == [[str(len(points_of(grib)))]]
