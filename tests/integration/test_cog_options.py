# SPDX-License-Identifier: Apache-2.0
"""What the options of the output `cog` make of masks, alpha, nodata, palettes and data types, by rasterio and rio-cogeo."""

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate

from home import Home

OPTIONS = {
    "cog_plain": "{}",
    "cog_flat": "{overviews: none}",
    "cog_modes": "{resampling: mode}",
    "cog_standard": "{predictor: standard}",
    "cog_floating": "{predictor: floating_point}",
    "cog_no_predictor": "{predictor: none, compression: zstd}",
    "cog_zero": "{nodata: 0}",
    "cog_nan": "{nodata: nan}",
    "cog_bare": "{nodata: none}",
    "cog_alpha": "{add_alpha: true}",
    "cog_alpha_of_zero": "{add_alpha: true, nodata: 0}",
    "cog_webp": "{add_alpha: true, compression: webp, quality: 100}",
}
SIDE = 1300


@pytest.fixture(scope="module")
def ready(home) -> Home:
    (home.path / "recipes").mkdir(exist_ok=True)
    for name, options in OPTIONS.items():
        (home.path / "recipes" / f"{name}.yaml").write_text(
            f"apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: raster\n"
            f"outputs:\n  - cog: {options}\n")
    return home


def pixels(bands, dtype):
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    planes = np.stack([100 + 90 * np.sin(x / (90 + 20 * b)) * np.cos(y / 110) for b in range(bands)]).astype(dtype)
    planes[:, :200, :300] = 0
    return planes


def write(home, name, planes, tail=None, **more):
    path = home.folder / f"{name}.tif"
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": len(planes), "dtype": planes.dtype, "crs": "EPSG:32633",
               "transform": from_origin(500000, 5790000, 10, 10)} | more
    with rasterio.open(path, "w", **profile) as out:
        out.write(planes)
        if tail:
            tail(out)
    return path


def run(home, intent, path):
    dataset = f"{intent}_{path.stem}"
    home.run("submit", "--intent", intent, "--type", "raster", "--batch-id", dataset, "--dataset", dataset, path)
    home.run("run", "--once", check=False)
    return home.run("batch", "show", dataset, "--json").json, dataset


def made(home, intent, path, strict=True):
    batch, dataset = run(home, intent, path)
    assert batch["status"] == "succeeded", batch.get("error")
    asset = home.run("asset", "show", dataset, "--json").json
    target = home.object(asset)
    valid, errors, warnings = cog_validate(target, strict=strict, quiet=True)
    assert valid and not errors and (not strict or not warnings), (errors, warnings)
    with rasterio.open(target) as out:
        assert [b["data_type"] for b in asset["stac"]["assets"]["data"]["raster:bands"]] == list(out.dtypes)
        return asset, out.read(), out.profile, out


def predictor(path):
    with rasterio.open(path) as out:
        return out.tags(ns="IMAGE_STRUCTURE").get("PREDICTOR")


def test_overviews_are_inside_or_none(ready):
    path = write(ready, "views", pixels(1, "uint8"))
    for intent, some in (("cog_plain", True), ("cog_flat", False), ("cog_modes", True)):
        asset, read, _, _ = made(ready, intent, path, strict=some)
        with rasterio.open(ready.object(asset)) as out:
            assert bool(out.overviews(1)) == some
        np.testing.assert_array_equal(read, pixels(1, "uint8"))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_each_predictor_gives_the_same_pixels(ready, dtype):
    path = write(ready, f"predicted_{dtype}", pixels(1, dtype))
    floats = dtype.startswith("float")
    expected = {"cog_plain": "3" if floats else "2", "cog_standard": "2", "cog_no_predictor": None}
    for intent, number in (expected | ({"cog_floating": "3"} if floats else {})).items():
        asset, read, _, _ = made(ready, intent, path)
        np.testing.assert_array_equal(read, pixels(1, dtype))
        assert predictor(ready.object(asset)) == number
    if not floats:
        batch, _ = run(ready, "cog_floating", path)
        assert batch["error"]["code"] == "recipe.option"


def test_nodata_is_kept_said_anew_or_taken_away(ready):
    path = write(ready, "nodata", pixels(2, "uint16"), nodata=65535)
    assert made(ready, "cog_plain", path)[2]["nodata"] == 65535
    asset, read, profile, _ = made(ready, "cog_zero", path)
    assert profile["nodata"] == 0 and asset["stac"]["assets"]["data"]["raster:bands"][0]["nodata"] == 0
    np.testing.assert_array_equal(read, pixels(2, "uint16"))
    asset, _, profile, _ = made(ready, "cog_bare", path)
    assert profile["nodata"] is None and "nodata" not in asset["stac"]["assets"]["data"]["raster:bands"][0]


