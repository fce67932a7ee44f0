# SPDX-License-Identifier: Apache-2.0
"""verify --repair puts right what the ledger says how, moves aside what nobody names, and leaves the rest to be told."""

import json

import pytest

import worlds
from home import ROOT, Home
from worlds import LAKE, LANDING, RAW

COUNTRIES = ROOT / "tests/data/countries/countries.shp"


@pytest.fixture(scope="module", params=worlds.WORLDS)
def ingested(request):
    """One home for all: each test damages it and ends with nothing wrong."""
    fresh = worlds.make(request.param, request)
    try:
        fresh.home.run("submit", "--batch", "b1", "--intent", "ingest_vector", "--type", "vector", "--dataset", "countries",
                       COUNTRIES)
        fresh.home.run("run", "--once")
        yield fresh
    finally:
        fresh.close()


@pytest.fixture
def world(ingested):
    yield ingested
    assert verify(ingested.home, "--deep")["problems"] == []


@pytest.fixture
def home(world):
    return world.home


def verify(home: Home, *args) -> dict:
    result = home.run("verify", "--json", *args, check=False)
    left = result.json["problem_count"] - result.json["repaired"]
    assert result.code == (1 if left else 0), str(result)
    return result.json


def only_problem(report: dict) -> dict:
    assert len(report["problems"]) == 1, report["problems"]
    return report["problems"][0]


def repaired(home: Home, kind: str, *args) -> dict:
    """Finds one problem of this kind, changes nothing without --yes, then repairs it."""
    before = only_problem(verify(home, *args))
    assert before["kind"] == kind and before["repairable"], before
    assert not only_problem(verify(home, "--repair", *args))["repaired"]
    after = only_problem(verify(home, "--repair", "--yes", *args))
    assert after["repaired"], after
    return after


def test_a_lost_catalog_row_is_written_from_the_ledger(world, home):
    # Dates of MongoDB have milliseconds.
    row = "SELECT to_jsonb(a) - 'created_at', date_trunc('milliseconds', created_at) FROM catalog.assets a"
    with world.catalog() as connection:
        before = connection.execute(row).fetchall()
        connection.execute("DELETE FROM catalog.assets")
        repaired(home, "catalog")
        assert connection.execute(row).fetchall() == before


def test_a_changed_catalog_row_is_written_from_the_ledger(world, home):
    with world.catalog() as connection:
        connection.execute("UPDATE catalog.assets SET content_hash = 'sha256:00', version = 7")
        repaired(home, "catalog")
        assert connection.execute("SELECT version FROM catalog.assets").fetchall() == [(1,)]


def test_a_catalog_row_that_the_ledger_does_not_know_is_removed_once_it_is_old_enough(world, home):
    with world.catalog() as connection:
        connection.execute(
            "INSERT INTO catalog.assets (id, dataset_id, version, batch_id, run_id, kind, bucket, s3_key, media_type,"
            " content_hash, size_bytes) SELECT '01000000-0000-7000-8000-000000000000', dataset_id, 9, batch_id, run_id,"
            " kind, bucket, 'x', media_type, content_hash, size_bytes FROM catalog.assets")
        repaired(home, "catalog")
        assert connection.execute("SELECT count(*) FROM catalog.assets").fetchone() == (1,)


@pytest.mark.parametrize("name", ["countries.stac.json", "countries.iso19115.json"])
@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_a_document_beside_an_asset_is_put_again_with_the_same_bytes(world, home, name, damage):
    key = f"countries/v1/{name}"
    whole = world.read(LAKE, key)
    if damage == "lost":
        world.remove(LAKE, key)
    else:
        world.change(LAKE, key, b"{}")
    repaired(home, "missing_object" if damage == "lost" else "changed_object")
    assert world.read(LAKE, key) == whole


def test_metadata_that_were_lost_are_put_again(world, home):
    key = "countries/v1/countries.parquet"
    whole = world.read(LAKE, key)
    world.put(LAKE, key, whole)
    problem = repaired(home, "metadata")
    assert "metadata" in problem["message"]
    assert world.read(LAKE, key) == whole


def test_an_object_that_nobody_names_is_moved_aside_when_it_is_older_than_the_grace_period(world, home):
    stray = "stray/v1/stray.parquet"
    world.put(LAKE, stray, b"stray")
    young = only_problem(verify(home, "--repair", "--yes"))
    assert (young["kind"], young["repaired"], young["repairable"]) == ("orphan_object", False, False)
    assert world.exists(LAKE, stray)
    moved = repaired(home, "orphan_object", "--grace", "0s")
    assert moved["moved_to"] == "orphans/stray/v1/stray.parquet"
    assert world.read(LAKE, moved["moved_to"]) == b"stray" and not world.exists(LAKE, stray)


def test_a_second_orphan_of_the_same_name_keeps_the_first(world, home):
    moved = set()
    for content in (b"one", b"two"):
        world.put(LAKE, "twice/v1/twice.parquet", content)
        moved.add(repaired(home, "orphan_object", "--grace", "0s")["moved_to"])
    assert {world.read(LAKE, key) for key in moved} == {b"one", b"two"}


