# SPDX-License-Identifier: Apache-2.0
"""Vector outputs beside GeoParquet, and GeoParquet's options; read by geopandas, pyogrio, pyarrow, sqlite3 and csv."""

import csv
import datetime
import hashlib
import json
import sqlite3

import geopandas
import numpy
import pyarrow.parquet
import pyogrio
import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, box

from home import Home

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: vector\n"
KEEP = "steps:\n  - make_valid: {}\n"
RECIPES = {
    "all": """outputs:
  - geoparquet: {}
  - flatgeobuf: {}
  - geopackage: {}
  - geojsonseq: {reproject: true, decimals: 9}
  - csv: {}
""",
    "refused": "outputs:\n  - geojsonseq: {}\n",
    "points": """outputs:
  - csv: {dataset: p_csv, geometry: xy, delimiter: semicolon}
  - geojsonseq: {dataset: p_lines, record_separator: false}
  - geopackage: {dataset: p_gpkg, spatial_index: false}
""",
    "empty": "outputs:\n  - flatgeobuf: {}\n",
    "missing": "outputs:\n  - flatgeobuf: {}\n",
    "not_points": "outputs:\n  - csv: {geometry: xy}\n",
    "sorted": """outputs:
  - geoparquet: {sort: columns, sort_by: [name, n], compression: zstd, compression_level: 19, row_group_rows: 2048, covering: false}
  - csv: {sort: columns, sort_by: [n], geometry: none, header: false}
  - geoparquet: {dataset: sorted_snappy, compression: snappy}
  - geoparquet: {dataset: sorted_plain, compression: none, sort: none}
""",
    "no_such_column": "outputs:\n  - geoparquet: {sort: columns, sort_by: [nam]}\n",
}
UNUSUAL = ['plain', '[1, 2]', '{"a": 1}', '', 'quo"te, comma', 'two\nlines', 'Ünïcode ☃', ' blanks ']


@pytest.fixture(scope="module")
def ready(home) -> Home:
    recipes = home.path / "recipes"
    recipes.mkdir(exist_ok=True)
    for name, body in RECIPES.items():
        (recipes / f"{name}.yaml").write_text(HEAD.format(name=name) + KEEP + body)
    n = len(UNUSUAL)
    hole = Polygon(box(500000, 5800000, 500100, 5800100).exterior.coords, [box(500010, 5800010, 500020, 5800020).exterior.coords])
    shapes = [MultiPolygon([hole, box(500200, 5800000, 500300, 5800100)])] * 2 + [
        MultiPolygon([box(500000 + 50 * i, 5800000 + i, 500010 + 50 * i, 5800010 + i)]) for i in range(n - 2)]
    frame = geopandas.GeoDataFrame(
        {"n": range(n), "big": [2**53 + 1 + i for i in range(n)], "x": [0.1 + i / 3 for i in range(n)], "text": UNUSUAL,
         "flag": [i % 2 == 0 for i in range(n)], "fid_1": range(n),
         "day": [datetime.date(2020, 2, 29)] * n,
         "at": [datetime.datetime(2021, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)] * n},
        geometry=shapes, crs="EPSG:25833")
    frame.loc[2, "x"] = numpy.nan
    frame.to_file(home.folder / "areas.gpkg", driver="GPKG", engine="pyogrio")
    geopandas.GeoDataFrame({"n": [1, 2, 3]}, geometry=[Point(13.5, 52.25, 30), None, Point(-70.123456789, -33, 1)],
                           crs="EPSG:4326").to_file(home.folder / "points.gpkg", driver="GPKG")
    geopandas.GeoDataFrame({"n": [1, 2]}, geometry=[box(0, 0, 1, 1), Polygon()],
                           crs="EPSG:4326").to_file(home.folder / "empty.gpkg", driver="GPKG")
    many = 10000
    generator = numpy.random.default_rng(7)
    numbers = generator.permutation(many)
    geopandas.GeoDataFrame({"n": numbers, "name": [f"s{i % 7}" for i in numbers]},
                           geometry=shapely.points(generator.uniform(-10, 10, (many, 2))),
                           crs="EPSG:4326").to_file(home.folder / "many.gpkg", driver="GPKG")
    return home


