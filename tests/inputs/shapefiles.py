# SPDX-License-Identifier: Apache-2.0
"""Shapefiles: archives in every layout, parts that lack, encodings that lie."""

import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import geopandas
import shapely
from shapely.geometry import LineString, Point, Polygon

from inputs.case import Input, Refused, Rows
from vector_files import NAMES, archive, dbf_in, encrypted, named, overlapping, points, shapefile

COUNTRIES = Path(__file__).resolve().parents[1] / "data/countries"
NATURAL_EARTH = "Natural Earth 1:110m, public domain (tests/data)"
UTM = "EPSG:25833"


def in_order(frame: geopandas.GeoDataFrame) -> None:
    assert list(frame.sort_values("n")["n"]) == list(range(30))


PLAIN = Rows(30, {"n": "int64"}, UTM, ("Point",), (400000, 5800000, 400029, 5800029), values=in_order, like="")
DEEP = replace(PLAIN, like=None)  # pyogrio looks at the first folder only


def loose(parts: dict[str, bytes], stem: str) -> dict[str, bytes]:
    """The .shp first: it is the batch's file."""
    return dict(sorted(named(parts, stem).items(), key=lambda item: not item[0].lower().endswith(".shp")))


def zipped(name: str = "roads.zip", stem: str = "roads", *, n: int = 30, extra: dict[str, bytes] | None = None,
           method: int = zipfile.ZIP_DEFLATED, **options):
    def make(folder: Path) -> dict[str, bytes]:
        return {name: archive((extra or {}) | named(shapefile(folder, points(n)), stem, **options), method)}
    return make


def mixed_case(folder: Path) -> dict[str, bytes]:
    parts = shapefile(folder, points(30))
    return {"roads.zip": archive({"Roads.SHP": parts[".shp"], "ROADS.shx": parts[".shx"], "roads.Dbf": parts[".dbf"],
                                  "rOADS.prj": parts[".prj"], "roads.CPG": parts[".cpg"]})}


def several(folder: Path) -> dict[str, bytes]:
    one, two, three = (shapefile(folder, points(n)) for n in (3, 4, 5))
    return {"map.zip": archive(named(one, "roads") | named(two, "a/rivers") | named(three, "b/rivers"))}


def countries(_: Path) -> dict[str, bytes]:
    return {f"countries.{ext}": (COUNTRIES / f"countries.{ext}").read_bytes() for ext in ("shp", "shx", "dbf", "prj", "cpg")}


def countries_zip(_: Path) -> dict[str, bytes]:
    return {"ne_110m.zip": archive({f"ne_110m/COUNTRIES.{ext.upper()}": (COUNTRIES / f"countries.{ext}").read_bytes()
                                    for ext in ("shp", "shx", "dbf", "prj")})}


def frame_zip(make, stem="x", **options):
    return lambda folder: {f"{stem}.zip": archive(named(shapefile(folder, make(), **options), stem))}


def solid(geometries, **columns) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"n": range(len(geometries))} | columns, geometry=list(geometries), crs=UTM)


def encoded(encoding: str, *, cpg: str | None = None, language: int = 0, names=NAMES):
    return lambda folder: {"names.zip": archive(named(dbf_in(folder, encoding, cpg=cpg, language=language, names=names), "x"))}


def spells(*names: str):
    def check(frame: geopandas.GeoDataFrame) -> None:
        assert list(frame.sort_values("n")["name"]) == list(names)
    return check


def words(*names: str) -> Rows:
    return Rows(len(names), {"n": "int64", "name": "string"}, UTM, ("Point",), values=spells(*names))


def deleted_row(folder: Path) -> dict[str, bytes]:
    parts = shapefile(folder, points(5))
    dbf = bytearray(parts[".dbf"])
    head, step = struct.unpack_from("<HH", dbf, 8)
    dbf[head + 2 * step] = ord("*")
    return {"x.zip": archive(named(parts | {".dbf": bytes(dbf)}, "x"))}


