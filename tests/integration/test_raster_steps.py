# SPDX-License-Identifier: Apache-2.0
"""Steps of rasters, end to end, beside what gdalwarp, gdaldem, gdal_translate, rasterio and numpy make of the same files."""

import json
import subprocess

import numpy as np
import pystac
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.transform import Affine, from_gcps, from_origin
from rio_cogeo.cogeo import cog_validate

from home import Home

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: raster\nsteps:\n"
RECIPES = {
    "to_lonlat": ['warp: {to: "EPSG:4326"}'],
    "to_grid": ['warp: {to: "EPSG:25833", resolution: 50, align: true, resampling: cubic}'],
    "just_warp": ["warp: {}"],
    "cut": ['clip: {bounds: [500600, 5785000, 503000, 5790030]}'],
    "cut_lonlat": ['clip: {bounds: [15.02, 52.2, 15.06, 52.25], crs: "EPSG:4326"}'],
    "outside": ["clip: {bounds: [0, 0, 1, 1]}"],
    "swap": ["select_bands: {bands: [3, 1]}"],
    "named": ["select_bands: {bands: [nir]}"],
    "to_byte": ["scale: {from: [0, 10000], to: [1, 255], data_type: byte, nodata: 0}"],
    "ndvi": ['calc: {expression: "(b3 - b1) / (b3 + b1)", names: [ndvi]}'],
    "both": ['calc: {expressions: ["where(b1 > 500, b2, nodata)", "max(b1, b2, b3)"], data_type: int16, nodata: -1}'],
    "too_many": ['calc: {expression: "b9"}'],
    "shade": ["hillshade: {azimuth: 300, altitude: 35, z_factor: 2}"],
    "steep": ["slope: {unit: percent}"],
    "chain": ["select_bands: {bands: [1, 2, 3]}", 'warp: {to: "EPSG:3857", resolution: 60, align: true}',
              'clip: {bounds: [15.02, 52.15, 15.1, 52.25], crs: "EPSG:4326"}', 'calc: {expression: "b1 * 2 + 1"}'],
    "huge": ['warp: {resolution: 0.0001}'],
    "coarse": ['calc: {expression: "b1 * 2"}', "warp: {resolution: 40, align: true, resampling: nearest}"],
    "counted": ["select_bands: {bands: [2, 1]}", "stats: {}"],
    "plain": [],
}
SIDE = 600


@pytest.fixture(scope="module")
def ready(home) -> Home:
    (home.path / "recipes").mkdir(exist_ok=True)
    for name, steps in RECIPES.items():
        body = "".join(f"  - {s}\n" for s in steps) if steps else ""
        text = HEAD.format(name=name) + body if steps else HEAD.format(name=name).replace("steps:\n", "")
        (home.path / "recipes" / f"{name}.yaml").write_text(text + "outputs:\n  - cog: {}\n")
    (home.path / "recipes" / "together.yaml").write_text(
        HEAD.format(name="together").replace("steps:", "inputs: merge\nsteps:") + "  - mosaic: {}\noutputs:\n  - cog: {}\n")
    return home


def hills(bands=3, dtype="uint16", nodata=0, hole=True):
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    planes = np.stack([2000 + 900 * (b + 1) * np.sin(x / (41 + 7 * b)) * np.cos(y / 53) for b in range(bands)])
    if np.issubdtype(np.dtype(dtype), np.integer):
        planes = np.clip(np.rint(planes), 0 if dtype != "int16" else -30000, 255 if dtype == "uint8" else 30000)
    planes = planes.astype(dtype)
    if hole:
        planes[:, 100:160, 200:280] = nodata
    return planes


def write(home, name, pixels, **more):
    path = home.folder / f"{name}.tif"
    profile = {"driver": "GTiff", "width": pixels.shape[2], "height": pixels.shape[1], "count": pixels.shape[0],
               "dtype": pixels.dtype, "crs": "EPSG:32633", "transform": from_origin(500000, 5790000, 30, 30), "nodata": 0}
    tail = more.pop("tail", None)
    profile.update(more)
    with rasterio.open(path, "w", **{k: v for k, v in profile.items() if v is not None}) as out:
        out.write(pixels)
        if tail:
            tail(out)
    return path


