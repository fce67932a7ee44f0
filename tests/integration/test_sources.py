# SPDX-License-Identifier: Apache-2.0
"""Sources: pages of a scripted API become rows of the lake, once each, whatever the server does."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from jsonschema import Draft7Validator, ValidationError

from api import Api, precipitation

TOKEN = "a-very-secret-token"
HEAD = "apiVersion: sluice/v1\nkind: Source\nname: {name}\nversion: 1\ndataset: {name}\n"


@pytest.fixture
def api():
    made = []

    def make(*args, **kwargs) -> Api:
        made.append(Api(*args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.close()


def source(home, name: str, text: str) -> None:
    folder = home.path / "sources"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(HEAD.format(name=name) + text)


def rows(home, dataset: str) -> list[dict]:
    """All versions of the dataset, read by DuckDB from the store's files."""
    files = [str(f) for f in sorted((home.bucket("data-lake") / dataset).glob("*/*.parquet"))]
    return duckdb.connect().execute("SELECT * FROM read_parquet(?, union_by_name = true)", [files]).fetch_arrow_table().to_pylist() if files else []


def run(home, name: str, *args, env=None, check=True):
    return home.run("source", "run", name, *args, "--json", env=env, check=check)


def noaa(server: Api) -> dict:
    return {"NOAA_BASE_URL": server.url, "NOAA_TOKEN": TOKEN}


def expected_row(record: dict) -> dict:
    time = datetime.fromisoformat(record["date"])
    return {"station": record["station"], "datatype": record["datatype"], "event_time": time,
            "event_ms": int((time - datetime(1970, 1, 1)) / timedelta(milliseconds=1)), "value": float(record["value"]),
            "attributes": record["attributes"].split(",")}


def test_noaas_records_become_rows_of_the_lake_by_windows(home, api):
    records = precipitation(2688 + 500)
    server = api(records, token=TOKEN)
    runs = run(home, "noaa_precip15", "--since", "2010-01-01", "--until", "2010-02-10", env=noaa(server)).json
    assert [(r["pages"], r["records"], r["bad"]) for r in runs] == [(4, 3188, 0), (1, 0, 0)]
    assert runs[1]["batch_id"] is None
    got = rows(home, "precip15")
    stamps = {r.pop("ingestion_ts") for r in got}
    assert got == [expected_row(r) for r in records] or sorted(map(str, got)) == sorted(str(expected_row(r)) for r in records)
    assert all(abs(s / 1000 - datetime.now().timestamp()) < 600 for s in stamps)
    assert server.headers[0]["token"] == TOKEN
    table = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(next((home.bucket("data-lake") / "precip15").glob("*/*.parquet")))]).fetch_arrow_table()
    assert table.schema.field("event_time").type == pa.timestamp("us")
    assert pa.types.is_list(table.schema.field("attributes").type)


def test_a_value_leads_back_to_the_page_that_it_came_from(home, api):
    run(home, "noaa_precip15", "--since", "2010-01-01", "--until", "2010-01-31", env=noaa(api(precipitation(10), token=TOKEN)))
    lineage = home.run("lineage", "precip15", "--json").json
    came = lineage["batch"]["manifest"]["metadata"]["source"]
    assert came["name"] == "noaa_precip15" and came["since"] == "2010-01-01T00:00:00.000Z" and came["records"] == 10
    page = json.loads((home.bucket("raw-vault") / came["pages"][0]["key"]).read_text())
    assert page["results"] == precipitation(10)
    assert home.run("verify", "--deep", "--json").json["problem_count"] == 0


def test_the_next_run_begins_where_the_last_one_ended(home, api):
    server = api([{"date": f"2024-01-{d:02d}T00:00:00", "id": d} for d in range(1, 11)])
    source(home, "follows", f"""request:
  base_url: {server.url}
  path: /data
  query: {{startdate: "${{since_date}}", enddate: "${{until_last_date}}"}}
  pagination: {{offset: {{limit: 3, first: 1, total: /metadata/resultset/count}}}}
  records: /results
incremental: {{start: 2024-01-01, window: 2d}}
""")
    assert [r["records"] for r in run(home, "follows", "--until", "2024-01-05").json] == [2, 2]
    assert [r["records"] for r in run(home, "follows", "--until", "2024-01-11").json] == [2, 2, 2]
    assert run(home, "follows", "--until", "2024-01-11").json == []
    assert sorted(r["id"] for r in rows(home, "follows")) == list(range(1, 11))
    assert [r["status"] for r in home.run("source", "status", "follows", "--json").json] == ["succeeded"] * 5


