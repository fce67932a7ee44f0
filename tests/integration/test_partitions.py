# SPDX-License-Identifier: Apache-2.0
"""Assets of several objects: GeoParquet in folders named after values, read by pyarrow, geopandas and DuckDB; and what knows of
an asset's objects (verify, replay, get, diff, steps that read datasets, recovery)."""

import hashlib
import json
import os
import shutil
import signal

import duckdb
import geopandas
import pandas
import pyarrow.dataset
import pyarrow.parquet
import pytest
from shapely.geometry import Point

from home import Home
from killing import InEmbedded, Lock, start, wait_until
from test_outputs import failures
from worlds import Embedded

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: vector\n"
RECIPES = {
    "by_kind": "steps:\n  - filter: {where: \"TRUE\"}\noutputs:\n  - geoparquet: {partition_by: [kind], sort: columns, sort_by: [n]}\n",
    "by_two": "steps:\n  - filter: {where: \"TRUE\"}\noutputs:\n  - geoparquet: {partition_by: [year, kind]}\n",
    "by_two_duckdb": "engine: duckdb\nsteps:\n  - filter: {where: \"TRUE\"}\noutputs:\n  - geoparquet: {partition_by: [year, kind]}\n",
    "by_n": "steps:\n  - filter: {where: \"TRUE\"}\noutputs:\n  - geoparquet: {partition_by: [n]}\n",
    "by_geometry": "steps:\n  - filter: {where: \"TRUE\"}\noutputs:\n  - geoparquet: {partition_by: [geom]}\n",
    "by_nothing": "steps:\n  - filter: {where: \"TRUE\"}\noutputs:\n  - geoparquet: {partition_by: [kindd]}\n",
    "by_share": "steps:\n  - filter: {where: \"TRUE\"}\noutputs:\n  - geoparquet: {partition_by: [share]}\n",
    "none_left": "steps:\n  - filter: {where: \"FALSE\"}\noutputs:\n  - geoparquet: {partition_by: [kind]}\n",
    "joined": "steps:\n  - join: {dataset: kinds, on: [n], columns: [kind, share]}\noutputs:\n  - geoparquet: {}\n",
}
KINDS = ["road", "a/b", "..", "", None, "NULL", "null", "ü %", "x=y", "a+b", "tab\there", "007", "__HIVE", "%41", "C:\\x"]


def frame(n: int = 150) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"n": range(n), "kind": [KINDS[i % len(KINDS)] for i in range(n)], "year": [2000 + i % 3 for i in range(n)],
         "share": [i / 7 for i in range(n)]},
        geometry=[Point(i % 20, i % 10, 5) if i % 15 == 0 else Point(i % 20, i % 10) for i in range(n)], crs="EPSG:4326")


def submit(home: Home, recipe: str, dataset: str, path, batch: str | None = None) -> str:
    batch = batch or dataset
    home.run("submit", "--batch", batch, "--intent", recipe, "--type", "vector", "--dataset", dataset, path)
    return batch


@pytest.fixture(scope="module")
def ready(home) -> Home:
    folder = home.path / "recipes"
    folder.mkdir(exist_ok=True)
    for name, body in RECIPES.items():
        (folder / f"{name}.yaml").write_text(HEAD.format(name=name) + body)
    frame().to_file(home.folder / "kinds.gpkg", driver="GPKG", engine="pyogrio")
    submit(home, "by_kind", "kinds", home.folder / "kinds.gpkg")
    submit(home, "by_two", "two", home.folder / "kinds.gpkg")
    submit(home, "by_two_duckdb", "two_duckdb", home.folder / "kinds.gpkg")
    home.run("run", "--once")
    return home


def asset(home: Home, dataset: str) -> dict:
    return home.run("asset", "show", dataset, "--json").json


def get(home: Home, dataset: str):
    target = home.folder / "got" / dataset
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        home.run("asset", "get", dataset, "-o", target)
    return target


def as_set(rows) -> list:
    return sorted(rows, key=lambda row: row[0])


def expected() -> list:
    return [(i, k) for i, k in zip(frame()["n"], (KINDS[i % len(KINDS)] for i in range(150)))]


def test_every_value_comes_back_with_pyarrow(ready):
    schema = pyarrow.dataset.partitioning(pyarrow.schema([("kind", pyarrow.string())]), flavor="hive")
    table = pyarrow.dataset.dataset(get(ready, "kinds"), format="parquet", partitioning=schema).to_table(columns=["n", "kind"])
    assert as_set(zip(table["n"].to_pylist(), table["kind"].to_pylist())) == expected()


