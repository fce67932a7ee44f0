# SPDX-License-Identifier: Apache-2.0
"""Programs that are killed at a chosen place: a lock in PostgreSQL holds them there."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from home import Home, binary
from worlds import World, make

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


class InEmbedded:
    """When a worker is where it is to be killed, and what is reserved, in a home that has all in its folder."""

    lock_in_publish = "ledger.assets"  # the commit itself waits for it

    def __init__(self, world: World) -> None:
        self.world = world

    def reservations(self) -> list[tuple]:
        return self.world.rows("SELECT dataset_id, version FROM ledger.versions ORDER BY 1, 2")

    def in_publish(self, dataset: str, version: int, attempt: int) -> bool:
        """The row of the catalog is the last thing before the commit."""
        return bool(self.world.rows(f"SELECT 1 FROM catalog.assets a JOIN ledger.runs r ON r.id = a.run_id::text"
                                    f" WHERE dataset_id = '{dataset}' AND version = {version} AND r.attempt = {attempt}"))


class InServices:
    """The same where the store is MinIO and the ledger speaks MongoDB."""

    lock_in_publish = "catalog.assets"  # the last thing before the commit waits for it

    def __init__(self, home) -> None:
        self.home = home

    def reservations(self) -> list[tuple]:
        return sorted((d["dataset_id"], d["version"]) for d in self.home.ledger.work.find() if "dataset_id" in d)

    def in_publish(self, dataset: str, version: int, attempt: int) -> bool:
        """All objects are this attempt's: the data, two documents, the thumbnail."""
        keys = self.home.keys(self.home.lake, f"{dataset}/v{version}/")
        try:
            runs = {self.home.engine.head_object(Bucket=self.home.lake, Key=k)["Metadata"]["run_id"] for k in keys}
        except self.home.engine.exceptions.ClientError:  # one of them has just gone
            return False
        run = self.home.ledger.runs.find_one({"_id": runs.pop()}) if len(keys) == 4 and len(runs) == 1 else None
        return bool(run) and run["attempt"] == attempt


def make_world(name: str, request) -> World:
    world = make(name, request)
    world.look = InEmbedded(world) if name == "embedded" else InServices(world.home)
    return world


def kill_in_publish(world, process: subprocess.Popen, dataset: str, version: int, attempt: int, lock: Lock) -> None:
    wait_until(lambda: world.look.in_publish(dataset, version, attempt), f"attempt {attempt} in publish")
    for worker in children(process.pid):
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda pid=worker: pid not in children(process.pid), "the end of the worker")
    lock.release()


def poison(world, dataset: str, version: int, before_the_last_kill=lambda: None) -> subprocess.Popen:
    """A run whose worker is killed twice, both times once its objects are in the lake."""
    lock = Lock(world.catalog, world.look.lock_in_publish)
    process = start(world.home, "run", "--once")
    kill_in_publish(world, process, dataset, version, 1, lock)
    lock = Lock(world.catalog, world.look.lock_in_publish)
    wait_until(lambda: world.look.in_publish(dataset, version, 2), "attempt 2 in publish")
    before_the_last_kill()
    kill_in_publish(world, process, dataset, version, 2, lock)
    return process
