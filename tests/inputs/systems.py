# SPDX-License-Identifier: Apache-2.0
"""Coordinate systems: how files name them, the order of their axes, feet, and the antimeridian."""

from pathlib import Path

import geopandas
import numpy
import pyproj
import shapely
from shapely.geometry import LineString, Point, Polygon, box

from inputs.case import Input, Refused, Rows
from inputs.formats import converted, feature, geojson, text, written
from vector_files import archive, named, points, shapefile

UTM = "EPSG:25833"
BERLIN = (13.4, 52.5)


def with_prj(prj: str, make=lambda: points(3)):
    def write(folder: Path) -> dict[str, bytes]:
        return {"x.zip": archive(named(shapefile(folder, make()) | {".prj": prj.encode()}, "x"))}
    return write


def esri(code: int | str) -> str:
    return pyproj.CRS.from_user_input(code).to_wkt("WKT1_ESRI")


def in_system(crs) -> geopandas.GeoDataFrame:
    """The same place in any system."""
    return geopandas.GeoDataFrame({"n": [0]}, geometry=[Point(*BERLIN)], crs="EPSG:4326").to_crs(crs)


def berlin(frame: geopandas.GeoDataFrame) -> None:
    numpy.testing.assert_allclose([frame.geometry.iloc[0].x, frame.geometry.iloc[0].y], BERLIN, atol=1e-5)


def new_york(frame: geopandas.GeoDataFrame) -> None:
    numpy.testing.assert_allclose([frame.geometry.iloc[0].x, frame.geometry.iloc[0].y], (-74, 40.7), atol=1e-5)


def manhattan(crs) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"n": [0]}, geometry=[Point(-74, 40.7)], crs="EPSG:4326").to_crs(crs)


OWN = pyproj.CRS.from_proj4("+proj=laea +lat_0=47 +lon_0=11 +x_0=1000 +y_0=2000 +ellps=bessel +units=m +no_defs")


def own_kept(frame: geopandas.GeoDataFrame) -> None:
    assert frame.crs == OWN and frame.crs.to_authority() is None


GML_LATLON = """<?xml version="1.0" encoding="UTF-8"?>
<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:t="http://example.org/t"
  numberMatched="1" numberReturned="{said}"><wfs:member><t:place gml:id="a.1"><t:name>Berlin</t:name>
  <t:geom><gml:Point gml:id="p.1" srsName="{srs}"><gml:pos>{pos}</gml:pos></gml:Point></t:geom></t:place></wfs:member>
</wfs:FeatureCollection>
"""


def gml(srs: str, pos: str, said: str = "1"):
    return text("place.gml", GML_LATLON.format(srs=srs, pos=pos, said=said))


PACIFIC = geojson(feature(Point(179.5, -17), n=0), feature(Point(-179.5, -18), n=1))
SPLIT = geojson(feature(shapely.MultiPolygon([box(177, -19, 180, -16), box(-180, -19, -178, -16)]), n=0))
OVER = geojson(feature(Polygon([(177, -19), (182, -19), (182, -16), (177, -16)]), n=0))

