# SPDX-License-Identifier: Apache-2.0
"""Vectors made of rasters, end to end, beside what rasterio, GDAL's own programs and numpy make of the same files."""

import json
import subprocess

import geopandas as gpd
import numpy as np
import pystac
import pytest
import rasterio
import rasterio.features
import shapely
from rasterio.transform import Affine, from_origin

from home import Home

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: raster\n"
TAIL = "outputs:\n  - geoparquet: {}\n"
BODIES = {
    "areas": "steps:\n  - polygonize: {column: class}\n",
    "areas_duckdb": "engine: duckdb\nsteps:\n  - polygonize: {column: class}\n  - make_valid: {}\n",
    "areas8": "steps:\n  - polygonize: {column: class, connectedness: 8}\n",
    "areas_second": "steps:\n  - polygonize: {band: 2}\n",
    "areas_all": "steps:\n  - polygonize: {skip_nodata: false}\n",
    "areas_few": "steps:\n  - polygonize: {max_features: 100}\n",
    "ninth": "steps:\n  - polygonize: {band: 9}\n",
    "chain": "steps:\n  - calc: {expression: \"floor(b1 / 50)\", data_type: byte, nodata: 255}\n  - polygonize: {column: class}\n"
             "  - make_valid: {}\n  - filter: {where: \"class > 0\"}\n  - normalize_crs: {to: \"EPSG:4326\"}\n"
             "checks:\n  - not_empty: {}\n  - valid_geometry: {}\n",
    "lines": "steps:\n  - contour: {interval: 50, base: 10, column: height}\n",
    "lines_levels": "steps:\n  - contour: {levels: [-10.5, 100, 101.25, 300]}\n",
    "between": "steps:\n  - contour: {interval: 100, column: height, polygons: true}\n",
    "fine": "steps:\n  - contour: {interval: 0.00001}\n",
    "few_lines": "steps:\n  - contour: {interval: 50, max_features: 3}\n",
    "outline": "steps:\n  - footprint: {}\n",
    "outline_filled": "steps:\n  - footprint: {holes: false}\n",
    "outline_simple": "steps:\n  - footprint: {simplify_pixels: 2}\n",
    "must_have": "steps:\n  - polygonize: {}\nchecks:\n  - not_empty: {}\n",
    "aside": "steps:\n  - polygonize: {column: class}\nchecks:\n  - accepted_values: {column: class, values: [1, 2], on_fail: quarantine}\n",
}
FGB = "steps:\n  - polygonize: {column: class}\noutputs:\n  - flatgeobuf: {}\n  - geoparquet: {}\n"
SIDE = 120


@pytest.fixture(scope="module")
def ready(home) -> Home:
    (home.path / "recipes").mkdir(exist_ok=True)
    for name, body in BODIES.items():
        (home.path / "recipes" / f"{name}.yaml").write_text(HEAD.format(name=name) + body + TAIL)
    (home.path / "recipes" / "two.yaml").write_text(HEAD.format(name="two") + FGB)
    (home.path / "recipes" / "together.yaml").write_text(
        HEAD.format(name="together") + "inputs: merge\nsteps:\n  - mosaic: {}\n  - polygonize: {column: class}\n" + TAIL)
    return home


