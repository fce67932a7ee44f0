# SPDX-License-Identifier: Apache-2.0
"""The two places where a home may keep what it has - its own folder, or MinIO, a MongoDB wire server and PostGIS - and one
way to look at them, and to damage them, behind the engine's back."""

import json
from pathlib import Path

import psycopg

from home import Home
from services import ServiceHome, Services

WORLDS = ("embedded", "services")
LANDING, LAKE, RAW = "landing", "lake", "raw"


class World:
    """`role` is landing, lake or raw: the name of its bucket is the home's matter."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def flip(self, role: str, key: str) -> None:
        """One bit in the middle."""
        data = bytearray(self.read(role, key))
        data[len(data) // 2] ^= 1
        self.change(role, key, bytes(data))

    def move(self, role: str, key: str, to: str) -> None:
        data = self.read(role, key)
        self.remove(role, key)
        self.put(role, to, data)

    def exists(self, role: str, key: str) -> bool:
        return key in self.keys(role, key)

    def rows(self, query: str) -> list[tuple]:
        with self.catalog() as connection:
            return connection.execute(query).fetchall()

    def close(self) -> None:
        self.home.close()


class Embedded(World):
    def __init__(self, home: Home | None = None) -> None:
        """A home that is there already, or a new one."""
        super().__init__(home or Home())
        self.buckets = {LANDING: "landing-zone", LAKE: "data-lake", RAW: "raw-vault"}
        if home is None:
            self.home.run("init")

    def _path(self, role: str, key: str) -> Path:
        return self.home.path / "store" / self.buckets[role] / key

    def read(self, role: str, key: str) -> bytes:
        return self._path(role, key).read_bytes()

    def change(self, role: str, key: str, data: bytes) -> None:
        self._path(role, key).write_bytes(data)

    def put(self, role: str, key: str, data: bytes) -> None:
        """As somebody who has never seen sluice puts it: without metadata."""
        path = self._path(role, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def remove(self, role: str, key: str) -> None:
        self._path(role, key).unlink()

    def keys(self, role: str, prefix: str = "") -> list[str]:
        root = self._path(role, "")
        keys = (p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        return sorted(k for k in keys if k.startswith(prefix) and not k.startswith(".sluice/"))

    def catalog(self) -> psycopg.Connection:
        pid_file = next(self.home.path.rglob("postmaster.pid")).read_text().splitlines()
        return psycopg.connect(host=pid_file[4], port=pid_file[3], dbname="sluice", user="sluice", autocommit=True)

    def documents(self, collection: str) -> list[dict]:
        return [doc for (doc,) in self.rows(f"SELECT doc FROM ledger.{collection}")]

    def lose_documents(self, collection: str) -> list[dict]:
        with self.catalog() as c:
            return [doc for (doc,) in c.execute(f"DELETE FROM ledger.{collection} RETURNING doc")]

    def give_documents(self, collection: str, docs: list[dict]) -> None:
        with self.catalog() as c:
            for doc in docs:
                c.execute(f"INSERT INTO ledger.{collection} (id, doc) VALUES (%s, %s)", (doc["_id"], json.dumps(doc)))


class OnServices(World):
    def __init__(self, services: Services) -> None:
        super().__init__(ServiceHome(services))
        self.buckets = {LANDING: self.home.landing, LAKE: self.home.lake, RAW: self.home.raw}
        self.s3 = services.s3()
        self.home.run("init")

    def read(self, role: str, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.buckets[role], Key=key)["Body"].read()

    def change(self, role: str, key: str, data: bytes) -> None:
        metadata = self.s3.head_object(Bucket=self.buckets[role], Key=key)["Metadata"]
        self.s3.put_object(Bucket=self.buckets[role], Key=key, Body=data, Metadata=metadata)

    def put(self, role: str, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.buckets[role], Key=key, Body=data)

    def remove(self, role: str, key: str) -> None:
        self.s3.delete_object(Bucket=self.buckets[role], Key=key)

    def keys(self, role: str, prefix: str = "") -> list[str]:
        return sorted(self.home.keys(self.buckets[role], prefix))

    def catalog(self) -> psycopg.Connection:
        return self.home.services.postgres(self.home.settings["POSTGRES_DB"])

    def documents(self, collection: str) -> list[dict]:
        return list(self.home.ledger[collection].find())

    def lose_documents(self, collection: str) -> list[dict]:
        docs = self.documents(collection)
        self.home.ledger[collection].delete_many({})
        return docs

    def give_documents(self, collection: str, docs: list[dict]) -> None:
        self.home.ledger[collection].insert_many(docs)


def make(name: str, request) -> World:
    """`request` is pytest's: the services start only where somebody asks for them."""
    return Embedded() if name == "embedded" else OnServices(request.getfixturevalue("services"))
