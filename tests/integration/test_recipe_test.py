# SPDX-License-Identifier: Apache-2.0
"""`recipe test`, `recipe new` and the flowchart, as somebody who writes recipes meets them."""

import json
import re

import pytest

RECIPE = """apiVersion: sluice/v1
kind: Recipe
name: tall
version: 1
intents: [tall]
type: vector
params:
  least: {type: number, default: 2}
steps:
  - filter: {where: "height > ${least}"}
checks:
  - not_empty: {on_fail: warn}
outputs:
  - geoparquet: {}
"""
GOOD = RECIPE + """tests:
  - name: what is not tall is left out
    input:
      - {properties: {name: a, height: 3.5}, geometry: {type: Point, coordinates: [1, 2, 7]}}
      - {properties: {name: b, height: 1}, geometry: null}
    expect:
      - {properties: {name: a, height: 3.5}, geometry: {type: Point, coordinates: [1, 2, 7]}}
    columns: [name, height]
    dropped: {filter: 1}
  - name: the limit is a parameter
    params: {least: 100}
    file: rows/tall.geojson
    rows: 0
    warns: not_empty
"""
BAD = RECIPE + """tests:
  - name: wrong in everything
    input:
      - {properties: {name: a, height: 3}, geometry: {type: Point, coordinates: [1, 2]}}
    expect:
      - {properties: {name: a}, geometry: {type: Point, coordinates: [1, 2.5]}}
      - {properties: {name: z}}
    columns: [name]
    dropped: {filter: 1}
  - name: does not fail
    input:
      - {properties: {name: a, height: 3}, geometry: null}
    fails: check.failed
  - name: has no such column
    input:
      - {properties: {name: a}, geometry: null}
    rows: 1
  - name: is fine
    input:
      - {properties: {height: 1}, geometry: null}
    rows: 0
"""


