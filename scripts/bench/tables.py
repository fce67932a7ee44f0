# SPDX-License-Identifier: Apache-2.0
"""Records of a web API: fetched, normalised, validated and written, beside a loop of Python's."""

import contextlib
import json
import resource
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from common import ROOT, Home, Options, row

LIMIT = 1000


def pages(n: int) -> list[bytes]:
    """NOAA's PRECIP_15, as its service gives it, ready to be sent: the server costs next to nothing."""
    made = []
    for first in range(0, n, LIMIT):
        records = [{"date": f"2010-{1 + i // 28 // 96 % 12:02d}-{1 + i // 96 % 28:02d}T{i // 4 % 24:02d}:{i % 4 * 15:02d}:00",
                    "datatype": "QPCP", "station": f"COOP:{i // 32256:06d}", "attributes": f",{'g' if i % 7 == 0 else ''},HT",
                    "value": 99999 if i % 10 == 0 else i % 50} for i in range(first, min(n, first + LIMIT))]
        made.append(json.dumps({"metadata": {"resultset": {"offset": first + 1, "count": n, "limit": LIMIT}},
                                "results": records}).encode())
    return made


@contextlib.contextmanager
def server(ready: list[bytes]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args) -> None:
            pass

        def do_GET(self) -> None:
            offset = int(parse_qs(urlsplit(self.path).query).get("offset", ["1"])[0])
            body = ready[(offset - 1) // LIMIT]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()


def by_sluice(url: str, n: int) -> tuple[float, float]:
    """Seconds until the batch is in the landing zone, and the most memory in MB."""
    home = Home()
    try:
        home.environment |= {"NOAA_BASE_URL": url, "NOAA_TOKEN": "t"}
        home.run("init")
        folder = home.path / "sources"
        folder.mkdir()
        text = (ROOT / "sources/noaa_precip15.yaml").read_text().replace("per_second: 5, per_day: 10000", "per_second: 0").replace("window: 30d", "window: 0s")
        (folder / "noaa_precip15.yaml").write_text(text)
        begin = time.perf_counter()
        process = home.start("source", "run", "noaa_precip15", "--since", "2010-01-01", "--until", "2011-01-01", "--no-ingest", "--json")
        out, err = process.communicate()
        took = time.perf_counter() - begin
        done = json.loads(out)
        if process.returncode or done[0]["records"] != n:
            raise RuntimeError(err or out)
        return took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    finally:
        home.close()


def by_python(url: str, n: int) -> float:
    """What a script would do: fetch, parse, split, dates to milliseconds, a few checks."""
    begin, got = time.perf_counter(), []
    for offset in range(1, n + 1, LIMIT):
        with urllib.request.urlopen(f"{url}/data?limit={LIMIT}&offset={offset}") as reply:
            for r in json.load(reply)["results"]:
                when = datetime.fromisoformat(r.pop("date")).replace(tzinfo=timezone.utc)
                r["event_ms"] = int(when.timestamp() * 1000)
                r["attributes"] = r["attributes"].split(",")
                assert r["station"] and r["datatype"] and isinstance(r["value"], (int, float))
                got.append(r)
    assert len(got) == n
    return time.perf_counter() - begin


def run(options: Options) -> Iterator[dict]:
    n = 20_000 if options.short else 1_000_000
    size = f"{n:,} records in pages of {LIMIT:,}"
    with server(pages(n)) as url:
        taken = [by_sluice(url, n) for _ in range(1 if options.short else options.runs)]
        seconds = sorted(t for t, _ in taken)[len(taken) // 2]
        yield row("fetch, normalise, validate, Parquet", n / seconds, "records/s", size, len(taken))
        yield row("the most memory of that", max(m for _, m in taken), "MB", size, len(taken))
        yield row("urllib and json, normalised, no file", n / by_python(url, n), "records/s", size, 1)
