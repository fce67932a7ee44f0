# SPDX-License-Identifier: Apache-2.0
"""verify --repair puts right what the ledger says how, moves aside what nobody names, and leaves the rest to be told."""

import json
import os
from pathlib import Path

import psycopg
import pytest

from home import ROOT, Home

COUNTRIES = ROOT / "tests/data/countries/countries.shp"


@pytest.fixture(scope="module")
def ingested():
    """One home for all: each test damages it and ends with nothing wrong."""
    fresh = Home()
    try:
        fresh.run("init")
        fresh.run("submit", "--batch", "b1", "--intent", "ingest_vector", "--type", "vector", "--dataset", "countries",
                  COUNTRIES)
        fresh.run("run", "--once")
        yield fresh
    finally:
        fresh.close()


@pytest.fixture
def home(ingested):
    yield ingested
    assert verify(ingested, "--deep")["problems"] == []


def bucket(home: Home, name: str) -> Path:
    return home.path / "store" / name


def connect(home: Home) -> psycopg.Connection:
    pid_file = next(home.path.rglob("postmaster.pid")).read_text().splitlines()
    return psycopg.connect(host=pid_file[4], port=pid_file[3], dbname="sluice", user="sluice", autocommit=True)


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


def test_a_lost_catalog_row_is_written_from_the_ledger(home):
    with connect(home) as connection:
        before = connection.execute("SELECT * FROM catalog.assets").fetchall()
        connection.execute("DELETE FROM catalog.assets")
        repaired(home, "catalog")
        assert connection.execute("SELECT * FROM catalog.assets").fetchall() == before


def test_a_changed_catalog_row_is_written_from_the_ledger(home):
    with connect(home) as connection:
        connection.execute("UPDATE catalog.assets SET content_hash = 'sha256:00', version = 7")
        repaired(home, "catalog")
        assert connection.execute("SELECT version FROM catalog.assets").fetchall() == [(1,)]


def test_a_catalog_row_that_the_ledger_does_not_know_is_removed_once_it_is_old_enough(home):
    with connect(home) as connection:
        connection.execute(
            "INSERT INTO catalog.assets (id, dataset_id, version, batch_id, run_id, kind, bucket, s3_key, media_type,"
            " content_hash, size_bytes) SELECT '01000000-0000-7000-8000-000000000000', dataset_id, 9, batch_id, run_id,"
            " kind, bucket, 'x', media_type, content_hash, size_bytes FROM catalog.assets")
        repaired(home, "catalog")
        assert connection.execute("SELECT count(*) FROM catalog.assets").fetchone() == (1,)


@pytest.mark.parametrize("name", ["countries.stac.json", "countries.iso19115.json"])
@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_a_document_beside_an_asset_is_put_again_with_the_same_bytes(home, name, damage):
    path = bucket(home, "data-lake") / "countries/v1" / name
    whole = path.read_bytes()
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(b"{}")
    repaired(home, "missing_object" if damage == "lost" else "changed_object")
    assert path.read_bytes() == whole


def test_metadata_that_were_lost_are_put_again(home):
    path = bucket(home, "data-lake") / "countries/v1/countries.parquet"
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole)
    problem = repaired(home, "metadata")
    assert "metadata" in problem["message"]
    assert path.read_bytes() == whole


def test_an_object_that_nobody_names_is_moved_aside_when_it_is_older_than_the_grace_period(home):
    stray = bucket(home, "data-lake") / "stray/v1/stray.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"stray")
    young = only_problem(verify(home, "--repair", "--yes"))
    assert (young["kind"], young["repaired"], young["repairable"]) == ("orphan_object", False, False)
    assert stray.exists()
    moved = repaired(home, "orphan_object", "--grace", "0s")
    assert moved["moved_to"] == "orphans/stray/v1/stray.parquet"
    assert (bucket(home, "data-lake") / moved["moved_to"]).read_bytes() == b"stray" and not stray.exists()


def test_a_second_orphan_of_the_same_name_keeps_the_first(home):
    stray = bucket(home, "data-lake") / "twice/v1/twice.parquet"
    moved = set()
    for content in (b"one", b"two"):
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(content)
        moved.add(repaired(home, "orphan_object", "--grace", "0s")["moved_to"])
    assert {(bucket(home, "data-lake") / key).read_bytes() for key in moved} == {b"one", b"two"}


def test_a_raw_file_without_a_row_is_entered_from_the_run_that_read_it(home):
    with connect(home) as connection:
        columns = "id, source, dataset, date, s3_key"
        before = connection.execute(f"SELECT {columns} FROM catalog.raw_files ORDER BY id").fetchall()
        details = connection.execute("SELECT * FROM catalog.raw_file_details ORDER BY 1").fetchall()
        connection.execute("DELETE FROM catalog.raw_files")
        report = verify(home, "--repair", "--yes")
        assert {p["kind"] for p in report["problems"]} == {"raw_row"} and report["repaired"] == len(before)
        assert connection.execute(f"SELECT {columns} FROM catalog.raw_files ORDER BY id").fetchall() == before
        assert connection.execute("SELECT * FROM catalog.raw_file_details ORDER BY 1").fetchall() == details


def test_a_raw_file_that_nobody_names_is_moved_aside(home):
    stray = bucket(home, "raw-vault") / "who/what/2020-01-01/x.gpkg"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"raw")
    moved = repaired(home, "raw_orphan", "--grace", "0s")
    assert (bucket(home, "raw-vault") / moved["moved_to"]).read_bytes() == b"raw"


