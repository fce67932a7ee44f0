# SPDX-License-Identifier: Apache-2.0
"""Checks that put rows aside: what pyarrow and geopandas find in the asset of these, and that it is an asset like others."""

import json

import geopandas
import pyarrow.parquet
import pytest
from shapely.geometry import Point, Polygon

from home import Home
from killing import WAIT_S, InEmbedded, Lock, kill_in_publish, poison, start
from test_half_published import status_of
from worlds import LAKE, Embedded

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: vector\n"
RECIPES = {
    "aside": """steps:
  - add_column: {name: twice, value: "n * 2"}
checks:
  - row_count: {min: 4, max: 4}
  - not_empty: {}
  - valid_geometry: {on_fail: quarantine}
  - not_null: {columns: [name], on_fail: quarantine}
  - unique: {columns: [n], on_fail: quarantine}
  - expression: {rule: "n < 100", message: "a number too great", on_fail: quarantine}
outputs:
  - geoparquet: {}
  - csv: {}
""",
    "nothing_left": """checks:
  - not_empty: {}
  - expression: {rule: "false", on_fail: quarantine}
outputs:
  - geoparquet: {}
""",
    "nothing_asked": """checks:
  - expression: {rule: "false", on_fail: quarantine}
outputs:
  - geoparquet: {}
""",
}
SERIES = {
    "steady": """checks:
  - row_count: {max_drop_percent: 50}
  - schema: {}
outputs:
  - geoparquet: {}
""",
    "frozen": """checks:
  - schema: {policy: freeze}
outputs:
  - geoparquet: {}
""",
    "named": """checks:
  - expression: {rule: "n < 10", on_fail: warn}
  - valid_geometry: {}
outputs:
  - geoparquet: {}
""",
}
BOWTIE = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])


def add_recipes(home: Home, recipes: dict[str, str] = RECIPES) -> None:
    folder = home.path / "recipes"
    folder.mkdir(exist_ok=True)
    for name, body in recipes.items():
        (folder / f"{name}.yaml").write_text(HEAD.format(name=name) + body)


def write_rows(home: Home, name: str, bad: bool = True):
    """Four good rows; the bad ones: a bow-tie without a name, no name, two with one number, a number too great."""
    rows = [("a", 1, Point(1, 1)), ("b", 2, Point(2, 2)), ("c", 3, Point(3, 3)), ("d", None, None)]
    if bad:
        rows += [(None, 10, BOWTIE), (None, 11, Point(4, 4)), ("e", 12, Point(5, 5)), ("f", 12, Point(6, 6)),
                 ("g", 100, Point(7, 7))]
    path = home.folder / f"{name}.gpkg"
    geopandas.GeoDataFrame({"name": [r[0] for r in rows], "n": [r[1] for r in rows]}, geometry=[r[2] for r in rows],
                           crs="EPSG:4326").astype({"n": "Int64"}).to_file(path, driver="GPKG")
    return path


def ingest(home: Home, batch: str, intent: str, path, check: bool | int = True, dataset: str | None = None) -> dict:
    home.run("submit", "--intent", intent, "--type", "vector", "--batch-id", batch, "--dataset", dataset or batch, path)
    home.run("run", "--once", check=check)
    return home.run("batch", "show", batch, "--json").json


def by_dataset(shown: dict) -> dict[str, dict]:
    return {a["dataset_id"]: a for a in shown["assets"]}


@pytest.fixture(scope="module")
def ready(home) -> Home:
    add_recipes(home, RECIPES | SERIES)
    return home


@pytest.fixture(scope="module")
def shown(ready) -> dict:
    return ingest(ready, "roads", "aside", write_rows(ready, "roads"))


def test_rows_that_break_rules_are_an_asset_with_their_reasons(ready, shown):
    assets = by_dataset(shown)
    assert set(assets) == {"roads", "roads.csv", "roads.quarantine"}
    aside = assets["roads.quarantine"]
    assert (aside["kind"], aside["version"], aside["row_count"]) == ("quarantine", 1, 5)
    assert aside["s3_key"] == "roads.quarantine/v1/roads.quarantine.parquet"
    assert aside["run_id"] == shown["run"]["_id"] and aside["inputs"] == assets["roads"]["inputs"]
    assert aside["metadata"]["quarantine_of"] == "roads"
    frame = geopandas.read_parquet(ready.object(aside))
    assert list(frame.columns) == ["name", "n", "twice", "_reasons", "geom"] and frame.crs.to_epsg() == 4326
    found = sorted((int(n), list(why)) for n, why in zip(frame["n"], frame["_reasons"]))
    same = ["unique: another row has the same n"]
    assert found == [(10, ["valid_geometry: Self-intersection[1 1]", "not_null: no value in name"]),
                     (11, ["not_null: no value in name"]), (12, same), (12, same), (100, ["expression: a number too great"])]
    assert frame[frame.n == 10].geometry.iloc[0].equals_exact(BOWTIE, 0), "as it came, not repaired"
    good = geopandas.read_parquet(ready.object(assets["roads"]))
    assert sorted(good.name) == ["a", "b", "c", "d"] and "_reasons" not in good
    schema = pyarrow.parquet.read_schema(ready.object(aside))
    assert str(schema.field("_reasons").type).startswith("list<") and schema.field("twice").type == "int64"