def classes(dtype="uint8", seed=3):
    """Blocks of five classes, some of them one pixel large."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 5, (SIDE // 8, SIDE // 8)).repeat(8, 0).repeat(8, 1)
    specks = rng.random((SIDE, SIDE)) < 0.02
    coarse[specks] = rng.integers(0, 5, specks.sum())
    return coarse.astype(dtype)


def hills(dtype="float32"):
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return (200 + 180 * np.sin(x / 17) * np.cos(y / 23)).astype(dtype)


def write(home, name, pixels, tail=None, **more):
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    path = home.folder / f"{name}.tif"
    profile = {"driver": "GTiff", "width": pixels.shape[2], "height": pixels.shape[1], "count": pixels.shape[0],
               "dtype": pixels.dtype, "crs": "EPSG:32633", "transform": from_origin(500000, 5790000, 30, 30)} | more
    with rasterio.open(path, "w", **{k: v for k, v in profile.items() if v is not None}) as out:
        out.write(pixels)
        if tail:
            tail(out)
    return path


def run(home, intent, *paths):
    dataset = f"{intent}_{paths[0].stem}"
    home.run("submit", "--intent", intent, "--type", "raster", "--batch-id", dataset, "--dataset", dataset, *paths)
    home.run("run", "--once", check=False)
    return home.run("batch", "show", dataset, "--json").json, dataset


def made(home, intent, *paths):
    batch, dataset = run(home, intent, *paths)
    assert batch["status"] == "succeeded", batch.get("error")
    asset = home.run("asset", "show", dataset, "--json").json
    assert asset["kind"] == "vector"
    frame = gpd.read_parquet(home.object(asset))
    assert asset["row_count"] == len(frame)
    return frame, asset, batch


def refused(home, intent, path):
    batch, _ = run(home, intent, path)
    assert batch["status"] == "failed"
    return batch["error"]


def run_document(home, batch):
    return home.run("ledger", "find", "runs", json.dumps({"batch_id": batch}), "--json").json[0]


def by_class(frame, column="class"):
    return frame.geometry.area.groupby(frame[column]).sum()


def expected_areas(pixels, valid, area):
    return {v: int((pixels[valid] == v).sum()) * area for v in np.unique(pixels[valid])}


def assert_areas(found, expected):
    assert set(found.index) == set(expected)
    for value, area in expected.items():
        assert found[value] == pytest.approx(area, rel=1e-9)


# -- polygonize ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intent", ["areas", "areas8", "areas_duckdb"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
def test_areas_of_each_value_are_its_pixels(ready, intent, dtype):
    pixels = classes(dtype)
    path = write(ready, f"{dtype}", pixels, nodata=0)
    frame, asset, _ = made(ready, intent, path)
    assert_areas(by_class(frame), expected_areas(pixels, pixels != 0, 900))
    shapes = list(rasterio.features.shapes(pixels.astype("float32" if dtype == "float64" else dtype) if dtype != "uint32"
                                           else pixels.astype("int32"), mask=pixels != 0, connectivity=8 if intent == "areas8" else 4))
    assert len(frame) == len(shapes)
    assert asset["crs"] == "EPSG:32633"
    assert frame["class"].dtype.kind == ("f" if dtype.startswith("float") else "i")


def test_rows_are_counted_as_added_and_nothing_came_in(ready):
    frame, asset, batch = made(ready, "areas", write(ready, "counted", classes(), nodata=0))
    document = run_document(ready, batch["batch_id"])
    assert document["rows_in"] == 0 and document["rows_out"] == len(frame)
    assert document["rows_added"] == {"polygonize": len(frame)}
    assert [s["name"] for s in document["stages"]][-6:] == ["raster_steps", "load", "steps", "check", "write", "publish"]
    assert document["engine"] == "postgis"
    assert asset["inputs"][0]["landing_path"].endswith("counted.tif")


def test_documents_and_thumbnail_are_those_of_vectors(ready):
    _, asset, _ = made(ready, "areas", write(ready, "documents", classes(), nodata=0))
    pystac.Item.from_dict(dict(asset["stac"], stac_extensions=[])).validate()
    assert any("table" in e for e in asset["stac"]["stac_extensions"])
    assert not any("raster" in e for e in asset["stac"]["stac_extensions"])
    assert "thumbnail" in asset["stac"]["assets"]
    assert [c["name"] for c in asset["columns"]] == ["class", "geom"]


def test_lineage_goes_from_the_vectors_to_the_raster(ready):
    made(ready, "areas", write(ready, "lineage", classes(), nodata=0))
    text = ready.run("lineage", "areas_lineage").out
    assert "lineage.tif" in text and "areas" in text


def test_a_second_batch_of_the_same_file_links_and_a_replay_gives_the_same_bytes(ready):
    path = write(ready, "again", classes(), nodata=0)
    _, asset, _ = made(ready, "chain", write(ready, "again", hills("uint8")))
    ready.run("submit", "--intent", "chain", "--type", "raster", "--batch-id", "again-2", "--dataset", "chain_again", path)
    ready.run("run", "--once", check=False)
    assert ready.run("asset", "show", "chain_again", "--json").json["_id"] == asset["_id"]
    assert "same bytes" in ready.run("replay", "chain_again").out


def test_masked_pixels_are_in_no_polygon(ready):
    pixels = classes()
    mask = np.full((SIDE, SIDE), 255, "uint8")
    mask[20:60, 30:90] = 0
    frame, _, _ = made(ready, "areas", write(ready, "masked", pixels, tail=lambda out: out.write_mask(mask)))
    assert_areas(by_class(frame), expected_areas(pixels, mask > 0, 900))


def test_alpha_is_a_mask(ready):
    pixels = np.stack([classes(seed=s) for s in (1, 2, 3)] + [np.full((SIDE, SIDE), 255, "uint8")])
    pixels[3, :40] = 0
    frame, _, _ = made(ready, "areas_second", write(ready, "alpha", pixels, photometric="RGB", alpha="YES"))
    assert_areas(by_class(frame, "value"), expected_areas(pixels[1], pixels[3] > 0, 900))


def test_nan_is_no_value_whatever_nodata_says(ready):
    pixels = classes("float32")
    pixels[pixels == 3] = np.nan
    frame, _, _ = made(ready, "areas", write(ready, "nan", pixels, nodata=2))
    assert_areas(by_class(frame), expected_areas(pixels, np.isfinite(pixels) & (pixels != 2), 900))


def test_without_skipping_nodata_is_a_value(ready):
    pixels = classes()
    frame, _, _ = made(ready, "areas_all", write(ready, "all", pixels, nodata=0))
    assert_areas(by_class(frame, "value"), expected_areas(pixels, np.ones_like(pixels, bool), 900))


def test_a_rotated_raster_keeps_its_shape_and_place(ready):
    transform = Affine.translation(500000, 5790000) * Affine.rotation(30) * Affine.scale(20, -10)
    pixels = classes()
    frame, _, _ = made(ready, "areas", write(ready, "rotated", pixels, transform=transform, nodata=0))
    assert_areas(by_class(frame), expected_areas(pixels, pixels != 0, 200))
    theirs = [shapely.geometry.shape(g) for g, _ in rasterio.features.shapes(pixels, mask=pixels != 0, transform=transform)]
    assert shapely.hausdorff_distance(shapely.union_all(theirs).envelope, shapely.union_all(frame.geometry).envelope) < 1e-6


def test_a_palette_gives_its_numbers(ready):
    pixels = classes()
    path = write(ready, "palette", pixels, tail=lambda out: out.write_colormap(1, {i: (i * 40, 0, 0, 255) for i in range(5)}))
    frame, _, _ = made(ready, "areas", path)
    assert_areas(by_class(frame), expected_areas(pixels, np.ones_like(pixels, bool), 900))


def test_no_crs_is_refused_as_ever(ready):
    assert refused(ready, "areas", write(ready, "nowhere", classes(), crs=None))["code"] == "crs.missing"


def test_no_transform_is_refused_with_what_to_do(ready):
    path = write(ready, "unplaced", classes(), transform=None)
    with rasterio.open(path, "r+") as out:
        out.crs = "EPSG:32633"
    error = refused(ready, "areas", path)
    assert error["code"] == "file.format" and "no transform" in error["message"]


def test_several_rasters_become_one_and_then_polygons(ready):
    left, right = classes(seed=8), classes(seed=9)
    a = write(ready, "left", left)
    b = write(ready, "right", right, transform=from_origin(500000 + 30 * SIDE, 5790000, 30, 30))
    frame, _, _ = made(ready, "together", a, b)
    both = np.hstack([left, right])
    assert_areas(by_class(frame), expected_areas(both, np.ones_like(both, bool), 900))


def test_all_that_vector_recipes_have_follows(ready):
    pixels = hills("uint8")
    frame, asset, _ = made(ready, "chain", write(ready, "chain", pixels))
    assert frame.crs.to_epsg() == 4326 and asset["crs"] == "EPSG:4326"
    assert frame.geometry.is_valid.all()
    back = frame.to_crs(32633)
    assert_areas_near(by_class(back), expected_areas(pixels // 50, pixels // 50 > 0, 900))


def assert_areas_near(found, expected):
    assert set(found.index) == set(expected)
    for value, area in expected.items():
        assert found[value] == pytest.approx(area, rel=1e-5)


def test_several_outputs_have_the_same_rows(ready):
    batch, dataset = run(ready, "two", write(ready, "two", classes(), nodata=0))
    assert batch["status"] == "succeeded", batch.get("error")
    fgb = gpd.read_file(ready.object(ready.run("asset", "show", dataset, "--json").json))
    parquet = gpd.read_parquet(ready.object(ready.run("asset", "show", f"{dataset}.geoparquet", "--json").json))
    assert len(fgb) == len(parquet) > 0
    assert by_class(fgb).to_dict() == pytest.approx(by_class(parquet).to_dict())


def test_rows_that_break_a_rule_are_put_aside(ready):
    pixels = classes()
    frame, _, batch = made(ready, "aside", write(ready, "aside", pixels))
    assert set(frame["class"]) == {1, 2}
    aside = gpd.read_parquet(ready.object(ready.run("asset", "show", "aside_aside.quarantine", "--json").json))
    assert set(aside["class"]) == {0, 3, 4}
    assert run_document(ready, batch["batch_id"])["rows_added"] == {"polygonize": len(frame) + len(aside)}


def test_nothing_but_nodata_is_no_row(ready):
    empty = write(ready, "empty", np.zeros((SIDE, SIDE), "uint8"), nodata=0)
    frame, _, _ = made(ready, "areas", empty)
    assert len(frame) == 0
    assert refused(ready, "must_have", empty)["code"] == "check.failed"


# -- what is too much -------------------------------------------------------------------------------------------------------


def test_noise_ends_at_the_limit_with_what_to_do(ready):
    noise = np.random.default_rng(1).integers(0, 255, (4000, 4000)).astype("uint8")
    error = refused(ready, "areas", write(ready, "noise", noise))
    assert error["code"] == "limit" and "calc" in error["hint"]
    noise = np.random.default_rng(1).integers(0, 255, (1500, 1500)).astype("uint8")
    error = refused(ready, "areas", write(ready, "less_noise", noise))
    assert error["code"] == "limit" and "1000000" in error["message"]


def test_one_area_with_a_huge_outline_ends_at_the_limit(ready):
    lace = (np.random.default_rng(1).random((6000, 6000)) < 0.6).astype("uint8")
    assert refused(ready, "areas8", write(ready, "lace", lace))["code"] == "limit"


def test_the_number_of_features_is_the_recipes(ready):
    error = refused(ready, "areas_few", write(ready, "few", classes()))
    assert error["code"] == "limit" and "100 polygons" in error["message"]
    assert refused(ready, "few_lines", write(ready, "few_lines", hills()))["code"] == "limit"


def test_contours_of_noise_and_of_hair_end_at_the_limit(ready):
    noise = np.random.default_rng(1).random((3000, 3000)).astype("float32") * 1000
    assert refused(ready, "lines", write(ready, "noise_lines", noise))["code"] == "limit"
    assert refused(ready, "between", write(ready, "noise_between", noise))["code"] == "limit"
    assert refused(ready, "fine", write(ready, "hair", hills()))["code"] == "limit"


def test_areas_between_contours_of_a_little_noise_end_at_the_limit_before_they_are_made(ready):
    """A few hundred thousand crossings of rings that each hold a pixel took minutes; as many of hills take no time."""
    noise = np.random.default_rng(1).integers(0, 1000, (500, 500)).astype("float32")
    error = refused(ready, "between", write(ready, "small_noise", noise))
    assert error["code"] == "limit" and "small contours" in error["message"] and "coarser" in error["hint"]


def test_a_band_that_is_not_there_is_named(ready):
    error = refused(ready, "ninth", write(ready, "ninth", classes()))
    assert error["code"] == "recipe.option" and "no band 9" in error["message"]


# -- contour ---------------------------------------------------------------------------------------------------------------


def gdal_contour(home, path, *words):
    out = home.folder / f"{path.stem}.contour.gpkg"
    out.unlink(missing_ok=True)
    subprocess.run(["gdal_contour", "-q", "-f", "GPKG", *words, path, out], check=True)
    return gpd.read_file(out)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
def test_lines_are_those_of_gdal_contour(ready, dtype):
    path = write(ready, f"lines_{dtype}", np.clip(hills(), 0, 250).astype(dtype))
    frame, _, _ = made(ready, "lines", path)
    theirs = gdal_contour(ready, path, "-a", "height", "-i", "50", "-off", "10")
    assert set(frame["height"]) == set(theirs["height"]) and len(frame) == len(theirs)
    for level in set(theirs["height"]):
        ours, other = frame[frame["height"] == level].geometry.length.sum(), theirs[theirs["height"] == level].geometry.length.sum()
        assert ours == pytest.approx(other, rel=1e-6)


def test_fixed_levels_are_the_lines_levels(ready):
    path = write(ready, "fixed", hills())
    frame, _, _ = made(ready, "lines_levels", path)
    assert set(frame["level"]) == {100, 101.25, 300}
    theirs = gdal_contour(ready, path, "-a", "level", "-fl", "-10.5", "100", "101.25", "300")
    assert frame.geometry.length.sum() == pytest.approx(theirs.geometry.length.sum(), rel=1e-6)


def test_areas_between_levels_cover_the_raster_once(ready):
    path = write(ready, "between", hills())
    frame, _, _ = made(ready, "between", path)
    assert [c for c in frame.columns if c.startswith("height")] == ["height_min", "height_max"]
    assert frame.geometry.area.sum() == pytest.approx(SIDE * SIDE * 900, rel=1e-6)
    inner = frame[(frame["height_min"] >= 100) & (frame["height_max"] <= 300)]
    assert (inner["height_max"] - inner["height_min"] == 100).all()
    values = hills()
    for low, high, area in zip(frame["height_min"], frame["height_max"], frame.geometry.area):
        share = ((values > low) & (values <= high)).mean()
        assert area / (SIDE * SIDE * 900) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("how", ["nodata", "nan", "mask"])
def test_no_line_goes_where_there_is_no_data(ready, how):
    pixels, hole = hills(), (slice(30, 70), slice(40, 80))
    tail = None
    if how == "mask":
        mask = np.full((SIDE, SIDE), 255, "uint8")
        mask[hole] = 0
        tail = lambda out: out.write_mask(mask)  # noqa: E731
    else:
        pixels[hole] = np.nan if how == "nan" else -9999
    frame, _, _ = made(ready, "lines", write(ready, f"hole_{how}", pixels, tail, nodata=-9999 if how == "nodata" else None))
    inside = shapely.box(500000 + 40.6 * 30, 5790000 - 69.4 * 30, 500000 + 79.4 * 30, 5790000 - 30.6 * 30)
    assert len(frame) > 0 and not frame.geometry.intersects(inside).any()


def test_a_flat_raster_and_an_empty_one_have_no_contours(ready):
    assert len(made(ready, "lines", write(ready, "flat", np.full((SIDE, SIDE), 5, "uint8")))[0]) == 0
    assert len(made(ready, "lines", write(ready, "void", np.full((SIDE, SIDE), np.nan, "float32")))[0]) == 0
    assert len(made(ready, "between", write(ready, "void2", np.full((SIDE, SIDE), np.nan, "float32")))[0]) == 0


# -- footprint --------------------------------------------------------------------------------------------------------------


def ring():
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    distance = np.hypot(x - 60, y - 60)
    pixels = np.where((distance < 50) & (distance > 20), 7, 0).astype("uint8")
    pixels[58:62, 58:62] = 7
    return pixels


def test_the_footprint_has_the_area_of_the_valid_pixels(ready):
    pixels = ring()
    frame, _, _ = made(ready, "outline", write(ready, "ring", pixels, nodata=0))
    assert len(frame) == 1 and frame.geometry.iloc[0].geom_type == "MultiPolygon" and frame.geometry.is_valid.all()
    assert frame["valid_pixels"].iloc[0] == (pixels > 0).sum()
    assert frame.geometry.area.iloc[0] == pytest.approx((pixels > 0).sum() * 900)


def test_a_footprint_of_specks_is_valid(ready):
    pixels = (np.random.default_rng(2).random((SIDE, SIDE)) < 0.5).astype("uint8")
    frame, _, _ = made(ready, "outline", write(ready, "specks", pixels, nodata=0))
    assert frame.geometry.is_valid.all() and frame.geometry.area.iloc[0] == pytest.approx(pixels.sum() * 900)


def test_filled_holes_are_inside(ready):
    frame, _, _ = made(ready, "outline_filled", write(ready, "ring", ring(), nodata=0))
    outline = frame.geometry.iloc[0]
    assert all(len(part.interiors) == 0 for part in outline.geoms)
    assert outline.area == pytest.approx(np.pi * 50 ** 2 * 900, rel=0.03)


def test_a_simplified_footprint_is_near_and_has_fewer_points(ready):
    path = write(ready, "ring2", ring(), nodata=0)
    exact, simple = made(ready, "outline", path)[0].geometry.iloc[0], made(ready, "outline_simple", path)[0].geometry.iloc[0]
    assert shapely.get_num_coordinates(simple) < shapely.get_num_coordinates(exact) / 2
    assert shapely.hausdorff_distance(exact, simple) <= 60 + 1e-6


def test_any_band_with_data_counts_and_alpha_does_not(ready):
    pixels = np.zeros((2, SIDE, SIDE), "float32") * np.nan
    pixels[0, :10], pixels[1, 5:20] = 1, 2
    frame, _, _ = made(ready, "outline", write(ready, "bands", pixels))
    assert frame.geometry.area.iloc[0] == pytest.approx(20 * SIDE * 900)
    rgba = np.full((4, SIDE, SIDE), 255, "uint8")
    rgba[3, :60] = 0
    frame, _, _ = made(ready, "outline", write(ready, "rgba", rgba, photometric="RGB", alpha="YES"))
    assert frame.geometry.area.iloc[0] == pytest.approx(60 * SIDE * 900)


def test_a_raster_without_data_has_no_footprint(ready):
    assert len(made(ready, "outline", write(ready, "nothing", np.zeros((SIDE, SIDE), "uint8"), nodata=0))[0]) == 0


# -- what the program says of it ---------------------------------------------------------------------------------------------


def test_explain_shows_the_raster_steps_then_the_passes(ready):
    text = ready.run("recipe", "explain", "chain").out
    assert text.index("polygonize") < text.index("make_valid") and "ST_MakeValid" in text
    plan = ready.run("recipe", "explain", "chain", "--engine", "duckdb", "--json").json
    assert plan["engine"] == "duckdb" and not plan["unsupported"]
    assert [s["name"] for s in plan["units"][0]["steps"]] == ["calc", "polygonize", "make_valid", "filter", "normalize_crs"]


def test_the_steps_are_listed_as_what_they_are(ready):
    kinds = {(k["name"], k["data_type"]): k for k in ready.run("step", "list", "--json").json}
    for name in ("polygonize", "contour", "footprint"):
        assert kinds[name, "raster"]["makes"] == "vector"
        assert name in ready.run("step", "show", name).out
    assert kinds["warp", "raster"]["makes"] == "raster"


LINTS = {
    "steps:\n  - contour: {interval: 5}\noutputs:\n  - cog: {}\n": (10, "outputs after it are vector outputs"),
    "steps:\n  - polygonize: {}\n  - warp: {}\n" + TAIL: (9, "put it before polygonize"),
    "steps:\n  - make_valid: {}\n  - polygonize: {}\n" + TAIL: (8, "put it after polygonize"),
    "steps:\n  - polygonize: {}\n  - contour: {interval: 5}\n" + TAIL: (9, "a recipe has one such step"),
    "engine: none\nsteps:\n  - polygonize: {}\n" + TAIL: (7, "expected postgis or duckdb"),
    "steps:\n  - contour: {}\n" + TAIL: (8, "interval or levels"),
    "steps:\n  - contour: {levels: [3, 2]}\n" + TAIL: (8, "rise"),
    "steps:\n  - polygonize: {connectedness: 6}\n" + TAIL: (8, "4 or 8"),
    "steps:\n  - footprint: {tolerance: 1, simplify_pixels: 1}\n" + TAIL: (8, "not both"),
    "steps:\n  - warp: {}\n" + TAIL: (10, "the recipe's type is raster"),
}


@pytest.mark.parametrize("body", LINTS, ids=range(len(LINTS)))
def test_what_does_not_go_together_is_said_with_its_place(ready, body):
    path = ready.folder / "lint.yaml"
    path.write_text(HEAD.format(name="lint") + body)
    line, words = LINTS[body]
    said = ready.run("recipe", "lint", path, check=False)
    assert said.code != 0 and f"lint.yaml:{line}:" in said.out + said.err and words in said.out + said.err, str(said)
