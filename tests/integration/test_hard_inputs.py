# SPDX-License-Identifier: Apache-2.0
"""Vector files as people send them: archives in every layout, old encodings, formats that few programs write, files that
end early. What comes out is read by geopandas, pyogrio and pyarrow; what is refused says what to do."""

import io
import json
import struct
import zipfile
from functools import cached_property

import geopandas
import pytest
from shapely.geometry import Point

from home import Home

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


def points(n: int, crs="EPSG:25833", **columns) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"n": range(n)} | columns,
                                  geometry=[Point(400000 + i, 5800000 + i) for i in range(n)], crs=crs)


def shapefile(home: Home, frame: geopandas.GeoDataFrame, stem: str, **options) -> dict[str, bytes]:
    """The parts of a Shapefile by extension."""
    folder = home.folder / f"shp-{stem}-{len(list(home.folder.iterdir()))}"
    folder.mkdir()
    frame.to_file(folder / f"{stem}.shp", driver="ESRI Shapefile", engine="pyogrio", **options)
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


def archive(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in entries.items():
            z.writestr(name, data)
    return out.getvalue()


def named(parts: dict[str, bytes], stem: str, *, upper: bool = False, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    return {stem + (ext.upper() if upper else ext): data for ext, data in parts.items() if ext not in without}


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
    parts = shapefile(ready, points(300), "x")
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
    parts = shapefile(ready, points(3), "x")
    data = archive(named(parts, "x", without=(".prj",)))
    Batch(ready, "zip-no-prj", {"noprj.zip": data}, code=3).refused("crs.missing", '"crs"')
    assert Batch(ready, "zip-crs", {"noprj2.zip": data}, crs="EPSG:25833", format="ESRI Shapefile").frame.crs == "EPSG:25833"


def test_junk_in_an_archive_is_passed_over(ready):
    parts = named(shapefile(ready, points(5), "x"), "x")
    junk = {"__MACOSX/._x.shp": b"\0\5\26\7", "._x.shp": b"junk", ".DS_Store": b"\0" * 50, "readme.txt": b"hello",
            "__MACOSX/sub/x.shp": b"junk", "x.shp.xml": b"<a/>", "Thumbs.db": b"x"}
    assert len(Batch(ready, "zip-junk", {"junk.zip": archive(junk | parts)}).frame) == 5


def test_each_shapefile_of_an_archive_is_a_layer(ready):
    one, two, three = (shapefile(ready, points(n), "x") for n in (3, 4, 5))
    data = archive(named(one, "roads") | named(two, "a/rivers") | named(three, "b/rivers"))
    batch = Batch(ready, "zip-layers", {"map.zip": data})
    assert {k: v["row_count"] for k, v in batch.assets.items()} == {"map_roads": 3, "map_a_rivers": 4, "map_b_rivers": 5}
    assert Batch(ready, "zip-one", {"map2.zip": data}, layer="a/rivers").asset["row_count"] == 4
    Batch(ready, "zip-none", {"map3.zip": data}, layer="lakes", code=3).refused("file.layer", "lakes", '"roads"', "b/rivers")


def overlapping(parts: dict[str, bytes]) -> bytes:
    """Every entry of the directory points to the same data, as small archives do that unpack to petabytes."""
    whole = bytearray(archive({f"{i}.bin": b"\0" * 500000 for i in range(40)} | parts))
    at = whole.find(b"PK\1\2")
    while at >= 0:
        whole[at + 20:at + 24] = struct.pack("<I", len(whole) // 3)
        at = whole.find(b"PK\1\2", at + 1)
    return bytes(whole)


def encrypted(parts: dict[str, bytes]) -> bytes:
    whole = bytearray(archive(parts))
    at = whole.find(b"PK\1\2")
    whole[at + 8] |= 1
    return bytes(whole)


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
    "no-dbf": (lambda p: archive({k: v for k, v in p.items() if k != "x.dbf"}), "file.missing", "x.dbf"),
    "rows": (lambda p: archive(p | {"x.shx": p["x.shx"][:-8]}), "file.truncated", "x.shx"),
}


@pytest.fixture(scope="module")
def refusals(ready) -> dict[str, Batch]:
    parts = named(shapefile(ready, points(50), "x"), "x")
    return run_all(ready, [Batch(ready, f"refused-{name}", {f"{name}.zip": make(parts)}, code=None)
                           for name, (make, *_) in REFUSED.items()])


@pytest.mark.parametrize("name", REFUSED)
def test_an_archive_that_is_not_to_be_opened_is_refused_with_its_reason(refusals, name):
    refusals[f"refused-{name}"].refused(*REFUSED[name][1:])


def test_submit_finds_out_what_an_archive_has(ready):
    path = ready.folder / "sent.zip"
    path.write_bytes(archive(named(shapefile(ready, points(7), "x"), "in/ROADS", upper=True)))
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
