# SPDX-License-Identifier: Apache-2.0
"""A site's own PostgreSQL: with a password and few rights, shared with others, and gone in the middle of a run."""

import json
import subprocess
from pathlib import Path

import geopandas
import numpy
import pytest

from home import ROOT, Home, binary
from server import Server
from watching import Watcher

COUNTRIES = ROOT / "tests/data/countries/countries.shp"
PASSWORD = "it's a p%40ss/w@rd"
ROWS = 400_000


@pytest.fixture(scope="module")
def server():
    one = Server()
    try:
        one.prepare("gis", "ana", PASSWORD)
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def site(server):
    """A home whose ledger, catalog and compute are in that server."""
    fresh = Home()
    fresh.environment |= {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(server.port), "POSTGRES_USER": "ana",
                          "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "gis"}
    try:
        fresh.run("init")
        yield fresh
    finally:
        fresh.close()


def command_lines() -> str:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            pass
    return "\n".join(lines)


def test_the_main_job_needs_no_superuser_and_tells_no_password(site, server):
    site.run("submit", "--intent", "ingest_vector", "--type", "vector", "--batch-id", "site", COUNTRIES)
    process = subprocess.Popen([binary(), "run", "--once", "--log-level", "debug"], cwd=site.folder, env=site.environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen = []
    while process.poll() is None:
        seen.append(command_lines())
    told = process.communicate()[0]
    assert process.returncode == 0, told
    config = site.run("config", "show", "--origin")
    doctor = site.run("doctor")
    for text in (*seen, told, config.out, config.err, doctor.out, doctor.err, (server.folder / "log").read_text()):
        assert PASSWORD not in text
    [asset] = site.run("asset", "list", "--json").json
    assert asset["row_count"] == len(geopandas.read_file(COUNTRIES)) == len(geopandas.read_parquet(site.object(asset)))
    site.run("verify", "--deep")
    assert "version 1 stands" in site.run("replay", "site").out
    assert server.ephemeral("gis") == []
    assert not (site.path / "postgres").exists()


def test_a_wrong_password_is_a_wrong_configuration(site):
    for args in (["asset", "list"], ["run", "--once"], ["submit", "--intent", "ingest_vector", COUNTRIES]):
        result = site.run(*args, env={"POSTGRES_PASSWORD": "guessed"}, check=78)
        assert "does not let us in" in result.err and "guessed" not in result.err
        assert result.out == ""


def test_a_system_without_a_code_says_which_right_it_wants(site, server):
    own = "+proj=laea +lat_0=47 +lon_0=11 +ellps=bessel +units=m +no_defs"
    path = site.folder / "own.gpkg"
    geopandas.GeoDataFrame({"n": [1]}, geometry=geopandas.points_from_xy([10], [20]), crs=own).to_file(path, driver="GPKG")
    site.run("submit", "--intent", "ingest_vector", "--type", "vector", "--batch-id", "own", path)
    result = site.run("run", "--once", check=78)
    assert "grant INSERT and DELETE on spatial_ref_sys" in result.out + result.err
    with server.connect("gis") as c:
        c.execute("GRANT INSERT, DELETE ON spatial_ref_sys TO ana")
    site.run("replay", "own")
    site.run("gc", "--yes")
    with server.connect("gis") as c:
        assert c.execute("SELECT count(*) FROM spatial_ref_sys WHERE auth_name = 'sluice'").fetchone() == (0,)


def test_what_another_engine_does_on_the_same_server_is_left_alone(site, server):
    """Roles belong to the whole server, and a database may serve several ledgers."""
    (run,) = site.run("ledger", "find", "runs", '{"batch_id":"site"}', "--limit", "1", "--json").json
    finished = "proc_" + run["_id"].replace("-", "_")
    names = [finished[:-1] + digit for digit in "012" if digit != finished[-1]][:2]
    try:
        for database, name in zip(("gis", "postgres"), names):
            with server.connect(database) as c:
                c.execute(f"CREATE ROLE {name}; CREATE SCHEMA {name} AUTHORIZATION {name}; GRANT {name} TO ana")
        with server.connect("gis") as c:
            c.execute(f"CREATE ROLE {finished}; CREATE SCHEMA {finished} AUTHORIZATION {finished}; GRANT {finished} TO ana")
        site.run("run", "--once")
        site.run("gc", "--yes")
        assert sorted(server.ephemeral("gis")) == sorted(names)
    finally:
        for database, name in zip(("gis", "postgres"), names):
            with server.connect(database) as c:
                c.execute(f"DROP SCHEMA IF EXISTS {name}; DROP ROLE IF EXISTS {name}")


def test_a_watcher_goes_on_when_the_server_was_away(site, server):
    def pass_a_batch(batch: str) -> None:
        site.run("submit", "--intent", "ingest_vector", "--type", "vector", "--batch-id", batch, COUNTRIES)
        site.run("run", "--once")

    with Watcher(site) as watcher:
        watcher.wait_for("before", pass_a_batch)
        server.stop()
        watcher.wait_for_loss()
        server.start()
        watcher.wait_for("after", pass_a_batch)
        assert watcher.stop() == 0
    assert watcher.told == ["lost", "again"]


@pytest.mark.parametrize("stage", ["load", "steps"])
def test_a_compute_server_gone_in_mid_run_leaves_its_batch_waiting_until_it_is_back(home, server, stage):
    random = numpy.random.default_rng(7)
    path = home.folder / f"many-{stage}.fgb"
    if not path.exists():
        xy = random.uniform((-170, -80), (170, 80), (ROWS, 2))
        geopandas.GeoDataFrame({"n": numpy.arange(ROWS)}, geometry=geopandas.points_from_xy(xy[:, 0], xy[:, 1]),
                               crs="EPSG:4326").to_file(path, driver="FlatGeobuf", SPATIAL_INDEX="NO")
    with server.connect() as c:
        exists = c.execute("SELECT count(*) FROM pg_database WHERE datname = 'compute'").fetchone()[0]
    if not exists:
        server.prepare("compute", "bob", "secret")
    batch, there = f"gone-{stage}", ["-c", f"compute.dsn=postgresql://bob:secret@127.0.0.1:{server.port}/compute",
                                     "-c", "run.retries=2", "-c", "run.retry_base=100ms"]
    home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--batch-id", batch, path)
    lake = sorted(p for p in home.bucket("data-lake").rglob("*") if p.is_file())
    process = subprocess.Popen([binary(), *there, "-c", "log.level=debug", "-c", "log.format=json", "run", "--once"],
                               cwd=home.folder, env=home.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    seen = []
    for line in process.stderr:
        seen.append(line)
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "run.stage_begin" and event.get("stage") == stage:
            server.stop()
            break
    out, rest = process.communicate(timeout=120)
    try:
        assert process.returncode == 75, out + "".join(seen) + rest
        assert "secret" not in out + "".join(seen) + rest
        shown = home.run("batch", "show", batch, "--json").json
        assert shown["status"] == "pending", shown
        assert not shown["error"] or (shown["error"]["code"] == "postgres.unavailable" and "\n" not in shown["error"]["message"])
        assert (home.bucket("landing-zone") / "manifests" / f"{batch}.json").is_file()
        assert sorted(p for p in home.bucket("data-lake").rglob("*") if p.is_file()) == lake
    finally:
        server.start()
    home.run(*there, "gc", "--yes")
    assert server.ephemeral("compute") == []
    home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--batch-id", f"after-{stage}", "--dataset",
             f"after_{stage}", COUNTRIES)
    home.run(*there, "run", "--once")
    assert home.run("batch", "show", batch, "--json").json["status"] == "succeeded"
    assert home.run("asset", "show", f"many-{stage}", "--json").json["row_count"] == ROWS
    assert server.ephemeral("compute") == []
