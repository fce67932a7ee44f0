# SPDX-License-Identifier: Apache-2.0
"""What comes out of a vector and a raster batch, looked at by programs that are not sluice."""

import hashlib
import json
import subprocess
from pathlib import Path

import duckdb
import geopandas
import geoparquet_validator
import numpy
import psycopg
import pyarrow.parquet
import pytest
import rasterio
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate
from shapely.geometry import Polygon

from home import ROOT

COUNTRIES = ROOT / "tests/data/countries/countries.shp"
# Natural Earth's own coordinates go past the antimeridian by 6e-14 degrees, which the validator takes literally.
KNOWN_OF_COUNTRIES = {"/conf/core/axis-order", "/conf/core/bbox-crs"}


def write_squares(folder: Path) -> Path:
    """Ten squares of 1 km in UTM zone 33N, with a column of each common type."""
    squares = [Polygon([(x, y), (x + 1000, y), (x + 1000, y + 1000), (x, y + 1000)])
               for x, y in ((400000 + 5000 * i, 5800000 + 3000 * i) for i in range(10))]
    frame = geopandas.GeoDataFrame(
        {"name": [f"Straße {i}" for i in range(10)], "n": range(10), "share": numpy.linspace(0, 1, 10)},
        geometry=squares, crs="EPSG:25833")
    path = folder / "squares.gpkg"
    frame.to_file(path, driver="GPKG", engine="pyogrio")
    return path


def write_relief(folder: Path) -> Path:
    """A smooth surface of 1100 x 900 cells of 30 m, with a corner without data."""
    y, x = numpy.mgrid[0:900, 0:1100]
    values = (1000 + 300 * numpy.sin(x / 90) * numpy.cos(y / 70)).astype("float32")
    values[:50, :50] = -9999
    path = folder / "relief.tif"
    with rasterio.open(path, "w", driver="GTiff", width=1100, height=900, count=1, dtype="float32", nodata=-9999,
                       crs="EPSG:25833", transform=from_origin(390000, 5820000, 30, 30)) as raster:
        raster.write(values, 1)
    return path


@pytest.fixture(scope="module")
def lake(home):
    """Four batches ingested; the assets by dataset."""
    home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--dataset", "countries", COUNTRIES)
    home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--dataset", "squares", write_squares(home.folder))
    home.run("submit", "--intent", "ingest_satellite_raster", "--type", "raster", "--dataset", "relief",
             write_relief(home.folder))
    home.run("run", "--once")
    return {asset["dataset_id"]: asset for asset in home.run("asset", "list", "--json").json}


@pytest.fixture(scope="module")
def sql(home, lake):
    """A connection to the private cluster, whose socket's folder its own pid file names."""
    pid_file = next(home.path.rglob("postmaster.pid")).read_text().splitlines()
    with psycopg.connect(host=pid_file[4], port=pid_file[3], dbname="sluice", user="sluice", autocommit=True) as connection:
        yield connection


def failures(path: Path) -> set[str]:
    """The tests of the GeoParquet specification, its JSON schema among them, that a file does not pass."""
    report = geoparquet_validator.check(str(path))
    assert report["version"] == "1.1.0"
    return {outcome["id"] for outcome in report["outcomes"] if outcome["status"] not in ("pass", "skip")}


def geo_metadata(path: Path) -> dict:
    return json.loads(pyarrow.parquet.read_schema(path).metadata[b"geo"])


