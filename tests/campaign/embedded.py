# SPDX-License-Identifier: Apache-2.0
"""The embedded default as the campaign's world: a directory tree, a private PostGIS cluster."""

import os
import signal

import psycopg

from world import World


class Embedded(World):
    name = "embedded"

    def _begin(self) -> None:
        self.home.run("init")
        self.store = self.home.path / "store"
        (self.store / self.landing / "manifests").mkdir(parents=True, exist_ok=True)

    def put(self, key: str, data: bytes) -> None:
        path = self.store / self.landing / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self.home.folder / "part"
        part.write_bytes(data)
        while True:
            try:
                os.rename(part, path)
                return
            except FileNotFoundError:  # the folder went with its last file
                path.parent.mkdir(parents=True, exist_ok=True)

    def keys(self, bucket: str) -> list[str]:
        top = self.store / bucket
        return sorted(p.relative_to(top).as_posix() for p in top.rglob("*") if p.is_file())

    def objects(self, bucket: str) -> dict:
        """Bytes of each object; metadata is None: where it is kept is the store's own affair."""
        return {k: ((self.store / bucket / k).read_bytes(), None) for k in self.keys(bucket)}

    def _connect(self) -> psycopg.Connection:
        self.home.run("ledger", "find", "runs", "{}", "--limit", "1", "--json")  # starts the cluster if it is down
        lines = next(self.home.path.rglob("postmaster.pid")).read_text().splitlines()
        return psycopg.connect(host=lines[4], port=lines[3], dbname="sluice", user="sluice", autocommit=True)

    def documents(self, collection: str) -> list[dict]:
        assert collection in ("manifests", "runs", "assets")
        with self._connect() as c:
            return [doc for (doc,) in c.execute(f"SELECT doc FROM ledger.{collection}")]

    def uploads(self) -> list[str]:
        top = self.store / ".sluice" / "tmp"
        return [p.name for p in top.iterdir()] if top.exists() else []

    def _kill_postgres(self) -> None:
        for pid_file in self.home.path.rglob("postmaster.pid"):
            os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)

    def services(self) -> dict:
        """Name of what can be killed: (kill, start). sluice starts its private cluster again by itself."""
        return {"postgres": (self._kill_postgres, lambda: None)}

    def close(self, keep: bool = False) -> None:
        if keep:
            self.home.run("stop")
        else:
            self.home.close()
