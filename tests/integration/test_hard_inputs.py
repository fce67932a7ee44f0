# SPDX-License-Identifier: Apache-2.0
"""Vector files as people send them: archives in every layout, old encodings, formats that few programs write, files that
end early. What comes out is read by geopandas, pyogrio and pyarrow; what is refused says what to do."""

import json
import zipfile
from functools import cached_property

import geopandas
import pytest
from shapely.geometry import Point

from home import Home
from vector_files import NAMES, archive, dbf_in, encrypted, named, overlapping, points, shapefile

NATIVE = """apiVersion: sluice/v1
kind: Recipe
name: native
version: 1
intents: [native]
type: vector
outputs:
  - geoparquet: {}
"""


@pytest.fixture(scope="module")
def ready(home) -> Home:
    recipes = home.path / "recipes"
    recipes.mkdir(parents=True, exist_ok=True)
    (recipes / "native.yaml").write_text(NATIVE)
    return home


class Batch:
    """One file through the engine as a user without the program uploads it."""

    def __init__(self, home: Home, name: str, files: dict[str, bytes], *, code: int | None = 0, **entry) -> None:
        """Runs it, too, and expects the exit code; None leaves that to `run_all`."""
        self.home, self.name = home, name
        landing = home.path / "store" / "landing-zone"
        for path, data in files.items():
            (landing / name / path).parent.mkdir(parents=True, exist_ok=True)
            (landing / name / path).write_bytes(data)
        manifest = {"batch_id": name, "uploader": "ana", "intent": "native", "metadata": {"project": "HARD"},
                    "files": [{"path": next(iter(files)), "type": "vector"} | entry]}
        (landing / "manifests").mkdir(parents=True, exist_ok=True)
        (landing / "manifests" / f"{name}.json").write_text(json.dumps(manifest))
        if code is not None:
            home.run("run", "--once", check=code)

    @cached_property
    def shown(self) -> dict:
        return self.home.run("batch", "show", self.name, "--json").json

    @cached_property
    def assets(self) -> dict[str, dict]:
        found = self.home.run("ledger", "find", "assets", json.dumps({"batch_id": self.name}), "--json").json
        return {asset["dataset_id"]: asset for asset in found}

    @property
    def asset(self) -> dict:
        (one,) = self.assets.values()
        return one

    @property
    def frame(self) -> geopandas.GeoDataFrame:
        return geopandas.read_parquet(self.home.object(self.asset))

    @property
    def warnings(self) -> str:
        return "\n".join(self.shown["run"]["warnings"])

    def refused(self, code: str, *words: str) -> None:
        assert self.shown["status"] in ("failed", "quarantined") and not self.assets
        error = self.shown["error"]
        assert error["code"] == code, error
        for word in words:
            assert word in error["message"] + "\n" + (error.get("hint") or ""), error


def run_all(home: Home, batches: list[Batch]) -> dict[str, Batch]:
    home.run("run", "--once", check=False)
    return {batch.name: batch for batch in batches}


# ---- archives -------------------------------------------------------------------------------------------------------

LAYOUTS = {
    "flat": dict(stem="roads"),
    "folder": dict(stem="data 2024/final (1)/roads"),
    "upper": dict(stem="ROADS", upper=True),
    "no-cpg": dict(stem="roads", without=(".cpg",)),
    "umlaut": dict(stem="Straßen/Größe"),
    "quote": dict(stem="it's \"}; DROP {x}"),
    "looks-remote": dict(stem="vsicurl/http:/127.0.0.1/roads"),
    "inner-zip-name": dict(stem="a.zip/roads"),
}


METHODS = {"deflated": zipfile.ZIP_DEFLATED, "stored": zipfile.ZIP_STORED}