def ingest(ready, intent, file, batch=None, check=True):
    batch = batch or intent
    ready.run("submit", "--intent", intent, "--batch-id", batch, ready.folder / file)
    ready.run("run", "--once", check=check)
    found = ready.run("batch", "show", batch, "--json").json
    assets = ready.run("asset", "list", "--all", "--json").json
    return found, {a["dataset_id"]: a for a in assets if a["batch_id"] == batch}


@pytest.fixture(scope="module")
def areas(ready):
    found, assets = ingest(ready, "all", "areas.gpkg")
    assert found["status"] == "succeeded", found
    return {name: (a, ready.object(a)) for name, a in assets.items()}


def test_outputs_without_a_dataset_are_named_after_the_first(areas):
    assert set(areas) == {"areas", "areas.flatgeobuf", "areas.geopackage", "areas.geojsonseq", "areas.csv"}
    assert areas["areas.flatgeobuf"][0]["s3_key"] == "areas.flatgeobuf/v1/areas.flatgeobuf.fgb"
    for asset, path in areas.values():
        assert asset["row_count"] == len(UNUSUAL)
        assert "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() == asset["content_hash"]


@pytest.mark.parametrize("name", ["areas.flatgeobuf", "areas.geopackage"])
def test_gdal_reads_the_same_rows_with_the_same_values(areas, name):
    expected = geopandas.read_parquet(areas["areas"][1])
    found = pyogrio.read_dataframe(areas[name][1])
    assert found.crs == "EPSG:25833"
    assert pyogrio.read_info(areas[name][1])["geometry_type"] == "MultiPolygon"
    if name == "areas.flatgeobuf":  # in the order of its index
        found, expected = found.sort_values("n", ignore_index=True), expected.sort_values("n", ignore_index=True)
    for column in ["n", "big", "text", "flag"]:
        assert list(found[column]) == list(expected[column]), column
    assert numpy.array_equal(found["x"], expected["x"], equal_nan=True)
    assert all(found.geometry.geom_equals(expected.geometry))
    assert str(found["at"].iloc[0]) == "2021-01-02 03:04:05.678000+00:00"
    assert str(found["day"].iloc[0])[:10] == "2020-02-29"


def test_a_geopackage_has_an_index_one_layer_and_no_time_of_its_making(areas):
    with sqlite3.connect(areas["areas.geopackage"][1]) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT table_name, last_change, srs_id FROM gpkg_contents").fetchall() == [
            ("areas.geopackage", "1970-01-01T00:00:00.000Z", 25833)]
        assert db.execute("SELECT count(*) FROM gpkg_extensions WHERE extension_name = 'gpkg_rtree_index'").fetchone() == (1,)


def test_a_flatgeobuf_has_an_index(areas):
    info = pyogrio.read_info(areas["areas.flatgeobuf"][1])
    assert info["features"] == len(UNUSUAL) and info["capabilities"]["fast_spatial_filter"]


def test_geojson_is_a_text_sequence_in_longitude_and_latitude(areas):
    asset, path = areas["areas.geojsonseq"]
    assert asset["crs"] == "OGC:CRS84"
    records = path.read_bytes().split(b"\x1e")
    assert records[0] == b"" and all(r.endswith(b"\n") for r in records[1:])
    features = [json.loads(r) for r in records[1:]]
    expected = geopandas.read_parquet(areas["areas"][1])
    assert [f["properties"]["text"] for f in features] == list(expected["text"])
    assert [f["properties"]["big"] for f in features] == list(expected["big"])
    assert [f["properties"]["x"] for f in features] == [None if numpy.isnan(x) else x for x in expected["x"]]
    assert features[0]["properties"]["at"] == "2021-01-02T03:04:05.678Z"
    shapes = [shapely.geometry.shape(f["geometry"]) for f in features]
    for shape, wanted in zip(shapes, expected.to_crs("EPSG:4326").geometry):
        assert shape.hausdorff_distance(wanted) < 1e-8
        for part in shape.geoms:
            assert part.exterior.is_ccw and not any(hole.is_ccw for hole in part.interiors)
    assert len(pyogrio.read_dataframe(path)) == len(UNUSUAL)


