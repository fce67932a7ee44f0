# SPDX-License-Identifier: Apache-2.0
"""Runs of sources that are killed: at every page, before and after their batch is in the landing zone."""

import os
import signal
import subprocess
import time

import pytest

from api import Api
from home import binary
from test_sources import rows, source

PAGES, LIMIT = 4, 10


@pytest.fixture(scope="module")
def server():
    made = Api([{"id": i} for i in range(PAGES * LIMIT)])
    yield made
    made.close()


def declare(home, server, name: str) -> None:
    source(home, name, f"""request:
  base_url: {server.url}
  path: /data
  pagination: {{offset: {{limit: {LIMIT}, first: 1, total: /metadata/resultset/count}}}}
  records: /results
""")


def start(home, name: str) -> subprocess.Popen:
    return subprocess.Popen([binary(), "source", "run", name, "--no-ingest"], cwd=home.folder, env=home.environment,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)


def kill_when(process: subprocess.Popen, condition) -> None:
    end = time.monotonic() + 60
    while not condition() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("page", range(1, PAGES + 1))
def test_a_run_killed_at_a_page_goes_on_there(home, server, page):
    name = f"killed_{page}"
    declare(home, server, name)
    held = len(server.requests) + page
    server.faults = {held: "slow"}
    kill_when(start(home, name), lambda: len(server.requests) >= held)
    server.faults = {}
    before = len(server.requests)
    done = home.run("source", "run", name, "--json").json
    assert [r["kept_pages"] for r in done] == [page - 1]
    assert len(server.requests) - before == PAGES - (page - 1)
    assert sorted(r["id"] for r in rows(home, name)) == list(range(PAGES * LIMIT))


@pytest.mark.parametrize("moment", ["parquet in the landing zone", "manifest in the landing zone"])
def test_a_run_killed_around_its_submission_lands_once(home, server, moment):
    name = "killed_parquet" if moment.startswith("parquet") else "killed_manifest"
    declare(home, server, name)
    landing = home.bucket("landing-zone")
    pattern = f"{name}-*/*.parquet" if moment.startswith("parquet") else f"manifests/{name}-*.json"
    kill_when(start(home, name), lambda: any(landing.glob(pattern)))
    state = home.run("source", "status", name, "--json").json[0]["status"]
    if state == "fetching":  # else it was recorded before the signal came
        [done] = home.run("source", "run", name, "--json").json
        assert done["batch_id"]
    home.run("run")
    assert sorted(r["id"] for r in rows(home, name)) == list(range(PAGES * LIMIT))
    assert [r["status"] for r in home.run("source", "status", name, "--json").json] == ["succeeded"]
    assert home.run("verify", "--json").json["problem_count"] == 0


def test_two_processes_do_not_run_one_source_at_a_time(home, server):
    declare(home, server, "alone")
    held = len(server.requests) + 1
    server.faults = {held: "slow"}
    process = start(home, "alone")
    end = time.monotonic() + 30
    while len(server.requests) < held and time.monotonic() < end:
        time.sleep(0.01)
    second = home.run("source", "run", "alone", "--json", check=5)
    assert second.json["error"]["code"] == "source.busy"
    assert process.wait(60) == 0