def test_every_value_comes_back_with_duckdb(ready):
    rows = duckdb.sql(f"SELECT n, kind FROM read_parquet('{get(ready, 'kinds')}/**/*.parquet', hive_partitioning=true,"
                      " hive_types={'kind': VARCHAR})").fetchall()
    assert as_set(rows) == expected()


def test_each_part_is_a_geoparquet_file_with_bounds_and_types_of_its_rows(ready):
    parts = sorted(get(ready, "kinds").rglob("*.parquet"))
    assert len(parts) == len(KINDS)
    for part in parts:
        rows = geopandas.read_parquet(part)
        assert "kind" not in rows.columns
        assert list(rows["n"]) == sorted(rows["n"])
        geo = json.loads(pyarrow.parquet.read_metadata(part).metadata[b"geo"])["columns"]["geom"]
        assert geo["bbox"] == pytest.approx(rows.total_bounds)
        assert geo["geometry_types"] == sorted({"Point Z" if g.has_z else "Point" for g in rows.geometry})
        assert geo["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
        assert failures(part) == set()


def test_the_index_names_every_part_with_its_hash_and_the_ledger_does_too(ready):
    document = asset(ready, "kinds")
    index = json.loads((ready.bucket("data-lake") / document["s3_key"]).read_text())
    assert document["s3_key"] == "kinds/v1/kinds.parts.json"
    assert document["parts"] == {"count": len(KINDS), "rows": 150, "media_type": "application/vnd.apache.parquet", "layout": "hive",
                                 "size_bytes": sum(p["size_bytes"] for p in index["parts"]),
                                 "columns": [c for c in document["columns"] if c["name"] == "kind"]}
    listed = {d["s3_key"]: d for d in document["documents"] if d["kind"] == "part"}
    assert len(listed) == len(index["parts"]) == len(KINDS)
    for part in index["parts"]:
        content = (get(ready, "kinds") / part["suffix"]).read_bytes()
        entry = listed[f"kinds/v1/{part['suffix']}"]
        assert hashlib.sha256(content).hexdigest() == part["sha256"] == entry["content_hash"].removeprefix("sha256:")
        assert len(content) == part["size_bytes"] == entry["size_bytes"]
    assert {p["values"]["kind"] for p in index["parts"]} == set(KINDS)


def test_two_columns_make_folders_in_folders_on_both_engines(ready):
    for dataset in ("two", "two_duckdb"):
        table = duckdb.sql(f"SELECT n, year, kind FROM read_parquet('{get(ready, dataset)}/**/*.parquet', hive_partitioning=true,"
                           " hive_types={'kind': VARCHAR, 'year': INTEGER})").fetchall()
        assert as_set(table) == [(i, 2000 + i % 3, KINDS[i % len(KINDS)]) for i in range(150)]
        assert asset(ready, dataset)["row_count"] == 150


def test_the_same_rows_give_the_same_bytes(ready):
    before = asset(ready, "kinds")
    out = ready.run("replay", "kinds").out
    assert "same bytes" in out
    ready.run("run", "--once", check=False)
    assert asset(ready, "kinds")["_id"] == before["_id"]


def test_geopandas_reads_the_folder(ready):
    rows = pandas.concat([geopandas.read_parquet(p) for p in get(ready, "two").rglob("*.parquet")])
    assert len(rows) == 150


@pytest.mark.parametrize("recipe, words", [
    ("by_geometry", "geom"), ("by_nothing", "kindd"), ("by_share", "double precision")])
def test_a_column_that_names_no_folder_is_refused_by_its_name(ready, recipe, words):
    submit(ready, recipe, recipe, ready.folder / "kinds.gpkg")
    ready.run("run", "--once", check=False)
    error = ready.run("batch", "show", recipe, "--json").json["error"]
    assert error["code"] == "recipe.option" and "partition_by" in error["message"] and words in error["message"]


def test_too_many_values_are_refused_with_the_column_s_name(ready):
    n = 10001
    geopandas.GeoDataFrame({"n": range(n)}, geometry=[Point(0, 0)] * n, crs="EPSG:4326").to_file(
        ready.folder / "many.fgb", driver="FlatGeobuf", engine="pyogrio")
    submit(ready, "by_n", "many", ready.folder / "many.fgb")
    ready.run("run", "--once", check=False)
    error = ready.run("batch", "show", "many", "--json").json["error"]
    assert error["code"] == "limit" and '"n"' in error["message"] and "10001" in error["message"]


def test_a_value_too_long_for_a_folder_is_refused_with_the_column_s_name(ready):
    geopandas.GeoDataFrame({"n": [1], "kind": ["x" * 300]}, geometry=[Point(0, 0)], crs="EPSG:4326").to_file(
        ready.folder / "long.gpkg", driver="GPKG", engine="pyogrio")
    submit(ready, "by_kind", "long", ready.folder / "long.gpkg")
    ready.run("run", "--once", check=False)
    error = ready.run("batch", "show", "long", "--json").json["error"]
    assert error["code"] == "limit" and '"kind" has a value of 300 bytes' in error["message"]


def test_no_rows_are_one_part_with_the_columns(ready):
    submit(ready, "none_left", "none_left", ready.folder / "kinds.gpkg")
    ready.run("run", "--once")
    folder = get(ready, "none_left")
    parts = list(folder.rglob("*.parquet"))
    assert [p.relative_to(folder).as_posix() for p in parts] == ["part-0.parquet"]
    assert len(geopandas.read_parquet(parts[0])) == 0


def test_a_step_joins_with_a_dataset_in_parts(ready):
    geopandas.GeoDataFrame({"n": range(0, 150, 2)}, geometry=[Point(1, i) for i in range(75)], crs="EPSG:4326").to_file(
        ready.folder / "left.gpkg", driver="GPKG", engine="pyogrio")
    submit(ready, "joined", "joined", ready.folder / "left.gpkg")
    ready.run("run", "--once")
    rows = geopandas.read_parquet(ready.object(asset(ready, "joined")))
    got = {n: (k if isinstance(k, str) else None, s) for n, k, s in zip(rows["n"], rows["kind"], rows["share"])}
    assert got == {i: (KINDS[i % len(KINDS)], pytest.approx(i / 7)) for i in range(0, 150, 2)}


def test_rows_of_two_versions_are_compared_whole(ready):
    changed = frame()
    changed.loc[3, "share"] = 99.0
    changed.to_file(ready.folder / "kinds2.gpkg", driver="GPKG", engine="pyogrio")
    submit(ready, "by_kind", "kinds", ready.folder / "kinds2.gpkg", batch="kinds2")
    ready.run("run", "--once")
    difference = ready.run("asset", "diff", "kinds@1", "kinds@2", "--rows", "--key", "n", "--json", check=False)
    assert difference.json["rows"]["changed"] == 1, str(difference)


def test_stdout_takes_no_parts_and_a_folder_is_not_overwritten(ready):
    assert "15 parts, and stdout takes one object" in ready.run("asset", "get", "two", "-o", "-", check=False).err
    assert "is there already" in ready.run("asset", "get", "kinds@1", "-o", get(ready, "kinds"), "--force", check=False).err


def test_verify_knows_every_part_and_a_replay_puts_a_lost_one_again(ready):
    ready.run("verify", "--deep")
    lake = ready.bucket("data-lake")
    parts = sorted((lake / "two/v1").rglob("part-0.parquet"))
    gone, changed = parts[0], parts[1]
    kept = gone.read_bytes()
    gone.unlink()
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    stray = lake / "two/v1/year=1999/part-0.parquet"
    stray.parent.mkdir()
    shutil.copy(parts[2], stray)
    problems = ready.run("verify", "--deep", "--json", check=False).json["problems"]
    assert sorted(p["kind"] for p in problems) == ["changed_object", "missing_object", "orphan_object"]
    ready.run("replay", "two", "--into-version", "1")
    ready.run("run", "--once", check=False)
    assert gone.read_bytes() == kept
    left = ready.run("verify", "--deep", "--json", check=False).json["problems"]
    assert all("1999" in json.dumps(p) for p in left) and len(left) == 1
    stray.unlink()


def test_a_run_killed_before_its_commit_leaves_no_part(ready):
    place = Embedded(ready)
    submit(ready, "by_kind", "killed", ready.folder / "kinds.gpkg")
    lock = Lock(place.catalog, InEmbedded.lock_in_publish)
    lake = ready.bucket("data-lake")
    process = start(ready, "run", "--once")
    try:
        wait_until(lambda: len(list((lake / "killed/v1").rglob("part-0.parquet"))) == len(KINDS), "all parts are put")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    lock.release()
    ready.run("run", "--once")
    document = asset(ready, "killed")
    assert document["parts"]["count"] == len(KINDS)
    # Not in their places by name: a local tree escapes some characters of a key once more.
    assert len(list((lake / "killed/v1").rglob("part-0.parquet"))) == len(KINDS)
    ready.run("verify", "--deep")
