# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed, and whenever: after the next run each batch is in the lake and the ledger once and whole."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import geopandas
import numpy
import psycopg
import pytest
from shapely.geometry import Point

from home import Home, binary

STAGES = ["archive", "dedupe", "load", "steps", "check", "write", "publish"]
ROWS = 20000


def write_points(path: Path, seed: int) -> Path:
    """Points all over the world, reproducible, enough of them that every stage takes a moment."""
    random = numpy.random.default_rng(seed)
    frame = geopandas.GeoDataFrame({"n": range(ROWS), "name": [f"p{i}" for i in range(ROWS)]},
                                   geometry=[Point(x, y) for x, y in random.uniform((-170, -80), (170, 80), (ROWS, 2))],
                                   crs="EPSG:4326")
    frame.to_file(path, driver="GPKG", engine="pyogrio")
    return path


def start(home: Home, *args) -> subprocess.Popen:
    return subprocess.Popen([binary(), "-c", "log.level=debug", "-c", "log.format=json", *args], cwd=home.folder,
                            env=home.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_stage(process: subprocess.Popen, stage: str) -> None:
    """Reads the log until a worker says that it begins the stage."""
    seen = []
    for text in process.stderr:
        seen.append(text)
        if text.startswith("{"):
            line = json.loads(text)
            if line.get("event") == "run.stage_begin" and line.get("stage") == stage:
                return
    pytest.fail(f"stage {stage} was never begun:\n{''.join(seen)}")


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def connect(home: Home) -> psycopg.Connection:
    pid_file = next(home.path.rglob("postmaster.pid")).read_text().splitlines()
    return psycopg.connect(host=pid_file[4], port=pid_file[3], dbname="sluice", user="sluice", autocommit=True)


def assert_once_and_whole(home: Home, batch: str, dataset: str) -> None:
    show = home.run("batch", "show", batch, "--json").json
    assert show["status"] == "succeeded", show
    assets = [a for a in home.run("ledger", "find", "assets", json.dumps({"batch_id": batch}), "--json").json]
    assert [(a["dataset_id"], a["version"]) for a in assets] == [(dataset, 1)]
    assert assets[0]["row_count"] == ROWS
    report = home.run("verify", "--deep", "--json").json
    assert report["problems"] == []
    # Nothing is left of the attempts that were killed.
    with connect(home) as connection:
        schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proc\\_%'").fetchall()
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'proc\\_%'").fetchall()
        raw = connection.execute("SELECT count(*) FROM catalog.raw_files WHERE dataset = %s", (dataset,)).fetchone()
    assert schemas == [] and roles == []
    assert raw == (1,)
    scratch = home.path / "tmp"
    assert not scratch.exists() or list(scratch.iterdir()) == []
    landing = home.path / "store" / "landing-zone"
    places = [p.relative_to(landing).as_posix() for p in landing.rglob(f"{batch}*.json")]
    assert places == [f"archive/{batch}.json"]
    objects = sorted(p.name for p in (home.path / "store" / "data-lake" / dataset).rglob("*") if p.is_file())
    assert objects[-1:] == [f"{dataset}.stac.json"] or objects[0].startswith(dataset)
    vault = [p for p in (home.path / "store" / "raw-vault").rglob("*") if p.is_file() and f"/{dataset}/" in p.as_posix()]
    assert len(vault) == 1, "archived once, whatever was killed"


@pytest.mark.parametrize("stage", STAGES)
def test_after_the_whole_program_is_killed_the_next_run_finishes_the_batch(home, stage):
    batch, dataset = f"all-{stage}", f"all_{stage}"
    home.run("submit", "--batch", batch, "--intent", "ingest_vector", "--type", "vector", "--dataset", dataset,
             write_points(home.folder / f"{batch}.gpkg", STAGES.index(stage)))
    process = start(home, "run", "--once")
    wait_for_stage(process, stage)
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{w}").exists() for w in workers) and time.monotonic() < deadline:
        time.sleep(0.01)
    home.run("run", "--once")
    assert_once_and_whole(home, batch, dataset)


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_is_killed_costs_an_attempt_and_no_more(home, stage):
    batch, dataset = f"worker-{stage}", f"worker_{stage}"
    home.run("submit", "--batch", batch, "--intent", "ingest_vector", "--type", "vector", "--dataset", dataset,
             write_points(home.folder / f"{batch}.gpkg", 100 + STAGES.index(stage)))
    process = start(home, "run", "--once")
    wait_for_stage(process, stage)
    for worker in children(process.pid):
        os.kill(worker, signal.SIGKILL)
    process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert_once_and_whole(home, batch, dataset)


def test_a_batch_that_kills_its_worker_twice_is_quarantined_and_the_next_is_fine(home):
    batch = "poison"
    home.run("submit", "--batch", batch, "--intent", "ingest_vector", "--type", "vector", "--dataset", batch,
             write_points(home.folder / "poison.gpkg", 1000))
    process = start(home, "run", "--once")
    killed: set[int] = set()
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        text = process.stderr.readline()
        if '"run.stage_begin"' in text and '"stage":"load"' in text.replace(": ", ":"):
            for worker in set(children(process.pid)) - killed:
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
    process.stderr.close()
    assert process.wait() == 1
    assert len(killed) == 2
    show = home.run("batch", "show", batch, "--json").json
    assert (show["status"], show["error"]["code"]) == ("quarantined", "batch.poison")
    landing = home.path / "store" / "landing-zone"
    assert (landing / "quarantine" / f"{batch}.json").exists()
    assert (landing / "quarantine" / f"{batch}.error.json").exists()
    home.run("submit", "--batch", "after-poison", "--intent", "ingest_vector", "--type", "vector", "--dataset",
             "after_poison", write_points(home.folder / "after.gpkg", 1001))
    home.run("run", "--once")
    assert_once_and_whole(home, "after-poison", "after_poison")


def test_the_database_killed_in_mid_run_is_started_again_and_the_batch_finishes(home):
    batch = "postgres"
    home.run("submit", "--batch", batch, "--intent", "ingest_vector", "--type", "vector", "--dataset", batch,
             write_points(home.folder / "postgres.gpkg", 2000))
    process = start(home, "run", "--once")
    wait_for_stage(process, "load")
    pid = int(next(home.path.rglob("postmaster.pid")).read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    log = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert process.returncode == 0, log
    assert_once_and_whole(home, batch, "postgres")
    show = home.run("batch", "show", batch, "--json").json
    assert show["crashes"] == 0, "a service that went away is not the batch's fault"


def test_serve_goes_on_after_the_database_was_killed_and_drains_at_sigterm(home):
    process = start(home, "serve")
    try:
        home.run("submit", "--batch", "served-1", "--intent", "ingest_vector", "--type", "vector", "--dataset", "served_1",
                 write_points(home.folder / "served-1.gpkg", 3000))
        wait_for_stage(process, "load")
        pid = int(next(home.path.rglob("postmaster.pid")).read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        wait_for_stage(process, "publish")
        home.run("submit", "--batch", "served-2", "--intent", "ingest_vector", "--type", "vector", "--dataset", "served_2",
                 write_points(home.folder / "served-2.gpkg", 3001))
        wait_for_stage(process, "steps")
    finally:
        process.send_signal(signal.SIGTERM)
        log = process.stderr.read()
        process.stderr.close()
        process.wait(60)
    assert process.returncode == 0, log
    assert_once_and_whole(home, "served-1", "served_1")
    assert_once_and_whole(home, "served-2", "served_2")
