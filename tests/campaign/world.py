# SPDX-License-Identifier: Apache-2.0
"""What the campaign's worlds have in common: a home, and a PostgreSQL with the catalog in it."""

from pathlib import Path

import psycopg

from home import Home


class World:
    name = ""
    landing, lake, raw = "landing-zone", "data-lake", "raw-vault"

    def __init__(self) -> None:
        self.home = Home()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        """Starts what it needs. What it had started when something went wrong is stopped by close."""
        raise NotImplementedError

    def _connect(self) -> psycopg.Connection:
        raise NotImplementedError

    def close(self, keep: bool = False) -> None:
        raise NotImplementedError

    @property
    def folder(self) -> Path:
        return self.home.folder

    def raw_rows(self) -> dict:
        with self._connect() as c:
            return dict(c.execute("SELECT s3_key, content_hash FROM catalog.raw_files JOIN catalog.raw_file_details "
                                  "ON raw_file_id = id").fetchall())

    def asset_rows(self) -> dict:
        with self._connect() as c:
            return {str(i): h for i, h in c.execute("SELECT id, content_hash FROM catalog.assets")}

    def ephemeral(self) -> list[str]:
        with self._connect() as c:
            return [n for (n,) in c.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proc\\_%' UNION "
                                            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'proc\\_%'")]

    def scratch(self) -> list[str]:
        top = self.home.path / "tmp"
        return [p.name for p in top.iterdir()] if top.exists() else []
