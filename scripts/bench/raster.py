# SPDX-License-Identifier: Apache-2.0
"""A large image to COG, and to COG in EPSG:4326: sluice's whole batch beside gdal_translate, gdalwarp and rio-cogeo."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import DATA, Options, Unavailable, home, row

COG = ["-of", "COG", "-co", "COMPRESS=DEFLATE", "-co", "PREDICTOR=STANDARD", "-co", "BLOCKSIZE=512", "-co", "RESAMPLING=AVERAGE",
       "-co", "OVERVIEWS=IGNORE_EXISTING", "-co", "BIGTIFF=IF_SAFER", "-co", "NUM_THREADS=ALL_CPUS"]
WARP = ["-t_srs", "EPSG:4326", "-r", "cubic", "-ovr", "NONE", "-dstalpha", "-wm", "64", "-wo", "NUM_THREADS=ALL_CPUS",
        "-co", "TILED=YES", "-co", "BIGTIFF=IF_SAFER"]
RECIPE = """apiVersion: sluice/v1
kind: Recipe
name: {name}
version: 1
intents: [{name}]
type: raster
{steps}outputs:
  - cog: {{}}
"""
STEPS = {"bench_cog": "", "bench_warp": 'steps:\n  - warp: {to: "EPSG:4326", resampling: cubic}\n'}


def data(side: int) -> Path:
    """Made by a process of its own: Linux counts the memory of this one as its children's."""
    path = DATA / f"image_{side}.tif"
    if not path.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, __file__, str(side)], check=True)
    return path


def make(side: int) -> None:
    """Hills with noise in three bands of bytes: neither flat nor without any pattern."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    path = DATA / f"image_{side}.tif"
    part = path.with_suffix(".part")
    noise = np.random.default_rng(5)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8", "crs": "EPSG:32633",
               "transform": from_origin(500000, 5800000, 10, 10), "tiled": True, "photometric": "RGB"}
    with rasterio.open(part, "w", **profile) as out:
        for top in range(0, side, 512):
            rows = min(512, side - top)
            y, x = np.mgrid[top:top + rows, 0:side]
            for band in range(3):
                hills = 120 + 60 * np.sin(x / (310 + 40 * band)) * np.cos(y / 270)
                out.write((hills + noise.integers(0, 24, x.shape)).astype("uint8"), band + 1, window=Window(0, top, side, rows))
    part.rename(path)


def timed(*words) -> tuple[float, float, float]:
    """Seconds, the most memory of it or of one that it started, in MB, and seconds of processors."""
    begin = time.perf_counter()
    process = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise Unavailable(f"{' '.join(map(str, words))[:120]}: {said.decode(errors='replace').strip()[:200]}")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def in_turn(*commands) -> tuple[float, float, float]:
    measured = [timed(*command) for command in commands]
    return sum(m[0] for m in measured), max(m[1] for m in measured), sum(m[2] for m in measured)


def batch(one, intent: str, source: Path, n: int) -> tuple[float, float, float, float]:
    """Whole batch, memory of the worker, seconds of processors, and the time that its stages of computing took."""
    name = f"{intent}_{n}"
    one.run("submit", "--intent", intent, "--type", "raster", "--batch-id", name, "--dataset", name, source)
    begin = time.perf_counter()
    process = one.start("run", "--once")
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise Unavailable(f"sluice run: {said[:300]}")
    took = time.perf_counter() - begin
    runs = one.json("ledger", "find", "runs", json.dumps({"batch_id": name}))
    stages = {s["name"]: s for s in runs[0]["stages"]}
    computing = sum(span(stages[s]) for s in ("steps", "write") if s in stages)
    return took, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, computing


def span(stage: dict) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(stage["ended_at"]) - datetime.fromisoformat(stage["started_at"])).total_seconds()


def peers(source: Path, folder: Path, warp: bool) -> dict:
    rio = [Path(sys.executable).with_name("rio")]
    made, cog = folder / "warped.tif", folder / "out.tif"
    threads = ["--config", "GDAL_NUM_THREADS", "ALL_CPUS"]
    deflate = ["cogeo", "create", "--cog-profile", "deflate", "--co", "PREDICTOR=2", "--co", "NUM_THREADS=ALL_CPUS",
               "--overview-resampling", "average", "--quiet"]
    translate = ["gdal_translate", "-q", *COG]
    if not warp:
        return {"gdal_translate": lambda: in_turn([*translate, source, cog]),
                "rio-cogeo": lambda: in_turn([*rio, *deflate, source, cog])}
    warped = ["gdalwarp", "-q", "-overwrite", *threads, *WARP, source, made]
    return {"gdalwarp + gdal_translate": lambda: in_turn(warped, [*translate, made, cog]),
            "gdalwarp + rio-cogeo": lambda: in_turn(warped, [*rio, *deflate, "--no-in-memory", made, cog])}


def run(options: Options):
    side = 2000 if options.short else 10000
    runs = 1 if options.short else max(options.runs, 5)
    if not shutil.which("gdal_translate"):
        raise Unavailable("there is no gdal_translate: apt install gdal-bin")
    source, size = data(side), f"{side:,} x {side:,}, 3 bands"
    DATA.mkdir(parents=True, exist_ok=True)
    with home("embedded") as one, tempfile.TemporaryDirectory(dir=DATA) as folder:
        (one.path / "recipes").mkdir(exist_ok=True)
        for name, steps in STEPS.items():
            (one.path / "recipes" / f"{name}.yaml").write_text(RECIPE.format(name=name, steps=steps))
        for intent, label in (("bench_cog", "COG"), ("bench_warp", "EPSG:4326 COG")):
            theirs = peers(source, Path(folder), intent == "bench_warp")
            ours, times = [], {name: [] for name in theirs}
            for n in range(runs):  # in turn, so that a busy minute hits all alike
                ours.append(batch(one, intent, source, n))
                for name, measure in theirs.items():
                    times[name].append(measure())
            whole, memory, processors, computing = (statistics.median(m[i] for m in ours) for i in range(4))
            yield row(f"{label}: sluice, whole batch", whole, "s", size, runs)
            yield row(f"{label}: sluice, steps and write", computing, "s", size, runs)
            yield row(f"{label}: sluice, memory", memory, "MB", size, runs)
            yield row(f"{label}: sluice, processors", processors, "s", size, runs)
            for name, measured in times.items():
                took = statistics.median(m[0] for m in measured)
                yield row(f"{label}: {name}", took, "s", size, runs)
                yield row(f"{label}: {name}, memory", statistics.median(m[1] for m in measured), "MB", size, runs)
                yield row(f"{label}: {name}, processors", statistics.median(m[2] for m in measured), "s", size, runs)
                yield row(f"{label}: processors of the batch / {name}", processors / statistics.median(m[2] for m in measured),
                          "times", size, runs)
                yield row(f"{label}: steps and write / {name}", computing / took, "times", size, runs)
                yield row(f"{label}: whole batch / {name}", whole / took, "times", size, runs)


if __name__ == "__main__":
    make(int(sys.argv[1]))
