# SPDX-License-Identifier: Apache-2.0
"""Grids that are damaged, hostile or no grids: one line that says what is wrong, the raw file kept, nothing to be seen."""

import ctypes
import ctypes.util
import json
import struct

import pytest

import gribs

ONE = gribs.message()
GARBAGE = bytes(range(200, 256)) * 9


def with_grid(columns: int, rows: int) -> bytes:
    """A message of edition 2 whose section 3 says that it has so many points."""
    data, at = bytearray(ONE), 16
    while data[at + 4] != 3:
        at += struct.unpack(">I", data[at:at + 4])[0]
    data[at + 30:at + 38] = struct.pack(">II", columns, rows)
    return bytes(data)


BAD = {
    "cut.grib2": (ONE[:100], "file.truncated", "it says that it has 179 bytes, but the file ends after 100"),
    "second-cut.grib2": (ONE + ONE[:100], "file.truncated", "message 1 at offset 179"),
    "garbage-between.grib2": (ONE + GARBAGE + ONE, "file.damaged", "504 bytes at offset 179 are no GRIB message"),
    "text.grib2": (b"no grid at all, but words\n" * 9, "file.format", '"text.grib2" has no GRIB message in it, it looks like text'),
    "page.grib2": (b"<html>503</html>", "file.format", "HTML or XML, as a server sends instead of a file"),
    "empty.grib2": (b"", "file.format", '"empty.grib2" is empty'),
    "edition.grib2": (ONE[:7] + b"\x03" + ONE[8:], "file.format", "edition 3, and there are 1 and 2"),
    "columns.grib2": (with_grid(2_000_000_000, 31), "file.damaged", "its grid of 2000000000 by 31 points is impossible"),
    "points.grib2": (with_grid(17, 31), "file.damaged", "its grid"),
    "text.nc": (b"no grid at all", "file.format", '"text.nc" is no NetCDF file'),
    "empty.nc": (b"", "file.format", '"empty.nc" is empty'),
    "cut.nc": (b"\x89HDF\r\n\x1a\n" + bytes(100), "file.damaged", '"cut.nc" cannot be read'),
}


@pytest.fixture(scope="module")
def told(home):
    """All of them, in one run; what each batch ended with."""
    for name, (content, _, _) in BAD.items():
        path = home.folder / name
        path.write_bytes(content)
        home.run("submit", "--intent", "ingest_grib", "--type", "grid", "--batch-id", name.replace(".", "-"), path)
    home.run("run", "--once", check=3)
    batches = json.loads(home.run("ledger", "find", "manifests", '{"status": "failed"}', "--json").out)
    return {b["batch_id"]: b for b in batches}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_one_line_and_the_raw_file_is_kept(home, told, name):
    _, code, said = BAD[name]
    batch = told[name.replace(".", "-")]
    error = batch["error"]
    assert error["code"] == code and said in error["message"], error
    assert len(error["message"].splitlines()) == 1 and str(home.path) not in error["message"]
    [run] = json.loads(home.run("ledger", "find", "runs", json.dumps({"batch_id": batch["batch_id"]}), "--json").out)
    assert (home.path / "store/raw-vault" / run["inputs"][0]["raw_key"]).read_bytes() == BAD[name][0]


def test_nothing_of_what_failed_is_to_be_seen(home, told):
    assert json.loads(home.run("grid", "fields", "--json").out) == []
    assert json.loads(home.run("asset", "list", "--json").out) == []


def test_what_is_whole_is_kept_where_the_recipe_says_so(home, told):
    path = home.folder / "some.grib2"
    path.write_bytes(ONE + GARBAGE + ONE + ONE[:100])
    home.run("submit", "--intent", "ingest_grib", "--type", "grid", "--batch-id", "some", "--param", "on_undecodable=skip", path)
    home.run("run", "--once")
    [run] = json.loads(home.run("ledger", "find", "runs", '{"batch_id": "some"}', "--json").out)
    assert run["status"] == "succeeded" and sum("was passed over" in w for w in run["warnings"]) == 2


SELECTING = """
apiVersion: sluice/v1
kind: Recipe
name: part
version: 1
intents: [part]
type: grid
engine: none
outputs:
  - grid: {variables: [t], levels: [500], members: [], area: [0, 0, 20, 60], every: 2}
"""


