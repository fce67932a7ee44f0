# SPDX-License-Identifier: Apache-2.0
"""Files as people have them: several layers, tables among them, odd names, systems without a code; and what is asked of them."""

import json
import shutil
from pathlib import Path

import geopandas
import numpy
import pandas
import pyogrio
import pyproj
import pytest
from shapely.geometry import Point, box

from home import Home

KEEP = """apiVersion: sluice/v1
kind: Recipe
name: keep
version: 1
intents: [keep]
type: vector
params:
  least: {type: integer, default: 0, minimum: 0}
steps:
  - filter: {where: "n >= ${least}"}
  - normalize_crs: {to: "EPSG:4326"}
outputs:
  - geoparquet: {}
"""
NATIVE = """apiVersion: sluice/v1
kind: Recipe
name: native
version: 1
intents: [native]
type: vector
outputs:
  - geoparquet: {}
"""
HOSTILE = ['"; DROP TABLE x; --', "it's", "geom", "geom_1", "bbox", "ctid", "x" * 70, "Name", "name", "größe 日本", "select",
           "%s", "${x}", "{{input}}", "\\", "$1"]


def points(n: int, crs: str = "EPSG:4326") -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"n": range(n)}, geometry=[Point(i, i / 2) for i in range(n)], crs="EPSG:4326").to_crs(crs)


@pytest.fixture(scope="module")
def ready(home) -> Home:
    recipes = home.path / "recipes"
    recipes.mkdir(exist_ok=True)
    (recipes / "keep.yaml").write_text(KEEP)
    (recipes / "native.yaml").write_text(NATIVE)
    # A file as desktop programs leave it: layers, and a table of their own.
    parks = home.folder / "parks.gpkg"
    points(10).to_file(parks, layer="trees", driver="GPKG")
    points(4, "EPSG:3857").to_file(parks, layer='Way "A" & B', driver="GPKG")
    pyogrio.write_dataframe(pandas.DataFrame({"style": ["red"]}), parks, layer="layer_styles", driver="GPKG", append=True)
    pyogrio.write_dataframe(pandas.DataFrame({"n": [1, 2]}), home.folder / "table.gpkg", layer="prices", driver="GPKG")
    return home


def ingest(home: Home, batch: str, path: Path, *options, intent: str = "keep", check: bool | int = True) -> dict:
    home.run("submit", "--intent", intent, "--type", "vector", "--batch-id", batch, *options, path)
    home.run("run", "--once", check=check)
    return home.run("batch", "show", batch, "--json").json


def made(home: Home, batch: str) -> dict[str, dict]:
    found = home.run("ledger", "find", "assets", json.dumps({"batch_id": batch}), "--json").json
    return {asset["dataset_id"]: asset for asset in found}


def frame(home: Home, asset: dict) -> geopandas.GeoDataFrame:
    return geopandas.read_parquet(home.object(asset))


@pytest.fixture(scope="module")
def layers(ready):
    return ingest(ready, "layers", ready.folder / "parks.gpkg", intent="native")


def test_each_layer_is_a_dataset_of_its_own(ready, layers):
    assets = made(ready, "layers")
    assert {name: asset["row_count"] for name, asset in assets.items()} == {"parks_trees": 10, "parks_Way_A_B": 4}
    assert frame(ready, assets["parks_Way_A_B"]).crs == "EPSG:3857"


def test_a_table_beside_layers_is_left_out_and_that_is_said(ready, layers):
    assert any('"layer_styles" has no geometry' in line for line in layers["run"]["warnings"]), layers


def test_several_layers_into_one_named_dataset_are_refused(ready):
    shown = ingest(ready, "one-dataset", ready.folder / "parks.gpkg", "--dataset", "parks", intent="native", check=3)
    assert shown["error"]["code"] == "manifest.schema" and '"parks"' in shown["error"]["message"]


def test_a_file_without_geometry_says_so(ready):
    for options in ([], ["--crs", "EPSG:4326"]):
        shown = ingest(ready, f"table{len(options)}", ready.folder / "table.gpkg", *options, check=3)
        assert shown["error"]["code"] == "file.layer"
        assert 'layer "prices" has no geometry' in shown["error"]["message"]


def test_a_replay_with_a_wrong_parameter_leaves_the_batch_as_it_was(ready):
    points(5).to_file(ready.folder / "five.fgb", driver="FlatGeobuf")
    before = ingest(ready, "five", ready.folder / "five.fgb")
    for wrong in ("least=many", "least=-1", "leest=1", "crs_policy=guess"):
        result = ready.run("replay", "five", "--set", wrong, check=3)
        assert wrong.split("=")[0] in result.err
    assert ready.run("batch", "show", "five", "--json").json == before
    ready.run("replay", "five", "--set", "least=2")
    assert ready.run("asset", "show", "five", "--json").json["row_count"] == 3


