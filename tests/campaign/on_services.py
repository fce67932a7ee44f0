# SPDX-License-Identifier: Apache-2.0
"""MinIO, a MongoDB wire server and a PostGIS server as the campaign's world."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import psycopg
import pymongo
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from home import ROOT
from services import NAMES, read_env
from world import World

UPLOAD_DEADLINE_S = 60


class OnServices(World):
    name = "services"

    def _begin(self) -> None:
        self.environment, self.mongo = {}, None
        for name in NAMES:
            self._start(name)
            self.environment |= read_env(self._folder(name) / "env")
        self.home.environment |= self.environment | {"SLUICE_STORE_BACKEND": "s3", "SLUICE_LEDGER_BACKEND": "mongo"}
        self.root = self._s3(read_env(self._folder("minio") / "admin.env"), "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")
        self.uploader = self._s3(self.environment, "MINIO_UPLOADER_ACCESS_KEY", "MINIO_UPLOADER_SECRET_KEY")
        self.mongo = pymongo.MongoClient(self.environment["MONGODB_URI"])
        self.home.run("init")

    def _folder(self, name: str) -> Path:
        return self.home.folder / "services" / name

    def _script(self, name: str, verb: str) -> None:
        done = subprocess.run([ROOT / "services" / name / "dev" / verb, self._folder(name)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{name} {verb} ended with {done.returncode}: {done.stdout}{done.stderr}")

    def _start(self, name: str) -> None:
        self._script(name, "start")

    def _kill(self, name: str) -> None:
        pid, started = (self._folder(name) / "service.pid").read_text().split()
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        assert stat[19] == started, f"{name} is not what was started"
        os.kill(int(pid), signal.SIGKILL)

    def services(self) -> dict:
        """Name of what can be killed: (kill, start)."""
        return {name: (lambda n=name: self._kill(n), lambda n=name: self._start(n)) for name in NAMES}

    def _s3(self, env: dict, user: str, password: str):
        return boto3.client("s3", endpoint_url=self.environment["MINIO_ENDPOINT_URL"], aws_access_key_id=env[user],
                            aws_secret_access_key=env[password], region_name="us-east-1",
                            config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=20))

    def put(self, key: str, data: bytes) -> None:
        deadline = time.monotonic() + UPLOAD_DEADLINE_S
        while True:
            try:
                self.uploader.put_object(Bucket=self.landing, Key=key, Body=data)
                return
            except (BotoCoreError, ClientError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def keys(self, bucket: str) -> list[str]:
        pages = self.root.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def objects(self, bucket: str) -> dict:
        """Bytes and user metadata of each object."""
        found = {}
        for key in self.keys(bucket):
            answer = self.root.get_object(Bucket=bucket, Key=key)
            found[key] = (answer["Body"].read(), answer["Metadata"])
        return found

    def documents(self, collection: str) -> list[dict]:
        return list(self.mongo.get_default_database("sluice")[collection].find())

    def _connect(self) -> psycopg.Connection:
        e = self.environment
        return psycopg.connect(host=e["POSTGRES_HOST"], port=e["POSTGRES_PORT"], user=e["POSTGRES_USER"],
                               password=e["POSTGRES_PASSWORD"], dbname=e["POSTGRES_DB"], autocommit=True)

    def uploads(self) -> list[str]:
        found = []
        for bucket in (self.landing, self.lake, self.raw):
            answer = self.root.list_multipart_uploads(Bucket=bucket)
            found += [f"{bucket}/{u['Key']}" for u in answer.get("Uploads", [])]
        return found

    def close(self, keep: bool = False) -> None:
        if self.mongo:
            self.mongo.close()
        for name in NAMES:
            if self._folder(name).exists():
                self._script(name, "stop")
        if not keep:
            self.home.close()
