# SPDX-License-Identifier: Apache-2.0
"""Buildings reprojected and simplified, and only converted, to GeoParquet: sluice's whole batch beside others, in turns."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common import BINARY, DATA, Home, Options, Unavailable, cpu_ms, home, row, servers
from data import building_file

COUNT, RUNS = 500_000, 5
HERE = Path(__file__).resolve().parent
HEAD = "apiVersion: sluice/v1\nkind: Recipe\nname: {name}\nversion: 1\nintents: [{name}]\ntype: vector\nengine: {engine}\n"
STEPS = 'steps:\n  - normalize_crs: {to: "EPSG:4326"}\n  - simplify: {tolerance: 0.00001, preserve_topology: true}\n'
RECIPES = {"bench_postgis": ("postgis", STEPS), "bench_duckdb": ("duckdb", STEPS), "bench_plain": ("postgis", "")}


@dataclass(frozen=True)
class Took:
    seconds: float
    processor: float  # PostgreSQL's with it
    peak_mb: float  # of the largest process; PostgreSQL apart


def watched(command: list, **more) -> tuple[Took, str]:
    begin = time.perf_counter()
    process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, **more)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Unavailable(f"{command[0]}: {err.strip().splitlines()[-1:] or out}")
    return Took(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), out


def with_server(one: Home, work: Callable[[], Took]) -> Took:
    """The processor time of the home's PostgreSQL goes to whoever makes it work."""
    server = servers(one)["PostgreSQL"]
    before = cpu_ms(server)
    took = work()
    return Took(took.seconds, took.processor + (cpu_ms(server) - before) / 1000, took.peak_mb)


def with_sluice(one: Home, recipe: str, source: Path, number: int) -> Took:
    """The whole batch - upload apart - with the program's start."""
    batch = f"{recipe}_{source.suffix[1:]}_{number}"
    one.run("submit", "-q", "--intent", recipe, "--type", "vector", "--batch-id", batch, "--dataset", batch, source)
    took, _ = watched([BINARY, "run", "-q", "--once"], cwd=one.folder, env=one.environment)
    (asset,) = one.json("ledger", "find", "assets", json.dumps({"dataset_id": batch}))
    if not asset["row_count"]:
        raise Unavailable(f"sluice wrote no row of {source.name}")
    return took


def with_peer(one: Home, peer: str, source: Path) -> Took:
    """In a process of its own, whose clock starts when its libraries are there."""
    lines = next(one.path.glob("postgres/data/postmaster.pid")).read_text().splitlines()
    dsn = f"host={lines[4]} port={lines[3]} dbname=sluice user=sluice"
    took, out = watched([sys.executable, HERE / "vector_peers.py", peer, source, one.folder / "peer.parquet", dsn])
    return Took(json.loads(out)["seconds"], took.processor, took.peak_mb)


def cases(one: Home, sources: dict[str, Path]) -> dict[str, dict[str, Callable[[int], Took]]]:
    def sluice(recipe: str, source: Path) -> Callable[[int], Took]:
        return lambda number: with_server(one, lambda: with_sluice(one, recipe, source, number))

    def peer(name: str, source: Path) -> Callable[[int], Took]:
        return lambda number: with_server(one, lambda: with_peer(one, name, source))

    fgb = sources["FlatGeobuf"]
    found = {"steps": {"sluice, postgis": sluice("bench_postgis", fgb), "sluice, duckdb": sluice("bench_duckdb", fgb),
                       "ogr2ogr + PostGIS + geopandas": peer("postgis", fgb), "geopandas": peer("geopandas", fgb),
                       "DuckDB spatial": peer("duckdb", fgb)}}
    for name, source in sources.items():
        found[f"plain {name}"] = {"sluice": sluice("bench_plain", source), "geopandas": peer("geopandas_plain", source),
                                  "DuckDB spatial": peer("duckdb_plain", source)}
    return found


