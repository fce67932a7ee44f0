# SPDX-License-Identifier: Apache-2.0
"""A proxy before the Iceberg catalog, which can be away for some requests. The next commit of rows may lose its reply, or call somebody before or after it is made."""

import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class CatalogProxy:
    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.before = self.after = None  # called once, in place of what would come; True: no reply
        self.commits = 0
        self.away = 0  # so many requests from now on get no reply and go nowhere
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                if proxy.away > 0:
                    proxy.away -= 1
                    return self.drop()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                commit = self.command == "POST" and b"add-snapshot" in body
                proxy.commits += commit
                if commit and proxy.take("before"):
                    return self.drop()
                status, kind, reply = proxy.forward(self.command, self.path, body, self.headers.get("Content-Type"))
                if commit and proxy.take("after"):
                    return self.drop()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply)

            def drop(self) -> None:
                self.close_connection = True
                self.connection.close()

            do_GET = do_POST = do_HEAD = do_DELETE = answer

            def log_message(self, *words) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, when: str) -> bool:
        hook = getattr(self, when)
        setattr(self, when, None)
        return bool(hook and hook())

    def forward(self, method: str, path: str, body: bytes, kind: str | None) -> tuple[int, str, bytes]:
        request = urllib.request.Request(self.upstream + path, method=method, data=body or None,
                                         headers={"Content-Type": kind} if kind else {})
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.headers.get("Content-Type", ""), reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Content-Type", ""), error.read()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
