# SPDX-License-Identifier: Apache-2.0
"""The program as people and scripts meet it: words, exit codes, JSON, what a terminal gets and a pipe does not."""

import hashlib
import json
import os
import pty
import re
import select
import subprocess
import time
import unicodedata
from pathlib import Path

import pytest

from home import Home, binary

VERBS = ["submit", "run", "serve", "validate", "batch list", "batch show", "asset list", "asset show", "asset get", "lineage",
         "ledger find", "ledger get", "ledger watch", "verify", "replay", "gc", "init", "stop", "doctor", "recipe list", "recipe show",
         "recipe new", "recipe lint", "recipe test", "recipe explain", "recipe schema", "step list", "step show", "config show", "version", "help"]
ESCAPE = "\x1b"


def points(folder: Path, name: str, n: int = 5) -> Path:
    features = [{"type": "Feature", "properties": {"n": i, "name": f"Straße {i}"},
                 "geometry": {"type": "Point", "coordinates": [10 + i, 50]}} for i in range(n)]
    path = folder / f"{name}.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def manifest(batch: str, **changes) -> dict:
    whole = {"batch_id": batch, "uploader": "ana", "intent": "ingest_vector",
             "files": [{"path": "points.geojson", "type": "vector", "format": "GeoJSON", "crs": "EPSG:4326"}],
             "metadata": {"project": "TEST", "description": "five points"}}
    return whole | changes


