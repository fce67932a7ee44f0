# SPDX-License-Identifier: Apache-2.0
"""Servers at work: several of them on one store and ledger, limits and priorities, signals, files that come late."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import geopandas
import pytest
from shapely.geometry import Point

from home import Home, binary
from worlds import Embedded

WAIT_S = 90
SLOW = """apiVersion: sluice/v1
kind: Recipe
name: slow
version: 1
intents: [slow]
type: vector
steps:
  - sql: {select: "SELECT t.* FROM {{input}} t, (SELECT pg_sleep(0.7)) s"}
outputs:
  - geoparquet: {}
"""
QUICK = SLOW.replace("slow", "quick").replace("0.7", "0")


class Server:
    """One `sluice <verb>` for ever, its log as JSON in a file."""

    def __init__(self, home: Home, *words: str, settings: tuple[str, ...] = ()) -> None:
        self.log_path = home.folder / f"server-{time.monotonic_ns()}.log"
        options = [word for setting in ("log.format=json", "log.level=debug", "sensor.poll=200ms", *settings)
                   for word in ("-c", setting)]
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen([binary(), *options, *words], cwd=home.folder, env=home.environment,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                                            start_new_session=True)

    @property
    def log(self) -> list[dict]:
        return [json.loads(line) for line in self.log_path.read_text().splitlines() if line.startswith("{")]

    def events(self, name: str) -> list[dict]:
        return [line for line in self.log if line["event"] == name]

    def wait_for(self, name: str, n: int = 1) -> list[dict]:
        wait_until(lambda: len(self.events(name)) >= n or self.process.poll() is not None, f"{n} times {name}")
        return self.events(name)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(WAIT_S)
        finally:
            self.process.kill()


def wait_until(condition: Callable[[], object], what: str) -> object:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {WAIT_S} s: {what}")


@pytest.fixture(scope="module")
def ready(home) -> Home:
    recipes = home.path / "recipes"
    recipes.mkdir(exist_ok=True)
    (recipes / "slow.yaml").write_text(SLOW)
    (recipes / "quick.yaml").write_text(QUICK)
    return home


@pytest.fixture
def serve(ready):
    """Starts servers and ends them all."""
    started = []

    def start(*words: str, settings: tuple[str, ...] = ()) -> Server:
        started.append(Server(ready, *words, settings=settings))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def put_file(home: Home, batch: str, seed: int = 1) -> None:
    folder = home.path / "store" / "landing-zone" / batch
    folder.mkdir(parents=True, exist_ok=True)
    part = home.folder / f"{batch}.geojson"
    frame = geopandas.GeoDataFrame({"n": [seed]}, geometry=[Point(seed % 180, 1)], crs="EPSG:4326")
    frame.to_file(part, driver="GeoJSON")
    part.rename(folder / "a.geojson")


def put_manifest(home: Home, batch: str, intent: str = "quick") -> None:
    document = {"batch_id": batch, "uploader": "ana", "intent": intent, "dataset": batch.replace("-", "_"),
                "files": [{"path": "a.geojson", "type": "vector", "format": "GeoJSON"}], "metadata": {"project": "TEST"}}
    put_text(home, f"{batch}.json", json.dumps(document))


def put_text(home: Home, name: str, text: str) -> None:
    """Into manifests/, all at once; a folder that became empty is taken away by the store, at any moment."""
    part = home.folder / f"{name}.part"
    part.write_text(text)
    target = home.path / "store" / "landing-zone" / "manifests" / name
    for _ in range(100):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.rename(target)
            return
        except FileNotFoundError:
            continue
    pytest.fail(f"{target} cannot be put")


def upload(home: Home, batch: str, intent: str = "quick", seed: int = 1) -> None:
    put_file(home, batch, seed)
    put_manifest(home, batch, intent)


def find(home: Home, collection: str, filter_: dict, *options: str) -> list[dict]:
    return home.run("ledger", "find", collection, json.dumps(filter_), *options, "--json").json


def batch(home: Home, batch_id: str) -> dict | None:
    return next(iter(find(home, "manifests", {"batch_id": batch_id})), None)


def wait_for_end(home: Home, prefix: str, n: int) -> list[dict]:
    def ended():
        found = find(home, "manifests", {"batch_id": {"$regex": f"^{prefix}"}})
        return found if len(found) == n and all(b["status"] not in ("pending", "running") for b in found) else None

    return wait_until(ended, f"{n} batches {prefix} to end")


def when(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def most_at_once(runs: list[dict]) -> int:
    times = sorted([(when(r["started_at"]), 1) for r in runs] + [(when(r["ended_at"]), -1) for r in runs])
    running = most = 0
    for _, change in times:
        running += change
        most = max(most, running)
    return most


def test_two_sensors_and_workers_of_their_own_do_each_batch_once(ready, serve):
    n = 12
    servers = [serve("sensor"), serve("sensor"), serve("worker", "--workers", "2"), serve("serve", "--workers", "1")]
    for i in range(n):
        upload(ready, f"once-{i}", seed=i)
    put_text(ready, "once-bad.json", "{}")
    ended = wait_for_end(ready, "once-[0-9]", n)
    assert {b["status"] for b in ended} == {"succeeded"}
    assert all(b["attempts"] == 1 for b in ended)
    assets = find(ready, "assets", {"batch_id": {"$regex": "^once-"}})
    assert sorted((a["dataset_id"], a["version"]) for a in assets) == sorted((f"once_{i}", 1) for i in range(n))
    wait_until(lambda: (ready.path / "store/landing-zone/quarantine/once-bad.error.json").exists(), "the bad one")
    noticed = [line["batch"] for server in servers for line in server.events("sensor.noticed")]
    assert sorted(noticed) == sorted(f"once-{i}" for i in range(n)), "entered once, whoever was first"
    assert all(server.stop() == 0 for server in servers)


def test_a_limit_for_an_intent_holds_and_a_higher_priority_goes_first(ready, serve):
    settings = ("run.intent_limits=slow=2", "run.intent_priorities=urgent=10", "run.intent_priorities=quick=10")
    for i in range(6):
        upload(ready, f"limit-slow-{i}", "slow", seed=100 + i)
    for i in range(4):
        upload(ready, f"limit-quick-{i}", "quick", seed=200 + i)
    serve("serve", "--workers", "4", settings=settings)
    ended = wait_for_end(ready, "limit-", 10)
    assert {b["status"] for b in ended} == {"succeeded"}
    assert {b["intent"]: b["priority"] for b in ended} == {"slow": 0, "quick": 10}
    runs = find(ready, "runs", {"batch_id": {"$regex": "^limit-slow-"}})
    assert len(runs) == 6
    assert most_at_once(runs) <= 2


def test_a_limit_for_all_holds(ready, serve):
    for i in range(4):
        upload(ready, f"all-{i}", "slow", seed=300 + i)
    serve("serve", "--workers", "4", settings=("run.most_running=1",))
    wait_for_end(ready, "all-", 4)
    assert most_at_once(find(ready, "runs", {"batch_id": {"$regex": "^all-"}})) == 1


@pytest.mark.parametrize("value", ["slow", "slow=0", "slow=many", "slow=1 slow=2"])
def test_a_wrong_limit_is_a_wrong_configuration(ready, value):
    result = ready.run("-c", f"run.intent_limits={value}", "serve", check=78)
    assert "run.intent_limits (flag)" in result.err


def test_sighup_reads_the_recipes_again_and_refuses_those_with_errors(ready, serve):
    server = serve("serve")
    recipe = ready.path / "recipes" / "fresh.yaml"
    upload(ready, "hup-before", "fresh", seed=400)
    wait_for_end(ready, "hup-before", 1)
    try:
        recipe.write_text(QUICK.replace("quick", "fresh").replace("pg_sleep", "pg_sleep").replace("- sql", "- sqll"))
        server.signal(signal.SIGHUP)
        refused = server.wait_for("recipes.refused", 2)  # the supervisor's and its worker's
        assert "fresh.yaml" in refused[0]["message"] and "sqll" in refused[0]["message"]
        recipe.write_text(QUICK.replace("quick", "fresh"))
        server.signal(signal.SIGHUP)
        reloaded = server.wait_for("recipes.reloaded", 2)  # the supervisor's and its worker's
        assert all(line["added"] == "fresh" for line in reloaded)
        upload(ready, "hup-after", "fresh", seed=401)
        wait_for_end(ready, "hup-after", 1)
    finally:
        recipe.unlink()
    used = {r["batch_id"]: r["recipe"] for r in find(ready, "runs", {"batch_id": {"$regex": "^hup-"}})}
    assert used["hup-before"]["fallback"] is True
    assert (used["hup-after"]["name"], used["hup-after"]["fallback"]) == ("fresh", False)


def test_sigterm_lets_the_batch_at_work_finish_and_leaves_the_others(ready, serve):
    for i in range(3):
        upload(ready, f"drain-{i}", "slow", seed=500 + i)
    server = serve("serve", "--workers", "1")
    server.wait_for("run.stage_begin")
    assert server.stop() == 0
    ended = {b["status"] for b in find(ready, "manifests", {"batch_id": {"$regex": "^drain-"}})}
    assert ended == {"succeeded", "pending"}
    assert find(ready, "processes", {}) == []
    serve("serve", "--workers", "2")
    assert {b["crashes"] for b in wait_for_end(ready, "drain-", 3)} == {0}


def test_a_second_sigterm_hands_the_batch_back_and_no_crash_is_counted(ready, serve):
    upload(ready, "twice", "slow", seed=600)
    server = serve("serve")
    server.wait_for("run.stage_begin", 3)
    server.signal(signal.SIGTERM)
    time.sleep(0.1)
    server.signal(signal.SIGTERM)
    assert server.process.wait(WAIT_S) == 0
    left = batch(ready, "twice")
    assert (left["status"], left["crashes"]) == ("pending", 0)
    serve("serve")
    assert wait_for_end(ready, "twice", 1)[0]["status"] == "succeeded"


def test_a_stop_that_takes_too_long_ends_by_hand_back(ready, serve):
    upload(ready, "too-long", "slow", seed=650)
    server = serve("serve", settings=("run.drain_timeout=0s",))
    server.wait_for("run.stage_begin", 3)
    assert server.stop() == 0
    assert batch(ready, "too-long")["crashes"] == 0
    serve("serve")
    assert wait_for_end(ready, "too-long", 1)[0]["status"] == "succeeded"


def test_a_server_that_is_killed_is_followed_by_one_that_finishes(ready, serve):
    for i in range(4):
        upload(ready, f"killed-{i}", "slow", seed=700 + i)
    server = serve("serve", "--workers", "2")
    server.wait_for("run.stage_begin", 4)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    serve("serve", "--workers", "2")
    assert {b["status"] for b in wait_for_end(ready, "killed-", 4)} == {"succeeded"}
    assets = find(ready, "assets", {"batch_id": {"$regex": "^killed-"}})
    assert sorted((a["dataset_id"], a["version"]) for a in assets) == [(f"killed_{i}", 1) for i in range(4)]


def trip(home: Home, up: bool) -> None:
    """With a wire across its way PostgreSQL says of every sweep what no restart would mend."""
    with Embedded(home).catalog() as c:
        c.execute("DROP TRIGGER IF EXISTS wire ON spatial_ref_sys")
        c.execute("CREATE OR REPLACE FUNCTION public.trip() RETURNS trigger LANGUAGE plpgsql AS "
                  "$$BEGIN RAISE EXCEPTION 'tripped'; END$$")
        if up:
            c.execute("CREATE TRIGGER wire BEFORE DELETE ON spatial_ref_sys EXECUTE FUNCTION public.trip()")


@pytest.fixture
def wire(ready):
    trip(ready, True)
    yield lambda up: trip(ready, up)
    trip(ready, False)


def test_a_server_that_cannot_begin_tries_again_and_begins_when_it_can(ready, serve, wire):
    server = serve("worker")
    assert "tripped" in server.wait_for("supervisor.reconnect", 2)[0]["message"]
    wire(False)
    serve("sensor")
    upload(ready, "tripped", seed=750)
    assert wait_for_end(ready, "tripped", 1)[0]["status"] == "succeeded"
    assert server.stop() == 0


def test_a_server_that_never_can_begin_ends_and_says_why(serve, wire):
    server = serve("worker")
    assert server.process.wait(WAIT_S) == 1
    assert "tripped" in server.log_path.read_text().splitlines()[-1]
    assert len(server.events("supervisor.reconnect")) == 5


def test_a_late_file_starts_its_batch_soon_and_waiting_costs_no_runs(ready, serve):
    serve("serve")
    put_manifest(ready, "late")
    waiting = wait_until(lambda: (batch(ready, "late") or {}).get("error"), "the batch to wait")
    assert waiting["code"] == "file.missing" and "landing-zone/late/a.geojson" in waiting["message"]
    time.sleep(2)
    shown = ready.run("sensor", "status", "--json").json
    assert [w["batch_id"] for w in shown["waiting"]] == ["late"]
    assert "a.geojson" in shown["waiting"][0]["message"]
    looked = batch(ready, "late")
    assert looked["status"] in ("pending", "running") and looked["attempts"] <= 1
    put_file(ready, "late", seed=800)
    assert wait_for_end(ready, "late", 1)[0]["status"] == "succeeded"
    runs = find(ready, "runs", {"batch_id": "late"}, "--sort", "started_at:1")
    assert [r["status"] for r in runs][1:] == ["succeeded"], "looks that find nothing are no runs"


def test_status_shows_who_is_at_work_and_forgets_who_has_left(ready, serve):
    assert ready.run("sensor", "status", "--json").json["processes"] == []
    server, sensor = serve("serve", "--workers", "2"), serve("sensor")
    shown = wait_until(lambda: len(s["processes"]) == 2 and s if (s := ready.run("sensor", "status", "--json").json) else None,
                       "both to announce themselves")
    roles = {p["role"]: p for p in shown["processes"]}
    assert (roles["serve"]["pid"], roles["serve"]["workers"]) == (server.process.pid, 2)
    assert (roles["sensor"]["pid"], roles["sensor"]["workers"]) == (sensor.process.pid, 0)
    assert roles["sensor"]["details"]["sensor"]["mode"] == "poll"
    text = ready.run("sensor", "status").out
    assert "serve" in text and str(sensor.process.pid) in text and max(map(len, text.splitlines())) <= 100
    server.stop(), sensor.stop()
    assert ready.run("sensor", "status", "--json").json["processes"] == []


def test_preview_says_what_a_look_would_do_and_does_nothing(ready):
    manifests = ready.path / "store" / "landing-zone" / "manifests"
    put_manifest(ready, "seen-new")
    put_manifest(ready, "once-0")  # its content is that of the batch that succeeded
    put_text(ready, "seen-bad.json", '{"batch_id": "seen-bad"}')
    put_text(ready, "notes.txt", "not a manifest")
    before = sorted(p.name for p in manifests.iterdir())
    shown = {p["key"]: p for p in ready.run("sensor", "preview", "--json").json}
    assert shown["manifests/seen-new.json"]["action"] == "enter"
    assert shown["manifests/once-0.json"]["action"] == "archive"
    assert (shown["manifests/seen-bad.json"]["action"], shown["manifests/seen-bad.json"]["code"]) == ("refuse", "manifest.schema")
    assert shown["manifests/notes.txt"]["action"] == "skip"
    text = ready.run("sensor", "preview").out
    assert "seen-new" in text and "required" in text
    assert sorted(p.name for p in manifests.iterdir()) == before
    assert batch(ready, "seen-new") is None
    for name in ("seen-new.json", "once-0.json", "seen-bad.json", "notes.txt"):
        (manifests / name).unlink()


def test_a_manifest_that_is_being_copied_is_waited_for(ready, serve):
    serve("serve")
    put_file(ready, "grows", seed=900)
    put_manifest(ready, "grows-other")
    text = (ready.path / "store/landing-zone/manifests/grows-other.json").read_text().replace("grows-other", "grows")
    with (ready.path / "store/landing-zone/manifests/grows.json").open("w") as out:
        for at in range(0, len(text), 40):
            out.write(text[at:at + 40])
            out.flush()
            time.sleep(0.1)
    put_file(ready, "grows-other", seed=901)
    assert {b["status"] for b in wait_for_end(ready, "grows", 2)} == {"succeeded"}
