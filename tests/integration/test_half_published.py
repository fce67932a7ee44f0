# SPDX-License-Identifier: Apache-2.0
"""Batches that end in the middle of publishing, and uploads that nobody finishes: what is left of them, and how it goes.

A lock on a table of the catalog or the ledger holds a worker where it is to be killed: its objects are in the lake, its
commit is not made."""

import json
from pathlib import Path

import geopandas
import pytest
from shapely.geometry import Point

from home import Home
from killing import WAIT_S, InServices, Lock, make_world, poison, start, wait_until
from worlds import LAKE, WORLDS


def points(home: Home, name: str, n: int) -> Path:
    path = home.folder / f"{name}.gpkg"
    geopandas.GeoDataFrame({"n": range(n)}, geometry=[Point(i, n) for i in range(n)], crs="EPSG:4326").to_file(
        path, driver="GPKG", engine="pyogrio")
    return path


def submit(home: Home, batch: str, dataset: str, n: int) -> None:
    home.run("submit", "--batch", batch, "--intent", "ingest_vector", "--type", "vector", "--dataset", dataset,
             points(home, batch, n))


@pytest.fixture(params=WORLDS)
def world(request):
    made = make_world(request.param, request)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def embedded(request):
    made = make_world("embedded", request)
    try:
        yield made
    finally:
        made.close()


def status_of(home: Home, batch: str) -> tuple[str, str | None]:
    doc = home.run("batch", "show", batch, "--json").json
    return doc["status"], (doc.get("error") or {}).get("code")


def assert_cleared(world, dataset: str, version: int, batch: str) -> None:
    home = world.home
    assert world.keys(LAKE, f"{dataset}/v{version}/") == []
    assert world.rows(f"SELECT version FROM catalog.assets WHERE dataset_id = '{dataset}' AND version = {version}") == []
    assert world.look.reservations() == []
    aside = [key.rsplit("/", 1)[1] for key in world.keys(LAKE, "orphans/")]
    assert sorted(aside) == [f"{dataset}.iso19115.json", f"{dataset}.parquet", f"{dataset}.stac.json",
                             f"{dataset}.thumbnail.png"]
    events = home.run("ledger", "find", "events", json.dumps({"kind": "half_published"}), "--json").json
    assert {(e["event"], e["batch_id"], e["version"]) for e in events} == {("recover", batch, version)}
    assert sorted(e["details"]["moved_to"] for e in events) == world.keys(LAKE, "orphans/")
    assert home.run("verify", "--deep", "--json").json["problems"] == []


def assert_versions_go_on(world, dataset: str) -> None:
    """The number is free again: the next batch takes it, and the replay the one after."""
    home = world.home
    submit(home, "next", dataset, 7)
    home.run("run", "--once")
    home.run("replay", "poison")
    found = home.run("ledger", "find", "assets", json.dumps({"dataset_id": dataset}), "--sort", "version:1", "--json").json
    assert [(a["version"], a["batch_id"]) for a in found] == [(1, "before"), (2, "next"), (3, "poison")]
    assert status_of(home, "poison")[0] == "succeeded"
    assert world.look.reservations() == []
    assert home.run("verify", "--deep", "--json").json["problems"] == []


def test_what_a_poisonous_batch_has_half_published_goes_with_it(world):
    home, dataset = world.home, "roads"
    submit(home, "before", dataset, 5)
    home.run("run", "--once")
    submit(home, "poison", dataset, 6)
    process = poison(world, dataset, 2)
    assert process.wait(WAIT_S) == 1
    assert status_of(home, "poison") == ("quarantined", "batch.poison")
    assert_cleared(world, dataset, 2, "poison")
    assert_versions_go_on(world, dataset)


def test_the_next_start_clears_what_a_killed_supervisor_could_not(embedded):
    world, home, dataset = embedded, embedded.home, "roads"
    submit(home, "before", dataset, 5)
    home.run("run", "--once")
    submit(home, "poison", dataset, 6)
    looks: list[Lock] = []
    process = poison(world, dataset, 2, lambda: looks.append(Lock(world.catalog, "ledger.versions", exclusive=True)))
    quarantined = "SELECT 1 FROM ledger.manifests WHERE batch_id = 'poison' AND status = 'quarantined'"
    wait_until(lambda: world.rows(quarantined), "the batch in quarantine")
    process.kill()
    process.wait()
    looks[0].release()
    assert len(world.keys(LAKE, f"{dataset}/v2/")) == 4 and world.look.reservations() == [(dataset, 2)]
    assert world.rows(f"SELECT version FROM catalog.assets WHERE dataset_id = '{dataset}' AND version = 2") == [(2,)]
    home.run("run", "--once")
    assert_cleared(world, dataset, 2, "poison")
    assert_versions_go_on(world, dataset)


def uploads(home, bucket: str) -> list[str]:
    return sorted(u["Key"] for u in home.engine.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


def begin_upload(home, bucket: str, key: str) -> None:
    home.engine.create_multipart_upload(Bucket=bucket, Key=key)


def test_a_start_ends_the_uploads_that_no_batch_at_work_has_begun(service_home):
    home, look, day = service_home, InServices(service_home), "ana/parks/2026-11-21"
    dead = f"{day}/01930000-0000-7000-8000-000000000001.gpkg"
    submit(home, "at-work", "roads", 5)
    lock = Lock(lambda: home.services.postgres(home.settings["POSTGRES_DB"]), look.lock_in_publish)
    process = start(home, "run", "--once")
    try:
        wait_until(lambda: look.in_publish("roads", 1, 1), "the batch in publish")
        run = home.ledger.runs.find_one({"batch_id": "at-work"})
        living = run["inputs"][0]["raw_key"]
        for key in ("roads/v1/roads.parquet", "roads/v2/roads.parquet", "parks/v1/parks.parquet", "not-ours.bin"):
            begin_upload(home, home.lake, key)
        for key in (living, dead, "not/ours.bin"):
            begin_upload(home, home.raw, key)
        home.uploader.create_multipart_upload(Bucket=home.landing, Key="some/users.gpkg")
        home.run("run", "--once")
        assert uploads(home, home.lake) == ["not-ours.bin", "roads/v1/roads.parquet"]
        assert uploads(home, home.raw) == sorted([living, "not/ours.bin"])
        assert uploads(home, home.landing) == ["some/users.gpkg"]
    finally:
        lock.connection.close()
        assert process.wait(WAIT_S) == 0
    home.run("run", "--once")
    assert uploads(home, home.lake) == ["not-ours.bin"]
    assert uploads(home, home.raw) == ["not/ours.bin"]
    assert uploads(home, home.landing) == ["some/users.gpkg"]
