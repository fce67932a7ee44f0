# SPDX-License-Identifier: Apache-2.0
"""Fields of a file as the engine's reader gives them, through tests/tools/grid_dump."""

import json
import os
import pathlib
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SLUICE_BINARY", ROOT / "build/release/engine/cli/sluice"))
TOOL = PROGRAM.parents[2] / "tests/tools/grid_dump"
INPUT_EXIT = 3


class GridDump:
    """The reader of one format."""

    def __init__(self, format_name: str) -> None:
        self.format = format_name

    def run(self, path, *options):
        done = subprocess.run([TOOL, *options, self.format, str(path)], capture_output=True, text=True, timeout=60)
        # libmongoc's, about counters that a killed process left; it is linked, and not used here
        done.stderr = "".join(line for line in done.stderr.splitlines(True) if "mongoc: " not in line)
        return done

    def dump(self, path, *options):
        """The fields, and of each its rows: latitude, longitude, value."""
        rows = pathlib.Path(f"{path}.rows")
        done = self.run(path, f"rows={rows}", *options)
        assert done.returncode == 0, done.stderr
        fields = [json.loads(line) for line in done.stdout.splitlines()]
        ends = np.cumsum([f["n"] for f in fields])
        return fields, np.split(np.fromfile(rows).reshape(-1, 3), ends[:-1]) if fields else []

    def refusal(self, path, *options):
        """The line that says what is wrong."""
        done = self.run(path, *options)
        assert done.returncode == INPUT_EXIT, done.stdout + done.stderr
        return done.stderr.splitlines()[0]
