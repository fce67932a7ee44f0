# SPDX-License-Identifier: Apache-2.0
"""GRIB fields as the reader gives them, beside what ecCodes' own tools and its Python package read."""
import json
import random
import subprocess

import eccodes
import numpy as np
import pytest

from grid_dump import GridDump

READER = GridDump("GRIB")
run, dump, refusal = READER.run, READER.dump, READER.refusal


GAUSSIAN_1 = {"regular_gg_sfc_grib1": 8192, "reduced_gg_pl_32_grib1": 6114, "reduced_gg_pl_48_grib1": 13280}  # counted from data only


def message(sample, values=None, **keys):
    handle = eccodes.codes_grib_new_from_samples(sample)
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    if values is not None:
        n = eccodes.codes_get(handle, "numberOfDataPoints") or GAUSSIAN_1[sample]
        eccodes.codes_set_values(handle, values(n) if callable(values) else values)
    data = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return data


def waves(n):
    return 273.15 + 20 * np.sin(np.arange(n) / 17) + np.arange(n) % 11


def write(tmp_path, *messages, name="a.grib"):
    path = tmp_path / name
    path.write_bytes(b"".join(messages))
    return path


def wrapped(lon):
    return (np.asarray(lon, float) + 180) % 360 - 180


def decoded(data):
    """Values by ecCodes' Python package, NaN where there is none."""
    handle = eccodes.codes_new_from_message(data)
    eccodes.codes_set(handle, "missingValue", -1e300)
    values = eccodes.codes_get_values(handle)
    eccodes.codes_release(handle)
    return np.where(values == -1e300, np.nan, values)


def grib_get_data(path):
    """Latitude, longitude, value of one message by ecCodes' program, which leaves missing ones out."""
    done = subprocess.run(["grib_get_data", "-F", "%.17g", "-L", "%.9f %.9f", path], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines() if not line.startswith("Lat")]
    return np.array(lines, float).reshape(-1, 3)


def assert_same_places(ours, theirs, ordered=True):
    if not ordered:
        ours, theirs = (a[np.lexsort((wrapped(a[:, 1] + 1e-4), a[:, 0].round(4), a[:, 2].round(6)))] for a in (ours, theirs))
    assert len(ours) == len(theirs)
    assert np.abs(ours[:, 0] - theirs[:, 0]).max() < 1e-6
    apart = np.abs(ours[:, 1] - theirs[:, 1]) % 360
    assert np.minimum(apart, 360 - apart).max() < 1e-6
    assert (ours[:, 1] >= -180).all() and (ours[:, 1] < 180).all()
    np.testing.assert_allclose(ours[:, 2], theirs[:, 2], rtol=1e-14)


LAMBERT = {"gridType": "lambert", "Nx": 40, "Ny": 30, "numberOfDataPoints": 1200, "latitudeOfFirstGridPoint": 40000000, "longitudeOfFirstGridPoint": 350000000,
           "LaD": 50000000, "LoV": 8000000, "DxInMetres": 30000, "DyInMetres": 30000, "Latin1": 45000000, "Latin2": 55000000,
           "latitudeOfSouthernPole": -90000000, "longitudeOfSouthernPole": 0, "shapeOfTheEarth": 6}
MERCATOR = {"gridType": "mercator", "Ni": 40, "Nj": 30, "numberOfDataPoints": 1200, "latitudeOfFirstGridPoint": 10000000, "longitudeOfFirstGridPoint": 350000000,
            "latitudeOfLastGridPoint": 30000000, "longitudeOfLastGridPoint": 20000000, "LaD": 20000000,
            "DiInMetres": 80000, "DjInMetres": 80000, "shapeOfTheEarth": 6}