def test_a_raw_file_that_is_gone_is_told_and_not_repaired(home):
    path = next(bucket(home, "raw-vault").rglob("*.dbf"))
    aside = path.with_suffix(".aside")
    os.rename(path, home.folder / "aside")
    try:
        problem = only_problem(verify(home, "--repair", "--yes"))
        assert (problem["kind"], problem["repairable"], problem["repaired"]) == ("raw_missing", False, False)
        assert not aside.exists()
    finally:
        os.rename(home.folder / "aside", path)


def test_a_manifest_elsewhere_is_moved_to_where_the_ledger_says(home):
    landing = bucket(home, "landing-zone")
    whole = (landing / "archive/b1.json").read_bytes()
    (landing / "quarantine").mkdir(exist_ok=True)
    os.rename(landing / "archive/b1.json", landing / "quarantine/b1.json")
    problem = repaired(home, "manifest")
    assert "quarantine/b1.json" in problem["message"]
    assert (landing / "archive/b1.json").read_bytes() == whole and not (landing / "quarantine/b1.json").exists()


def test_a_manifest_in_two_places_is_kept_where_the_ledger_says(home):
    landing = bucket(home, "landing-zone")
    (landing / "quarantine").mkdir(exist_ok=True)
    (landing / "quarantine/b1.json").write_bytes((landing / "archive/b1.json").read_bytes())
    moved = repaired(home, "manifest", "--grace", "0s")["moved_to"]
    assert moved == "orphans/quarantine/b1.json" and (landing / moved).exists()


def test_a_manifest_that_is_gone_is_put_again_from_the_ledger(home):
    path = bucket(home, "landing-zone") / "archive/b1.json"
    before = json.loads(path.read_bytes())
    path.unlink()
    repaired(home, "manifest")
    assert json.loads(path.read_bytes()) == before


def test_an_asset_that_a_batch_succeeded_with_and_the_ledger_lost_is_told(home):
    with connect(home) as connection:
        connection.execute("CREATE TABLE aside AS SELECT doc FROM ledger.assets")
        try:
            connection.execute("DELETE FROM ledger.assets")
            report = verify(home, "--repair", "--yes", "--grace", "7d")
            lost = [p for p in report["problems"] if p["kind"] == "missing_document"]
            assert lost and not any(p["repaired"] for p in lost)
            assert {p["key"] for p in lost} == {None, "countries/v1/countries.parquet", "countries/v1/countries.stac.json",
                                                "countries/v1/countries.iso19115.json"}
            assert (bucket(home, "data-lake") / "countries/v1/countries.parquet").exists()
        finally:
            connection.execute("INSERT INTO ledger.assets (id, doc) SELECT doc->>'_id', doc FROM aside")
            connection.execute("DROP TABLE aside")


def test_only_the_dataset_that_was_named_is_looked_at(home):
    (bucket(home, "data-lake") / "stray").mkdir(exist_ok=True)
    stray = bucket(home, "data-lake") / "stray/x"
    stray.write_bytes(b"x")
    try:
        assert verify(home, "--dataset", "countries", "--deep")["problems"] == []
        assert only_problem(verify(home))["key"] == "stray/x"
    finally:
        stray.unlink()


def test_each_repair_is_an_event_of_the_ledger(home):
    def count():
        with connect(home) as connection:
            return connection.execute("SELECT count(*) FROM ledger.events WHERE doc->>'event' = 'repair'"
                                      " AND doc->>'kind' = 'orphan_object'"
                                      " AND doc #>> '{details,moved_to}' LIKE 'orphans/%'").fetchone()[0]

    before = count()
    (bucket(home, "data-lake") / "an-event").write_bytes(b"x")
    verify(home, "--repair", "--yes", "--grace", "0s")
    assert count() == before + 1


def test_what_was_moved_aside_is_deleted_only_when_somebody_says_how_old(home):
    (bucket(home, "data-lake") / "aside").write_bytes(b"aside")
    verify(home, "--repair", "--yes", "--grace", "0s")
    there = home.run("gc", "--json").json
    assert there["moved_aside"] >= 1 and there["deleted"] == 0
    assert home.run("gc", "--orphans", "1d", "--yes", "--json").json["deleted"] == 0
    assert home.run("gc", "--orphans", "0s", "--json").json["deleted"] == there["moved_aside"]
    assert (bucket(home, "data-lake") / "orphans/aside").exists()
    home.run("gc", "--orphans", "0s", "--yes")
    assert home.run("gc", "--json").json["moved_aside"] == 0


def test_submit_asks_the_recipe_before_it_uploads(home):
    def landed():
        return sorted(path for path in bucket(home, "landing-zone").rglob("*") if path.is_file())

    before = landed()
    said = home.run("submit", "--intent", "ingest_vector", "--param", "tolerence=1", COUNTRIES, check=3)
    assert "tolerance" in said.err
    home.run("submit", "--intent", "ingest_vector", "--param", "tolerance=wide", COUNTRIES, check=3)
    would = home.run("submit", "--dry-run", "--intent", "ingest_vector", "--dataset", "new", COUNTRIES)
    assert "5 files" in would.err and "recipe ingest_vector" in would.err
    assert landed() == before


def test_yes_without_repair_is_a_mistake(home):
    assert "--repair" in home.run("verify", "--yes", check=2).err
