# SPDX-License-Identifier: Apache-2.0
"""Verify finds what was changed behind the engine's back, replay repairs and compares, gc moves aside."""

import json
from datetime import UTC, datetime, timedelta

import pytest

import worlds
from home import ROOT, Home
from worlds import LAKE, RAW

COUNTRIES = ROOT / "tests/data/countries/countries.shp"
OBJECT = "countries/v1/countries.parquet"


@pytest.fixture(params=worlds.WORLDS)
def world(request):
    fresh = worlds.make(request.param, request)
    try:
        fresh.home.run("submit", "--batch", "b1", "--intent", "ingest_vector", "--type", "vector", "--dataset", "countries",
                       COUNTRIES)
        fresh.home.run("run", "--once")
        yield fresh
    finally:
        fresh.close()


@pytest.fixture
def ingested(world):
    return world.home


def on(*names):
    """The worlds of a test whose claim does not hang on where things are kept, or that costs much."""
    return pytest.mark.parametrize("world", names, indirect=True)


def problems(home: Home, *args) -> list[dict]:
    result = home.run("verify", "--json", *args, check=False)
    found = result.json["problems"]
    assert result.code == (1 if found else 0), str(result)
    return found


def kinds(found: list[dict]) -> set[str]:
    return {problem["kind"] for problem in found}


def test_what_was_changed_behind_the_engine_s_back_is_found_piece_by_piece(world):
    """On a home of its own each, this would take a start of everything for each piece of damage."""
    home = world.home
    assert problems(home, "--deep") == []

    whole = world.read(LAKE, OBJECT)
    world.flip(LAKE, OBJECT)
    found = problems(home, "--deep")
    assert kinds(found) == {"changed_object"} and found[0]["key"] == OBJECT
    assert "replay b1" in found[0]["repair"]
    world.remove(LAKE, OBJECT)
    assert kinds(problems(home)) == {"missing_object"}
    home.run("replay", "b1", "--into-version", "1")
    assert world.read(LAKE, OBJECT) == whole and problems(home, "--deep") == []

    docs = world.lose_documents("assets")
    found = problems(home)
    assert "missing_document" in kinds(found) and any(problem["key"] == OBJECT for problem in found)
    world.give_documents("assets", docs)
    assert problems(home) == []

    with world.catalog() as connection:
        connection.execute("DELETE FROM catalog.assets")
    assert kinds(problems(home)) == {"catalog"}


def test_a_flipped_byte_in_the_lake_is_no_obstacle_to_the_next_version(world):
    home = world.home
    before = home.run("asset", "show", "countries", "--json").json
    whole = world.read(LAKE, OBJECT)
    world.flip(LAKE, OBJECT)
    home.run("replay", "b1", "--force")
    after = home.run("asset", "show", "countries", "--json").json
    assert (after["version"], after["content_hash"]) == (2, before["content_hash"])
    assert world.read(LAKE, "countries/v2/countries.parquet") == whole


def test_a_flipped_byte_in_the_raw_vault_is_found_and_replay_refuses_it(world):
    home = world.home
    world.flip(RAW, next(k for k in world.keys(RAW) if k.endswith(".shp")))
    assert kinds(problems(home, "--deep")) == {"raw_changed"}
    result = home.run("replay", "b1", check=1)
    assert "raw" in result.out + result.err


def test_a_file_that_nobody_knows_is_found_and_gc_moves_it_aside(world):
    home, stray = world.home, "stray/v1/stray.parquet"
    world.put(LAKE, stray, b"stray")
    assert kinds(problems(home)) == {"orphan_object"}
    dry = home.run("gc", "--dry-run", "--grace", "0s", "--json").json
    assert dry["orphan_objects"] == 1 and world.exists(LAKE, stray)
    home.run("gc", "--grace", "0s", "--yes")
    assert not world.exists(LAKE, stray) and world.read(LAKE, f"orphans/{stray}") == b"stray"
    assert problems(home) == []


