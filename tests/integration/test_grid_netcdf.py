# SPDX-License-Identifier: Apache-2.0
"""NetCDF fields as the reader gives them, beside what netCDF4 and xarray read."""

import netCDF4
import numpy as np
import pyproj
import pytest

from grid_dump import GridDump

READER = GridDump("NetCDF")
run, dump, refusal = READER.run, READER.dump, READER.refusal


def seconds(text):
    return int(np.datetime64(text, "s").astype(int))


def wrapped(lon):
    return (np.asarray(lon, float) + 180) % 360 - 180


def axis(ds, name, values, kind="f4", dims=None, **attributes):
    if dims is None:
        ds.createDimension(name, len(values))
        dims = (name,)
    variable = ds.createVariable(name, kind, dims)
    variable[:] = values
    variable.setncatts(attributes)
    return variable


def latlon(ds, lats, lons):
    axis(ds, "latitude", lats, units="degrees_north", standard_name="latitude")
    axis(ds, "longitude", lons, units="degrees_east", standard_name="longitude")


@pytest.fixture
def era(tmp_path):
    """As the climate data store gives it: packed shorts, descending latitudes, 0…360, hours since 1900, levels, members."""
    path = tmp_path / "era.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_OFFSET") as ds:
        latlon(ds, np.arange(90, -91, -7.5), np.arange(0, 360, 7.5))
        axis(ds, "number", [0, 1, 2], "i4", long_name="ensemble_member")
        axis(ds, "level", [500, 850], "i4", units="millibars", long_name="pressure_level")
        axis(ds, "time", [1051896, 1051899], "i4", units="hours since 1900-01-01 00:00:00.0", calendar="gregorian")
        t = ds.createVariable("t", "i2", ("time", "number", "level", "latitude", "longitude"), fill_value=-32767)
        t.setncatts({"scale_factor": 0.0017181, "add_offset": 262.3, "missing_value": np.int16(-32767), "units": "K",
                     "long_name": "Temperature", "standard_name": "air_temperature"})
        t.set_auto_scale(False)
        raw = np.random.default_rng(3).integers(-32000, 32000, t.shape).astype("i2")
        raw[0, 1, 0, 3, 5:9] = -32767
        t[:] = raw
    return path


