# SPDX-License-Identifier: Apache-2.0
"""All files of tests/inputs through one engine; what came out is a table in build/reports/inputs.md."""

import json
import os
import signal
import subprocess
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from home import ROOT, Home, binary
from inputs import INPUTS
from inputs.case import Input, Outcome, Refused

REPORT = Path(os.environ.get("SLUICE_REPORTS") or ROOT / "build/reports") / "inputs.md"
WAIT_S = 240
RECIPE = """apiVersion: sluice/v1
kind: Recipe
name: {name}
version: 1
intents: [{name}]
type: {type}
{steps}outputs:
  - {output}: {{}}
"""
RECIPES = {
    "native": RECIPE.format(name="native", type="vector", steps="", output="geoparquet"),
    "lonlat": RECIPE.format(name="lonlat", type="vector", steps='steps:\n  - normalize_crs: {to: "EPSG:4326"}\n', output="geoparquet"),
    "rows": RECIPE.format(name="rows", type="table", steps="", output="parquet"),
    "pixels": RECIPE.format(name="pixels", type="raster", steps="", output="cog"),
}


@dataclass
class Done:
    outcome: Outcome
    problem: BaseException | None


def put(home: Home, case: Input) -> Path:
    """The files first, the manifest last; gives the main file as programs that are not sluice may read it."""
    work = home.folder / "made" / case.name
    work.mkdir(parents=True)
    landing = home.path / "store/landing-zone"
    files = case.make(work)
    for path, data in files.items():
        for target in (landing / case.name / path, home.folder / "sources" / case.name / path):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    main = next(iter(files))
    manifest = {"batch_id": case.name, "uploader": "ana", "intent": case.intent, "dataset": case.name.replace("-", "_"),
                "files": [{"path": main, "type": case.type} | case.entry], "metadata": {"project": "INPUTS"}} | case.manifest
    if isinstance(case.expect, dict):
        del manifest["dataset"]
    (landing / "manifests").mkdir(parents=True, exist_ok=True)
    (landing / "manifests" / f"{case.name}.json").write_text(json.dumps(manifest))
    return home.folder / "sources" / case.name / main


def serve_all(home: Home) -> None:
    """One engine works off what waits."""
    landing = home.path / "store/landing-zone"
    log = (home.folder / "serve.log").open("w")
    server = subprocess.Popen([binary(), "-c", "sensor.poll=200ms", "-c", "sensor.wait_limit=2s", "-c", "log.format=json", "serve"], cwd=home.folder,
                              env=home.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + WAIT_S
        names = {f"{case.name}.json" for case in INPUTS}
        while time.monotonic() < deadline and server.poll() is None:
            done = {p.name for folder in ("archive", "quarantine") for p in (landing / folder).rglob("*.json")}
            if names <= done:
                break
            time.sleep(0.2)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def outcome(home: Home, case: Input, assets: list[dict], runs: dict[str, dict]) -> Outcome:
    told = home.path / "store/landing-zone/quarantine" / f"{case.name}.error.json"
    error = json.loads(told.read_text())["error"] if told.exists() else None
    mine = {asset["dataset_id"]: asset for asset in assets if asset["batch_id"] == case.name}
    if not error and not mine:
        error = {"code": "none", "message": "the batch came to no end"}
    return Outcome(error, mine, runs.get(case.name), home.path / "store/data-lake")


def judge(outcome: Outcome, case: Input, source: Path) -> Done:
    try:
        outcome.check(case, source)
        return Done(outcome, None)
    except BaseException as problem:  # told by the input's own test
        return Done(outcome, problem)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write_report(done: dict[str, Done]) -> None:
    kinds = Counter("refused" if isinstance(case.expect, Refused) else "published" for case in INPUTS)
    wrong = sum(d.problem is not None for d in done.values())
    lines = ["# Input files", "",
             f"{len(INPUTS)} files: {kinds['published']} to be published, {kinds['refused']} to be refused; "
             f"{len(INPUTS) - wrong} as expected.", "",
             "Checked with geopandas, pyogrio, pyarrow, pystac, rasterio and rio-cogeo.", "",
             "| | input | what it is | origin | expected | came out | as expected |", "|---|---|---|---|---|---|---|"]
    for i, case in enumerate(INPUTS, 1):
        d = done[case.name]
        row = (str(i), case.name, case.what, case.origin, case.expected, d.outcome.told(case), "no" if d.problem else "yes")
        lines.append("| " + " | ".join(map(cell, row)) + " |")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def done(home) -> dict[str, Done]:
    recipes = home.path / "recipes"
    recipes.mkdir(parents=True, exist_ok=True)
    for name, text in RECIPES.items():
        (recipes / f"{name}.yaml").write_text(text)
    sources = {case.name: put(home, case) for case in INPUTS}
    serve_all(home)
    assets = home.run("ledger", "find", "assets", "{}", "--limit", "1000", "--json").json
    runs = {run["batch_id"]: run for run in home.run("ledger", "find", "runs", "{}", "--limit", "1000", "--json").json}
    found = {case.name: judge(outcome(home, case, assets, runs), case, sources[case.name]) for case in INPUTS}
    write_report(found)
    return found


@pytest.mark.parametrize("case", INPUTS, ids=lambda case: case.name)
def test_what_comes_out_is_what_the_file_has_or_says_why_not(done, case):
    problem = done[case.name].problem
    if problem is not None:
        pytest.fail("".join(traceback.format_exception(problem)), pytrace=False)


def test_there_are_as_many_as_promised_and_no_two_alike():
    names = [case.name for case in INPUTS]
    assert len(set(names)) == len(names) >= 80
    assert {case.type for case in INPUTS} >= {"vector", "raster"}
