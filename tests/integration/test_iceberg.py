# SPDX-License-Identifier: Apache-2.0
"""Outputs of kind iceberg: rows in a table of the REST catalog, each once whatever happens, read by pyiceberg."""

import json
import os
import signal
import subprocess

import pytest
import shapely

from home import binary
from iceberg_home import HEAD, READINGS, Tables, rows

@pytest.fixture(scope="module")
def tables(services):
    fresh = Tables(services)
    try:
        yield fresh
    finally:
        fresh.close()


@pytest.fixture(scope="module")
def first(tables):
    tables.submit("first", rows(0, 100))
    tables.work()
    assert tables.status("first") == "succeeded"
    return tables.asset("first")


def test_rows_are_in_the_table_with_their_types_and_load(tables, first):
    found = tables.read()
    assert sorted(row["id"] for row in found) == list(range(100))
    assert {row["_load_id"] for row in found} == {first["_id"]} and {row["_batch_id"] for row in found} == {"first"}
    assert isinstance(found[0]["amount"], float) and found[0]["at"].year == 2024
    spec = tables.catalog.load_table(f"{tables.space}.readings").spec()
    assert [str(f.transform) for f in spec.fields] == ["month", "identity"]


def test_the_object_is_a_receipt_that_the_ledger_repeats(tables, first):
    receipt = json.loads(tables.home.object(first).read_text())
    assert first["s3_key"].endswith("readings.iceberg.json") and first["kind"] == "table" and first["row_count"] == 100
    assert receipt == first["metadata"]["iceberg"]
    table = tables.catalog.load_table(f"{tables.space}.readings")
    assert receipt["table"] == f"{tables.space}.readings" and receipt["rows"] == 100 and receipt["load_id"] == first["_id"]
    assert receipt["snapshot_id"] in {s.snapshot_id for s in table.snapshots()}
    tables.home.run("verify", "--deep")


def test_the_cli_tells_of_tables(tables, first):
    name = f"{tables.space}.readings"
    listed = next(t for t in tables.home.run("table", "list", "--json").json if t["table"] == name)
    assert listed["rows"] >= 100 and listed["snapshots"] >= 1
    shown = tables.home.run("table", "describe", name).out
    assert "month(at), station" in shown and "_load_id" in shown
    assert "append" in tables.home.run("table", "snapshots", name).out
    assert all(len(line) <= 100 for line in tables.home.run("table", "list").out.splitlines())
    assert "no table" in tables.home.run("table", "describe", "no.such", check=4).err
    assert "iceberg" in tables.home.run("doctor", check=False).out


def test_vectors_are_wkb_with_the_bounds_of_each_row(tables, first):
    path = tables.home.folder / "places.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"name": "a"}, "geometry": {"type": "LineString", "coordinates": [[1, 2], [3, 5]]}}]}))
    tables.home.run("submit", "--batch", "places", "--intent", "places", "--type", "vector", path)
    tables.work()
    row = tables.read("places")[0]
    assert [row[side] for side in ("xmin", "ymin", "xmax", "ymax")] == [1, 2, 3, 5]
    assert shapely.from_wkb(row["geom"]).equals(shapely.LineString([(1, 2), (3, 5)]))


def test_a_replay_of_the_same_rows_appends_nothing(tables, first):
    before = len(tables.catalog.load_table(f"{tables.space}.readings").snapshots())
    done = tables.home.run("replay", "first")
    assert "same bytes" in done.out
    assert len(tables.catalog.load_table(f"{tables.space}.readings").snapshots()) == before


def test_a_column_that_is_new_is_added(tables, first):
    tables.submit("wider", rows(1000, 5, "note"))
    tables.work()
    assert tables.status("wider") == "succeeded"
    assert {row["note"] for row in tables.read()} == {None, "x"}


def ids_of(tables, batch: str) -> list[int]:
    return sorted(row["id"] for row in tables.read() if row["_batch_id"] == batch)


def test_a_commit_whose_reply_is_lost_is_not_made_twice(tables, first):
    tables.proxy.after = lambda: True
    tables.submit("lost-reply", rows(2000, 50))
    tables.work()
    assert tables.proxy.after is None and tables.status("lost-reply") == "succeeded"
    assert ids_of(tables, "lost-reply") == list(range(2000, 2050))


@pytest.mark.parametrize("requests", [1, 5])
def test_rows_do_not_go_again_before_the_table_has_told_what_it_has(tables, first, requests):
    """The reply is lost, and then the catalog cannot be asked for a while."""
    def lose() -> bool:
        tables.proxy.away = requests
        return True

    batch, start = f"lost-and-away-{requests}", 6000 + 100 * requests
    tables.proxy.after = lose
    tables.submit(batch, rows(start, 50))
    for _ in range(3):  # away for long is a matter for the next attempt
        tables.home.run("run", "--once", check=False)
    assert tables.proxy.away == 0
    assert tables.status(batch) == "succeeded", tables.home.run("batch", "show", batch).out
    assert ids_of(tables, batch) == list(range(start, start + 50))


def test_a_commit_that_never_arrived_is_made_again(tables, first):
    tables.proxy.before = lambda: True
    tables.submit("lost-request", rows(3000, 50))
    tables.work()
    assert tables.proxy.before is None and tables.status("lost-request") == "succeeded"
    assert ids_of(tables, "lost-request") == list(range(3000, 3050))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_the_commit_loses_and_doubles_nothing(tables, first, when):
    batch = f"killed-{when}"
    start = 4000 if when == "before" else 5000
    tables.submit(batch, rows(start, 50))
    process = subprocess.Popen([binary(), "run", "--once"], cwd=tables.home.folder, env=tables.home.environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def kill() -> bool:
        os.killpg(process.pid, signal.SIGKILL)
        return True

    setattr(tables.proxy, when, kill)
    assert process.wait(timeout=120) == -signal.SIGKILL
    tables.work()
    assert tables.status(batch) == "succeeded"
    assert ids_of(tables, batch) == list(range(start, start + 50))
    loads = {row["_load_id"] for row in tables.read() if row["_batch_id"] == batch}
    assert loads == {tables.asset(batch)["_id"]}


def test_without_a_catalog_the_rows_are_parquet_and_the_run_says_so(home, tables):
    folder = home.path / "recipes"
    folder.mkdir(exist_ok=True)
    (folder / "readings.yaml").write_text(HEAD.format(name="readings", type="table") + READINGS.format(space="x"))
    path = home.folder / "rows.csv"
    path.write_text(rows(0, 10))
    home.run("submit", "--batch", "embedded", "--intent", "readings", "--type", "table", path)
    home.run("run", "--once")
    shown = home.run("batch", "show", "embedded")
    assert "iceberg.catalog_uri" in shown.out
    asset = home.run("ledger", "find", "assets", "{}", "--json").json[0]
    assert asset["s3_key"] == "readings/v1/readings.parquet" and asset["row_count"] == 10
