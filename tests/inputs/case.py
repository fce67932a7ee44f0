# SPDX-License-Identifier: Apache-2.0
"""An input file, what is expected of it, and how that is checked with programs that are not sluice."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import geopandas
import numpy
import pyarrow
import pyarrow.parquet
import pyogrio
import pystac
import rasterio
import shapely
from rio_cogeo.cogeo import cog_validate

MADE = "made"
METRES, DEGREES = 1e-6, 1e-9


@dataclass(frozen=True)
class Rows:
    """A vector asset. What is None is not looked at; `columns` are pyarrow's names of types, the geometry aside."""
    rows: int
    columns: dict[str, str] | None = None
    crs: str | None = None
    types: tuple[str, ...] | None = None
    bounds: tuple[float, float, float, float] | None = None
    values: Callable[[geopandas.GeoDataFrame], None] | None = None
    like: str | None = None  # the layer of the source that pyogrio's own GDAL has to read the same; "": the only one
    matched: bool = False  # its system has no code of its own, and one was found for it
    renamed: dict[str, str] = field(default_factory=dict)  # the file's name of a column → the ledger's

    def check(self, out: "Outcome", asset: dict, source: Path) -> None:
        path = out.object(asset)
        table = pyarrow.parquet.read_table(path)
        frame = geopandas.read_parquet(path)
        assert len(frame) == self.rows == asset["row_count"] == pyarrow.parquet.ParquetFile(path).metadata.num_rows
        geo = json.loads(table.schema.metadata[b"geo"])
        column = geo["columns"][geo["primary_column"]]
        if self.columns is not None:
            found = {f.name: str(f.type) for f in table.schema if f.name not in (geo["primary_column"], "bbox")}
            assert found == self.columns
        if self.crs is not None:
            assert frame.crs == self.crs, frame.crs
        if self.types is not None:
            assert sorted(column["geometry_types"]) == sorted(self.types) == sorted(asset["geometry_types"])
        if self.bounds is not None:
            numpy.testing.assert_allclose(frame.total_bounds, self.bounds, atol=METRES, rtol=0)
        if self.like is not None:
            self.compare(frame, pyogrio.read_dataframe(source, **({"layer": self.like} if self.like else {})))
        if self.values:
            self.values(frame)
        assert not self.matched or asset["metadata"]["crs_confidence"] >= 90
        told = {c["source_name"]: c["name"] for c in asset["columns"] if "source_name" in c}
        assert told == self.renamed

    @staticmethod
    def compare(frame: geopandas.GeoDataFrame, source: geopandas.GeoDataFrame) -> None:
        """Rows in any order: by geometry and attributes as text."""
        def texts(f):
            f = f.rename_geometry("geom") if f.geometry.name != "geom" else f
            names = sorted(c for c in f.columns if c not in ("geom", "bbox"))
            return sorted((shapely.to_wkb(row.geom, output_dimension=3) if row.geom is not None else b"",
                           *(str(row[n]) for n in names)) for _, row in f[[*names, "geom"]].iterrows())
        assert texts(frame) == texts(source)

    def told(self, asset: dict) -> str:
        columns = ", ".join(f"{c['name']} {c['type']}" for c in asset["columns"][:4])
        more = f", … {len(asset['columns'])} columns" if len(asset["columns"]) > 4 else ""
        types = "/".join(asset["geometry_types"]) or "no geometry"
        return f"{asset['row_count']} rows, {asset['crs']}, {types}; {columns}{more}"


@dataclass(frozen=True)
class Table:
    """A table without geometry, as pyarrow reads it. `values` are the rows, in any order."""
    rows: int
    columns: dict[str, str]
    values: list[dict] | None = None

    def check(self, out: "Outcome", asset: dict, source: Path) -> None:
        table = pyarrow.parquet.read_table(out.object(asset))
        assert asset["kind"] == "table" and asset["crs"] is None and asset["bounds"] == []
        assert table.num_rows == self.rows == asset["row_count"]
        assert {f.name: str(f.type) for f in table.schema} == self.columns
        assert b"geo" not in (table.schema.metadata or {})
        if self.values is not None:
            assert sorted(table.to_pylist(), key=str) == sorted(self.values, key=str)

    def told(self, asset: dict) -> str:
        columns = ", ".join(f"{c['name']} {c['type']}" for c in asset["columns"][:4])
        return f"{asset['row_count']} rows, a table; {columns}"


