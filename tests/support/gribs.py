# SPDX-License-Identifier: Apache-2.0
"""GRIB files made up by ecCodes, and their values as ecCodes' own tools have them."""

import subprocess
from pathlib import Path

import eccodes

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
