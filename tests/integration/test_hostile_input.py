# SPDX-License-Identifier: Apache-2.0
"""Input that is hostile or damaged, policies that decide, services and disks that fail: one clear line, and nothing is lost."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import geopandas
import numpy
import psycopg
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import Point, Polygon

from home import ROOT, Home

COUNTRIES = ROOT / "tests/data/countries/countries.shp"


def manifest(batch: str, **changes) -> dict:
    document = {"batch_id": batch, "uploader": "ana", "intent": "ingest_vector",
                "files": [{"path": "points.geojson", "type": "vector", "format": "GeoJSON", "crs": "EPSG:4326"}],
                "metadata": {"project": "TEST", "description": "bad input"}}
    document.update(changes)
    return document


def one_file(**changes) -> list[dict]:
    return [{"path": "points.geojson", "type": "vector", "format": "GeoJSON", "crs": "EPSG:4326"} | changes]


class Landing:
    """Uploads as a user without the program does: files first, then the manifest."""

    def __init__(self, home: Home) -> None:
        self.root = home.path / "store" / "landing-zone"

    def put(self, key: str, data: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def submit(self, batch: str, text: str | bytes | dict) -> None:
        if isinstance(text, dict):
            text = json.dumps(text, indent=1)
        self.put(f"manifests/{batch}.json", text.encode() if isinstance(text, str) else text)


def points(n: int = 20) -> bytes:
    features = [{"type": "Feature", "properties": {"n": i}, "geometry": {"type": "Point", "coordinates": [i, i / 2]}}
                for i in range(n)]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


@pytest.fixture(scope="module")
def landing(home):
    return Landing(home)


def schemas(home: Home) -> list:
    pid_file = next(home.path.rglob("postmaster.pid")).read_text().splitlines()
    with psycopg.connect(host=pid_file[4], port=pid_file[3], dbname="sluice", user="sluice") as connection:
        return connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proc\\_%'").fetchall()


def lake_files(home: Home) -> list[str]:
    lake = home.path / "store" / "data-lake"
    return sorted(p.relative_to(lake).as_posix() for p in lake.rglob("*") if p.is_file())


def assert_refused(home: Home, batch: str, code: str, exit_code: int, *words: str, lake: list[str]) -> dict:
    """One run ends with the code and exit code; the error is one line that says the words; nothing else is left."""
    result = home.run("run", "--once", check=exit_code)
    quarantine = home.path / "store" / "landing-zone" / "quarantine"
    error = json.loads((quarantine / f"{batch}.error.json").read_text())["error"]
    assert error["code"] == code, error
    assert "\n" not in error["message"]
    for word in words:
        assert word in error["message"] + (error.get("hint") or ""), error
    assert (quarantine / f"{batch}.json").exists()
    assert not (home.path / "store/landing-zone/manifests" / f"{batch}.json").exists()
    # The line is printed once, for people.
    assert sum(error["message"][:60] in line for line in (result.out + result.err).splitlines()) == 1, str(result)
    assert lake_files(home) == lake
    assert schemas(home) == []
    shown = home.run("batch", "show", batch, "--json").json
    assert shown["status"] in ("failed", "quarantined") and shown["error"]["code"] == code
    return error


def assert_next_is_fine(home: Home, landing: Landing, batch: str) -> None:
    landing.put(f"{batch}/points.geojson", points())
    landing.submit(batch, manifest(batch, dataset=batch))
    home.run("run", "--once")
    assert home.run("batch", "show", batch, "--json").json["status"] == "succeeded"


MALFORMED = {
    "truncated-json": (b'{"batch_id": "x", ', "json.syntax"),
    "trailing-data": (json.dumps(manifest("trailing-data")).encode() + b" {}", "json.syntax"),
    "twice-a-key": (b'{"batch_id": "a", "batch_id": "b"}', "json.duplicate_key"),
    "latin-1": (b'{"batch_id": "M\xfcnchen"}', "json.encoding"),
    "too-deep": (b"[" * 5000 + b"]" * 5000, "json.depth"),
    "empty": (b"", "json.syntax"),
}


@pytest.mark.parametrize("batch", MALFORMED)
def test_malformed_json_is_refused_with_its_place(home, landing, batch):
    text, code = MALFORMED[batch]
    landing.submit(batch, text)
    assert_refused(home, batch, code, 3, lake=lake_files(home))


VIOLATIONS = {
    "no-project": (dict(metadata={"description": "x"}), "manifest.schema", ["/metadata/project"]),
    "bad-type": (dict(files=one_file(type="vektor")), "manifest.schema", ["/files/0/type", "vector"]),
    "no-files": (dict(files=[]), "manifest.schema", ["/files"]),
    "strange-member": (dict(filez=[]), "manifest.schema", ["filez", "files"]),
    "bad-crs": (dict(files=one_file(crs="ESPG:4326")), "manifest.crs", ["/files/0/crs", "EPSG:4326"]),
    "crs-file": (dict(files=one_file(crs="/etc/passwd")), "manifest.", ["/files/0/crs"]),
    "dot-dot": (dict(files=one_file(path="../secret.shp")), "manifest.path", ["/files/0/path"]),
    "vsi": (dict(files=one_file(path="/vsicurl/http://127.0.0.1/x.gpkg")), "manifest.path", ["/files/0/path"]),
    "url": (dict(files=one_file(path="http://127.0.0.1/x.gpkg")), "manifest.path", ["/files/0/path"]),
    "other-bucket": (dict(files=one_file(path="s3://data-lake/x.gpkg")), "manifest.path", ["/files/0/path"]),
    "absolute": (dict(files=one_file(path="/etc/passwd")), "manifest.path", ["/files/0/path"]),
    "unknown-param": (dict(params={"tolerence": 1}), "manifest.param", ["tolerence", "tolerance"]),
    "wrong-param": (dict(params={"tolerance": "1 m"}), "manifest.param", ["tolerance"]),
}


@pytest.mark.parametrize("batch", VIOLATIONS)
def test_a_violation_is_refused_with_pointer_and_remedy(home, landing, batch):
    changes, code, words = VIOLATIONS[batch]
    landing.put(f"{batch}/points.geojson", points())
    landing.submit(batch, manifest(batch, **changes))
    before = lake_files(home)
    home.run("run", "--once", check=3)
    error = json.loads((landing.root / "quarantine" / f"{batch}.error.json").read_text())["error"]
    assert error["code"].startswith(code), error
    for word in words:
        assert word in error["message"] + (error.get("hint") or ""), error
    assert lake_files(home) == before and schemas(home) == []


def test_all_violations_come_together_with_line_numbers(home):
    path = home.folder / "three.json"
    bad = manifest("three", files=one_file(crs="ESPG:4326") + one_file(path="../secret.shp"), metadata={"description": ""})
    path.write_text(json.dumps(bad, indent=2))
    result = home.run("validate", path, check=3)
    text = result.out + result.err
    assert "3 problems" in text
    for pointer in ("/files/0/crs", "/files/1/path", "/metadata/project"):
        assert pointer in text
    submitted = home.run("submit", path, check=3)
    assert "Nothing was uploaded" in submitted.out + submitted.err
    problems = home.run("validate", path, "--json", check=3).json
    assert len(json.dumps(problems)) > 0


def test_a_wrong_checksum_is_told_with_both_hashes(home, landing):
    landing.put("checksum/points.geojson", points())
    landing.submit("checksum", manifest("checksum", files=one_file(sha256="0" * 64)))
    assert_refused(home, "checksum", "file.checksum", 3, "0" * 64, lake=lake_files(home))


def test_a_vrt_dressed_as_geotiff_is_not_opened(home, landing):
    secret = home.folder / "secret.tif"
    with rasterio.open(secret, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8", crs="EPSG:4326",
                       transform=from_origin(0, 8, 1, 1)) as raster:
        raster.write(numpy.ones((8, 8), "uint8"), 1)
    vrt = f"""<VRTDataset rasterXSize="8" rasterYSize="8"><SRS>EPSG:4326</SRS>
