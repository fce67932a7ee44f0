# SPDX-License-Identifier: Apache-2.0
"""Vector files as people have them, made by programs that are not sluice, or byte by byte."""

import io
import struct
import tempfile
import zipfile
from pathlib import Path

import geopandas
from shapely.geometry import Point

NAMES = ("Größe", "Straße", "plain", "Ärger")


def points(n: int, crs="EPSG:25833", **columns) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"n": range(n)} | columns,
                                  geometry=[Point(400000 + i, 5800000 + i) for i in range(n)], crs=crs)


def shapefile(folder: Path, frame: geopandas.GeoDataFrame, **options) -> dict[str, bytes]:
    """The parts of a Shapefile by extension."""
    with tempfile.TemporaryDirectory(dir=folder) as inside:
        frame.to_file(Path(inside) / "x.shp", driver="ESRI Shapefile", engine="pyogrio", **options)
        return {path.suffix: path.read_bytes() for path in Path(inside).iterdir()}


def named(parts: dict[str, bytes], stem: str, *, upper: bool = False, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    return {stem + (ext.upper() if upper else ext): data for ext, data in parts.items() if ext not in without}


def archive(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in entries.items():
            z.writestr(name, data)
    return out.getvalue()


def dbf_in(folder: Path, encoding: str, *, cpg: str | None, language: int = 0, names=NAMES) -> dict[str, bytes]:
    """A Shapefile whose texts have the encoding, and which says what it is told to say."""
    parts = shapefile(folder, points(len(names), name=["?" * 12] * len(names)))
    dbf = bytearray(parts[".dbf"])
    dbf[29] = language
    head, step = struct.unpack_from("<HH", dbf, 8)
    at = 1 + dbf[32 + 16]
    assert dbf[32 + 32 + 11:32 + 32 + 12] == b"C"
    width = dbf[32 + 32 + 16]
    for i, name in enumerate(names):
        begin = head + i * step + at
        dbf[begin:begin + width] = name.encode(encoding)[:width].ljust(width)
    parts[".dbf"] = bytes(dbf)
    del parts[".cpg"]
    return parts | ({".cpg": cpg.encode()} if cpg is not None else {})


def overlapping(parts: dict[str, bytes]) -> bytes:
    """Every entry of the directory points to the same data, as small archives do that unpack to petabytes."""
    whole = bytearray(archive({f"{i}.bin": b"\0" * 500000 for i in range(40)} | parts))
    at = whole.find(b"PK\1\2")
    while at >= 0:
        whole[at + 20:at + 24] = struct.pack("<I", len(whole) // 3)
        at = whole.find(b"PK\1\2", at + 1)
    return bytes(whole)


def encrypted(parts: dict[str, bytes]) -> bytes:
    whole = bytearray(archive(parts))
    at = whole.find(b"PK\1\2")
    whole[at + 8] |= 1
    return bytes(whole)
