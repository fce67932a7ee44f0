#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures sluice, and what is beside it, on this machine. Never part of the tests.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

python=$root/.venv/bin/python
[ -x "$python" ] || die "there is no $python" "scripts/setup.sh, which also makes the tests' environment"
if [ -z "${SLUICE_BINARY:-}" ]; then
    SLUICE_BINARY=$root/build/release/engine/cli/sluice
    [ -x "$SLUICE_BINARY" ] || die "there is no release build" "cmake --preset release && cmake --build --preset release"
fi
export SLUICE_BINARY
exec "$python" "$root/scripts/bench/main.py" "$@"