def patches(folder: Path) -> dict[str, bytes]:
    """A MultiPatch: a strip of two triangles, type 31, as 3-D programs write them."""
    corners = [(0, 0, 0), (1, 0, 0), (0, 1, 1), (1, 1, 1)]
    xy = b"".join(struct.pack("<dd", x, y) for x, y, _ in corners)
    z = struct.pack("<dd", 0, 1) + b"".join(struct.pack("<d", z) for *_, z in corners)
    content = struct.pack("<i4dii", 31, 0, 0, 1, 1, 1, 4) + struct.pack("<ii", 0, 0) + xy + z
    parts = shapefile(folder, points(1))
    def head(length): return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, length // 2) + struct.pack("<ii8d", 1000, 31, 0, 0, 1, 1, 0, 1, 0, 0)
    shp = head(108 + len(content)) + struct.pack(">ii", 1, len(content) // 2) + content
    shx = head(108) + struct.pack(">ii", 50, len(content) // 2)
    return {"x.zip": archive(named(parts | {".shp": shp, ".shx": shx}, "x"))}


def cut(part: str, bytes_: int):
    def make(folder: Path) -> dict[str, bytes]:
        parts = shapefile(folder, points(50))
        return loose(parts | {part: parts[part][:-bytes_]}, "x")
    return make


def tampered(change):
    def make(folder: Path) -> dict[str, bytes]:
        return {"x.zip": change(named(shapefile(folder, points(50)), "x"))}
    return make


def undeclared(folder: Path) -> dict[str, bytes]:
    """Files beside it that GDAL would open, were it allowed to: a spatial index of another file, ids, metadata."""
    parts = shapefile(folder, points(30))
    return loose(parts, "roads") | {"roads.qix": b"SQT\1\1\0\0\0" + b"\xff" * 64, "roads.sbn": b"\xff" * 200,
                                    "roads.shp.xml": b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "roads.idm": b"\xff"}


def z_kept(frame: geopandas.GeoDataFrame) -> None:
    assert [p.z for p in frame.sort_values("n").geometry] == [10.5, -3.0]


def holes_kept(frame: geopandas.GeoDataFrame) -> None:
    assert sorted(len(p.interiors) for p in frame.explode().geometry) == [0, 1] and sum(frame.area) == 100 - 4 + 25


def two_missing(frame: geopandas.GeoDataFrame) -> None:
    assert frame.geometry.isna().sum() == 2


def without_the_third(frame: geopandas.GeoDataFrame) -> None:
    assert sorted(frame["n"]) == [0, 1, 3, 4]


RINGS = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(1, 1), (1, 3), (3, 3), (3, 1)]])
BESIDE = Polygon([(20, 0), (25, 0), (25, 5), (20, 5)])

