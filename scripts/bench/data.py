# SPDX-License-Identifier: Apache-2.0
"""Large inputs, made once with fixed seeds in .cache/bench."""

from pathlib import Path

import numpy
import pyogrio
import shapely

from common import DATA

VERTICES = 16


def polygons(count: int, seed: int):
    """Stars of 16 corners, 20 to 60 m wide, in EPSG:25833 around Berlin; with an id, a name and a number."""
    import geopandas

    rng = numpy.random.default_rng(seed)
    centre = rng.uniform((300_000, 5_700_000), (500_000, 5_900_000), (count, 2))
    angle = numpy.linspace(0, 2 * numpy.pi, VERTICES, endpoint=False)
    radius = rng.uniform(10, 30, (count, 1)) * rng.uniform(0.7, 1, (count, VERTICES))
    ring = numpy.stack((centre[:, :1] + radius * numpy.cos(angle), centre[:, 1:] + radius * numpy.sin(angle)), axis=2)
    ids = numpy.arange(count, dtype="int64") + seed * 10_000_000
    return geopandas.GeoDataFrame({"id": ids, "name": [f"parcel {i}" for i in ids], "value": rng.random(count)},
                                  geometry=shapely.polygons(numpy.concatenate((ring, ring[:, :1]), axis=1)), crs=25833)


def flatgeobuf(count: int) -> Path:
    path = DATA / f"polygons-{count}.fgb"
    if not path.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{path.name}")
        pyogrio.write_dataframe(polygons(count, 1), part, driver="FlatGeobuf", layer="polygons")
        part.rename(path)
    return path


KINDS = ("residential", "commercial", "industrial", "public", "other")


def buildings(count: int, seed: int = 7):
    """Outlines of 12 corners, 8 to 40 m wide, in EPSG:25833 around Berlin, with five attributes."""
    import geopandas

    rng = numpy.random.default_rng(seed)
    centre = rng.uniform((300_000, 5_700_000), (500_000, 5_900_000), (count, 2))
    angle = numpy.linspace(0, 2 * numpy.pi, 12, endpoint=False) + rng.uniform(0, 1, (count, 1))
    radius = rng.uniform(4, 20, (count, 1)) * rng.uniform(0.8, 1, (count, 12))
    ring = numpy.stack((centre[:, :1] + radius * numpy.cos(angle), centre[:, 1:] + radius * numpy.sin(angle)), axis=2)
    ids = numpy.arange(count, dtype="int64")
    columns = {"id": ids, "name": [f"building {i}" for i in ids], "kind": numpy.take(KINDS, rng.integers(0, len(KINDS), count)),
               "floors": rng.integers(1, 40, count).astype("int32"), "height": numpy.round(rng.uniform(3, 90, count), 2)}
    return geopandas.GeoDataFrame(columns, geometry=shapely.polygons(numpy.concatenate((ring, ring[:, :1]), axis=1)), crs=25833)


def building_file(count: int, driver: str) -> Path:
    """As FlatGeobuf, or as Shapefile with its sidecars."""
    path = DATA / f"buildings-{count}.{'fgb' if driver == 'FlatGeobuf' else 'shp'}"
    if not path.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{path.name}")
        pyogrio.write_dataframe(buildings(count), part, driver=driver, layer=path.stem)
        for piece in sorted(DATA.glob(f"{part.stem}.*"), key=lambda p: p.suffix == path.suffix):
            piece.rename(DATA / f"{path.stem}{piece.suffix}")
    return path


def geopackage(size_bytes: int) -> Path:
    """At least that large."""
    path = DATA / f"polygons-{size_bytes >> 20}MB.gpkg"
    if path.exists():
        return path
    DATA.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part-{path.name}")
    part.unlink(missing_ok=True)
    seed = 1
    while not part.exists() or part.stat().st_size < size_bytes:
        pyogrio.write_dataframe(polygons(200_000, seed), part, driver="GPKG", layer="polygons", append=part.exists(),
                                SPATIAL_INDEX="NO")
        seed += 1
    part.rename(path)
    return path
