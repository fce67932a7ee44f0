# SPDX-License-Identifier: Apache-2.0
"""Values and names: what formats can hold and tables can't always."""

import datetime
import json
import sqlite3
import struct
from pathlib import Path

import geopandas
import numpy
import pandas
import shapely
from shapely.geometry import LineString, Point, Polygon

from inputs.case import Input, Refused, Rows
from inputs.formats import PYOGRIO, feature, geojson, real, text, written
from vector_files import points

UTM = "EPSG:25833"
BIG = (2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 0)
HOSTILE = ['"; DROP TABLE x; --', "it's", "geom", "geom_1", "bbox", "ctid", "x" * 70, "Name", "name", "größe 日本", "select",
           "%s", "${x}", "{{input}}", "\\", "$1", "ogc_fid", "order", "Ж" * 40]


def gpkg(sql: str, *rows: tuple, srs: int = 25833, kind: str = "GEOMETRY"):
    """A GeoPackage whose table is made by SQL: its columns are declared as no writer of ours would."""
    def make(folder: Path) -> dict[str, bytes]:
        path = folder / "x.gpkg"
        points(1).head(0).to_file(path, driver="GPKG", engine="pyogrio", layer="seed", geometry_type="Point", SPATIAL_INDEX="NO")
        with sqlite3.connect(path) as db:
            db.execute(f"CREATE TABLE x (fid INTEGER PRIMARY KEY, geom {kind}, {sql})")
            db.execute("INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('x', 'features', 'x', ?)", (srs,))
            db.execute("INSERT INTO gpkg_geometry_columns VALUES ('x', 'geom', ?, ?, 2, 2)", (kind, srs))
            db.executescript("""DROP TABLE seed; DROP TABLE IF EXISTS rtree_seed_geom;
                DELETE FROM gpkg_contents WHERE table_name = 'seed'; DELETE FROM gpkg_geometry_columns WHERE table_name = 'seed';
                DELETE FROM gpkg_ogr_contents WHERE table_name = 'seed';""")
            for fid, geometry, *values in rows:
                blob = None if geometry is None else geometry if isinstance(geometry, bytes) else blob_of(geometry, srs)
                db.execute(f"INSERT INTO x VALUES ({','.join('?' * (2 + len(values)))})", (fid, blob, *values))
        db.close()
        return {"x.gpkg": path.read_bytes()}
    return make


def blob_of(geometry, srs: int) -> bytes:
    return b"GP\0" + bytes([1 | (16 if geometry.is_empty else 0)]) + struct.pack("<i", srs) + shapely.to_wkb(geometry, include_srid=False, flavor="iso")


def same(column: str, *values):
    def check(frame: geopandas.GeoDataFrame) -> None:
        found = list(frame.sort_values("fid" if "fid" in frame else "n")[column])
        assert [None if v is pandas.NaT or v is None or v != v else v for v in found] == list(values), found
    return check


def big(frame: geopandas.GeoDataFrame) -> None:
    assert [int(v) for v in frame.sort_values("n")["big"]] == list(BIG)


def naive() -> geopandas.GeoDataFrame:
    return points(2, at=pandas.to_datetime(["2024-03-31T02:30:00.123", "1969-12-31T23:59:59"], format="ISO8601"))


def instants(frame: geopandas.GeoDataFrame) -> None:
    found = [v.tz_convert("UTC").isoformat() for v in frame.sort_values("n")["at"]]
    assert found == ["2024-03-30T20:45:00.123000+00:00", "1999-01-01T08:00:00+00:00"], found


def wall_clock(frame: geopandas.GeoDataFrame) -> None:
    found = frame.sort_values("n")["at"]
    assert found.dt.tz is None and [v.isoformat() for v in found] == ["2024-03-31T02:30:00.123000", "1969-12-31T23:59:59"]


def lists(frame: geopandas.GeoDataFrame) -> None:
    row = frame.iloc[0]
    assert list(row["texts"]) == ["a", "ö"] and list(row["ints"]) == [1, 2] and list(row["reals"]) == [1.5, 2.0]


def nested(frame: geopandas.GeoDataFrame) -> None:
    assert json.loads(frame["tags"].iloc[0]) == {"a": [1, {"b": None}], "ö": "x"}


def hostile_names(frame: geopandas.GeoDataFrame) -> None:
    assert [int(v) for v in frame.drop(columns=["geom"]).iloc[0]] == list(range(len(HOSTILE)))


