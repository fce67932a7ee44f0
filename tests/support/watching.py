# SPDX-License-Identifier: Apache-2.0
"""`sluice ledger watch` in the background, and what it says."""

import json
import signal
import subprocess
import threading
import time

import pytest

from home import Home, binary

WAIT_S = 120


class Watcher:
    """`told` has what it said on stderr, in order: "lost", "again"; anything else is an error of the test."""

    def __init__(self, home: Home) -> None:
        self.process = subprocess.Popen([binary(), "ledger", "watch", "manifests", "--jsonl", "--since", "1h"],
                                        cwd=home.folder, env=home.environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.succeeded: set[str] = set()
        self.told: list[str] = []
        self.threads = [threading.Thread(target=run) for run in (self._read_events, self._read_errors)]

    def _read_events(self) -> None:
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "batch.succeeded":
                self.succeeded.add(event["batch_id"])

    def _read_errors(self) -> None:
        for line in self.process.stderr:
            if not line.startswith("hint: "):
                self.told.append("again" if line == "the ledger answers again\n" else "lost")

    def _until(self, condition, what: str) -> None:
        end = time.monotonic() + WAIT_S
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the watcher has not seen {what}; it told {self.told}, its exit code is {self.process.poll()}")
            time.sleep(0.05)

    def wait_for(self, batch: str, make) -> None:
        make(batch)
        self._until(lambda: batch in self.succeeded, f"the end of {batch}")

    def wait_for_loss(self) -> None:
        self._until(lambda: self.told[-1:] == ["lost"], "that the ledger is away")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def __enter__(self) -> "Watcher":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
