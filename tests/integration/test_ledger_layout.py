# SPDX-License-Identifier: Apache-2.0
"""A ledger in PostgreSQL as an older sluice left it, and one of a newer."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from home import ROOT, binary
from worlds import LAKE, Embedded

COUNTRIES = ROOT / "tests/data/countries/countries.shp"
LAYOUT_1 = (Path(__file__).parent / "ledger/layout_1.sql").read_text()
WAIT_S = 60
# Members of manifests that came later than layout 1.
LATER = ("leaving", "priority", "attempts_before")
RESERVATIONS = "SELECT dataset_id, version, batch_id FROM ledger.versions"


@pytest.fixture(scope="module")
def world():
    made = Embedded()
    try:
        yield made
    finally:
        made.close()


def submit(world, batch: str, *words: str) -> None:
    world.home.run("submit", "--batch-id", batch, "--intent", "ingest_vector", "--type", "vector", *words, COUNTRIES)


def enter(world, batch: str) -> None:
    """As a sensor without a worker leaves it: pending."""
    sensor = subprocess.Popen([binary(), "sensor"], cwd=world.home.folder, env=world.home.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + WAIT_S
        while (batch, "pending") not in world.rows("SELECT batch_id, status FROM ledger.manifests"):
            assert time.monotonic() < end and sensor.poll() is None, "the sensor does not enter it"
            time.sleep(0.1)
    finally:
        sensor.terminate()
        sensor.wait(WAIT_S)


def put_layout_1(world) -> None:
    """The same documents in the tables of layout 1; one batch waits, and has a version reserved."""
    documents = {name: world.documents(name) for name in ("manifests", "runs", "assets")}
    with world.catalog() as c:
        c.execute("DROP SCHEMA ledger CASCADE")
        c.execute(LAYOUT_1)
        for name, docs in documents.items():
            for doc in docs:
                old = {k: v for k, v in doc.items() if name != "manifests" or k not in LATER}
                c.execute(f"INSERT INTO ledger.{name} (id, doc) VALUES (%s, %s)", (doc["_id"], json.dumps(old)))
        c.execute("INSERT INTO ledger.versions (dataset_id, version, batch_id) VALUES ('countries', 2, 'waits')")


def test_a_ledger_of_layout_1_is_taken_over_and_goes_on(world):
    home = world.home
    submit(world, "before")
    home.run("run", "--once")
    submit(world, "waits")
    enter(world, "waits")
    put_layout_1(world)
    before = {d["_id"]: d for d in world.documents("assets")}
    home.run("run", "--once")
    assert world.rows("SELECT version FROM ledger.layout") == [(2,)]
    assert {d["batch_id"]: d["status"] for d in world.documents("manifests")} == {"before": "succeeded", "waits": "succeeded"}
    assert world.rows(RESERVATIONS) == []
    after = {d["_id"]: d for d in world.documents("assets")}
    assert before.items() <= after.items()
    submit(world, "later", "--dataset", "later")
    home.run("run", "--once")
    assert "later/v1/later.parquet" in world.keys(LAKE)
    assert home.run("ledger", "find", "events", '{"event":"batch.succeeded","batch_id":"later"}', "--json").json
    assert home.run("verify", "--deep", "--json").json["problems"] == []


def test_a_ledger_of_a_newer_layout_is_left_alone(world):
    with world.catalog() as c:
        c.execute("UPDATE ledger.layout SET version = 3")
    refused = world.home.run("run", "--once", check=False)
    assert refused.code != 0 and "layout 3" in refused.err and "newer sluice" in refused.err
    with world.catalog() as c:
        c.execute("UPDATE ledger.layout SET version = 2")
    world.home.run("run", "--once")
