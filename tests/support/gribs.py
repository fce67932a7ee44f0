# SPDX-License-Identifier: Apache-2.0
"""GRIB files made up by ecCodes, their values as ecCodes' own tools have them, and a NetCDF."""

import subprocess
from pathlib import Path

import eccodes
import netCDF4

SAMPLES = Path(subprocess.run(["codes_info", "-s"], capture_output=True, text=True).stdout.strip() or "/usr/share/eccodes/samples")


def message(sample: str = "regular_ll_sfc_grib2", values=None, **keys) -> bytes:
    """A sample with these keys and values, as ecCodes writes it."""
    handle = eccodes.codes_grib_new_from_samples(sample)
    try:
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        if values is not None:
            eccodes.codes_set_values(handle, list(map(float, values)))
        return eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)


def latlon(north, south, west, east, step, value, **keys) -> bytes:
    """A regular grid from the north, whose values value(lat, lon) gives."""
    rows, columns = round((north - south) / step) + 1, round((east - west) / step) + 1
    values = [value(north - r * step, west + c * step) for r in range(rows) for c in range(columns)]
    place = {"Ni": columns, "Nj": rows, "latitudeOfFirstGridPointInDegrees": north, "longitudeOfFirstGridPointInDegrees": west % 360,
             "latitudeOfLastGridPointInDegrees": south, "longitudeOfLastGridPointInDegrees": east % 360,
             "iDirectionIncrementInDegrees": step, "jDirectionIncrementInDegrees": step}
    return message("regular_ll_sfc_grib2", values, **place, bitsPerValue=24, **keys)


def points_of(path: Path, keys: str = "shortName,dataTime") -> list[tuple]:
    """By grib_get_data: the keys of each message, latitude, longitude in [-180, 180), value."""
    done = subprocess.run(["grib_get_data", "-F", "%.17g", "-p", keys, path], check=True, capture_output=True, text=True)
    rows = []
    for line in done.stdout.splitlines():
        cells = line.replace(",", " ").split()
        if not cells or cells[0].startswith("Lat"):
            continue
        lat, lon, value, *rest = cells
        lon = float(lon)
        rows.append((*rest, float(lat), lon - 360 if lon >= 180 else lon, float(value)))
    return rows


def netcdf(path: Path) -> None:
    """t2m at two hours of 2025-03-11 on four points, packed as reanalyses are."""
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        for name, values, units in (("time", [0, 1], "hours since 2025-03-11"), ("lat", [50.0, 49.0], "degrees_north"),
                                    ("lon", [359.0, 360.0], "degrees_east")):
            file.createDimension(name, 2)
            variable = file.createVariable(name, "f8", (name,))
            variable.units, variable[:] = units, values
        t = file.createVariable("t2m", "i2", ("time", "lat", "lon"), fill_value=-32767)
        t.units, t.scale_factor, t.add_offset = "K", 0.5, 280.0
        t[:] = [[[281, 282], [283, 284]], [[282, 283], [284, 285]]]