def test_what_a_selection_leaves_out_is_counted(home, told):
    (home.path / "recipes").mkdir(exist_ok=True)
    recipe = SELECTING.replace(", members: []", "")
    (home.path / "recipes/part.yaml").write_text(recipe)
    path = home.folder / "levels.grib2"
    path.write_bytes(b"".join(gribs.latlon(50, 40, 0, 30, 10, lambda lat, lon: lat, shortName="t", typeOfLevel="isobaricInhPa",
                                           level=level, dataDate=20250311, dataTime=hour, stepRange=0)
                              for level in (500, 850) for hour in (0, 600)))
    home.run("submit", "--intent", "part", "--type", "grid", "--batch-id", "part", path)
    home.run("run", "--once")
    [run] = json.loads(home.run("ledger", "find", "runs", '{"batch_id": "part"}', "--json").out)
    points = 2 * 4
    assert (run["rows_in"], run["rows_out"]) == (4 * points, 2 * 2)
    assert run["rows_dropped"] == {"not_selected": 4 * points - 4}
    assert any("2 of 4 fields were not selected" in w for w in run["warnings"])
    [asset] = json.loads(home.run("ledger", "find", "assets", '{"batch_id": "part"}', "--json").out)
    times = asset["stac"]["properties"]
    assert (times["datetime"], times["start_datetime"], times["end_datetime"]) == (None, "2025-03-11T00:00:00Z", "2025-03-11T06:00:00Z")


# -- NetCDF-4 that shows other files -------------------------------------------------------------------------------------

def hdf5() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("hdf5_serial") or "libhdf5_serial.so.103")
    for name in ("H5Fopen", "H5Pcreate", "H5Screate_simple", "H5Dcreate2", "H5Dopen2"):
        getattr(library, name).restype = ctypes.c_int64
    library.H5open()
    return library


def add_external_storage(library, file, secret) -> None:
    known = {name: ctypes.c_int64.in_dll(library, name).value for name in ("H5P_CLS_DATASET_CREATE_ID_g", "H5T_NATIVE_UCHAR_g")}
    properties = library.H5Pcreate(ctypes.c_int64(known["H5P_CLS_DATASET_CREATE_ID_g"]))
    assert library.H5Pset_external(ctypes.c_int64(properties), str(secret).encode(), ctypes.c_int64(0), ctypes.c_uint64(4)) >= 0
    space = library.H5Screate_simple(2, (ctypes.c_uint64 * 2)(2, 2), None)
    made = library.H5Dcreate2(ctypes.c_int64(file), b"stolen", ctypes.c_int64(known["H5T_NATIVE_UCHAR_g"]), ctypes.c_int64(space),
                              ctypes.c_int64(0), ctypes.c_int64(properties), ctypes.c_int64(0))
    assert made >= 0 and library.H5Dclose(ctypes.c_int64(made)) >= 0


def add_external_link(library, file, secret) -> None:
    assert library.H5Lcreate_external(str(secret).encode(), b"/t2m", ctypes.c_int64(file), b"stolen", ctypes.c_int64(0), ctypes.c_int64(0)) >= 0


@pytest.mark.parametrize("add", [add_external_storage, add_external_link], ids=["storage", "link"])
def test_a_netcdf_that_shows_another_file_is_refused(home, tmp_path, add):
    secret, path, batch = tmp_path / "secret", tmp_path / "evil.nc", add.__name__.replace("_", "-")
    secret.write_bytes(b"\x01\x02\x03\x04")
    gribs.netcdf(path)
    library = hdf5()
    file = library.H5Fopen(str(path).encode(), 1, ctypes.c_int64(0))
    assert file >= 0
    add(library, file, secret)
    assert library.H5Fclose(ctypes.c_int64(file)) >= 0
    home.run("submit", "--intent", "ingest_netcdf", "--type", "grid", "--batch-id", batch, path)
    home.run("run", "--once", check=3)
    [manifest] = json.loads(home.run("ledger", "find", "manifests", json.dumps({"batch_id": batch}), "--json").out)
    assert manifest["error"]["code"] == "file.format" and f'is in another file, "{secret}"' in manifest["error"]["message"]
    assert home.run("grid", "info", path, check=3).err.count("another file") == 1


def test_messages_beyond_two_gigabytes_are_found(home, tmp_path):
    path = tmp_path / "large.grib2"
    with path.open("wb") as file:
        file.write(ONE)
        file.seek((1 << 31) + 5)
        file.write(ONE)
    found = json.loads(home.run("grid", "info", path, "--json").out)
    assert [f["offset"] for f in found["fields"]] == [0, (1 << 31) + 5] and found["problems"] == []
