# SPDX-License-Identifier: Apache-2.0
"""The whole way on MinIO, a MongoDB wire server and PostGIS, looked at through boto3, pymongo and psycopg."""

import datetime
import hashlib
import json
import socket
import subprocess
import urllib.error
import urllib.request
import time
from pathlib import Path

import botocore.exceptions
import geopandas
import pytest

from home import ROOT, binary
from services import NAMES, clean_environment, read_env

COUNTRIES = ROOT / "tests/data/countries"
PARTS = sorted(COUNTRIES.glob("countries.*"))
SCRIPT = ROOT / "scripts/services.sh"
WAIT_S = 120
UP = (*NAMES, "clickhouse")  # what services.sh starts without --tables


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def refused(call, **arguments) -> bool:
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
        return True
    return False


def wait_for(found, what: str):
    """What found() answers once it answers anything."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"no {what} after {WAIT_S} s")


def assert_linked_both_ways(home, asset: dict) -> None:
    """Object and document name each other, and agree about the bytes."""
    head = home.engine.head_object(Bucket=asset["bucket"], Key=asset["s3_key"])
    assert asset["bucket"] == home.lake
    assert head["Metadata"]["mongodb_doc_id"] == str(asset["_id"])
    assert head["Metadata"]["run_id"] == asset["run_id"]
    assert head["Metadata"]["content_hash"] == asset["content_hash"]
    assert head["ContentLength"] == asset["size_bytes"]
    assert sha256(home.content(home.lake, asset["s3_key"])) == asset["content_hash"]


def test_the_main_job_ends_in_objects_documents_and_rows_that_agree(service_home):
    home = service_home
    home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--batch-id", "b1", COUNTRIES / "countries.shp")
    home.run("run", "--once")

    manifest = home.ledger.manifests.find_one({"batch_id": "b1"})
    assert manifest["status"] == "succeeded" and isinstance(manifest["created_at"], datetime.datetime)
    [run] = home.ledger.runs.find({"batch_id": "b1"})
    assert run["_id"] == manifest["run_id"] and run["rows_in"] == run["rows_out"] == 177
    [asset] = home.ledger.assets.find({"dataset_id": "countries"})
    assert (asset["version"], asset["row_count"], asset["run_id"]) == (1, 177, run["_id"])
    assert_linked_both_ways(home, asset)

    assert {sha256(home.content(home.raw, key)) for key in home.keys(home.raw)} == {sha256(p.read_bytes()) for p in PARTS}
    assert home.keys(home.landing, "manifests/") == []
    assert home.keys(home.landing, "archive/") == ["archive/b1.json"]
    assert home.rows("SELECT dataset_id, version FROM catalog.assets") == [("countries", 1)]
    assert home.rows("SELECT count(*) FROM catalog.raw_files") == [(len(PARTS),)]
    assert home.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proc\\_%'") == []
    home.run("verify", "--deep")
    assert "version 1 stands" in home.run("replay", "b1").out
    assert not (home.path / "postgres").exists() and not (home.path / "store").exists()

    target = home.folder / "fetched.parquet"
    home.run("asset", "get", "countries@1", "-o", target)
    assert sha256(target.read_bytes()) == asset["content_hash"]


def test_doctor_names_each_service_and_what_it_can_do(service_home, services):
    home = service_home
    lines = {line["part"]: line for line in home.run("doctor", "--json").json}
    assert {line["status"] for line in lines.values()} <= {"ok", "warn", "skipped"}, lines
    told = json.dumps(list(lines.values()))
    for word in ("FerretDB", "PostgreSQL 15", "PostGIS 3"):
        assert word in told, word
    for secret in ("MINIO_SECRET_KEY", "POSTGRES_PASSWORD"):
        assert home.settings[secret] not in told
    home.run("doctor", "--wait", "5")
    gone = home.run("doctor", "--json", check=False, env={"MINIO_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert gone.code != 0
    failed = [line for line in gone.json if line["status"] == "fail"]
    assert failed and all("127.0.0.1:9" in line["detail"] for line in failed), failed


def test_the_user_with_only_boto3_and_pymongo_gets_from_files_to_objects_and_back(service_home, tmp_path):
    home, batch = service_home, "by-hand"
    manifest = {"batch_id": batch, "uploader": "ana", "intent": "ingest_vector",
                "files": [{"path": f"s3://{home.landing}/{batch}/countries.shp", "type": "vector",
                           "format": "ESRI Shapefile", "crs": "EPSG:4326"}],
                "metadata": {"project": "ALPHA", "description": "countries of the world"}}
    serve = subprocess.Popen([binary(), "serve"], cwd=home.folder, env=home.environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for part in PARTS:
            home.uploader.upload_file(str(part), home.landing, f"{batch}/{part.name}")
        home.uploader.put_object(Bucket=home.landing, Key=f"manifests/{batch}.json", Body=json.dumps(manifest).encode())
        ended = {"batch_id": batch, "status": {"$in": ["succeeded", "failed", "quarantined"]}}
        document = wait_for(lambda: home.ledger.manifests.find_one(ended), "end of the batch in the ledger")
        assert document["status"] == "succeeded", document.get("error")
        assert [step["status"] for step in document["history"]][-2:] == ["running", "succeeded"]
        assert serve.poll() is None
    finally:
        serve.terminate()
        serve.wait(WAIT_S)
    assert serve.returncode == 0

    [asset] = home.ledger.assets.find({"batch_id": batch})
    target = tmp_path / "countries.parquet"
    home.uploader.download_file(asset["bucket"], asset["s3_key"], str(target))
    assert sha256(target.read_bytes()) == asset["content_hash"]
    assert len(geopandas.read_parquet(target)) == asset["row_count"] == 177

    metadata = home.uploader.head_object(Bucket=asset["bucket"], Key=asset["s3_key"])["Metadata"]
    back = home.ledger.assets.find_one({"_id": metadata["mongodb_doc_id"]})
    assert back == asset
    run = home.ledger.runs.find_one({"_id": metadata["run_id"]})
    assert home.ledger.manifests.find_one({"batch_id": run["batch_id"]})["manifest"] == manifest
    assert {entry["content_hash"] for entry in back["inputs"]} <= {sha256(p.read_bytes()) for p in PARTS}
    for entry in back["inputs"]:
        assert sha256(home.content(home.raw, entry["raw_key"])) == entry["content_hash"]


def test_uploaders_write_the_landing_zone_read_the_lake_and_see_nothing_else(service_home):
    home, uploader = service_home, service_home.uploader
    home.engine.put_object(Bucket=home.lake, Key="roads/v1/roads.parquet", Body=b"lake")
    home.engine.put_object(Bucket=home.raw, Key="ana/roads/raw.gpkg", Body=b"raw")

    uploader.put_object(Bucket=home.landing, Key="b/one.gpkg", Body=b"1")
    assert uploader.get_object(Bucket=home.landing, Key="b/one.gpkg")["Body"].read() == b"1"
    assert uploader.list_objects_v2(Bucket=home.landing)["KeyCount"] == 1
    upload = uploader.create_multipart_upload(Bucket=home.landing, Key="b/two.gpkg")
    uploader.abort_multipart_upload(Bucket=home.landing, Key="b/two.gpkg", UploadId=upload["UploadId"])
    uploader.delete_object(Bucket=home.landing, Key="b/one.gpkg")

    assert uploader.get_object(Bucket=home.lake, Key="roads/v1/roads.parquet")["Body"].read() == b"lake"
    assert uploader.list_objects_v2(Bucket=home.lake)["KeyCount"] == 1
    assert refused(uploader.put_object, Bucket=home.lake, Key="roads/v1/roads.parquet", Body=b"forged")
    assert refused(uploader.delete_object, Bucket=home.lake, Key="roads/v1/roads.parquet")
    assert refused(uploader.copy_object, Bucket=home.lake, Key="x", CopySource=f"{home.lake}/roads/v1/roads.parquet")
    assert refused(uploader.create_multipart_upload, Bucket=home.lake, Key="x")

    assert refused(uploader.get_object, Bucket=home.raw, Key="ana/roads/raw.gpkg")
    assert refused(uploader.list_objects_v2, Bucket=home.raw)
    assert refused(uploader.put_object, Bucket=home.raw, Key="x", Body=b"x")
    assert refused(uploader.create_bucket, Bucket=f"other-{home.landing}")
    assert refused(home.engine.create_bucket, Bucket=f"other-{home.landing}")


def test_buckets_have_no_versions(service_home):
    for bucket in (service_home.landing, service_home.lake, service_home.raw):
        assert "Status" not in service_home.services.s3().get_bucket_versioning(Bucket=bucket)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_that_is_down_is_told_and_the_batch_is_ingested_when_it_is_back(service_home, services, name):
    home = service_home
    home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--batch-id", "b1", COUNTRIES / "countries.shp")
    services.kill(name)
    try:
        quick = {"SLUICE_RUN_RETRIES": "1", "SLUICE_RUN_RETRY_BASE": "10ms", "SLUICE_MINIO_RETRIES": "1",
                 "SLUICE_MONGODB_TIMEOUT": "1s"}
        down = home.run("run", "--once", env=quick, check=75)
        for secret in ("MINIO_SECRET_KEY", "POSTGRES_PASSWORD"):
            assert home.settings[secret] not in down.out + down.err
    finally:
        services.start(name)
    home.run("run", "--once")
    [asset] = home.ledger.assets.find({})
    assert_linked_both_ways(home, asset)


def test_clickhouse_asks_for_its_password(services):
    settings = services.clickhouse()
    url = f"http://127.0.0.1:{settings['CLICKHOUSE_PORT']}/?query=SELECT+1"
    def ask(password: str) -> str:
        request = urllib.request.Request(url, headers={"X-ClickHouse-User": settings["CLICKHOUSE_USER"],
                                                       "X-ClickHouse-Key": password})
        try:
            return urllib.request.urlopen(request, timeout=WAIT_S).read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()
    assert ask(settings["CLICKHOUSE_PASSWORD"]) == "1\n"
    assert "password" in ask("guessed-wrong")
    assert services.ask_clickhouse("SELECT currentDatabase()", settings["CLICKHOUSE_DB"]) == [[settings["CLICKHOUSE_DB"]]]


def minio_setup(env: dict) -> subprocess.CompletedProcess:
    return subprocess.run([ROOT / ".cache/go/bin/minio-setup"], env=clean_environment() | env, capture_output=True, text=True,
                          timeout=WAIT_S)


def test_minio_setup_refuses_what_it_cannot_do_at_once_and_tells_no_secret(services):
    env = services.env("minio")
    for change, told in (({"MINIO_ROOT_PASSWORD": "guessed-wrong"}, "refuses the root user"),
                         ({"MINIO_ROOT_PASSWORD": ""}, "MINIO_ROOT_PASSWORD"),
                         ({"MINIO_SECRET_KEY": ""}, "belong together"),
                         ({"MINIO_ACCESS_KEY": env["MINIO_ROOT_USER"]}, "an account of its own"),
                         ({"MINIO_ENDPOINT_URL": "ftp://host"}, "MINIO_ENDPOINT_URL")):
        done = minio_setup(env | change)
        assert done.returncode == 1 and told in done.stderr, done
        assert len(done.stderr.splitlines()) == 1 and "guessed-wrong" not in done.stderr
        assert env["MINIO_SECRET_KEY"] not in done.stderr


def test_minio_setup_does_not_touch_a_bucket_with_versions(services):
    bucket = {"Bucket": "has-versions"}
    services.s3().create_bucket(**bucket)
    services.s3().put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    done = minio_setup(services.env("minio") | {"MINIO_LAKE_BUCKET": "has-versions"})
    assert done.returncode == 1 and "bucket has-versions has versioning" in done.stderr
    assert services.s3().get_bucket_versioning(**bucket)["Status"] == "Enabled"


def test_sluice_runs_in_the_background_until_it_is_stopped(service_home, tmp_path):
    home, scripts = service_home, ROOT / "services/sluice/dev"
    env = home.environment | {"SLUICE_BINARY": str(binary())}
    subprocess.run([scripts / "start", tmp_path], env=env, check=True, timeout=WAIT_S)
    pid = int((tmp_path / "service.pid").read_text().split()[0])
    try:
        home.run("submit", "--intent", "ingest_vector", "--type", "vector", "--batch-id", "b1", COUNTRIES / "countries.shp")
        wait_for(lambda: home.ledger.assets.find_one({"batch_id": "b1"}), "asset")
        subprocess.run([scripts / "start", tmp_path], env=env, check=True, timeout=WAIT_S)
        assert int((tmp_path / "service.pid").read_text().split()[0]) == pid and runs(pid)
    finally:
        subprocess.run([scripts / "stop", tmp_path], env=env, check=True, timeout=WAIT_S)
    assert not runs(pid)


def script(*args, folder: Path, check: int = 0) -> str:
    done = subprocess.run([SCRIPT, *args, "--dir", folder], env=clean_environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == check, done.stdout + done.stderr
    return done.stdout


def pids(folder: Path) -> dict[str, int]:
    return {name: int((folder / name / "service.pid").read_text().split()[0]) for name in UP}


def runs(pid: int) -> bool:
    """A dead process that nobody has asked for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")


