# SPDX-License-Identifier: Apache-2.0
"""toxiproxy between sluice and a service: what the network can do to a connection, told over its HTTP API."""

import http.client
import json
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from home import ROOT
from server import free_port
from services import clean_environment

PROGRAM = ROOT / ".cache/go/bin/toxiproxy-server"
START_S = 20


class Proxy:
    """One port that leads to one server."""

    def __init__(self, toxiproxy: "Toxiproxy", name: str, upstream: str) -> None:
        self.toxiproxy, self.name = toxiproxy, name
        made = toxiproxy.ask("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": upstream, "enabled": True})
        self.port = int(made["listen"].rsplit(":", 1)[1])

    def _enable(self, enabled: bool) -> None:
        self.toxiproxy.ask("POST", f"/proxies/{self.name}", {"enabled": enabled})

    @contextmanager
    def refused(self):
        """Nobody listens, and what was connected is not any more."""
        self._enable(False)
        try:
            yield
        finally:
            self._enable(True)

    @contextmanager
    def toxic(self, kind: str, stream: str = "downstream", **attributes):
        """Downstream is what the server says. A toxic also takes hold of connections that are open."""
        self.toxiproxy.ask("POST", f"/proxies/{self.name}/toxics",
                           {"name": kind, "type": kind, "stream": stream, "attributes": attributes})
        try:
            yield
        finally:
            self.toxiproxy.ask("DELETE", f"/proxies/{self.name}/toxics/{kind}")

    def stalled(self, stream: str = "downstream"):
        """What is said arrives nowhere, and the connection stays open."""
        return self.toxic("timeout", stream, timeout=0)

    def reset(self):
        """Each connection is ended by RST."""
        return self.toxic("reset_peer", timeout=0)

    def cut_after(self, size: int, stream: str = "downstream"):
        """Each connection ends after so many bytes more."""
        return self.toxic("limit_data", stream, bytes=size)

    def slow(self, milliseconds: int):
        return self.toxic("latency", latency=milliseconds, jitter=0)


class Toxiproxy:
    """A server of its own on a free port, with one proxy for each of `upstreams` (name: host:port)."""

    def __init__(self, upstreams: dict[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="toxiproxy-"))
        self.port = free_port()
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen([PROGRAM, "-host", "127.0.0.1", "-port", str(self.port)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=clean_environment() | {"LOG_LEVEL": "error"})
        try:
            self._wait()
            self.proxies = {name: Proxy(self, name, upstream) for name, upstream in upstreams.items()}
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        end = time.monotonic() + START_S
        while True:
            try:
                self.ask("GET", "/proxies")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, (self.folder / "log").read_text()
                time.sleep(0.02)

    def ask(self, method: str, path: str, body: dict | None = None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text!r}"
            return json.loads(text) if text else None
        finally:
            connection.close()

    def __getitem__(self, name: str) -> Proxy:
        return self.proxies[name]

    def close(self) -> None:
        try:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
