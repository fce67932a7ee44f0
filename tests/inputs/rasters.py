# SPDX-License-Identifier: Apache-2.0
"""Rasters of every type and format, with and without a place."""

import struct
import subprocess
from pathlib import Path

import numpy
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.transform import Affine, from_origin

from inputs.case import Input, Pixels, Refused

GRID = Path("/usr/share/proj/egm96_15.gtx")
UTM = "EPSG:32633"
GEOID = "NGA's EGM96, public domain (Debian's proj-data)"


def hills(dtype="uint8", bands: int = 1, size: int = 300) -> numpy.ndarray:
    y, x = numpy.mgrid[0:size - 20, 0:size]
    return numpy.stack([100 + 90 * numpy.sin(x / 37 * (b + 1)) * numpy.cos(y / 53) for b in range(bands)]).astype(dtype)


def tiff(pixels=None, name: str = "scene.tif", after=None, **more):
    def make(folder: Path) -> dict[str, bytes]:
        planes = hills() if pixels is None else pixels() if callable(pixels) else pixels
        profile = {"driver": "GTiff", "width": planes.shape[2], "height": planes.shape[1], "count": planes.shape[0], "dtype": planes.dtype,
                   "crs": UTM, "transform": from_origin(500000, 5800000, 30, 30)} | more
        with rasterio.open(folder / name, "w", **profile) as out:
            out.write(planes)
            if after:
                after(out)
        rest = sorted(p for p in folder.iterdir() if p.name != name and p.suffix != ".xml")
        return {name: (folder / name).read_bytes()} | {p.name: p.read_bytes() for p in rest}
    return make


def with_nodata(dtype: str, nodata):
    def pixels() -> numpy.ndarray:
        planes = hills(dtype)
        planes[:, :50, :70] = nodata
        return planes
    return tiff(pixels, nodata=nodata)


def palette(out) -> None:
    out.write_colormap(1, {i: (i % 256, 255 - i % 256, 7, 255) for i in range(256)})


def alpha(out) -> None:
    out.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]


def has_alpha(made) -> None:
    assert made.colorinterp[3] == ColorInterp.alpha


def has_palette(made) -> None:
    assert made.colormap(1)[3] == (3, 252, 7, 255)


def described(out) -> None:
    out.descriptions = ["Höhe"]
    out.units = ["m"]
    out.scales, out.offsets = [0.1], [100.0]


def has_description(made) -> None:
    assert (made.descriptions, made.units, made.scales, made.offsets) == (("Höhe",), ("m",), (0.1,), (100.0,))


def masked(folder: Path) -> dict[str, bytes]:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        return tiff(lambda: hills("uint16", 3), after=lambda out: out.write_mask(hills("uint16", 3)[0] > 100))(folder)


def has_mask(made) -> None:
    assert (made.dataset_mask() > 0).sum() == (hills("uint16", 3)[0] > 100).sum()


CONTROL = [GroundControlPoint(0, 0, 500000, 5800000), GroundControlPoint(0, 299, 509000, 5800100), GroundControlPoint(279, 0, 499900, 5791000),
           GroundControlPoint(279, 299, 508900, 5791100)]


def control_points(folder: Path) -> dict[str, bytes]:
    return tiff(after=lambda out: setattr(out, "gcps", (CONTROL, rasterio.crs.CRS.from_string(UTM))), crs=None, transform=None)(folder)


def ascii_grid(crs: bool = True):
    head = "ncols 4\nnrows 3\nxllcorner 500000\nyllcorner 5800000\ncellsize 30\nNODATA_value -9999\n"
    body = "1 2 3 4\n5 6 -9999 8\n9 10 11 12.5\n"
    files = {"grid.asc": (head + body).encode()}
    return lambda _: files | ({"grid.prj": rasterio.crs.CRS.from_string(UTM).to_wkt("WKT1_ESRI").encode()} if crs else {})


def plain(driver: str, name: str, world: str, pixels=None, **more):
    """Without a system; the place is in a world file."""
    def make(folder: Path) -> dict[str, bytes]:
        files = tiff(pixels, name=name, driver=driver, crs=None, transform=None, **more)(folder)
        return {name: files[name], world: b"30\n0\n0\n-30\n500015\n5799985\n"}
    return make


