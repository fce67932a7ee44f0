# SPDX-License-Identifier: Apache-2.0
"""Outputs of kind iceberg: rows in a table of the REST catalog, each once whatever happens, read by pyiceberg."""

import json
import os
import secrets
import signal
import subprocess

import pytest
from pyiceberg.catalog.rest import RestCatalog

from catalog_proxy import CatalogProxy
from home import binary
from services import ServiceHome

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: {type}\nengine: duckdb\n"
READINGS = """steps:
  - cast: {{columns: {{id: bigint, amount: double, at: timestamp}}}}
outputs:
  - iceberg: {{dataset: readings, table: {space}.readings, partition_by: ["month(at)", station]}}
"""
PLACES = """outputs:
  - iceberg: {{dataset: places, table: {space}.places}}
"""


def rows(first: int, n: int, *more: str) -> str:
    lines = [",".join(["id", "station", "amount", "at", *more])]
    lines += [f"{i},s{i % 3},{i / 2},2024-0{1 + i % 2}-01T00:00:00" + ",x" * len(more) for i in range(first, first + n)]
    return "\n".join(lines) + "\n"


class Tables:
    """A home whose tables are in a namespace of its own, seen through a proxy."""

    def __init__(self, services) -> None:
        self.services, self.space = services, f"t{secrets.token_hex(4)}"
        self.settings = services.tables()
        self.proxy = CatalogProxy(self.settings["ICEBERG_CATALOG_URI"])
        self.home = ServiceHome(services)
        self.home.environment |= self.settings | {"ICEBERG_CATALOG_URI": self.proxy.uri, "SLUICE_RUN_RETRY_BASE": "10ms"}
        self.home.run("init")
        folder = self.home.path / "recipes"
        folder.mkdir(exist_ok=True)
        (folder / "readings.yaml").write_text(HEAD.format(name="readings", type="table") + READINGS.format(space=self.space))
        (folder / "places.yaml").write_text(HEAD.format(name="places", type="vector") + PLACES.format(space=self.space))
        store = services.env("minio")
        self.catalog = RestCatalog("tests", uri=self.settings["ICEBERG_CATALOG_URI"], warehouse=self.settings["ICEBERG_WAREHOUSE"],
                                   **{"s3.endpoint": store["MINIO_ENDPOINT_URL"], "s3.access-key-id": store["MINIO_ROOT_USER"],
                                      "s3.secret-access-key": store["MINIO_ROOT_PASSWORD"], "s3.region": "us-east-1"})

    def submit(self, batch: str, text: str, *words: str, intent: str = "readings") -> None:
        path = self.home.folder / f"{batch}.csv"
        path.write_text(text)
        self.home.run("submit", "--batch", batch, "--intent", intent, "--type", "table", *words, path)

    def work(self) -> None:
        self.home.run("run", "--once")

    def status(self, batch: str) -> str:
        return self.home.run("batch", "show", batch, "--json").json["status"]

    def asset(self, batch: str) -> dict:
        return next(a for a in self.home.run("ledger", "find", "assets", json.dumps({"batch_id": batch}), "--json").json)

    def read(self, name: str = "readings") -> list[dict]:
        return self.catalog.load_table(f"{self.space}.{name}").scan().to_arrow().to_pylist()

    def ids(self) -> list[int]:
        return sorted(row["id"] for row in self.read())

    def close(self) -> None:
        self.home.close()
        self.proxy.close()


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
