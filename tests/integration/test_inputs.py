# SPDX-License-Identifier: Apache-2.0
"""Batches of several files that become one table, checked by geopandas."""

import json
import shutil

import geopandas
import numpy
import pandas
import pytest
from shapely.geometry import LineString, Point, box

from home import Home

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: vector\n"
RECIPES = {
    "merged": "inputs: merge\noutputs:\n  - geoparquet: {}\n",
    "merged_names": "inputs: {merge: {source_column: file, mismatch: text}}\noutputs:\n  - geoparquet: {dataset: named}\n",
    "joined": """inputs:
  roles:
    roads: {main: true}
    zones: {}
    names: {required: false}
steps:
  - normalize_crs: {to: "EPSG:25833"}
  - join: {role: zones, predicate: intersects, columns: [zone, name], matches: largest}
  - join: {role: names, on: [zone], to: [code], prefix: n_}
outputs:
  - geoparquet: {}
""",
    "with_lake": """params:
  version: {type: integer, default: 1}
steps:
  - normalize_crs: {to: "EPSG:25833"}
  - join: {dataset: districts, predicate: within, columns: [district]}
  - clip: {dataset: districts}
outputs:
  - geoparquet: {}
""",
    "all_of_it": """engine: ENGINE
inputs:
  roles:
    spots: {main: true}
    more: {many: true, source_column: file}
    zones: {}
    fences: {required: false}
steps:
  - union: {roles: [more], source_column: origin}
  - clip: {role: fences}
  - join: {role: zones, predicate: within, matches: many, how: inner, columns: [zone]}
  - sql: {select: "SELECT i.*, (SELECT count(*) FROM {{role.zones}} AS z WHERE ST_Intersects(z.geom, i.geom)) AS n_zones FROM {{input}} AS i"}
  - join: {dataset: districts, version: 1, predicate: nearest, max_distance: 1, unit: crs, columns: [district]}
outputs:
  - geoparquet: {dataset: all.ENGINE}
""",
    "districts": "outputs:\n  - geoparquet: {dataset: districts}\n",
    "misspelt": "steps:\n  - join: {dataset: distrcts, on: [district]}\noutputs:\n  - geoparquet: {}\n",
    "no_version": "steps:\n  - join: {dataset: districts, version: 9, on: [district]}\noutputs:\n  - geoparquet: {}\n",
    "two_roles": """inputs:
  roles:
    roads: {main: true}
    zones: {required: false, many: true}
outputs:
  - geoparquet: {}
""",
}


@pytest.fixture(scope="module")
def ready(home) -> Home:
    recipes = home.path / "recipes"
    recipes.mkdir(exist_ok=True)
    for engine in ("postgis", "duckdb"):
        body = RECIPES["all_of_it"].replace("ENGINE", engine)
        (recipes / f"all_{engine}.yaml").write_text(HEAD.format(name=f"all_{engine}") + body)
    for name, body in RECIPES.items():
        if name == "all_of_it":
            continue
        (recipes / f"{name}.yaml").write_text(HEAD.format(name=name) + body)
    return home


def points(values: dict, at, crs="EPSG:4326") -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(values, geometry=[Point(*p) for p in at], crs="EPSG:4326").to_crs(crs)


def submit(ready, batch: str, intent: str, files: dict, check=True, roles=None, layers=None, **more):
    """files: name -> frame. Gives what `batch show` says, or the failed result of submit."""
    folder = ready.folder / batch
    folder.mkdir(exist_ok=True)
    listed = []
    for name, frame in files.items():
        if isinstance(frame, pandas.DataFrame) and not isinstance(frame, geopandas.GeoDataFrame):
            frame.to_csv(folder / name, index=False)
        elif frame is not None:
            frame.to_file(folder / name, driver="GPKG" if name.endswith(".gpkg") else "GeoJSON")
        entry = {"path": name, "type": "vector"}
        if roles and name in roles:
            entry["role"] = roles[name]
        listed.append(entry)
    manifest = {"batch_id": batch, "uploader": "tester", "intent": intent, "files": listed,
                "metadata": {"project": "P", "description": "d"}} | more
    (folder / "manifest.json").write_text(json.dumps(manifest))
    sent = ready.run("submit", folder / "manifest.json", check=False)
    if sent.code != 0:
        assert check is not True, str(sent)
        return sent
    ready.run("run", "--once", check=check)
    return ready.run("batch", "show", batch, "--json").json


