# SPDX-License-Identifier: Apache-2.0
"""Programs that are killed at a chosen place: a lock in PostgreSQL holds them there."""

import subprocess
import time
from pathlib import Path

import pytest

from home import Home, binary

WAIT_S = 90


def wait_until(condition, what: str):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    pytest.fail(f"not within {WAIT_S} s: {what}")


def start(home: Home, *words: str) -> subprocess.Popen:
    return subprocess.Popen([binary(), *words], cwd=home.folder, env=home.environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def children(pid: int) -> set[int]:
    return {int(p) for task in Path(f"/proc/{pid}/task").glob("*") for p in (task / "children").read_text().split()}


class Lock:
    """A table that nobody else may write to (or, exclusive, look at) for a while."""

    def __init__(self, connect, table: str, exclusive: bool = False) -> None:
        self.connection = connect()
        self.connection.autocommit = False
        self.connection.execute(f"LOCK TABLE {table} IN {'ACCESS ' if exclusive else ''}EXCLUSIVE MODE")

    def release(self) -> None:
        """Those who wait for it end first: a server goes on with the statement of a client that is dead."""
        waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'INSERT'"
        self.connection.execute(waiting)
        self.connection.close()