def test_packed_shorts_with_levels_members_and_times(era):
    fields, rows = dump(era)
    with netCDF4.Dataset(era) as ds:
        t = ds["t"]
        t.set_auto_scale(False)
        t.set_auto_mask(False)
        raw = t[:].astype(float)
        places = np.meshgrid(ds["latitude"][:].astype(float), ds["longitude"][:].astype(float), indexing="ij")
        expected = np.where(raw == -32767, np.nan, raw * t.scale_factor + t.add_offset).reshape(12, -1)
    assert len(fields) == 12
    for i, (field, row) in enumerate(zip(fields, rows)):
        assert np.array_equal(row[:, 2], expected[i], equal_nan=True)
        assert np.array_equal(row[:, 0], places[0].ravel()) and np.array_equal(row[:, 1], wrapped(places[1].ravel()))
        assert field["member"] == i // 2 % 3 and field["level"] == (500, 850)[i % 2] and field["level_type"] == "isobaricInhPa"
        assert field["valid"] == field["reference"] == seconds("2020-01-01T00") + 3 * 3600 * (i // 6)
        assert (field["variable"], field["units"], field["grid"]) == ("t", "K", "regular_ll")
        assert (field["rows"], field["columns"], field["dx"], field["dy"]) == (25, 48, 7.5, 7.5)
    assert [f["missing"] for f in fields] == [0, 0, 4] + [0] * 9
    assert [f["index"] for f in dump(era, "levels=850", "members=1,2")[0]] == [3, 5, 9, 11]


def test_area_and_every_nth(era):
    _, (all_rows, *_) = dump(era)
    _, (rows, *_) = dump(era, "area=170,-20,-170,20")
    keep = (np.abs(all_rows[:, 0]) <= 20) & ((all_rows[:, 1] >= 170) | (all_rows[:, 1] <= -170))
    assert np.array_equal(rows, all_rows[keep]) and len(rows)
    _, (rows, *_) = dump(era, "every=4")
    assert np.array_equal(rows, all_rows.reshape(25, 48, 3)[::4, ::4].reshape(-1, 3))


def test_reference_time_with_leads_and_a_scalar_height(tmp_path):
    path = tmp_path / "forecast.nc"
    with netCDF4.Dataset(path, "w") as ds:
        latlon(ds, [50, 51, 53], [9, 10])
        axis(ds, "reftime", [20000.5], "f8", units="days since 1970-01-01", standard_name="forecast_reference_time")
        axis(ds, "leadtime", [0, 6, 30], "f8", units="hours", standard_name="forecast_period")
        axis(ds, "height", 2.0, "f8", (), units="m", standard_name="height", positive="up")
        v = ds.createVariable("tas", "f4", ("longitude", "leadtime", "latitude", "reftime"))
        v[:] = np.arange(18).reshape(2, 3, 3, 1)
        v.setncatts({"units": "K", "coordinates": "height"})
    fields, rows = dump(path)
    assert [f["to"] for f in fields] == [0, 6 * 3600, 30 * 3600] == [f["from"] for f in fields]
    assert {f["reference"] for f in fields} == {20000 * 86400 + 43200}
    assert {(f["level_type"], f["level"], f["grid"]) for f in fields} == {("heightAboveGround", 2.0, "axes")}
    assert rows[1][:, 2].tolist() == [3, 12, 4, 13, 5, 14]
    assert rows[0][:, :2].tolist() == [[50, 9], [50, 10], [51, 9], [51, 10], [53, 9], [53, 10]]
    assert [f["index"] for f in dump(path, "steps=21600")[0]] == [1]


@pytest.mark.parametrize("method,kind", [("mean", "avg"), ("sum", "accum"), ("maximum", "max"), ("minimum", "min")])
def test_bounds_and_cell_methods_are_ranges(tmp_path, method, kind):
    path = tmp_path / "range.nc"
    with netCDF4.Dataset(path, "w") as ds:
        latlon(ds, [0, 1], [0, 1])
        ds.createDimension("bnds", 2)
        axis(ds, "time", [0.5, 1.5], "f8", units="days since 2020-01-01", bounds="time_bnds")
        axis(ds, "time_bnds", [[0, 1], [1, 2]], "f8", ("time", "bnds"))
        v = ds.createVariable("pr", "f4", ("time", "latitude", "longitude"))
        v[:] = 1
        v.cell_methods = f"area: mean time: {method} (interval: 1 hour)"
    fields, _ = dump(path)
    day = 86400
    assert [(f["reference"], f["valid"], f["from"], f["to"], f["step_type"]) for f in fields] == \
        [(seconds("2020-01-01") + i * day, seconds("2020-01-02") + i * day, 0, day, kind) for i in (0, 1)]


def test_missing_values_ranges_defaults_and_unsigned(tmp_path):
    path = tmp_path / "missing.nc"
    with netCDF4.Dataset(path, "w") as ds:
        latlon(ds, [0], [0, 1, 2, 3, 4])
        axis(ds, "time", [0], "f8", units="hours since 2020-01-01")
        dims = ("time", "latitude", "longitude")

        def put(name, kind, values, **attributes):
            v = ds.createVariable(name, kind, dims, fill_value=attributes.pop("fill", None))
            v.set_auto_maskandscale(False)
            v.setncatts(attributes)
            v[:] = np.array(values, kind).reshape(1, 1, 5)
        put("a", "f4", [1, netCDF4.default_fillvals["f4"], np.nan, np.inf, -5])
        put("b", "i2", [-1, 0, 10, 11, -32767], valid_range=np.array([0, 10], "i2"), scale_factor=0.5)
        put("c", "i2", [-1, 5, -32768, 7, 3], _Unsigned="true", fill=3)
        put("d", "f8", [-99, -999, 1, 2, 3], missing_value=np.array([-99.0, -999.0]))
        put("e", "f4", [1, 2, 3, 4, 5], valid_min=np.float32(2), valid_max=np.float32(4))
    fields, rows = dump(path)
    n = np.nan
    expected = {"a": [1, n, n, n, -5], "b": [n, 0, 5, n, n], "c": [65535, 5, 32768, 7, n], "d": [n, n, 1, 2, 3], "e": [n, 2, 3, 4, n]}
    assert [f["variable"] for f in fields] == list(expected)
    for field, row in zip(fields, rows):
        assert np.array_equal(row[:, 2], expected[field["variable"]], equal_nan=True), field["variable"]


def test_two_dimensional_coordinates_and_points_without_a_place(tmp_path):
    path = tmp_path / "curved.nc"
    lat = np.add.outer(np.linspace(40, 60, 6), np.linspace(0, 2, 5))
    lon = np.add.outer(np.linspace(175, 178, 6), np.linspace(0, 8, 5))
    with netCDF4.Dataset(path, "w") as ds:
        ds.createDimension("y", 6)
        ds.createDimension("x", 5)
        axis(ds, "time", [0], "f8", units="seconds since 2020-01-01")
        hole = np.ma.masked_where(np.arange(30).reshape(6, 5) == 7, lat)
        for name, values, units in (("nav_lat", hole, "degrees_north"), ("nav_lon", lon, "degrees_east")):
            v = ds.createVariable(name, "f8", ("y", "x"), fill_value=-1e30)
            v[:] = values
            v.units = units
        v = ds.createVariable("sst", "f4", ("time", "y", "x"))
        v[:] = np.arange(30).reshape(1, 6, 5)
        v.coordinates = "time nav_lat nav_lon"
    (field,), (rows,) = dump(path)
    keep = np.arange(30) != 7
    assert field["grid"] == "curvilinear" and field["n"] == 29
    assert np.array_equal(rows[:, 2], np.arange(30)[keep])
    np.testing.assert_allclose(rows[:, :2], np.c_[lat.ravel(), wrapped(lon.ravel())][keep], atol=1e-12)


def test_projected_axes_have_the_places_that_proj_says(tmp_path):
    path = tmp_path / "lambert.nc"
    xs, ys = np.arange(-300, 301, 100.0), np.arange(400, -401, -100.0)
    with netCDF4.Dataset(path, "w") as ds:
        axis(ds, "x", xs, "f8", units="km", standard_name="projection_x_coordinate")
        axis(ds, "y", ys, "f8", units="km", standard_name="projection_y_coordinate")
        axis(ds, "time", [0], "f8", units="seconds since 2020-01-01")
        crs = ds.createVariable("crs", "i4")
        crs.setncatts({"grid_mapping_name": "lambert_conformal_conic", "standard_parallel": [30.0, 60.0],
                       "longitude_of_central_meridian": 10.0, "latitude_of_projection_origin": 50.0,
                       "false_easting": 0.0, "false_northing": 0.0, "semi_major_axis": 6378137.0,
                       "inverse_flattening": 298.257223563})
        v = ds.createVariable("t2m", "f4", ("time", "y", "x"))
        v[:] = np.arange(63).reshape(1, 9, 7)
        v.grid_mapping = "crs"
    (field,), (rows,) = dump(path)
    gx, gy = np.meshgrid(xs * 1000, ys * 1000)
    proj = pyproj.Proj("+proj=lcc +lat_1=30 +lat_2=60 +lat_0=50 +lon_0=10 +ellps=WGS84")
    lon, lat = proj(gx.ravel(), gy.ravel(), inverse=True)
    np.testing.assert_allclose(rows[:, :2], np.c_[lat, lon], atol=1e-6)
    assert np.array_equal(rows[:, 2], np.arange(63)) and field["dx"] == field["dy"] == 100000 and field["projjson"]


def test_dimensions_without_a_meaning_are_told_in_the_variable(tmp_path):
    path = tmp_path / "bands.nc"
    with netCDF4.Dataset(path, "w") as ds:
        latlon(ds, [0, 1], [0, 1])
        axis(ds, "time", [0], "f8", units="hours since 2020-01-01")
        axis(ds, "wavelength", [550.0, 865.0], "f8", units="nm")
        ds.createVariable("aod", "f4", ("time", "wavelength", "latitude", "longitude"))[:] = 1
        ds.createVariable("series", "f4", ("time",))[:] = 1
    fields, _ = dump(path)
    assert [f["variable"] for f in fields] == ["aod[wavelength=550]", "aod[wavelength=865]"]
    assert len(dump(path, "variables=aod")[0]) == 2


def test_other_calendars_and_what_is_no_grid_are_one_line(tmp_path):
    path = tmp_path / "model.nc"
    with netCDF4.Dataset(path, "w") as ds:
        latlon(ds, [0, 1], [0, 1])
        axis(ds, "time", [0], "f8", units="days since 2020-01-01", calendar="360_day")
        ds.createVariable("v", "f4", ("time", "latitude", "longitude"))[:] = 1
    assert refusal(path) == ('file.format: field 0, of variable "v": its times are in the calendar "360_day", whose days are not '
                             'those of UTC')
    with netCDF4.Dataset(tmp_path / "table.nc", "w") as ds:
        axis(ds, "station", [1, 2])
    assert "has no variable with places" in refusal(tmp_path / "table.nc")
    (tmp_path / "grib.nc").write_bytes(b"GRIB" + bytes(100))
    assert refusal(tmp_path / "grib.nc").endswith("is no NetCDF file, it looks like GRIB")
    (tmp_path / "empty.nc").write_bytes(b"")
    assert refusal(tmp_path / "empty.nc").endswith("is empty")
    assert refusal(tmp_path).endswith("is no file that can be read")


def test_a_truncated_file_is_damaged(era, tmp_path):
    path = tmp_path / "cut.nc"
    for keep in (10, 200, 1000):
        path.write_bytes(era.read_bytes()[:keep])
        assert refusal(path).startswith("file."), keep
    whole = tmp_path / "four.nc"
    with netCDF4.Dataset(whole, "w") as ds:
        latlon(ds, np.arange(0, 50), np.arange(0, 50))
        axis(ds, "time", [0], "f8", units="hours since 2020-01-01")
        ds.createVariable("v", "f8", ("time", "latitude", "longitude"))[:] = np.random.default_rng(1).random((1, 50, 50))
    path.write_bytes(whole.read_bytes()[:-9000])
    assert refusal(path).startswith("file.")
