# SPDX-License-Identifier: Apache-2.0
"""Large and many small objects to and from MinIO by sluice's own client, beside boto3 on the same server; and what the
server itself takes for a small one, by curl, which hashes nothing."""

import concurrent.futures
import json
import os
import resource
import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common import DATA, ROOT, Options, Services, Unavailable, cpu_ms, row, s3, seconds, services

LARGE_BYTES, SMALL_BYTES, SMALL_COUNT, THREADS = 1 << 30, 64 << 10, 2000, 10
TOOL = ROOT / "build/release/tests/tools/store_bench"  # prints one object with "seconds"
BUCKET = "data-lake"
WAYS = ("up", "down", "up, many", "down, many")


@dataclass(frozen=True)
class Taken:
    seconds: float
    client_s: float  # of processor
    server_s: float


def taken(server: Services, work: Callable[[], float]) -> Taken:
    """work gives its seconds, its processor time is this process's or a child's."""
    def own() -> float:
        return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    pid = server.pid("minio")
    client, behind = own(), cpu_ms(pid)
    took = work()
    return Taken(took, own() - client, (cpu_ms(pid) - behind) / 1000)


def with_sluice(server: Services, source: Path, target: Path, count: int) -> list[Taken]:
    def tool(*args) -> float:
        done = subprocess.run([TOOL, BUCKET, *map(str, args)], env=os.environ | server.settings, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"{TOOL.name} {args[0]}: {done.stderr.strip()}")
        return json.loads(done.stdout)["seconds"]

    target.unlink(missing_ok=True)
    return [taken(server, lambda args=args: tool(*args)) for args in (
        ("put", source, "sluice/large"), ("get", "sluice/large", target), ("put-many", count, SMALL_BYTES),
        ("get-many", count, SMALL_BYTES))]


def with_boto3(server: Services, source: Path, target: Path, count: int) -> list[Taken]:
    """As its makers set it: parts of 8 MiB, ten at a time; small ones by as many threads."""
    client = s3(server.settings)
    names, body = [f"boto3/{n:05d}" for n in range(count)], os.urandom(SMALL_BYTES)
    target.unlink(missing_ok=True)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return [taken(server, lambda work=work: seconds(work)) for work in (
            lambda: client.upload_file(str(source), BUCKET, "boto3/large"),
            lambda: client.download_file(BUCKET, "boto3/large", str(target)),
            lambda: list(pool.map(lambda k: client.put_object(Bucket=BUCKET, Key=k, Body=body), names)),
            lambda: list(pool.map(lambda k: client.get_object(Bucket=BUCKET, Key=k)["Body"].read(), names)))]


def with_curl(server: Services, folder: Path, count: int) -> Taken:
    """Small objects up by URLs that are signed before; nothing is hashed, neither here nor for a checksum there."""
    client, body, script = s3(server.settings), folder / "curl-body", folder / "curl-config"
    body.write_bytes(os.urandom(SMALL_BYTES))
    urls = (client.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": f"curl/{n:05d}"}) for n in range(count))
    script.write_text("next\n".join(f'url = "{url}"\nupload-file = "{body}"\noutput = /dev/null\nfail\n' for url in urls))
    try:
        return taken(server, lambda: seconds(lambda: subprocess.run(
            ["curl", "-q", "-s", "-Z", "--parallel-max", str(THREADS), "-K", script], check=True, capture_output=True)))
    except (FileNotFoundError, subprocess.CalledProcessError) as reason:
        raise Unavailable(f"curl: {reason}") from None
    finally:
        body.unlink(missing_ok=True)
        script.unlink(missing_ok=True)


def rows(found: dict[str, list[list[Taken]]], i: int, amount: float, unit: str, per: str, size: str) -> Iterator[dict]:
    runs, way = len(found["sluice"]), WAYS[i].partition(",")[0]
    ratios = [b[i].seconds / a[i].seconds for a, b in zip(found["sluice"], found["boto3"])]
    for who, all_of in found.items():
        yield row(f"{who}, {way}", amount / statistics.median(t[i].seconds for t in all_of), unit, size, runs)
    yield row(f"sluice / boto3, {way}", statistics.median(ratios), "times", size, runs, least=min(ratios), most=max(ratios))
    for who, all_of in found.items():
        scale = 1000 / amount if per == "ms/object" else 1
        yield row(f"{who}, {way}: its processor", scale * statistics.median(t[i].client_s for t in all_of), per, size, runs)
        yield row(f"{who}, {way}: MinIO's processor", scale * statistics.median(t[i].server_s for t in all_of), per, size, runs)


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
    found: dict[str, list[list[Taken]]] = {"sluice": [], "boto3": []}
    curl: list[Taken] = []
    with services() as server:
        for n in range(options.runs):  # in turns, each first in every other: a busy minute of the machine is both's
            for who in ("sluice", "boto3") if n % 2 == 0 else ("boto3", "sluice"):
                work = with_sluice if who == "sluice" else with_boto3
                found[who].append(work(server, source, target, count))
            curl.append(with_curl(server, DATA, count))
    target.unlink(missing_ok=True)
    many = f"{count:,} of 64 KiB"
    for i, (size, amount, unit, per) in enumerate(2 * ((f"{large >> 20:,} MiB", large / 1e6, "MB/s", "s"),) +
                                                  2 * ((many, count, "objects/s", "ms/object"),)):
        yield from rows(found, i, amount, unit, per, size)
    yield row("curl, unhashed, up", count / statistics.median(t.seconds for t in curl), "objects/s", many, options.runs)
    yield row("curl, unhashed, up: MinIO's processor", 1000 / count * statistics.median(t.server_s for t in curl), "ms/object", many,
              options.runs)
