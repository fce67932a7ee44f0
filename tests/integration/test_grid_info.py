# SPDX-License-Identifier: Apache-2.0
"""`sluice grid info`: what a file holds, and what is wrong with it, before it is ingested."""
import json
import os
import pathlib
import subprocess

import eccodes

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SLUICE_BINARY", ROOT / "build/release/engine/cli/sluice"))


def info(*arguments):
    return subprocess.run([PROGRAM, "grid", "info", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def message(step):
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    eccodes.codes_set(handle, "stepRange", step)
    return eccodes.codes_get_message(handle)


def test_fields_are_grouped_for_people_and_whole_in_json(tmp_path):
    path = tmp_path / "a.grib2"
    path.write_bytes(b"".join(message(step) for step in range(48)))
    done = info(path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and "0 h – 47 h" in lines[1] and lines[1].split()[-1] == "48"
    assert lines[2] == "GRIB: 48 fields, 0 problems"
    assert len(info("--fields", path).stdout.splitlines()) == 50
    answer = json.loads(info("--json", path).stdout)
    assert [f["step_to_s"] for f in answer["fields"]] == [3600 * h for h in range(48)] and answer["problems"] == []
    assert {(f["grid"], f["points"], f["missing"]) for f in answer["fields"]} == {("regular_ll", 496, 0)}


def test_problems_are_named_and_are_the_exit_code(tmp_path):
    one = message(0)
    path = tmp_path / "a.grib2"
    path.write_bytes(one + b"\xff" * 500 + one + one[:100])
    done = info(path)
    assert done.returncode == 3 and "2 fields, 2 problems" in done.stdout
    answer = json.loads(info("--json", path).stdout)
    assert [(p["index"], p["offset"], p["code"]) for p in answer["problems"]] == [
        (1, len(one), "file.damaged"), (2, 2 * len(one) + 500, "file.truncated")]


def test_what_is_no_such_file_is_one_line(tmp_path):
    path = tmp_path / "text.grib"
    path.write_text("nothing of the kind")
    done = info(path)
    assert done.returncode == 3 and "has no GRIB message in it" in done.stderr
    assert info(tmp_path / "a.txt").returncode == 2
    assert info("--format", "GPKG", path).returncode == 2
