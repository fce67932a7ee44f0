# SPDX-License-Identifier: Apache-2.0
"""What catalogues take: ISO 19139 XML of an asset, read by ElementTree, and a dataset's STAC collection, by pystac."""

import json
import xml.etree.ElementTree as ElementTree

import geopandas
import numpy
import pystac
import pytest
import rasterio
from shapely.geometry import box

NS = {"gmd": "http://www.isotc211.org/2005/gmd", "gco": "http://www.isotc211.org/2005/gco"}
INTENTS = {"vector": "ingest_vector", "raster": "ingest_satellite_raster"}
ODD = 'Wege & Straßen <"Ost">'


def manifest(home, batch, file, kind, dataset, description):
    target = home.folder / f"{batch}.json"
    target.write_text(json.dumps({"batch_id": batch, "uploader": "ana", "intent": f"{INTENTS[kind]}", "dataset": dataset,
                                  "files": [{"path": file.name, "type": kind}],
                                  "metadata": {"project": "ALPHA", "description": description, "license": "CC-BY-4.0"}}))
    return target


def ingest(home, batch, file, kind, dataset, description=ODD):
    home.run("submit", manifest(home, batch, file, kind, dataset, description))
    home.run("run", "--once")


@pytest.fixture(scope="module")
def ready(home):
    for i, shape in enumerate([box(500000, 5800000, 500100, 5800100), box(600000, 5700000, 600100, 5700100)]):
        path = home.folder / f"roads{i}.gpkg"
        geopandas.GeoDataFrame({"näme": ["a"]}, geometry=[shape], crs="EPSG:25833").to_file(path, driver="GPKG")
        ingest(home, f"roads-{i}", path, "vector", "roads")
    path = home.folder / "height.tif"
    with rasterio.open(path, "w", driver="GTiff", width=40, height=30, count=1, dtype="float32", crs="EPSG:25833",
                       transform=rasterio.transform.from_origin(500000, 5800000, 10, 10)) as file:
        file.write(numpy.arange(1200, dtype="float32").reshape(1, 30, 40))
    ingest(home, "height", path, "raster", "height")
    return home


def text(root, path):
    found = root.find(path, NS)
    return None if found is None else "".join(found.itertext()).strip()


@pytest.mark.parametrize("dataset", ["roads", "height"])
def test_iso_19139_has_the_facts_of_the_json_record(ready, dataset):
    asset = ready.run("asset", "show", dataset, "--json").json
    root = ElementTree.fromstring(ready.run("asset", "show", dataset, "--iso").out.encode())
    info = "gmd:identificationInfo/gmd:MD_DataIdentification/"
    assert root.tag == f"{{{NS['gmd']}}}MD_Metadata"
    assert text(root, "gmd:fileIdentifier") == asset["_id"]
    assert text(root, "gmd:dateStamp") == asset["iso19115"]["dateInfo"][0]["date"]
    assert text(root, info + "gmd:abstract") == ODD
    assert text(root, info + "gmd:citation/gmd:CI_Citation/gmd:title") == dataset
    assert text(root, "gmd:contact/gmd:CI_ResponsibleParty/gmd:individualName") == "ana"
    system = [text(root, f".//gmd:RS_Identifier/gmd:{part}") for part in ("codeSpace", "code")]
    assert ":".join(system) == asset["crs"] == {"roads": "EPSG:4326", "height": "EPSG:25833"}[dataset]
    edges = [float(text(root, f".//gmd:EX_GeographicBoundingBox/gmd:{side}"))
             for side in ["westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude"]]
    assert edges == pytest.approx(asset["bounds"], abs=1e-9)
    assert asset["content_hash"] in text(root, ".//gmd:CI_OnlineResource/gmd:description")
    assert asset["inputs"][0]["raw_key"] in text(root, ".//gmd:LI_Source/gmd:sourceCitation")


def test_iso_19139_has_what_the_schema_demands_in_its_order(ready):
    root = ElementTree.fromstring(ready.run("asset", "show", "roads", "--iso").out.encode())
    order = ["fileIdentifier", "language", "characterSet", "hierarchyLevel", "contact", "dateStamp", "metadataStandardName",
             "spatialRepresentationInfo", "referenceSystemInfo", "identificationInfo", "distributionInfo", "dataQualityInfo"]
    assert [child.tag.split("}")[1] for child in root] == order
    identification = [child.tag.split("}")[1] for child in root.find("gmd:identificationInfo/gmd:MD_DataIdentification", NS)]
    assert identification == ["citation", "abstract", "status", "pointOfContact", "resourceConstraints",
                              "spatialRepresentationType", "language", "topicCategory", "extent", "supplementalInformation"]
    assert "näme (text)" in text(root, ".//gmd:supplementalInformation")
    for element in root.iter():
        if "codeListValue" in element.attrib:
            assert element.attrib["codeList"].endswith("#" + element.tag.split("}")[1])


def test_a_raster_has_its_grid_and_bands(ready):
    root = ElementTree.fromstring(ready.run("asset", "show", "height", "--iso").out.encode())
    sizes = [e.text for e in root.iterfind(".//gmd:MD_Dimension/gmd:dimensionSize/gco:Integer", NS)]
    assert sizes == ["30", "40"]
    assert "Float32" in text(root, ".//gmd:MD_Band")


def test_a_dataset_is_a_valid_collection_of_all_its_versions(ready):
    raw = ready.run("asset", "collection", "roads").json
    assert raw["stac_version"] == "1.0.0" and raw["license"] == "CC-BY-4.0" and raw["description"] == ODD
    assert [link["href"] for link in raw["links"] if link["rel"] == "item"] == ["v1/roads.stac.json", "v2/roads.stac.json"]
    versions = [ready.run("asset", "show", f"roads@{n}", "--json").json for n in (1, 2)]
    west, south, east, north = raw["extent"]["spatial"]["bbox"][0]
    assert west == min(v["bounds"][0] for v in versions) and north == max(v["bounds"][3] for v in versions)
    assert raw["extent"]["temporal"]["interval"] == [[v["created_at"] for v in versions]]
    pystac.Collection.from_dict(raw).validate()


def test_the_items_are_valid(ready):
    for dataset in ["roads", "height"]:
        raw = ready.run("asset", "show", dataset, "--json").json["stac"]
        pystac.Item.from_dict(dict(raw, stac_extensions=[])).validate()


def test_a_dataset_that_is_not_there_is_no_collection(ready):
    assert '"nowhere"' in ready.run("asset", "collection", "nowhere", check=4).err