def assets(ready, batch: str) -> list:
    return ready.run("ledger", "find", "assets", json.dumps({"batch_id": batch}), "--json").json


def made(ready, batch: str) -> geopandas.GeoDataFrame:
    asset, = assets(ready, batch)
    return geopandas.read_parquet(ready.object(asset))


def three_files() -> dict:
    return {"a.gpkg": points({"name": ["x", "y"], "n": [1, 2]}, [(13, 52), (13.1, 52.1)], "EPSG:25833"),
            "b.geojson": points({"n": [2.5], "Name": ["z"], "extra": [True]}, [(14, 53)]),
            "c.geojson": points({"extra": [False], "name": ["w"], "n": [5]}, [(12, 51)])}


def test_three_files_with_other_columns_in_another_order_become_one_table(ready):
    run = submit(ready, "merged", "merged", three_files())["run"]
    assert run["rows_in"] == 4 and run["rows_out"] == 4
    assert [(i["landing_path"].split("/")[-1], i["rows"]) for i in run["inputs"]] == [
        ("a.gpkg", 2), ("b.geojson", 1), ("c.geojson", 1)]
    asset, = assets(ready, "merged")
    assert asset["dataset_id"] == "merged" and len(asset["inputs"]) == 3
    rows = made(ready, "merged").set_index("name").sort_index()
    assert list(rows.columns) == ["n", "extra", "geom"]
    assert list(rows["n"]) == [5, 1, 2, 2.5] and rows["n"].dtype == "float64"
    assert [None if pandas.isna(v) else bool(v) for v in rows["extra"]] == [False, None, None, True]
    # The first file's CRS is everybody's, and the run says for whom it was another.
    assert rows.crs.to_epsg() == 25833
    assert rows.to_crs(4326).geometry["z"].distance(Point(14, 53)) < 1e-7
    assert any("b.geojson: brought from EPSG:4326 to EPSG:25833" in w or "b.geojson: brought from OGC:CRS84" in w
               for w in run["warnings"]), run["warnings"]


def test_the_same_files_again_are_the_same_asset(ready):
    shutil.copytree(ready.folder / "merged", ready.folder / "merged-again")
    again = submit(ready, "merged-again", "merged", dict.fromkeys(three_files()))["run"]
    assert [o["how"] for o in again["outputs"]] == ["linked"]


def test_types_without_one_in_common_are_refused_with_both_files_or_become_text(ready):
    files = {"a.geojson": points({"v": [1]}, [(1, 1)]), "b.geojson": points({"v": ["one"]}, [(2, 2)])}
    error = submit(ready, "clash", "merged", files, check=3)["error"]
    assert error["code"] == "recipe.option"
    assert error["message"] == 'column "v" is integer in a.geojson, and text in b.geojson'
    submit(ready, "named", "merged_names", files)
    rows = made(ready, "named").sort_values("file")
    assert list(zip(rows["v"], rows["file"])) == [("1", "a.geojson"), ("one", "b.geojson")]


def test_all_layers_of_a_file_are_merged(ready):
    folder = ready.folder / "layers"
    folder.mkdir()
    points({"v": [1]}, [(1, 1)]).to_file(folder / "x.gpkg", layer="first", driver="GPKG")
    points({"v": [2], "w": ["b"]}, [(2, 2)]).to_file(folder / "x.gpkg", layer="second", driver="GPKG")
    run = submit(ready, "layers", "merged_names", {"x.gpkg": None})["run"]
    assert run["rows_in"] == 2 and [i["rows"] for i in run["inputs"]] == [2]
    assert sorted(made(ready, "layers")["v"]) == [1, 2]


@pytest.mark.parametrize("roles, message", [
    ({"a.geojson": "roads", "b.geojson": "zone"},
     '/files/1/role: recipe two_roles has no role "zone", did you mean "zones"?'),
    ({"a.geojson": "roads"}, '/files/1: "role" is missing, which recipe two_roles needs of each file'),
    ({"a.geojson": "zones", "b.geojson": "zones"}, '/files: no file has the role "roads", which recipe two_roles needs'),
    ({"a.geojson": "roads", "b.geojson": "roads"},
     '/files/1/role: "roads" is the role of /files/0 already, and recipe two_roles takes one file of it'),
], ids=["unknown", "missing", "required", "twice"])
def test_roles_that_do_not_fit_the_recipe_are_refused_with_their_place_in_the_manifest(ready, roles, message, request):
    files = {"a.geojson": points({"v": [1]}, [(1, 1)]), "b.geojson": points({"v": [2]}, [(2, 2)])}
    sent = submit(ready, "roles-" + request.node.callspec.id, "two_roles", files, check=3, roles=roles)
    assert sent.code == 3 and message in sent.err, str(sent)