def test_rows_are_counted_once_and_each_reason_for_itself(shown):
    run = shown["run"]
    assert (run["rows_in"], run["rows_out"], run["rows_dropped"], run["rows_added"]) == (9, 4, {"quarantine": 5}, {})
    aside = next(o for o in run["outputs"] if o["dataset_id"] == "roads.quarantine")
    assert aside["reasons"] == {"valid_geometry": 1, "not_null": 2, "unique": 2, "expression": 1}
    assert (aside["kind"], aside["rows"], aside["how"]) == ("quarantine", 5, "new")


def test_people_are_told_how_many_rows_and_why(ready, shown):
    line = "5 rows put aside in roads.quarantine v1: 2 not_null, 2 unique, 1 expression, 1 valid_geometry"
    assert line in ready.run("batch", "show", "roads").out
    ready.run("submit", "--intent", "aside", "--type", "vector", "--batch-id", "told", "--dataset", "told",
              write_rows(ready, "told"))
    assert line.replace("roads", "told") in ready.run("run", "--once").out
    assert "quarantine" in ready.run("asset", "show", "roads.quarantine").out
    assert "roads.gpkg" in ready.run("lineage", "roads.quarantine").out


def test_the_same_again_links_to_the_rows_put_aside_too(ready, shown):
    again = ingest(ready, "again", "aside", ready.folder / "roads.gpkg", dataset="roads")
    assert {(o["dataset_id"], o["version"], o["how"]) for o in again["run"]["outputs"]} == {
        ("roads", 1, "linked"), ("roads.csv", 1, "linked"), ("roads.quarantine", 1, "linked")}


def test_where_nothing_is_put_aside_there_is_no_such_asset(ready):
    path = write_rows(ready, "clean", bad=False)
    for batch in ("clean", "clean-again"):
        shown = ingest(ready, batch, "aside", path, dataset="clean")
        how = {o["dataset_id"]: o["how"] for o in shown["run"]["outputs"]}
        assert how == dict.fromkeys(["clean", "clean.csv"], "new" if batch == "clean" else "linked")
    assert ready.run("ledger", "find", "assets", json.dumps({"dataset_id": "clean.quarantine"}), "--json").json == []


def test_a_replay_gives_the_same_bytes_and_verify_finds_all(ready, shown):
    ready.run("replay", "roads")
    run = ready.run("batch", "show", "roads", "--json").json["run"]
    assert {(o["dataset_id"], o["version"], o["how"]) for o in run["outputs"]} == {
        ("roads", 1, "same"), ("roads.csv", 1, "same"), ("roads.quarantine", 1, "same")}
    ready.run("replay", "roads", "--force")
    run = ready.run("batch", "show", "roads", "--json").json["run"]
    assert {(o["dataset_id"], o["version"]) for o in run["outputs"]} == {("roads", 2), ("roads.csv", 2), ("roads.quarantine", 2)}
    first, second = (ready.run("asset", "show", "roads.quarantine", "--version", v, "--json").json for v in (1, 2))
    assert first["content_hash"] == second["content_hash"]
    assert ready.run("verify", "--deep", "--json").json["problems"] == []
    assert ready.run("gc", "--dry-run").code == 0


def test_a_table_of_which_nothing_is_left_is_for_not_empty_to_judge(ready):
    failed = ingest(ready, "left", "nothing_left", write_rows(ready, "left"), check=3)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "check.failed")
    assert failed["error"]["message"] == "check not_empty: there are no rows (9 were put aside)" and failed["assets"] == []
    shown = ingest(ready, "asked", "nothing_asked", write_rows(ready, "asked"))
    assets = by_dataset(shown)
    assert (assets["asked"]["row_count"], assets["asked.quarantine"]["row_count"]) == (0, 9)
    assert len(geopandas.read_parquet(ready.object(assets["asked.quarantine"]))) == 9


def write_columns(home: Home, name: str, rows: int, **columns):
    path = home.folder / f"{name}.gpkg"
    data = {c: [v] * rows for c, v in columns.items()}
    geopandas.GeoDataFrame(data, geometry=[Point(i, i) for i in range(rows)], crs="EPSG:4326").to_file(path, driver="GPKG")
    return path


