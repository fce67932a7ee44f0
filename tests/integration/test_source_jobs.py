# SPDX-License-Identifier: Apache-2.0
"""Sources that ask a server to work (ADS, CDS): queued, running, done or failed, and a download that breaks off."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from api import Api
from test_sources_killed import start

KEY = "an-ads-key"
GRIB = Path("/usr/share/eccodes/samples/regular_ll_sfc_grib2.tmpl")


class Store(Api):
    """A data store: `states` is what a job says, one after the other."""

    def __init__(self, states: list[str], breaks: int = 0) -> None:
        super().__init__([])
        self.states, self.breaks, self.posted, self.ranges = states, breaks, [], []
        self.file = GRIB.read_bytes()
        self.route = Store.serve

    def serve(self, handler) -> None:
        if handler.path.startswith("/files/"):
            return self.download(handler)
        if handler.headers.get("PRIVATE-TOKEN") != KEY:
            return self.send(handler, 401, b"{}")
        if handler.command == "POST":
            self.posted.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
            reply = {"jobID": f"job-{len(self.posted)}", "status": "accepted"}
        elif handler.path.endswith("/results"):
            reply = {"asset": {"value": {"href": f"{self.url.replace('127.0.0.1', 'localhost')}/files/r.grib", "file:size": len(self.file)}}}
        else:
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            reply = {"jobID": "job-1", "status": state, "message": "out of tape" if state == "failed" else None}
        return self.send(handler, 201 if handler.command == "POST" else 200, json.dumps(reply).encode())

    def download(self, handler) -> None:
        wanted = handler.headers.get("Range")
        self.ranges.append(wanted)
        assert handler.headers.get("PRIVATE-TOKEN") is None  # another host: it must not get the key
        begin = int(wanted[6:-1]) if wanted else 0
        rest = self.file[begin:]
        headers = {"ETag": '"one"', "Content-Length": str(len(rest))}
        if wanted:
            headers["Content-Range"] = f"bytes {begin}-{len(self.file) - 1}/{len(self.file)}"
        if self.breaks:
            self.breaks -= 1
            rest = rest[:len(rest) // 2]
            handler.close_connection = True
        self.send(handler, 206 if wanted else 200, rest, headers)


@pytest.fixture
def store():
    made = []

    def make(*args, **kwargs) -> Store:
        made.append(Store(*args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.close()


def settings(store) -> dict:
    return {"ADS_BASE_URL": store.url, "ADS_API_KEY": KEY}


def declare(home, name: str) -> None:
    folder = home.path / "sources"
    folder.mkdir(exist_ok=True)
    text = (Path(__file__).resolve().parents[2] / "sources/cams_eac4.yaml").read_text()
    (folder / f"{name}.yaml").write_text(text.replace("name: cams_eac4", f"name: {name}").replace("dataset: cams_pm2p5", f"dataset: {name}")
                                         .replace("base: 1s", "base: 10ms").replace("rate: {per_second: 2}", "rate: {}"))


def test_a_job_is_waited_for_and_its_file_becomes_a_batch(home, store):
    declare(home, "works")
    server = store(["accepted", "running", "running", "successful"], breaks=2)
    server.faults = {2: 429, 4: 503}
    [done] = home.run("source", "run", "works", "--since", "2024-01-01", "--until", "2024-01-08", "--json", env=settings(server)).json
    assert server.posted == [{"inputs": {"variable": ["particulate_matter_2.5um"], "date": ["2024-01-01/2024-01-07"],
                                         "time": ["00:00", "06:00", "12:00", "18:00"], "data_format": "grib"}}]
    assert server.ranges[0] is None and all(r.startswith("bytes=") for r in server.ranges[1:]) and len(server.ranges) == 3
    raw = next((home.bucket("raw-vault") / "works" / "works").rglob("*.grib*"))
    assert raw.read_bytes() == server.file
    batch = home.run("batch", "show", done["batch_id"], "--json").json
    assert "succeeded" in json.dumps(batch)
    assert KEY not in json.dumps(batch)


def test_a_failed_job_fails_the_run_and_says_why(home, store):
    declare(home, "fails")
    server = store(["running", "failed"])
    result = home.run("source", "run", "fails", "--since", "2024-01-01", "--until", "2024-01-02", check=1, env=settings(server))
    assert "out of tape" in result.err
    assert [r["status"] for r in home.run("source", "status", "fails", "--json").json] == ["failed"]


def test_a_job_survives_a_restart(home, store):
    declare(home, "restarts")
    server = store(["running"])
    home.environment |= settings(server)
    process = start(home, "restarts")  # its window: what the source says
    end = time.monotonic() + 60
    while len(server.requests) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    server.states = ["successful"]
    first = len(server.posted)
    home.run("source", "run", "restarts", "--until", "2024-01-02", "--no-ingest")
    assert (first, len(server.posted)) == (1, 1)
