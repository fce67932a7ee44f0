# SPDX-License-Identifier: Apache-2.0
"""Tables without geometry: CSV, a layer of a GeoPackage, DBF; recipes of type table, Parquet and CSV out, on both engines."""

import csv
import json
import sqlite3
import struct

import duckdb
import geopandas
import pyarrow.parquet
import pystac
import pytest
from shapely.geometry import Point

from home import Home

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: table\nengine: {engine}\n"
STEPS = """steps:
  - filter: {where: "id <> '3'"}
  - rename: {columns: {value: amount}}
  - cast: {columns: {id: bigint, amount: double}}
  - add_column: {name: twice, type: double, value: "amount * 2"}
  - dedupe: {columns: [id]}
  - join: {dataset: names, on: [kind]}
  - select: {columns: [id, kind, label, amount, twice]}
  - sort: {columns: [id], descending: [id]}
checks:
  - not_empty: {}
  - unique: {columns: [id]}
  - expression: {rule: "amount >= 0", on_fail: quarantine}
outputs:
  - parquet: {}
  - csv: {}
  - parquet: {dataset: DATASET_parts, partition_by: [kind], sort: columns, sort_by: [id]}
"""
ROWS = "id,kind,value,lon,lat\n1,a,1.5,13,52\n2,b,2,13,52\n2,b,2,13,52\n3,a,7,1,1\n4,,5,2,2\n5,a,-1,3,3\n"


@pytest.fixture(scope="module")
def ready(home) -> Home:
    folder = home.path / "recipes"
    folder.mkdir(exist_ok=True)
    for engine in ("postgis", "duckdb"):
        (folder / f"on_{engine}.yaml").write_text(HEAD.format(name=f"on_{engine}", engine=engine) + STEPS.replace("DATASET", engine))
    (home.folder / "names.csv").write_text("kind,label\na,Alpha\nb,Beta\n")
    (home.folder / "rows.csv").write_text(ROWS)
    submit(home, "ingest_table", "names", home.folder / "names.csv")
    home.run("run", "--once")
    for engine in ("postgis", "duckdb"):
        submit(home, f"on_{engine}", engine, home.folder / "rows.csv")
    home.run("run", "--once")
    return home


def submit(home: Home, intent: str, dataset: str, path, *words: str) -> None:
    home.run("submit", "--batch", dataset, "--intent", intent, "--type", "table", "--dataset", dataset, *words, path)


def asset(home: Home, dataset: str) -> dict:
    return home.run("asset", "show", dataset, "--json").json


def rows_of(home: Home, dataset: str) -> list[dict]:
    return pyarrow.parquet.read_table(home.object(asset(home, dataset))).to_pylist()


def test_a_csv_with_coordinates_stays_a_table_when_it_is_declared_one(ready):
    submit(ready, "ingest_table", "plain", ready.folder / "rows.csv")
    ready.run("run", "--once")
    document = asset(ready, "plain")
    assert document["kind"] == "table" and document["row_count"] == 6
    assert document["crs"] is None and document["bounds"] == [] and document["geometry_types"] == []
    table = pyarrow.parquet.read_table(ready.object(document))
    assert table.column_names == ["id", "kind", "value", "lon", "lat"]
    assert b"geo" not in (table.schema.metadata or {})
    assert pyarrow.parquet.ParquetFile(ready.object(document)).metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("engine", ["postgis", "duckdb"])
def test_steps_and_checks_do_without_geometry(ready, engine):
    rows = rows_of(ready, engine)
    assert rows == [{"id": 4, "kind": "", "label": None, "amount": 5.0, "twice": 10.0},
                    {"id": 2, "kind": "b", "label": "Beta", "amount": 2.0, "twice": 4.0},
                    {"id": 1, "kind": "a", "label": "Alpha", "amount": 1.5, "twice": 3.0}]
    run = ready.run("ledger", "find", "runs", json.dumps({"batch_id": engine}), "--json").json[0]
    assert run["rows_in"] == 6 and run["rows_out"] == 3 and run["engine"] == engine


@pytest.mark.parametrize("engine", ["postgis", "duckdb"])
def test_a_table_goes_out_as_csv_and_in_parts(ready, engine):
    document = asset(ready, f"{engine}.csv")
    assert document["kind"] == "table"
    with open(ready.object(document), newline="", encoding="utf-8") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["", "Beta", "Alpha"]
    target = ready.folder / f"{engine}_parts"
    ready.run("asset", "get", f"{engine}_parts", "-o", target)
    found = duckdb.sql(f"SELECT id, label FROM read_parquet('{target}/**/*.parquet', hive_partitioning=true) ORDER BY id").fetchall()
    assert found == [(1, "Alpha"), (2, "Beta"), (4, None)]


def test_rows_put_aside_are_a_quarantine_asset(ready):
    rows = rows_of(ready, "postgis.quarantine")
    assert [row["id"] for row in rows] == [5] and "expression" in str(rows[0]["_reasons"])