def linear(frame: geopandas.GeoDataFrame) -> None:
    """An arc has many points as lines."""
    assert all(shapely.count_coordinates(g) > 8 and not g.is_empty for g in frame.geometry)


def z_only(frame: geopandas.GeoDataFrame) -> None:
    assert frame.geometry.has_z.all()


def empties(frame: geopandas.GeoDataFrame) -> None:
    by = frame.set_index("a").geometry
    assert by["null"] is None and by["empty"].is_empty and by["point"] == Point(1, 2)


def numbers(frame: geopandas.GeoDataFrame) -> None:
    row = frame.iloc[0]
    assert numpy.isnan(row["nan"]) and row["inf"] == numpy.inf and row["tiny"] == 5e-324 and row["third"] == 1 / 3


def floats() -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"nan": [float("nan")], "inf": [float("inf")], "tiny": [5e-324], "third": [1 / 3]},
                                  geometry=[Point(1, 2)], crs=UTM)


def bytes_kept(frame: geopandas.GeoDataFrame) -> None:
    assert list(frame["b"]) == [b"\0\xff'\\", b""] or sorted(frame["b"]) == [b"", b"\0\xff'\\"]


def texts_kept(frame: geopandas.GeoDataFrame) -> None:
    assert sorted(frame["s"]) == sorted(["", "NULL", "\t\r\n", "👩‍👩‍👧", "a\\b'c\"d", "\\N", "x" * 100000])


def million(frame: geopandas.GeoDataFrame) -> None:
    assert frame["n"].sum() == sum(range(40000))


ARC = b"GP\0\1" + struct.pack("<iBII6d", 25833, 1, 8, 3, 0, 0, 5, 5, 10, 0)
HOSTILE_JSON = geojson({"type": "Feature", "properties": {name: i for i, name in enumerate(HOSTILE)},
                        "geometry": {"type": "Point", "coordinates": [1, 2]}})
RENAMED = {"geom": "geom_2", "bbox": "bbox_1", "ctid": "ctid_1", "x" * 70: "x" * 63, "name": "name_1", "Ж" * 40: "Ж" * 31}