FAULTS = {1: 429, 2: 500, 4: "reset", 6: "short", 8: "cut", 10: "html", 12: "slow", 14: 503}


def test_every_record_arrives_once_from_a_server_that_fails_in_every_way(home, api):
    server = api([{"id": i, "text": "x" * 50} for i in range(95)])
    server.faults = dict(FAULTS)
    source(home, "faults", f"""request:
  base_url: {server.url}
  path: /data
  pagination: {{offset: {{limit: 10, first: 1, total: /metadata/resultset/count}}}}
  records: /results
  retry: {{base: 10ms, max: 50ms}}
""")
    [done] = run(home, "faults").json
    assert (done["pages"], done["records"], done["retries"]) == (10, 95, 7)
    assert sorted(r["id"] for r in rows(home, "faults")) == list(range(95))


@pytest.mark.parametrize("name, path, paging, records", [
    ("by_page", "/pages", "page: {limit: 10}", "/items"),
    ("by_cursor", "/cursor", "cursor: {limit: 10, next: /next}", "/items"),
    ("by_link", "/links", "link: {}", '""'),
])
def test_the_other_ways_of_paging_read_everything(home, api, name, path, paging, records):
    server = api([{"id": i} for i in range(45)])
    source(home, name, f"request:\n  base_url: {server.url}\n  path: {path}\n  pagination: {{{paging}}}\n  records: {records}\n")
    assert [r["records"] for r in run(home, name).json] == [45]
    assert sorted(r["id"] for r in rows(home, name)) == list(range(45))


def test_pages_that_shift_and_totals_that_change_lose_and_double_nothing(home, api):
    server = api([{"id": i} for i in range(30)])

    def shift(document, request):
        if request == 2:  # somebody inserts a record at the front: what was the tenth comes again
            server.records.insert(0, {"id": 100})
        if request == 3 and document:
            document["metadata"]["resultset"]["count"] = 1000  # there is no such number: an empty page ends it
        return document

    server.reply = shift
    source(home, "shifts", f"""request:
  base_url: {server.url}
  path: /data
  pagination: {{offset: {{limit: 10, first: 1, total: /metadata/resultset/count}}}}
  records: /results
key: [id]
""")
    [done] = run(home, "shifts").json
    assert done["duplicates"] == 1
    assert sorted(r["id"] for r in rows(home, "shifts")) == list(range(30))


def test_a_server_that_leads_round_in_a_circle_is_told_so(home, api):
    server = api([])
    server.reply = lambda document, request: {"items": [{"id": request}], "next": f"c{request % 3}"}
    source(home, "loops", f"request:\n  base_url: {server.url}\n  path: /cursor\n  pagination: {{cursor: {{next: /next}}}}\n  records: /items\n")
    result = run(home, "loops", check=False)
    assert result.code == 1 and result.json["error"]["code"] == "source.reply"
    assert len(server.requests) < 20


def test_bad_records_go_to_quarantine_with_their_reasons_and_too_many_fail_the_run(home, api):
    good = [{"id": i, "v": i * 1.5, "when": "2024-01-01"} for i in range(97)]
    bad = [{"id": "x", "v": 1}, 17, {"id": 98, "v": 2, "when": "yesterday"}]
    server = api(good + bad)
    text = f"""request:
  base_url: {server.url}
  path: /all
  records: ""
normalise:
  - timestamp: {{column: when}}
columns: {{id: bigint, v: double, when: bigint}}
schema: {{type: object, required: [id], properties: {{id: {{type: integer}}}}}}
"""
    source(home, "some_bad", text + "max_bad_share: 0.05\n")
    [done] = run(home, "some_bad").json
    assert (done["records"], done["bad"]) == (100, 3)
    assert sorted(r["id"] for r in rows(home, "some_bad")) == list(range(97))
    came = home.run("lineage", "some_bad", "--json").json["batch"]["manifest"]["metadata"]["source"]
    lines = [json.loads(line) for line in (home.bucket("raw-vault") / came["quarantine"]["key"]).read_text().splitlines()]
    assert [(line["index"], line["record"]) for line in lines] == [(97, bad[0]), (98, 17), (99, bad[2])]
    assert "when" in lines[2]["reason"] and "/id" in lines[0]["reason"]
    source(home, "too_bad", text + "max_bad: 2\n")
    result = run(home, "too_bad", check=3)
    assert result.json["error"]["code"] == "source.records"
    assert rows(home, "too_bad") == []
    assert home.run("verify", "--json").json["problem_count"] == 0