def test_explain_shows_every_layer_and_makes_nothing(ready):
    manifest = ready.folder / "explain.json"
    manifest.write_text(json.dumps({"batch_id": "explain", "uploader": "ana", "intent": "keep", "params": {"least": 3},
                                    "files": [{"path": "parks.gpkg", "type": "vector"}], "metadata": {"project": "T"}}))
    nowhere = ready.folder / "nowhere"
    before = sorted(ready.path.joinpath("store").rglob("*"))
    plan = ready.run("recipe", "explain", "--manifest", manifest, "--json").json
    assert [unit["layer"] for unit in plan["units"]] == ["trees", 'Way "A" & B']
    assert [unit["outputs"][0]["dataset"] for unit in plan["units"]] == ["parks_trees", "parks_Way_A_B"]
    assert all('"n"' in unit["steps"][-1]["sql"] for unit in plan["units"])
    assert plan["params"] == {"least": 3}
    assert sorted(ready.path.joinpath("store").rglob("*")) == before
    ready.run("recipe", "explain", "ingest_vector", env={"SLUICE_HOME": str(nowhere)})
    assert not nowhere.exists()


def test_columns_keep_names_that_sql_could_misread(ready):
    properties = {name: i for i, name in enumerate(HOSTILE)}
    (ready.folder / "hostile.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"n": 1} | properties, "geometry": {"type": "Point", "coordinates": [1, 2]}}]}))
    ingest(ready, "hostile", ready.folder / "hostile.geojson")
    out = frame(ready, made(ready, "hostile")["hostile"])
    assert [int(v) for v in out.drop(columns=["geom", "n"]).iloc[0]] == list(range(len(HOSTILE)))
    kept = set(HOSTILE) - {"geom", "bbox", "ctid", "x" * 70, "name"}
    assert kept < set(out.columns)


def test_a_system_without_a_code_is_kept_and_reprojected_as_proj_does(ready):
    crs = pyproj.CRS.from_proj4("+proj=laea +lat_0=47 +lon_0=11 +x_0=1000 +y_0=2000 +ellps=bessel +units=m +no_defs")
    source = geopandas.GeoDataFrame({"n": [1]}, geometry=[box(0, 0, 5000, 5000)], crs=crs)
    source.to_file(ready.folder / "own.gpkg", driver="GPKG")
    ingest(ready, "own-kept", ready.folder / "own.gpkg", "--dataset", "own_kept", intent="native")
    ingest(ready, "own-moved", ready.folder / "own.gpkg", "--dataset", "own_moved")
    assert frame(ready, made(ready, "own-kept")["own_kept"]).crs == crs
    moved = frame(ready, made(ready, "own-moved")["own_moved"])
    numpy.testing.assert_allclose(moved.total_bounds, source.to_crs(4326).total_bounds, atol=1e-9)


@pytest.mark.parametrize("args", [("asset", "list"), ("verify",), ("gc", "--dry-run"), ("replay", "x"), ("lineage", "x")])
def test_a_question_about_a_home_that_is_not_there_makes_none(ready, args):
    nowhere = ready.folder / "mistyped"
    result = ready.run(*args, env={"SLUICE_HOME": str(nowhere)}, check=78)
    assert f"there is no home at {nowhere}" in result.err and "sluice init" in result.err
    assert not nowhere.exists()


def test_a_home_may_have_a_name_in_any_language(ready):
    odd = ready.folder / "Ümläut & 日本's 100% (home)"
    there = {"SLUICE_HOME": str(odd)}
    try:
        ready.run("submit", "--intent", "ingest_vector", "--batch-id", "odd", ready.folder / "parks.gpkg", env=there)
        ready.run("run", "--once", env=there)
        assert len(ready.run("asset", "list", "--json", env=there).json) == 2
    finally:
        ready.run("stop", env=there)


def test_a_home_that_a_shell_would_misread_is_refused(ready):
    for name in ('a "home"', "$HOME", "`id`", "back\\slash", "two\nlines"):
        result = ready.run("init", env={"SLUICE_HOME": str(ready.folder / name)}, check=78)
        assert "cannot hold a PostgreSQL cluster" in result.err


def test_files_of_two_types_in_one_batch_are_refused_in_one_line(ready):
    manifest = {"batch_id": "two-types", "uploader": "ana", "intent": "keep", "metadata": {"project": "T"},
                "files": [{"path": "parks.gpkg", "type": "vector"}, {"path": "scene.tif", "type": "raster"}]}
    (ready.folder / "scene.tif").write_bytes(b"II*\0")
    (ready.folder / "two-types.json").write_text(json.dumps(manifest))
    refused = ready.run("submit", ready.folder / "two-types.json", check=3)
    assert refused.err.startswith("recipe keep takes vector files, scene.tif is raster\n")
    # Whoever uploads without sluice hears it from the run.
    manifests = ready.bucket("landing-zone") / "manifests"
    manifests.mkdir(exist_ok=True)
    shutil.copy(ready.folder / "two-types.json", manifests / "two-types.json")
    for name in ("parks.gpkg", "scene.tif"):
        (ready.bucket("landing-zone") / "two-types").mkdir(exist_ok=True)
        shutil.copy(ready.folder / name, ready.bucket("landing-zone") / "two-types" / name)
    result = ready.run("run", "--once", "--log-level", "info", check=3)
    assert "recipe keep takes vector files, scene.tif is raster" in result.out + result.err
    assert "not_found" not in result.err  # a run that was never begun is not closed
