# SPDX-License-Identifier: Apache-2.0
"""What is asked of grids, alike on ClickHouse and on the lake's Parquet: points, series, fields."""

import json
import math
import re

import psycopg
import pytest

import gribs
from home import Home
from services import ServiceHome  # noqa: F401  (the services fixture)

STORES = ("parquet", "clickhouse")
DAY, HOURS = "2025-03-11", 4


def place_value(hour: int, level: float = 0):
    return lambda lat, lon: 200 + 10 * hour + level / 100 + lat + 0.25 * abs(lon)


def forecast() -> bytes:
    """One variable for four hours on two levels, two members; another on a reduced grid; one around the globe."""
    parts = []
    for hour in range(HOURS):
        for level in (500, 850):
            parts.append(gribs.latlon(60, 40, 0, 30, 1, place_value(hour, level), shortName="t", typeOfLevel="isobaricInhPa",
                                      level=level, dataDate=20250311, dataTime=0, stepRange=hour))
    for member in (1, 2):
        parts.append(gribs.latlon(60, 40, 0, 30, 1, place_value(member), productDefinitionTemplateNumber=1, shortName="2t",
                                  number=member, numberOfForecastsInEnsemble=2, dataDate=20250311, dataTime=0, stepRange=0))
    parts.append(gribs.latlon(89, -89, -180, 178, 2, lambda lat, lon: lat, shortName="sp", dataDate=20250311, dataTime=0, stepRange=0))
    parts.append(gribs.message("reduced_gg_pl_32_grib2", shortName="z", dataDate=20250311, dataTime=0, stepRange=0))
    rotated = {"angleOfRotationInDegrees": 0, "latitudeOfSouthernPoleInDegrees": -40, "longitudeOfSouthernPoleInDegrees": 10}
    parts.append(gribs.message("rotated_ll_sfc_grib2", shortName="msl", dataDate=20250311, dataTime=0, stepRange=0, **rotated))
    return b"".join(parts)


@pytest.fixture(scope="module")
def homes(services, tmp_path_factory):
    """The same files on both stores; of one dataset two versions, the second of other hours."""
    folder, running = tmp_path_factory.mktemp("grids"), {}
    (folder / "forecast.grib2").write_bytes(forecast())
    (folder / "later.grib2").write_bytes(b"".join(
        gribs.latlon(60, 40, 0, 30, 1, place_value(hour, 500), shortName="t", typeOfLevel="isobaricInhPa", level=500,
                     dataDate=20250311, dataTime=0, stepRange=hour) for hour in (3, 4)))
    gribs.netcdf(folder / "reanalysis.nc")
    try:
        for store in STORES:
            home = running[store] = Home()
            home.run("init")
            if store == "clickhouse":
                home.environment |= services.clickhouse()
            for name, batch in (("forecast", "b1"), ("later", "b2")):
                home.run("submit", "--intent", "ingest_grib", "--type", "grid", "--batch-id", batch, "--dataset", "forecast",
                         folder / f"{name}.grib2")
                home.run("run", "--once")
            home.run("submit", "--intent", "ingest_netcdf", "--type", "grid", "--batch-id", "b3", folder / "reanalysis.nc")
            home.run("run", "--once")
        yield running
    finally:
        for home in running.values():
            home.close()


@pytest.fixture(params=STORES)
def asked(homes, request):
    return homes[request.param]


def ask(home: Home, verb: str, *arguments) -> list[dict]:
    return json.loads(home.run("grid", verb, *map(str, arguments), "--json").out)


def without_ids(answers: list[dict]) -> list[dict]:
    """What is the same on both stores: all but the ids of assets and raw files, and sizes."""
    text = json.dumps([{k: v for k, v in a.items() if k not in ("asset_id", "raw_file_id", "raw_key", "size_bytes")} for a in answers])
    return json.loads(re.sub(r'"raw_(file_id|key)": "[^"]*"', '"raw": ""', text))


