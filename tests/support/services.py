# SPDX-License-Identifier: Apache-2.0
"""MinIO, a MongoDB wire server, PostGIS and, for those who ask for them, ClickHouse, an Iceberg catalog and Trino, by the scripts of services/, and homes that use them."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import boto3
import botocore.config
import psycopg
import pymongo
import pytest

from home import CONFIGURATION, ROOT, Home

NAMES = ("minio", "mongodb", "postgis")
ALL = (*NAMES, "clickhouse", "iceberg-catalog", "trino")
START_S = 300
BUCKETS = {"landing": "MINIO_LANDING_BUCKET", "lake": "MINIO_LAKE_BUCKET", "raw": "MINIO_RAW_BUCKET"}


def read_env(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(CONFIGURATION)}


def s3_client(endpoint: str, key: str, secret: str):
    """boto3 as somebody would set it up who has never seen sluice."""
    config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}, proxies={})
    return boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
                        region_name="us-east-1", config=config)


def has_java(least: int) -> bool:
    found = subprocess.run(["bash", "-c", f'set -euo pipefail; source "{ROOT}/services/lib.sh"; java_of {least}'], capture_output=True)
    return found.returncode == 0


class Services:
    """The three servers in a folder of their own. Each can be stopped, killed and started again; it keeps its port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="services-"))
        self.folder.chmod(0o755)
        try:
            for name in NAMES:
                self.start(name)
        except BaseException:
            self.close()
            raise

    def _script(self, name: str, verb: str) -> None:
        done = subprocess.run([ROOT / "services" / name / "dev" / verb, self.folder / name], env=clean_environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=START_S)
        assert done.returncode == 0, f"{name} {verb}\n{done.stdout}{done.stderr}"

    def start(self, name: str) -> None:
        self._script(name, "start")

    def stop(self, name: str) -> None:
        self._script(name, "stop")

    def pid(self, name: str) -> int:
        return int((self.folder / name / "service.pid").read_text().split()[0])

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)
        self.stop(name)  # waits until it is gone

    def env(self, name: str) -> dict[str, str]:
        """What clients of the service need, and its administrator."""
        found = read_env(self.folder / name / "env")
        administrator = self.folder / name / "admin.env"
        return found | read_env(administrator) if administrator.exists() else found

    def s3(self):
        """As MinIO's root user."""
        env = self.env("minio")
        return s3_client(env["MINIO_ENDPOINT_URL"], env["MINIO_ROOT_USER"], env["MINIO_ROOT_PASSWORD"])

    def mongo(self) -> pymongo.MongoClient:
        return pymongo.MongoClient(self.env("mongodb")["MONGODB_URI"], serverSelectionTimeoutMS=10_000)

    def postgres(self, database: str = "postgres") -> psycopg.Connection:
        """As PostgreSQL's superuser."""
        env = self.env("postgis")
        return psycopg.connect(host=env["POSTGRES_HOST"], port=env["POSTGRES_PORT"], user=env["POSTGRES_ADMIN_USER"],
                               password=env["POSTGRES_ADMIN_PASSWORD"], dbname=database, autocommit=True)

    def clickhouse(self) -> dict[str, str]:
        """Settings for sluice: a database of ClickHouse that nobody else uses. The server is started when it is asked for."""
        if not (self.folder / "clickhouse" / "service.pid").exists():
            self.start("clickhouse")
        settings = {k: v for k, v in self.env("clickhouse").items() if k != "CLICKHOUSE_NATIVE_PORT"}
        name = f"t{secrets.token_hex(4)}"
        self.ask_clickhouse(f"CREATE DATABASE {name}")
        return settings | {"CLICKHOUSE_DB": name}

    def ask_clickhouse(self, query: str, database: str = "default") -> list[list[str]]:
        """By ClickHouse's own client: the rows, as text."""
        env = self.env("clickhouse")
        config = self.folder / "clickhouse" / "client.xml"
        config.write_text(f"<config><user>{env['CLICKHOUSE_USER']}</user><password>{env['CLICKHOUSE_PASSWORD']}</password></config>")
        done = subprocess.run(["clickhouse-client", "--config-file", config, "--port", env["CLICKHOUSE_NATIVE_PORT"],
                               "--database", database, "--query", query], capture_output=True, text=True, timeout=START_S)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def _start_once(self, name: str) -> dict[str, str]:
        if not (self.folder / name / "service.pid").exists():
            self.start(name)
        return read_env(self.folder / name / "env")

    def tables(self) -> dict[str, str]:
        """Settings for sluice: the Iceberg catalog, which is started when it is asked for. Its tables are everybody's: a test has
        a namespace of its own."""
        return self._start_once("iceberg-catalog")

    def trino(self) -> dict[str, str]:
        """Settings for sluice: the tables, and Trino over them. Skips the test where no Java can run it."""
        if not has_java(24):
            pytest.skip("Trino needs Java 24 or later, and there is none (JAVA_HOME)")
        return self.tables() | self._start_once("trino")

    def private(self) -> dict[str, str]:
        """Settings for sluice: these servers, with buckets, accounts and databases that nobody else uses."""
        mark = secrets.token_hex(4)
        return ({"SLUICE_STORE_BACKEND": "s3", "SLUICE_LEDGER_BACKEND": "mongo"} | self._private_store(mark)
                | self.env("mongodb") | {"MONGODB_DATABASE": f"t{mark}"} | self._private_database(f"t{mark}"))

    def _private_store(self, mark: str) -> dict[str, str]:
        settings = self.env("minio")
        root = {name: settings.pop(name) for name in ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")}
        settings |= {name: f"{role}-{mark}" for role, name in BUCKETS.items()}
        for prefix in ("MINIO_", "MINIO_UPLOADER_"):
            settings[prefix + "ACCESS_KEY"] += f"-{mark}"
        subprocess.run([ROOT / ".cache/go/bin/minio-setup"], check=True, stdout=subprocess.DEVNULL,
                       env=clean_environment() | root | settings | {"MINIO_POLICY_PREFIX": f"t{mark}"})
        return settings

    def _private_database(self, name: str) -> dict[str, str]:
        with self.postgres() as c:
            # PostGIS takes seconds to be installed, a copy of a database that has it none.
            if not c.execute("SELECT 1 FROM pg_database WHERE datname = 'prepared'").fetchone():
                c.execute("CREATE DATABASE prepared")
                with self.postgres("prepared") as prepared:
                    prepared.execute("CREATE EXTENSION postgis")
            c.execute(f"CREATE DATABASE {name} TEMPLATE prepared")
            c.execute(f"GRANT CREATE ON DATABASE {name} TO {self.env('postgis')['POSTGRES_USER']}")
        wanted = ("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD")
        return {key: self.env("postgis")[key] for key in wanted} | {"POSTGRES_DB": name}

    def close(self) -> None:
        """At once: what they have is deleted."""
        try:
            for name in reversed(ALL):
                if (self.folder / name / "service.pid").exists():
                    os.kill(self.pid(name), signal.SIGQUIT if name == "postgis" else signal.SIGKILL)
                    self.stop(name)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class ServiceHome(Home):
    """A home whose store is MinIO, whose ledger speaks MongoDB and whose catalog and compute are in a PostGIS server."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self.settings = services.private()
        self.environment |= self.settings
        self.landing, self.lake, self.raw = (self.settings[name] for name in BUCKETS.values())
        endpoint = self.settings["MINIO_ENDPOINT_URL"]
        self.engine = s3_client(endpoint, self.settings["MINIO_ACCESS_KEY"], self.settings["MINIO_SECRET_KEY"])
        self.uploader = s3_client(endpoint, self.settings["MINIO_UPLOADER_ACCESS_KEY"],
                                  self.settings["MINIO_UPLOADER_SECRET_KEY"])
        self.mongo = services.mongo()
        self.ledger = self.mongo[self.settings["MONGODB_DATABASE"]]

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.engine.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def content(self, bucket: str, key: str) -> bytes:
        return self.engine.get_object(Bucket=bucket, Key=key)["Body"].read()

    def rows(self, query: str) -> list[tuple]:
        """What a query of its database finds."""
        with self.services.postgres(self.settings["POSTGRES_DB"]) as c:
            return c.execute(query).fetchall()

    def close(self) -> None:
        self.mongo.close()
        super().close()