DRIFTED = [{"id": 1, "v": 1}, {"id": 2, "v": 2.5, "new": "n"}, {"id": 3, "v": "three", "list": [1, 2]}, {"id": 4, "o": {"a": 1}}]


@pytest.mark.parametrize("policy, expected", [
    ("evolve", [{"id": 1, "v": "1.0", "new": None, "list": None, "o": None}, {"id": 2, "v": "2.5", "new": "n", "list": None, "o": None},
                {"id": 3, "v": "three", "new": None, "list": [1, 2], "o": None}, {"id": 4, "v": None, "new": None, "list": None, "o": '{"a":1}'}]),
    ("discard_value", [{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}]),
    ("discard_row", []),
    ("freeze", None),
])
def test_drift_goes_the_way_of_its_policy(home, api, policy, expected):
    server = api(DRIFTED)
    name = f"drift_{policy}"
    source(home, name, f"request:\n  base_url: {server.url}\n  path: /all\ncolumns: {{id: bigint}}\ndrift: {{default: {policy}}}\nmax_bad_share: 1\n")
    result = run(home, name, check=False)
    if not expected:
        assert result.code == 3 and rows(home, name) == []
    else:
        assert sorted(rows(home, name), key=lambda r: r["id"]) == expected


def test_wrong_secrets_are_told_and_never_shown(home, api):
    server = api(precipitation(5), token=TOKEN)
    missing = run(home, "noaa_precip15", "--since", "2010-01-01", "--until", "2010-01-02", env={"NOAA_BASE_URL": server.url}, check=False)
    assert missing.code == 78 and "NOAA_TOKEN" in missing.err
    wrong = run(home, "noaa_precip15", env={"NOAA_BASE_URL": server.url, "NOAA_TOKEN": "wrong-token-1"}, check=False)
    assert wrong.code == 78 and "401" in wrong.err and "wrong-token-1" not in wrong.out + wrong.err


def test_a_dry_run_shows_rows_and_keeps_nothing(home, api):
    server = api([{"id": i} for i in range(25)])
    source(home, "tried", f"request:\n  base_url: {server.url}\n  path: /data\n  pagination: {{offset: {{limit: 10, first: 1}}}}\n  records: /results\n")
    report = home.run("source", "run", "tried", "--dry-run", "--json").json
    assert report["records"] == 10 and report["more_pages"] and len(report["rows"]) == 10
    assert len(server.requests) == 1 and rows(home, "tried") == []
    assert home.run("source", "status", "tried", "--json").json == []


def test_the_schema_for_editors_is_the_tables_and_takes_what_is_shipped(home):
    schema = home.run("source", "schema", "--json").json
    root = Path(__file__).resolve().parents[2]
    assert schema == json.loads((root / "schemas/source.schema.json").read_text())
    for path in sorted((root / "sources").glob("*.yaml")):
        shown = home.run("source", "show", path.stem, "--json").json["source"]
        Draft7Validator(schema).validate(shown)
        with pytest.raises(ValidationError):
            Draft7Validator(schema).validate(shown | {"normalise": [{"splitt": {}}]})


def test_lint_tells_every_mistake_with_its_place(home):
    bad = home.folder / "bad.yaml"
    bad.write_text("""apiVersion: sluice/v1
kind: Source
name: bad
version: 1
datset: x
dataset: x
request:
  base_url: ftp://x
  query: {a: "${sinc}"}
  auth: {kind: header, secret: "not a name"}
  pagination: {ofset: {limit: 10}}
normalise:
  - splitt: {column: a}
columns: {a: int}
""")
    result = home.run("source", "lint", bad, check=3)
    told = [line.split(": error: ") for line in result.out.splitlines() if ": error: " in line]
    places = {place.rsplit(":", 2)[1]: text for place, text in told}
    assert set(places) == {"5", "8", "9", "10", "11", "13", "14"}
    for line, word in (("5", "dataset"), ("9", "since"), ("11", "offset"), ("13", "split")):
        assert f'did you mean "{word}"' in places[line]