def run(home, intent, path, *more, dataset=None):
    dataset = dataset or f"{intent}_{path.stem}"
    batch = f"{dataset}-batch"
    home.run("submit", "--intent", intent, "--type", "raster", "--batch-id", batch, "--dataset", dataset, *more, path)
    home.run("run", "--once", check=False)
    return home.run("batch", "show", batch, "--json").json, dataset


def made(home, intent, path, *more, dataset=None):
    batch, dataset = run(home, intent, path, *more, dataset=dataset)
    assert batch["status"] == "succeeded", batch.get("error")
    asset = home.run("asset", "show", dataset, "--json").json
    target = home.object(asset)
    valid, errors, warnings = cog_validate(target, strict=True, quiet=True)
    assert valid and not errors and not warnings, (errors, warnings)
    with rasterio.open(target) as out:
        assert asset["metadata"]["width"] == out.width and asset["metadata"]["height"] == out.height
        check_stac(asset, out)
    return asset, target


def check_stac(asset, out):
    item = asset["stac"]
    pystac.Item.from_dict(dict(item, stac_extensions=[])).validate()
    properties, bands = item["properties"], item["assets"]["data"]["raster:bands"]
    assert properties["proj:shape"] == [out.height, out.width]
    np.testing.assert_allclose(properties["proj:transform"], list(out.transform)[:6], rtol=1e-12)
    assert properties["proj:epsg"] == out.crs.to_epsg()
    assert [b["data_type"] for b in bands] == list(out.dtypes)
    if out.nodata is None:
        assert "nodata" not in bands[0]
    elif np.isnan(out.nodata):
        assert bands[0]["nodata"] == "nan"
    else:
        assert bands[0]["nodata"] == out.nodata


def refused(home, intent, path, *more):
    batch, _ = run(home, intent, path, *more)
    assert batch["status"] == "failed"
    return batch["error"]


def same(target, peer):
    with rasterio.open(target) as a, rasterio.open(peer) as b:
        assert a.shape == b.shape and a.count == b.count and a.dtypes == b.dtypes
        assert a.crs == b.crs
        np.testing.assert_allclose(list(a.transform)[:6], list(b.transform)[:6], rtol=1e-12)
        np.testing.assert_array_equal(a.read(), b.read())
        for i in range(1, a.count + 1):
            np.testing.assert_array_equal(a.read_masks(i), b.read_masks(i))


def gdal(home, *words):
    peer = home.folder / "peer.tif"
    peer.unlink(missing_ok=True)
    subprocess.run([*map(str, words), str(peer)], check=True, capture_output=True, timeout=120)
    return peer


def test_warp_gives_the_pixels_of_gdalwarp(ready):
    path = write(ready, "reflectance", hills())
    _, target = made(ready, "to_lonlat", path)
    same(target, gdal(ready, "gdalwarp", "-t_srs", "EPSG:4326", "-r", "bilinear", path))
    _, target = made(ready, "to_grid", path)
    same(target, gdal(ready, "gdalwarp", "-t_srs", "EPSG:25833", "-tr", 50, 50, "-tap", "-r", "cubic", path))
    with rasterio.open(target) as out:
        assert out.bounds.left % 50 == 0 and out.bounds.top % 50 == 0 and out.res == (50, 50)