def listening(port: str) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", int(port))) == 0


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    place = tmp_path / "with space"
    yield place
    script("down", "--delete", folder=place)


def test_services_sh_starts_what_sluice_needs_and_leaves_nothing_behind(folder):
    assert script("status", folder=folder, check=3).count("stopped") == len(UP)
    script("down", folder=folder)
    assert not folder.exists()

    script("up", folder=folder)
    assert script("status", folder=folder).count("running") == len(UP)
    started, env = pids(folder), read_env(folder / "env")
    ports = [(folder / name / "port").read_text().strip() for name in UP]
    assert (folder / "env").stat().st_mode & 0o077 == 0
    secrets = [value for key, value in env.items() if key.endswith(("_KEY", "PASSWORD")) and "ACCESS" not in key]
    assert len(secrets) == 4
    for pid in started.values():
        assert not any(secret in command_line(pid) for secret in secrets)

    script("up", folder=folder)
    assert pids(folder) == started and read_env(folder / "env") == env

    script("down", folder=folder)
    assert script("status", folder=folder, check=3).count("stopped") == len(UP)
    assert not any(runs(pid) for pid in started.values())
    assert not any(listening(port) for port in ports)

    script("down", "--delete", folder=folder)
    assert not folder.exists()


def test_services_sh_down_stops_no_process_that_up_did_not_start(folder):
    folder.mkdir()
    (folder / "mongodb").mkdir()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (folder / "mongodb/service.pid").write_text(f"{bystander.pid} 12345\n")
        script("down", folder=folder)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
