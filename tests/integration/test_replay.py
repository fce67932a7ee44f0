# SPDX-License-Identifier: Apache-2.0
"""replay runs batches again from the raw vault, says what came out, and puts a lost object again; asset diff tells two apart."""

import pytest

import worlds
from home import ROOT, Home
from worlds import LAKE, RAW

COUNTRIES = ROOT / "tests/data/countries/countries.shp"


@pytest.fixture(scope="module", params=worlds.WORLDS)
def world(request):
    fresh = worlds.make(request.param, request)
    try:
        for batch, dataset in (("b1", "countries"), ("b2", "lands")):
            fresh.home.run("submit", "--batch", batch, "--intent", "ingest_vector", "--type", "vector", "--dataset", dataset,
                           COUNTRIES)
        fresh.home.run("run", "--once")
        yield fresh
    finally:
        fresh.close()


@pytest.fixture
def ingested(world):
    return world.home


def versions(home: Home, dataset: str) -> list[int]:
    return sorted(a["version"] for a in home.run("asset", "list", "--dataset", dataset, "--all", "--json").json)


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(ingested):
    before = ingested.run("batch", "show", "b1", "--json").json
    plan = ingested.run("replay", "b1", "--dry-run", "--set", "tolerance=0.5", "--json").json
    assert plan["recipe"]["name"] == "ingest_vector" and plan["recipe_changed"] is False and plan["intact"] is True
    assert plan["params"]["tolerance"] == 0.5 and {i["state"] for i in plan["inputs"]} == {"intact"}
    text = ingested.run("replay", "b1", "--dry-run").out
    assert "countries.shp" in text and "nothing was changed" in text
    assert ingested.run("batch", "show", "b1", "--json").json == before


@pytest.mark.parametrize("damage", ["lost", "flipped"])
def test_an_object_is_put_again_into_its_version_when_the_bytes_are_the_same(world, ingested, damage):
    key = "countries/v1/countries.parquet"
    whole = world.read(LAKE, key)
    world.remove(LAKE, key) if damage == "lost" else world.flip(LAKE, key)
    said = ingested.run("verify", "--deep", "--json", check=1).json["problems"]
    assert [p["repair"] for p in said] == ["sluice replay b1 --into-version 1"]
    assert "whole again" in ingested.run(*said[0]["repair"].split()[1:]).out
    assert world.read(LAKE, key) == whole and versions(ingested, "countries") == [1]
    assert ingested.run("verify", "--deep", "--json").json["problems"] == []
    if damage == "flipped":
        assert [k for k in world.keys(LAKE, "orphans/") if k.endswith("countries.parquet")] == [f"orphans/{key}"]
    assert "intact" in ingested.run("replay", "b1", "--into-version", "1").out


def test_other_bytes_are_not_put_into_a_version(world, ingested):
    key = "countries/v1/countries.parquet"
    whole = world.read(LAKE, key)
    world.remove(LAKE, key)
    result = ingested.run("replay", "b1", "--into-version", "1", "--set", "tolerance=0.5", check=1)
    assert "are not those of version 1" in result.err and not world.exists(LAKE, key)
    assert ingested.run("batch", "show", "b1", "--json").json["status"] == "succeeded"
    assert "made countries v1" in ingested.run("replay", "b1", "--into-version", "7", check=4).err
    ingested.run("replay", "b1", "--into-version", "1")
    assert world.read(LAKE, key) == whole


def test_a_batch_stands_for_the_same_after_a_replay_into_a_version(ingested):
    assert [a["dataset_id"] for a in ingested.run("batch", "show", "b1", "--json").json["assets"]] == ["countries"]
    assert "version 1 stands" in ingested.run("replay", "b1").out


def test_many_are_listed_first_and_replayed_with_yes(ingested):
    listed = ingested.run("replay", "--intent", "ingest_vector", "--since", "1d")
    assert "b1" in listed.out and "b2" in listed.out and "--yes" in listed.err
    assert len(ingested.run("replay", "--intent", "ingest_vector", "--dry-run", "--json").json) == 2
    assert ingested.run("replay", "--intent", "ingest_vector", "--until", "1d", "--json").json == []
    done = ingested.run("replay", "--intent", "ingest_vector", "--since", "1d", "--yes")
    assert done.out.count("stands") == 2
    only = ingested.run("replay", "--dataset", "lands", "--json").json
    assert only[0]["batch_id"] == "b2" if isinstance(only, list) else only["batch_id"] == "b2"


