# SPDX-License-Identifier: Apache-2.0
"""The S3 store beside boto3 on one MinIO: what the one writes the other reads, and both sign alike."""

import email.header
import hashlib
import os
import random
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from home import CONFIGURATION, ROOT, binary

BUCKET, USER, SECRET = "data-lake", "sluice-test", "sluice-test-secret"
HOSTILE = ["a b+c%20&=?#.txt", "Zürich/東京 🗺️.tif", "a'b\"c<d>&e;f", "line\nbreak", "tab\t", "%", "~-_.!*()"]


def tool() -> Path:
    """Beside the program, in the build folder's tests/tools."""
    return binary().resolve().parents[2] / "tests/tools/store_tool"


@pytest.fixture(scope="module")
def server():
    program = os.environ.get("SLUICE_MINIO_BINARY") or ROOT / ".cache/go/bin/minio"
    with tempfile.TemporaryDirectory(prefix="boto3-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(CONFIGURATION)}
        environment |= {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off"}
        with open(Path(folder) / "log", "wb") as log:
            minio = subprocess.Popen([program, "server", Path(folder) / "data", "--address", address], env=environment,
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"http://{address}/minio/health/live", timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    assert minio.poll() is None, "minio ended"
                    time.sleep(0.1)
            yield f"http://{address}"
        finally:
            minio.kill()
            minio.wait()


@pytest.fixture(scope="module")
def s3(server):
    config = Config(s3={"addressing_style": "path"}, proxies={})
    client = boto3.client("s3", endpoint_url=server, aws_access_key_id=USER, aws_secret_access_key=SECRET,
                          region_name="us-east-1", config=config)
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(scope="module")
def store(server, s3):
    def run(*args):
        environment = os.environ | {"MINIO_ENDPOINT_URL": server, "MINIO_ACCESS_KEY": USER, "MINIO_SECRET_KEY": SECRET}
        done = subprocess.run([tool(), BUCKET, *map(str, args)], env=environment, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()
    return run


def noise(path: Path, size: int) -> bytes:
    data = random.Random(4).randbytes(size)
    path.write_bytes(data)
    return data


@pytest.mark.parametrize("size", [0, 3, 9_000_000, 23_000_001])
def test_boto3_reads_what_the_store_writes(s3, store, tmp_path, size):
    data = noise(tmp_path / "in", size)
    store("put", tmp_path / "in", f"ours/{size}", "image/tiff", "mongodb_doc_id=0199a3c4", "name=Zürich — 東京")
    got = s3.get_object(Bucket=BUCKET, Key=f"ours/{size}", ChecksumMode="ENABLED")
    assert got["Body"].read() == data
    assert got["ContentType"] == "image/tiff"
    assert got["Metadata"]["mongodb_doc_id"] == "0199a3c4"
    assert str(email.header.make_header(email.header.decode_header(got["Metadata"]["name"]))) == "Zürich — 東京"
    assert got["ChecksumSHA256"]
    assert ("-" in got["ETag"]) == (size > 10 * 2**20)


@pytest.mark.parametrize("size", [0, 3, 23_000_001])
def test_the_store_reads_what_boto3_writes(s3, store, tmp_path, size):
    data = noise(tmp_path / "in", size)
    parts = TransferConfig(multipart_threshold=8 * 2**20, multipart_chunksize=5 * 2**20)
    s3.upload_file(str(tmp_path / "in"), BUCKET, f"theirs/{size}", Config=parts,
                   ExtraArgs={"Metadata": {"Run_Id": "7", "words": "a = b"}, "ContentType": "text/csv"})
    store("get", f"theirs/{size}", tmp_path / "out")
    assert hashlib.sha256((tmp_path / "out").read_bytes()).digest() == hashlib.sha256(data).digest()
    lines = store("head", f"theirs/{size}").splitlines()
    assert f"size={size}" in lines
    assert "meta.run_id=7" in lines and "meta.words=a = b" in lines
    assert f"etag={s3.head_object(Bucket=BUCKET, Key=f'theirs/{size}')['ETag'].strip(chr(34))}" in lines


def test_both_list_the_same_hostile_keys_in_the_same_order(s3, store, tmp_path):
    noise(tmp_path / "in", 5)
    for i, key in enumerate(HOSTILE):
        if i % 2:
            s3.put_object(Bucket=BUCKET, Key=f"keys/{key}", Body=b"12345")
        else:
            store("put", tmp_path / "in", f"keys/{key}", "text/plain")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="keys/")
    theirs = [(o["Key"], o["Size"], o["ETag"].strip('"')) for page in pages for o in page["Contents"]]
    ours = [tuple(entry.rsplit("\t", 2)) for entry in store("list", "keys/").split("\0")[:-1]]
    assert [(k, int(n), e) for k, n, e in ours] == theirs
    assert sorted(k for k, _, _ in theirs) == sorted(f"keys/{key}" for key in HOSTILE)


@pytest.mark.parametrize("key", ["plain.tif", *HOSTILE[:3]])
def test_presigned_urls_work_and_are_those_of_botocore(server, s3, store, tmp_path, key):
    put, get = store("presign", "PUT", key, 300).strip(), store("presign", "GET", key, 300).strip()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(urllib.request.Request(put, data=b"by URL", method="PUT"), timeout=30).close()
    with opener.open(get, timeout=30) as answer:
        assert answer.read() == b"by URL"
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"by URL"
    query = dict(part.split("=", 1) for part in get.split("?", 1)[1].split("&"))
    request = AWSRequest(method="GET", url=get.split("?", 1)[0])
    auth = S3SigV4QueryAuth(Credentials(USER, SECRET), "s3", "us-east-1", expires=300)
    request.context["timestamp"] = query["X-Amz-Date"]
    request.params = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": auth.scope(request),
                      "X-Amz-Date": query["X-Amz-Date"], "X-Amz-Expires": "300", "X-Amz-SignedHeaders": "host"}
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert query["X-Amz-Signature"] == signature
