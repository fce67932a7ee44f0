# SPDX-License-Identifier: Apache-2.0
"""The ledger in MongoDB as pymongo sees it: dates are dates, numbers are numbers, validators fit what is written."""

import datetime
import json
import signal
import subprocess
import time

import jsonschema
import pytest

from home import ROOT, binary

COUNTRIES = ROOT / "tests/data/countries/countries.shp"
TOOL = "integration_ledger_validators"


@pytest.fixture
def done(service_home):
    """A home on the services in which one batch has succeeded."""
    service_home.run("submit", "--intent", "ingest_vector", "--type", "vector", COUNTRIES)
    service_home.run("run", "--once")
    return service_home


def draft_4(schema):
    """bsonType as the types of a checker that knows them."""
    if isinstance(schema, dict):
        return {"type" if key == "bsonType" else key: draft_4(value) for key, value in schema.items()}
    return [draft_4(value) for value in schema] if isinstance(schema, list) else schema


def is_int(_, value):
    return isinstance(value, int) and not isinstance(value, bool)


TYPES = jsonschema.Draft4Validator.TYPE_CHECKER.redefine_many({
    "int": is_int, "long": is_int, "double": lambda _, v: isinstance(v, float), "bool": lambda _, v: isinstance(v, bool),
    "date": lambda _, v: isinstance(v, datetime.datetime)})
Checker = jsonschema.validators.extend(jsonschema.Draft4Validator, type_checker=TYPES)


def validators() -> dict:
    tool = next((ROOT / "build/release").rglob(TOOL))
    return {name: Checker(draft_4(schema)) for name, schema in
            json.loads(subprocess.run([tool], check=True, capture_output=True, text=True).stdout).items()}


def test_documents_are_found_by_their_members_and_have_types(done):
    db = done.ledger
    asset = db.assets.find_one({"dataset_id": "countries", "version": {"$gte": 1}})
    batch = db.manifests.find_one({"status": "succeeded", "created_at": {"$gte": datetime.datetime(2020, 1, 1)}})
    run = db.runs.find_one({"_id": batch["run_id"], "rows_out": {"$gt": 100}})
    assert isinstance(asset["created_at"], datetime.datetime) and isinstance(run["ended_at"], datetime.datetime)
    assert all(isinstance(entry["at"], datetime.datetime) for entry in batch["history"])
    assert isinstance(asset["version"], int) and isinstance(asset["size_bytes"], int)
    assert all(isinstance(bound, (int, float)) for bound in asset["bounds"])
    assert run["started_at"] <= run["ended_at"] <= batch["updated_at"] + datetime.timedelta(seconds=1)
    head = done.engine.head_object(Bucket=asset["bucket"], Key=asset["s3_key"])
    assert db.assets.find_one({"_id": head["Metadata"]["mongodb_doc_id"]}) == asset


def test_the_program_asks_with_the_same_filters(done):
    [asset] = done.run("ledger", "find", "assets", '{"created_at":{"$gte":"2020"},"version":1}', "--json").json
    assert asset["created_at"].endswith("000Z")
    assert done.run("ledger", "find", "assets", '{"created_at":{"$lt":"2020-01-01"}}', "--json").json == []
    assert "countries" in done.run("ledger", "find", "events", '{"event":"asset.committed"}').out
    assert "$gtt" in done.run("ledger", "find", "assets", '{"version":{"$gtt":1}}', check=2).err


def test_the_validators_take_what_is_written_and_refuse_what_is_not_right(done):
    checkers = validators()
    for name in ("manifests", "runs", "assets", "events"):
        documents = list(done.ledger[name].find())
        assert documents
        for document in documents:
            checkers[name].validate(document)
            for wrong in ({**document, "surprise": 1}, {**document, "_id": 7},
                          {k: v for k, v in document.items() if k != "_id"}):
                assert not checkers[name].is_valid(wrong)
    asset = done.ledger.assets.find_one()
    for member, value in (("version", 0), ("version", "1"), ("created_at", "2026-11-21T00:00:00.000000Z"),
                          ("content_hash", "md5:0"), ("kind", "picture"), ("bounds", [1, 2])):
        assert not checkers["assets"].is_valid({**asset, member: value}), member


def test_a_watcher_sees_a_batch_pass_and_ends_when_told(service_home):
    home = service_home
    watch = subprocess.Popen([binary(), "ledger", "watch", "--jsonl", "--since", "1h"], cwd=home.folder,
                             env=home.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        home.run("submit", "--intent", "ingest_vector", "--type", "vector", COUNTRIES)
        home.run("run", "--once")
        seen, end = set(), time.monotonic() + 60
        while not {"batch.succeeded", "asset.committed", "run.succeeded"} <= seen and time.monotonic() < end:
            seen.add(json.loads(watch.stdout.readline())["event"])
        assert {"batch.pending", "batch.running", "batch.succeeded", "asset.committed", "run.succeeded"} <= seen
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(30) == 0
    finally:
        watch.kill()
        watch.wait()
