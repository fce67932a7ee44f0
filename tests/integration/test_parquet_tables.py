# SPDX-License-Identifier: Apache-2.0
"""Tables that are uploaded as Parquet."""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq

TABLE = pa.table({
    "station": ["a", "b"], "v": pa.array([1, 99999], pa.int64()),
    "attrs": pa.array([["x", "y"], None], pa.list_(pa.string())),
    "ts": pa.array([datetime.datetime(2020, 1, 1), None], pa.timestamp("us")),
    "ok": [True, None], "d": [1.5, None], "geom": ["not a geometry", None]})


def submitted(home, path, dataset):
    home.run("submit", "--intent", "ingest_table", "--type", "table", "--dataset", dataset, path)
    return home.run("run", "--json", check=False)


def test_rows_and_types_of_a_parquet_file_come_through(home):
    path = home.folder / "t.parquet"
    pq.write_table(TABLE, path)
    assert submitted(home, path, "through").code == 0
    asset = home.run("asset", "show", "through", "--json").json
    out = pq.read_table(home.object(asset[0] if isinstance(asset, list) else asset))
    expected = TABLE.rename_columns([*TABLE.column_names[:-1], "geom_1"])
    assert sorted(out.to_pylist(), key=str) == sorted(expected.to_pylist(), key=str)
    assert out.schema.field("attrs").type == pa.list_(pa.field("element", pa.string()))
    assert out.schema.field("ts").type == pa.timestamp("us")


def test_what_only_says_that_it_is_parquet_fails_with_one_line(home):
    path = home.folder / "bad.parquet"
    path.write_bytes(b"PAR1 not really PAR1")
    result = submitted(home, path, "bad")
    assert result.code == 3
    assert "cannot be read as Parquet" in result.out
