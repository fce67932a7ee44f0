# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yaml, .env.example and scripts/make-env.sh agree about names, and name nothing that moves by itself."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from home import ROOT, binary
from services import clean_environment, read_env

COMPOSE = ROOT / "docker-compose.yaml"
EXAMPLE = ROOT / ".env.example"
# ${NAME}, ${NAME:-otherwise} and ${NAME:?why}; $$ is a dollar.
USED = re.compile(r"(?<!\$)\$\{([A-Z_0-9]+)(:[-?][^}]*)?\}")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What make-env.sh writes, in a tree that has only what it needs."""
    tree = tmp_path_factory.mktemp("tree")
    for name in (".env.example", "scripts/make-env.sh", "scripts/lib.sh", "services/lib.sh", "docker-compose.yaml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    subprocess.run([tree / "scripts/make-env.sh"], check=True, env=clean_environment(), stdout=subprocess.DEVNULL)
    return tree / ".env"


def used() -> dict[str, str]:
    return {name: rule for name, rule in USED.findall(COMPOSE.read_text())}


def test_the_example_explains_each_name_that_compose_uses_and_no_other():
    assert set(read_env(EXAMPLE)) == set(used())


def test_what_make_env_writes_has_a_value_for_each_name(written):
    env = read_env(written)
    assert set(env) == set(used())
    assert all(env.values()), env.keys()
    assert written.stat().st_mode & 0o077 == 0


def test_secrets_are_made_and_not_in_the_repository(written):
    made = {name for name, value in read_env(EXAMPLE).items() if not value}
    assert made == {name for name in used() if name.endswith(("_PASSWORD", "SECRET_KEY"))}
    values = [read_env(written)[name] for name in made]
    assert len(set(values)) == len(values) and all(re.fullmatch(r"[0-9A-Za-z]{8,40}", v) for v in values)


def test_a_secret_has_no_default_in_compose():
    assert {rule[:2] for name, rule in used().items() if name.endswith(("_PASSWORD", "_KEY", "_USER"))} == {":?"}


def bases(dockerfile: str) -> list[str]:
    """What its stages begin from, by the defaults of its arguments."""
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", dockerfile, re.M))
    stages = re.findall(r"^FROM .* AS (\S+)$", dockerfile, re.M)
    found = [re.sub(r"\$\{(\w+)\}", lambda m: defaults[m[1]], base) for base in re.findall(r"^FROM (\S+)", dockerfile, re.M)]
    return [base for base in found if base not in stages]


def test_images_are_pinned():
    text = COMPOSE.read_text()
    images = re.findall(r"^\s+image: (\S+)$", text, re.M)
    files = [ROOT / path for path in re.findall(r"dockerfile: ([^}\s]+)", text)]
    images += [image for path in files for image in bases(path.read_text())]
    assert len(images) > len(files) > 0
    for image in images:
        tag = image.rpartition(":")[2] if ":" in image else ""
        assert re.search(r"\d", tag) and tag != "latest", image


def test_files_that_compose_mounts_are_there():
    mounted = re.findall(r"^\s+- (\./[^:]+):", COMPOSE.read_text(), re.M)
    assert mounted and all((ROOT / path).exists() for path in mounted), mounted


# What listens where, by the servers' own defaults.
PORTS = {"minio": 9000, "mongodb": 27017, "postgis": 5432, "clickhouse": 8123, "iceberg-catalog": 8181, "trino": 8080}
WITHOUT_CHECK = {"minio-setup", "sluice"}  # the one ends, the other has it in its image


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def top(name: str) -> set[str]:
    return set(yaml.safe_load(COMPOSE.read_text())[name])


def test_each_service_has_its_folder_and_the_files_that_it_is_built_from(services):
    assert set(services) == set(PORTS) | WITHOUT_CHECK
    for name, service in services.items():
        assert (ROOT / "services" / name.removesuffix("-setup") / "CONTEXT.md").is_file(), name
        assert "build" not in service or (ROOT / service["build"]["dockerfile"]).is_file(), name
    contexts = {p.name for p in (ROOT / "services").iterdir() if p.is_dir()}
    assert contexts == {name.removesuffix("-setup") for name in services}


def test_each_server_says_when_it_is_well_and_who_waits_waits_for_that(services):
    for name, service in services.items():
        check = service.get("healthcheck")
        assert bool(check) != (name in WITHOUT_CHECK), name
        assert not check or (check["test"][0] == "CMD" and check["retries"] > 3 and check["interval"] and check["timeout"])
        for other, how in service.get("depends_on", {}).items():
            ends = services[other].get("restart") == "on-failure"
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy"), (name, other)
            assert ends or "healthcheck" in services[other]
    assert "HEALTHCHECK" in (ROOT / "services/sluice/Dockerfile").read_text()


def test_volumes_and_networks_are_those_that_services_use(services):
    mounts = [mount.split(":") for service in services.values() for mount in service.get("volumes", [])]
    assert {source for source, *_ in mounts if not source.startswith(".")} == top("volumes")
    assert all(mode == ["ro"] for source, _, *mode in mounts if source.startswith("."))
    assert {network for service in services.values() for network in service["networks"]} == top("networks")


def test_addresses_name_a_service_on_a_common_network_and_the_port_where_it_listens(services):
    named = set()
    for name, service in services.items():
        for key, value in (service.get("environment") or {}).items():
            hosts = re.findall(r"(?://|@)([a-z-]+):(\d+)", str(value))
            hosts += [(value, None)] if key.endswith("_HOST") else []
            for host, port in hosts:
                assert host in PORTS and port in (None, str(PORTS[host])), (name, key)
                assert set(service["networks"]) & set(services[host]["networks"]), (name, host)
                named.add(host)
        for port in service.get("ports", []):
            assert port.endswith(f":{PORTS[name]}") and port.startswith("${BIND_ADDRESS:-127.0.0.1}:"), port
    assert named == set(PORTS)


def test_clients_have_the_accounts_that_the_servers_make(services):
    def of(name: str) -> dict:
        return services[name]["environment"]

    assert of("sluice")["MINIO_SECRET_KEY"] == of("minio-setup")["MINIO_SECRET_KEY"] == of("iceberg-catalog")["AWS_SECRET_ACCESS_KEY"]
    assert of("sluice")["POSTGRES_PASSWORD"] == of("postgis")["SLUICE_POSTGRES_PASSWORD"]
    assert of("sluice")["POSTGRES_DB"] == of("postgis")["SLUICE_POSTGRES_DB"]
    assert of("iceberg-catalog")["CATALOG_JDBC_PASSWORD"] == of("postgis")["ICEBERG_POSTGRES_PASSWORD"]
    assert of("sluice")["CLICKHOUSE_PASSWORD"] == of("clickhouse")["CLICKHOUSE_PASSWORD"]
    assert of("mongodb")["MONGODB_PASSWORD"] in of("sluice")["MONGODB_URI"]
    assert of("sluice")["MONGODB_DATABASE"] == of("mongodb")["MONGODB_DATABASE"]


def test_every_name_that_compose_gives_to_sluice_is_one_that_it_reads(services, written):
    made = read_env(written)
    given = {key: USED.sub(lambda m: made[m[1]], str(value)) for key, value in services["sluice"]["environment"].items()}
    shown = subprocess.run([binary(), "config", "show", "--json"], env=clean_environment() | given, check=True,
                           capture_output=True, text=True, cwd=written.parent)
    settings = json.loads(shown.stdout)
    read = {entry["origin"].removeprefix("environment ") for entry in settings}
    families = {entry["key"].partition(".")[0].upper() for entry in settings} | {"SLUICE"}
    assert {name for name in given if name.partition("_")[0] in families} - read == set()
    assert {"MINIO", "MONGODB", "POSTGRES", "CLICKHOUSE"} <= families


def compose() -> list[str] | None:
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def test_compose_takes_the_file(written):
    program = compose()
    if not program:
        pytest.skip("there is no docker compose here")
    done = subprocess.run([*program, "config", "--quiet"], cwd=written.parent, env=clean_environment(),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
