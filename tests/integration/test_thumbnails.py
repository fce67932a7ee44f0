# SPDX-License-Identifier: Apache-2.0
"""The PNG beside each asset: read by rasterio, compared with the data it shows; verify and replay know it."""

import hashlib
import json

import geopandas
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import LineString, Point, Polygon, box

from home import Home

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: {type}\noutputs:\n"
RECIPES = {
    "areas": ("vector", "  - geoparquet: {}\n  - csv: {thumbnail: false}\n"),
    "only_csv": ("vector", "  - csv: {}\n"),
    "pictures": ("raster", "  - cog: {}\n"),
    "none": ("raster", "  - cog: {thumbnail: false}\n"),
}


@pytest.fixture(scope="module")
def ready(home) -> Home:
    (home.path / "recipes").mkdir(exist_ok=True)
    for name, (kind, outputs) in RECIPES.items():
        (home.path / "recipes" / f"{name}.yaml").write_text(HEAD.format(name=name, type=kind) + outputs)
    shapes = [Polygon(box(0, 0, 40, 20).exterior.coords, [box(10, 5, 30, 15).exterior.coords]), LineString([(0, 20), (40, 20)]),
              Point(20, 10), None]
    geopandas.GeoDataFrame({"n": range(4)}, geometry=shapes, crs="EPSG:4326").to_file(home.folder / "mixed.gpkg", driver="GPKG")
    return home


def ingest(home, intent, path, kind, dataset):
    home.run("submit", "--intent", intent, "--type", kind, "--batch-id", dataset, "--dataset", dataset, path)
    home.run("run", "--once")
    return home.run("asset", "show", dataset, "--json").json


def write(home, name, pixels, **more):
    path = home.folder / f"{name}.tif"
    tail = more.pop("tail", None)
    profile = {"driver": "GTiff", "width": pixels.shape[2], "height": pixels.shape[1], "count": pixels.shape[0],
               "dtype": pixels.dtype, "crs": "EPSG:32633", "transform": from_origin(500000, 5790000, 30, 30)}
    with rasterio.open(path, "w", **profile | more) as out:
        out.write(pixels)
        if tail:
            tail(out)
    return path


def picture(home, asset):
    (entry,) = [d for d in asset["documents"] if d["kind"] == "thumbnail"]
    path = home.bucket("data-lake") / entry["s3_key"]
    assert entry["content_hash"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry["size_bytes"] == path.stat().st_size and entry["media_type"] == "image/png"
    stac = asset["stac"]["assets"]["thumbnail"]
    assert stac["roles"] == ["thumbnail"] and stac["type"] == "image/png"
    assert entry["s3_key"].endswith("/" + stac["href"])
    with rasterio.open(path) as png:
        assert png.driver == "PNG" and png.count == 4 and max(png.shape) <= 256
        return png.read()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_vector_data_is_drawn(ready):
    asset = ingest(ready, "areas", ready.folder / "mixed.gpkg", "vector", "mixed")
    rgba = picture(ready, asset)
    alpha = rgba[3].astype(int)
    assert alpha.shape == (130, 256)  # 40 by 20, and a margin
    assert alpha[20, 128] == 200 and alpha[45, 128] == 0 and alpha[65, 128] > 0 and alpha[0, 0] == 0
    assert 0.4 < (alpha > 0).mean() < 0.95
    csv = ready.run("asset", "show", "mixed.csv", "--json").json
    assert [d["kind"] for d in csv["documents"]] == ["stac", "iso19115"] and "thumbnail" not in csv["stac"]["assets"]
    other = ingest(ready, "only_csv", ready.folder / "mixed.gpkg", "vector", "mixed_csv")
    np.testing.assert_array_equal(picture(ready, other), rgba)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_heights_are_stretched_and_holes_are_transparent(ready):
    y, x = np.mgrid[0:700, 0:1400]
    heights = (1000 + x * 2.0 + y).astype("float32")
    heights[:200, :400] = -9999
    heights[600, 1000] = 1e9  # one wrong pixel does not make the rest dark
    rgba = picture(ready, ingest(ready, "pictures", write(ready, "heights", heights[None], nodata=-9999), "raster", "heights"))
    assert rgba.shape == (4, 128, 256)
    assert rgba[3, 5, 5] == 0 and rgba[3, 100, 200] == 255
    assert (rgba[0] == rgba[1]).all() and rgba[0, 64, 80] < rgba[0, 64, 160] < rgba[0, 64, 240]
    assert rgba[0, 120, 250] > 240 and 0 < rgba[0, 64, 128] < 200


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_palettes_and_colours_are_kept(ready):
    colors = {1: (250, 10, 20, 255), 2: (10, 200, 30, 255), 3: (0, 0, 0, 0)}
    classes = np.repeat(np.repeat(np.array([[1, 2], [3, 1]], dtype="uint8"), 300, axis=0), 300, axis=1)
    path = write(ready, "classes", classes[None], nodata=3, tail=lambda out: out.write_colormap(1, colors))
    rgba = picture(ready, ingest(ready, "pictures", path, "raster", "classes"))
    assert tuple(rgba[:, 60, 60]) == colors[1] and tuple(rgba[:, 60, 200]) == colors[2] and rgba[3, 200, 60] == 0
    assert {tuple(c) for c in rgba[:3].reshape(3, -1).T} <= {c[:3] for c in colors.values()}
    image = np.stack([np.full((300, 300), v, dtype="uint8") for v in (200, 100, 50, 255)])
    image[3, :100] = 0
    path = write(ready, "image", image, photometric="RGB", alpha="YES")
    rgba = picture(ready, ingest(ready, "pictures", path, "raster", "image"))
    assert tuple(rgba[:, 200, 100]) == (200, 100, 50, 255) and rgba[3, 20, 100] == 0


def test_an_output_may_do_without(ready):
    asset = ingest(ready, "none", write(ready, "plain", np.ones((1, 50, 60), dtype="uint8")), "raster", "plain")
    assert [d["kind"] for d in asset["documents"]] == ["stac", "iso19115"]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_lost_picture_is_noticed_and_comes_back_by_replay(ready):
    noise = np.random.default_rng(1).integers(0, 255, (1, 300, 300)).astype("uint8")
    asset = ingest(ready, "pictures", write(ready, "noise", noise), "raster", "noise")
    before = picture(ready, asset)
    assert ready.run("verify", "--deep", check=False).code == 0
    (entry,) = [d for d in asset["documents"] if d["kind"] == "thumbnail"]
    path = ready.bucket("data-lake") / entry["s3_key"]
    path.unlink()
    said = ready.run("verify", check=False)
    assert said.code != 0 and entry["s3_key"] in said.out + said.err and "sluice replay noise" in said.out + said.err
    ready.run("replay", "noise", "--into-version", "1", "--yes", check=False)
    ready.run("run", "--once", check=False)
    assert path.exists(), "not restored"
    np.testing.assert_array_equal(picture(ready, asset), before)
    assert ready.run("verify", "--deep", check=False).code == 0
    ready.run("gc", "--yes", check=False)
    assert path.exists()
