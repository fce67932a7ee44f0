# SPDX-License-Identifier: Apache-2.0
"""Every vector format that is read, as the programs that write it write it, and as people type it."""

import json
import subprocess
from pathlib import Path

import geopandas
import pyogrio
import shapely
from shapely.geometry import LineString, Point, Polygon

from inputs.case import Input, Refused, Rows
from vector_files import archive, points

FIXTURES = Path(pyogrio.__file__).parent / "tests/fixtures"
PYOGRIO = "pyogrio's test data, MIT (PyPI wheel)"
OSM = "OpenStreetMap contributors, ODbL (sample in the PyPI wheel of pyogrio)"
LONLAT = (13.5248, 52.3389)


def written(driver: str, name: str, make=lambda: points(20, name=[f"ö {i}" for i in range(20)]), **options):
    """As pyogrio's GDAL writes it."""
    def write(folder: Path) -> dict[str, bytes]:
        make().to_file(folder / name, driver=driver, engine="pyogrio", **options)
        return {name: (folder / name).read_bytes()}
    return write


def converted(driver: str, name: str, *options: str, make=lambda: points(20, name=[f"ö {i}" for i in range(20)])):
    """As Debian's ogr2ogr writes it."""
    def write(folder: Path) -> dict[str, bytes]:
        make().to_file(folder / "in.gpkg", driver="GPKG", engine="pyogrio")
        subprocess.run(["ogr2ogr", "-f", driver, *options, folder / name, folder / "in.gpkg"], check=True, capture_output=True)
        return {name: (folder / name).read_bytes()}
    return write


def text(name: str, content: str, encoding: str = "utf-8"):
    return lambda _: {name: content.encode(encoding)}


def real(name: str):
    return lambda _: {name: (FIXTURES / name).read_bytes()}


def geojson(*features: dict, **more) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)} | more, ensure_ascii=False)


def feature(geometry, /, fid=None, **properties) -> dict:
    shape = None if geometry is None else shapely.geometry.mapping(geometry)
    return {"type": "Feature", "properties": properties, "geometry": shape} | ({"id": fid} if fid is not None else {})


def geodatabase(name: str):
    def make(folder: Path) -> dict[str, bytes]:
        path = folder / "city.gdb"
        points(12).to_file(path, layer="roads", driver="OpenFileGDB", engine="pyogrio")
        points(4).to_file(path, layer="rivers", driver="OpenFileGDB", engine="pyogrio", mode="a")
        return {name: archive({f"city.gdb/{p.name}": p.read_bytes() for p in path.iterdir()})}
    return make


def layers(folder: Path) -> dict[str, bytes]:
    path = folder / "parks.gpkg"
    points(10).to_file(path, layer="trees", driver="GPKG", engine="pyogrio")
    points(4, "EPSG:3857").to_file(path, layer='Way "A" & B', driver="GPKG", engine="pyogrio")
    pyogrio.write_dataframe(geopandas.pd.DataFrame({"style": ["red"]}), path, layer="layer_styles", driver="GPKG", append=True)
    return {"parks.gpkg": path.read_bytes()}


def lonlat():
    return points(20, name=[f"ö {i}" for i in range(20)]).to_crs(4326)


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>d</name>
<NetworkLink><name>elsewhere</name><Link><href>http://127.0.0.1:9/other.kml</href></Link></NetworkLink>
<Folder><name>one</name>
 <Placemark><name>a</name><description>first &amp; best</description>
  <ExtendedData><Data name="height"><value>7</value></Data></ExtendedData>
  <Point><coordinates>13.5,52.3,44</coordinates></Point></Placemark>
 <Placemark><name>b</name><LineString><coordinates>13,52 14,53</coordinates></LineString></Placemark></Folder>
</Document></kml>
"""
OSM_XML = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="test">
 <node id="1" lat="52.0" lon="13.0" version="1"><tag k="name" v="Größe"/><tag k="amenity" v="pub"/></node>
 <node id="2" lat="52.1" lon="13.1" version="1"/>
 <node id="3" lat="52.1" lon="13.0" version="1"/>
 <way id="10" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="path"/></way>
 <way id="11" version="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="building" v="yes"/></way>
</osm>
"""
TOPOJSON = json.dumps({"type": "Topology", "transform": {"scale": [0.001, 0.001], "translate": [13, 52]},
                       "arcs": [[[0, 0], [1000, 0], [0, 1000], [-1000, 0], [0, -1000]]],
                       "objects": {"plots": {"type": "GeometryCollection", "geometries": [
                           {"type": "Polygon", "arcs": [[0]], "properties": {"name": "a"}}]}}})