def test_nan_is_for_floats(ready):
    planes = pixels(1, "float32")
    planes[planes == 0] = np.nan
    _, read, profile, _ = made(ready, "cog_nan", write(ready, "nan", planes))
    assert np.isnan(profile["nodata"])
    np.testing.assert_array_equal(read, planes)
    batch, _ = run(ready, "cog_nan", write(ready, "nan16", pixels(1, "int16")))
    assert batch["error"]["code"] == "recipe.option" and "int16" in batch["error"]["message"].lower()


def masked(out):
    mask = np.full((SIDE, SIDE), 255, "uint8")
    mask[:200, :300] = 0
    out.write_mask(mask)


def test_a_mask_stays_one_or_becomes_alpha(ready):
    path = write(ready, "masked", pixels(3, "uint8"), masked, photometric="RGB")
    asset, _, _, _ = made(ready, "cog_plain", path)
    with rasterio.open(ready.object(asset)) as out:
        assert out.count == 3 and out.mask_flag_enums[0] == [MaskFlags.per_dataset]
        assert (out.dataset_mask()[:200, :300] == 0).all() and (out.dataset_mask()[200:] == 255).all()
    for intent in ("cog_alpha", "cog_webp"):
        asset, read, _, _ = made(ready, intent, path)
        with rasterio.open(ready.object(asset)) as out:
            assert out.colorinterp[3] == ColorInterp.alpha and MaskFlags.alpha in out.mask_flag_enums[0]
        assert (read[3, :200, :300] == 0).all() and (read[3, 200:] == 255).all()
        np.testing.assert_array_equal(read[:3, 200:], pixels(3, "uint8")[:, 200:])


def test_nodata_becomes_alpha(ready):
    asset, read, profile, _ = made(ready, "cog_alpha_of_zero", write(ready, "gray", pixels(1, "uint8")))
    assert read.shape[0] == 2 and profile["nodata"] is None
    np.testing.assert_array_equal(read[1] == 0, pixels(1, "uint8")[0] == 0)
    assert [b["color_interpretation"] for b in asset["metadata"]["bands"]] == ["Gray", "Alpha"]


def test_alpha_that_is_there_stays(ready):
    planes = np.concatenate([pixels(3, "uint8"), np.where(pixels(1, "uint8") == 0, 0, 255).astype("uint8")])
    path = write(ready, "rgba", planes, photometric="RGB", alpha="YES")
    for intent in ("cog_plain", "cog_alpha"):
        np.testing.assert_array_equal(made(ready, intent, path)[1], planes)


def test_alpha_is_for_images_of_bytes(ready):
    batch, _ = run(ready, "cog_alpha", write(ready, "deep", pixels(1, "uint16"), nodata=0))
    assert batch["error"]["code"] == "recipe.option" and "Byte" in batch["error"]["message"]
    palette = write(ready, "palette", pixels(1, "uint8"), lambda out: out.write_colormap(1, {i: (i, 0, 0, 255) for i in range(256)}))
    assert run(ready, "cog_alpha", palette)[0]["error"]["code"] == "recipe.option"
    asset, read, _, _ = made(ready, "cog_plain", palette)
    with rasterio.open(ready.object(asset)) as out:
        assert out.colormap(1)[77] == (77, 0, 0, 255)
    assert predictor(ready.object(asset)) is None


LINTS = {
    "{predictor: standard, compression: jpeg}": "predictor does not go with compression jpeg",
    "{overviews: none, resampling: cubic}": "overviews is none",
    "{nodata: nothing}": "a number, nan or none",
    "{overviews: some}": "auto, none",
}


@pytest.mark.parametrize("options", LINTS)
def test_options_that_do_not_go_together_are_told(ready, options):
    path = ready.folder / "lint.yaml"
    path.write_text("apiVersion: sluice/v1\nkind: Recipe\nname: lint\nversion: 1\nintents: [lint]\ntype: raster\n"
                    f"outputs:\n  - cog: {options}\n")
    said = ready.run("recipe", "lint", path, check=False)
    assert said.code != 0 and LINTS[options] in said.out + said.err, str(said)