def plot(medians: dict[str, dict[str, Took]], size: str) -> None:
    """Beside the table, where matplotlib is."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(medians), figsize=(5 * len(medians), 3.2), layout="constrained")
    for axis, (work, found) in zip(axes, medians.items()):
        bars = axis.barh(list(found), [t.seconds for t in found.values()],
                         color=["#1f6f54" if name.startswith("sluice") else "#9aa5ad" for name in found])
        axis.bar_label(bars, [f"{t.seconds:.1f} s, {t.peak_mb:.0f} MB" for t in found.values()], padding=3)
        axis.set_xlim(0, 1.5 * max(t.seconds for t in found.values()))
        axis.invert_yaxis()
        axis.set_title(f"{work}, {size}", fontsize=10)
        axis.set_xlabel("seconds, median")
    figure.savefig(DATA / "vector.png", dpi=120)
    pyplot.close(figure)
    print(f"vector: plot in {DATA / 'vector.png'}", file=sys.stderr)


def ten_times(one: Home, count: int) -> Iterator[dict]:
    """What the rows' number does to memory: once each, sluice alone."""
    source, size = building_file(10 * count, "FlatGeobuf"), f"{10 * count:,} buildings"
    for recipe in RECIPES:
        took = with_server(one, lambda: with_sluice(one, recipe, source, 10))
        yield row(f"ten times: {recipe}", took.seconds, "s", size, 1)
        yield row(f"ten times: {recipe}, processor", took.processor, "s", size, 1)
        yield row(f"ten times: {recipe}, peak memory", took.peak_mb, "MB", size, 1)


def run(options: Options) -> Iterator[dict]:
    count, runs = (COUNT // 10, 1) if options.short else (COUNT, max(options.runs, RUNS))
    size = f"{count:,} buildings"
    sources = {"FlatGeobuf": building_file(count, "FlatGeobuf"), "Shapefile": building_file(count, "ESRI Shapefile")}
    found: dict[tuple[str, str], list[Took]] = {}
    missing: dict[tuple[str, str], str] = {}
    with home("embedded") as one:
        (one.path / "recipes").mkdir(exist_ok=True)
        for name, (engine, steps) in RECIPES.items():
            text = HEAD.format(name=name, engine=engine) + steps + "outputs:\n  - geoparquet: {sort: hilbert}\n"
            (one.path / f"recipes/{name}.yaml").write_text(text)
        for number in range(runs):
            for work, programs in cases(one, sources).items():
                for name, measure in programs.items():
                    try:
                        found.setdefault((work, name), []).append(measure(number))
                    except (Unavailable, FileNotFoundError) as reason:
                        missing[work, name] = re.sub(r"\s+", " ", str(reason))
        if options.large:
            yield from ten_times(one, count)
    medians: dict[str, dict[str, Took]] = {}
    for (work, name), took in found.items():
        if (work, name) in missing:
            continue
        middle = Took(*(statistics.median(getattr(t, field) for t in took) for field in ("seconds", "processor", "peak_mb")))
        medians.setdefault(work, {})[name] = middle
        seconds = [t.seconds for t in took]
        yield row(f"{work}: {name}", middle.seconds, "s", size, runs, least=min(seconds), most=max(seconds))
        yield row(f"{work}: {name}, processor", middle.processor, "s", size, runs)
        yield row(f"{work}: {name}, peak memory", middle.peak_mb, "MB", size, runs)
    for work, programs in medians.items():
        for ours in (name for name in programs if name.startswith("sluice")):
            for name in (name for name in programs if not name.startswith("sluice")):
                ratio = programs[name].seconds / programs[ours].seconds
                yield row(f"{work}: {name} / {ours}", ratio, "times", size, runs)
    if medians:
        plot(medians, size)
    if missing:
        raise Unavailable("; ".join(f"{work}, {name}: {reason}" for (work, name), reason in missing.items()))
