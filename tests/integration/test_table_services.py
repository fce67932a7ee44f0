# SPDX-License-Identifier: Apache-2.0
"""The Iceberg catalog and Trino as services/ starts them: one table, written and read by programs that sluice is not."""

import secrets

import pyarrow
import pytest
import trino
from pyiceberg.catalog.rest import RestCatalog


@pytest.fixture(scope="module")
def catalog(services):
    tables, store = services.tables(), services.env("minio")
    return RestCatalog("tests", uri=tables["ICEBERG_CATALOG_URI"], warehouse=tables["ICEBERG_WAREHOUSE"],
                       **{"s3.endpoint": store["MINIO_ENDPOINT_URL"], "s3.access-key-id": store["MINIO_ACCESS_KEY"],
                          "s3.secret-access-key": store["MINIO_SECRET_KEY"], "s3.region": "us-east-1"})


@pytest.fixture
def table(catalog):
    space = f"t{secrets.token_hex(4)}"
    rows = pyarrow.table({"id": [1, 2, 3], "name": ["a", "b", None]})
    catalog.create_namespace(space)
    made = catalog.create_table(f"{space}.things", rows.schema)
    made.append(rows)
    return made


def test_the_catalog_keeps_tables_in_postgresql_and_the_warehouse_on_minio(services, catalog, table):
    assert catalog.load_table(table.name()).scan().to_arrow().num_rows == 3
    assert table.metadata_location.startswith("s3://warehouse/")
    with services.postgres("iceberg") as c:
        kept = c.execute("SELECT metadata_location FROM iceberg_tables WHERE table_namespace = %s", [table.name()[0]]).fetchone()
    assert kept == (catalog.load_table(table.name()).metadata_location,)


def test_trino_reads_the_table_of_another(services, table):
    port = int(services.trino()["TRINO_URL"].rpartition(":")[2])
    with trino.dbapi.connect(host="127.0.0.1", port=port, user="tester", catalog="iceberg") as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT count(*), min(id), max(name) FROM {table.name()[0]}.things")
        assert cursor.fetchall() == [[3, 1, "b"]]