PROJECTED = ("polar_stereographic", "lambert", "mercator")  # of these grib_get_data turns rows that scan down
GRIDS = {
    "regular_ll-1": ("regular_ll_sfc_grib1", {}), "regular_ll-2": ("regular_ll_sfc_grib2", {}),
    "regular_gg-1": ("regular_gg_sfc_grib1", {}), "regular_gg-2": ("regular_gg_sfc_grib2", {}),
    "reduced_gg-1": ("reduced_gg_pl_32_grib1", {}), "reduced_gg-2": ("reduced_gg_pl_48_grib2", {}),
    "reduced_ll-1": ("reduced_ll_sfc_grib1", {}), "reduced_ll-2": ("reduced_ll_sfc_grib2", {}),
    "rotated_ll-1": ("rotated_ll_sfc_grib1", {}), "rotated_ll-2": ("rotated_ll_sfc_grib2", {}),
    "rotated_gg-2": ("rotated_gg_ml_grib2", {}),
    "reduced_rotated_gg-2": ("reduced_rotated_gg_pl_32_grib2", {}),
    "polar_stereographic-1": ("polar_stereographic_sfc_grib1", {}), "polar_stereographic-2": ("polar_stereographic_sfc_grib2", {}),
    "lambert-2": ("GRIB2", LAMBERT), "mercator-2": ("GRIB2", MERCATOR),
}


@pytest.mark.parametrize("grid", GRIDS)
def test_places_and_values_are_those_of_grib_get_data(tmp_path, grid):
    sample, keys = GRIDS[grid]
    data = message(sample, waves, bitsPerValue=20, **keys)
    path = write(tmp_path, data)
    (field,), (rows,) = dump(path)
    assert field["grid"] == grid.split("-")[0] and field["edition"] == int(grid[-1])
    assert_same_places(rows, grib_get_data(path), ordered=grid.split("-")[0] not in PROJECTED)
    values = decoded(data)
    assert np.array_equal(rows[:, 2], values) and rows[:, 2].sum() == values.sum()


@pytest.mark.parametrize("mode", range(8))
@pytest.mark.parametrize("sample", ["regular_ll_sfc_grib1", "regular_ll_sfc_grib2", "regular_gg_sfc_grib2", "rotated_ll_sfc_grib2",
                                    "polar_stereographic_sfc_grib2"])
def test_every_scanning_mode_has_the_places_of_grib_get_data(tmp_path, sample, mode):
    keys = {"iScansNegatively": mode & 1, "jScansPositively": mode >> 1 & 1, "jPointsAreConsecutive": mode >> 2}
    if "_ll_" in sample and mode >> 1 & 1:
        keys.update(latitudeOfFirstGridPointInDegrees=0, latitudeOfLastGridPointInDegrees=60)
    if "_ll_" in sample and mode & 1:
        keys.update(longitudeOfFirstGridPointInDegrees=30, longitudeOfLastGridPointInDegrees=0)
    path = write(tmp_path, message(sample, waves, bitsPerValue=24, **keys))
    _, (rows,) = dump(path)
    assert_same_places(rows, grib_get_data(path), ordered=not sample.startswith("polar"))


@pytest.mark.parametrize("by_column", [0, 1])
@pytest.mark.parametrize("sample", ["regular_ll_sfc_grib2", "rotated_ll_sfc_grib2"])
def test_rows_that_run_to_and_fro_are_those_of_the_straight_message(tmp_path, sample, by_column):
    ni, nj = 16, 31
    straight = waves(ni * nj).reshape((ni, nj) if by_column else (nj, ni))
    turning = straight.copy()
    turning[1::2] = turning[1::2, ::-1]
    keys = {"bitsPerValue": 24, "jPointsAreConsecutive": by_column}
    _, (one,) = dump(write(tmp_path, message(sample, straight.ravel(), **keys), name="straight"))
    _, (two,) = dump(write(tmp_path, message(sample, turning.ravel(), alternativeRowScanning=1, **keys), name="turning"))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("sample", ["regular_ll_sfc_grib1", "regular_ll_sfc_grib2"])
