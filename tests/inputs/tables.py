# SPDX-License-Identifier: Apache-2.0
"""Tables without geometry."""

import sqlite3
import struct
from pathlib import Path

import geopandas
from shapely.geometry import Point

from inputs.case import Input, Refused, Table
from inputs.formats import text

TABLE = {"type": "table", "intent": "rows"}
TEXTS = {"id": "string", "name": "string"}


def dbf(names: list[bytes], share: float = 1.0):
    """dBase III with one column of text; 0x03 in its header's place of a language: Windows ANSI."""
    def make(_: Path) -> dict[str, bytes]:
        head = struct.pack("<BBBBIHH17xBxx", 3, 126, 1, 1, len(names), 65, 11, 3) + struct.pack("<11sc4xBB14x", b"NAME", b"C", 10, 0) + b"\r"
        data = head + b"".join(b" " + n.ljust(10) for n in names) + b"\x1a"
        return {"a.dbf": data[:int(len(data) * share)]}
    return make


def with_notes(folder: Path) -> dict[str, bytes]:
    """A GeoPackage with one layer and one table of attributes."""
    path = folder / "notes.gpkg"
    geopandas.GeoDataFrame({"n": [1]}, geometry=[Point(1, 2)], crs="EPSG:4326").to_file(path, layer="places", driver="GPKG")
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE notes (fid INTEGER PRIMARY KEY, note TEXT, size INTEGER)")
        base.executemany("INSERT INTO notes (note, size) VALUES (?, ?)", [("one", 2**60), (None, 2)])
        base.execute("INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('notes', 'attributes', 'notes')")
    return {"notes.gpkg": path.read_bytes()}


INPUTS = [
    Input("table-csv", "CSV, declared as a table", text("t.csv", "id,name\n007,a\n7,b\n"),
          Table(2, TEXTS, [{"id": "007", "name": "a"}, {"id": "7", "name": "b"}]), **TABLE),
    Input("table-csv-coordinates", "CSV with coordinates and WKT, declared as a table", text("t.csv", 'id,x,y,wkt\n1,10,50,"POINT (1 2)"\n'),
          Table(1, {"id": "string", "x": "string", "y": "string", "wkt": "string"}, [{"id": "1", "x": "10", "y": "50", "wkt": "POINT (1 2)"}]), **TABLE),
    Input("table-csv-german", "the same with semicolons, CP1252", text("t.csv", "id;name\n1;Größe\n", "cp1252"),
          Table(1, TEXTS, [{"id": "1", "name": "Größe"}]), entry={"encoding": "CP1252"}, **TABLE),
    Input("table-csv-quotes", "CSV with line breaks, commas and quotes within values", text("t.csv", 'id,name\n1,"a\nb, ""c"""\n'),
          Table(1, TEXTS, [{"id": "1", "name": 'a\nb, "c"'}]), **TABLE),
    Input("table-csv-names", "CSV with a column geom, case twins, a reserved word", text("t.csv", "geom,Name,name,ctid\n1,2,3,4\n"),
          Table(1, {"geom_1": "string", "Name": "string", "name_1": "string", "ctid_1": "string"}), **TABLE),
    Input("table-csv-cut", "CSV table, cut within a quoted value", text("t.csv", 'id,name\n1,"a"\n2,"b is lo'), Refused("file.truncated", ("again",)), **TABLE),
    Input("table-dbf", "DBF alone", dbf([b"Essen", b"K\xf6ln"]), Table(2, {"NAME": "string"}, [{"NAME": "Essen"}, {"NAME": "Köln"}]), **TABLE),
    Input("table-dbf-cut", "DBF with fewer records than its header says", dbf([b"Essen", b"Ulm"], 0.8), Refused("file.truncated", ("again",)), **TABLE),
    Input("table-gpkg", "GeoPackage with a layer and a table, declared as a table", with_notes,
          {"notes_notes": Table(2, {"note": "string", "size": "int64"}, [{"note": "one", "size": 2**60}, {"note": None, "size": 2}])},
          warns=('layer "places" has a geometry and was left out',), **TABLE),
    Input("table-of-places", "GeoPackage, the layer named, declared as a table", with_notes, Refused("file.layer", ("has a geometry", '"vector"')),
          entry={"layer": "places"}, **TABLE),
]
