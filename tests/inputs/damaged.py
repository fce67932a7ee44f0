# SPDX-License-Identifier: Apache-2.0
"""Files that end early, lie about themselves, or have a row that cannot be read."""

import json
from pathlib import Path

from shapely.geometry import Point

from inputs.case import Input, Refused, Rows
from inputs.formats import converted, feature, geojson, geodatabase, lonlat, real, text, written
from inputs.systems import gml
from inputs.values import gpkg
from vector_files import points

AGAIN = ("again",)


def part(make, share: float = 0.6, name: str | None = None):
    """What arrives of an upload that breaks off."""
    def cut(folder: Path) -> dict[str, bytes]:
        (path, data), = make(folder).items()
        return {name or path: data[:int(len(data) * share)]}
    return cut


def renamed(make, name: str):
    return lambda folder: {name: next(iter(make(folder).values()))}


def beside(folder: Path) -> dict[str, bytes]:
    """GDAL would take the types of the .csvt, the list of the .vrt."""
    return {"a.csv": b"id,x,y\n007,10,50\n", "a.csvt": b"Integer,Real,Real\n", "a.prj": b'GEOGCS["lie"]',
            "a.vrt": b"<OGRVRTDataSource/>"}


def write_ahead(folder: Path) -> dict[str, bytes]:
    """A GeoPackage that was copied while a program wrote: its newest rows are in a file of their own."""
    files = gpkg("a TEXT", *((i, Point(i, i), "x") for i in range(1, 4)))(folder)
    data = bytearray(files["x.gpkg"])
    data[18:20] = b"\2\2"  # write-ahead logging
    return {"x.gpkg": bytes(data), "x.gpkg-wal": b"\x37\x7f\x06\x82" + b"\0" * 28}


def leading_zeros(frame) -> None:
    assert list(frame["id"]) == ["007"]


