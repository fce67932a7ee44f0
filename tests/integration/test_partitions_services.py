# SPDX-License-Identifier: Apache-2.0
"""An asset of several objects in MinIO, with its document on the MongoDB wire server: read by boto3, pymongo and pyarrow; what
is lost or changed is found and put again, what is strange is moved aside and nothing else."""

import hashlib
import io

import pyarrow.parquet
import pytest

import worlds
from test_partitions import HEAD, KINDS, RECIPES, frame, submit
from worlds import LAKE

ROOT = "kinds/v1/"


@pytest.fixture(scope="module")
def world(request):
    fresh = worlds.make("services", request)
    try:
        (fresh.home.path / "recipes").mkdir(exist_ok=True)
        (fresh.home.path / "recipes/by_kind.yaml").write_text(HEAD.format(name="by_kind") + RECIPES["by_kind"])
        frame().to_file(fresh.home.folder / "kinds.gpkg", driver="GPKG", engine="pyogrio")
        submit(fresh.home, "by_kind", "kinds", fresh.home.folder / "kinds.gpkg")
        fresh.home.run("run", "--once")
        yield fresh
    finally:
        fresh.close()


def parts(world) -> list[str]:
    return [key for key in world.keys(LAKE, ROOT) if key.endswith(".parquet")]


def problems(world) -> list[tuple[str, str]]:
    found = world.home.run("verify", "--deep", "--json", check=False).json["problems"]
    return sorted((p["kind"], p["key"]) for p in found)


def test_each_part_is_an_object_that_names_the_asset_and_has_its_rows(world):
    (asset,) = world.documents("assets")
    assert len(parts(world)) == len(set(KINDS) - {""} | {"", None})
    numbers = []
    for key in parts(world):
        answer = world.s3.get_object(Bucket=world.buckets[LAKE], Key=key)
        body = answer["Body"].read()
        assert answer["Metadata"]["mongodb_doc_id"] == asset["_id"]
        assert answer["Metadata"]["run_id"] == asset["run_id"]
        assert answer["Metadata"]["content_hash"] == "sha256:" + hashlib.sha256(body).hexdigest()
        numbers += pyarrow.parquet.read_table(io.BytesIO(body))["n"].to_pylist()
    assert sorted(numbers) == frame()["n"].to_list()
    assert problems(world) == []


def test_what_is_lost_or_changed_is_put_again_and_only_what_is_strange_is_moved_aside(world):
    gone, changed = parts(world)[:2]
    before = {key: world.read(LAKE, key) for key in parts(world)}
    stray = f"{ROOT}kind=stray/part-0.parquet"
    world.remove(LAKE, gone)
    world.flip(LAKE, changed)
    world.put(LAKE, stray, b"stray")
    assert problems(world) == [("changed_object", changed), ("missing_object", gone), ("orphan_object", stray)]
    world.home.run("replay", "kinds", "--into-version", "1")
    world.home.run("run", "--once", check=False)
    assert problems(world) == [("orphan_object", stray)]
    assert world.home.run("gc", "--grace", "0s", "--dry-run", "--json").json["orphan_objects"] == 1
    world.home.run("gc", "--grace", "0s", "--yes")
    assert problems(world) == [] and world.read(LAKE, f"orphans/{stray}") == b"stray"
    assert {key: world.read(LAKE, key) for key in parts(world)} == before


def test_the_same_inputs_again_are_the_same_bytes_and_version_one_stands(world):
    assert "same bytes" in world.home.run("replay", "kinds").out
    assert [(a["dataset_id"], a["version"]) for a in world.documents("assets")] == [("kinds", 1)]
