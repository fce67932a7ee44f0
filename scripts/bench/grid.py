# SPDX-License-Identifier: Apache-2.0
"""Fields of a global model to ClickHouse: decoding alone, whole batches beside a ready-made file and what people write in
Python, and questions for a place among 100 million rows."""

import contextlib
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from common import DATA, ROOT, Home, Options, Unavailable, cpu_ms, row, seconds
from grid_data import POINTS, grib, reduced
from raster import span

TOOL = ROOT / "build/release/tests/tools/grid_bench"  # prints one object with "seconds" and "values"
PEER_MESSAGES = 4  # of the day, as pandas takes minutes for all
PLACE, AT = (52.52, 13.40), "2025-03-01T02:00Z"
HABIT = ("SELECT {columns} FROM grid_data WHERE variable = '2t' AND timestamp = toDateTime('2025-03-01 02:00:00', 'UTC'){box}"
         " ORDER BY greatCircleDistance(lon, lat, 13.40, 52.52) LIMIT 1")


class ClickHouse:
    """A server of its own, as the tests start it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        done = subprocess.run([ROOT / "services/clickhouse/dev/start", folder], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"services/clickhouse/dev/start: {(done.stderr or done.stdout).strip()}")
        self.settings = dict(line.split("=", 1) for name in ("env", "admin.env")
                             for line in (folder / name).read_text().splitlines() if "=" in line)
        self.pid = int((folder / "service.pid").read_text().split()[0])
        self.http = http.client.HTTPConnection("127.0.0.1", int(self.settings["CLICKHOUSE_PORT"]), timeout=300)
        self.used = time.monotonic()

    def ask(self, sql: str, body=None, **settings) -> str:
        words = {"database": "sluice", "allow_experimental_low_cardinality_type": 1, **settings}
        if body is not None:
            words["query"] = sql
        headers = {"X-ClickHouse-User": "sluice", "X-ClickHouse-Key": self.settings["CLICKHOUSE_PASSWORD"]}
        if time.monotonic() - self.used > 3:  # the server ends a connection that is idle
            self.http.close()
        self.http.request("POST", "/?" + urllib.parse.urlencode(words), sql.encode() if body is None else body, headers)
        answer = self.http.getresponse()
        text = answer.read().decode()
        self.used = time.monotonic()
        if answer.status != 200:
            raise Unavailable(f"ClickHouse: {text[:300]}")
        return text

    def client(self, sql: str, path: Path) -> None:
        """clickhouse-client with a file on its input; the password is in its environment's file only."""
        config = self.folder / "client.xml"
        config.touch(0o600)
        config.write_text(f"<config><user>sluice</user><password>{self.settings['CLICKHOUSE_PASSWORD']}</password></config>")
        with path.open("rb") as rows:
            done = subprocess.run(["clickhouse-client", "--config-file", config, "--host", "127.0.0.1", "--port",
                                   self.settings["CLICKHOUSE_NATIVE_PORT"], "--database", "sluice", "--query", sql],
                                  stdin=rows, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"clickhouse-client: {done.stderr[:300]}")

    def quiet(self) -> None:
        """Parts that are being merged are not the next measurement's."""
        for _ in range(600):
            if self.ask("SELECT count() FROM system.merges").strip() == "0":
                return
            time.sleep(0.2)

    def cpu(self) -> float:
        return cpu_ms(self.pid) / 1000

    def close(self) -> None:
        self.http.close()
        subprocess.run([ROOT / "services/clickhouse/dev/stop", self.folder], capture_output=True)


@contextlib.contextmanager
def clickhouse() -> Iterator[ClickHouse]:
    folder = Path(tempfile.mkdtemp(prefix="bench-clickhouse-"))
    try:
        server = ClickHouse(folder)
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tool(*words) -> dict:
    done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"{TOOL.name} {' '.join(map(str, words))}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def made(*words) -> Path:
    """By a process of its own: Linux counts the memory of this one as its children's."""
    subprocess.run([sys.executable, Path(__file__).with_name("grid_data.py"), *map(str, words)], check=True, cwd=Path(__file__).parent)
    return grib(int(words[1]), int(words[2])) if words[0] == "grib" else reduced(int(words[1]))


def decoding(source: Path, size: str, runs: int):
    for what, label in (("eccodes", "ecCodes alone"), ("decode", "sluice's reader"), ("blocks", "sluice, to ClickHouse blocks")):
        rates = [(lambda t: t["values"] / t["seconds"] / 1e6)(tool(what, source, 1)) for _ in range(max(runs, 3))]
        yield row(f"decode: {label}", statistics.median(rates), "M rows/s", size + ", a core", len(rates))


