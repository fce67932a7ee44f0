# SPDX-License-Identifier: Apache-2.0
"""COGs and coordinate systems, compared with what rasterio, rio-cogeo, gdalinfo and pyproj read."""
import json
import os
import pathlib
import subprocess

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SLUICE_BINARY", ROOT / "build/release/engine/cli/sluice"))
TOOL = PROGRAM.parents[2] / "tests/integration/geo/raster_tool"
WIDTH, HEIGHT = 1300, 900


def tool(*arguments):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def refusal(*arguments):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stdout
    return done.stderr.split(": ", 1)


def hills(dtype, bands=1):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [100 + 90 * np.sin(x / 37 * (b + 1)) * np.cos(y / 53) for b in range(bands)]
    return np.stack(planes).astype(dtype)


def write(path, pixels, **more):
    profile = {"driver": "GTiff", "width": WIDTH, "height": HEIGHT, "count": pixels.shape[0], "dtype": pixels.dtype,
               "crs": "EPSG:32633", "transform": from_origin(500000, 5800000, 30, 30)}
    profile.update(more)
    return rasterio.open(path, "w", **profile)


def assert_cog(path):
    valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    assert valid and not errors and not warnings, (errors, warnings)
    facts = tool("check", path)
    with rasterio.open(path) as made:
        assert (facts["width"], facts["height"]) == (made.width, made.height)
        assert facts["overviews"] == len(made.overviews(1))
        assert all(tall == wide for tall, wide in made.block_shapes)
    assert facts["size_bytes"] == path.stat().st_size
    info = json.loads(subprocess.check_output(["gdalinfo", "-json", str(path)]))
    assert info["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
    return facts


def assert_same(source, made):
    with rasterio.open(source) as a, rasterio.open(made) as b:
        assert a.crs == b.crs
        assert a.transform == b.transform
        assert a.dtypes == b.dtypes
        assert a.descriptions == b.descriptions
        assert a.colorinterp == b.colorinterp
        assert a.units == b.units and a.scales == b.scales and a.offsets == b.offsets
        np.testing.assert_equal(a.nodatavals, b.nodatavals)
        assert a.mask_flag_enums == b.mask_flag_enums
        np.testing.assert_array_equal(a.read(), b.read())
        np.testing.assert_array_equal(a.dataset_mask(), b.dataset_mask())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("nodata", [None, 0])
def test_pixels_and_nodata_of_every_type_are_kept(tmp_path, dtype, nodata):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills(dtype)
    pixels[:, :50, :70] = 0
    with write(source, pixels, nodata=nodata) as out:
        out.write(pixels)
    tool("cog", source, "GTiff", made)
    assert_cog(made)
    assert_same(source, made)


def test_nan_stays_nodata(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills("float32", 2)
    pixels[:, 100:200, 100:300] = np.nan
    with write(source, pixels, nodata=np.nan) as out:
        out.write(pixels)
    tool("cog", source, "GTiff", made)
    assert_cog(made)
    assert_same(source, made)


def test_a_palette_is_kept_and_its_overviews_invent_no_class(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    classes = (hills("uint8") // 60) * 3
    with write(source, classes, photometric="palette") as out:
        out.write(classes)
        out.write_colormap(1, {int(v): (int(v), 255 - int(v), 7, 255) for v in np.unique(classes)})
    tool("cog", source, "GTiff", made)
    assert_cog(made)
    assert_same(source, made)
    with rasterio.open(source) as a, rasterio.open(made) as b:
        assert b.colorinterp == (ColorInterp.palette,)
        assert a.colormap(1) == b.colormap(1)
    with rasterio.open(made, overview_level=0) as small:
        assert set(np.unique(small.read())) <= set(np.unique(classes))


def test_colours_alpha_descriptions_and_metadata_are_kept(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills("uint8", 4)
    pixels[3] = np.where(pixels[0] > 120, 255, 0)
    with write(source, pixels, photometric="RGB", alpha="YES") as out:
        out.write(pixels)
        out.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
        out.descriptions = ["rot", "grün", "blau", "Deckung"]
        out.update_tags(AREA_OR_POINT="Point", station="Köln")
        out.update_tags(1, wavelength="665")
    tool("cog", source, "GTiff", made)
    assert_cog(made)
    assert_same(source, made)
    with rasterio.open(made) as b:
        assert b.colorinterp[3] == ColorInterp.alpha
        assert b.tags()["station"] == "Köln" and b.tags()["AREA_OR_POINT"] == "Point"
        assert b.tags(1)["wavelength"] == "665"
        assert "TIFFTAG_DATETIME" not in b.tags()


def test_a_mask_is_kept_inside_of_the_file(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills("uint16", 3)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), write(source, pixels) as out:
        out.write(pixels)
        out.write_mask(pixels[0] > 100)
    tool("cog", source, "GTiff", made)
    assert_cog(made)
    assert_same(source, made)
    with rasterio.open(made) as b:
        assert b.mask_flag_enums[0] == [MaskFlags.per_dataset]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.tif", "out.tif"]


def test_scale_offset_and_unit_are_kept(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills("int16")
    with write(source, pixels) as out:
        out.write(pixels)
        out.scales, out.offsets, out.units = [0.1], [273.15], ["K"]
    tool("cog", source, "GTiff", made)
    assert_same(source, made)


def test_single_bits_are_kept(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = (hills("uint8") > 100).astype("uint8")
    with write(source, pixels, nbits=1) as out:
        out.write(pixels)
    tool("cog", source, "GTiff", made)
    assert_cog(made)
    assert_same(source, made)


def test_control_points_are_kept_where_there_is_no_transform(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills("uint8")
    points = [GroundControlPoint(r, c, 10 + c / 1000, 50 - r / 1000) for r in (0, 800) for c in (0, 1200)]
    with rasterio.open(source, "w", driver="GTiff", width=WIDTH, height=HEIGHT, count=1, dtype="uint8") as out:
        out.gcps = (points, rasterio.crs.CRS.from_epsg(4326))
        out.write(pixels)
    facts = tool("info", source, "GTiff")
    assert facts["gcps"] == 4 and not facts["has_transform"] and facts["crs"] == "EPSG:4326"
    tool("cog", source, "GTiff", made)
    with rasterio.open(made) as b:
        kept, crs = b.gcps
        assert [(p.row, p.col, p.x, p.y) for p in kept] == [(p.row, p.col, p.x, p.y) for p in points]
        assert crs == rasterio.crs.CRS.from_epsg(4326)


def test_another_crs_changes_nothing_else(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills("uint8", 3)
    with write(source, pixels, nodata=0, photometric="RGB", crs=None) as out:
        out.write(pixels)
        out.descriptions = ["a", "b", "c"]
        out.update_tags(station="Köln")
    tool("cog", source, "GTiff", made, "crs=EPSG:25833")
    assert_cog(made)
    with rasterio.open(source) as a, rasterio.open(made) as b:
        assert b.crs == rasterio.crs.CRS.from_epsg(25833)
        assert a.crs is None
        assert a.transform == b.transform and a.colorinterp == b.colorinterp and a.descriptions == b.descriptions
        assert a.nodatavals == b.nodatavals and b.tags()["station"] == "Köln"
        np.testing.assert_array_equal(a.read(), b.read())


@pytest.mark.parametrize("compression", ["DEFLATE", "ZSTD", "LZW", "LERC", "NONE"])
def test_lossless_compressions_are_sound(tmp_path, compression):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills("float32")
    with write(source, pixels) as out:
        out.write(pixels)
    tool("cog", source, "GTiff", made, f"compression={compression}", "block_size=256")
    facts = assert_cog(made)
    assert facts["overviews"] == 3
    assert_same(source, made)


@pytest.mark.parametrize("size", [(1, 1), (512, 512), (513, 512), (3, 5000), (5000, 1)])
def test_shapes_at_the_edges_are_sound(tmp_path, size):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    width, height = size
    pixels = np.arange(width * height, dtype="uint16").reshape(1, height, width)
    with write(source, pixels, width=width, height=height) as out:
        out.write(pixels)
    tool("cog", source, "GTiff", made)
    assert_cog(made)
    assert_same(source, made)


@pytest.mark.parametrize("driver,name", [("PNG", "PNG"), ("AAIGrid", "AAIGrid"), ("HFA", "HFA")])
def test_other_formats_become_cogs(tmp_path, driver, name):
    tif, source, made = tmp_path / "in.tif", tmp_path / "in.src", tmp_path / "out.tif"
    pixels = hills("uint8")
    with write(tif, pixels) as out:
        out.write(pixels)
    subprocess.check_call(["gdal_translate", "-q", "-of", driver, str(tif), str(source)])
    tool("cog", source, name, made)
    assert_cog(made)
    with rasterio.open(made) as b:
        np.testing.assert_array_equal(b.read(), pixels)


def test_what_is_not_a_cog_is_not_taken_for_one(tmp_path):
    plain = tmp_path / "plain.tif"
    pixels = hills("uint8")
    with write(plain, pixels, tiled=True, blockxsize=256, blockysize=256) as out:
        out.write(pixels)
    assert not cog_validate(plain, strict=True, quiet=True)[0]
    assert refusal("check", plain)[0] == "output.invalid"


def test_a_damaged_file_is_refused_and_leaves_nothing(tmp_path):
    source, made = tmp_path / "in.tif", tmp_path / "out.tif"
    pixels = hills("uint16")
    with write(source, pixels, compress="deflate") as out:
        out.write(pixels)
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    assert refusal("cog", source, "GTiff", made)[0] in ("file.truncated", "file.damaged")
    assert not made.exists()


@pytest.mark.parametrize("code", ["EPSG:4326", "EPSG:25833", "EPSG:2263", "EPSG:31468", "OGC:CRS84", "EPSG:5555",
                                  "ESRI:102008", "EPSG:3857", "IGNF:LAMB93"])
def test_projjson_and_wkt_are_what_pyproj_understands(code):
    facts = tool("crs", code)
    expected = pyproj.CRS.from_user_input(code)
    assert facts["id"] == code
    assert pyproj.CRS.from_json(facts["projjson"]).equals(expected)
    assert pyproj.CRS.from_wkt(facts["wkt"]).equals(expected)


@pytest.mark.parametrize("code", [4326, 25833, 2263, 32118, 32618, 3857, 27700, 2056, 31468, 3035, 5514])
@pytest.mark.parametrize("dialect", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2015", "WKT2_2019"])
def test_the_code_is_found_in_every_dialect_of_wkt(code, dialect):
    wkt = pyproj.CRS.from_epsg(code).to_wkt(dialect)
    assert tool("wkt", wkt)["id"] == f"EPSG:{code}"