def test_a_palette_is_warped_without_inventing_classes(ready):
    classes = (np.indices((SIDE, SIDE)).sum(axis=0) // 60 % 5 + 1).astype("uint8")[None]
    colors = {i: (40 * i, 255 - 40 * i, 7 * i, 255) for i in range(6)}
    path = write(ready, "classes", classes, tail=lambda out: out.write_colormap(1, colors))
    _, target = made(ready, "to_lonlat", path)
    with rasterio.open(target) as out:
        assert set(np.unique(out.read(1))) <= set(range(6))
        assert out.colormap(1)[3] == colors[3] and out.colorinterp[0] == ColorInterp.palette


def test_what_lies_outside_of_an_image_is_told_by_an_alpha_band(ready):
    path = write(ready, "image", hills(dtype="uint8", hole=False), nodata=None, photometric="RGB")
    _, target = made(ready, "to_lonlat", path)
    with rasterio.open(target) as out:
        assert out.count == 4 and out.colorinterp[3] == ColorInterp.alpha
        assert set(np.unique(out.read(4))) == {0, 255}
    floats = write(ready, "floats", hills(1, "float32", hole=False), nodata=None)
    _, target = made(ready, "to_lonlat", floats)
    with rasterio.open(target) as out:
        assert out.count == 1 and np.isnan(out.nodata) and np.isnan(out.read(1)).any()


def test_clip_keeps_whole_pixels_unchanged(ready):
    path = write(ready, "scene", hills())
    _, target = made(ready, "cut", path)
    with rasterio.open(target) as out, rasterio.open(path) as whole:
        window = rasterio.windows.Window(20, 0, 80, 167)
        np.testing.assert_array_equal(out.read(), whole.read(window=window))
        assert out.transform == whole.window_transform(window) and out.nodata == 0
    _, target = made(ready, "cut_lonlat", path)
    with rasterio.open(target) as out:
        west, south, east, north = rasterio.warp.transform_bounds("EPSG:4326", out.crs, 15.02, 52.2, 15.06, 52.25)
        assert out.bounds.left <= west < out.bounds.left + 30 and out.bounds.right >= min(east, 518000)
    error = refused(ready, "outside", path)
    assert error["code"] == "recipe.option" and "lie outside of scene.tif" in error["message"]


def test_bands_are_chosen_by_number_and_by_name(ready):
    def names(out):
        for i, name in enumerate(["red", "green", "nir"], 1):
            out.set_band_description(i, name)

    pixels = hills()
    path = write(ready, "named_bands", pixels, tail=names)
    _, target = made(ready, "swap", path)
    with rasterio.open(target) as out:
        np.testing.assert_array_equal(out.read(), pixels[[2, 0]])
        assert out.descriptions == ("nir", "red")
    _, target = made(ready, "named", path)
    with rasterio.open(target) as out:
        np.testing.assert_array_equal(out.read(1), pixels[2])
    error = refused(ready, "named", write(ready, "unnamed", pixels))
    assert 'there is no band "nir"' in error["message"]


def test_scale_rounds_clamps_and_keeps_no_data(ready):
    pixels = hills()
    pixels[0, 0, :3] = [12000, 10000, 1]
    _, target = made(ready, "to_byte", write(ready, "to_scale", pixels))
    expected = np.rint(1 + np.clip(pixels.astype("float64"), 0, 10000) * 254 / 10000)
    expected[pixels == 0] = 0
    with rasterio.open(target) as out:
        assert out.dtypes == ("uint8",) * 3 and out.nodata == 0
        np.testing.assert_array_equal(out.read(), expected)


def test_calc_gives_what_numpy_gives(ready):
    pixels = hills()
    path = write(ready, "to_calc", pixels)
    _, target = made(ready, "ndvi", path)
    red, _, nir = pixels.astype("float64")
    with np.errstate(invalid="ignore"):
        expected = np.where((red == 0) | (nir == 0), np.nan, (nir - red) / (nir + red)).astype("float32")
    with rasterio.open(target) as out:
        assert out.dtypes == ("float32",) and out.descriptions == ("ndvi",)
        got = out.read(1)
        assert np.isnan(out.nodata)
        np.testing.assert_array_equal(got, expected)
    _, target = made(ready, "both", path)
    with rasterio.open(target) as out:
        none = pixels == 0
        np.testing.assert_array_equal(out.read(1), np.where(none[0] | none[1] | (pixels[0] <= 500), -1, pixels[1].astype(int)))
        np.testing.assert_array_equal(out.read(2), np.where(none.any(axis=0), -1, pixels.max(axis=0).astype(int)))
        assert out.dtypes == ("int16", "int16") and out.nodata == -1
    error = refused(ready, "too_many", path)
    assert error["code"] == "recipe.option" and "there is no band b9, the raster has 3" in error["message"]


def test_nan_is_no_data_to_calc(ready):
    pixels = hills(3, "float32", nodata=np.nan)
    _, target = made(ready, "ndvi", write(ready, "nans", pixels, nodata=np.nan))
    with rasterio.open(target) as out:
        assert np.isnan(out.nodata)
        np.testing.assert_array_equal(np.isnan(out.read(1)), np.isnan(pixels[0]))


def test_hillshade_and_slope_are_those_of_gdaldem(ready):
    path = write(ready, "heights", hills(1, "float32", nodata=-9999), nodata=-9999)
    _, target = made(ready, "shade", path)
    same(target, gdal(ready, "gdaldem", "hillshade", "-compute_edges", "-az", 300, "-alt", 35, "-z", 2, path))
    _, target = made(ready, "steep", path)
    same(target, gdal(ready, "gdaldem", "slope", "-p", "-compute_edges", path))


def test_a_chain_is_the_sum_of_its_steps(ready):
    path = write(ready, "chained", hills())
    asset, target = made(ready, "chain", path)
    warped = gdal(ready, "gdalwarp", "-t_srs", "EPSG:3857", "-tr", 60, 60, "-tap", "-r", "bilinear", path)
    with rasterio.open(target) as out, rasterio.open(warped) as whole:
        got, window = out.read(1), rasterio.windows.from_bounds(*out.bounds, whole.transform).round_offsets().round_lengths()
        source = whole.read(1, window=window).astype("float64")
        np.testing.assert_array_equal(got, np.where(source == 0, np.nan, source * 2 + 1).astype("float32"))
    assert asset["crs"] == "EPSG:3857"


def test_control_points_get_a_place_by_warp_and_are_refused_without(ready):
    points = [GroundControlPoint(r, c, 15 + c / 10000 + r / 50000, 52 - r / 10000, 0)
              for r in (0, 300, 600) for c in (0, 300, 600)]
    path = write(ready, "points", hills(1), crs=None, transform=None,
                 tail=lambda out: setattr(out, "gcps", (points, rasterio.crs.CRS.from_epsg(4326))))
    _, target = made(ready, "just_warp", path)
    same(target, gdal(ready, "gdalwarp", "-r", "bilinear", path))
    error = refused(ready, "plain", path)
    assert error["code"] == "file.format" and "9 ground control points and no transform" in error["message"]
    assert "warp" in error["hint"]


def test_a_rotated_raster_comes_out_with_north_up(ready):
    turned = Affine.translation(500000, 5790000) * Affine.rotation(20) * Affine.scale(30, -30)
    path = write(ready, "turned", hills(1), transform=turned)
    _, target = made(ready, "just_warp", path)
    same(target, gdal(ready, "gdalwarp", "-r", "bilinear", path))
    error = refused(ready, "cut", path)
    assert "rotated" in error["message"] and "warp" in error["hint"]


def test_a_mask_becomes_alpha(ready):
    def mask(out):
        out.write_mask(np.indices((SIDE, SIDE)).sum(axis=0) % 200 < 100)

    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = write(ready, "masked", hills(dtype="uint8", hole=False), nodata=None, photometric="RGB", tail=mask)
    _, target = made(ready, "to_lonlat", path)
    with rasterio.open(target) as out:
        share = (out.read(4) > 0).mean()
        assert out.count == 4 and 0.3 < share < 0.6


def test_the_crs_of_the_manifest_counts_where_the_file_has_none(ready):
    path = write(ready, "no_crs", hills(1), crs=None)
    error = refused(ready, "to_lonlat", path)
    assert error["code"] == "crs.missing"
    _, target = made(ready, "to_lonlat", path, "--crs", "EPSG:32633", dataset="said_crs")
    with rasterio.open(target) as out:
        assert out.crs.to_epsg() == 4326 and 14.9 < out.bounds.left < 15.1


def test_a_result_beyond_the_limit_is_refused_before_it_is_made(ready):
    error = refused(ready, "huge", write(ready, "small", hills(1)))
    assert error["code"] == "limit" and "coarser resolution" in error["hint"]


def test_a_file_that_ends_early_is_noticed_by_a_step(ready):
    path = write(ready, "short", hills(1))
    path.write_bytes(path.read_bytes()[:-200000])
    error = refused(ready, "to_lonlat", path)
    assert error["code"] in ("file.truncated", "file.damaged") and "short.tif" in error["message"]


def test_the_threads_change_nothing(ready):
    path = write(ready, "threads", hills())
    hashes = set()
    for threads in (1, 2):
        dataset = f"threads_{threads}"
        ready.run("submit", "--intent", "to_lonlat", "--type", "raster", "--batch-id", dataset, "--dataset", dataset, path)
        ready.run("run", "--once", env={"SLUICE_COMPUTE_THREADS": str(threads)})
        hashes.add(ready.run("asset", "show", dataset, "--json").json["content_hash"])
    assert len(hashes) == 1


def test_the_files_of_a_batch_become_one_raster(ready):
    pixels = hills(1, "float32", nodata=-9999)
    left = write(ready, "left", pixels[:, :, :350], nodata=-9999)
    right = write(ready, "right", pixels[:, :, 300:] + 1, nodata=-9999, transform=from_origin(509000, 5790000, 30, 30))
    ready.run("submit", "--intent", "together", "--type", "raster", "--batch-id", "together", "--dataset", "together", left, right)
    ready.run("run", "--once")
    asset = ready.run("asset", "show", "together", "--json").json
    same(ready.object(asset), gdal(ready, "gdalwarp", "-r", "bilinear", left, right))
    assert len(asset["inputs"]) == 2
    with rasterio.open(ready.object(asset)) as out:
        assert out.width == SIDE and out.read(1)[0, 320] == pixels[0, 0, 320] + 1


def test_statistics_are_those_of_numpy(ready):
    pixels = hills(2)
    pixels[0] = 0  # a band without any data has none
    asset, target = made(ready, "counted", write(ready, "to_count", pixels))
    values = pixels[1][pixels[1] != 0].astype("float64")
    first, second = asset["stac"]["assets"]["data"]["raster:bands"]
    assert "statistics" not in second
    expected = {"minimum": values.min(), "maximum": values.max(), "mean": values.mean(), "stddev": values.std()}
    assert first["statistics"] == pytest.approx(expected, rel=1e-9)
    with rasterio.open(target) as out:
        assert float(out.tags(1)["STATISTICS_MEAN"]) == pytest.approx(values.mean(), rel=1e-9)


def test_the_shipped_recipes_of_heights(ready):
    heights = hills(1, "int16", nodata=-32768)
    heights[0, 300:310, 300:310] = -20000  # a void that the file has no word for
    path = write(ready, "dem", heights, nodata=-32768)
    _, target = made(ready, "ingest_elevation", path, "--param", "crs=EPSG:25833", "--param", "resolution=60")
    peer = gdal(ready, "gdalwarp", "-t_srs", "EPSG:25833", "-tr", 60, 60, "-tap", "-r", "bilinear", path)
    with rasterio.open(target) as out, rasterio.open(peer) as warped:
        values = warped.read(1).astype("float32")
        values[(values == -32768) | (values < -12000)] = np.nan
        np.testing.assert_array_equal(out.read(1), values)
        assert out.dtypes == ("float32",) and np.isnan(out.nodata) and out.bounds.left % 60 == 0
        assert np.isnan(values).any() and out.descriptions == ("height",)
    _, target = made(ready, "ingest_hillshade", path, "--param", "altitude=60")
    same(target, gdal(ready, "gdaldem", "hillshade", "-compute_edges", "-alt", 60, path))


def test_memory_does_not_grow_with_the_raster(ready):
    """30,000 x 30,000 pixels of 4 bytes, 3.6 GB, nearly all of them nothing: a worker that held them would end."""
    path = ready.folder / "vast.tif"
    profile = {"driver": "GTiff", "width": 30000, "height": 30000, "count": 1, "dtype": "float32", "crs": "EPSG:32633",
               "transform": from_origin(300000, 5900000, 10, 10), "nodata": -9999, "tiled": True, "sparse_ok": True,
               "blockxsize": 512, "blockysize": 512}
    with rasterio.open(path, "w", **profile) as out:
        out.write(np.full((64, 64), 5, dtype="float32"), 1, window=rasterio.windows.Window(15000, 15000, 64, 64))
    limit = {"SLUICE_RUN_WORKER_MEMORY": "2500MB"}
    ready.run("submit", "--intent", "coarse", "--type", "raster", "--batch-id", "vast", "--dataset", "vast", path)
    ready.run("run", "--once", env=limit)
    target = ready.object(ready.run("asset", "show", "vast", "--json").json)
    with rasterio.open(target) as out:
        assert out.width == 7500 and np.nanmax(out.read(1)) == 10


def test_steps_of_the_other_kind_are_told_by_lint(ready):
    path = ready.folder / "wrong.yaml"
    path.write_text(HEAD.format(name="wrong") + "  - simplify: {tolerance: 1}\noutputs:\n  - cog: {}\n")
    said = ready.run("recipe", "lint", path, check=False)
    assert said.code != 0 and 'step "simplify" is for vectors' in said.out + said.err
    both = json.loads(ready.run("step", "show", "clip", "--json").out)
    assert [k["data_type"] for k in both] == ["vector", "raster"]
