# SPDX-License-Identifier: Apache-2.0
"""What the measurements share: a home of their own, services, processor time, medians."""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".cache/bench"
BINARY = os.environ.get("SLUICE_BINARY", str(ROOT / "build/release/engine/cli/sluice"))
# What a caller's own configuration would change.
CONFIGURATION = ("SLUICE_", "MINIO_", "MONGO", "POSTGRES_", "PG", "CLICKHOUSE_", "AWS_")


class Unavailable(Exception):
    """Something that a measurement needs is not there."""


@dataclass(frozen=True)
class Options:
    runs: int
    short: bool
    workers: int
    world: str
    batches: int | None
    large: bool = False

    def worlds(self) -> list[str]:
        return ["embedded", "services"] if self.world == "all" else [self.world]


def cores() -> int:
    return len(os.sched_getaffinity(0))


def load() -> float:
    return os.getloadavg()[0]


def median(measure: Callable[[], float], runs: int) -> float:
    return statistics.median(measure() for _ in range(runs))


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def row(case: str, value: float, unit: str, size: str, of: int, **more) -> dict:
    return {"case": case, "value": value, "unit": unit, "size": size, "of": of, **more}


class Home:
    """A home of its own, which PostgreSQL's account can enter; with services, one that uses those."""

    def __init__(self, services: "Services | None" = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.folder.chmod(0o755)
        self.path = self.folder / "sluice"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(CONFIGURATION)}
        self.environment |= {"SLUICE_HOME": str(self.path), "NO_COLOR": "1", "USER": "bench"} | (services.settings if services else {})
        self.services = services

    def start(self, *args, **more) -> subprocess.Popen:
        return subprocess.Popen([BINARY, *map(str, args)], cwd=self.folder, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def run(self, *args) -> str:
        process = self.start(*args)
        out, err = process.communicate()
        if process.returncode:
            raise Unavailable(f"sluice {' '.join(map(str, args))} ended with {process.returncode}: {err or out}")
        return out

    def json(self, *args):
        return json.loads(self.run(*args, "--json"))

    def put(self, key: str, body: bytes) -> None:
        """Into the landing zone, as a user of this store would."""
        if self.services:
            s3(self.environment).put_object(Bucket="landing-zone", Key=key, Body=body)
            return
        path = self.path / "store/landing-zone" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{path.name}.part"
        part.write_bytes(body)
        part.rename(path)

    def close(self) -> None:
        try:
            if (self.path / "postgres").exists():
                self.run("stop")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


_clients: dict = {}


def s3(environment: dict[str, str]):
    import boto3
    from botocore.config import Config

    url = environment["MINIO_ENDPOINT_URL"]
    if url not in _clients:
        _clients[url] = boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                                     aws_access_key_id=environment["MINIO_ACCESS_KEY"],
                                     aws_secret_access_key=environment["MINIO_SECRET_KEY"],
                                     config=Config(max_pool_connections=64, s3={"addressing_style": "path"}))
    return _clients[url]


@dataclass(frozen=True)
class Services:
    folder: Path
    settings: dict[str, str]

    def pid(self, name: str) -> int:
        return int((self.folder / name / "service.pid").read_text().split()[0])


@contextlib.contextmanager
def services() -> Iterator[Services]:
    """MinIO, a MongoDB wire server and PostGIS, fresh, as long as the block lasts."""
    script, folder = ROOT / "scripts/services.sh", Path(tempfile.mkdtemp(prefix="bench-services-"))
    folder.chmod(0o755)
    done = subprocess.run([script, "up", "--dir", folder], capture_output=True, text=True)
    try:
        if done.returncode:
            raise Unavailable(f"scripts/services.sh up: {(done.stderr or done.stdout).strip()}")
        lines = [line.partition("=") for line in (folder / "env").read_text().splitlines() if "=" in line and line[0] != "#"]
        yield Services(folder, {name: value.strip("'\"") for name, _, value in lines})
    finally:
        subprocess.run([script, "down", "--dir", folder, "--delete"], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def home(world: str) -> Iterator[Home]:
    with contextlib.ExitStack() as stack:
        one = Home(stack.enter_context(services()) if world == "services" else None)
        stack.callback(one.close)
        one.run("init")
        yield one


def tree(pid: int) -> list[int]:
    """A process and what it started."""
    found = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                found += tree(int(path.parent.name))
    return found


def cpu_ms(pid: int) -> float:
    """Processor time of a process, what it waited for and what it started."""
    total = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return total * 1000 / os.sysconf("SC_CLK_TCK")


def servers(home: Home) -> dict[str, int]:
    """What works beside sluice: names and process ids."""
    if home.services:
        return {"MinIO": home.services.pid("minio"), "ledger": home.services.pid("mongodb"),
                "PostgreSQL": home.services.pid("postgis")}
    return {"PostgreSQL": int(path.read_text().splitlines()[0]) for path in home.path.glob("postgres/data/postmaster.pid")}