@pytest.fixture(scope="module")
def layouts(ready) -> dict[str, Batch]:
    parts = shapefile(ready.folder, points(300))
    return run_all(ready, [
        Batch(ready, f"{layout}-{method}", {f"{layout}-{method}.zip": archive(named(parts, **LAYOUTS[layout]), number)}, code=None)
        for layout in LAYOUTS for method, number in METHODS.items()])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_zipped_shapefile_is_read_in_any_layout(ready, layouts, layout, method):
    batch = layouts[f"{layout}-{method}"]
    out = batch.frame.sort_values("n")
    assert list(out["n"]) == list(range(300)) and out.crs == "EPSG:25833"
    assert out.geometry.iloc[299] == Point(400299, 5800299)
    assert zipfile.is_zipfile(next((ready.path / "store/raw-vault").rglob(f"{batch.shown['run_id']}.zip")))


def test_a_zip_that_names_no_system_takes_the_manifests(ready):
    parts = shapefile(ready.folder, points(3))
    data = archive(named(parts, "x", without=(".prj",)))
    Batch(ready, "zip-no-prj", {"noprj.zip": data}, code=3).refused("crs.missing", '"crs"')
    assert Batch(ready, "zip-crs", {"noprj2.zip": data}, crs="EPSG:25833", format="ESRI Shapefile").frame.crs == "EPSG:25833"


def test_junk_in_an_archive_is_passed_over(ready):
    parts = named(shapefile(ready.folder, points(5)), "x")
    junk = {"__MACOSX/._x.shp": b"\0\5\26\7", "._x.shp": b"junk", ".DS_Store": b"\0" * 50, "readme.txt": b"hello",
            "__MACOSX/sub/x.shp": b"junk", "x.shp.xml": b"<a/>", "Thumbs.db": b"x"}
    assert len(Batch(ready, "zip-junk", {"junk.zip": archive(junk | parts)}).frame) == 5


def test_each_shapefile_of_an_archive_is_a_layer(ready):
    one, two, three = (shapefile(ready.folder, points(n)) for n in (3, 4, 5))
    data = archive(named(one, "roads") | named(two, "a/rivers") | named(three, "b/rivers"))
    batch = Batch(ready, "zip-layers", {"map.zip": data})
    assert {k: v["row_count"] for k, v in batch.assets.items()} == {"map_roads": 3, "map_a_rivers": 4, "map_b_rivers": 5}
    assert Batch(ready, "zip-one", {"map2.zip": data}, layer="a/rivers").asset["row_count"] == 4
    Batch(ready, "zip-none", {"map3.zip": data}, layer="lakes", code=3).refused("file.layer", "lakes", '"roads"', "b/rivers")


REFUSED = {
    "dot-dot": (lambda p: archive({"../../x.shp": p["x.shp"]} | p), "file.format", "../../x.shp"),
    "absolute": (lambda p: archive({"/etc/x.shp": p["x.shp"]} | p), "file.format", "/etc/x.shp"),
    "backslash": (lambda p: archive({"a\\..\\..\\x.shp": p["x.shp"]} | p), "file.format", ".."),
    "control": (lambda p: archive({"a\x1b[2J.shp": p["x.shp"]} | p), "file.format", "\\x1b"),
    "bomb": (lambda p: archive({"zeros": b"\0" * 200_000_000} | p), "limit", "would unpack to 2000"),
    "overlap": (overlapping, "file.format", "overlap"),
    "encrypted": (encrypted, "file.format", "encrypted"),
    "nested": (lambda p: archive({"inner.zip": archive(p)}), "file.format", "within an archive"),
    "nothing": (lambda p: archive({"readme.txt": b"hello"}), "file.format", "no Shapefile"),
    "empty": (lambda p: archive({}), "file.format", "no Shapefile"),
    "cut": (lambda p: archive(p)[:-200], "file.truncated", "cut off"),
    "not-a-zip": (lambda p: b"hello" * 100, "file.format", "not a ZIP"),
    "lzma": (lambda p: archive(p, zipfile.ZIP_LZMA), "file.format", "method 14", "deflate"),
    "many": (lambda p: archive({f"{i}": b"" for i in range(10001)} | p), "limit", "10006"),
    "cut-shp": (lambda p: archive(p | {"x.shp": p["x.shp"][:-100]}), "file.truncated", "x.shp"),
    "no-dbf": (lambda p: archive({k: v for k, v in p.items() if k != "x.dbf"}), "file.format", "not its .dbf"),
    "rows": (lambda p: archive(p | {"x.shx": p["x.shx"][:-8]}), "file.truncated", "x.shx"),
}


