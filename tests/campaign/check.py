# SPDX-License-Identifier: Apache-2.0
"""What must hold when all is quiet again, read with other people's clients and not with sluice's own."""

from collections import Counter

from batches import FEATURES, NAMELESS, Batch, sha256

FINAL = {"succeeded", "failed", "quarantined"}


def _batches(world, batches: list[Batch]) -> list[str]:
    """Every accepted manifest has come to an end, with a reason where it is not success."""
    problems = []
    docs = world.documents("manifests")
    for doc in docs:
        if doc["status"] not in FINAL:
            problems.append(f"batch {doc['batch_id']} is {doc['status']}")
        elif doc["status"] != "succeeded" and not (doc.get("error") or {}).get("code"):
            problems.append(f"batch {doc['batch_id']} is {doc['status']} without a reason")
    by_id = {doc["batch_id"]: doc for doc in docs}
    for batch in batches:
        if batch.fate == "refused":
            entries = [d for i, d in by_id.items() if i.startswith(f"{batch.batch_id}@")]
            if len(entries) != 1 or entries[0]["status"] != "quarantined":
                problems.append(f"refused manifest {batch.batch_id} has {len(entries)} entries")
            continue
        doc = by_id.get(batch.batch_id)
        if doc is None:
            problems.append(f"batch {batch.batch_id} is not in the ledger")
        elif batch.fate == "bad" and doc["status"] == "succeeded":
            problems.append(f"batch {batch.batch_id} succeeded with a file that cannot be read")
    return problems


def _assets(world, batches: list[Batch]) -> list[str]:
    """One committed version per batch and asset."""
    problems = []
    assets = world.documents("assets")
    status = {d["batch_id"]: d["status"] for d in world.documents("manifests")}
    versions = Counter((a["dataset_id"], a["version"]) for a in assets)
    problems += [f"{dataset} v{version} is there {n} times" for (dataset, version), n in versions.items() if n > 1]
    per_batch = Counter((a["batch_id"], a["dataset_id"]) for a in assets)
    problems += [f"batch {b} has {n} assets of {d}" for (b, d), n in per_batch.items() if n > 1]
    for batch in batches:
        found = sorted(a["dataset_id"] for a in assets if a["batch_id"] == batch.batch_id)
        expected = sorted(batch.datasets) if status.get(batch.batch_id) == "succeeded" else []
        if found != expected:
            problems.append(f"batch {batch.batch_id} ({status.get(batch.batch_id)}) has assets {found}, expected {expected}")
    aside = {(a["run_id"], a["dataset_id"].removesuffix(".quarantine")): a["row_count"] for a in assets
             if a["kind"] == "quarantine"}
    for asset in assets:
        rows = asset.get("row_count") + aside.get((asset["run_id"], asset["dataset_id"]), 0)
        if rows != (NAMELESS if asset["kind"] == "quarantine" else FEATURES):
            problems.append(f"{asset['s3_key']} has {asset.get('row_count')} rows")
    return problems


def _lake(world) -> list[str]:
    """Every lake object has exactly one document with the same hash and id, and the reverse."""
    problems, named = [], {}
    for asset in world.documents("assets"):
        rows = [(asset["s3_key"], asset["content_hash"])]
        rows += [(d["s3_key"], d["content_hash"]) for d in asset.get("documents") or []]
        for key, content_hash in rows:
            if key in named:
                problems.append(f"data-lake/{key} is named by two documents")
            named[key] = (asset["_id"], asset["run_id"], content_hash)
    objects = world.objects(world.lake)
    succeeded = {d["batch_id"] for d in world.documents("manifests") if d["status"] == "succeeded"}
    for key in sorted(objects.keys() - named.keys()):
        # What a batch had half published when it was given up is moved aside, and stays for people to look at.
        if key.startswith("orphans/") and not any(batch_id in key for batch_id in succeeded):
            continue
        problems.append(f"data-lake/{key} has no document")
    for key, (asset_id, run_id, content_hash) in named.items():
        if key not in objects:
            problems.append(f"data-lake/{key} is missing")
            continue
        data, metadata = objects[key]
        if f"sha256:{sha256(data)}" != content_hash:
            problems.append(f"data-lake/{key} is not what its document says")
        expected = {"mongodb_doc_id": asset_id, "run_id": run_id, "content_hash": content_hash}
        if metadata is not None and {k: metadata.get(k) for k in expected} != expected:
            problems.append(f"data-lake/{key} has metadata {metadata}, expected {expected}")
    return problems


def _raw(world) -> list[str]:
    """Evidence and its catalog agree."""
    rows, objects = world.raw_rows(), world.objects(world.raw)
    problems = [f"raw-vault/{key} has no catalog row" for key in sorted(objects.keys() - rows.keys())]
    for key, content_hash in rows.items():
        if key not in objects:
            problems.append(f"raw-vault/{key} is missing")
        elif f"sha256:{sha256(objects[key][0])}" != content_hash:
            problems.append(f"raw-vault/{key} is not what the catalog says")
    lake = {a["_id"]: a["content_hash"] for a in world.documents("assets")}
    catalog = world.asset_rows()
    problems += [f"catalog has asset {i} and the ledger has not" for i in sorted(catalog.keys() - lake.keys())]
    problems += [f"the catalog lacks asset {i}" for i in sorted(lake.keys() - catalog.keys())]
    return problems


def _places(world, batches: list[Batch]) -> list[str]:
    """Each manifest lies in exactly one of manifests/, archive/, quarantine/."""
    problems = []
    keys = [k for k in world.keys(world.landing) if k.endswith(".json") and not k.endswith(".error.json")]
    for batch in batches:
        stem = batch.manifest_key.rsplit("/", 1)[1].removesuffix(".json")
        places = [k for k in keys if k.split("/", 1)[0] in ("manifests", "archive", "quarantine")
                  and k.rsplit("/", 1)[1].startswith(stem)]
        if len(places) != 1 or places[0].startswith("manifests/"):
            problems.append(f"manifest {batch.batch_id} lies in {places}")
    located = {d["manifest_key"] for d in world.documents("manifests")}
    problems += [f"the ledger says {k}, where nothing lies" for k in sorted(located - set(keys))]
    return problems


def _leftovers(world) -> list[str]:
    problems = [f"{name} is left in PostgreSQL" for name in world.ephemeral()]
    problems += [f"multipart upload {name} is left" for name in world.uploads()]
    problems += [f"scratch folder {name} is left" for name in world.scratch()]
    problems += [f"run {r['_id']} is still running" for r in world.documents("runs") if r["status"] == "running"]
    return problems


def problems_of(world, batches: list[Batch]) -> list[str]:
    return (_batches(world, batches) + _assets(world, batches) + _lake(world) + _raw(world) + _places(world, batches)
            + _leftovers(world))