<GeoTransform>0, 1, 0, 8, 0, -1</GeoTransform><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0">{secret}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
    landing.put("vrt/image.tif", vrt.encode())
    landing.submit("vrt", manifest("vrt", intent="ingest_satellite_raster", files=[
        {"path": "image.tif", "type": "raster", "format": "GTiff", "crs": "EPSG:4326"}]))
    assert_refused(home, "vrt", "file.format", 3, "image.tif", lake=lake_files(home))


def squares() -> geopandas.GeoDataFrame:
    ring = [Polygon([(x, y), (x + 100, y), (x + 100, y + 100), (x, y + 100)])
            for x, y in ((400000 + 150 * (i % 50), 5800000 + 150 * (i // 50)) for i in range(2000))]
    return geopandas.GeoDataFrame({"n": range(2000), "name": [f"square {i}" for i in range(2000)]}, geometry=ring,
                                  crs="EPSG:25833")


@pytest.mark.parametrize("driver, name", [("GPKG", "squares.gpkg"), ("FlatGeobuf", "squares.fgb"),
                                          ("GeoJSON", "squares.geojson"), ("ESRI Shapefile", "squares.shp")])
def test_a_truncated_vector_file_is_never_published_as_if_whole(home, landing, driver, name):
    folder = home.folder / f"trunc-{driver.replace(' ', '-')}"
    folder.mkdir()
    squares().to_file(folder / name, driver=driver, engine="pyogrio")
    data = (folder / name).read_bytes()
    batch = f"truncated-{name.rpartition('.')[2]}"
    landing.put(f"{batch}/{name}", data[:len(data) * 6 // 10])
    sidecars = [p.name for p in folder.iterdir() if p.name != name]
    for sidecar in sidecars:
        landing.put(f"{batch}/{sidecar}", (folder / sidecar).read_bytes())
    entry = {"path": name, "type": "vector", "format": driver, "crs": "EPSG:25833"}
    if sidecars:
        entry["sidecars"] = sidecars
    landing.submit(batch, manifest(batch, files=[entry]))
    before = lake_files(home)
    home.run("run", "--once", check=3)
    error = json.loads((landing.root / "quarantine" / f"{batch}.error.json").read_text())["error"]
    assert error["code"] in ("file.truncated", "file.damaged", "file.format"), error
    assert name in error["message"]
    assert lake_files(home) == before and schemas(home) == []


def test_a_truncated_geotiff_is_never_published_as_if_whole(home, landing):
    path = home.folder / "whole.tif"
    with rasterio.open(path, "w", driver="GTiff", width=1000, height=1000, count=1, dtype="uint8", crs="EPSG:25833",
                       transform=from_origin(400000, 5800000, 10, 10)) as raster:
        raster.write(numpy.random.default_rng(1).integers(0, 255, (1000, 1000), "uint8"), 1)
    landing.put("truncated-tif/image.tif", path.read_bytes()[:600000])
    landing.submit("truncated-tif", manifest("truncated-tif", intent="ingest_satellite_raster", files=[
        {"path": "image.tif", "type": "raster", "format": "GTiff"}]))
    before = lake_files(home)
    home.run("run", "--once", check=3)
    error = json.loads((landing.root / "quarantine/truncated-tif.error.json").read_text())["error"]
    assert error["code"] in ("file.truncated", "file.damaged"), error
    assert lake_files(home) == before


def put_squares(home: Home, landing: Landing, batch: str) -> None:
    path = home.folder / f"{batch}.gpkg"
    squares().to_file(path, driver="GPKG", engine="pyogrio")
    landing.put(f"{batch}/squares.gpkg", path.read_bytes())


def test_a_crs_that_contradicts_the_manifest_fails_and_the_policy_can_decide(home, landing):
    put_squares(home, landing, "contradiction")
    files = [{"path": "squares.gpkg", "type": "vector", "format": "GPKG", "crs": "EPSG:2263"}]
    landing.submit("contradiction", manifest("contradiction", files=files, dataset="contradiction"))
    assert_refused(home, "contradiction", "crs.mismatch", 3, "EPSG:2263", "EPSG:25833", "trust_file",
                   lake=lake_files(home))
    home.run("replay", "contradiction", "--set", "crs_policy=trust_file")
    asset = home.run("asset", "show", "contradiction", "--json").json
    assert asset["row_count"] == 2000 and 12 < asset["bounds"][0] < 15


def write_recipe(home: Home, name: str, sql: str) -> None:
    folder = home.path / "recipes"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(f"""apiVersion: sluice/v1
kind: Recipe
name: {name}
version: 1
intents: [{name}]
type: vector
steps:
  - sql:
      select: {json.dumps(sql)}
outputs:
  - geoparquet: {{}}
""")


BROKEN_SQL = {
    "sql_syntax": "SELEC * FROM {{input}}",
    "sql_column": "SELECT nothing_of_that_name, geom FROM {{input}}",
    "sql_division": "SELECT n / 0 AS n, geom FROM {{input}}",
    "sql_ledger": "SELECT i.*, (SELECT count(*) FROM ledger.assets) AS stolen FROM {{input}} i",
    "sql_file": "SELECT i.*, pg_read_file('/etc/passwd') AS stolen FROM {{input}} i",
}


@pytest.mark.parametrize("name", BROKEN_SQL)
def test_an_sql_step_with_an_error_or_without_the_right_fails_its_batch_alone(home, landing, name):
    write_recipe(home, name, BROKEN_SQL[name])
    landing.put(f"{name}/points.geojson", points())
    landing.submit(name, manifest(name, intent=name))
    assert_refused(home, name, "step.sql", 3, "sql", lake=lake_files(home))
    assert_next_is_fine(home, landing, f"after_{name}")


def test_a_step_that_loses_the_geometry_breaks_the_contract(home, landing):
    write_recipe(home, "no_geometry", "SELECT n FROM {{input}}")
    landing.put("no_geometry/points.geojson", points())
    landing.submit("no_geometry", manifest("no_geometry", intent="no_geometry"))
    assert_refused(home, "no_geometry", "geometry.contract", 3, "geom", lake=lake_files(home))


def test_the_same_batch_id_with_other_content_is_a_duplicate(home, landing):
    assert_next_is_fine(home, landing, "twice")
    landing.submit("twice", manifest("twice", dataset="twice", metadata={"project": "OTHER", "description": ""}))
    before = lake_files(home)
    home.run("run", "--once", check=5)
    error = json.loads((landing.root / "quarantine/twice.error.json").read_text())["error"]
    assert error["code"] == "batch.duplicate"
    assert home.run("batch", "show", "twice", "--json").json["status"] == "succeeded"
    assert lake_files(home) == before


def test_the_same_manifest_again_changes_nothing(home, landing):
    assert_next_is_fine(home, landing, "again")
    before = lake_files(home)
    landing.submit("again", manifest("again", dataset="again"))
    home.run("run", "--once")
    assert lake_files(home) == before
    assert not (landing.root / "manifests/again.json").exists()


def test_an_unknown_intent_takes_the_default_recipe_and_says_so(home, landing):
    landing.put("fallback/points.geojson", points())
    landing.submit("fallback", manifest("fallback", intent="ingest_something_else", dataset="fallback"))
    result = home.run("run", "--once")
    run_id = home.run("batch", "show", "fallback", "--json").json["run_id"]
    run = home.run("ledger", "get", "runs", run_id, "--json").json
    assert run["recipe"]["fallback"] is True and run["recipe"]["name"] == "ingest_vector"
    assert "ingest_vector" in result.out + result.err


def test_an_unknown_intent_is_refused_under_strict_intents(home, landing):
    landing.put("strict/points.geojson", points())
    landing.submit("strict", manifest("strict", intent="ingest_vectr"))
    result = home.run("-c", "run.strict_intents=true", "run", "--once", check=3)
    error = json.loads((landing.root / "quarantine/strict.error.json").read_text())["error"]
    assert error["code"] == "recipe.intent" and "ingest_vector" in error["message"] + (error.get("hint") or ""), str(result)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_said_and_nothing_is_lost(home, landing):
    """The scratch folder lies on a file system of 1 MiB, the file has more."""
    small = home.folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs", small], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let a test mount a tmpfs: " + mounted.stderr.decode().strip())
    try:
        frame = geopandas.GeoDataFrame({"n": range(30000)}, geometry=[Point(i / 300, 1) for i in range(30000)],
                                       crs="EPSG:4326")
        frame.to_file(home.folder / "large.gpkg", driver="GPKG", engine="pyogrio")
        landing.put("full/large.gpkg", (home.folder / "large.gpkg").read_bytes())
        files = [{"path": "large.gpkg", "type": "vector", "format": "GPKG", "crs": "EPSG:4326"}]
        landing.submit("full", manifest("full", files=files, dataset="full"))
        before = lake_files(home)
        home.run("-c", f"run.scratch={small}", "-c", "run.retries=2", "-c", "run.retry_base=100ms", "run", "--once",
                 check=1)
        error = json.loads((landing.root / "quarantine/full.error.json").read_text())["error"]
        assert error["code"] == "disk.full", error
        assert lake_files(home) == before and schemas(home) == []
    finally:
        subprocess.run(["umount", small], check=True)
    home.run("replay", "full")
    assert home.run("asset", "show", "full", "--json").json["row_count"] == 30000


def test_a_compute_server_that_is_gone_is_retried_then_said(home, landing):
    landing.put("gone/points.geojson", points())
    landing.submit("gone", manifest("gone", dataset="gone"))
    before = lake_files(home)
    socket = home.folder / "nobody"
    socket.mkdir()
    result = home.run("-c", f"compute.dsn=host={socket} dbname=x user=y password=hunter2", "-c", "run.retries=2", "-c",
                      "run.retry_base=100ms", "run", "--once", check=75)
    assert "hunter2" not in result.out + result.err
    assert lake_files(home) == before
    # Nothing was lost: the batch waits, or says why it does not, and succeeds when the server is back.
    home.run("run", "--once", check=False)
    if home.run("batch", "show", "gone", "--json").json["status"] != "succeeded":
        home.run("replay", "gone")
    assert home.run("batch", "show", "gone", "--json").json["status"] == "succeeded"
