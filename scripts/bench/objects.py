# SPDX-License-Identifier: Apache-2.0
"""Large and many small objects to and from MinIO by sluice's own client, beside boto3 on the same server."""

import concurrent.futures
import json
import os
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

from common import DATA, ROOT, Options, Unavailable, row, seconds, services

LARGE_BYTES, SMALL_BYTES, SMALL_COUNT, THREADS = 1 << 30, 64 << 10, 2000, 10
TOOL = ROOT / "build/release/tests/tools/store_bench"  # prints one object with "seconds"
BUCKET = "data-lake"


def with_sluice(environment: dict[str, str], source: Path, target: Path, count: int) -> list[float]:
    out = []
    target.unlink(missing_ok=True)
    for args in (("put", source, "sluice/large"), ("get", "sluice/large", target), ("put-many", count, SMALL_BYTES),
                 ("get-many", count, SMALL_BYTES)):
        done = subprocess.run([TOOL, BUCKET, *map(str, args)], env=os.environ | environment, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"{TOOL.name} {args[0]}: {done.stderr.strip()}")
        out.append(json.loads(done.stdout)["seconds"])
    return out


def with_boto3(environment: dict[str, str], source: Path, target: Path, count: int) -> list[float]:
    """As its makers set it: parts of 8 MiB, ten at a time."""
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", endpoint_url=environment["MINIO_ENDPOINT_URL"], region_name="us-east-1",
                          aws_access_key_id=environment["MINIO_ACCESS_KEY"],
                          aws_secret_access_key=environment["MINIO_SECRET_KEY"], config=Config(s3={"addressing_style": "path"}))
    names, body = [f"boto3/{n:05d}" for n in range(count)], os.urandom(SMALL_BYTES)
    target.unlink(missing_ok=True)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return [seconds(lambda: client.upload_file(str(source), BUCKET, "boto3/large")),
                seconds(lambda: client.download_file(BUCKET, "boto3/large", str(target))),
                seconds(lambda: list(pool.map(lambda k: client.put_object(Bucket=BUCKET, Key=k, Body=body), names))),
                seconds(lambda: list(pool.map(lambda k: client.get_object(Bucket=BUCKET, Key=k)["Body"].read(), names)))]


def run(options: Options) -> Iterator[dict]:
    if not TOOL.exists():
        raise Unavailable(f"{TOOL} is not built: cmake --preset release -D SLUICE_TESTS=ON")
    large, count = (LARGE_BYTES // 10, SMALL_COUNT // 10) if options.short else (LARGE_BYTES, SMALL_COUNT)
    DATA.mkdir(parents=True, exist_ok=True)
    source, target = DATA / f"object-{large}", DATA / "object-back"
    if not source.exists():
        with source.open("wb") as out:
            for _ in range(large >> 20):
                out.write(os.urandom(1 << 20))
    found = {"sluice": [], "boto3": []}
    with services() as server:
        for _ in range(options.runs):  # in turns, so that a busy minute of the machine is both's
            found["sluice"].append(with_sluice(server.settings, source, target, count))
            found["boto3"].append(with_boto3(server.settings, source, target, count))
    target.unlink(missing_ok=True)
    many = f"{count:,} of 64 KiB"
    scales = (("up", f"{large >> 20:,} MiB", large / 1e6, "MB/s"), ("down", f"{large >> 20:,} MiB", large / 1e6, "MB/s"),
              ("up", many, count, "objects/s"), ("down", many, count, "objects/s"))
    for i, (way, size, amount, unit) in enumerate(scales):
        taken = {who: statistics.median(seconds_of[i] for seconds_of in runs) for who, runs in found.items()}
        for who, seconds_of in taken.items():
            yield row(f"{who}, {way}", amount / seconds_of, unit, size, options.runs)
        yield row(f"sluice / boto3, {way}", taken["boto3"] / taken["sluice"], "times", size, options.runs)