def batch(one: Home, server: ClickHouse, source: Path, name: str) -> dict:
    """Seconds of the whole batch and of its load; of processors, the server's apart; the worker's memory."""
    one.run("submit", "--intent", "ingest_grib", "--type", "grid", "--batch-id", name, "--dataset", "bench", source)
    server.quiet()
    busy, begin = server.cpu(), time.perf_counter()
    process = one.start("run", "--once")
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took, busy = time.perf_counter() - begin, server.cpu() - busy
    if status:
        raise Unavailable(f"sluice run: {said[:300]}")
    stages = {s["name"]: s for s in one.json("ledger", "find", "runs", json.dumps({"batch_id": name}))[0]["stages"]}
    return {"whole": took, "load": span(stages["load"]) if "load" in stages else took, "server": busy,
            "client": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 1024}


def ready_made(server: ClickHouse, source: Path, messages: int, runs: int, folder: Path) -> dict:
    """The same rows from a file that is sorted already, into a table of the same form."""
    path = folder / "sorted.native"
    columns = tool("native", source, path)["columns"]
    sql = f"INSERT INTO ready ({columns}) FORMAT Native"
    url = f"http://127.0.0.1:{server.settings['CLICKHOUSE_PORT']}/?" + urllib.parse.urlencode(
        {"database": "sluice", "query": sql, "allow_experimental_low_cardinality_type": 1})
    config = folder / "curl.conf"  # so that the password is no argument
    config.touch(0o600)
    config.write_text(f'header = "X-ClickHouse-User: sluice"\nheader = "X-ClickHouse-Key: {server.settings["CLICKHOUSE_PASSWORD"]}"\n')

    def curl() -> None:
        done = subprocess.run(["curl", "-sS", "-f", "-K", config, "-X", "POST", "-H", "Expect:", "-T", path, url], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"curl: {done.stderr[:300]}")

    out = {}
    for name, insert in (("curl", curl), ("clickhouse-client", lambda: server.client(sql, path))):
        if not shutil.which(name):
            continue
        for _ in range(runs):
            server.ask("DROP TABLE IF EXISTS ready")
            server.ask("CREATE TABLE ready AS grid_data")
            server.quiet()
            busy = server.cpu()
            took = seconds(insert)
            out.setdefault(name, []).append((took, server.cpu() - busy))
            if int(server.ask("SELECT count() FROM ready")) != messages * POINTS:
                raise Unavailable(f"{name} lost rows")
    server.ask("DROP TABLE IF EXISTS ready")
    path.unlink()
    return {name: tuple(statistics.median(m[i] for m in measured) for i in range(2)) for name, measured in out.items()}


def fields(source: Path):
    import xarray

    return xarray.open_dataset(source, engine="cfgrib", backend_kwargs={"indexpath": ""})


def by_pandas(server: ClickHouse, source: Path) -> None:
    data = fields(source)
    for i in range(data.time.size):
        frame = data.t2m[[i]].to_dataframe().reset_index()[["time", "latitude", "longitude", "t2m"]]
        frame.insert(0, "variable", "2t")
        server.ask("INSERT INTO peer (variable, timestamp, lat, lon, value) FORMAT CSV", frame.to_csv(header=False, index=False, date_format="%Y-%m-%d %H:%M:%S").encode())


def by_numpy(server: ClickHouse, source: Path) -> None:
    import numpy as np

    data = fields(source)
    lat, lon = (a.ravel() for a in np.meshgrid(data.latitude.values, data.longitude.values, indexing="ij"))
    rows = np.empty(lat.size, dtype=[("n", "u1"), ("variable", "S2"), ("timestamp", "<u4"), ("lat", "<f8"), ("lon", "<f8"), ("value", "<f8")])
    rows["n"], rows["variable"], rows["lat"], rows["lon"] = 2, b"2t", lat, lon
    for i in range(data.time.size):
        rows["timestamp"] = data.time.values[i].astype("datetime64[s]").astype("u4")
        rows["value"] = data.t2m[i].values.ravel()
        server.ask("INSERT INTO peer (variable, timestamp, lat, lon, value) FORMAT RowBinary", rows.tobytes())


def peers(server: ClickHouse, source: Path, messages: int):
    size = f"{messages} messages, {messages * POINTS:,} rows"
    for name, work in (("cfgrib, pandas, CSV", by_pandas), ("cfgrib, numpy, RowBinary", by_numpy)):
        server.ask("DROP TABLE IF EXISTS peer")
        server.ask("CREATE TABLE peer (variable LowCardinality(String), timestamp DateTime('UTC'), lat Float64, lon Float64, value Float64)"
                   " ENGINE = MergeTree ORDER BY (variable, timestamp, lat, lon)")
        server.quiet()
        took = seconds(lambda: work(server, source))
        if int(server.ask("SELECT count() FROM peer")) != messages * POINTS:
            raise Unavailable(f"{name} lost rows")
        yield row(f"rows: {name}", messages * POINTS / took / 1e6, "M rows/s", size, 1)
    server.ask("DROP TABLE IF EXISTS peer")