def test_csv_keeps_texts_and_wkt(areas):
    expected = geopandas.read_parquet(areas["areas"][1])
    with open(areas["areas.csv"][1], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["text"] for r in rows] == list(expected["text"])
    assert [float(r["x"]) if r["x"] else None for r in rows] == [None if numpy.isnan(x) else x for x in expected["x"]]
    assert all(shapely.from_wkt(r["geom"]).equals(g) for r, g in zip(rows, expected.geometry))
    assert rows[0]["at"] == "2021-01-02T03:04:05.678Z" and rows[0]["day"] == "2020-02-29"
    assert areas["areas.csv"][1].read_text().count('""') >= 1  # the empty text is no NULL


def test_rows_are_compared_in_parquet_only(ready, areas):
    refused = ready.run("asset", "diff", "areas.csv@1", "areas.csv@1", "--rows", check=2)
    assert "areas.csv v1 is no parquet file" in refused.err


def test_the_same_rows_give_the_same_bytes(ready, areas):
    done = ready.run("replay", "all", "--json")
    outputs = ready.run("run", "--once", check=False) and ready.run("batch", "show", "all", "--json").json
    assert {o["how"] for o in outputs["run"]["outputs"]} == {"same"}, (done, outputs["run"]["outputs"])


def test_geojson_of_another_system_is_refused_unless_it_may_be_reprojected(ready):
    found, assets = ingest(ready, "refused", "areas.gpkg", check=False)
    assert found["status"] != "succeeded" and not assets
    assert found["error"]["code"] == "crs.mismatch" and "reproject: true" in found["error"]["hint"]


def test_points_as_x_y_z_and_a_missing_geometry(ready):
    found, assets = ingest(ready, "points", "points.gpkg")
    assert found["status"] == "succeeded", found
    lines = ready.object(assets["p_csv"]).read_text().splitlines()
    assert lines[0] == "n;x;y;z"
    assert sorted(lines[1:]) == ["1;13.5;52.25;30", "2;;;", "3;-70.123456789;-33;1"]
    records = [json.loads(line) for line in ready.object(assets["p_lines"]).read_text().splitlines()]
    assert {r["properties"]["n"]: r["geometry"] and r["geometry"]["coordinates"] for r in records} == {
        1: [13.5, 52.25, 30.0], 2: None, 3: [-70.1234568, -33.0, 1.0]}
    frame = pyogrio.read_dataframe(ready.object(assets["p_gpkg"]))
    assert sorted(frame["n"]) == [1, 2, 3] and frame.geometry.isna().sum() == 1


@pytest.mark.parametrize("intent, file", [("missing", "points.gpkg"), ("empty", "empty.gpkg")])
def test_a_flatgeobuf_of_rows_without_geometry_is_refused(ready, intent, file):
    found, assets = ingest(ready, intent, file, check=False)
    assert found["error"]["code"] == "geometry.contract" and "1 row without geometry" in found["error"]["message"]
    assert not assets


def test_polygons_have_no_x_and_y(ready):
    found, assets = ingest(ready, "not_points", "areas.gpkg", check=False)
    assert found["error"]["code"] == "geometry.contract" and not assets


def test_rows_by_columns_and_parquet_as_asked(ready):
    found, assets = ingest(ready, "sorted", "many.gpkg")
    assert found["status"] == "succeeded", found
    assert set(assets) == {"many", "many.csv", "sorted_snappy", "sorted_plain"}
    table = pyarrow.parquet.ParquetFile(ready.object(assets["many"]))
    frame = table.read().to_pandas()
    assert list(zip(frame["name"], frame["n"])) == sorted(zip(frame["name"], frame["n"]))
    assert "bbox" not in frame and table.metadata.num_row_groups == 5
    assert table.metadata.row_group(0).column(0).compression == "ZSTD"
    for name, compression in [("sorted_snappy", "SNAPPY"), ("sorted_plain", "UNCOMPRESSED")]:
        other = pyarrow.parquet.ParquetFile(ready.object(assets[name]))
        assert other.metadata.row_group(0).column(0).compression == compression and other.metadata.num_rows == 10000
    numbers = [int(line.split(",")[0]) for line in ready.object(assets["many.csv"]).read_text().splitlines()]
    assert numbers == list(range(10000))


def test_a_column_to_sort_by_that_is_not_there_is_named(ready):
    found, _ = ingest(ready, "no_such_column", "many.gpkg", check=False)
    assert found["error"]["code"] == "recipe.option" and '"nam"' in found["error"]["message"]