def submit(home: Home, batch: str, dataset: str, n: int = 5):
    return home.run("submit", "--batch-id", batch, "--intent", "ingest_vector", "--dataset", dataset,
                    points(home.folder, dataset, n))


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def on_a_terminal(home: Home, *args, env: dict | None = None) -> str:
    """All that the program prints when stdout and stderr are a terminal of 100 columns."""
    master, slave = pty.openpty()
    environment = {k: v for k, v in home.environment.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | (env or {})
    process = subprocess.Popen([binary(), *map(str, args)], cwd=home.folder, env=environment, stdin=slave, stdout=slave,
                               stderr=slave, close_fds=True)
    os.close(slave)
    said = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            block = os.read(master, 65536)
        except OSError:  # the last holder of the other end is gone
            break
        if not block:
            break
        said += block
    process.wait(timeout=10)
    os.close(master)
    return said.decode()


@pytest.fixture(scope="module")
def full(home):
    """Two datasets, one in two versions, and a batch that failed."""
    submit(home, "b-roads", "roads")
    submit(home, "b-parks", "parks", 7)
    home.run("run", "--once")
    submit(home, "b-roads-2", "roads", 9)
    path = home.folder / "wrong.json"
    wrong = manifest("b-wrong", files=[{"path": "roads.geojson", "type": "vector", "format": "GeoJSON", "crs": "EPSG:25833"}])
    path.write_text(json.dumps(wrong))
    home.run("submit", path)
    home.run("run", "--once", check=3)
    return home


# -- help ---------------------------------------------------------------------------------------------------------------


def test_the_first_screen_fits_and_needs_no_home(home):
    for args in (["--help"], ["help"]):
        text = home.run(*args).out
        assert len(text.splitlines()) <= 24 and max(map(columns, text.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples_first(home, verb):
    text = home.run(*verb.split(), "--help").out
    assert text.startswith("Examples\n") and f"usage: sluice {verb} " in text
    assert home.run("help", *verb.split()).out == text
    assert f"\n  {verb} " in home.run("help", "--all").out


def test_without_a_verb_the_help_is_an_error(home):
    result = home.run(check=2)
    assert result.out == "" and "usage: sluice" in result.err


# -- mistyped words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args, code, wanted", [
    (["submt", "x"], 2, '"submit"'),
    (["batch", "lsit"], 2, '"batch list"'),
    (["help", "verfy"], 2, '"verify"'),
    (["replay", "b", "--forse"], 2, "--force"),
    (["asset", "list", "--jsn"], 2, "--json"),
    (["submit", "--intent", "x", "--type", "vectr", "f"], 2, '"vector"'),
    (["ledger", "find", "asets"], 2, '"assets"'),
    (["step", "show", "simplfy"], 3, '"simplify"'),
    (["recipe", "show", "ingest_vectr"], 4, '"ingest_vector"'),
    (["-c", "run.wokers=2", "config", "show"], 78, "run.workers"),
    (["asset", "list", "--dataset", "raods"], 4, '"roads"'),
    (["asset", "show", "praks"], 4, '"parks"'),
    (["lineage", "praks"], 4, '"parks"'),
    (["batch", "show", "b-raods"], 4, '"b-roads"'),
    (["replay", "b-raods"], 4, '"b-roads"'),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_a_mistyped_word_gets_the_nearest_real_one(full, args, code, wanted):
    result = full.run(*args, check=code)
    assert result.out == "" and wanted in result.err, str(result)


# -- exit codes and errors ----------------------------------------------------------------------------------------------


def test_an_error_is_a_line_a_hint_and_with_json_an_object(full):
    people = full.run("batch", "show", "b-raods", check=4)
    message, hint = people.err.splitlines()
    assert hint.startswith("hint: ")
    machine = full.run("batch", "show", "b-raods", "--json", check=4)
    assert machine.json == {"error": {"code": "batch.not_found", "message": message, "hint": hint.removeprefix("hint: ")}}
    assert machine.err == people.err
    assert full.run("batch", "shw", "--json", check=2).json["error"]["code"] == "usage"


def test_a_manifest_that_is_not_valid_ends_with_3_and_nothing_is_uploaded(full):
    path = full.folder / "bad.json"
    path.write_text(json.dumps(manifest("b-bad", files=[{"path": "../x.shp", "type": "vector", "crs": "ESPG:4326"}],
                                        metadata={"description": ""}), indent=2))
    said = full.run("submit", path, check=3)
    assert said.out == "" and "(3 problems)" in said.err and said.err.endswith("Nothing was uploaded.\n")
    for line in said.err.splitlines():
        if line.startswith("  /"):
            assert re.search(r"\S  +line \d+$", line), line
    checked = full.run("validate", path, check=3)
    assert "(3 problems)" in checked.out
    found = full.run("validate", path, "--json", check=3).json
    assert {v["pointer"] for v in found["violations"]} == {"/files/0/path", "/files/0/crs", "/metadata/project"}
    assert found["error"]["code"] == "manifest.schema"
    full.run("batch", "show", "b-bad", check=4)


def test_the_same_batch_again_is_a_no_op_and_with_other_content_a_conflict(full):
    again = submit(full, "b-parks", "parks", 7)
    assert "there already (succeeded)" in again.out
    full.run("submit", "--batch-id", "b-parks", "--intent", "ingest_vector", "--dataset", "other",
             points(full.folder, "parks", 7), check=5)


def test_a_service_that_does_not_answer_ends_with_75(full):
    nobody = full.folder / "nobody"
    nobody.mkdir(exist_ok=True)
    result = full.run("-c", f"ledger.dsn=host={nobody} dbname=x password=hunter2", "-c", "run.retries=1", "batch", "list",
                      check=75)
    assert result.out == "" and "hunter2" not in result.err and "hint: " in result.err


def test_a_configuration_that_is_wrong_ends_with_78(full):
    assert "run.workers" in full.run("-c", "run.workers=many", "config", "show", check=78).err


# -- JSON ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [
    ["init"], ["batch", "list"], ["batch", "show", "b-roads"], ["batch", "show", "b-wrong"], ["asset", "list"],
    ["asset", "list", "--all"], ["asset", "show", "roads@1"], ["lineage", "roads"], ["ledger", "find", "runs"],
    ["ledger", "find", "assets", '{"dataset_id":"roads"}', "--sort", "version:-1"], ["ledger", "get", "manifests", "b-roads"],
    ["verify"], ["verify", "--deep"], ["gc"], ["recipe", "list"], ["recipe", "show", "ingest_vector"], ["recipe", "schema"],
    ["recipe", "explain", "ingest_vector"], ["step", "list"], ["step", "show", "simplify"], ["doctor"], ["config", "show"],
    ["version"], ["run", "--once"],
], ids=" ".join)
def test_every_answer_can_be_had_as_json(full, args):
    whole = full.run(*args, "--json").json
    assert isinstance(whole, (list, dict))
    lines = [json.loads(line) for line in full.run(*args, "--jsonl").out.splitlines()]
    if args[0] not in ("verify", "gc", "run", "doctor"):  # those tell of the moment
        assert lines == (whole if isinstance(whole, list) else [whole])


def test_documents_are_shown_as_they_are_stored(full):
    asset = full.run("asset", "show", "roads", "--json").json
    assert asset == full.run("ledger", "get", "assets", asset["_id"]).json
    assert asset == full.run("asset", "show", f"{asset['bucket']}/{asset['s3_key']}", "--json").json
    assert asset["version"] == 2 and full.run("asset", "show", "roads@2", "--json").json == asset
    batch = full.run("batch", "show", "b-roads-2", "--json").json
    assert batch["assets"] == [asset] and batch["run"]["_id"] == asset["run_id"]
    assert full.run("asset", "list", "--json", "--dataset", "roads", "--all").json[0] == asset


def test_find_filters_sorts_and_limits(full):
    find = ["ledger", "find", "assets", '{"dataset_id":"roads"}', "--sort", "version:-1", "--json"]
    assert [a["version"] for a in full.run(*find).json] == [2, 1]
    assert [a["version"] for a in full.run(*find, "--limit", "1").json] == [2]
    assert [a["version"] for a in full.run(*find, "--skip", "1").json] == [1]
    assert full.run("ledger", "find", "assets", '{"dataset_id":"nothing"}', "--json").json == []
    full.run("ledger", "find", "assets", "{dataset", check=2)
    full.run("ledger", "find", "assets", "[]", check=2)


# -- what people see ----------------------------------------------------------------------------------------------------


def test_submit_says_what_it_wrote_and_what_waits(home):
    result = submit(home, "b-said", "said")
    assert re.search(r"^manifest +b-said written \(CRS \S+ read from the file\)$", result.out, re.M), str(result)
    assert re.search(r"^upload +1 file, \d+ B$", result.out, re.M)
    assert re.search(r"^batch +b-said waiting$", result.out, re.M)
    assert result.err == "", "no progress in a pipe"
    home.run("run", "--once")


def test_a_dry_run_prints_a_manifest_that_is_valid_and_uploads_nothing(home):
    result = home.run("submit", "--dry-run", "--batch-id", "b-dry", "--intent", "ingest_vector", "--param", "tolerance=0.5",
                      points(home.folder, "dry"))
    assert json.loads(result.out)["params"] == {"tolerance": 0.5}
    path = home.folder / "dry.json"
    path.write_text(result.out)
    home.run("validate", path)
    home.run("batch", "show", "b-dry", check=4)
    assert "b-dry" not in home.run("run", "--once").out


def test_run_prints_one_line_a_batch_and_logs_one_a_stage(home):
    submit(home, "b-line", "line")
    result = home.run("run", "--once")
    lines = result.out.splitlines()
    assert len(lines) == 1 and re.match(r"run +b-line +archive.* · load 5 rows.* · \d+ steps.* · publish.* +succeeded$", lines[0])
    stages = [line for line in result.err.splitlines() if " run.stage " in line]
    assert {"archive", "load", "publish"} <= {re.search(r"stage=(\S+)", line)[1] for line in stages}
    assert all("batch=b-line" in line and re.search(r"run=[0-9a-f-]{36}", line) for line in stages)
    quiet = home.run("run", "--once", "-q")
    assert quiet.out == quiet.err == ""


def test_the_end_of_a_batch_is_logged_once_however_it_ended(home):
    submit(home, "b-once", "once")
    home.run("submit", "--batch-id", "b-once-bad", "--intent", "ingest_vector", "--type", "vector", "--crs", "EPSG:25833",
             points(home.folder, "once-bad"))
    log = home.run("-c", "log.level=info", "-c", "log.format=json", "run", "--once", check=False).err
    ended = [line for line in map(json.loads, log.splitlines()) if line["event"] == "run.ended"]
    assert sorted((line["batch"], line["status"]) for line in ended) == [("b-once", "succeeded"), ("b-once-bad", "failed")]
    assert [line.get("code") for line in ended if line["batch"] == "b-once-bad"] == [
        home.run("batch", "show", "b-once-bad", "--json").json["error"]["code"]]


def test_a_batch_that_failed_says_why_where_the_upload_is_and_what_to_try(full):
    text = full.run("batch", "show", "b-wrong").out
    assert re.search(r"^batch +b-wrong +failed +by ana +intent ingest_vector$", text, re.M), text
    assert re.search(r"^error +crs.mismatch: .*EPSG:25833", text, re.M)
    assert "landing-zone/b-wrong/" in text and "quarantine/b-wrong.json" in text
    assert re.search(r"^try +sluice replay b-wrong --set crs_policy=trust_file$", text, re.M)


def test_a_batch_that_succeeded_says_what_came_out(full):
    text = full.run("batch", "show", "b-roads-2").out
    for wanted in (r"^batch +b-roads-2 +succeeded in ", r"^recipe +ingest_vector v\d+ \(sha256 [0-9a-f]{8}…\)",
                   r"^stages +archive", r"^rows +9 in · 9 out$", r"^assets +roads v2  data-lake/roads/v2/roads.parquet",
                   r"^ +same columns as v1, \+4 rows$"):
        assert re.search(wanted, text, re.M), wanted + "\n" + text


def test_tables_fit_and_align_numbers_right(full):
    long = "a-dataset-with-" + "a-very-" * 12 + "long-name"
    submit(full, "b-long", long)
    full.run("run", "--once")
    for args in (["asset", "list", "--all"], ["batch", "list"], ["ledger", "find", "runs"], ["recipe", "list"],
                 ["step", "list"], ["config", "show", "--origin"]):
        lines = full.run(*args).out.splitlines()
        assert max(map(columns, lines)) <= 100, args
    lines = full.run("asset", "list").out.splitlines()
    end = lines[0].index("VERSION") + len("VERSION")
    assert all(line[end - 1].isdigit() and line[end] == " " for line in lines[1:])
    assert any("…" in line for line in lines)


def test_lineage_goes_back_to_the_uploaded_file(full):
    lines = full.run("lineage", "roads").out.splitlines()
    assert lines[0] == "roads v2   data-lake/roads/v2/roads.parquet"
    assert lines[1].startswith("│  sha256 ")
    assert lines[2].startswith("└─ run ") and "recipe ingest_vector" in lines[2]
    assert re.match(r"   │  engine postgis \d.*, gdal \d", lines[3])
    assert lines[4].startswith("   └─ batch b-roads-2")
    assert lines[5].startswith("      └─ roads.geojson   sha256 ")
    assert lines[6].startswith("         raw-vault/")
    assert max(map(columns, lines)) <= 100


def test_a_replay_says_that_the_version_stands(full):
    assert re.search(r"^run \S+  parks: same inputs, same recipe, same bytes \(sha256 \w+…\): version 1 stands$",
                     full.run("replay", "b-parks").out, re.M)
    assert full.run("replay", "b-parks", "--json").json["status"] == "succeeded"


def test_explain_shows_the_sql_and_changes_nothing(full):
    before = full.run("batch", "list", "--json").json
    text = full.run("recipe", "explain", "ingest_vector").out
    assert "SELECT" in text and "ST_" in text
    path = full.folder / "explain.json"
    path.write_text(json.dumps(manifest("b-explain")))
    assert "points.geojson" in full.run("recipe", "explain", "--manifest", path).out
    assert full.run("batch", "list", "--json").json == before


def test_lint_tells_line_and_column(full):
    path = full.folder / "broken.yaml"
    path.write_text("apiVersion: sluice/v1\nkind: Recipe\nname: broken\nversion: 1\nintents: [broken]\ntype: vector\n"
                    "steps:\n  - simplfy: {tolerance: 1}\noutputs:\n  - geoparquet: {}\n")
    result = full.run("recipe", "lint", path, check=3)
    assert re.search(r"broken\.yaml:8:\d+: error: .*simplfy.*simplify", result.out), str(result)
    assert result.out.splitlines()[-1] == "1 error"
    found = full.run("recipe", "lint", path, "--json", check=3).json
    assert [(f["line"], f["severity"]) for f in found] == [(8, "error")]


def test_secrets_are_masked(full):
    text = full.run("-c", "postgres.password=hunter2", "-c", "compute.dsn=host=x password=hunter3", "config", "show",
                    "--origin").out
    assert "hunter" not in text and "flag" in text


def test_doctor_finds_every_part_and_says_what_is_wrong(full):
    parts = full.run("doctor", "--json").json
    assert {p["part"] for p in parts} == {"config", "home", "scratch", "libraries", "grids", "extensions", "recipes",
                                         "store", "bucket", "postgres", "ledger", "catalog"}
    assert {p["status"] for p in parts} <= {"ok", "warn"}, parts
    assert [p["detail"].split(":")[0] for p in parts if p["part"] == "bucket"] == ["landing-zone", "raw-vault",
                                                                                  "data-lake"]
    result = full.run("-c", "duckdb.extensions=/nonexistent", "doctor", check=78)
    assert re.search(r"^extensions +FAIL +", result.out, re.M) and "hint: " in result.out
    new = full.run("--home", full.folder / "not-there", "doctor", check=78)
    assert re.search(r"^store +skipped", new.out, re.M) and not (full.folder / "not-there").exists()


def test_doctor_leaves_no_probe_behind(full):
    full.run("doctor")
    assert [path for path in full.path.rglob("*doctor*") if path.is_file()] == []


def test_doctor_tells_a_service_that_does_not_answer_from_a_wrong_setting(full):
    away = ("-c", "compute.dsn=host=127.0.0.1 port=9 dbname=x", "doctor")
    assert "FAIL" in full.run(*away, check=75).out
    began = time.monotonic()
    assert full.run(*away, "--wait", "2", check=75).out.count("FAIL") == 1
    assert time.monotonic() - began >= 1
    full.run("-c", "duckdb.extensions=/nonexistent", *away, check=78)
    assert full.run("doctor", "--wait", "30").out.count("postgres") >= 1


# -- downloads ----------------------------------------------------------------------------------------------------------


def test_get_checks_the_hash_and_does_not_overwrite(full):
    asset = full.run("asset", "show", "roads", "--json").json
    target = full.folder / "got.parquet"
    said = full.run("asset", "get", "roads", "-o", target)
    assert f"sha256:{hashlib.sha256(target.read_bytes()).hexdigest()}" == asset["content_hash"] and "verified" in said.out
    target.write_bytes(b"mine")
    full.run("asset", "get", "roads", "-o", target, check=5)
    assert target.read_bytes() == b"mine"
    full.run("asset", "get", "roads", "-o", target, "--force")
    assert len(target.read_bytes()) == asset["size_bytes"]
    assert not list(full.folder.glob("got.parquet.*")), "nothing temporary is left"
    piped = subprocess.run([binary(), "asset", "get", "roads", "-o", "-"], env=full.environment, cwd=full.folder,
                           capture_output=True, check=True)
    assert piped.stdout == target.read_bytes() and piped.stderr == b""


def test_get_of_an_object_that_was_changed_fails_and_leaves_nothing(full):
    submit(full, "b-flip", "flip")
    full.run("run", "--once")
    path = full.path / "store/data-lake/flip/v1/flip.parquet"
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk does it
    target = full.folder / "flip.parquet"
    assert "differs from the ledger" in full.run("asset", "get", "flip", "-o", target, check=3).err
    assert not target.exists()
    report = full.run("verify", "--deep", "--dataset", "flip", check=1).out
    assert "1 problem:" in report and "repair: " in report


def test_gc_says_first_and_does_only_with_yes(full):
    stray = full.path / "store/data-lake/stray/v1/stray.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"stray")
    for args in (["gc", "--grace", "0s"], ["gc", "--grace", "0s", "--yes", "--dry-run"]):
        assert "1 object of the lake that no document names" in full.run(*args).out and stray.exists()
    assert full.run("gc", "--grace", "0s", "--yes").out.endswith("done\n") and not stray.exists()


# -- terminals and pipes ------------------------------------------------------------------------------------------------


def test_a_pipe_gets_no_escape_codes(full):
    for args in (["asset", "list"], ["batch", "show", "b-wrong"], ["verify"], ["run", "--once"], ["doctor"]):
        result = full.run(*args, env={"NO_COLOR": "", "TERM": "xterm", "CLICOLOR_FORCE": ""})
        assert ESCAPE not in result.out + result.err and "\r" not in result.out + result.err


def test_a_terminal_gets_colours_unless_it_is_told_not_to(full):
    assert ESCAPE in on_a_terminal(full, "batch", "list")
    for args, env in ((["batch", "list"], {"NO_COLOR": "1"}), (["batch", "list", "--no-color"], {}),
                      (["batch", "list"], {"TERM": "dumb"})):
        assert ESCAPE not in on_a_terminal(full, *args, env=env)


def test_a_terminal_gets_progress(full):
    text = on_a_terminal(full, "submit", "--batch-id", "b-bar", "--intent", "ingest_vector", points(full.folder, "bar"))
    assert "████ 100 %" in text and "sluice run" in text
    text = on_a_terminal(full, "run", "--once")
    assert "succeeded" in text and "run.stage" not in text


def test_a_reader_that_goes_away_is_no_error(full):
    process = subprocess.Popen([binary(), "help", "--all"], env=full.environment, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_a_full_disk_behind_stdout_is_an_error(full):
    with open("/dev/full", "wb") as nowhere:
        done = subprocess.run([binary(), "help", "--all"], env=full.environment, stdout=nowhere, stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"standard output" in done.stderr


def test_names_from_outside_cannot_act_on_a_terminal(full):
    name = "b-\x1b[31mred\x1b]0;title\x07\u202e"
    result = full.run("batch", "show", name, check=4)
    assert ESCAPE not in result.err and "\u202e" not in result.err and "\x07" not in result.err
    assert len(result.err.splitlines()) <= 2
