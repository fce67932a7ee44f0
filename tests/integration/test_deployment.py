# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yaml, .env.example and scripts/make-env.sh agree about names, and name nothing that moves by itself."""

import re
import shutil
import subprocess

import pytest

from home import ROOT
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