def road_and_zones():
    roads = geopandas.GeoDataFrame({"name": ["a", "b", "c"]}, crs="EPSG:4326", geometry=[
        LineString([(13.0, 52.0), (13.3, 52.0)]), LineString([(13.1, 52.05), (13.15, 52.05)]), LineString([(15, 53), (16, 53)])])
    zones = geopandas.GeoDataFrame({"zone": [1, 2], "name": ["west", "east"]}, crs="EPSG:4326",
                                   geometry=[box(13, 51.9, 13.2, 52.1), box(13.2, 51.9, 13.4, 52.1)])
    return roads, zones


def test_two_files_are_joined_by_their_roles_as_geopandas_does(ready):
    roads, zones = road_and_zones()
    names = pandas.DataFrame({"code": ["1", "2"], "title": ["Z-1", "Z-2"]})
    files = {"roads.gpkg": roads, "zones.geojson": zones}
    run = submit(ready, "joined", "joined", files, roles={"roads.gpkg": "roads", "zones.geojson": "zones"})["run"]
    assert run["rows_in"] == 3 and run["rows_out"] == 3 and run["rows_added"] == {}
    assert {i["file_role"]: i["rows"] for i in run["inputs"]} == {"roads": 3, "zones": 2}
    rows = made(ready, "joined").set_index("name").sort_index()
    assert list(rows.columns) == ["zone", "name_1", "geom"] and rows.crs.to_epsg() == 25833
    expected = geopandas.overlay(roads.to_crs(25833), zones.to_crs(25833), keep_geom_type=False)
    best = expected.assign(length=expected.length).sort_values("length").drop_duplicates("name_1", keep="last")
    assert dict(zip(best["name_1"], best["zone"])) == {k: v for k, v in rows["zone"].items() if not pandas.isna(v)}
    assert pandas.isna(rows["name_1"]["c"])
    assert 'step join: column "name" of role zones is "name_1" here' in run["warnings"]
    # The same with a table without geometry: types that cannot be compared are told before PostgreSQL tells them.
    error = submit(ready, "joined-names", "joined", files | {"names.csv": names}, check=3,
                   roles={"roads.gpkg": "roads", "zones.geojson": "zones", "names.csv": "names"})["error"]
    assert error["message"] == 'join: column "zone" is integer, and "code" of role names is text'


def districts(second: str) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"district": ["north", second]}, crs="EPSG:4326",
                                  geometry=[box(13, 52.5, 14, 53), box(13, 52, 14, 52.5)])


def test_a_dataset_of_the_lake_is_joined_and_a_replay_takes_the_same_version_again(ready):
    submit(ready, "districts-1", "districts", {"d.gpkg": districts("south")})
    files = {"p.geojson": points({"n": [1, 2, 3]}, [(13.5, 52.7), (13.5, 52.2), (20, 50)])}
    run = submit(ready, "lake", "with_lake", files)["run"]
    used, = run["datasets"]
    assert (used["dataset_id"], used["version"], used["latest"]) == ("districts", 1, True)
    first, = assets(ready, "lake")
    assert first["datasets"] == run["datasets"]
    assert run["rows_dropped"] == {"clip": 1}
    assert dict(zip(made(ready, "lake")["n"], made(ready, "lake")["district"])) == {1: "north", 2: "south"}
    lineage = ready.run("lineage", "lake" if first["dataset_id"] == "lake" else first["dataset_id"]).out
    assert "districts v1" in lineage and "p.geojson" in lineage
    assert "districts v1" in ready.run("asset", "show", first["_id"]).out

    submit(ready, "districts-2", "districts", {"d.gpkg": districts("centre")})
    ready.run("replay", "lake", "--yes", check=False)
    ready.run("run", "--once")
    again = ready.run("batch", "show", "lake", "--json").json["run"]
    assert again["replay"] and again["datasets"][0]["version"] == 1
    assert [o["how"] for o in again["outputs"]] == ["same"]
    # A new batch of the same file has the new version, and is not taken for the old one.
    shutil.copytree(ready.folder / "lake", ready.folder / "lake-later")
    later = submit(ready, "lake-later", "with_lake", dict.fromkeys(files))["run"]
    assert later["datasets"][0]["version"] == 2 and [o["how"] for o in later["outputs"]] == ["new"]
    assert set(made(ready, "lake-later")["district"]) == {"north", "centre"}
    assert ready.run("verify", "--deep").code == 0


