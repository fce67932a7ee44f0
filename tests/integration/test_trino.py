# SPDX-License-Identifier: Apache-2.0
"""Trino over the tables that sluice writes: it reads the same rows, and keeps them tidy."""

import pytest
import trino

from iceberg_home import Tables, rows


@pytest.fixture(scope="module")
def tables(services):
    settings = services.trino()
    fresh = Tables(services)
    fresh.home.environment |= {name: settings[name] for name in ("TRINO_URL", "TRINO_USER", "TRINO_CATALOG")}
    try:
        for i in range(3):
            fresh.submit(f"part-{i}", rows(100 * i, 20))
        fresh.work()
        yield fresh
    finally:
        fresh.close()


def ask(tables, sql: str) -> list:
    port = int(tables.home.environment["TRINO_URL"].rpartition(":")[2])
    with trino.dbapi.connect(host="127.0.0.1", port=port, user="tester", catalog="iceberg", schema=tables.space) as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall()


def test_trino_reads_each_row_once(tables):
    assert ask(tables, "SELECT count(*), count(DISTINCT id), count(DISTINCT _load_id) FROM readings") == [[60, 60, 3]]


def test_doctor_asks_trino(tables):
    assert "version 476" in tables.home.run("doctor", check=False).out


def test_a_dry_run_of_maintenance_changes_nothing(tables):
    done = tables.home.run("table", "maintain", f"{tables.space}.readings", "--dry-run", "--json").json
    assert [o["status"] for o in done["operations"]] == ["would run"] * 3 and done["before"] == done["after"]
    assert "--yes" in tables.home.run("table", "maintain", f"{tables.space}.readings", check=2).err


def test_maintenance_makes_files_fewer_and_keeps_the_rows(tables):
    done = tables.home.run("table", "maintain", f"{tables.space}.readings", "--keep", "1h", "--yes", "--json").json
    assert [o["status"] for o in done["operations"]] == ["done"] * 3
    assert done["before"]["size_bytes"] > 0 and done["after"]["size_bytes"] > 0
    assert done["after"]["files"] < done["before"]["files"] and done["after"]["rows"] == 60
    assert ask(tables, "SELECT count(*) FROM readings") == [[60]] and len(tables.read()) == 60
