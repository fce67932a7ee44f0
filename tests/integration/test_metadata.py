# SPDX-License-Identifier: Apache-2.0
"""STAC items, read by pystac and validated with the schemas that it ships (extensions' schemas are on the network)."""
import json
import os
import pathlib
import subprocess

import pystac
import pytest
import shapely.geometry

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SLUICE_BINARY", ROOT / "build/release/engine/cli/sluice"))
TOOL = PROGRAM.parents[2] / "tests/integration/lake/metadata_tool"
SAMPLES = ["vector", "raster", "empty", "pacific", "table"]


def document(kind, sample):
    return json.loads(subprocess.check_output([TOOL, kind, sample], timeout=60))


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_item_is_valid_and_survives_pystac(sample):
    raw = document("stac", sample)
    core = dict(raw, stac_extensions=[])
    item = pystac.Item.from_dict(core)
    item.validate()
    assert item.id == "roads-v3"
    assert item.datetime.isoformat() == "2026-11-21T09:14:03+00:00"
    assert item.assets["data"].roles == ["data"]
    assert all(uri.startswith("https://stac-extensions.github.io/") for uri in raw["stac_extensions"])


@pytest.mark.parametrize("sample", ["vector", "raster", "pacific"])
def test_the_footprint_is_a_valid_geometry_of_the_box(sample):
    item = document("stac", sample)
    footprint = shapely.geometry.shape(item["geometry"])
    west, south, east, north = item["bbox"]
    assert footprint.is_valid
    assert footprint.area == pytest.approx((east - west + (360 if west > east else 0)) * (north - south))


def test_an_item_that_is_not_valid_is_noticed():
    broken = document("stac", "vector")
    broken["stac_extensions"] = []
    del broken["bbox"]
    with pytest.raises(pystac.errors.STACValidationError):
        pystac.validation.validate_dict(broken, stac_object_type=pystac.STACObjectType.ITEM, stac_version="1.1.0")


@pytest.mark.parametrize("sample", SAMPLES)
def test_iso_metadata_has_what_the_standard_demands(sample):
    m = document("iso", sample)
    (resource,) = m["identificationInfo"]
    assert resource["citation"]["title"] and resource["citation"]["date"][0]["dateType"] == "creation"
    assert resource["abstract"]
    assert m["dateInfo"] and m["metadataStandard"][0]["title"].startswith("ISO 19115")
    assert m["resourceLineage"][0]["statement"]