def geoid(folder: Path) -> dict[str, bytes]:
    subprocess.run(["gdal_translate", "-q", "-a_srs", "EPSG:4326", GRID, folder / "geoid.tif"], check=True, capture_output=True)
    return {"geoid.tif": (folder / "geoid.tif").read_bytes()}


def cut(make, share: float):
    def shorter(folder: Path) -> dict[str, bytes]:
        (name, data), *_ = make(folder).items()
        return {name: data[:int(len(data) * share)]}
    return shorter


def huge(_: Path) -> dict[str, bytes]:
    """Half a megapixel of promises in 200 bytes: 2 million × 2 million pixels."""
    tags = [(256, 4, 1, 2_000_000), (257, 4, 1, 2_000_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 2_000_000), (279, 4, 1, 8)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + struct.pack("<I", 0)
    return {"huge.tif": b"II*\0" + struct.pack("<I", 8) + directory}


def reads_other(_: Path) -> dict[str, bytes]:
    return {"x.tif": b'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
                     b"<SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"}


def undeclared(folder: Path) -> dict[str, bytes]:
    files = tiff()(folder)
    return files | {"scene.tif.aux.xml": b"<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>", "scene.tif.ovr": b"junk", "scene.tif.msk": b"junk"}


def raster(name: str, what: str, make, expect=Pixels(), **more) -> Input:
    return Input(name, what, make, expect, type="raster", intent="pixels", **more)


INPUTS = [
    raster("tif-byte", "GeoTIFF of bytes", tiff(), Pixels(UTM, "uint8")),
    raster("tif-rgb", "GeoTIFF, red, green, blue", tiff(lambda: hills(bands=3), photometric="RGB"), Pixels(UTM, "uint8")),
    raster("tif-rgba", "GeoTIFF with an alpha band", tiff(lambda: hills(bands=4), photometric="RGB", alpha="YES", after=alpha), Pixels(values=has_alpha)),
    raster("tif-palette", "GeoTIFF with a palette", tiff(photometric="palette", after=palette), Pixels(values=has_palette)),
    raster("tif-uint16", "GeoTIFF of 16 bits with nodata", with_nodata("uint16", 0), Pixels(UTM, "uint16")),
    raster("tif-int16", "GeoTIFF of signed 16 bits, nodata below 0", with_nodata("int16", -32768), Pixels(UTM, "int16")),
    raster("tif-int32", "GeoTIFF of 32 bits", tiff(lambda: hills("int32") * 100000), Pixels(UTM, "int32")),
    raster("tif-float", "GeoTIFF of floats, nodata is no number", with_nodata("float32", float("nan")), Pixels(UTM, "float32")),
    raster("tif-double", "GeoTIFF of doubles with nodata", with_nodata("float64", -1e30), Pixels(UTM, "float64")),
    raster("tif-12-bands", "GeoTIFF of 12 bands, band by band", tiff(lambda: hills("uint16", 12), interleave="band"), Pixels(UTM, "uint16")),
    raster("tif-mask", "GeoTIFF with a mask", masked, Pixels(values=has_mask)),
    raster("tif-described", "GeoTIFF with unit, scale, offset and description", tiff(lambda: hills("int16"), after=described), Pixels(values=has_description)),
    raster("tif-tiled", "GeoTIFF in tiles, LZW, predictor", tiff(lambda: hills("uint16"), tiled=True, blockxsize=64, blockysize=64, compress="lzw", predictor=2)),
    raster("tif-jpeg", "GeoTIFF compressed as JPEG", tiff(lambda: hills(bands=3), compress="jpeg", photometric="ycbcr", tiled=True, blockxsize=128, blockysize=128), Pixels(within=10)),
    raster("tif-big", "BigTIFF", tiff(bigtiff="YES")),
    raster("tif-big-endian", "GeoTIFF, most significant byte first", tiff(lambda: hills("uint16"), endianness="big")),
    raster("tif-rotated", "GeoTIFF that is turned", tiff(transform=Affine(20, 10, 500000, 10, -20, 5800000)), Pixels(UTM)),
    raster("tif-south-up", "GeoTIFF whose first row is the southernmost", tiff(transform=Affine(30, 0, 500000, 0, 30, 5791600)), Pixels(UTM)),
    raster("tif-gcps", "GeoTIFF with control points only, a recipe that does not warp", control_points, Refused("file.format", ("4 ground control points", "warp step"))),
    raster("tif-one-pixel", "GeoTIFF of one pixel", tiff(lambda: hills()[:, :1, :1])),
    raster("tif-feet", "GeoTIFF in US survey feet", tiff(crs="EPSG:2263", transform=from_origin(980000, 200000, 10, 10)), Pixels("EPSG:2263")),
    raster("tif-own-crs", "GeoTIFF in a system without a code", tiff(crs="+proj=laea +lat_0=47 +lon_0=11 +ellps=bessel +units=m", transform=from_origin(0, 0, 30, 30))),
    raster("tif-dateline", "GeoTIFF from 0 to 360 degrees", tiff(lambda: hills("float32", size=360)[:, :180, :], crs="EPSG:4326", transform=from_origin(0, 90, 1, 1))),
    raster("tif-undeclared", "GeoTIFF beside overviews, a mask and metadata that were not declared", undeclared, Pixels(UTM, "uint8")),
    raster("tif-no-crs", "GeoTIFF without a system", tiff(crs=None), Refused("crs.missing", ("neither", 'add "crs"'))),
    raster("tif-crs-said", "the same, the manifest says the system", tiff(crs=None), Pixels(UTM), entry={"crs": UTM}),
    raster("tif-crs-conflict", "file and manifest disagree", tiff(), Refused("crs.mismatch", ("crs_policy",)), entry={"crs": "EPSG:4326"}),
    raster("geoid", "EGM96 geoid heights on a grid of 15 minutes", geoid, Pixels(dtype="float32"), origin=GEOID),
    raster("asc", "ESRI ASCII grid with .prj", ascii_grid(), Pixels(UTM), entry={"sidecars": ["grid.prj"]}),
    raster("asc-no-crs", "ESRI ASCII grid without .prj", ascii_grid(False), Refused("crs.missing", ('add "crs"',))),
    raster("png", "PNG with a world file", plain("PNG", "map.png", "map.pgw"), Pixels(UTM, "uint8"), entry={"crs": UTM, "sidecars": ["map.pgw"]}),
    raster("jpeg", "JPEG with a world file", plain("JPEG", "photo.jpg", "photo.jgw", lambda: hills(bands=3)), Pixels(UTM, within=10), entry={"crs": UTM, "sidecars": ["photo.jgw"]}),
    raster("jp2", "JPEG 2000, without loss", tiff(name="scene.jp2", driver="JP2OpenJPEG", quality="100", reversible="YES"), Pixels(UTM)),
    raster("img", "ERDAS Imagine", tiff(lambda: hills("uint16"), name="scene.img", driver="HFA"), Pixels(UTM)),
    raster("png-no-place", "PNG without a place", tiff(name="map.png", driver="PNG", crs=None, transform=None), Refused("crs.missing", ('add "crs"',))),
    raster("cut-tif", "GeoTIFF, 60 % of it", cut(tiff(lambda: hills(bands=3)), 0.6), Refused("file.truncated", ("again",))),
    raster("cut-png", "PNG, 60 % of it", cut(plain("PNG", "map.png", "map.pgw"), 0.6), Refused("file.damaged", ("cannot all be read", "again")), entry={"crs": UTM}),
    raster("huge", "GeoTIFF of 200 bytes that promises 4 terapixels", huge, Refused("limit", ("pixels",)), entry={"crs": UTM}),
    raster("tif-vrt", "a VRT that names another file, called .tif", reads_other, Refused("file.format", ("not a GTiff", "declare the format")), entry={"crs": UTM}),
    raster("tif-of-text", "text called .tif", lambda _: {"x.tif": b"hello"}, Refused("file.format", ("not a GTiff", "declare the format")), entry={"crs": UTM}),
]
