# SPDX-License-Identifier: Apache-2.0
"""MinIO and the MongoDB wire server behind TLS with a certificate of a site's own authority: trusted by its file, refused
without."""

import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
import pymongo
import pytest
from botocore.config import Config

from certificates import TlsFront, make_certificates
from home import ROOT, Home
from server import free_port
from services import clean_environment

START_S = 30
ROOT_USER, ROOT_PASSWORD = "root-of-tls", "a password of the test"


class Minio:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tls-"))
        self.certificates = self.folder / "certificates"
        self.certificates.mkdir()
        make_certificates(self.certificates)
        self.authority = self.certificates / "ca.pem"
        self.url = f"https://127.0.0.1:{free_port()}"
        environment = clean_environment() | {"MINIO_ROOT_USER": ROOT_USER, "MINIO_ROOT_PASSWORD": ROOT_PASSWORD,
                                             "MINIO_BROWSER": "off", "MINIO_UPDATE": "off"}
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [ROOT / ".cache/go/bin/minio", "server", self.folder / "data", "--address", self.url.removeprefix("https://"),
                 "--certs-dir", self.certificates, "--quiet"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._await()

    def _await(self) -> None:
        context = ssl.create_default_context(cafile=self.authority)
        deadline = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/minio/health/live", context=context, timeout=2):
                    return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def minio():
    running = Minio()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def tls_home(minio):
    fresh = Home()
    fresh.environment |= {"SLUICE_STORE_BACKEND": "s3", "MINIO_ENDPOINT_URL": minio.url, "MINIO_ACCESS_KEY": ROOT_USER,
                          "MINIO_SECRET_KEY": ROOT_PASSWORD}
    try:
        yield fresh
    finally:
        fresh.close()


def test_a_batch_goes_through_a_server_whose_authority_is_trusted(minio, tls_home):
    tls_home.environment["MINIO_CA_FILE"] = str(minio.authority)
    (tls_home.folder / "points.csv").write_text("x,y,name\n1,2,a\n3,4,b\n")
    tls_home.run("init")
    tls_home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--crs", "EPSG:4326", tls_home.folder / "points.csv")
    tls_home.run("run", "--once")
    asset = tls_home.run("asset", "list", "--json").json[0]
    client = boto3.client("s3", endpoint_url=minio.url, aws_access_key_id=ROOT_USER, aws_secret_access_key=ROOT_PASSWORD,
                          region_name="us-east-1", verify=str(minio.authority), config=Config(proxies={}))
    head = client.head_object(Bucket=asset["bucket"], Key=asset["s3_key"])
    assert head["Metadata"]["content_hash"] == asset["content_hash"]
    tls_home.run("verify", "--deep")


@pytest.mark.parametrize("trusted", [None, "another"])
def test_a_server_of_an_unknown_authority_is_refused_in_one_line(minio, tls_home, trusted, tmp_path):
    if trusted:
        make_certificates(tmp_path)
        tls_home.environment["MINIO_CA_FILE"] = str(tmp_path / "ca.pem")
    refused = tls_home.run("init", check=False)
    assert refused.code != 0
    lines = refused.err.strip().splitlines()
    assert len(lines) == 2 and lines[1].startswith("hint: "), refused
    assert minio.url.removeprefix("https://") in lines[0] and "certificate" in lines[0]
    assert ROOT_PASSWORD not in refused.err


@pytest.fixture
def tls_ledger(services, service_home):
    """A home whose ledger is reached by TLS only, and the folder of its certificates."""
    folder = service_home.folder / "certificates"
    folder.mkdir()
    make_certificates(folder)
    host, port = services.env("mongodb")["MONGODB_URI"].removeprefix("mongodb://").rstrip("/").split(":")
    front = TlsFront(folder, (host, int(port)))
    try:
        yield front, folder
    finally:
        front.close()


def test_a_ledger_is_reached_by_tls_when_its_authority_is_trusted(service_home, tls_ledger):
    front, folder = tls_ledger
    service_home.environment |= {"MONGODB_URI": f"mongodb://127.0.0.1:{front.port}/",
                                 "SLUICE_MONGODB_CA_FILE": str(folder / "ca.pem")}
    (service_home.folder / "points.csv").write_text("x,y,name\n1,2,a\n3,4,b\n")
    service_home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--crs", "EPSG:4326",
                     service_home.folder / "points.csv")
    service_home.run("run", "--once")
    with pymongo.MongoClient("127.0.0.1", front.port, tls=True, tlsCAFile=str(folder / "ca.pem")) as client:
        found = client[service_home.settings["MONGODB_DATABASE"]].assets.find_one()
    assert found == service_home.ledger.assets.find_one() and found["dataset_id"] == "points"


@pytest.mark.parametrize("trusted", [None, "another", "none there"])
def test_a_ledger_of_an_unknown_authority_is_refused_in_one_line(service_home, tls_ledger, trusted, tmp_path):
    front, _ = tls_ledger
    make_certificates(tmp_path)
    uri = f"mongodb://ana:top%20secret@127.0.0.1:{front.port}/?tls=true&serverSelectionTimeoutMS=3000"
    service_home.environment["MONGODB_URI"] = uri
    if trusted:
        name = "ca.pem" if trusted == "another" else "no-such.pem"
        service_home.environment["SLUICE_MONGODB_CA_FILE"] = str(tmp_path / name)
    refused = service_home.run("ledger", "find", "assets", check=False)
    assert refused.code != 0 and refused.out == ""
    lines = refused.err.strip().splitlines()
    if trusted == "none there":
        assert len(lines) == 1 and "no-such.pem" in lines[0] and refused.code == 78, refused
    else:
        assert len(lines) == 2 and "certificate" in lines[0] and "mongodb.ca_file" in lines[1], refused
    assert "secret" not in refused.err
