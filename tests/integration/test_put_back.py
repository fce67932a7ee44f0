# SPDX-License-Identifier: Apache-2.0
"""A failed batch whose manifest lies in manifests/ again: because somebody put it there, or because its move to quarantine/
was cut short by a kill."""

import itertools
import json
import time

import pytest

from worlds import LANDING, WORLDS, make

NUMBER = itertools.count()


@pytest.fixture(scope="module", params=WORLDS)
def shared(request):
    made = make(request.param, request)
    try:
        yield made
    finally:
        made.close()


class Broken:
    """A batch of its own that cannot be read, in a world that other tests use as well."""

    def __init__(self, world) -> None:
        self.world, self.home, self.id = world, world.home, f"broken-{next(NUMBER)}"
        self.name = f"{self.id}.json"
        self.manifest = json.dumps({
            "batch_id": self.id, "uploader": "ana", "intent": "ingest_vector", "metadata": {"project": "P"},
            "files": [{"path": "a.geojson", "type": "vector", "format": "GeoJSON", "crs": "EPSG:4326"}]}).encode()

    def put_manifest(self, folder: str = "manifests") -> None:
        self.world.put(LANDING, f"{folder}/{self.name}", self.manifest)

    @property
    def document(self) -> dict:
        (doc,) = [d for d in self.world.documents("manifests") if d["_id"] == self.id]
        return doc

    @property
    def tries(self) -> tuple[str, int]:
        return self.document["status"], self.document["attempts"]

    @property
    def waits(self) -> bool:
        return self.world.exists(LANDING, f"manifests/{self.name}")

    @property
    def preview(self) -> list[tuple]:
        return [(m["key"], m["action"]) for m in self.home.run("sensor", "preview", "--json").json]

    def run(self) -> None:
        self.home.run("run", "--once", check=False)

    def say_that_the_move_goes_on(self) -> None:
        assert self.document["manifest_key"] == f"quarantine/{self.name}"
        docs = self.world.lose_documents("manifests")
        leaving = {"leaving": f"manifests/{self.name}"}
        self.world.give_documents("manifests", [d | leaving if d["_id"] == self.id else d for d in docs])

    def leave_the_move_unfinished(self) -> None:
        """As a worker leaves it that is killed after it told the ledger and before it removed the object."""
        self.put_manifest()
        self.put_manifest("quarantine")  # the copy is younger than what it is of
        self.say_that_the_move_goes_on()

    def leave_the_move_untold(self) -> None:
        """As a worker leaves it that is killed after it removed the object and before it told the ledger."""
        self.say_that_the_move_goes_on()
        time.sleep(1.1)  # the store's times are of whole seconds


@pytest.fixture
def batch(shared):
    made = Broken(shared)
    shared.put(LANDING, f"{made.id}/a.geojson", b'{"type": "FeatureCollection", "features": [')
    made.put_manifest()
    made.run()
    assert made.tries == ("failed", 1)
    stem = f"quarantine/{made.id}"
    assert sorted(shared.keys(LANDING, stem)) == [f"{stem}.error.json", f"{stem}.json"]
    return made


def test_a_move_that_was_cut_short_is_finished_and_its_batch_stays_as_it_ended(batch):
    batch.leave_the_move_unfinished()
    assert batch.preview == [(f"manifests/{batch.name}", "quarantine")]
    batch.run()
    assert batch.tries == ("failed", 1)
    assert not batch.waits and batch.document["leaving"] is None


def test_a_manifest_that_its_uploader_puts_back_is_tried_again(batch):
    batch.put_manifest()
    batch.run()
    assert batch.tries == ("failed", 2)
    assert not batch.waits and batch.document["manifest_key"] == f"quarantine/{batch.name}"


def test_a_manifest_that_is_put_back_right_after_a_kill_is_tried_again(batch):
    batch.leave_the_move_untold()
    batch.put_manifest()
    assert batch.preview == [(f"manifests/{batch.name}", "reopen")]
    batch.run()
    assert batch.tries == ("failed", 2)
    assert not batch.waits and batch.document["leaving"] is None