def test_gc_removes_events_that_are_older_than_the_ledger_keeps_them(world):
    home, keep = world.home, ("-c", "ledger.keep_events=30d")
    assert home.run(*keep, "gc", "--dry-run", "--json").json["events"] == 0
    old = datetime.now(UTC) - timedelta(days=31)
    docs = world.lose_documents("events")
    world.give_documents("events", [d | {"at": old if isinstance(d["at"], datetime) else
                                         old.strftime("%Y-%m-%dT%H:%M:%S.%fZ")} for d in docs])
    assert home.run("gc", "--yes", "--json").json["events"] == 0, "a year is the default"
    assert f"{len(docs) - 1} events of the ledger of long ago" in home.run(*keep, "gc", "--dry-run").out
    assert len(world.documents("events")) == len(docs) > 3
    assert home.run(*keep, "gc", "--yes", "--json").json["events"] == len(docs) - 1
    assert [d["_id"] for d in world.documents("events")] == ["batch:b1:1"]
    assert problems(home) == []
    assert "ledger.keep_events" in home.run("-c", "ledger.keep_events=1h", "gc", check=78).err


@on("embedded")
def test_a_replay_of_the_same_inputs_says_that_the_version_stands(ingested):
    before = ingested.run("asset", "show", "countries", "--json").json
    result = ingested.run("replay", "b1")
    assert "same bytes" in result.out and "version 1 stands" in result.out
    assert ingested.run("asset", "show", "countries", "--json").json == before
    assert ingested.run("batch", "show", "b1", "--json").json["status"] == "succeeded"


@on("services")
def test_a_replay_with_another_parameter_makes_the_next_version(ingested):
    ingested.run("replay", "b1", "--set", "tolerance=0.5")
    after = ingested.run("asset", "show", "countries", "--json").json
    assert after["version"] == 2
    run = ingested.run("ledger", "get", "runs", after["run_id"], "--json").json
    assert run["params"]["tolerance"] == 0.5


@on("embedded")
def test_the_same_file_under_another_batch_links_to_what_is_there(ingested):
    home = ingested
    home.run("submit", "--batch", "b2", "--intent", "ingest_vector", "--type", "vector", "--dataset", "countries",
             COUNTRIES)
    home.run("run", "--once")
    assert home.run("batch", "show", "b2", "--json").json["status"] == "succeeded"
    assert [a["version"] for a in home.run("asset", "list", "--json").json if a["dataset_id"] == "countries"] == [1]
    run_id = home.run("batch", "show", "b2", "--json").json["run_id"]
    outputs = home.run("ledger", "get", "runs", run_id, "--json").json["outputs"]
    assert [(o["how"], o["version"]) for o in outputs] == [("linked", 1)]


def test_lineage_leads_to_the_raw_files_and_their_hashes(world, ingested):
    lineage = ingested.run("lineage", "countries", "--json").json
    assert lineage["batch"]["batch_id"] == "b1" and lineage["run"]["recipe"]["name"] == "ingest_vector"
    for entry in lineage["inputs"]:
        assert world.exists(RAW, entry["raw_key"])
    text = ingested.run("lineage", f"{world.buckets[LAKE]}/{OBJECT}").out
    assert "└─" in text and lineage["asset"]["content_hash"][7:15] in text
    ingested.run("lineage", "countris", check=4)
    assert "countries" in ingested.run("lineage", "countris", check=4).err


@on("embedded")
def test_the_ledger_is_queried_with_mongodb_filters(ingested):
    found = ingested.run("ledger", "find", "assets", json.dumps({"dataset_id": "countries", "version": {"$gte": 1}}),
                         "--sort", "version:-1", "--limit", "1", "--json").json
    assert [f["s3_key"] for f in found] == ["countries/v1/countries.parquet"]
    ingested.run("ledger", "find", "assets", '{"version": {"$near": 1}}', check=2)