def test_a_raw_file_without_a_row_is_entered_from_the_run_that_read_it(world, home):
    with world.catalog() as connection:
        columns = "id, source, dataset, date, s3_key"
        before = connection.execute(f"SELECT {columns} FROM catalog.raw_files ORDER BY id").fetchall()
        details = connection.execute("SELECT * FROM catalog.raw_file_details ORDER BY 1").fetchall()
        connection.execute("DELETE FROM catalog.raw_files")
        report = verify(home, "--repair", "--yes")
        assert {p["kind"] for p in report["problems"]} == {"raw_row"} and report["repaired"] == len(before)
        assert connection.execute(f"SELECT {columns} FROM catalog.raw_files ORDER BY id").fetchall() == before
        assert connection.execute("SELECT * FROM catalog.raw_file_details ORDER BY 1").fetchall() == details


def test_a_raw_file_that_nobody_names_is_moved_aside(world, home):
    world.put(RAW, "who/what/2020-01-01/x.gpkg", b"raw")
    moved = repaired(home, "raw_orphan", "--grace", "0s")
    assert world.read(RAW, moved["moved_to"]) == b"raw"


def test_a_raw_file_that_is_gone_is_told_and_not_repaired(world, home):
    key = next(k for k in world.keys(RAW) if k.endswith(".dbf"))
    whole = world.read(RAW, key)
    world.remove(RAW, key)
    try:
        problem = only_problem(verify(home, "--repair", "--yes"))
        assert (problem["kind"], problem["repairable"], problem["repaired"]) == ("raw_missing", False, False)
        assert not world.exists(RAW, key)
    finally:
        world.put(RAW, key, whole)


def test_a_manifest_elsewhere_is_moved_to_where_the_ledger_says(world, home):
    whole = world.read(LANDING, "archive/b1.json")
    world.move(LANDING, "archive/b1.json", "quarantine/b1.json")
    problem = repaired(home, "manifest")
    assert "quarantine/b1.json" in problem["message"]
    assert world.read(LANDING, "archive/b1.json") == whole and not world.exists(LANDING, "quarantine/b1.json")


def test_a_manifest_in_two_places_is_kept_where_the_ledger_says(world, home):
    world.put(LANDING, "quarantine/b1.json", world.read(LANDING, "archive/b1.json"))
    moved = repaired(home, "manifest", "--grace", "0s")["moved_to"]
    assert moved == "orphans/quarantine/b1.json" and world.exists(LANDING, moved)


def test_a_manifest_that_is_gone_is_put_again_from_the_ledger(world, home):
    before = json.loads(world.read(LANDING, "archive/b1.json"))
    world.remove(LANDING, "archive/b1.json")
    repaired(home, "manifest")
    assert json.loads(world.read(LANDING, "archive/b1.json")) == before


def test_an_asset_that_a_batch_succeeded_with_and_the_ledger_lost_is_told(world, home):
    docs = world.lose_documents("assets")
    try:
        report = verify(home, "--repair", "--yes", "--grace", "7d")
        lost = [p for p in report["problems"] if p["kind"] == "missing_document"]
        assert lost and not any(p["repaired"] for p in lost)
        assert {p["key"] for p in lost} == {None, "countries/v1/countries.parquet", "countries/v1/countries.stac.json",
                                            "countries/v1/countries.iso19115.json", "countries/v1/countries.thumbnail.png"}
        assert world.exists(LAKE, "countries/v1/countries.parquet")
    finally:
        world.give_documents("assets", docs)


def test_only_the_dataset_that_was_named_is_looked_at(world, home):
    world.put(LAKE, "stray/x", b"x")
    try:
        assert verify(home, "--dataset", "countries", "--deep")["problems"] == []
        assert only_problem(verify(home))["key"] == "stray/x"
    finally:
        world.remove(LAKE, "stray/x")


def test_each_repair_is_an_event_of_the_ledger(world, home):
    def count():
        repairs = [e for e in world.documents("events") if (e["event"], e.get("kind")) == ("repair", "orphan_object")]
        return sum(e["details"]["moved_to"].startswith("orphans/") for e in repairs)

    before = count()
    world.put(LAKE, "an-event", b"x")
    verify(home, "--repair", "--yes", "--grace", "0s")
    assert count() == before + 1


def test_what_was_moved_aside_is_deleted_only_when_somebody_says_how_old(world, home):
    world.put(LAKE, "aside", b"aside")
    verify(home, "--repair", "--yes", "--grace", "0s")
    there = home.run("gc", "--json").json
    assert there["moved_aside"] >= 1 and there["deleted"] == 0
    assert home.run("gc", "--orphans", "1d", "--yes", "--json").json["deleted"] == 0
    assert home.run("gc", "--orphans", "0s", "--json").json["deleted"] == there["moved_aside"]
    assert world.exists(LAKE, "orphans/aside")
    home.run("gc", "--orphans", "0s", "--yes")
    assert home.run("gc", "--json").json["moved_aside"] == 0


def test_submit_asks_the_recipe_before_it_uploads(world, home):
    before = world.keys(LANDING)
    said = home.run("submit", "--intent", "ingest_vector", "--param", "tolerence=1", COUNTRIES, check=3)
    assert "tolerance" in said.err
    home.run("submit", "--intent", "ingest_vector", "--param", "tolerance=wide", COUNTRIES, check=3)
    would = home.run("submit", "--dry-run", "--intent", "ingest_vector", "--dataset", "new", COUNTRIES)
    assert "5 files" in would.err and "recipe ingest_vector" in would.err
    assert world.keys(LANDING) == before


def test_yes_without_repair_is_a_mistake(home):
    assert "--repair" in home.run("verify", "--yes", check=2).err