def logged(server: ClickHouse, since: str, like: str) -> tuple[float, int]:
    """Median milliseconds, and the most rows read, of the server's own log."""
    time.sleep(2.5)  # it writes its log each second
    answer = server.ask("SELECT medianExact(query_duration_ms), max(read_rows), count() FROM system.query_log WHERE type = 2 AND"
                        f" event_time >= toDateTime({since}) AND query LIKE '{like}' AND query NOT LIKE '%query_log%'").split()
    return float(answer[0]), int(answer[1])


def now(server: ClickHouse) -> str:
    time.sleep(1.1)
    return server.ask("SELECT toUInt32(now())").strip()


def repeated(server: ClickHouse, sql: str, times: int) -> float:
    """Median milliseconds as a client sees it, over one connection."""
    server.ask(sql)
    return statistics.median(seconds(lambda: server.ask(sql)) for _ in range(times)) * 1000


def questions(one: Home, server: ClickHouse, rows: int, times: int):
    size = f"among {rows / 1e6:,.0f} million rows"
    server.quiet()
    words = ("grid", "point", "--variable", "2t", "--lat", PLACE[0], "--lon", PLACE[1], "--at", AT)
    since = now(server)
    took = [seconds(lambda: one.run(*words)) * 1000 for _ in range(times)]
    _, read = logged(server, since, "SELECT load, field, lat, lon, value FROM grid_data%")
    bare = server.ask(f"SELECT query FROM system.query_log WHERE type = 2 AND event_time >= toDateTime({since}) AND query LIKE"
                      " 'SELECT load, field, lat, lon, value FROM grid_data%' AND query NOT LIKE '%query_log%' ORDER BY event_time DESC LIMIT 1 FORMAT TabSeparatedRaw").strip()
    bare = bare.split(" FORMAT ")[0]
    yield row("point: sluice grid point, whole command", statistics.median(took), "ms", size, times)
    yield row("point: its SQL", repeated(server, bare, times), "ms", size, times)
    yield row("point: its SQL, most rows read", read, "rows", size, times)
    box = " AND lat BETWEEN 52 AND 53 AND lon BETWEEN 13 AND 14"
    for label, text in (("habitual query", ""), ("habitual query in a box", box)):
        since = now(server)
        ms = repeated(server, HABIT.format(columns="lat, lon, value", box=text), times)
        _, read = logged(server, since, "%greatCircleDistance%")
        yield row(f"point: {label}", ms, "ms", size, times)
        yield row(f"point: {label}, most rows read", read, "rows", size, times)


def run(options: Options):
    messages, days = (4, 2) if options.short else (24, 5)
    if not TOOL.exists():
        raise Unavailable("there is no grid_bench: cmake --preset release -D SLUICE_TESTS=ON && cmake --build --preset release")
    sources = [made("grib", day, messages) for day in range(1, days + 1)]
    rows = messages * POINTS
    size = f"{messages} messages, {rows:,} rows"
    yield from decoding(sources[0], size, options.runs)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(clickhouse())
        one = Home()
        stack.callback(one.close)
        one.environment |= {k: v for k, v in server.settings.items() if k != "CLICKHOUSE_NATIVE_PORT"}
        one.run("init")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=DATA)))
        measured = [batch(one, server, source, f"day{n}") for n, source in enumerate(sources)]
        whole, load, busy, client, memory = (statistics.median(m[i] for m in measured) for i in ("whole", "load", "server", "client", "memory"))
        yield row("rows: sluice, whole batch", rows / whole / 1e6, "M rows/s", size, days)
        yield row("rows: sluice, load only", rows / load / 1e6, "M rows/s", size, days)
        yield row("rows: sluice, its processors", client, "s", size, days)
        yield row("rows: sluice, the server's processors", busy, "s", size, days)
        yield row("rows: sluice, memory", memory, "MB", size, days)
        wide = made("reduced", 320 if options.short else 1280)
        # Before Python itself becomes large: Linux counts the memory of the parent until a child's program begins.
        yield row("rows: sluice, memory for a reduced grid", batch(one, server, wide, "reduced")["memory"], "MB", wide.stem, 1)
        for name, (took, theirs) in ready_made(server, sources[0], messages, options.runs, folder).items():
            yield row(f"rows: ready-made file, {name}", rows / took / 1e6, "M rows/s", size, options.runs)
            yield row(f"rows: ready-made file, {name}, server's processors", theirs, "s", size, options.runs)
            yield row(f"rows: whole batch / {name}", whole / took, "times", size, options.runs)
            yield row(f"rows: load / {name}", load / took, "times", size, options.runs)
            yield row(f"rows: server's processors / {name}", busy / theirs, "times", size, options.runs)
        yield from peers(server, made("grib", 1, min(messages, PEER_MESSAGES)), min(messages, PEER_MESSAGES))
        yield from questions(one, server, rows * days, 5 if options.short else 30)
