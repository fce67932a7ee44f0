# SPDX-License-Identifier: Apache-2.0
"""Recipes of every step that DuckDB has, and the shipped ones, on both engines: the same rows, equal attributes, geometries
within 1e-9 of each other (the two have different versions of GEOS); read by geopandas."""

import json

import geopandas
import numpy
import pandas
import pytest
from shapely import from_wkt, hausdorff_distance, is_empty
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from home import Home

SHIPPED = ["ingest_vector"]
# What a step needs to be told; others run without options. Not here: steps that read other tables (test_inputs.py).
STEPS = {
    "rename": [{"rename": {"columns": {"name": "label"}}}],
    "select": [{"select": {"columns": ["n", "name"]}}],
    "drop_columns": [{"drop_columns": {"columns": ["code"]}}],
    "cast": [{"cast": {"columns": {"code": "integer"}, "on_error": "null"}}],
    "add_column": [{"add_column": {"name": "twice", "value": "n * 2", "type": "integer"}}],
    "filter": [{"filter": {"where": "n > 2"}}],
    "dedupe": [{"dedupe": {"columns": ["name"], "order_by": ["n"]}}],
    "sort": [{"sort": {"columns": ["name", "n"]}}],
    "explode": [{"explode": {"part_column": "part"}}],
    "promote_multi": [{"promote_multi": {}}],
    "dissolve": [{"dissolve": {"by": ["name"], "aggregates": {"n": "sum"}, "count_column": "rows"}}],
    "make_valid": [{"make_valid": {}}],
    "simplify": [{"simplify": {"tolerance": 0.5}}],
    "centroid": [{"make_valid": {}}, {"centroid": {}}],
    "swap_xy": [{"swap_xy": {}}],
    "clip": [{"make_valid": {}}, {"clip": {"bounds": [0, 0, 4, 4]}}],
    "measure": [{"measure": {"area": "area_m2", "length": "length_m"}}],
    "geohash": [{"make_valid": {}}, {"centroid": {}}, {"geohash": {"column": "cell"}}],
    "normalize_crs": [{"normalize_crs": {"to": "EPSG:3857"}}],
    "chain": [{"normalize_crs": {"to": "EPSG:25833"}}, {"make_valid": {}}, {"simplify": {"tolerance": 10}},
              {"normalize_crs": {"to": "EPSG:4326"}}, {"spatial_index": {}}],
}
# Where a tolerance lets the engines choose other points, that tolerance.
TOLERANCE = {"normalize_crs": 1e-3, "simplify": 0.5, "chain": 2e-4, "ingest_vector": 2e-5}


def rows() -> geopandas.GeoDataFrame:
    two = MultiPolygon([box(1, 1, 2, 2), box(3, 3, 4, 4)])
    bowtie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    wavy = LineString([(x / 10, (x % 3) / 20) for x in range(60)])
    shapes = [box(0, 0, 1, 1), box(5, 5, 6, 6), two, bowtie, Point(3, 3), wavy, None, from_wkt("POLYGON EMPTY"),
              Polygon(box(0, 0, 9, 9).exterior.coords, [box(2, 2, 3, 3).exterior.coords])]
    names = ["a", "b", "a", "Ä", "b", "c", "d", "e", "a"]
    codes = ["1", "2", None, "x", "5", "06", "7", "8", "9"]
    return geopandas.GeoDataFrame({"n": range(len(shapes)), "name": names, "code": codes}, geometry=shapes, crs="EPSG:4326")


@pytest.fixture(scope="module")
def ready(home) -> Home:
    recipes = home.path / "recipes"
    recipes.mkdir(exist_ok=True)
    for name, steps in STEPS.items():
        for engine in ("postgis", "duckdb"):
            recipe = {"apiVersion": "sluice/v1", "kind": "Recipe", "name": f"{name}_on_{engine}", "version": 1,
                      "intents": [f"{name}_on_{engine}"], "type": "vector", "engine": engine, "steps": steps,
                      "outputs": [{"geoparquet": {}}]}
            (recipes / f"{name}_on_{engine}.yaml").write_text(json.dumps(recipe))
    for name in SHIPPED:
        recipe = home.run("recipe", "show", name, "--json").json["recipe"]
        for engine in ("postgis", "duckdb"):
            copy = recipe | {"name": f"{name}_on_{engine}", "intents": [f"{name}_on_{engine}"], "engine": engine}
            copy.pop("default", None)
            (recipes / f"{name}_on_{engine}.yaml").write_text(json.dumps(copy))
    rows().to_file(home.folder / "rows.gpkg", driver="GPKG")
    for name in [*STEPS, *SHIPPED]:
        for engine in ("postgis", "duckdb"):
            batch = f"{name}_on_{engine}"
            home.run("submit", "--intent", batch, "--type", "vector", "--batch-id", batch, "--dataset", batch,
                     home.folder / "rows.gpkg")
    home.run("run", "--once", check=False)
    return home


def made(ready, batch) -> geopandas.GeoDataFrame:
    state = ready.run("batch", "show", batch, "--json").json
    assert state["status"] == "succeeded", state["error"]
    asset, = (a for a in ready.run("ledger", "find", "assets", json.dumps({"batch_id": batch}), "--json").json
              if a["kind"] == "vector")
    frame = geopandas.read_parquet(ready.object(asset))
    frame = frame.drop(columns=[c for c in frame.columns if c.startswith("bbox")])
    keys = [c for c in frame.columns if c != frame.geometry.name]
    order = frame[keys].astype(str).assign(wkt_=frame.geometry.apply(lambda g: "" if g is None else g.geom_type))
    return frame.loc[order.sort_values(list(order.columns)).index].reset_index(drop=True)


@pytest.mark.parametrize("name", [*STEPS, *SHIPPED])
def test_both_engines_make_the_same_rows(ready, name):
    first, second = made(ready, f"{name}_on_postgis"), made(ready, f"{name}_on_duckdb")
    assert list(first.columns) == list(second.columns) and len(first) == len(second)
    assert first.crs == second.crs
    for column in first.columns.drop(first.geometry.name):
        a, b = first[column], second[column]
        assert list(a.isna()) == list(b.isna()), column
        if pandas.api.types.is_float_dtype(a):
            assert numpy.allclose(a.dropna(), b.dropna(), rtol=1e-6), column
        else:
            assert list(a.dropna()) == list(b.dropna()), column
    for a, b in zip(first.geometry, second.geometry):
        assert (a is None) == (b is None)
        if a is None or is_empty(a):
            assert a is None or is_empty(b)
            continue
        assert a.geom_type == b.geom_type
        assert hausdorff_distance(a, b) <= TOLERANCE.get(name, 1e-9)


def test_the_run_says_which_engine_it_was_and_a_replay_uses_it_again(ready):
    run = ready.run("batch", "show", "simplify_on_duckdb", "--json").json["run"]
    assert run["engine"] == "duckdb" and run["versions"]["duckdb_spatial"]
    said = ready.run("replay", "simplify_on_duckdb").out
    assert "same bytes" in said