def test_a_dataset_is_compared_with_its_last_version(ready):
    def next_version(batch: str, intent: str, rows: int, check: bool | int = True, **columns) -> dict:
        return ingest(ready, batch, intent, write_columns(ready, batch, rows, **columns), check, dataset="series")

    warnings = next_version("s1", "steady", 10, a="x")["run"]["warnings"]
    assert warnings == ["check row_count: series has no earlier version to compare with",
                        "check schema: series has no earlier version to compare with"]
    assert next_version("s2", "steady", 5, a="x", b=1)["run"]["warnings"] == ['check schema: compared with series v1 "b" is new']
    failed = next_version("s3", "steady", 2, check=3, a="x", b=1)
    assert failed["error"]["code"] == "check.failed" and failed["assets"] == []
    assert failed["error"]["message"] == "check row_count: the number of rows is 2, expected at least 3 (series v2 has 5)"
    failed = next_version("s4", "steady", 5, check=3, a=1.5)
    assert failed["error"]["message"] == 'check schema: compared with series v2 "a" is number, not text, "b" is missing'
    failed = next_version("s5", "frozen", 5, check=3, a="x", b=1, c=2)
    assert failed["error"]["message"] == 'check schema: compared with series v2 "c" is new'
    # A replay is compared with what was before its own version, not with itself.
    ready.run("replay", "s2")
    assert ready.run("batch", "show", "s2", "--json").json["run"]["warnings"] == ['check schema: compared with series v1 "b" is new']


def test_a_broken_rule_names_rows_and_says_what_can_be_done(ready):
    failed = ingest(ready, "named", "named", write_rows(ready, "named"), check=3)
    assert failed["run"]["warnings"] == ["check expression: 5 of 9 rows break the rule: name e, name f, name g, name NULL, name NULL"]
    assert failed["error"]["message"] == "check valid_geometry: 1 of 9 rows has an invalid geometry: name NULL"
    assert "on_fail: quarantine in recipe named" in failed["error"]["hint"]


def test_rows_are_put_aside_on_services_too(service_home):
    add_recipes(service_home)
    shown = ingest(service_home, "roads", "aside", write_rows(service_home, "roads"))
    aside = by_dataset(shown)["roads.quarantine"]
    assert (aside["kind"], aside["row_count"]) == ("quarantine", 5)
    assert len(pyarrow.parquet.read_table(service_home.object(aside))) == 5
    assert service_home.run("verify", "--deep", "--json").json["problems"] == []


@pytest.fixture
def half():
    fresh = Home()
    try:
        fresh.run("init")
        add_recipes(fresh)
        fresh.run("submit", "--intent", "aside", "--type", "vector", "--batch-id", "poison", "--dataset", "roads",
                  write_rows(fresh, "roads"))
        world = Embedded(fresh)
        world.look = InEmbedded(world)
        yield world
    finally:
        fresh.close()


def test_a_worker_killed_while_it_publishes_leaves_the_rows_put_aside_once_and_whole(half):
    lock = Lock(half.catalog, half.look.lock_in_publish)
    process = start(half.home, "run", "--once")
    kill_in_publish(half, process, "roads.quarantine", 1, 1, lock)
    assert process.wait(WAIT_S) == 0
    shown = half.home.run("batch", "show", "poison", "--json").json
    assert shown["status"] == "succeeded" and shown["attempts"] == 2
    assert {(a["dataset_id"], a["version"], a["row_count"]) for a in shown["assets"]} == {
        ("roads", 1, 4), ("roads.csv", 1, 4), ("roads.quarantine", 1, 5)}
    assert half.look.reservations() == []
    beside = [d["s3_key"] for a in shown["assets"] for d in a["documents"]]
    assert half.keys(LAKE, "roads") == sorted([a["s3_key"] for a in shown["assets"]] + beside)
    assert half.home.run("verify", "--deep", "--json").json["problems"] == []


def test_half_published_rows_put_aside_are_cleared_with_the_rest(half):
    assert poison(half, "roads.quarantine", 1).wait(WAIT_S) == 1
    assert status_of(half.home, "poison") == ("quarantined", "batch.poison")
    assert half.keys(LAKE, "roads") == [] and half.look.reservations() == []
    assert half.rows("SELECT 1 FROM catalog.assets") == []
    aside = {key.rsplit("/", 1)[1] for key in half.keys(LAKE, "orphans/")}
    assert {"roads.parquet", "roads.quarantine.parquet", "roads.quarantine.stac.json"} <= aside
    half.home.run("replay", "poison")
    shown = half.home.run("batch", "show", "poison", "--json").json
    assert {(a["dataset_id"], a["version"]) for a in shown["assets"]} == {("roads", 1), ("roads.csv", 1), ("roads.quarantine", 1)}
    assert half.home.run("verify", "--deep", "--json").json["problems"] == []