def sha256(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_each_batch_gives_one_asset_at_its_first_version(lake):
    assert {name: (a["version"], a["kind"]) for name, a in lake.items()} == {
        "countries": (1, "vector"), "squares": (1, "vector"), "relief": (1, "raster")}
    assert lake["countries"]["s3_key"] == "countries/v1/countries.parquet"
    assert lake["relief"]["s3_key"] == "relief/v1/relief.tif"


@pytest.mark.parametrize("dataset", ["countries", "squares", "relief"])
def test_the_object_has_the_size_and_hash_of_its_document(home, lake, dataset):
    path = home.object(lake[dataset])
    assert path.stat().st_size == lake[dataset]["size_bytes"]
    assert sha256(path) == lake[dataset]["content_hash"]


def test_countries_pass_the_geoparquet_specification(home, lake):
    assert failures(home.object(lake["countries"])) <= KNOWN_OF_COUNTRIES


def test_projected_input_passes_the_geoparquet_specification(home, lake):
    assert failures(home.object(lake["squares"])) == set()


def test_the_covering_column_holds_each_rows_bounds(home, lake):
    path = home.object(lake["countries"])
    covering = geo_metadata(path)["columns"]["geom"]["covering"]["bbox"]
    column = covering["xmin"][0]
    boxes = pyarrow.parquet.read_table(path, columns=[column])[column].to_pylist()
    bounds = geopandas.read_parquet(path).bounds.to_numpy()
    stored = numpy.array([[box[covering[side][1]] for side in ("xmin", "ymin", "xmax", "ymax")] for box in boxes])
    # The column may be of 32 bit: then it must hold the bounds, not equal them.
    assert (stored[:, :2] <= bounds[:, :2] + 1e-12).all() and (stored[:, 2:] >= bounds[:, 2:] - 1e-12).all()
    assert numpy.abs(stored - bounds).max() < 1e-4


def test_geopandas_reads_all_countries_with_their_attributes(home, lake):
    source = geopandas.read_file(COUNTRIES)
    output = geopandas.read_parquet(home.object(lake["countries"]))
    assert output.crs.to_epsg() == 4326
    assert output.geometry.name == "geom" and output.geometry.is_valid.all()
    attributes = [c for c in source.columns if c != "geometry"]
    assert set(attributes) <= set(output.columns)
    # In another order: Hilbert's.
    key = ["name", "iso_a3"]
    assert (sorted(map(tuple, output[key].astype(str).to_numpy())) == sorted(map(tuple, source[key].astype(str).to_numpy())))
    # Simplified by less than a thousandth.
    assert output.area.sum() == pytest.approx(source.area.sum(), rel=1e-3)


def test_projected_squares_arrive_east_first_where_proj_puts_them(home, lake):
    expected = geopandas.read_file(home.folder / "squares.gpkg").to_crs("EPSG:4326").set_index("n").sort_index()
    output = geopandas.read_parquet(home.object(lake["squares"])).set_index("n").sort_index()
    assert list(output["name"]) == [f"Straße {i}" for i in range(10)]
    assert numpy.abs(output.bounds.to_numpy() - expected.bounds.to_numpy()).max() < 1e-6
    assert lake["squares"]["bounds"] == pytest.approx(list(expected.total_bounds), abs=1e-6)


def test_duckdb_counts_the_rows_that_the_ledger_recorded(home, lake):
    for dataset, rows in (("countries", 177), ("squares", 10)):
        path = str(home.object(lake[dataset]))
        assert duckdb.sql("SELECT count(*) FROM read_parquet($1)", params=[path]).fetchone() == (rows,)
        assert lake[dataset]["row_count"] == rows


def test_parquet_is_compressed_with_zstd(home, lake):
    group = pyarrow.parquet.ParquetFile(home.object(lake["countries"])).metadata.row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}


def test_the_raster_is_a_cloud_optimised_geotiff(home, lake):
    valid, errors, warnings = cog_validate(str(home.object(lake["relief"])), strict=True)
    assert (valid, errors, warnings) == (True, [], [])


def test_gdalinfo_sees_the_rasters_crs_nodata_and_layout(home, lake):
    info = json.loads(subprocess.run(["gdalinfo", "-json", home.object(lake["relief"])], check=True, capture_output=True).stdout)
    assert info["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
    assert info["size"] == [1100, 900]
    assert info["bands"][0]["noDataValue"] == -9999
    assert 'ID["EPSG",25833]' in info["coordinateSystem"]["wkt"]
    assert info["bands"][0]["overviews"]


def test_the_cogs_full_resolution_has_the_sources_values(home, lake):
    with rasterio.open(home.folder / "relief.tif") as source, rasterio.open(home.object(lake["relief"])) as cog:
        assert source.transform == cog.transform
        numpy.testing.assert_array_equal(source.read(1), cog.read(1))


def test_the_catalog_has_a_row_for_each_asset_as_the_ledger_says(sql, lake):
    rows = sql.execute("SELECT id::text, dataset_id, version, s3_key, content_hash FROM catalog.assets").fetchall()
    assert sorted(rows) == sorted(
        (a["_id"], a["dataset_id"], a["version"], a["s3_key"], a["content_hash"]) for a in lake.values())


def test_each_file_of_a_shapefile_is_a_raw_file_with_its_own_hash(home, sql, lake):
    keys = sql.execute("SELECT r.s3_key, d.content_hash FROM catalog.raw_files r JOIN catalog.raw_file_details d"
                       " ON d.raw_file_id = r.id WHERE r.dataset = 'countries'").fetchall()
    stems = {str(Path(key).with_suffix("")) for key, _ in keys}
    assert len(stems) == 1, "sidecars share the run's id"
    hashes = {Path(key).suffix: digest for key, digest in keys}
    assert {".shp", ".dbf", ".shx", ".prj"} <= set(hashes)
    assert all(digest == sha256(COUNTRIES.with_suffix(suffix)) for suffix, digest in hashes.items())


def test_no_schema_of_a_run_is_left(sql):
    assert sql.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proc\\_%'").fetchall() == []


def test_an_asset_shows_the_document_that_the_list_has(home, lake):
    for asset in lake.values():
        assert home.run("asset", "show", asset["_id"], "--json").json == asset


def test_a_replay_gives_the_same_bytes(home, lake):
    home.run("replay", lake["squares"]["batch_id"], "--force")
    versions = [a for a in home.run("asset", "list", "--json").json if a["dataset_id"] == "squares"]
    assert {a["content_hash"] for a in versions} == {lake["squares"]["content_hash"]}


def test_verify_finds_nothing_wrong_in_a_fresh_home(home, lake):
    home.run("verify", "--deep")