@pytest.fixture(scope="module")
def refusals(ready) -> dict[str, Batch]:
    parts = named(shapefile(ready.folder, points(50)), "x")
    return run_all(ready, [Batch(ready, f"refused-{name}", {f"{name}.zip": make(parts)}, code=None)
                           for name, (make, *_) in REFUSED.items()])


@pytest.mark.parametrize("name", REFUSED)
def test_an_archive_that_is_not_to_be_opened_is_refused_with_its_reason(refusals, name):
    refusals[f"refused-{name}"].refused(*REFUSED[name][1:])


def test_submit_finds_out_what_an_archive_has(ready):
    path = ready.folder / "sent.zip"
    path.write_bytes(archive(named(shapefile(ready.folder, points(7)), "in/ROADS", upper=True)))
    ready.run("submit", "--intent", "native", "--batch-id", "sent", path)
    ready.run("run", "--once")
    asset = ready.run("asset", "show", "sent", "--json").json
    assert asset["row_count"] == 7 and asset["crs"] == "EPSG:25833"


def test_other_formats_are_read_in_an_archive_too(ready):
    for driver, inside, outer in (("GeoJSON", "a/x.geojson", "json.zip"), ("KML", "doc.kml", "earth.kmz")):
        path = ready.folder / f"plain-{driver}"
        points(6, "EPSG:25833").to_crs(4326).to_file(path, driver=driver, engine="pyogrio")
        batch = Batch(ready, f"zip-of-{driver.lower()}", {outer: archive({inside: path.read_bytes()})})
        assert len(batch.frame) == 6 and batch.asset["crs"] in ("EPSG:4326", "OGC:CRS84")


def test_a_geodatabase_is_read_in_its_archive(ready):
    path = ready.folder / "city.gdb"
    points(12).to_file(path, layer="roads", driver="OpenFileGDB", engine="pyogrio")
    points(4).to_file(path, layer="rivers", driver="OpenFileGDB", engine="pyogrio", mode="a")
    data = archive({f"city.gdb/{p.name}": p.read_bytes() for p in path.iterdir()})
    batch = Batch(ready, "gdb", {"city.zip": data})
    assert {k: v["row_count"] for k, v in batch.assets.items()} == {"city_roads": 12, "city_rivers": 4}
    named_ = Batch(ready, "gdb-one", {"town.gdb.zip": data}, layer="roads", format="OpenFileGDB")
    assert list(named_.frame.sort_values("n")["n"]) == list(range(12)) and named_.frame.crs == "EPSG:25833"


# ---- encodings ------------------------------------------------------------------------------------------------------

ENCODINGS = {
    "utf8-said": (dict(encoding="utf-8", cpg="UTF-8"), {}, ""),
    "cp1252-said": (dict(encoding="cp1252", cpg="1252"), {}, ""),
    "ansi-said": (dict(encoding="cp1252", cpg="ANSI 1252\r\n"), {}, ""),
    "latin1-said": (dict(encoding="latin-1", cpg="88591"), {}, ""),
    "oem-said": (dict(encoding="cp850", cpg="OEM 850"), {}, ""),
    "language-dos": (dict(encoding="cp850", cpg=None, language=0x02), {}, ""),
    "language-windows": (dict(encoding="cp1252", cpg=None, language=0x03), {}, ""),
    "utf8-unsaid": (dict(encoding="utf-8", cpg=None), {}, ""),
    "cp1252-unsaid": (dict(encoding="cp1252", cpg=None), {}, "read as CP1252"),
    "lie-utf8": (dict(encoding="utf-8", cpg="ISO-8859-1"), {}, "all texts are UTF-8"),
    "language-lie": (dict(encoding="utf-8", cpg=None, language=0x57), {}, "all texts are UTF-8"),
    "nonsense-said": (dict(encoding="utf-8", cpg="klingon"), {}, "klingon"),
    "overridden": (dict(encoding="cp437", cpg="UTF-8"), {"encoding": "CP437"}, ""),
    "overridden-2": (dict(encoding="cp1252", cpg="UTF-8"), {"encoding": "windows-1252"}, ""),
}


