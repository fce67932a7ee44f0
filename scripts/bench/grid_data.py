# SPDX-License-Identifier: Apache-2.0
"""Fields of a global model, made once with a fixed seed in .cache/bench."""

import sys
from pathlib import Path

from common import DATA

ROWS, COLUMNS = 721, 1440
POINTS = ROWS * COLUMNS


def grib(day: int, messages: int) -> Path:
    """Hourly fields of one day in March 2025 on a 0.25 degree grid, packed in 16 bits as a centre would send them."""
    path = DATA / f"global-{messages}-{day}.grib2"
    if path.exists():
        return path
    import eccodes
    import numpy as np

    DATA.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    noise = np.random.default_rng(11 + day)
    lat, lon = np.linspace(90, -90, ROWS)[:, None], np.arange(COLUMNS)[None, :] * 0.25
    with part.open("wb") as out:
        for hour in range(messages):
            handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
            for key, value in {"Ni": COLUMNS, "Nj": ROWS, "latitudeOfFirstGridPointInDegrees": 90, "longitudeOfFirstGridPointInDegrees": 0,
                               "latitudeOfLastGridPointInDegrees": -90, "longitudeOfLastGridPointInDegrees": 359.75,
                               "iDirectionIncrementInDegrees": 0.25, "jDirectionIncrementInDegrees": 0.25, "dataDate": 20250300 + day,
                               "dataTime": hour % 24 * 100, "stepRange": hour // 24 * 24, "bitsPerValue": 16, "shortName": "2t"}.items():
                eccodes.codes_set(handle, key, value)
            field = 250 + 45 * np.cos(np.radians(lat)) + 6 * np.sin(np.radians(3 * lon + 15 * hour)) * np.cos(np.radians(lat))
            eccodes.codes_set_values(handle, (field + noise.normal(0, 0.8, field.shape)).ravel())
            eccodes.codes_write(handle, out)
            eccodes.codes_release(handle)
    part.rename(path)
    return path


def reduced(number: int) -> Path:
    """One field on the classical reduced Gaussian grid of that number (1280: 8.5 million points)."""
    path = DATA / f"reduced-{number}.grib2"
    if path.exists():
        return path
    import eccodes
    import numpy as np

    DATA.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    handle = eccodes.codes_grib_new_from_samples(f"reduced_gg_pl_{number}_grib2")
    counts = eccodes.codes_get_array(handle, "pl")
    for key, value in {"dataDate": 20250311, "bitsPerValue": 16, "shortName": "t"}.items():
        eccodes.codes_set(handle, key, value)
    noise = np.random.default_rng(3)
    warm = np.repeat(np.sin(np.linspace(0, np.pi, len(counts))) * 20, counts)
    eccodes.codes_set_values(handle, 280 + warm + noise.normal(0, 1, len(warm)))
    with part.open("wb") as out:
        eccodes.codes_write(handle, out)
    eccodes.codes_release(handle)
    part.rename(path)
    return path


if __name__ == "__main__":  # a process of its own: Linux counts the memory of this one as its children's
    grib(int(sys.argv[2]), int(sys.argv[3])) if sys.argv[1] == "grib" else reduced(int(sys.argv[2]))
