#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The official JSON-Schema-Test-Suite, draft 2020-12, into .cache/json-schema-suite/{tests,remotes}: it comes in the
# source distribution of PyPI's jsonschema (MIT licence). Tests only.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"

release=jsonschema-4.26.0
sha256=0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326
suite=$cache/json-schema-suite

if [ "$(cat "$suite/origin" 2>/dev/null)" = "$release $sha256" ]; then
    line schemas ok "(JSON-Schema-Test-Suite already there)"
    exit 0
fi
# The tests' own Python has pip where the system's may not.
python=python3
[ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python
mkdir -p "$cache"
part=$(mktemp -d "$cache/.json-schema-suite.XXXXXX")
trap 'rm -rf "$part"' EXIT
logged "$cache/pip.log" "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary jsonschema --dest "$part" \
    "${release/-/==}"
verified "$part/$release.tar.gz" "$sha256" || die "$release.tar.gz is not the release that was pinned (sha256 $sha256)"
tar -xzf "$part/$release.tar.gz" -C "$part" "$release/json/tests/draft2020-12" "$release/json/remotes" "$release/json/LICENSE"
mkdir "$part/suite"
mv "$part/$release/json/tests/draft2020-12" "$part/suite/tests"
mv "$part/$release/json/remotes" "$part/$release/json/LICENSE" "$part/suite/"
printf '%s %s\n' "$release" "$sha256" >"$part/suite/origin"
rm -rf "$suite"
mv "$part/suite" "$suite"
line schemas ok "(JSON-Schema-Test-Suite, sha256 verified)"
