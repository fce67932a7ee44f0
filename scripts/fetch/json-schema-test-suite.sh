#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The official JSON-Schema-Test-Suite in .cache/json-schema-test-suite/ (tests/ and remotes/), for unit_schema_suite. It
# comes in the source distribution of PyPI's jsonschema; needs pip and tar.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"

version=4.26.0
sha256=0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326
suite=$cache/json-schema-test-suite

if [ -f "$suite/.version" ] && [ "$(cat "$suite/.version")" = "$version" ]; then
    exit 0
fi
python=python3
[ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python
"$python" -m pip --version >/dev/null 2>&1 || die "$python has no pip" "apt-get install python3-pip"

mkdir -p "$cache"
part=$(mktemp -d "$cache/.json-schema-test-suite.XXXXXX")
trap 'rm -rf "$part"' EXIT
# Nothing of the package is built or run but what pip itself does to read its name; --no-build-isolation would need the
# build system here.
logged "$part/pip.log" "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest "$part" "jsonschema==$version"
archive=$part/jsonschema-$version.tar.gz
verified "$archive" "$sha256" || die "jsonschema-$version.tar.gz has another sha256 than expected ($sha256)" \
    "the package was changed, or the download was damaged: try again"
tar -xzf "$archive" -C "$part" --strip-components=2 "jsonschema-$version/json/tests/draft2020-12" \
    "jsonschema-$version/json/remotes" "jsonschema-$version/json/LICENSE"
rm -f "$archive" "$part/pip.log"
printf '%s\n' "$version" >"$part/.version"
chmod 0755 "$part"
rm -rf "$suite"
mv "$part" "$suite"