@dataclass(frozen=True)
class Pixels:
    """A raster asset: the pixels, type, nodata and place of the source, as rasterio reads both."""
    crs: str | None = None
    dtype: str | None = None
    values: Callable[[rasterio.DatasetReader], None] | None = None
    same: bool = True
    within: int = 0  # how far a value may differ: decoders of JPEG do not agree

    def check(self, out: "Outcome", asset: dict, source: Path) -> None:
        path = out.object(asset)
        valid, errors, _ = cog_validate(path, strict=True, quiet=True)
        assert valid, errors
        with rasterio.open(path) as made:
            if self.crs:
                assert made.crs == rasterio.crs.CRS.from_user_input(self.crs)
            if self.dtype:
                assert set(made.dtypes) == {self.dtype}
            if self.same:
                with rasterio.open(source) as read:
                    assert made.shape == read.shape and made.dtypes == read.dtypes
                    assert made.transform.almost_equals(read.transform, 1e-9)
                    numpy.testing.assert_equal(made.nodatavals, read.nodatavals)
                    numpy.testing.assert_allclose(made.read(), read.read(), rtol=0, atol=self.within)
            if self.values:
                self.values(made)

    def told(self, asset: dict) -> str:
        m = asset["metadata"]
        return f"{m['width']} × {m['height']} × {len(m['bands'])} {m['bands'][0]['data_type']}, {asset['crs']}"


@dataclass(frozen=True)
class Refused:
    """Nothing comes out, and whoever uploaded the file reads in one line what is wrong and what to do."""
    code: str
    says: tuple[str, ...]


@dataclass(frozen=True)
class Input:
    name: str
    what: str
    make: Callable[[Path], dict[str, bytes]]  # the files of the batch, the main one first; the folder is for its work
    expect: Rows | Table | Pixels | Refused | dict[str, Rows | Table]
    origin: str = MADE
    type: str = "vector"
    intent: str = "native"
    entry: dict = field(default_factory=dict)     # more of the file's entry in the manifest
    manifest: dict = field(default_factory=dict)  # more of the manifest
    warns: tuple[str, ...] = ()                   # what the run has to say
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def expected(self) -> str:
        if isinstance(self.expect, Refused):
            return f"refused: {self.expect.code}"
        assets = self.expect if isinstance(self.expect, dict) else {"": self.expect}
        return "; ".join(f"{name} {a.rows} rows".strip() if isinstance(a, Rows | Table) else "the same pixels"
                         for name, a in assets.items())


@dataclass
class Outcome:
    """What the engine made of an input: the documents of its ledger, and the object store's folder."""
    error: dict | None
    assets: dict[str, dict]
    run: dict | None
    lake: Path

    def object(self, asset: dict) -> Path:
        return self.lake / asset["s3_key"]

    def told(self, case: Input) -> str:
        if self.error:
            return f"{self.error['code']}: {self.error['message']}. Hint: {self.error.get('hint') or '–'}"
        assets = case.expect if isinstance(case.expect, dict) else {name: case.expect for name in self.assets}
        return "; ".join(assets[name].told(asset) if hasattr(assets.get(name), "told") else f"{name}?"
                         for name, asset in sorted(self.assets.items()))

    def check(self, case: Input, source: Path) -> None:
        if isinstance(case.expect, Refused):
            self.check_refusal(case.expect)
            return
        assert self.error is None, self.error
        expected = case.expect if isinstance(case.expect, dict) else {case.name.replace("-", "_"): case.expect}
        assert set(self.assets) == set(expected)
        for name, asset in self.assets.items():
            self.check_metadata(asset)
            expected[name].check(self, asset, source)
        warnings = "\n".join(self.run["warnings"])
        for words in case.warns:
            assert words in warnings, warnings
        if not case.warns:
            assert not warnings
        assert self.run["rows_dropped"] == case.dropped

    def check_refusal(self, refused: Refused) -> None:
        assert self.error is not None and not self.assets, self.assets
        line = self.error["message"]
        assert self.error["code"] == refused.code, self.error
        assert "\n" not in line and len(line) < 400
        assert self.error.get("hint") or refused.code.startswith("manifest."), self.error
        for words in refused.says:
            assert words in line + "\n" + (self.error.get("hint") or ""), self.error

    @staticmethod
    def check_metadata(asset: dict) -> None:
        """The schemas of STAC's extensions are on the network; the item's own is with pystac."""
        item = pystac.Item.from_dict(asset["stac"] | {"stac_extensions": []})
        item.validate()
        if asset["bounds"]:
            west, south, east, north = asset["bounds"]
            assert -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90
            footprint = shapely.geometry.shape(item.geometry)
            assert footprint.is_valid or footprint.area == 0