INPUTS = [
    Input("int64", "integers beyond 2^53 in a GeoPackage", written("GPKG", "x.gpkg", lambda: points(5, big=list(BIG))),
          Rows(5, {"n": "int64", "big": "int64"}, UTM, values=big)),
    Input("int64-json", "integers beyond 2^53 in GeoJSON", text("x.geojson", geojson(*(feature(Point(i, 1), n=i, big=v) for i, v in enumerate(BIG)))),
          Rows(5, {"n": "int32", "big": "int64"}, values=big)),
    Input("dates", "dates, before the calendar's reform and on a leap day", gpkg(
        "n INTEGER, day DATE", (1, Point(1, 2), 0, "1582-10-15"), (2, Point(1, 2), 1, "2024-02-29"), (3, Point(1, 2), 2, None)),
          Rows(3, {"n": "int64", "day": "date32[day]"}, values=same("day", datetime.date(1582, 10, 15), datetime.date(2024, 2, 29), None))),
    Input("times-naive", "times without a zone", written("GPKG", "x.gpkg", naive), Rows(2, {"n": "int64", "at": "timestamp[us]"}, values=wall_clock)),
    Input("times-zones", "times with different zones", text("x.geojson", geojson(
        feature(Point(1, 1), n=0, at="2024-03-31T02:30:00.123+05:45"), feature(Point(2, 2), n=1, at="1999-01-01T00:00:00-08:00"))),
          Rows(2, {"n": "int32", "at": "timestamp[us, tz=UTC]"}, values=instants)),
    Input("date-wrong", "a date that does not exist", gpkg("day DATE", (1, Point(1, 2), "2023-02-30")),
          Refused("file.damaged", ("day", "feature 1", "bad_rows"))),
    Input("binary", "binary values, one empty", gpkg("b BLOB", (1, Point(1, 2), b"\0\xff'\\"), (2, Point(3, 4), b"")),
          Rows(2, {"b": "binary"}, values=bytes_kept)),
    Input("lists", "lists of texts, integers and reals", text("x.geojson", geojson(feature(Point(1, 2), texts=["a", "ö"], ints=[1, 2], reals=[1.5, 2]))),
          Rows(1, {"texts": "list<element: string>", "ints": "list<element: int32>", "reals": "list<element: double>"}, values=lists)),
    Input("json", "JSON within a property", text("x.geojson", geojson(feature(Point(1, 2), tags={"a": [1, {"b": None}], "ö": "x"}))),
          Rows(1, {"tags": "string"}, values=nested)),
    Input("booleans", "booleans and small integers", gpkg("yes BOOLEAN, small SMALLINT, single FLOAT", (1, Point(1, 2), 1, -32768, 0.5)),
          Rows(1, {"yes": "bool", "small": "int16", "single": "float"})),
    Input("floats", "infinite, tiny and no numbers", written("FlatGeobuf", "x.fgb", floats),
          Rows(1, {"nan": "double", "inf": "double", "tiny": "double", "third": "double"}, values=numbers)),
    Input("texts", "texts that a COPY could misread", written("GPKG", "x.gpkg", lambda: points(7, s=["", "NULL", "\t\r\n", "👩‍👩‍👧", "a\\b'c\"d", "\\N", "x" * 100000])),
          Rows(7, {"n": "int64", "s": "string"}, values=texts_kept)),
    Input("names", "columns named geom, bbox, ctid, in case twins, Unicode, 70 bytes, SQL", text("x.geojson", HOSTILE_JSON),
          Rows(1, values=hostile_names, renamed=RENAMED)),
    Input("many-columns", "300 columns", written("FlatGeobuf", "x.fgb", lambda: geopandas.GeoDataFrame(
        {f"c{i}": [i, i + 1] for i in range(300)}, geometry=[Point(1, 2), Point(3, 4)], crs=UTM)), Rows(2, {f"c{i}": "int64" for i in range(300)}, like="")),
    Input("rows-40000", "40,000 rows: more than a batch of the reader", written("FlatGeobuf", "x.fgb", lambda: points(40000)),
          Rows(40000, {"n": "int64"}, UTM, values=million)),
    Input("no-columns", "geometry without a column", written("GPKG", "x.gpkg", lambda: points(4)[["geometry"]]), Rows(4, {}, UTM)),
    Input("null-and-empty", "NULL and empty geometries", gpkg("a TEXT", (1, None, "null"), (2, Polygon(), "empty"), (3, Point(1, 2), "point")),
          Rows(3, {"a": "string"}, values=empties)),
    Input("all-null", "no row has a geometry", gpkg("a TEXT", (1, None, "x"), (2, None, "y")), Rows(2, {"a": "string"}, types=())),
    Input("no-rows", "GeoPackage without rows", gpkg("a TEXT, b INTEGER"), Rows(0, {"a": "string", "b": "int64"}, UTM, ())),
    Input("zm", "lines with heights and measures", real("line_zm.gpkg"), Rows(1, types=("LineString Z",), values=z_only), PYOGRIO, warns=("M values",)),
    Input("arc", "an arc of a circle", gpkg("a TEXT", (1, ARC, "x"), kind="CURVE"), Rows(1, types=("LineString",), values=linear), warns=("1 geometry has curves",)),
    Input("curve", "circular strings", real("curve.gpkg"), Rows(1), PYOGRIO, warns=("curve",)),
    Input("curve-polygon", "curve polygons", real("curvepolygon.gpkg"), Rows(1, types=("Polygon",)), PYOGRIO, warns=("curve",)),
    Input("multi-surface", "multi-surfaces", real("multisurface.gpkg"), Rows(1), PYOGRIO, warns=("curve",)),
    Input("invalid-polygon", "a polygon that crosses itself, kept by a recipe without steps",
          written("GPKG", "x.gpkg", lambda: geopandas.GeoDataFrame({"n": [1]}, geometry=[Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])], crs=UTM)),
          Rows(1, types=("Polygon",))),
    Input("duplicate-ids", "GeoJSON whose features share an id", text("x.geojson", geojson(feature(Point(1, 2), 7, n=1), feature(Point(3, 4), 7, n=2))), Rows(2)),
    Input("changing-types", "GeoJSON whose property is a number, then a text", text("x.geojson", geojson(
        feature(Point(1, 2), n=0, a=1), feature(Point(3, 4), n=1, a="x"), feature(Point(5, 6), n=2, a=None))),
          Rows(3, {"n": "int32", "a": "string"}, values=same("a", "1", "x", None))),
]
