# SPDX-License-Identifier: Apache-2.0
"""The most memory that one worker process takes, DuckDB's included, for a large vector file."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from common import Options, home, row, tree
from data import geopackage

SIZE_BYTES = 2 << 30


def high_water_mb(pid: int) -> float:
    """Of the largest of a process and what it started."""
    most = 0
    for one in tree(pid):
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{one}/status").read_text())
        except OSError:
            continue
        most = max(most, int(found[1]) if found else 0)
    return most / 1000


def run(options: Options) -> Iterator[dict]:
    source = geopackage(SIZE_BYTES // 10 if options.short else SIZE_BYTES)
    size = f"GeoPackage of {source.stat().st_size / 1e6:,.0f} MB"
    with home("embedded") as one:
        one.run("submit", "-q", "--intent", "ingest_vector", "--type", "vector", "--batch-id", "large", source)
        process, most = one.start("run", "-q", "--once"), [0.0]
        over = threading.Event()

        def watch() -> None:
            while not over.is_set():
                most[0] = max(most[0], high_water_mb(process.pid))
                time.sleep(0.1)

        watcher, begin = threading.Thread(target=watch), time.perf_counter()
        watcher.start()
        out, err = process.communicate()
        took = time.perf_counter() - begin
        over.set()
        watcher.join()
        if process.returncode:
            raise RuntimeError(f"sluice run ended with {process.returncode}: {err or out}")
    yield row("worker, high-water mark", most[0], "MB", size, 1)
    yield row("whole batch", took, "s", size, 1)
