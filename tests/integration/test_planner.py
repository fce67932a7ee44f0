# SPDX-License-Identifier: Apache-2.0
"""However a recipe's steps are cut into passes, the same bytes come out; what is kept to be looked at goes again."""

import json

import geopandas
import numpy
import psycopg
import pytest
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from home import ROOT, Home

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: vector\nsteps:\n{steps}outputs:\n  - geoparquet: {{}}\n"
STEPS = {
    "columns": ["normalize_crs: {to: \"EPSG:4326\"}", "spatial_index: {}", "rename: {columns: {name: \"select\"}}", "measure: {area: m2}",
                "add_column: {name: twice, value: \"length(code) * 2\"}", "drop_columns: {columns: [code]}", "geohash: {}",
                "simplify: {tolerance: 0.1}"],
    "rows": ["cast: {columns: {code: integer}, on_error: drop}", "rename: {columns: {name: label}}", "clip: {bounds: [0, 0, 50, 50]}",
             "explode: {part_column: part}", "filter: {where: \"part < 3\"}", "snap_to_grid: {size: 0.01}"],
    "apart": ["add_column: {name: n, value: \"length(name)\"}", "make_valid: {}",
              "sql: {select: \"SELECT *, ST_NPoints({{geom}}) AS points FROM {{input}}\"}", "filter: {where: \"points > 1\"}",
              "reduce_precision: {size: 0.001}", "dedupe: {columns: [code], order_by: [name]}", "promote_multi: {}"],
    "without_sql": ["spatial_index: {}"],
    "falls_back": ["add_column: {name: one, value: \"1\"}", "filter: {where: \"ctid IS NOT NULL\"}"],
}
ALL = ["ingest_vector", "ingest_road_network", *STEPS]


@pytest.fixture(scope="module")
def home():
    home = Home()
    (home.path / "recipes").mkdir(parents=True)
    for name, steps in STEPS.items():
        (home.path / f"recipes/{name}.yaml").write_text(HEAD.format(name=name, steps="".join(f"  - {s}\n" for s in steps)))
    home.run("init")
    yield home
    home.close()


def rows() -> geopandas.GeoDataFrame:
    ring = [(k, (k % 3) * 0.01) for k in range(20)] + [(19, 9), (0, 9), (0, 0)]
    shapes = [box(0, 0, 2, 2), box(40, 40, 60, 60), MultiPolygon([box(10, 10, 11, 11), box(12, 12, 13, 13)]), Polygon(ring),
              Polygon([(20, 20), (22, 22), (22, 20), (20, 22), (20, 20)]), Polygon(), None,
              Polygon(box(30, 30, 40, 40).exterior, [box(31, 31, 39, 39).exterior]), Point(5, 5),
              LineString([(1, 1), (2, 1.001), (3, 1), (4, 1.002)])]
    codes = ["1", "2", "3", "4", "5", "6", "7", "x", "9", "9"]
    return geopandas.GeoDataFrame({"code": codes, "name": [f"row {k}" for k in range(len(shapes))]}, geometry=shapes, crs=4326)


def assets(home: Home, dataset: str) -> list[dict]:
    return home.run("ledger", "find", "assets", json.dumps({"dataset_id": dataset}), "--sort", "version:1", "--json").json


def run_of(home: Home, run_id: str) -> dict:
    return home.run("ledger", "find", "runs", json.dumps({"_id": run_id}), "--json").json[0]


@pytest.mark.parametrize("intent", ALL)
def test_a_table_for_every_step_makes_the_same_bytes(home, intent):
    source = home.folder / f"{intent}.geojson"
    rows().to_file(source, driver="GeoJSON")
    home.run("submit", "--intent", intent, "--type", "vector", "--batch-id", intent, "--dataset", intent, source)
    home.run("run", "--batch", intent)
    home.run("-c", "run.materialize=true", "replay", intent, "--force")
    one, other = assets(home, intent)
    assert one["run_id"] != other["run_id"]
    assert one["row_count"] == other["row_count"] > 0
    assert one["content_hash"] == other["content_hash"]
    fused, by_step = run_of(home, one["run_id"]), run_of(home, other["run_id"])
    assert not fused["recipe"]["fallback"]
    for count in ("rows_in", "rows_out", "rows_dropped", "rows_added"):
        assert fused[count] == by_step[count], count