def test_another_recipe_for_this_run_is_recorded_and_makes_a_version(ingested):
    recipes = ingested.folder / "recipes"
    recipes.mkdir(exist_ok=True)
    (recipes / "lined.yaml").write_text(
        "apiVersion: sluice/v1\nkind: Recipe\nname: lined\nversion: 1\nintents: [lined]\ntype: vector\n"
        "steps:\n  - sql:\n      select: \"SELECT *, ST_Perimeter(geom) AS perimeter FROM {{input}} WHERE pop_est > 1000000\"\n"
        "outputs:\n  - geoparquet: {sort: hilbert}\n")
    shipped = ingested.run("config", "show", "--json").json
    path = next(s["value"] for s in shipped if s["key"] == "recipes.path")
    result = ingested.run("-c", f"recipes.path={recipes}:{path}", "replay", "b2", "--recipe", "lined")
    assert "version 2 made" in result.out and "+ perimeter" in result.out and "rows" in result.out, str(result)
    run = ingested.run("batch", "show", "b2", "--json").json["run"]
    assert run["recipe"]["name"] == "lined"


def test_two_versions_are_told_apart(ingested):
    diff = ingested.run("asset", "diff", "lands@1", "lands@2", "--json", check=1).json
    assert diff["equal"] is False and {"row_count", "columns", "recipe", "content_hash"} <= set(diff["different"])
    assert [c["name"] for c in diff["columns"]["added"]] == ["perimeter"] and diff["columns"]["removed"] == []
    assert diff["inputs"]["equal"] is True
    text = ingested.run("asset", "diff", "lands@1", "lands", check=1).out
    assert "+ perimeter" in text and all(len(line) <= 100 for line in text.splitlines())


def test_an_asset_does_not_differ_from_itself(ingested):
    assert ingested.run("asset", "diff", "lands@1", "countries@1", "--rows", "--json").json["rows"] == {
        **ingested.run("asset", "diff", "lands@1", "lands@1", "--rows", "--json").json["rows"]}
    assert "same bytes" in ingested.run("asset", "diff", "lands@1", "countries@1").out


def test_rows_are_counted_by_all_columns_and_by_a_key(world, ingested, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    paths = [tmp_path / f"lands-{v}.parquet" for v in (1, 2)]
    for version, path in enumerate(paths, 1):
        path.write_bytes(world.read(LAKE, f"lands/v{version}/lands.parquet"))
    columns = [c for c in duckdb.sql(f"DESCRIBE FROM '{paths[0]}'").df()["column_name"]]
    names = ", ".join(f'"{c}"' for c in columns)
    a, b = (f"SELECT {names} FROM '{path}'" for path in paths)
    rows = ingested.run("asset", "diff", "lands@1", "lands@2", "--rows", "--json", check=1).json["rows"]
    assert rows["only_a"] == duckdb.sql(f"SELECT count(*) FROM ({a} EXCEPT ALL {b})").fetchone()[0]
    assert rows["only_b"] == duckdb.sql(f"SELECT count(*) FROM ({b} EXCEPT ALL {a})").fetchone()[0]
    assert rows["changed"] is None and set(rows["compared"]) == set(columns)
    key = next(c for c in columns if c in ("name", "iso_a3", "fid"))
    keyed = ingested.run("asset", "diff", "lands@1", "lands@2", "--rows", "--key", key, "--json", check=False)
    assert keyed.code in (1, 2), str(keyed)
    if keyed.code == 1:
        assert keyed.json["rows"]["only_b"] == 0


def test_raw_files_that_are_not_intact_are_told_before_anything_is_opened(world, ingested):
    key = next(k for k in world.keys(RAW) if k.endswith(".dbf"))
    whole = world.read(RAW, key)
    world.flip(RAW, key)
    try:
        plans = {b: ingested.run("replay", b, "--dry-run", "--json").json for b in ("b1", "b2")}
        damaged = [b for b, plan in plans.items() if not plan["intact"]]
        assert damaged and any(i["state"] == "changed" for i in plans[damaged[0]]["inputs"]), key
        result = ingested.run("replay", damaged[0], "--from-raw", check=1)
        assert "not in the raw vault as it was" in result.err
        assert ingested.run("batch", "show", damaged[0], "--json").json["status"] == "succeeded"
    finally:
        world.change(RAW, key, whole)


def test_batches_are_listed_by_intent_and_time(ingested):
    def ids(*args):
        return {b["batch_id"] for b in ingested.run("batch", "list", "--json", *args).json}

    assert ids("--intent", "ingest_vector", "--since", "1d") == {"b1", "b2"}
    assert ids("--intent", "nothing") == set() and ids("--until", "2020-01-01") == set()
    assert "--since" in ingested.run("batch", "list", "--since", "tomorrow", check=2).err


def test_a_batch_and_a_choice_exclude_each_other(ingested):
    ingested.run("replay", check=2)
    ingested.run("replay", "b1", "--intent", "x", check=2)
    ingested.run("replay", "--intent", "x", "--into-version", "1", check=2)