LINES = "\n".join(json.dumps(feature(Point(i, i), n=i)) for i in range(30)) + "\n"
BAD_LINE = LINES.replace('"n": 7}', '"n": 7', 1)
RAGGED = "id,x,y,name\n1,10,50,a\n2,11\n3,12,52,c\n"
OPEN_RING = {"type": "Feature", "id": 12, "properties": {"n": 1}, "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 2]]]}}
BLOB = b"GP\0\1" + (25833).to_bytes(4, "little") + b"\1\3\0\0\0\xff\xff\xff\x7f"
FAIL = {"bad_rows": "fail"}
POOR = gpkg("a TEXT", (1, Point(1, 2), "x"), (7, BLOB, "y"), (9, Point(3, 4), "z"))

INPUTS = [
    Input("cut-gpkg", "GeoPackage, 60 % of it", part(written("GPKG", "x.gpkg", lambda: points(2000, s=["x" * 80] * 2000))), Refused("file.truncated", AGAIN)),
    Input("cut-fgb", "FlatGeobuf, 60 % of it", part(written("FlatGeobuf", "x.fgb", lambda: points(2000))), Refused("file.truncated", AGAIN)),
    Input("cut-fgb-plain", "FlatGeobuf without an index, 60 % of it", part(written("FlatGeobuf", "x.fgb", lambda: points(2000), SPATIAL_INDEX="NO")), Refused("file.truncated", AGAIN)),
    Input("cut-geojson", "GeoJSON, 60 % of it", part(written("GeoJSON", "x.geojson", lambda: lonlat())), Refused("file.truncated", AGAIN)),
    Input("cut-geojsonseq", "GeoJSON lines, cut within one", part(text("x.geojsonl", LINES), 0.7), Refused("file.truncated", AGAIN)),
    Input("cut-gml", "GML, 60 % of it", part(written("GML", "x.gml")), Refused("file.truncated", AGAIN)),
    Input("cut-kml", "KML, 60 % of it", part(written("KML", "x.kml", lonlat)), Refused("file.truncated", AGAIN)),
    Input("cut-gpx", "GPX, 60 % of it", part(converted("GPX", "x.gpx", "-t_srs", "EPSG:4326", "-dsco", "GPX_USE_EXTENSIONS=YES")), Refused("file.truncated", AGAIN),
          entry={"layer": "waypoints"}),
    Input("cut-dxf", "DXF, 90 % of it", part(written("DXF", "x.dxf", lambda: points(5)[["geometry"]]), 0.9), Refused("file.truncated", ("EOF", "again")), entry={"crs": "EPSG:25833"}),
    Input("cut-csv-quote", "CSV, cut within a quoted value", text("x.csv", 'id,x,y,name\n1,10,50,"a"\n2,11,51,"b is lo'), Refused("file.truncated", AGAIN), entry={"crs": "EPSG:4326"}),
    Input("cut-csv-row", "CSV, cut within a row", text("x.csv", "id,name,x,y\n1,a,10,50\n2,b,1"), Refused("file.truncated", AGAIN), entry={"crs": "EPSG:4326"}),
    Input("cut-osm", "OSM PBF, 60 % of it", part(real("sample.osm.pbf")), Refused("file.truncated", AGAIN), entry={"layer": "points"}),
    Input("cut-gdb", "FileGDB in an archive that ends early", part(geodatabase("x.gdb.zip")), Refused("file.truncated", AGAIN)),
    Input("cut-topojson", "TopoJSON, cut", text("x.topojson", '{"type":"Topology","arcs":[],"objects":{"a"'), Refused("file.truncated", AGAIN), entry={"crs": "EPSG:4326"}),
    Input("nothing", "a file of no bytes", text("x.geojson", ""), Refused("file.format", ("not a GeoJSON", "upload it again"))),
    Input("promise-gml", "GML that promises more features than it has", gml("EPSG:25833", "400000 5800000", "5"), Refused("file.truncated", ("promises 5 rows, but has 1", "again"))),
    Input("other-format", "a GeoPackage called .geojson", renamed(written("GPKG", "x.gpkg"), "x.geojson"), Refused("file.format", ("not a GeoJSON", "declare the format"))),
    Input("shp-as-gpkg", "text declared as a GeoPackage", text("x.gpkg", "hello"), Refused("file.format", ("not a GPKG", "declare the format"))),
    Input("vrt", "a VRT that names another file, called .gml", text("x.gml", '<OGRVRTDataSource><OGRVRTLayer name="passwd"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'),
          Refused("file.format", ("x.gml", "declare the format"))),
    Input("xml-entity", "GML with a document type that names a file", lambda f: {"x.gml": written("GML", "m.gml")(f)["m.gml"].replace(
        b"?>", b'?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', 1)}, Refused("file.format", ("document type", "without <!DOCTYPE"))),
    Input("unknown-extension", "a file of no known format", text("x.xyz", "1 2 3"), Refused("file.format", ("x.xyz", "format"))),
    Input("latin-csv", "CSV in Latin-1 that nobody says", text("x.csv", "x,y,s\n1,2,ö\n", "latin-1"), Refused("file.damaged", ("row 1", "encoding")), entry={"crs": "EPSG:4326"}),
    Input("csv-word", "CSV with a word for a coordinate", text("x.csv", "id,lon,lat\n1,10,50\n2,abc,50\n"), Refused("file.damaged", ("record 2", "lon")), entry={"crs": "EPSG:4326"}),
    Input("csv-wkt-broken", "CSV with broken WKT", text("x.csv", 'id,WKT\n1,"POINT (1 2)"\n2,"POINT (1"\n'), Refused("file.damaged", ("row 2", "WKT")), manifest=FAIL, entry={"crs": "EPSG:4326"}),
    Input("csv-no-place", "CSV without a place, uploaded as vector data", text("x.csv", "id,name\n1,a\n"), Refused("file.layer", ("no geometry", "table")), entry={"crs": "EPSG:4326"}),
    Input("csv-ragged", "CSV with a row of fewer values", text("x.csv", RAGGED), Rows(3), entry={"crs": "EPSG:4326"}, warns=("1 row has fewer values",)),
    Input("csv-sidecars", "CSV beside a .csvt, .prj and .vrt that were not declared", beside, Rows(1, {"id": "string", "x": "double", "y": "double"}, "EPSG:4326", values=leading_zeros),
          entry={"crs": "EPSG:4326"}),
    Input("wal", "GeoPackage with a write-ahead log beside it", write_ahead, Rows(3), warns=("write-ahead", "wal_checkpoint")),
    Input("bad-line", "GeoJSON lines with one that is broken", text("x.geojsonl", BAD_LINE), Refused("file.damaged", ("line 8", "bad_rows")), manifest=FAIL),
    Input("bad-ring", "GeoJSON with a ring that is not closed", text("x.geojson", geojson(feature(Point(1, 2), 11, n=0), OPEN_RING)), Refused("file.damaged", ("feature 12", "not closed", "bad_rows")), manifest=FAIL),
    Input("bad-blob", "GeoPackage with a geometry that promises too many points", POOR, Refused("file.damaged", ("feature 7", "bad_rows")), manifest=FAIL),
    Input("bad-blob-skipped", "the same, bad rows are to be passed over", POOR, Rows(2), manifest={"bad_rows": "skip"}, warns=("feature 7",), dropped={"bad_row": 1}),
    Input("bad-ring-skipped", "the ring that is not closed, passed over", text("x.geojson", geojson(feature(Point(1, 2), 11, n=0), OPEN_RING)), Rows(1), manifest={"bad_rows": "skip"},
          warns=("feature 12",), dropped={"bad_row": 1}),
    Input("bad-date-skipped", "a date that does not exist, passed over", gpkg("day DATE", (1, Point(1, 2), "2023-02-30"), (2, Point(1, 2), "2023-02-28")), Rows(1), manifest={"bad_rows": "skip"},
          warns=("feature 1",), dropped={"bad_row": 1}),
    Input("bad-line-skipped", "the broken line, passed over", text("x.geojsonl", BAD_LINE), Rows(29), manifest={"bad_rows": "skip"}, warns=("line 8",), dropped={"bad_row": 1}),
    Input("cut-skipped", "a file that ends early, where bad rows are passed over", part(text("x.geojsonl", LINES), 0.7), Refused("file.truncated", AGAIN), manifest={"bad_rows": "skip"}),
]
