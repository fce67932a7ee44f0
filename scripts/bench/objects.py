# SPDX-License-Identifier: Apache-2.0
"""Large and many small objects to and from MinIO by sluice's own client, beside boto3 on the same server."""

import concurrent.futures
import json
import os
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

from common import DATA, ROOT, Options, Unavailable, row, s3, seconds, services

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
    client, body, bucket = s3(environment), os.urandom(SMALL_BYTES), BUCKET
    names = [f"boto3/{n:05d}" for n in range(count)]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return [seconds(lambda: client.upload_file(str(source), bucket, "boto3/large")),
                seconds(lambda: client.download_file(bucket, "boto3/large", str(target))),
                seconds(lambda: list(pool.map(lambda k: client.put_object(Bucket=bucket, Key=k, Body=body), names))),
                seconds(lambda: list(pool.map(lambda k: client.get_object(Bucket=bucket, Key=k)["Body"].read(), names)))]


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
    with services() as environment:
        for who, measure in (("sluice", with_sluice), ("boto3", with_boto3)):
            found = [measure(environment, source, target, count) for _ in range(options.runs)]
            up, down, up_many, down_many = (statistics.median(column) for column in zip(*found))
            size, many = f"{large / (1 << 20):,.0f} MiB", f"{count:,} of 64 KiB"
            yield row(f"{who}, up", large / 1e6 / up, "MB/s", size, options.runs)
            yield row(f"{who}, down", large / 1e6 / down, "MB/s", size, options.runs)
            yield row(f"{who}, up", count / up_many, "objects/s", many, options.runs)
            yield row(f"{who}, down", count / down_many, "objects/s", many, options.runs)
    target.unlink(missing_ok=True)
