# SPDX-License-Identifier: Apache-2.0
"""A home on the services whose outputs of kind iceberg are in tables of a namespace of its own."""

import json
import secrets

from pyiceberg.catalog.rest import RestCatalog

from catalog_proxy import CatalogProxy
from services import ServiceHome

HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: {type}\nengine: duckdb\n"
READINGS = """steps:
  - cast: {{columns: {{id: bigint, amount: double, at: timestamp}}}}
outputs:
  - iceberg: {{dataset: readings, table: {space}.readings, partition_by: ["month(at)", station]}}
"""
PLACES = """outputs:
  - iceberg: {{dataset: places, table: {space}.places}}
"""


def rows(first: int, n: int, *more: str) -> str:
    lines = [",".join(["id", "station", "amount", "at", *more])]
    lines += [f"{i},s{i % 3},{i / 2},2024-0{1 + i % 2}-01T00:00:00" + ",x" * len(more) for i in range(first, first + n)]
    return "\n".join(lines) + "\n"


class Tables:
    """A home whose tables are in a namespace of its own, seen through a proxy."""

    def __init__(self, services) -> None:
        self.services, self.space = services, f"t{secrets.token_hex(4)}"
        self.settings = services.tables()
        self.proxy = CatalogProxy(self.settings["ICEBERG_CATALOG_URI"])
        self.home = ServiceHome(services)
        self.home.environment |= self.settings | {"ICEBERG_CATALOG_URI": self.proxy.uri, "SLUICE_RUN_RETRY_BASE": "10ms"}
        self.home.run("init")
        folder = self.home.path / "recipes"
        folder.mkdir(exist_ok=True)
        (folder / "readings.yaml").write_text(HEAD.format(name="readings", type="table") + READINGS.format(space=self.space))
        (folder / "places.yaml").write_text(HEAD.format(name="places", type="vector") + PLACES.format(space=self.space))
        store = services.env("minio")
        self.catalog = RestCatalog("tests", uri=self.settings["ICEBERG_CATALOG_URI"], warehouse=self.settings["ICEBERG_WAREHOUSE"],
                                   **{"s3.endpoint": store["MINIO_ENDPOINT_URL"], "s3.access-key-id": store["MINIO_ROOT_USER"],
                                      "s3.secret-access-key": store["MINIO_ROOT_PASSWORD"], "s3.region": "us-east-1"})

    def submit(self, batch: str, text: str, *words: str, intent: str = "readings") -> None:
        path = self.home.folder / f"{batch}.csv"
        path.write_text(text)
        self.home.run("submit", "--batch", batch, "--intent", intent, "--type", "table", *words, path)

    def work(self) -> None:
        self.home.run("run", "--once")

    def status(self, batch: str) -> str:
        return self.home.run("batch", "show", batch, "--json").json["status"]

    def asset(self, batch: str) -> dict:
        return next(a for a in self.home.run("ledger", "find", "assets", json.dumps({"batch_id": batch}), "--json").json)

    def read(self, name: str = "readings") -> list[dict]:
        return self.catalog.load_table(f"{self.space}.{name}").scan().to_arrow().to_pylist()

    def ids(self) -> list[int]:
        return sorted(row["id"] for row in self.read())

    def close(self) -> None:
        self.home.close()
        self.proxy.close()
