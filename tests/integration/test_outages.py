# SPDX-License-Identifier: Apache-2.0
"""While the store, or the ledger, is killed and comes back: batches of `serve` go on, nothing is lost, nothing is there
twice; who watches the ledger goes on watching."""

import json
import signal
import subprocess
import time

import botocore.exceptions
import geopandas
import pytest
from shapely.geometry import Point

from home import binary
from services import ServiceHome, Services
from watching import Watcher

WAIT_S = 180
ROWS = 50
SLOW = """apiVersion: sluice/v1
kind: Recipe
name: slow
version: 1
intents: [slow]
type: vector
steps:
  - sql: {select: "SELECT t.* FROM {{input}} t, (SELECT pg_sleep(1)) s"}
outputs:
  - geoparquet: {}
"""


@pytest.fixture(scope="module")
def own():
    """Servers that nobody else uses, for they are killed."""
    running = Services()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def home(own):
    fresh = ServiceHome(own)
    try:
        fresh.run("init")
        (fresh.path / "recipes").mkdir(exist_ok=True)
        (fresh.path / "recipes" / "slow.yaml").write_text(SLOW)
        yield fresh
    finally:
        fresh.close()


@pytest.fixture
def serve(home):
    log = home.folder / "serve.log"
    with log.open("w") as out:
        process = subprocess.Popen([binary(), "-c", "log.format=json", "-c", "sensor.poll=300ms", "-c", "run.workers=2",
                                    "-c", "run.poll=500ms", "serve"], cwd=home.folder, env=home.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out, start_new_session=True)
    process.log = log
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(condition, what: str):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    pytest.fail(f"not within {WAIT_S} s: {what}")


def upload(home, batch: str) -> None:
    """As users do, with other people's clients: the file, then the manifest."""
    path = home.folder / f"{batch}.gpkg"
    geopandas.GeoDataFrame({"n": range(ROWS)}, geometry=[Point(i, len(batch)) for i in range(ROWS)],
                           crs="EPSG:4326").to_file(path, driver="GPKG", engine="pyogrio")
    manifest = {"batch_id": batch, "uploader": "ana", "intent": "slow", "metadata": {"project": "p", "description": "d"},
                "files": [{"path": f"s3://{home.landing}/{batch}/{batch}.gpkg", "type": "vector", "format": "GPKG",
                           "crs": "EPSG:4326"}]}
    home.uploader.upload_file(str(path), home.landing, f"{batch}/{batch}.gpkg")
    home.uploader.put_object(Bucket=home.landing, Key=f"manifests/{batch}.json", Body=json.dumps(manifest).encode())


def running(home) -> bool:
    return home.ledger.manifests.count_documents({"status": "running"}) > 0


def ended(home, n: int) -> bool:
    try:
        return home.ledger.manifests.count_documents({"status": {"$in": ["succeeded", "failed", "quarantined"]}}) == n
    except Exception:  # noqa: BLE001 - the ledger is away
        return False


def logged(process, event: str) -> bool:
    return any(json.loads(line)["event"] == event for line in process.log.read_text().splitlines() if line.startswith("{"))


def assert_each_once(home, batches: list[str]) -> None:
    manifests = {d["batch_id"]: d for d in home.ledger.manifests.find()}
    assert {b: manifests[b]["status"] for b in manifests} == dict.fromkeys(batches, "succeeded"), manifests
    assert all(d["crashes"] == 0 for d in manifests.values()), "a service that went away is no batch's fault"
    assets = list(home.ledger.assets.find())
    assert sorted((a["dataset_id"], a["version"], a["row_count"]) for a in assets) == sorted((b, 1, ROWS) for b in batches)
    assert home.rows("SELECT count(*) FROM catalog.assets") == [(len(batches),)]
    assert sorted(k for k in home.keys(home.landing) if k.endswith(".json")) == sorted(f"archive/{b}.json" for b in batches)
    assert [d for d in home.ledger.work.find() if "dataset_id" in d] == []
    assert home.run("verify", "--deep", "--json").json["problems"] == []


def stop(process) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0, process.log.read_text()


def test_serve_goes_on_when_the_store_was_killed_and_is_there_again(own, home, serve):
    before = [f"store-{i}" for i in range(4)]
    for batch in before:
        upload(home, batch)
    wait_until(lambda: running(home), "a batch at work")
    own.kill("minio")
    wait_until(lambda: logged(serve, "sensor.store_lost") or logged(serve, "worker.store_lost"), "the loss in the log")
    with pytest.raises((botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)):
        upload(home, "store-lost")
    assert serve.poll() is None
    own.start("minio")
    upload(home, "store-after")
    wait_until(lambda: ended(home, 5), "the end of five batches")
    stop(serve)
    assert_each_once(home, [*before, "store-after"])


def test_serve_goes_on_when_the_ledger_was_killed_and_is_there_again(own, home, serve):
    before = [f"ledger-{i}" for i in range(4)]
    for batch in before:
        upload(home, batch)
    wait_until(lambda: running(home), "a batch at work")
    own.kill("mongodb")
    upload(home, "ledger-meanwhile")
    wait_until(lambda: logged(serve, "supervisor.reconnect"), "the loss in the log")
    assert serve.poll() is None
    own.start("mongodb")
    upload(home, "ledger-after")
    wait_until(lambda: ended(home, 6), "the end of six batches")
    stop(serve)
    assert_each_once(home, [*before, "ledger-meanwhile", "ledger-after"])


def test_a_watcher_goes_on_when_the_ledger_was_killed_and_is_there_again(own, home):
    with Watcher(home) as watcher:
        watcher.wait_for("before", lambda batch: upload_and_run(home, batch))
        own.kill("mongodb")
        watcher.wait_for_loss()
        own.start("mongodb")
        watcher.wait_for("after", lambda batch: upload_and_run(home, batch))
        assert watcher.stop() == 0
    assert watcher.told == ["lost", "again"]


def upload_and_run(home, batch: str) -> None:
    upload(home, batch)
    home.run("run", "--once")