WKT_CSV = 'id,WKT\n007,"POINT (10 50)"\n8,"LINESTRING (0 0, 1 1)"\n9,\n'


def heights(frame: geopandas.GeoDataFrame) -> None:
    assert frame[frame["Name"] == "a"].geometry.iloc[0].z == 44


def csv_kept(frame: geopandas.GeoDataFrame) -> None:
    assert list(frame.sort_values("id")["id"]) == ["007", "8", "9"]


def csv_decimals(frame: geopandas.GeoDataFrame) -> None:
    assert list(frame["name"]) == ["Größe"] and frame.geometry.iloc[0] == Point(10.5, 50.25)


def pub(frame: geopandas.GeoDataFrame) -> None:
    assert list(frame["name"]) == ["Größe"] and frame.geometry.iloc[0] == Point(13, 52)


TEXTS = {"n": "int64", "name": "string"}
TWENTY = Rows(20, TEXTS, "EPSG:25833", ("Point",), (400000, 5800000, 400019, 5800019), like="")
TWENTY_32 = Rows(20, {"n": "int32", "name": "string"}, types=("Point",))
SQUARE = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)])

INPUTS = [
    Input("gpkg", "GeoPackage", written("GPKG", "roads.gpkg"), TWENTY),
    Input("gpkg-layers", "GeoPackage with two layers and a table of styles", layers,
          {"parks_trees": Rows(10, crs="EPSG:25833"), "parks_Way_A_B": Rows(4, crs="EPSG:3857")}, warns=('"layer_styles"',)),
    Input("gpkg-one-layer", "the same, one layer asked for", layers, Rows(10, like="trees"), entry={"layer": "trees"}),
    Input("gpkg-nulls", "GeoPackage with NULLs in columns of every type", real("test_gpkg_nulls.gpkg"), Rows(4), PYOGRIO),
    Input("fgb", "FlatGeobuf", written("FlatGeobuf", "roads.fgb"), TWENTY),
    Input("fgb-no-index", "FlatGeobuf without an index", written("FlatGeobuf", "roads.fgb", SPATIAL_INDEX="NO"), TWENTY),
    Input("fgb-empty", "FlatGeobuf without rows", written("FlatGeobuf", "none.fgb", lambda: points(3).head(0), geometry_type="Point"),
          Rows(0, {"n": "int64"}, "EPSG:25833", ())),
    Input("geojson", "GeoJSON", written("GeoJSON", "roads.geojson", lonlat),
          Rows(20, {"n": "int32", "name": "string"}, "EPSG:4326", ("Point",), like="")),
    Input("geojson-old-crs", "GeoJSON with the crs member of 2008", written("GeoJSON", "roads.geojson", RFC7946="NO"),
          Rows(20, {"n": "int32", "name": "string"}, "EPSG:25833", ("Point",), like="")),
    Input("geojson-feature", "GeoJSON of one Feature", text("one.geojson", json.dumps(feature(Point(13, 52), a=1))), Rows(1, {"a": "int32"})),
    Input("geojson-geometry", "GeoJSON of a bare geometry", text("bare.geojson", '{"type":"Point","coordinates":[13,52]}'), Rows(1)),
    Input("geojson-empty", "GeoJSON without features", text("none.geojson", geojson()), Rows(0, types=())),
    Input("geojson-bom", "GeoJSON behind a byte order mark", text("bom.geojson", "\ufeff" + geojson(feature(Point(13, 52), a=1))), Rows(1, {"a": "int32"})),
    Input("geojson-many-types", "GeoJSON of points, lines, polygons and a collection", text("mixed.geojson", geojson(
        feature(Point(1, 2)), feature(LineString([(0, 0), (1, 1)])), feature(SQUARE),
        feature(shapely.GeometryCollection([Point(1, 2), LineString([(0, 0), (1, 1)])])))),
          Rows(4, types=("GeometryCollection", "LineString", "Point", "Polygon"))),
    Input("geojsonseq", "GeoJSON, one feature a line", written("GeoJSONSeq", "roads.geojsonl", lonlat), TWENTY_32),
    Input("geojsonseq-rs", "GeoJSON text sequence with record separators", written("GeoJSONSeq", "roads.geojsons", lonlat, RS="YES"), TWENTY_32),
    Input("geojson-zip", "zipped GeoJSON", lambda f: {"roads.zip": archive({"a/roads.geojson": written("GeoJSON", "r.geojson", lonlat)(f)["r.geojson"]})}, TWENTY_32),
    Input("kml", "KML with folders, heights, data and a network link", text("doc.kml", KML),
          Rows(2, crs="EPSG:4326", types=("LineString", "Point Z"), values=heights), warns=("ExtendedData", "NetworkLink")),
    Input("kmz", "KMZ", lambda f: {"doc.kmz": archive({"doc.kml": written("KML", "d.kml", lonlat)(f)["d.kml"]})}, Rows(20, crs="EPSG:4326"), warns=("ExtendedData",)),
    Input("gml", "GML 3.2", written("GML", "roads.gml"), Rows(20, crs="EPSG:25833", bounds=(400000, 5800000, 400019, 5800019))),
    Input("gml-2", "GML 2", converted("GML", "roads.gml", "-dsco", "FORMAT=GML2"), Rows(20, crs="EPSG:25833")),
    Input("dxf", "DXF drawing, its system in the manifest", written("DXF", "plan.dxf", lambda: points(5)[["geometry"]]),
          Rows(5, crs="EPSG:25833", types=("Point",)), entry={"crs": "EPSG:25833"}),
    Input("dxf-no-crs", "DXF drawing, nobody says its system", written("DXF", "plan.dxf", lambda: points(5)[["geometry"]]),
          Refused("crs.missing", ("neither", 'add "crs"'))),
    Input("gpx", "GPX of waypoints", converted("GPX", "way.gpx", "-t_srs", "EPSG:4326", "-dsco", "GPX_USE_EXTENSIONS=YES"),
          Rows(20, crs="EPSG:4326"), entry={"layer": "waypoints"}),
    Input("topojson", "TopoJSON", text("plots.topojson", TOPOJSON), Rows(1, types=("Polygon",), bounds=(13, 52, 14, 53)), entry={"crs": "EPSG:4326"}),
    Input("gdb", "FileGDB in an archive, two layers", geodatabase("city.zip"), {"city_roads": Rows(12), "city_rivers": Rows(4)}),
    Input("gdb-layer", "FileGDB called .gdb.zip, one layer", geodatabase("city.gdb.zip"), Rows(12, crs="EPSG:25833"), entry={"layer": "roads"}),
    Input("osm-pbf", "OSM PBF, all layers, ids in no order", real("sample.osm.pbf"),
          {"sample.osm_points": Rows(8), "sample.osm_lines": Rows(36), "sample.osm_multilinestrings": Rows(1), "sample.osm_multipolygons": Rows(8), "sample.osm_other_relations": Rows(4)}, OSM),
    Input("osm-lines", "OSM PBF, its lines", real("sample.osm.pbf"), Rows(36, crs="EPSG:4326", types=("LineString",)), OSM, entry={"layer": "lines"}),
    Input("osm-xml", "OSM XML, its points", text("town.osm", OSM_XML), Rows(1, crs="EPSG:4326", values=pub), entry={"layer": "points"}),
    Input("csv-wkt", "CSV with WKT", text("a.csv", WKT_CSV), Rows(3, {"id": "string", "WKT": "string"}, "EPSG:4326", values=csv_kept), entry={"crs": "EPSG:4326"}),
    Input("csv-lonlat", "CSV with longitude and latitude, a byte order mark", text("b.csv", "\ufeffid,longitude,latitude\n007,10,50\n8,,\n9,1,2\n"),
          Rows(3, values=csv_kept), entry={"crs": "EPSG:4326"}),
    Input("csv-german", "CSV with semicolons, decimal commas, CP1252", text("c.csv", "id;x;y;name\n1;10,5;50,25;Größe\n", "cp1252"),
          Rows(1, values=csv_decimals), entry={"crs": "EPSG:4326", "encoding": "CP1252"}),
    Input("csv-no-crs", "CSV with coordinates, nobody says their system", text("d.csv", "id,x,y\n1,2,3\n"), Refused("crs.missing", ('add "crs"',))),
]
