# SPDX-License-Identifier: Apache-2.0
"""`serve` behind a network that refuses, resets, cuts, swallows and delays what it says to MinIO, to the MongoDB wire server
and to PostGIS, and what they answer: each batch ends once and whole, or says why not, and the next one is ingested.

Where a batch stands is held by locks of the test's own in PostgreSQL: the recipe waits for an advisory lock (computing), a
row of the catalog for its table (archiving: raw_files, publishing: assets). So a fault that begins before the lock is given
up swallows, or cuts, the answer to a statement that is then carried out."""

import json
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import geopandas
import pytest
from shapely.geometry import Point

from home import binary
from services import ServiceHome
from toxiproxy import Toxiproxy

WAIT_S = 120
FAULT_S = 1.2  # longer than the limits below: a fault that lasts is noticed as one
ROWS, MANY = 20, 120_000
GATE, WORKERS = 4242, 3
RECIPE = f"""apiVersion: sluice/v1
kind: Recipe
name: gated
version: 1
intents: [gated]
type: vector
steps:
  - sql: {{select: "SELECT t.* FROM {{{{input}}}} t, (SELECT pg_advisory_xact_lock_shared({GATE})) g"}}
outputs:
  - geoparquet: {{}}
"""
QUICK = {"SLUICE_MINIO_TIMEOUT": "500ms", "SLUICE_MINIO_RETRIES": "2", "SLUICE_MINIO_PART_SIZE": "5MiB",
         "SLUICE_MONGODB_TIMEOUT": "1s", "SLUICE_POSTGRES_TIMEOUT": "20s", "SLUICE_COMPUTE_STATEMENT_TIMEOUT": "60s",
         "SLUICE_RUN_RETRY_BASE": "100ms",
         "SLUICE_RUN_RETRY_MAX": "500ms", "SLUICE_RUN_RETRIES": "20", "SLUICE_RUN_LEASE": "5s", "SLUICE_RUN_POLL": "200ms",
         "SLUICE_RUN_WORKERS": str(WORKERS), "SLUICE_SENSOR_POLL": "200ms", "SLUICE_LOG_FORMAT": "json"}
SERVICES = ("minio", "mongodb", "postgis")
PATIENT = {"SLUICE_MINIO_TIMEOUT": "10s", "SLUICE_MONGODB_TIMEOUT": "10s"}
STAGES = {"publishing": "assets", "computing": None, "archiving": "raw_files"}  # and the table of the catalog they wait for


