# SPDX-License-Identifier: Apache-2.0
"""A failed batch whose manifest lies in manifests/ again: because somebody put it there, or because its move to quarantine/
was cut short by a kill."""

import json
import time

import pytest

from worlds import LANDING, WORLDS, make

BATCH, NAME = "broken", "broken.json"
MANIFEST = {"batch_id": BATCH, "uploader": "ana", "intent": "ingest_vector", "metadata": {"project": "P"},
            "files": [{"path": "a.geojson", "type": "vector", "format": "GeoJSON", "crs": "EPSG:4326"}]}


@pytest.fixture(params=WORLDS)
def world(request):
    made = make(request.param, request)
    try:
        yield made
    finally:
        made.close()


def put_manifest(world) -> None:
    world.put(LANDING, f"manifests/{NAME}", json.dumps(MANIFEST).encode())


def tries_of(world) -> tuple[str, int]:
    doc = world.home.run("batch", "show", BATCH, "--json").json
    return doc["status"], doc["attempts"]


def fail_once(world) -> None:
    world.put(LANDING, f"{BATCH}/a.geojson", b'{"type": "FeatureCollection", "features": [')
    put_manifest(world)
    world.home.run("run", "--once", check=False)
    assert tries_of(world) == ("failed", 1)
    assert sorted(world.keys(LANDING, "quarantine/")) == ["quarantine/broken.error.json", f"quarantine/{NAME}"]


def say_that_the_move_goes_on(world) -> None:
    docs = world.lose_documents("manifests")
    assert [d["manifest_key"] for d in docs] == [f"quarantine/{NAME}"]
    world.give_documents("manifests", [d | {"leaving": f"manifests/{NAME}"} for d in docs])


def leave_the_move_unfinished(world) -> None:
    """As a worker leaves it that is killed after it told the ledger and before it removed the object."""
    put_manifest(world)
    world.put(LANDING, f"quarantine/{NAME}", json.dumps(MANIFEST).encode())  # the copy is younger than what it is of
    say_that_the_move_goes_on(world)


def leave_the_move_untold(world) -> None:
    """As a worker leaves it that is killed after it removed the object and before it told the ledger."""
    say_that_the_move_goes_on(world)
    time.sleep(1.1)  # the store's times are of whole seconds


def test_a_move_that_was_cut_short_is_finished_and_its_batch_stays_as_it_ended(world):
    fail_once(world)
    leave_the_move_unfinished(world)
    preview = world.home.run("sensor", "preview", "--json").json
    assert [(m["key"], m["action"]) for m in preview] == [(f"manifests/{NAME}", "quarantine")]
    world.home.run("run", "--once", check=False)
    assert tries_of(world) == ("failed", 1)
    assert world.keys(LANDING, "manifests/") == []
    assert world.documents("manifests")[0]["leaving"] is None


def test_a_manifest_that_its_uploader_puts_back_is_tried_again(world):
    fail_once(world)
    put_manifest(world)
    world.home.run("run", "--once", check=False)
    assert tries_of(world) == ("failed", 2)
    assert world.keys(LANDING, "manifests/") == []
    assert world.documents("manifests")[0]["manifest_key"] == f"quarantine/{NAME}"


def test_a_manifest_that_is_put_back_right_after_a_kill_is_tried_again(world):
    fail_once(world)
    leave_the_move_untold(world)
    put_manifest(world)
    preview = world.home.run("sensor", "preview", "--json").json
    assert [(m["key"], m["action"]) for m in preview] == [(f"manifests/{NAME}", "reopen")]
    world.home.run("run", "--once", check=False)
    assert tries_of(world) == ("failed", 2)
    assert world.keys(LANDING, "manifests/") == []
    assert world.documents("manifests")[0]["leaving"] is None