@pytest.fixture(scope="module")
def encodings(ready) -> dict[str, Batch]:
    return run_all(ready, [
        Batch(ready, f"enc-{name}", {f"enc-{name}.zip": archive(named(dbf_in(ready.folder, **make), "x"))}, code=None, **entry)
        for name, (make, entry, _) in ENCODINGS.items()])


@pytest.mark.parametrize("name", ENCODINGS)
def test_texts_are_read_in_their_encoding_and_guesses_are_said(encodings, name):
    batch = encodings[f"enc-{name}"]
    assert list(batch.frame.sort_values("n")["name"]) == list(NAMES)
    said = ENCODINGS[name][2]
    assert (said in batch.warnings) if said else not batch.warnings


def test_a_cpg_that_lies_is_refused_with_the_row_and_the_remedy(ready):
    lies = archive(named(dbf_in(ready.folder, "cp1252", cpg="UTF-8"), "x"))
    holes = archive(named(dbf_in(ready.folder, "cp1251", cpg="1253", names=["яТ"]), "x"))
    unknown = archive(named(dbf_in(ready.folder, "cp1252", cpg="UTF-8"), "x"))
    done = run_all(ready, [Batch(ready, "lie", {"lie.zip": lies}, code=None),
                           Batch(ready, "holes", {"holes.zip": holes}, code=None),
                           Batch(ready, "unknown", {"unknown.zip": unknown}, code=None, encoding="klingon")])
    done["lie"].refused("file.damaged", "its .cpg says UTF-8", "row 1", '"encoding"')
    done["holes"].refused("file.damaged", "CP1253", '"encoding"')
    done["unknown"].refused("file.damaged", "klingon", "UTF-8")


# ---- formats --------------------------------------------------------------------------------------------------------

def gml(home: Home, crs: str) -> bytes:
    path = home.folder / f"made-{crs.rpartition(':')[2]}.gml"
    points(20, name=[f"ö {i}" for i in range(20)]).to_crs(crs).to_file(path, driver="GML", engine="pyogrio")
    return path.read_bytes()


def dxf(home: Home) -> bytes:
    path = home.folder / "made.dxf"
    geopandas.GeoDataFrame(geometry=[Point(400000, 5800000), Point(400001, 5800002)]).to_file(path, driver="DXF", engine="pyogrio")
    return path.read_bytes()


def test_gml_is_read_with_x_first_whatever_its_axes(ready):
    done = run_all(ready, [Batch(ready, "gml-geo", {"geo.gml": gml(ready, "EPSG:4326")}, code=None),
                           Batch(ready, "gml-utm", {"utm.gml": gml(ready, "EPSG:25833")}, code=None)])
    expected = points(20).to_crs(4326).total_bounds
    assert done["gml-geo"].frame.total_bounds == pytest.approx(expected, abs=1e-7)
    out = done["gml-utm"].frame
    assert out.crs == "EPSG:25833" and list(out.sort_values("n")["name"]) == [f"ö {i}" for i in range(20)]