def test_missing_is_what_the_bitmap_says_and_not_what_has_the_number_for_it(tmp_path, sample):
    def values(n):
        v = np.full(n, 9999.0)
        v[::2] = np.arange((n + 1) // 2)
        v[::7] = -5.0
        return v
    data = message(sample, values, bitmapPresent=1, missingValue=-5.0, bitsPerValue=24)
    path = write(tmp_path, data)
    (field,), (rows,) = dump(path)
    expected = decoded(data)
    assert field["missing"] == np.isnan(expected).sum() == len(expected[::7])
    assert np.array_equal(rows[:, 2], expected, equal_nan=True)
    assert (np.abs(expected - 9999) < 1).sum() > 100
    assert_same_places(rows[~np.isnan(rows[:, 2])], grib_get_data(path))


@pytest.mark.parametrize("packing", ["grid_ieee", "grid_second_order", "grid_jpeg", "grid_ccsds", "grid_png", "grid_complex"])
def test_packings_decode_to_the_last_bit(tmp_path, packing):
    try:
        data = message("regular_ll_sfc_grib2", waves, bitsPerValue=16, packingType=packing)
    except eccodes.CodesInternalError as missing:
        pytest.skip(f"eccodes cannot write {packing}: {missing}")
    _, (rows,) = dump(write(tmp_path, data))
    tool = subprocess.run(["grib_get_data", "-F", "%.17g", tmp_path / "a.grib"], capture_output=True, text=True, check=True)
    assert np.array_equal(rows[:, 2], np.array([line.split()[2] for line in tool.stdout.splitlines()[1:]], float))


def test_longitudes_over_greenwich_and_the_antimeridian(tmp_path):
    keys = {"longitudeOfFirstGridPointInDegrees": 345, "longitudeOfLastGridPointInDegrees": 15}
    path = write(tmp_path, message("regular_ll_sfc_grib2", waves, **keys))
    (field,), (rows,) = dump(path)
    assert rows[:16, 1].tolist() == list(range(-15, 16, 2)) and field["dx"] == 2
    assert_same_places(rows, grib_get_data(path))
    keys = {"longitudeOfFirstGridPointInDegrees": 170, "longitudeOfLastGridPointInDegrees": 200}
    path = write(tmp_path, message("regular_ll_sfc_grib2", waves, **keys))
    _, (rows,) = dump(path)
    assert rows[:16, 1].tolist() == [170, 172, 174, 176, 178, -180, -178, -176, -174, -172, -170, -168, -166, -164, -162, -160]
    _, (few,) = dump(path, "area=175,10,-175,20")
    assert sorted(set(few[:, 1])) == [-180, -178, -176, 176, 178] and few[:, 0].min() == 10 and few[:, 0].max() == 20
    assert all(tuple(row) in {tuple(r) for r in rows} for row in few)


@pytest.mark.parametrize("sample", ["regular_ll_sfc_grib2", "reduced_gg_pl_32_grib2", "polar_stereographic_sfc_grib2"])
def test_every_nth_point(tmp_path, sample):
    path = write(tmp_path, message(sample, waves))
    (all_field,), (rows,) = dump(path)
    (field,), (few,) = dump(path, "every=3")
    if sample.startswith("reduced"):
        expected = rows[::3]
    else:
        expected = rows.reshape(-1, 16, 3)[::3, ::3].reshape(-1, 3)
    assert np.array_equal(few, expected)
    assert field["grid_id"] != all_field["grid_id"]


def seconds(text):
    return int(np.datetime64(text, "s").astype(int))


STEPS = {
    "hours": ("regular_ll_sfc_grib2", {"stepRange": "6"}, 6 * 3600, 6 * 3600, "instant"),
    "minutes": ("regular_ll_sfc_grib2", {"indicatorOfUnitOfTimeRange": 0, "forecastTime": 15}, 900, 900, "instant"),
    "seconds": ("regular_ll_sfc_grib2", {"indicatorOfUnitOfTimeRange": 13, "forecastTime": 90}, 90, 90, "instant"),
    "three-hours": ("regular_ll_sfc_grib2", {"indicatorOfUnitOfTimeRange": 10, "forecastTime": 3}, 9 * 3600, 9 * 3600, "instant"),
    "minutes-1": ("regular_ll_sfc_grib1", {"indicatorOfUnitOfTimeRange": 0, "P1": 45}, 2700, 2700, "instant"),
    "accumulated": ("regular_ll_sfc_grib2", {"productDefinitionTemplateNumber": 8, "typeOfStatisticalProcessing": 1, "stepRange": "3-9"},
                    3 * 3600, 9 * 3600, "accum"),
    "averaged": ("regular_ll_sfc_grib2", {"productDefinitionTemplateNumber": 8, "typeOfStatisticalProcessing": 0, "stepRange": "0-24"},
                 0, 24 * 3600, "avg"),
    "greatest": ("regular_ll_sfc_grib1", {"stepType": "max", "stepRange": "6-12"}, 6 * 3600, 12 * 3600, "max"),
}


@pytest.mark.parametrize("step", STEPS)
def test_steps_and_ranges_are_seconds(tmp_path, step):
    sample, keys, first, last, kind = STEPS[step]
    (field,), _ = dump(write(tmp_path, message(sample, dataDate=20250311, dataTime=1230, **keys)))
    reference = seconds("2025-03-11T12:30:00")
    assert (field["reference"], field["valid"]) == (reference, reference + last)
    assert (field["from"], field["to"], field["step_type"]) == (first, last, kind)


def test_a_step_before_the_reference_time(tmp_path):
    data = message("regular_ll_sfc_grib2", dataDate=20250311, dataTime=0)
    handle = eccodes.codes_new_from_message(data)
    eccodes.codes_set(handle, "forecastTime", -3)
    (field,), _ = dump(write(tmp_path, eccodes.codes_get_message(handle)))
    assert field["from"] == field["to"] == -3 * 3600 and field["valid"] == seconds("2025-03-10T21:00")


def test_levels_layers_and_members(tmp_path):
    pl = {"typeOfLevel": "isobaricInhPa"}
    soil = {"typeOfFirstFixedSurface": 106, "scaleFactorOfFirstFixedSurface": 2, "scaledValueOfFirstFixedSurface": 7,
            "typeOfSecondFixedSurface": 106, "scaleFactorOfSecondFixedSurface": 2, "scaledValueOfSecondFixedSurface": 28}
    depth = {"typeOfFirstFixedSurface": 103, "scaleFactorOfFirstFixedSurface": 1, "scaledValueOfFirstFixedSurface": 15}
    ensemble = {"productDefinitionTemplateNumber": 1, "numberOfForecastsInEnsemble": 50}
    path = write(tmp_path, message("regular_ll_pl_grib2", **pl, level=850), message("regular_ll_pl_grib1", level=500),
                 message("regular_ll_sfc_grib2", **soil), message("regular_ll_sfc_grib2", **depth),
                 *(message("regular_ll_sfc_grib2", **ensemble, perturbationNumber=k) for k in (0, 7)))
    fields, _ = dump(path)
    assert [(f["level_type"], f["level"]) for f in fields[:2]] == [("isobaricInhPa", 850), ("isobaricInhPa", 500)]
    assert (fields[2]["top"], fields[2]["bottom"]) == (pytest.approx(0.07), pytest.approx(0.28))
    assert fields[3]["level"] == pytest.approx(1.5) and fields[3]["level_type"] == "heightAboveGround"
    assert [f["member"] for f in fields] == [-1, -1, -1, -1, 0, 7]
    assert [f["index"] for f in dump(path, "levels=850,1.5")[0]] == [0, 3]
    assert [f["index"] for f in dump(path, "members=7")[0]] == [5]
    assert [f["index"] for f in dump(path, "level_type=isobaricInhPa", "levels=500")[0]] == [1]
    offsets = subprocess.run(["grib_get", "-p", "offset", path], capture_output=True, text=True, check=True).stdout.split()
    assert [f["offset"] for f in fields] == [int(float(o)) for o in offsets]


def test_percentiles_of_one_variable_are_different_variables(tmp_path):
    keys = {"productDefinitionTemplateNumber": 6}
    path = write(tmp_path, *(message("regular_ll_sfc_grib2", **keys, percentileValue=p) for p in (10, 90)))
    fields, _ = dump(path)
    assert [f["variable"] for f in fields] == ["t[percentileValue=10]", "t[percentileValue=90]"]
    assert len(dump(path, "variables=t")[0]) == 2


def test_a_parameter_without_a_name_has_its_numbers(tmp_path):
    path = write(tmp_path, message("regular_ll_sfc_grib2", discipline=0, parameterCategory=19, parameterNumber=231),
                 message("regular_ll_sfc_grib2"))
    fields, _ = dump(path)
    assert fields[0]["variable"] == "0.19.231" and fields[0]["param"] == -1
    assert [f["variable"] for f in dump(path, "variables=130")[0]] == ["t"]


def test_many_fields_in_one_message_of_edition_2(tmp_path):
    def sections(data):
        at, out = 16, []
        while data[at:at + 4] != b"7777":
            n = int.from_bytes(data[at:at + 4], "big")
            out.append((data[at + 4], data[at:at + n]))
            at += n
        return out

    def hole(n):
        v = waves(n)
        v[:50] = -1e9
        return v
    one = message("regular_ll_sfc_grib2", hole, bitmapPresent=1, missingValue=-1e9, bitsPerValue=16)
    two = message("regular_ll_sfc_grib2", hole, bitmapPresent=1, missingValue=-1e9, bitsPerValue=12, forecastTime=6)
    first, second = sections(one), [s for s in sections(two) if s[0] >= 4]
    second = [(6, b"\0\0\0\6\6\xfe") if k == 6 else (k, s) for k, s in second]  # the bitmap before it
    body = b"".join(s for _, s in first + second) + b"7777"
    data = one[:8] + (16 + len(body)).to_bytes(8, "big") + body
    fields, rows = dump(write(tmp_path, data, message("regular_ll_sfc_grib1")))
    assert [(f["index"], f["offset"], f["to"]) for f in fields] == [(0, 0, 0), (1, 0, 6 * 3600), (2, len(data), 0)]
    assert np.array_equal(rows[0][:, 2], decoded(one), equal_nan=True)
    assert np.array_equal(rows[1][:, 2], decoded(two), equal_nan=True)


def test_grids_that_take_turns_in_a_file(tmp_path):
    names = ["regular_ll_sfc_grib1", "reduced_gg_pl_32_grib2", "rotated_ll_sfc_grib2", "regular_gg_sfc_grib1", "lambert", "reduced_gg_pl_48_grib1"]
    data = [message("GRIB2", waves, **LAMBERT) if n == "lambert" else message(n, waves) for n in names] * 3
    fields, rows = dump(write(tmp_path, *data))
    for i, d in enumerate(data):
        assert np.array_equal(rows[i][:, 2], decoded(d))
        assert np.array_equal(rows[i][:, :2], rows[i % len(names)][:, :2])
    assert len({f["grid_id"] for f in fields}) == len(names)


def test_headers_of_bulletins_and_padding_are_no_damage(tmp_path):
    one = message("regular_ll_sfc_grib2")
    heading, end = b"\1\r\r\n123\r\r\nHTXA85 ECMF 110000\r\r\n", b"\r\r\n\3" + bytes(3000)
    path = write(tmp_path, heading, one, end, one, b"\0" * 7)
    assert [f["offset"] for f in dump(path)[0]] == [len(heading), len(heading + one + end)]


def test_garbage_is_named_and_passed_over_when_asked(tmp_path):
    one = message("regular_ll_sfc_grib2", waves)
    junk = random.Random(5).randbytes(100_000).replace(b"GRIB", b"BIRG")
    path = write(tmp_path, junk, one, junk, one, junk[:300])
    assert refusal(path) == "file.damaged: 100000 bytes at offset 0 are no GRIB message"
    done = run(path, "skip")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2
    at = [f"{n} bytes at offset {o} are no GRIB message" for n, o in
          [(100000, 0), (100000, 100000 + len(one)), (300, 200000 + 2 * len(one))]]
    assert [line.split(" file.damaged ")[1] for line in done.stderr.splitlines()] == at


def set_bytes(data, at, new):
    return data[:at] + new + data[at + len(new):]


def test_damage_is_named_by_index_and_offset(tmp_path):
    one, old = message("regular_ll_sfc_grib2", waves), message("regular_ll_sfc_grib1", waves)
    n = len(one)
    grid = 16 + 21
    cases = {
        "truncated": (one[:-40], "file.truncated", f"it says that it has {n} bytes, but the file ends after {n - 40}"),
        "edition": (set_bytes(one, 7, b"\3"), "file.format", "it says that it is of edition 3, and there are 1 and 2"),
        "short": (set_bytes(one, 8, bytes(7) + b"\x10"), "file.damaged", "it says that it has 16 bytes, which is too few"),
        "huge": (set_bytes(one, 8, b"\x7f" * 8), "file.truncated", f"it says that it has {0x7f7f7f7f7f7f7f7f} bytes, but the "
                 f"file ends after {n}"),
        "no end": (one[:-4] + b"7778", "file.damaged", f"its length of {n} bytes does not lead to its end mark 7777"),
        "section": (set_bytes(one, 16, b"\0\x10\0\0"), "file.damaged", "its section 1 says that it has 1048576 bytes, which is "
                    "more than the message has left"),
        "Ni": (set_bytes(one, grid + 30, b"\x7f\xff\xff\xff"), "file.damaged", "its grid of 2147483647 by 31 points is impossible"),
        "count": (set_bytes(one, grid + 6, b"\x7f\xff\xff\xff"), "file.damaged", "its grid has 496 points by rows and columns, "
                  "and 2147483647 by its count"),
        "section of 1": (set_bytes(old, 8, b"\xff\xff\xff"), "file.damaged", "its section 1 says that it has 16777215 bytes, "
                         "which is more than the message has left"),
    }
    for name, (data, code, why) in cases.items():
        path = write(tmp_path, one, data)
        assert refusal(path) == f"{code}: message 1 at offset {n}: {why}", name
        done = run(write(tmp_path, one, data, one), "skip")
        assert done.returncode == 0, name
        assert [json.loads(line)["index"] for line in done.stdout.splitlines()] == [0, 2], name
        assert len(done.stderr.splitlines()) == 1, (name, done.stderr)


def test_spherical_harmonics_are_refused_with_a_hint(tmp_path):
    done = run(write(tmp_path, message("sh_ml_grib2")))
    assert 'spherical harmonics (gridType "sh")' in done.stderr and "hint: " in done.stderr


def test_what_is_no_grib_file_is_one_line(tmp_path):
    (tmp_path / "folder").mkdir()
    assert refusal(tmp_path / "folder").endswith('folder" is a folder and no file')
    assert refusal(write(tmp_path, b"")).startswith("file.format:") and refusal(write(tmp_path, b"")).endswith("is empty")
    assert refusal(write(tmp_path, b"CDF\1" + bytes(90))).endswith("has no GRIB message in it, it looks like NetCDF")
    assert refusal(write(tmp_path, b"GRI" + b"B" * 7)).startswith("file.")
    assert refusal(tmp_path / "none").startswith("file.missing: ")


def test_damaged_bytes_neither_crash_nor_print_what_is_not_ours(tmp_path):
    chance = random.Random(11)
    for sample in ("regular_ll_sfc_grib1", "regular_ll_sfc_grib2", "reduced_gg_pl_32_grib2", "polar_stereographic_sfc_grib1"):
        whole = message(sample, waves, bitsPerValue=8)
        for _ in range(15):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(8, min(len(data), 250))] = chance.randrange(256)
            done = run(write(tmp_path, bytes(data)))
            assert done.returncode in (0, 3), (done.returncode, done.stderr)
            assert not done.stderr or done.stderr.startswith("file.") or done.stderr.startswith("limit"), done.stderr