def scattered(crs: int, seed: int) -> geopandas.GeoDataFrame:
    """Shapes of all kinds, some of them empty, in one place or not there."""
    random, shapes = numpy.random.default_rng(seed), []
    low, high = {4326: ((-170, -80), (170, 80)), 3857: ((-2e7, -2e7), (2e7, 2e7)), 25833: ((3e5, 5.2e6), (5e5, 6e6))}[crs]
    for k in range(4000):
        x, y = random.uniform(low, high)
        size = random.uniform(0, (high[0] - low[0]) / 1000)
        kinds = (lambda: Point(x, y), lambda: box(x, y, x + size, y + size), lambda: Point(round(x, -3), round(y, -3)),
                 lambda: MultiPolygon([box(x, y, x + size, y + size), box(x, y + 2 * size, x + size, y + 3 * size)]), lambda: Point(x, y, k),
                 lambda: LineString([(x, y), (x + size, y - size), (x, y + size)]), lambda: None, lambda: Polygon())
        shapes.append(kinds[k % 6 if k % 400 else 6 + k // 400 % 2]())
    return geopandas.GeoDataFrame({"k": range(4000), "half": [k // 2 for k in range(4000)], "name": [f"ä{k % 7}" for k in range(4000)]},
                                  geometry=shapes, crs=crs)


@pytest.mark.parametrize("crs", [4326, 3857, 25833])
def test_a_plan_without_sql_needs_no_postgis_and_makes_the_same_bytes(home, crs):
    source, batch = home.folder / f"scattered{crs}.gpkg", f"scattered{crs}"
    scattered(crs, crs).to_file(source, driver="GPKG")
    home.run("submit", "--intent", "without_sql", "--type", "vector", "--batch-id", batch, "--dataset", batch, source)
    home.run("run", "--batch", batch)
    home.run("-c", "run.materialize=true", "replay", batch, "--force")
    home.run("replay", batch, "--force")
    runs = [run_of(home, asset["run_id"]) for asset in assets(home, batch)]
    # The last replay is of a run on PostGIS, and stays there.
    assert [run["engine"] for run in runs] == ["none", "postgis", "postgis"]
    assert ["postgis" in run["versions"] for run in runs] == [False, True, True]
    assert len({asset["content_hash"] for asset in assets(home, batch)}) == 1
    first = assets(home, batch)[0]
    assert first["row_count"] == 4000


def test_every_shipped_recipe_is_among_them():
    shipped = {path.stem for path in (ROOT / "recipes").glob("*.yaml") if "type: vector" in path.read_text()}
    assert shipped <= set(ALL)


def tables(home: Home, schema: str) -> set[str]:
    lines = (home.path / "postgres/data/postmaster.pid").read_text().splitlines()
    with psycopg.connect(f"host={lines[4]} port={lines[3]} dbname=sluice user=sluice") as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,))}


def test_a_kept_schema_has_every_table_until_gc_drops_it(home):
    source = home.folder / "kept.geojson"
    rows().to_file(source, driver="GeoJSON")
    home.run("submit", "--intent", "columns", "--type", "vector", "--batch-id", "kept", "--dataset", "kept", source)
    home.run("run", "--batch", "kept", "--materialize", "--keep-schema")
    run = run_of(home, assets(home, "kept")[0]["run_id"])
    schema = run["kept_schema"]
    assert schema == "proc_" + run["_id"].replace("-", "_")
    assert any(schema in text and "sluice gc" in text for text in run["warnings"])
    assert tables(home, schema) == {"raw_data", "step_0", "step_2", "step_3", "step_4", "step_5", "step_6", "processed"}
    home.run("run")  # a start clears what killed runs left, and this is not that
    home.run("gc", "--yes")
    assert len(tables(home, schema)) == 8
    home.run("gc", "--yes", "--grace", "0s")
    assert tables(home, schema) == set()


def test_explain_tells_the_passes_and_why(home):
    (unit,) = home.run("recipe", "explain", "columns", "--json").json["units"]
    first, *rest = unit["passes"]
    assert rest == []
    assert first["kind"] == "table" and first["table"] == "processed"
    assert first["skipped"] == ["spatial_index"]
    assert len(first["steps"]) == 7 and "one query" in first["why"]
    assert first["sql"].count("ST_Transform") >= 1 and "raw_data" in first["sql"]
    text = home.run("recipe", "explain", "apart").out
    assert "1  add_column, make_valid → step_1" in text
    assert "2  sql → step_2" in text
    (unit,) = home.run("-c", "run.materialize=true", "recipe", "explain", "columns", "--json").json["units"]
    assert [p["kind"] for p in unit["passes"]] == ["table", "index", *["table"] * 6]