INPUTS = [
    Input("prj-esri-utm", ".prj of ESRI's without a code: UTM", with_prj(esri(25833)), Rows(3, crs=UTM, matched=True)),
    Input("prj-esri-lambert", ".prj of ESRI's without a code: Lambert-93", with_prj(esri(2154), lambda: in_system(2154)), Rows(1, crs="EPSG:2154", matched=True)),
    Input("prj-esri-feet", ".prj of ESRI's without a code: New York in US survey feet", with_prj(esri(2263), lambda: manhattan(2263)), Rows(1, crs="EPSG:2263", matched=True)),
    Input("prj-feet-moved", "the same, to longitude and latitude", with_prj(esri(2263), lambda: manhattan(2263)),
          Rows(1, crs="EPSG:4326", values=new_york), intent="lonlat"),
    Input("prj-esri-own", ".prj of a system of ESRI's own: Web Mercator's old name", with_prj(esri("ESRI:102100"), lambda: in_system(3857)), Rows(1)),
    Input("prj-gk", ".prj of Gauss-Krüger with a transformation tied to it", with_prj(
        pyproj.CRS("EPSG:31468").to_wkt("WKT1_GDAL").replace("PRIMEM", "TOWGS84[598.1,73.7,418.2,0.202,0.045,-2.455,6.7],PRIMEM", 1),
        lambda: in_system(31468)), Rows(1, crs="EPSG:31468")),
    Input("prj-nonsense", ".prj that is no system", with_prj("hello"), Refused("crs.missing", ('add "crs"',))),
    Input("prj-lies", ".prj whose code is not what it says", with_prj(
        pyproj.CRS("EPSG:25833").to_wkt("WKT1_GDAL").replace('AUTHORITY["EPSG","25833"]', 'AUTHORITY["EPSG","2154"]')), Rows(3, crs=UTM)),
    Input("prj-local", ".prj of a local system", with_prj('LOCAL_CS["site grid",UNIT["metre",1]]'), Refused("crs.missing", ('add "crs"',))),
    Input("crs-own", "a system without a code, kept as PROJJSON", written("GPKG", "x.gpkg", lambda: points(3, OWN)), Rows(3, values=own_kept)),
    Input("crs-own-projjson", "the same by the manifest's PROJJSON", text("x.csv", "id,x,y\n1,2,3\n"),
          Rows(1, values=own_kept), entry={"crs": OWN.to_json_dict()}),
    Input("crs-compound", "a system of places and heights", written("GPKG", "x.gpkg", lambda: geopandas.GeoDataFrame(
        {"n": [1]}, geometry=[Point(400000, 5800000, 34)], crs="EPSG:5555")), Rows(1, types=("Point Z",))),
    Input("crs-undefined", "GeoPackage whose system is undefined", written("GPKG", "x.gpkg", lambda: points(3, None)), Refused("crs.missing", ('add "crs"',))),
    Input("crs-conflict", "file and manifest disagree", written("GPKG", "x.gpkg", lambda: points(3)),
          Refused("crs.mismatch", ("EPSG:4326 (degree)", "EPSG:25833 (metre)", "crs_policy")), entry={"crs": "EPSG:4326"}),
    Input("crs-conflict-file", "the same, the policy trusts the file", written("GPKG", "x.gpkg", lambda: points(3)),
          Rows(3, crs=UTM), entry={"crs": "EPSG:4326"}, manifest={"crs_policy": "trust_file"}),
    Input("crs-twin", "file says CRS84, manifest EPSG:4326: the same but for the axes", text("x.geojson", geojson(feature(Point(*BERLIN)))),
          Rows(1, crs="EPSG:4326", values=berlin), entry={"crs": "EPSG:4326"}),
    Input("crs-typo", "the manifest's system is mistyped", text("x.csv", "x,y\n1,2\n"), Refused("manifest.crs", ('did you mean "EPSG:4326"',)), entry={"crs": "ESPG:4326"}),
    Input("crs-nowhere", "metres that the manifest calls degrees", text("x.csv", "x,y\n400000,5800000\n"),
          Refused("crs.mismatch", ("no place on earth", "is the CRS right")), entry={"crs": "EPSG:4326"}),
    Input("axes-gml-urn", "GML, urn: latitude first", gml("urn:ogc:def:crs:EPSG::4326", "52.5 13.4"), Rows(1, crs="EPSG:4326", values=berlin)),
    Input("axes-gml-short", "GML, EPSG:4326: longitude first", gml("EPSG:4326", "13.4 52.5"), Rows(1, crs="EPSG:4326", values=berlin)),
    Input("axes-gml-http", "GML, http: latitude first", gml("http://www.opengis.net/def/crs/EPSG/0/4326", "52.5 13.4"), Rows(1, crs="EPSG:4326", values=berlin)),
    Input("axes-gml-north", "GML in Gauss-Krüger, whose axes are north, east", converted("GML", "gk.gml", make=lambda: in_system(31468)),
          Rows(1, values=berlin), intent="lonlat"),
    Input("axes-fgb", "FlatGeobuf in EPSG:4326", written("FlatGeobuf", "x.fgb", lambda: in_system(4326)), Rows(1, crs="EPSG:4326", values=berlin)),
    Input("axes-north", "a system whose official axes are north, east, moved", written("GPKG", "x.gpkg", lambda: in_system(31468)),
          Rows(1, crs="EPSG:4326", values=berlin), intent="lonlat"),
    Input("dateline-points", "points on both sides of the antimeridian", text("x.geojson", PACIFIC), Rows(2, bounds=(-179.5, -18, 179.5, -17))),
    Input("dateline-split", "a polygon split at the antimeridian", text("x.geojson", SPLIT), Rows(1, types=("MultiPolygon",))),
    Input("dateline-over", "a polygon that goes on beyond 180°", text("x.geojson", OVER), Rows(1, bounds=(177, -19, 182, -16))),
    Input("dateline-projected", "a line over the antimeridian in a system of its own", written("GPKG", "x.gpkg", lambda: geopandas.GeoDataFrame(
        {"n": [0]}, geometry=[LineString([(0, 0), (500000, 0)])], crs="+proj=merc +lon_0=178 +datum=WGS84 +units=m")), Rows(1)),
    Input("poles", "the South Pole in polar stereographic", written("GPKG", "x.gpkg", lambda: geopandas.GeoDataFrame(
        {"n": [0]}, geometry=[box(-1000, -1000, 1000, 1000)], crs="EPSG:3031")), Rows(1, crs="EPSG:3031")),
]