QUESTIONS = [
    ("fields",), ("fields", "--variable", "t", "--level", "500"), ("fields", "--since", f"{DAY}T03:00"), ("fields", "--source", "nobody"),
    ("point", "--variable", "t", "--lat", "52.52", "--lon", "13.4", "--at", DAY),
    ("point", "--variable", "t", "--lat", "52.52", "--lon", "13.4", "--at", f"{DAY}T03:00", "--method", "bilinear"),
    ("point", "--variable", "2t", "--lat", "-60", "--lon", "-170", "--at", DAY),
    ("point", "--variable", "z", "--lat", "52.52", "--lon", "13.4", "--at", DAY),
    ("point", "--variable", "msl", "--lat", "72.6", "--lon", "67.2", "--at", DAY, "--method", "bilinear"),
    ("point", "--variable", "sp", "--lat", "90", "--lon", "0", "--at", DAY, "--method", "bilinear"),
    ("series", "--variable", "t", "--lat", "52.52", "--lon", "13.4"),
    ("series", "--variable", "t2m", "--lat", "49.5", "--lon=-0.5", "--method", "bilinear"),
    ("series", "--variable", "t", "--lat", "52.5", "--lon", "13.4", "--level", "850", "--since", f"{DAY}T01:00", "--until", f"{DAY}T02:00"),
    ("series", "--variable", "t", "--lat", "52.5", "--lon", "13.4", "--step", "3", "--method", "bilinear"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: " ".join(q[:7]))
def test_both_stores_answer_alike(homes, question):
    answers = {store: without_ids(ask(home, *question)) for store, home in homes.items()}
    assert answers["parquet"] == answers["clickhouse"]
    assert answers["parquet"] or "nobody" in question


def test_bilinear_is_between_four_points_that_lead_to_the_raw_file(asked):
    [answer] = ask(asked, "point", "--variable", "t", "--lat", 52.25, "--lon", 13.5, "--level", 850, "--at", f"{DAY}T01:00", "--method", "bilinear")
    wanted = place_value(1, 850)
    assert math.isclose(answer["value"], wanted(52.25, 13.5), abs_tol=1e-4) and answer["method"] == "bilinear"
    assert sorted((p["lat"], p["lon"]) for p in answer["points"]) == [(52, 13), (52, 14), (53, 13), (53, 14)]
    assert math.isclose(sum(p["weight"] for p in answer["points"]), 1)
    assert math.isclose(sum(p["weight"] * p["value"] for p in answer["points"]), answer["value"])
    [asset] = json.loads(asked.run("ledger", "find", "assets", '{"batch_id": "b1"}', "--json").out)
    for p in answer["points"]:
        assert math.isclose(p["value"], wanted(p["lat"], p["lon"]), abs_tol=1e-4)
        assert {k: p[k] for k in ("raw_file_id", "raw_key", "content_hash")} == {k: answer[k] for k in ("raw_file_id", "raw_key", "content_hash")}
        assert p["raw_file_id"] == asset["inputs"][0]["raw_file_id"]


@pytest.mark.parametrize("lat, lon", [(0.3, 179.5), (0.3, -179.5), (0.3, 180), (89.6, 12.5), (-90, 0), (90, 77)])
def test_bilinear_goes_over_the_antimeridian_and_the_poles(asked, lat, lon):
    [answer] = ask(asked, "point", "--variable", "sp", f"--lat={lat}", f"--lon={lon}", "--at", DAY, "--method", "bilinear")
    assert math.isclose(answer["value"], max(min(lat, 89), -89), abs_tol=1e-3)


def test_bilinear_of_a_rotated_grid_is_within_its_neighbours(asked):
    [answer] = ask(asked, "point", "--variable", "msl", "--lat", 72.6, "--lon", 67.2, "--at", DAY, "--method", "bilinear")
    assert len({(p["lat"], p["lon"]) for p in answer["points"]}) == 4
    for axis, place in (("lat", 72.6), ("lon", 67.2)):
        assert min(p[axis] for p in answer["points"]) <= place <= max(p[axis] for p in answer["points"])


def test_where_there_are_no_four_points_the_refusal_says_why_and_what_to_do(asked):
    place = ("--lat", "52.52", "--lon", "13.4", "--at", DAY, "--method", "bilinear")
    reduced = asked.run("grid", "point", "--variable", "z", *place, check=2)
    assert "no cells of four points" in reduced.err and "reduced_gg" in reduced.err and "--method nearest" in reduced.err
    outside = asked.run("grid", "point", "--variable", "t", "--lat=-20", *place[2:], check=2)
    assert "not all four points" in outside.err and "--method nearest" in outside.err


def test_a_series_is_in_order_of_time_and_newer_versions_come_before_older_ones(asked):
    answers = ask(asked, "series", "--variable", "t", "--lat", 52, "--lon", 13, "--level", 500)
    assert [a["valid_time"] for a in answers] == [f"{DAY}T0{hour}:00:00Z" for hour in range(5)]
    assert [a["version"] for a in answers] == [1, 1, 1, 2, 2]
    for hour, a in enumerate(answers):
        assert math.isclose(a["value"], place_value(hour, 500)(52, 13), abs_tol=1e-4)
    assert len({a["raw_file_id"] for a in answers}) == 2


def test_a_series_for_people_has_a_chart_and_each_file_once(asked):
    out = asked.run("grid", "series", "--variable", "t", "--lat", "52", "--lon", "13", "--level", "500").out
    assert out.isascii() or set(out) - set(map(chr, range(128))) <= set("–…")
    lines = out.splitlines()
    assert "t at 52.0000 13.0000, 0.0 km away: 5 values" == lines[0]
    assert sum("raw-vault" in line for line in lines) == 2 and sum("|" in line for line in lines) == 8
    assert [line.split()[-1] for line in lines[2:7]] == ["1", "1", "1", "2", "2"]
    assert all(len(line) <= 100 for line in lines[:-3])
    several = asked.run("grid", "series", "--variable", "t", "--lat", "52", "--lon", "13").out
    assert several.count("isobaricInhPa 850") == HOURS + 1


def test_a_netcdf_answers_with_its_values(asked):
    answers = ask(asked, "series", "--variable", "t2m", "--lat", 49.5, "--lon=-0.5", "--method", "bilinear")
    assert [(a["valid_time"], a["value"], a["units"]) for a in answers] == [(f"{DAY}T00:00:00Z", 282.5, "K"), (f"{DAY}T01:00:00Z", 283.5, "K")]
    assert sorted((p["lat"], p["lon"], p["value"]) for p in answers[0]["points"]) == [(49, -1, 283), (49, 0, 284), (50, -1, 281), (50, 0, 282)]


def test_what_is_there_is_counted(asked):
    groups = {g["variable"]: g for g in ask(asked, "fields")}
    t = groups["t"]
    assert (t["levels"], t["members"], t["fields"], t["values"]) == ([500, 850], [], 10, 10 * 21 * 31)
    assert t["times"] == {"first": f"{DAY}T00:00:00Z", "last": f"{DAY}T04:00:00Z", "count": 5} and t["versions"] == [1, 2]
    assert groups["2t"]["members"] == [1, 2] and t["size_bytes"] > 0
    out = asked.run("grid", "fields").out
    assert out.startswith("forecast   from ")
    assert all(len(line) <= 100 for line in out.splitlines()) and "500–850" in out


def test_what_is_not_committed_is_not_told(homes):
    """Its rows are in the store, its asset is not in the ledger: as after a kill before the commit."""
    home = homes["clickhouse"]
    before = ask(home, "fields")
    pid_file = next(home.path.rglob("postmaster.pid")).read_text().splitlines()
    with psycopg.connect(host=pid_file[4], port=pid_file[3], dbname="sluice", user="sluice", autocommit=True) as c:
        [(asset_id, doc)] = c.execute("DELETE FROM ledger.assets WHERE doc->>'batch_id' = 'b2' RETURNING id, doc::text").fetchall()
        try:
            after = {g["variable"]: g for g in ask(home, "fields")}
            assert after["t"]["fields"] == 8 and {g["variable"]: g["fields"] for g in before}["t"] == 10
            assert len(ask(home, "series", "--variable", "t", "--lat", 52, "--lon", 13, "--level", 500)) == 4
            late = home.run("grid", "point", "--variable", "t", "--lat", "52", "--lon", "13", "--at", f"{DAY}T04:00", check=4)
            assert 'no value of "t"' in late.err and "sluice grid fields" in late.err
        finally:
            c.execute("INSERT INTO ledger.assets (id, doc) VALUES (%s, %s)", (asset_id, doc))
    assert ask(home, "fields") == before


@pytest.mark.parametrize("arguments, said", [
    (("point", "--variable", "t", "--lat", "91", "--lon", "0", "--at", DAY), "--lat: expected a number from -90 to 90"),
    (("point", "--variable", "t", "--lat", "1", "--lon", "0"), "--at is missing"),
    (("series", "--variable", "t", "--lat", "1"), "--lon is missing"),
    (("series", "--variable", "t", "--lat", "1", "--lon", "2", "--since", "2025-02-01", "--until", "2025-01-01"), "is after --until"),
    (("point", "--variable", "t", "--lat", "1", "--lon", "0", "--at", DAY, "--method", "cubic"), "bilinear"),
])
def test_a_question_that_makes_no_sense_is_one_line(homes, arguments, said):
    done = homes["parquet"].run("grid", *arguments, check=2)
    assert said in done.err
