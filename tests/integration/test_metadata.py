# SPDX-License-Identifier: Apache-2.0
"""STAC items, read by pystac and validated with the schemas that it ships (the extensions' are on the network:
their rules are here, by hand)."""
import json
import os
import pathlib
import subprocess

import jsonschema
import pyproj
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


NUMBERS = {"type": "array", "items": {"type": "number"}}
# What each extension's page demands and allows of its fields, in their versions that items name.
EXTENSIONS = {
    "file/v2.1.0": ("file:", "assets", {
        "file:size": {"type": "integer", "minimum": 0},
        "file:checksum": {"type": "string", "pattern": "^1220[0-9a-f]{64}$"}}, []),
    "version/v1.2.0": ("version", "properties", {"version": {"type": "string", "minLength": 1}}, ["version"]),
    "projection/v1.1.0": ("proj:", "properties", {
        "proj:epsg": {"type": ["integer", "null"]},
        "proj:projjson": {"type": "object", "required": ["$schema", "type", "name"]},
        "proj:bbox": NUMBERS | {"minItems": 4, "maxItems": 4},
        "proj:shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
        "proj:transform": NUMBERS | {"minItems": 6, "maxItems": 9}}, ["proj:epsg"]),
    "table/v1.2.0": ("table:", "properties", {
        "table:columns": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "type": {"type": "string"}}}},
        "table:primary_geometry": {"type": "string"},
        "table:row_count": {"type": "integer", "minimum": 0}}, ["table:columns"]),
    "raster/v1.1.0": ("raster:", "assets", {
        "raster:bands": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {
            "data_type": {"enum": ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
                                   "float32", "float64", "cint16", "cint32", "cfloat32", "cfloat64", "other"]},
            "nodata": {"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]},
            "statistics": {"type": "object", "additionalProperties": {"type": "number"}}}}}}, []),
}


def check_extensions(item: dict) -> None:
    """Those that are declared are used as they demand, and what is used is declared."""
    declared = {uri.split("/", 3)[3].removesuffix("/schema.json") for uri in item["stac_extensions"]}
    assert declared <= EXTENSIONS.keys()
    for name, (prefix, place, fields, required) in EXTENSIONS.items():
        holders = [item["properties"]] if place == "properties" else list(item["assets"].values())
        everywhere = [item, item["properties"], *item["assets"].values()]
        used = {key for holder in everywhere for key in holder if key.startswith(prefix)}
        assert bool(used) == (name in declared), (name, used)
        assert used <= fields.keys()
        for holder in holders if name in declared else []:
            jsonschema.validate(holder, {"type": "object", "properties": fields, "required": required})
        misplaced = {key for holder in everywhere if holder not in holders for key in holder if key.startswith(prefix)}
        assert not misplaced


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_item_declares_the_extensions_that_it_uses_and_is_valid_by_them(sample):
    item = document("stac", sample)
    check_extensions(item)
    properties = item["properties"]
    if "proj:projjson" in properties:
        crs = pyproj.CRS.from_json_dict(properties["proj:projjson"])
        assert crs.to_epsg() == properties["proj:epsg"]
    if "table:primary_geometry" in properties:
        assert properties["table:primary_geometry"] in [c["name"] for c in properties["table:columns"]]


@pytest.mark.parametrize("damage", [
    lambda i: i["stac_extensions"].pop(), lambda i: i["properties"].pop("proj:epsg"),
    lambda i: i["assets"]["data"].update({"file:size": -1}), lambda i: i["properties"].update({"raster:bands": []}),
    lambda i: i["assets"]["data"]["raster:bands"][0].update(data_type="Byte"),
    lambda i: i["properties"].update({"proj:shape": [1]}), lambda i: i["properties"].update({"table:row_count": 1})])
def test_an_item_that_breaks_an_extension_s_rule_is_noticed(damage):
    item = document("stac", "raster")
    damage(item)
    with pytest.raises((AssertionError, jsonschema.ValidationError)):
        check_extensions(item)


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
