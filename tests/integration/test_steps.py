# SPDX-License-Identifier: Apache-2.0
"""Recipes of many steps, end to end: every row is accounted for, and geopandas finds what the steps promise."""

import json

import geopandas
import pandas
import pyproj
import pytest
from shapely.geometry import LineString, MultiPolygon, Point, box

from home import Home

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: vector\n"
RECIPES = {
    "accounted": """steps:
  - make_valid: {}
  - cast: {columns: {code: integer}, on_error: drop}
  - dedupe: {columns: [code], order_by: [name]}
  - explode: {part_column: part}
  - clip: {bounds: [0, 0, 50, 50]}
  - rename: {columns: {name: "select"}}
  - measure: {area: m2}
  - dissolve: {by: [select], aggregates: {m2: sum, code: list}, count_column: parts}
checks:
  - row_count: {min: 1, max: 100}
  - in_bounds: {bounds: [0, 0, 50, 50]}
  - accepted_values: {column: select, pattern: "[a-z]+"}
  - expression: {rule: "parts >= 1"}
outputs:
  - geoparquet: {sort: none}
""",
    "ordered": """steps:
  - add_column: {name: twice, value: "code::int * 2"}
  - sort: {columns: [twice], descending: [twice], nulls: first}
outputs:
  - geoparquet: {sort: none}
""",
    "around": """steps:
  - buffer: {distance: 1000}
  - wrap_dateline: {}
checks:
  - valid_geometry: {}
outputs:
  - geoparquet: {}
""",
    "strict": """steps:
  - cast: {columns: {code: integer}}
outputs:
  - geoparquet: {}
""",
    "on_duckdb": """engine: duckdb
steps:
  - make_valid: {}
outputs:
  - geoparquet: {}
""",
}


@pytest.fixture(scope="module")
def ready(home) -> Home:
    recipes = home.path / "recipes"
    recipes.mkdir(exist_ok=True)
    for name, body in RECIPES.items():
        (recipes / f"{name}.yaml").write_text(HEAD.format(name=name) + body)
    two = MultiPolygon([box(1, 1, 2, 2), box(3, 3, 4, 4)])
    rows = [("a", "1", box(0, 0, 1, 1)), ("b", "1", box(5, 5, 6, 6)), ("a", "2", two), ("a", "x", box(0, 0, 1, 1)),
            ("c", "3", box(100, 0, 101, 1)), ("d", "", box(49, 49, 51, 51)), ("e", None, None)]
    frame = geopandas.GeoDataFrame({"name": [r[0] for r in rows], "code": [r[1] for r in rows]},
                                   geometry=[r[2] for r in rows], crs="EPSG:4326")
    frame.to_file(home.folder / "rows.gpkg", driver="GPKG")
    frame[frame.code.isin(["1", "2", "3"])].to_file(home.folder / "whole.gpkg", driver="GPKG")
    geopandas.GeoDataFrame({"n": [1, 2]}, geometry=[Point(179.999, -16.5), LineString([(13.4, 52.5), (13.5, 52.5)])],
                           crs="EPSG:4326").to_file(home.folder / "edge.gpkg", driver="GPKG")
    return home


def ingest(ready, file, intent, check=True) -> dict:
    ready.run("submit", "--intent", intent, "--type", "vector", "--batch-id", intent, "--dataset", intent, ready.folder / file)
    ready.run("run", "--once", check=check)
    return ready.run("batch", "show", intent, "--json").json


def made(ready, intent) -> geopandas.GeoDataFrame:
    asset, = ready.run("ledger", "find", "assets", json.dumps({"batch_id": intent}), "--json").json
    return geopandas.read_parquet(ready.object(asset))


def geodesic_area(shape) -> float:
    return abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shape)[0])


def test_every_row_is_accounted_for_under_the_name_of_a_step(ready):
    run = ingest(ready, "rows.gpkg", "accounted")["run"]
    assert run["rows_in"] == 7 and run["rows_out"] == 3
    assert run["rows_dropped"] == {"cast": 1, "dedupe": 1, "clip": 1, "dissolve": 2}
    assert run["rows_added"] == {"explode": 1}
    rows = made(ready, "accounted").set_index("select")
    assert list(rows["parts"].sort_index()) == [3, 1, 1]
    assert rows["code"]["a"] == "1, 2" and pandas.isna(rows["code"]["d"])
    parts = [box(0, 0, 1, 1), box(1, 1, 2, 2), box(3, 3, 4, 4)]
    assert rows["m2"]["a"] == pytest.approx(sum(map(geodesic_area, parts)), rel=1e-9)
    assert rows.geometry["d"].equals(box(49, 49, 50, 50))
    assert rows.geometry["e"] is None


def test_an_output_without_an_order_of_its_own_keeps_that_of_a_last_sort(ready):
    ingest(ready, "whole.gpkg", "ordered")
    rows = made(ready, "ordered")
    assert list(zip(rows["twice"], rows["name"])) == [(6, "c"), (4, "a"), (2, "a"), (2, "b")]


def test_a_buffer_in_metres_is_as_large_as_it_should_be_also_over_the_antimeridian(ready):
    ingest(ready, "edge.gpkg", "around")
    rows = made(ready, "around").set_index("n")
    # 32 corners on a circle of 1 km have an area of 3.1214 square kilometres.
    assert geodesic_area(rows.geometry[1]) == pytest.approx(3_121_445, rel=1e-5)
    assert rows.geometry[1].geom_type == "MultiPolygon"
    assert rows.geometry[1].bounds[0] == -180 and rows.geometry[1].bounds[2] == 180
    length = pyproj.Geod(ellps="WGS84").inv(13.4, 52.5, 13.5, 52.5)[2]
    assert geodesic_area(rows.geometry[2]) == pytest.approx(3_121_445 + 2000 * length, rel=1e-4)


def test_a_value_that_has_no_form_is_named_with_its_column(ready):
    error = ingest(ready, "rows.gpkg", "strict", check=3)["error"]
    assert error["code"] == "step.sql"
    assert "(cast)" in error["message"] and "column code, value x" in error["message"]


def test_a_recipe_for_duckdb_runs_there_and_the_run_says_so(ready):
    run = ingest(ready, "rows.gpkg", "on_duckdb")["run"]
    assert run["engine"] == "duckdb" and run["versions"]["duckdb_spatial"]
    assert "postgis" not in run["versions"]
    rows = made(ready, "on_duckdb")
    assert rows.crs.to_epsg() == 4326 and sorted(rows["name"]) == ["a", "a", "a", "b", "c", "d", "e"]
    assert rows.geometry[rows["name"] == "e"].isna().all()
    plan = ready.run("recipe", "explain", "on_duckdb").out
    assert "ST_MakeValid" in plan and "ST_CurveToLine" not in plan
