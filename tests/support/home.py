# SPDX-License-Identifier: Apache-2.0
"""A sluice home of its own for end-to-end tests, and the program run in it."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 180
# What a caller's own configuration would change.
CONFIGURATION = ("SLUICE_", "MINIO_", "MONGO", "POSTGRES_", "PG", "CLICKHOUSE_", "ICEBERG_", "TRINO_")


def binary() -> Path:
    return Path(os.environ.get("SLUICE_BINARY") or next((ROOT / "build/release").rglob("sluice")))


@dataclass(frozen=True)
class Result:
    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self) -> str:
        return f"sluice {' '.join(self.args)}\nexit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Home:
    """A folder that the account PostgreSQL runs as can enter, with the program's home in it. `close` stops the cluster."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="home-"))
        self.folder.chmod(0o755)
        self.path = self.folder / "sluice"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(CONFIGURATION)}
        self.environment |= {"SLUICE_HOME": str(self.path), "NO_COLOR": "1", "USER": "tester"}

    def run(self, *args, check: bool | int = True, stdin: str | None = None, env: dict | None = None) -> Result:
        """Runs `sluice *args`. `check`: True expects exit code 0, a number expects that one, False expects nothing."""
        words = tuple(str(a) for a in args)
        done = subprocess.run([binary(), *words], cwd=self.folder, env=self.environment | (env or {}), input=stdin,
                              stdin=subprocess.DEVNULL if stdin is None else None,
                              capture_output=True, text=True, timeout=TIMEOUT_S)
        result = Result(words, done.returncode, done.stdout, done.stderr)
        if check is not False:
            assert result.code == (0 if check is True else check), str(result)
        return result

    def object(self, asset: dict) -> Path:
        """An asset's object, fetched by the program."""
        target = self.folder / "fetched" / asset["_id"] / Path(asset["s3_key"]).name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            self.run("asset", "get", asset["_id"], "-o", target)
        return target

    def bucket(self, name: str) -> Path:
        """A bucket of the embedded store: a folder."""
        return next(path for path in self.path.rglob(name) if path.is_dir())

    def close(self) -> None:
        try:
            self.run("stop", check=False)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
