# SPDX-License-Identifier: Apache-2.0
"""A scripted web API: pages of records, and faults on request."""

import json
import socket
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def precipitation(n: int, station: int = 0) -> list[dict]:
    """NOAA's PRECIP_15 as its web service gives it."""
    return [{"date": f"2010-01-{1 + i // 96 % 28:02d}T{i // 4 % 24:02d}:{i % 4 * 15:02d}:00", "datatype": "QPCP",
             "station": f"COOP:{station + i // 2688:06d}", "attributes": f",{'g' if i % 7 == 0 else ''},HT",
             "value": 99999 if i % 10 == 0 else i % 50} for i in range(n)]


class Api:
    """`records` at /data by offset and limit as NOAA does, at /pages, /cursor and /links in other ways. `faults` maps the number
    of a request (from 1) to what happens to it: a status, or one of the words of `Handler.fault`. `reply` may change a page's
    document before it is sent."""

    def __init__(self, records: list, token: str | None = None) -> None:
        self.records, self.token = records, token
        self.faults: dict[int, object] = {}
        self.requests: list[str] = []
        self.seen: Counter = Counter()
        self.headers: list[dict] = []
        self.reply = lambda document, request: document
        self.jobs: dict[str, list] = {}
        self.route = None
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args) -> None:
                pass

            def do_GET(self) -> None:
                api.answer(self)

            do_POST = do_GET

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    # -- replies ---------------------------------------------------------------------------------------------------

    def answer(self, handler) -> None:
        self.requests.append(handler.path)
        self.headers.append({k.lower(): v for k, v in handler.headers.items()})
        number = len(self.requests)
        fault = self.faults.get(number)
        if fault and self.fault(handler, fault):
            return
        if self.token and handler.headers.get("token") != self.token:
            return self.send(handler, 401, b'{"status":"401","message":"token is wrong"}')
        if self.route:
            return self.route(self, handler)
        body = json.dumps(self.reply(self.document(handler), number)).encode()
        headers = {}
        if urlsplit(handler.path).path == "/links":
            query = parse_qs(urlsplit(handler.path).query)
            at = int(query.get("at", ["0"])[0]) + 10
            if at < len(self.records):
                headers["Link"] = f'<{self.url}/links?at=0>; rel="first", </links?at={at}>; rel="next"'
        if fault == "short":  # promises more than it sends
            headers["Content-Length"] = str(len(body) + 100)
            handler.close_connection = True
        if fault == "cut":  # no length: nothing tells that it was cut but the text
            headers["Connection"] = "close"
            headers["Content-Length"] = None
            body = body[: len(body) // 2]
        self.send(handler, 200, body, headers)

    def send(self, handler, status: int, body: bytes, headers: dict | None = None) -> None:
        handler.send_response(status)
        all_headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})
        for name, value in all_headers.items():
            if value is not None:
                handler.send_header(name, value)
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            pass

    def fault(self, handler, fault) -> bool:
        if isinstance(fault, int):
            self.send(handler, fault, b'{"message":"not now"}', {"Retry-After": "1"} if fault == 429 else None)
        elif fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"res")
            handler.connection.close()
            handler.close_connection = True
        elif fault == "html":
            self.send(handler, 200, b"<html>we are down</html>")
        elif fault == "slow":
            time.sleep(1)
            return False
        elif isinstance(fault, bytes):
            self.send(handler, 200, fault)
        else:
            return False
        return True

    def document(self, handler):
        url = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        limit = int(query.get("limit", 10))
        if url.path == "/data":
            first = int(query.get("offset", 1)) - 1
            chosen = [r for r in self.records if self.within(r, query)]
            page = chosen[first:first + limit]
            return {"metadata": {"resultset": {"offset": first + 1, "count": len(chosen), "limit": limit}}, "results": page} \
                if page else {}
        if url.path == "/pages":
            first = (int(query["page"]) - 1) * limit
            return {"items": self.records[first:first + limit]}
        if url.path == "/cursor":
            first = int(query.get("cursor", "c0")[1:])
            after = first + limit
            return {"items": self.records[first:after], "next": f"c{after}" if after < len(self.records) else None}
        if url.path == "/links":
            first = int(query.get("at", 0))
            return self.records[first:first + 10]
        return self.records

    @staticmethod
    def within(record, query) -> bool:
        day = record.get("date", "")[:10] if isinstance(record, dict) else ""
        return not day or query.get("startdate", "") <= day <= query.get("enddate", "9999")