class World:
    """A home whose servers are behind proxies, `serve` at work in it, and the test's own direct way to the servers."""

    def __init__(self, services) -> None:
        with ExitStack() as undo:
            self.home = ServiceHome(services)
            undo.callback(self.home.close)
            settings = self.home.settings
            mongodb = settings["MONGODB_URI"].removeprefix("mongodb://").rstrip("/")
            self.net = Toxiproxy({"minio": settings["MINIO_ENDPOINT"], "mongodb": mongodb,
                                  "postgis": f"{settings['POSTGRES_HOST']}:{settings['POSTGRES_PORT']}"})
            undo.callback(self.net.close)
            minio = f"127.0.0.1:{self.net['minio'].port}"
            self.home.environment |= QUICK | {
                "MINIO_ENDPOINT": minio, "MINIO_ENDPOINT_URL": f"http://{minio}",
                "MONGODB_URI": f"mongodb://127.0.0.1:{self.net['mongodb'].port}/",
                "POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(self.net["postgis"].port)}
            self.home.run("init")
            (self.home.path / "recipes").mkdir(exist_ok=True)
            (self.home.path / "recipes" / "gated.yaml").write_text(RECIPE)
            self.files = {n: self._points(n) for n in (ROWS, MANY)}
            self.batches: dict[str, int] = {}
            self._serve()
            self._undo = undo.pop_all()

    def _points(self, n: int):
        path = self.home.folder / f"points-{n}.gpkg"
        geopandas.GeoDataFrame({"n": range(n), "name": [f"point {i * 7919 % n:x}" for i in range(n)]},
                               geometry=[Point(i % 360 - 180, i % 170 / 2) for i in range(n)],
                               crs="EPSG:4326").to_file(path, driver="GPKG", engine="pyogrio")
        return path

    def _serve(self) -> None:
        self.log = self.home.folder / "serve.log"
        with self.log.open("w") as out:
            self.serve = subprocess.Popen([binary(), "serve"], cwd=self.home.folder, env=self.home.environment,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out,
                                          start_new_session=True)

    def close(self) -> None:
        try:
            self.serve.terminate()
            self.serve.wait(WAIT_S)
        finally:
            self.serve.kill()
            self.serve.wait()
            self._undo.close()

    def upload(self, batch: str, rows: int = ROWS) -> None:
        home, key = self.home, f"{batch}/{batch}.gpkg"
        manifest = {"batch_id": batch, "uploader": "ana", "intent": "gated", "metadata": {"project": "p", "description": "d"},
                    "files": [{"path": f"s3://{home.landing}/{key}", "type": "vector", "format": "GPKG", "crs": "EPSG:4326"}]}
        home.uploader.upload_file(str(self.files[rows]), home.landing, key)
        home.uploader.put_object(Bucket=home.landing, Key=f"manifests/{batch}.json", Body=json.dumps(manifest).encode())
        self.batches[batch] = rows

    @contextmanager
    def one_at_each_stage(self, name: str):
        """A batch that waits in each stage, the last one first: each lock holds all that come by after it."""
        with self.home.services.postgres(self.home.settings["POSTGRES_DB"]) as c:
            c.autocommit = False
            for stage, table in STAGES.items():
                c.execute(f"LOCK TABLE catalog.{table} IN EXCLUSIVE MODE" if table else f"SELECT pg_advisory_xact_lock({GATE})")
                self.upload(f"{name}-{stage}")
                waits = f"relation = 'catalog.{table}'::regclass" if table else "locktype = 'advisory'"
                wait_until(lambda: c.execute(f"SELECT 1 FROM pg_locks WHERE NOT granted AND {waits}").fetchone(),
                           f"{name}-{stage} at its stage", self)
            yield
            c.rollback()

    def workers(self) -> int:
        threads = Path(f"/proc/{self.serve.pid}/task").glob("*")
        return sum(len((thread / "children").read_text().split()) for thread in threads)

    def status(self, batch: str) -> str | None:
        doc = self.home.ledger.manifests.find_one({"batch_id": batch})
        return doc and doc["status"]

    def end(self, batch: str) -> dict:
        wait_until(lambda: self.status(batch) in ("succeeded", "failed", "quarantined"), f"the end of {batch}", self)
        return self.home.ledger.manifests.find_one({"batch_id": batch})

    def check(self, batch: str) -> None:
        """It succeeded: what is in the ledger, the lake, the vault and the catalog is there once."""
        home, doc = self.home, self.end(batch)
        assert doc["status"] == "succeeded", doc
        assert doc["crashes"] == 0, "what the network does is no batch's fault"
        [asset] = home.ledger.assets.find({"batch_id": batch})
        assert (asset["dataset_id"], asset["version"], asset["row_count"]) == (batch, 1, self.batches[batch])
        assert home.rows(f"SELECT id::text FROM catalog.assets WHERE batch_id = '{batch}'") == [(asset["_id"],)]
        assert home.rows(f"SELECT count(*) FROM catalog.raw_file_details WHERE batch_id = '{batch}'") == [(1,)]
        assert sorted(home.keys(home.lake, f"{batch}/")) == sorted(
            [asset["s3_key"], *(d["s3_key"] for d in asset["documents"])])
        wait_until(lambda: not home.keys(home.landing, f"manifests/{batch}.json"), f"the manifest of {batch} in archive/", self)


def wait_until(condition, what: str, world: World):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        assert world.serve.poll() is None, world.log.read_text()[-4000:]
        time.sleep(0.05)
    pytest.fail(f"not within {WAIT_S} s: {what}\n{world.log.read_text()[-4000:]}")


@pytest.fixture(scope="module")
def world(services):
    fresh = World(services)
    try:
        yield fresh
    finally:
        fresh.close()


FAULTS = {
    "refuse": lambda proxy: proxy.refused(),
    "reset": lambda proxy: proxy.reset(),
    "no answer": lambda proxy: proxy.cut_after(0),
    "answer cut": lambda proxy: proxy.cut_after(100),
    "silence": lambda proxy: proxy.stalled(),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("fault", FAULTS)
def test_batches_at_each_stage_are_ingested_once_although(world, service, fault):
    name = f"{service}-{fault}".replace(" ", "-")
    with ExitStack() as hurt:
        with world.one_at_each_stage(name):
            hurt.enter_context(FAULTS[fault](world.net[service]))
        time.sleep(FAULT_S)
    for stage in STAGES:
        world.check(f"{name}-{stage}")


def test_a_postgres_that_falls_silent_is_given_up_while_it_is_silent(world):
    """A stopped server, or a network that loses everything, ends no connection."""
    home = world.home
    quick = PATIENT | {"SLUICE_POSTGRES_TIMEOUT": "1s", "SLUICE_RUN_RETRIES": "1"}
    with world.home.services.postgres(home.settings["POSTGRES_DB"]) as c:
        c.autocommit = False
        c.execute("LOCK TABLE catalog.assets IN ACCESS EXCLUSIVE MODE")
        silent = home.run("verify", env=quick, check=75)
        c.rollback()
    assert "does not answer (silent for 1.0 s)" in silent.err, str(silent)
    waiting = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{home.settings['POSTGRES_DB']}' AND wait_event_type = 'Lock'"
    wait_until(lambda: not home.rows(waiting), "the end of the statement that nobody waits for", world)


def test_the_answers_may_be_slow(world):
    with ExitStack() as slow:
        for service in SERVICES:
            slow.enter_context(world.net[service].slow(30))
        world.upload("slow")
        world.check("slow")


def test_a_large_object_is_put_although_the_connection_ends_in_the_middle_of_it(world):
    """In parts of 5 MiB."""
    batch = "large"
    assert world.files[MANY].stat().st_size > 10 << 20
    with world.net["minio"].cut_after(6_000_000, "upstream"):
        world.upload(batch, MANY)
        wait_until(lambda: world.status(batch), "the batch in the ledger", world)
        time.sleep(2 * FAULT_S)
    world.check(batch)
    assert "Uploads" not in world.home.engine.list_multipart_uploads(Bucket=world.home.raw)


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_table_is_copied_although_the_connection_ends_in_the_middle_of_it(world, stream):
    """Rows go to PostGIS (upstream) and come back (downstream) by COPY."""
    batch = f"copy-{stream}"
    with world.net["postgis"].cut_after(1_000_000, stream):
        world.upload(batch, MANY)
        wait_until(lambda: world.status(batch) == "running", "the batch at work", world)
        time.sleep(2 * FAULT_S)
    world.check(batch)


def test_after_all_that_nothing_is_left_over_and_all_agree(world):
    home = world.home
    assert {d["batch_id"] for d in home.ledger.manifests.find({"status": "succeeded"})} == set(world.batches)
    assert home.ledger.assets.count_documents({}) == len(world.batches)
    assert home.rows("SELECT count(*) FROM catalog.assets") == [(len(world.batches),)]
    assert [d for d in home.ledger.work.find() if "dataset_id" in d] == []
    wait_until(lambda: world.workers() == WORKERS, "as many workers as at first", world)
    home.run("gc", "--grace", "0s", "--yes", env=PATIENT)
    assert home.run("verify", "--deep", "--json", env=PATIENT).json["problems"] == []
    assert home.keys(home.landing, "manifests/") == home.keys(home.landing, "quarantine/") == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_run_that_cannot_reach_a_service_says_so_in_one_line(world, service):
    """Whoever runs it by hand: an exit code for scripts, one line, and nothing that hangs."""
    quick = {"SLUICE_RUN_RETRIES": "1", "SLUICE_LOG_FORMAT": "text"}
    for fault in ("refuse", "no answer") if service == "postgis" else ("refuse", "no answer", "silence"):
        with FAULTS[fault](world.net[service]):
            result = world.home.run("verify", env=quick, check=75)
        assert f"127.0.0.1:{world.net[service].port}" in result.err, str(result)
        assert len([line for line in result.err.splitlines() if line.strip()]) <= 2, str(result)