INPUTS = [
    Input("countries", "Shapefile, five parts side by side", countries,
          Rows(177, crs="EPSG:4326", types=("MultiPolygon", "Polygon"), like="", bounds=(-180, -90, 180, 83.64513)), NATURAL_EARTH),
    Input("countries-zip", "the same in an archive: folder, upper case, no .cpg", countries_zip,
          Rows(177, crs="EPSG:4326", types=("MultiPolygon", "Polygon")), NATURAL_EARTH, warns=("read as CP1252",)),
    Input("shp-zip", "zipped Shapefile", zipped(), PLAIN),
    Input("shp-zip-stored", "zipped Shapefile, not compressed", zipped(method=zipfile.ZIP_STORED), PLAIN),
    Input("shp-zip-folder", "zipped Shapefile in folders with spaces", zipped(stem="data 2024/final (1)/roads"), DEEP),
    Input("shp-zip-upper", "zipped Shapefile in upper case", zipped(stem="ROADS", upper=True), PLAIN),
    Input("shp-zip-mixed-case", "zipped Shapefile, each part's name in another case", mixed_case, DEEP),
    Input("shp-zip-unicode", "zipped Shapefile with names in Unicode", zipped(stem="Straßen/日本 Größe"), DEEP),
    Input("shp-zip-shp-zip", "zipped Shapefile called .shp.zip", zipped("roads.shp.zip"), PLAIN),
    Input("shp-zip-junk", "zipped Shapefile beside what macOS leaves",
          zipped(extra={"__MACOSX/._roads.shp": b"\0\5\26\7", "._roads.shp": b"junk", ".DS_Store": b"\0" * 50, "readme.txt": b"hi"}), PLAIN),
    Input("shp-zip-layers", "archive with three Shapefiles, two of one name", several,
          {"map_roads": Rows(3), "map_a_rivers": Rows(4), "map_b_rivers": Rows(5)}),
    Input("shp-zip-one-layer", "the same, one of them asked for", several, Rows(4), entry={"layer": "a/rivers"}),
    Input("shp-zip-no-layer", "the same, one asked for that it has not", several,
          Refused("file.layer", ('no layer "lakes"', '"roads", "a/rivers", "b/rivers"')), entry={"layer": "lakes"}),
    Input("shp-no-prj", "zipped Shapefile without .prj, the manifest says the system", zipped(without=(".prj",)),
          Rows(30, {"n": "int64"}, UTM), entry={"crs": UTM}),
    Input("shp-no-prj-nor-manifest", "zipped Shapefile without .prj", zipped(without=(".prj",)),
          Refused("crs.missing", ("neither", 'add "crs"'))),
    Input("shp-no-shx", "zipped Shapefile without .shx", zipped(without=(".shx",)), DEEP, warns=(".shx",)),
    Input("shp-no-shx-loose", "Shapefile without .shx", lambda f: {k: v for k, v in loose(shapefile(f, points(30)), "x").items() if k != "x.shx"},
          DEEP, warns=(".shx",)),
    Input("shp-no-dbf", "Shapefile without .dbf", zipped(without=(".dbf",)), Refused("file.format", ("roads.shp", "not its .dbf", "into the archive"))),
    Input("shp-z", "Shapefile with heights", frame_zip(lambda: solid([Point(1, 2, 10.5), Point(3, 4, -3)])),
          Rows(2, types=("Point Z",), values=z_kept)),
    Input("shp-rings", "Shapefile with holes and a multipolygon", frame_zip(lambda: solid([RINGS, BESIDE])),
          Rows(2, types=("Polygon",), values=holes_kept)),
    Input("shp-mixed-parts", "Shapefile of lines, single and in parts", frame_zip(lambda: solid(
        [LineString([(0, 0), (1, 1)]), shapely.MultiLineString([[(0, 0), (1, 1)], [(5, 5), (6, 6)]])])),
          Rows(2, types=("LineString", "MultiLineString"), like="")),
    Input("shp-null-shapes", "Shapefile with rows that have no shape", frame_zip(lambda: solid([Point(1, 2), None, None])),
          Rows(3, types=("Point",), values=two_missing)),
    Input("shp-empty", "Shapefile without rows", frame_zip(lambda: points(3).head(0), geometry_type="Point"),
          Rows(0, {"n": "int64"}, UTM, ())),
    Input("shp-deleted-row", "Shapefile with a row that its .dbf calls deleted", deleted_row,
          Rows(4, values=without_the_third)),
    Input("shp-multipatch", "Shapefile of MultiPatch", patches, Rows(1, types=("MultiPolygon Z",)), warns=("surfaces",)),
    Input("shp-undeclared", "Shapefile beside files that were not declared", undeclared, PLAIN),
    Input("dbf-cp1252", ".dbf in CP1252, said by .cpg", encoded("cp1252", cpg="1252"), words(*NAMES)),
    Input("dbf-cp850", ".dbf in CP850, said by its language id", encoded("cp850", language=2), words(*NAMES)),
    Input("dbf-sjis", ".dbf in Shift-JIS, said by .cpg", encoded("cp932", cpg="932", names=("道路", "川")), words("道路", "川")),
    Input("dbf-cyrillic", ".dbf in CP1251, said by its language id", encoded("cp1251", language=0xC9, names=("Улица", "Река")), words("Улица", "Река")),
    Input("dbf-utf8-unsaid", ".dbf in UTF-8, not said", encoded("utf-8"), words(*NAMES)),
    Input("dbf-unsaid", ".dbf in CP1252, not said", encoded("cp1252"), words(*NAMES), warns=("read as CP1252", '"encoding" in the manifest')),
    Input("dbf-lies", ".dbf in UTF-8, .cpg says ISO-8859-1", encoded("utf-8", cpg="ISO-8859-1"), words(*NAMES), warns=("all texts are UTF-8",)),
    Input("dbf-lies-otherwise", ".dbf in CP1252, .cpg says UTF-8", encoded("cp1252", cpg="UTF-8"),
          Refused("file.damaged", ("its .cpg says UTF-8", "row 1", '"encoding"'))),
    Input("dbf-override", ".dbf in CP437, .cpg says UTF-8, the manifest knows", encoded("cp437", cpg="UTF-8"), words(*NAMES), entry={"encoding": "CP437"}),
    Input("shp-cut", "Shapefile whose .shp ends early", cut(".shp", 100), Refused("file.truncated", ("x.shp", "cut off", "again"))),
    Input("shx-cut", "Shapefile whose .shx ends early", cut(".shx", 8), Refused("file.truncated", ("x.shx", "cut off", "again"))),
    Input("dbf-cut", "Shapefile whose .dbf ends early", cut(".dbf", 30), Refused("file.truncated", ("x.dbf", "cut off", "again"))),
    Input("zip-cut", "archive that ends early", tampered(lambda p: archive(p)[:-200]), Refused("file.truncated", ("cut off", "again"))),
    Input("zip-dot-dot", "archive with a name that leaves it", tampered(lambda p: archive({"../../x.shp": p["x.shp"]} | p)),
          Refused("file.format", ("../../x.shp", "relative"))),
    Input("zip-bomb", "archive that unpacks to 200 MB of zeros", tampered(lambda p: archive({"zeros": b"\0" * 200_000_000} | p)),
          Refused("limit", ("would unpack to 2000", "without an archive"))),
    Input("zip-overlap", "archive whose entries share their data", tampered(overlapping), Refused("file.format", ("overlap", "anew"))),
    Input("zip-encrypted", "archive with a password", tampered(encrypted), Refused("file.format", ("encrypted", "anew"))),
    Input("zip-nested", "archive in an archive", tampered(lambda p: archive({"inner.zip": archive(p)})),
          Refused("file.format", ("archives within an archive", "each by itself"))),
    Input("zip-nothing", "archive without a Shapefile", tampered(lambda p: archive({"readme.txt": b"hello"})),
          Refused("file.format", ("no Shapefile", "right archive"))),
    Input("zip-of-text", "a text called .zip", tampered(lambda p: b"hello" * 100), Refused("file.format", ("not a ZIP", "again"))),
]