def test_xml_that_would_fetch_or_is_cut_is_refused(ready):
    good = gml(ready, "EPSG:25833")
    entity = good.replace(b"?>", b'?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', 1).replace(b"\xc3\xb6 1<", b"&x;<", 1)
    late = good.replace(b"?>", b'?><!-- c --><?p i?>\n<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">', 1)
    kml = b'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY x "y">]><kml xmlns="http://www.opengis.net/kml/2.2"/>'
    wide = good.decode().replace("utf-8", "utf-16").encode("utf-16")
    done = run_all(ready, [Batch(ready, "xml-entity", {"a.gml": entity}, code=None),
                           Batch(ready, "xml-late", {"a.gml": late}, code=None),
                           Batch(ready, "xml-kml", {"a.kml": kml}, code=None),
                           Batch(ready, "xml-wide", {"a.gml": wide}, code=None),
                           Batch(ready, "xml-cut", {"a.gml": good[:len(good) * 2 // 3]}, code=None)])
    for name in ("entity", "late", "kml"):
        done[f"xml-{name}"].refused("file.format", "document type", "DOCTYPE")
    done["xml-wide"].refused("file.format", "UTF-8")
    assert done["xml-cut"].shown["error"]["code"] in ("file.truncated", "file.damaged", "file.format")
    assert not done["xml-cut"].assets


def test_a_drawing_is_read_in_the_manifests_system(ready):
    good = dxf(ready)
    done = run_all(ready, [Batch(ready, "dxf", {"plan.dxf": good}, code=None, crs="EPSG:25833"),
                           Batch(ready, "dxf-no-crs", {"plan2.dxf": good}, code=None),
                           Batch(ready, "dxf-cut", {"plan3.dxf": good[:-200]}, code=None, crs="EPSG:25833")])
    assert done["dxf"].frame.crs == "EPSG:25833" and len(done["dxf"].frame) == 2
    done["dxf-no-crs"].refused("crs.missing", '"crs"')
    done["dxf-cut"].refused("file.truncated", "EOF")


CSVS = {
    "wkt": b'id,WKT\n007,"POINT (10 50)"\n8,\n',
    "xy": b"id;Lon;Lat\n007;10;50\n8;;\n",
    "comma": "id;x;y;name\n007;10,0;50,0;Größe\n8;;;\n".encode("cp1252"),
    "bom": "\ufeffid,longitude,latitude\n007,10,50\n8,,\n".encode(),
}


def test_csv_with_wkt_or_coordinates_is_read_and_its_texts_stay_texts(ready):
    entries = {"comma": {"encoding": "CP1252"}}
    done = run_all(ready, [Batch(ready, f"csv-{name}", {f"csv-{name}.csv": data}, code=None, crs="EPSG:4326", **entries.get(name, {}))
                           for name, data in CSVS.items()])
    for name in CSVS:
        out = done[f"csv-{name}"].frame.sort_values("id")
        assert list(out["id"]) == ["007", "8"] and out.geometry.iloc[0] == Point(10, 50) and out.geometry.iloc[1] is None, name
    assert done["csv-comma"].frame.sort_values("id")["name"].iloc[0] == "Größe"


def test_csv_that_has_no_place_or_a_wrong_one_is_refused_with_its_row(ready):
    wrong = {"wkt": b'id,WKT\n1,"POINT (1 2)"\n2,"POINT (1"\n', "xy": b"id,lon,lat\n1,10,50\n2,abc,50\n",
             "none": b"id,name\n1,a\n", "latin": "id,lon,lat,s\n1,10,50,ö\n".encode("latin-1")}
    done = run_all(ready, [Batch(ready, f"bad-csv-{name}", {f"bad-csv-{name}.csv": data}, code=None, crs="EPSG:4326")
                           for name, data in wrong.items()])
    assert len(done["bad-csv-wkt"].frame) == 1 and "row 2" in done["bad-csv-wkt"].warnings and "WKT" in done["bad-csv-wkt"].warnings
    done["bad-csv-xy"].refused("file.damaged", "lon")
    done["bad-csv-none"].refused("file.layer", "no geometry")
    done["bad-csv-latin"].refused("file.damaged", "row 1", "encoding")
