# SPDX-License-Identifier: Apache-2.0
"""Verify finds what was changed behind the engine's back, replay repairs and compares, gc moves aside."""

import json
import os
from pathlib import Path

import psycopg
import pytest

from home import ROOT, Home

COUNTRIES = ROOT / "tests/data/countries/countries.shp"


@pytest.fixture
def ingested():
    fresh = Home()
    try:
        fresh.run("init")
        fresh.run("submit", "--batch", "b1", "--intent", "ingest_vector", "--type", "vector", "--dataset", "countries",
                  COUNTRIES)
        fresh.run("run", "--once")
        yield fresh
    finally:
        fresh.close()


def lake(home: Home) -> Path:
    return home.path / "store" / "data-lake"


def connect(home: Home) -> psycopg.Connection:
    pid_file = next(home.path.rglob("postmaster.pid")).read_text().splitlines()
    return psycopg.connect(host=pid_file[4], port=pid_file[3], dbname="sluice", user="sluice", autocommit=True)


def problems(home: Home, *args) -> list[dict]:
    result = home.run("verify", "--json", *args, check=False)
    found = result.json["problems"]
    assert result.code == (1 if found else 0), str(result)
    return found


def kinds(found: list[dict]) -> set[str]:
    return {problem["kind"] for problem in found}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_nothing_is_wrong_with_a_fresh_home(ingested):
    assert problems(ingested, "--deep") == []


def test_a_flipped_byte_in_the_lake_is_found_and_replay_makes_the_bytes_again(ingested):
    home = ingested
    before = home.run("asset", "show", "countries", "--json").json
    path = lake(home) / "countries/v1/countries.parquet"
    whole = path.read_bytes()
    flip(path)
    found = problems(home, "--deep")
    assert kinds(found) == {"changed_object"} and found[0]["key"] == "countries/v1/countries.parquet"
    assert "replay b1" in found[0]["repair"]
    home.run("replay", "b1", "--force")
    after = home.run("asset", "show", "countries", "--json").json
    assert (after["version"], after["content_hash"]) == (2, before["content_hash"])
    assert (lake(home) / "countries/v2/countries.parquet").read_bytes() == whole


def test_a_flipped_byte_in_the_raw_vault_is_found_and_replay_refuses_it(ingested):
    home = ingested
    flip(next((home.path / "store/raw-vault").rglob("*.shp")))
    found = problems(home, "--deep")
    assert kinds(found) == {"raw_changed"}
    result = home.run("replay", "b1", check=1)
    assert "raw" in result.out + result.err


def test_a_deleted_object_is_found(ingested):
    (lake(ingested) / "countries/v1/countries.parquet").unlink()
    assert kinds(problems(ingested)) == {"missing_object"}


def test_a_missing_ledger_document_is_found(ingested):
    with connect(ingested) as connection:
        connection.execute("DELETE FROM ledger.assets")
    found = problems(ingested)
    assert "missing_document" in kinds(found)
    assert any(problem["key"] == "countries/v1/countries.parquet" for problem in found)


def test_a_file_that_nobody_knows_is_found_and_gc_moves_it_aside(ingested):
    stray = lake(ingested) / "stray/v1/stray.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"stray")
    assert kinds(problems(ingested)) == {"orphan_object"}
    dry = ingested.run("gc", "--dry-run", "--grace", "0s", "--json").json
    assert dry["orphan_objects"] == 1 and stray.exists()
    ingested.run("gc", "--grace", "0s", "--yes")
    assert not stray.exists() and (lake(ingested) / "orphans/stray/v1/stray.parquet").read_bytes() == b"stray"
    assert problems(ingested) == []


def test_a_missing_catalog_row_is_found(ingested):
    with connect(ingested) as connection:
        connection.execute("DELETE FROM catalog.assets")
    assert kinds(problems(ingested)) == {"catalog"}


def test_a_replay_of_the_same_inputs_says_that_the_version_stands(ingested):
    before = ingested.run("asset", "show", "countries", "--json").json
    result = ingested.run("replay", "b1")
    assert "same bytes" in result.out and "version 1 stands" in result.out
    assert ingested.run("asset", "show", "countries", "--json").json == before
    assert ingested.run("batch", "show", "b1", "--json").json["status"] == "succeeded"


def test_a_replay_with_another_parameter_makes_the_next_version(ingested):
    ingested.run("replay", "b1", "--set", "tolerance=0.5")
    after = ingested.run("asset", "show", "countries", "--json").json
    assert after["version"] == 2
    run = ingested.run("ledger", "get", "runs", after["run_id"], "--json").json
    assert run["params"]["tolerance"] == 0.5


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


def test_lineage_leads_to_the_raw_files_and_their_hashes(ingested):
    lineage = ingested.run("lineage", "countries", "--json").json
    assert lineage["batch"]["batch_id"] == "b1" and lineage["run"]["recipe"]["name"] == "ingest_vector"
    for entry in lineage["inputs"]:
        assert (ingested.path / "store/raw-vault" / entry["raw_key"]).exists()
    text = ingested.run("lineage", "data-lake/countries/v1/countries.parquet").out
    assert "└─" in text and lineage["asset"]["content_hash"][7:15] in text
    ingested.run("lineage", "countris", check=4)
    assert "countries" in ingested.run("lineage", "countris", check=4).err


def test_the_ledger_is_queried_with_mongodb_filters(ingested):
    found = ingested.run("ledger", "find", "assets", json.dumps({"dataset_id": "countries", "version": {"$gte": 1}}),
                         "--sort", "version:-1", "--limit", "1", "--json").json
    assert [f["s3_key"] for f in found] == ["countries/v1/countries.parquet"]
    ingested.run("ledger", "find", "assets", '{"version": {"$near": 1}}', check=2)
