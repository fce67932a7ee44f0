# SPDX-License-Identifier: Apache-2.0
"""`sluice sql` over the embedded lake: datasets are views, and nothing but the lake is read or written."""

import csv
import io
import json

import pytest


@pytest.fixture(scope="module")
def lake(home):
    path = home.folder / "stations.csv"
    path.write_text("id,name,level\n1,a,2.5\n2,\"b, c\",\n3,d,7\n")
    home.run("submit", "--batch", "stations", "--intent", "ingest_table", "--type", "table", "--dataset", "stations", path)
    home.run("run", "--once")
    return home


def test_a_dataset_is_a_view(lake):
    rows = lake.run("sql", "SELECT id, name, level FROM stations ORDER BY id;", "--json").json
    assert [str(row["id"]) for row in rows] == ["1", "2", "3"] and rows[1]["name"] == "b, c"
    shown = lake.run("sql", "SELECT id, name FROM stations ORDER BY id").out.splitlines()
    assert len(shown) == 4 and shown[0].split() == ["id", "name"]
    assert lake.run("sql", "SELECT count(*) AS n FROM stations", "--json").json == [{"n": 3}]


def test_csv_is_quoted(lake):
    text = lake.run("sql", "SELECT name, NULL AS nothing, '' AS empty FROM stations ORDER BY id", "--csv").out
    assert list(csv.reader(io.StringIO(text)))[2] == ["b, c", "", ""] and '"b, c",,""' in text


def test_rows_beyond_the_limit_are_counted(lake):
    assert "2 more rows" in lake.run("sql", "SELECT * FROM stations", "--limit", "1").out


@pytest.mark.parametrize("query", ["SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
                                   "COPY (SELECT 1) TO '/tmp/sluice-sql.csv'", "SELECT 1); CREATE TABLE t (a int); SELECT (1",
                                   "CREATE TABLE t (a int)", "SELECT * FROM no_such", "SET threads = 1", ""])
def test_what_is_no_query_of_the_lake_is_refused(lake, query):
    done = lake.run("sql", query, check=False)
    assert done.code in (2, 3) and not done.out and done.err


def test_versions_that_append_are_one_table(lake):
    for batch, rows in (("more-1", "id,level\n1,2\n2,3\n"), ("more-2", "id,level,unit\n3,4,m\n")):
        folder = lake.folder / batch
        folder.mkdir()
        (folder / "more.csv").write_text(rows)
        (folder / "batch.json").write_text(json.dumps({
            "batch_id": batch, "uploader": "ana", "intent": "ingest_table", "dataset": "more",
            "files": [{"path": "more.csv", "type": "table", "format": "CSV"}],
            "metadata": {"project": "x", "description": "y", "append": True}}))
        lake.run("submit", folder / "batch.json")
        lake.run("run", "--once")
    count = ("sql", "SELECT count(*) AS n, count(unit) AS units FROM more", "--json")
    assert lake.run(*count).json == [{"n": 3, "units": 1}]
    lake.run("replay", "more-1", "--force")  # a version more of rows that are there
    assert len(lake.run("ledger", "find", "assets", '{"dataset_id": "more"}', "--json").json) == 3 and lake.run(*count).json == [{"n": 3, "units": 1}]