@pytest.fixture
def folder(home):
    rows = home.folder / "rows"
    rows.mkdir(exist_ok=True)
    (rows / "tall.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"name": "a", "height": 99}, "geometry": None}]}))
    return home.folder


def schemas_left(home) -> int:
    report = home.run("gc", "--dry-run", "--json").json
    return report["schemas"]


def test_the_shipped_recipes_pass_their_tests(home):
    tests = home.run("recipe", "test", "--json").json
    assert all(test["passed"] for test in tests), tests
    by_recipe = {}
    for test in tests:
        by_recipe[test["recipe"]] = by_recipe.get(test["recipe"], 0) + 1
    recipes = [r["name"] for r in home.run("recipe", "list", "--json").json]
    assert all(by_recipe[name] >= 3 for name in recipes)


def test_a_recipe_that_does_what_is_expected_passes(home, folder):
    path = folder / "tall.yaml"
    path.write_text(GOOD)
    result = home.run("recipe", "test", path)
    assert re.fullmatch(r"tall +ok +2 tests  \S+ s\n1 recipe, 2 tests passed, 0 failed\n", result.out)
    assert result.err == ""


def test_each_difference_is_said_with_the_place_of_the_test(home, folder):
    path = folder / "bad.yaml"
    path.write_text(BAD)
    lines = home.run("recipe", "test", path, check=3).out.splitlines()
    assert lines[0].split() == ["tall", "failed", "3", "of", "4", "tests"]
    assert lines[1:] == [
        f"  {path}:16:5: wrong in everything",
        "    columns: found name, height",
        "    dropped by filter: expected 1, found 0",
        "    rows: expected 2, found 1",
        '    row 1: geometry: expected {"type":"Point","coordinates":[1,2.5]}, found {"type":"Point","coordinates":[1.0,2.0]}',
        '    row 2 is missing: {"properties":{"name":"z"}}',
        f"  {path}:24:5: does not fail",
        "    expected the error check.failed, but nothing failed; rows: 1",
        f"  {path}:28:5: has no such column",
        lines[10],
        "1 recipe, 1 test passed, 3 failed",
    ]
    assert lines[10].startswith("    step.sql: ") and "height" in lines[10]
    found = home.run("recipe", "test", path, "--json", check=3).json
    assert [test["passed"] for test in found] == [False, False, False, True]


RASTER = """apiVersion: sluice/v1
kind: Recipe
name: halved
version: 1
intents: [halved]
type: raster
engine: none
steps:
  - calc: {expression: "b1 / 2", nodata: nan}
outputs:
  - cog: {}
tests:
  - name: half of it
    input: {bounds: [0, 0, 2, 1], type: Int16, nodata: -1, bands: [[[3, null]]]}
    expect: {type: Float32, bands: [[[1.5, null]]]}
  - name: wrong in everything
    input: {bounds: [0, 0, 2, 1], type: Byte, bands: [[[3, 4]]]}
    expect: {type: Byte, width: 3, crs: "EPSG:3857", bands: [[[1.5, 2.5]]]}
  - name: a type that is none
    input: {bounds: [0, 0, 2, 1], type: Bite, bands: [[[3, 4]]]}
    expect: {width: 2}
"""


def test_pixels_are_compared_as_rows_are(home, folder):
    path = folder / "halved.yaml"
    path.write_text(RASTER)
    lines = home.run("recipe", "test", path, check=3).out.splitlines()
    assert lines[1:] == [
        f"  {path}:16:5: wrong in everything",
        "    type: expected Byte, found Float32",
        "    width: expected 3, found 2",
        "    crs: expected EPSG:3857, found EPSG:4326",
        "    band 1, row 1, column 2: expected 2.5, found 2",
        f"  {path}:19:5: a type that is none",
        '    recipe.option: there is no data type "Bite"',
        "1 recipe, 1 test passed, 2 failed",
    ]


def test_nothing_is_left_behind(home, folder):
    path = folder / "tall.yaml"
    path.write_text(GOOD)
    home.run("recipe", "test", path)
    assert schemas_left(home) == 0
    assert list((home.path / "tmp").iterdir()) == []
    assert home.run("asset", "list", "--json").json == []


def test_a_recipe_with_a_mistake_is_not_tested(home, folder):
    path = folder / "mistake.yaml"
    path.write_text(GOOD.replace("filter:", "fliter:", 1))
    result = home.run("recipe", "test", path, check=3)
    assert result.out == ""
    assert result.err == (f'{path}:10:5: step "fliter" does not exist, did you mean "filter"?\n'
                          f"hint: sluice recipe lint {path}\n")
    assert '"ingest_vector"' in home.run("recipe", "test", "ingest_vectr", check=4).err


@pytest.mark.parametrize("kind", ["vector", "raster"])
def test_a_new_recipe_is_without_fault_and_never_takes_the_place_of_another(home, kind):
    name = f"new_{kind}"
    made = home.run("recipe", "new", name, "--type", kind)
    path = home.path / "recipes" / f"{name}.yaml"
    assert made.out.startswith(f"{path} written\n")
    assert home.run("recipe", "lint", path).out == "1 recipe ok\n"
    assert home.run("recipe", "show", name, "--json").json["intents"] == [name]
    schema = re.match(r"# yaml-language-server: \$schema=(.+)\n", path.read_text()).group(1)
    assert json.loads(open(schema).read())["title"] == "A recipe of sluice"
    path.write_text(path.read_text() + "# mine\n")
    again = home.run("recipe", "new", name, check=2)
    assert f'"{path}" is there already' in again.err and path.read_text().endswith("# mine\n")
    if kind == "vector":
        home.run("recipe", "test", name)


def test_names_and_types_that_are_none_are_refused(home):
    assert home.run("recipe", "new", "../x", check=2).err.startswith('"../x" is not a recipe\'s name')
    assert "expected vector or raster" in home.run("recipe", "new", "x", "--type", "table", check=2).err


def test_the_flowchart_has_every_step_and_quotes_names(home, folder):
    (folder / "points.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"a": 1}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]}))
    manifest = {"batch_id": "b", "uploader": "ana", "intent": "ingest_vector", "metadata": {"project": "T"},
                "files": [{"path": "points.geojson", "type": "vector"}]}
    (folder / "m.json").write_text(json.dumps(manifest))
    lines = home.run("recipe", "explain", "--manifest", folder / "m.json", "--graph", "mermaid").out.splitlines()
    assert lines[0] == "flowchart TD"
    text = "\n".join(lines)
    for name in ("points.geojson", "normalize_crs", "simplify", "not_empty", "points.parquet"):
        assert name in text
    nodes = set(re.findall(r"^  (n\d+)[\[({]", text, re.M))
    for a, b in re.findall(r"^  (n\d+) -->(?:\|[^|]*\|)? (n\d+)$", text, re.M):
        assert a in nodes and b in nodes
    assert all('"' not in label for label in re.findall(r'"(.*?)"[\])}]', text))


def test_another_engine_is_explained_or_what_it_lacks_is_listed(home, folder):
    path = home.path / "recipes"
    path.mkdir(exist_ok=True)
    (path / "gridded.yaml").write_text(RECIPE.replace("name: tall", "name: gridded").replace("[tall]", "[gridded]").replace(
        "checks:", "  - snap_to_grid: {size: 1}\n  - sql: {select: \"SELECT * FROM {{input}}\"}\nchecks:"))
    refused = home.run("recipe", "explain", "gridded", "--engine", "duckdb", check=3)
    assert "step 2 (snap_to_grid): has no form for engine duckdb   line 11" in refused.out
    assert "step 3 (sql): its SQL is yours, and runs as it is written" in refused.out
    listed = home.run("recipe", "explain", "gridded", "--engine", "duckdb", "--json", check=3).json
    assert [(u["what"], u["number"], u["name"]) for u in listed["unsupported"]] == [("step", 2, "snap_to_grid")]
    assert listed["units"] == []
    fine = home.run("recipe", "explain", "ingest_vector", "--engine", "duckdb", "--json").json
    assert fine["engine"] == "duckdb" and fine["unsupported"] == [] and "sl_transform" in fine["units"][0]["passes"][0]["sql"]
    assert "expected postgis or duckdb" in home.run("recipe", "explain", "ingest_vector", "--engine", "spark", check=2).err
    assert "no engine to choose" in home.run("recipe", "explain", "satellite_raster", "--engine", "duckdb", check=2).err