def test_the_stac_item_of_a_table_has_no_geometry_and_is_valid(ready):
    document = asset(ready, "postgis")
    item = pystac.Item.from_dict(document["stac"])
    assert item.geometry is None and item.bbox is None
    ready.run("asset", "show", "postgis", "--iso")


def test_the_same_rows_give_the_same_bytes(ready):
    for dataset in ("postgis", "duckdb"):
        assert "same bytes" in ready.run("replay", dataset).out


def test_the_tables_of_a_geopackage_come_and_its_layers_stay(ready):
    path = ready.folder / "mixed.gpkg"
    geopandas.GeoDataFrame({"n": [1]}, geometry=[Point(1, 2)], crs="EPSG:4326").to_file(path, layer="places", driver="GPKG")
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE notes (fid INTEGER PRIMARY KEY, note TEXT, size INTEGER)")
        base.executemany("INSERT INTO notes (note, size) VALUES (?, ?)", [("one", 2**60), (None, 2)])
        base.execute("INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('notes', 'attributes', 'notes')")
    ready.run("submit", "--batch", "mixed", "--intent", "ingest_table", "--type", "table", path)
    ready.run("run", "--once")
    run = ready.run("ledger", "find", "runs", '{"batch_id": "mixed"}', "--json").json[0]
    assert run["status"] == "succeeded", run
    dataset = run["outputs"][0]["dataset_id"]
    rows = rows_of(ready, dataset)
    assert sorted((r["note"] or "", r["size"]) for r in rows) == [("", 2), ("one", 2**60)]


def test_a_dbf_is_a_table(ready):
    path = ready.folder / "towns.dbf"
    fields = [(b"NAME", b"C", 10, 0), (b"N", b"N", 5, 0)]
    records = [(b"Essen", b"12"), (b"Ulm", b"7")]
    size = 1 + sum(f[2] for f in fields)
    head = struct.pack("<BBBBIHH20x", 3, 126, 1, 1, len(records), 33 + 32 * len(fields), size)
    head += b"".join(struct.pack("<11sc4xBB14x", n, t, w, d) for n, t, w, d in fields) + b"\r"
    path.write_bytes(head + b"".join(b" " + a.ljust(10) + b.rjust(5) for a, b in records) + b"\x1a")
    submit(ready, "ingest_table", "towns", path)
    (cut := ready.folder / "cut.dbf").write_bytes(path.read_bytes()[:-6])
    submit(ready, "ingest_table", "cut", cut)
    ready.run("run", "--once", check=False)
    assert sorted((r["NAME"], r["N"]) for r in rows_of(ready, "towns")) == [("Essen", 12), ("Ulm", 7)]
    assert ready.run("batch", "show", "cut", "--json").json["error"]["code"] == "file.truncated"


def test_a_layer_with_geometry_is_no_table(ready):
    path = ready.folder / "points.gpkg"
    geopandas.GeoDataFrame({"n": [1]}, geometry=[Point(1, 2)], crs="EPSG:4326").to_file(path, driver="GPKG")
    submit(ready, "ingest_table", "points", path)
    ready.run("run", "--once", check=False)
    error = ready.run("batch", "show", "points", "--json").json["error"]
    assert error["code"] == "file.layer" and "has a geometry" in error["message"]


@pytest.mark.parametrize("part, words", [
    ("steps:\n  - make_valid: {}\noutputs:\n  - parquet: {}\n", 'step "make_valid" is about the geometry'),
    ("checks:\n  - valid_geometry: {}\noutputs:\n  - parquet: {}\n", 'check "valid_geometry" is about the geometry'),
    ("outputs:\n  - geoparquet: {}\n", "geoparquet"),
    ("outputs:\n  - parquet: {sort: hilbert}\n", "hilbert")])
def test_lint_refuses_what_needs_a_geometry(ready, part, words):
    path = ready.folder / "wrong.yaml"
    path.write_text(HEAD.format(name="wrong", engine="postgis") + part)
    assert words in (lint := ready.run("recipe", "lint", path, check=False)).out + lint.err


def test_a_query_that_makes_a_geometry_fails_with_the_contract(ready):
    (ready.path / "recipes/makes.yaml").write_text(
        HEAD.format(name="makes", engine="postgis")
        + 'steps:\n  - sql: {select: "SELECT *, ST_Point(1, 2) AS geom FROM {{input}}"}\noutputs:\n  - parquet: {}\n')
    submit(ready, "makes", "makes", ready.folder / "rows.csv")
    ready.run("run", "--once", check=False)
    assert ready.run("batch", "show", "makes", "--json").json["error"]["code"] == "geometry.contract"


def test_explain_and_the_shipped_tests_know_tables(ready):
    assert "geom" not in ready.run("recipe", "explain", "on_postgis").out
    assert "3 tests passed" in ready.run("recipe", "test", "ingest_table").out
