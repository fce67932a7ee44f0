# SPDX-License-Identifier: Apache-2.0
"""What bad input gets: a code and a sentence, its manifest in quarantine, nothing in the lake; other batches go on."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import pytest

from home import ROOT

COUNTRIES = {path.name: path.read_bytes() for path in (ROOT / "tests/data/countries").glob("countries.*")}
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
GEOJSON = json.dumps({"type": "FeatureCollection",
                      "features": [{"type": "Feature", "properties": {"n": 1}, "geometry": SQUARE}]}).encode()
VRT = b"""<VRTDataset rasterXSize="10" rasterYSize="10"><SRS>EPSG:4326</SRS><GeoTransform>0,1,0,0,0,-1</GeoTransform>
<VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""
BAD_SQL_RECIPE = """apiVersion: sluice/v1
kind: Recipe
name: bad_sql
version: 1
intents: [bad_sql]
type: vector
steps:
  - sql: {select: "SELECT *, no_such_function(geom) AS x FROM {{input}}"}
outputs:
  - geoparquet: {}
"""


@dataclass
class Bad:
    name: str
    codes: set[str]
    file: dict = field(default_factory=dict)  # of the manifest's one file, over a good one
    manifest: dict = field(default_factory=dict)  # over a good manifest; None takes a member away
    assets: dict[str, bytes] = field(default_factory=lambda: dict(COUNTRIES))
    text: Callable[[str], str] = staticmethod(lambda text: text)  # the manifest's last form


def without(*suffixes: str) -> dict[str, bytes]:
    return {name: data for name, data in COUNTRIES.items() if not name.endswith(suffixes)}


TIFF = {"path": "scene.tif", "type": "raster", "format": "GTiff", "crs": "EPSG:4326"}
RASTER = {"intent": "ingest_satellite_raster"}
CASES = [
    Bad("malformed_json", {"json.syntax"}, text=lambda text: text[:-2]),
    Bad("data_after_the_manifest", {"json.syntax"}, text=lambda text: text + "{}"),
    Bad("duplicate_key", {"json.duplicate_key"}, text=lambda text: text.replace("{", '{"intent": "x", ', 1)),
    Bad("missing_member", {"manifest.schema"}, manifest={"metadata": None}),
    Bad("unknown_type", {"manifest.schema"}, file={"type": "vektor"}),
    Bad("unknown_parameter", {"manifest.param"}, manifest={"params": {"no_such_parameter": 1}}),
    Bad("missing_file", {"file.missing"}, assets={}),
    Bad("path_outside_its_batch", {"manifest.path"}, file={"path": "../secret.shp"}),
    Bad("path_in_another_bucket", {"manifest.path"}, file={"path": "s3://raw-vault/x/countries.shp"}),
    Bad("path_of_gdals_own", {"manifest.path"}, file={"path": "/vsicurl/http://127.0.0.1/countries.shp"}),
    Bad("path_that_is_a_url", {"manifest.path"}, file={"path": "https://127.0.0.1/countries.shp"}),
    Bad("wrong_checksum", {"file.checksum"}, file={"sha256": "0" * 64}),
    Bad("wrong_size", {"file.size"}, file={"size": 17}),
    Bad("other_format_than_declared", {"file.format"}, file={"path": "roads.gpkg", "format": "GPKG"},
        assets={"roads.gpkg": GEOJSON}),
    Bad("vrt_dressed_as_geotiff", {"file.format"}, file=TIFF, manifest=RASTER, assets={"scene.tif": VRT}),
    Bad("truncated_shapefile", {"file.truncated", "file.damaged"},
        assets=COUNTRIES | {"countries.shp": COUNTRIES["countries.shp"][:90000]}),
    Bad("no_crs_anywhere", {"crs.missing"}, file={"crs": None}, assets=without(".prj")),
    Bad("crs_that_contradicts_the_file", {"crs.mismatch"}, file={"crs": "EPSG:2263"}),
    Bad("sql_step_with_an_error", {"step.sql"}, manifest={"intent": "bad_sql"}),
]


def put(home, bad: Bad) -> None:
    """Uploads as a foreign client would: first the assets, then the manifest."""
    landing = home.bucket("landing-zone")
    for name, data in bad.assets.items():
        target = landing / bad.name / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    described = {"path": "countries.shp", "type": "vector", "format": "ESRI Shapefile", "crs": "EPSG:4326"} | bad.file
    manifest = {"batch_id": bad.name, "uploader": "tester", "intent": "ingest_vector",
                "files": [{key: value for key, value in described.items() if value is not None}],
                "metadata": {"project": "TEST", "description": bad.name}} | bad.manifest
    text = json.dumps({key: value for key, value in manifest.items() if value is not None}, indent=1)
    manifests = landing / "manifests"
    manifests.mkdir(parents=True, exist_ok=True)
    # Renamed into place: a manifest that is still growing would be waited for.
    part = landing / f"{bad.name}.part"
    part.write_text(bad.text(text))
    part.rename(manifests / f"{bad.name}.json")


def objects(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def ready(home):
    recipes = home.path / "recipes"
    recipes.mkdir(exist_ok=True)
    (recipes / "bad_sql.yaml").write_text(BAD_SQL_RECIPE)
    return home


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_it_is_quarantined_with_its_code_and_leaves_nothing(ready, bad):
    lake = ready.bucket("data-lake")
    before = objects(lake)
    put(ready, bad)
    ready.run("run", "--once", check=3)
    quarantine = ready.bucket("landing-zone") / "quarantine"
    assert (quarantine / f"{bad.name}.json").is_file()
    told = json.loads((quarantine / f"{bad.name}.error.json").read_text())
    error = told["error"]
    assert error["code"] in bad.codes, error
    assert error["message"] and "\n" not in error["message"]
    assert not (ready.bucket("landing-zone") / "manifests" / f"{bad.name}.json").exists()
    assert objects(lake) == before


def test_a_good_batch_beside_bad_ones_succeeds(ready):
    put(ready, Bad("beside_bad", {"file.checksum"}, file={"sha256": "1" * 64}))
    put(ready, Bad("beside_good", set(), manifest={"dataset": "beside"}))
    ready.run("run", "--once", check=3)
    assert [a["batch_id"] for a in ready.run("asset", "list", "--json").json] == ["beside_good"]
    assert ready.run("batch", "show", "beside_good", "--json").json["status"] == "succeeded"


def test_the_same_batch_again_is_a_no_op_and_other_content_a_conflict(ready):
    again = Bad("again", set(), manifest={"dataset": "again"})
    put(ready, again)
    ready.run("run", "--once")
    put(ready, again)
    ready.run("run", "--once")
    assert len([a for a in ready.run("asset", "list", "--json").json if a["dataset_id"] == "again"]) == 1
    put(ready, Bad("again", set(), manifest={"dataset": "again", "uploader": "another"}))
    ready.run("run", "--once", check=5)