@pytest.mark.parametrize("intent, message, hint", [
    ("misspelt", 'step join: there is no dataset "distrcts" in the lake', 'did you mean "districts"?'),
    ("no_version", 'step join: dataset "districts" has no version 9', "the latest is 2"),
])
def test_a_dataset_that_is_not_there_is_told_before_anything_is_computed(ready, intent, message, hint):
    shown = submit(ready, intent, intent, {"p.geojson": points({"district": ["x"]}, [(1, 1)])}, check=3)
    assert (shown["error"]["code"], shown["error"]["message"]) == ("recipe.option", message)
    assert shown["error"]["hint"] == hint
    assert "load" not in [s["name"] for s in shown["run"]["stages"]]


@pytest.mark.parametrize("engine", ["postgis", "duckdb"])
def test_rows_of_several_roles_are_what_geopandas_makes_of_them_on_either_engine(ready, engine):
    random = numpy.random.default_rng(5)
    at = [(float(x), float(y)) for x, y in zip(random.uniform(12.8, 14.2, 300), random.uniform(51.8, 53.2, 300))]
    spots, more = points({"n": list(range(200))}, at[:200]), points({"n": list(range(200, 300))}, at[200:])
    zones = geopandas.GeoDataFrame({"zone": list("abcd")}, crs="EPSG:4326", geometry=[
        box(13, 52, 13.6, 52.6), box(13.4, 52.4, 14, 53), box(13, 52.8, 13.1, 53), box(0, 0, 1, 1)])
    files = {"spots.gpkg": spots, "m1.geojson": more[:40], "m2.gpkg": more[40:].to_crs(3035), "zones.gpkg": zones.to_crs(25833)}
    roles = {"spots.gpkg": "spots", "m1.geojson": "more", "m2.gpkg": "more", "zones.gpkg": "zones"}
    run = submit(ready, f"all-{engine}", f"all_{engine}", files, roles=roles)["run"]
    joined = geopandas.sjoin(pandas.concat([spots, more]), zones.to_crs(25833).to_crs(4326), predicate="within")
    rows = made(ready, f"all-{engine}")
    assert sorted(zip(rows["n"], rows["zone"])) == sorted(zip(joined["n"], joined["zone"]))
    assert set(rows["file"].dropna()) == {"m1.geojson", "m2.gpkg"} and set(rows["origin"].dropna()) == {"more"}
    assert dict(zip(rows["n"], rows["n_zones"])) == joined.groupby("n").size().to_dict()
    kept = joined["n"].nunique()
    assert (run["rows_in"], run["rows_out"]) == (200, len(joined))
    assert run["rows_added"] == {"union": 100, "join": len(joined) - kept} and run["rows_dropped"] == {"join": 300 - kept}
    near = {n: "north" if p.y > 52.5 else "south" for n, p in zip(joined["n"], joined.geometry)}
    assert dict(zip(rows["n"], rows["district"])) == near


def test_a_row_with_several_matches_ends_the_batch_unless_many_are_expected(ready):
    zones = geopandas.GeoDataFrame({"zone": [1, 2]}, crs="EPSG:4326", geometry=[box(13, 51, 15, 53), box(14, 51, 16, 53)])
    files = {"s.geojson": points({"n": [1, 2]}, [(13.5, 52), (14.5, 52)]), "z.geojson": zones}
    (ready.path / "recipes/once.yaml").write_text(HEAD.format(name="once") + """inputs: {roles: {spots: {main: true}, zones: {}}}
steps:
  - join: {role: zones, predicate: within, columns: [zone]}
outputs:
  - geoparquet: {}
""")
    error = submit(ready, "once", "once", files, check=3, roles={"s.geojson": "spots", "z.geojson": "zones"})["error"]
    assert error["code"] == "check.failed"
    assert error["message"] == 'step join: 2 rows became 3, so that some have more than one match in role "zones"'
