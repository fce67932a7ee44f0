#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds with warnings as errors, runs every test. The last line counts the
# single tests: "N passed, N failed" and, where there are any, ", N skipped".
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../services/lib.sh
source "$(dirname "$0")/../services/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/test.sh [--unit] [--keep] [-k PATTERN]
  --unit       only what needs no service, with the sanitizers
  --keep       leave the temporary folder, and say where it is
  -k PATTERN   only the test programs, and the Python tests, whose name matches
TEXT
}

unit=0 keep=0 pattern=
while [ $# -gt 0 ]; do
    case $1 in
        --unit) unit=1 ;;
        --keep) keep=1 ;;
        -k)
            [ $# -gt 1 ] || { usage >&2; exit 2; }
            pattern=$2
            shift
            ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

work=
child=

# Stops the server whose pid file this is, if it is still the one that runs in that folder.
stop_cluster() {
    local folder pid tries
    folder=$(dirname "$1")
    pid=$(head -n 1 "$1")
    [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$folder" ] || return 0
    kill -INT "$pid" 2>/dev/null || return 0
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -QUIT "$pid" 2>/dev/null || true
}

clean_up() {
    local pid_file
    if [ -n "$child" ]; then
        kill -TERM -- "-$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    [ -n "$work" ] || return 0
    while IFS= read -r pid_file; do
        (stop_recorded "$(dirname "$pid_file")" INT) || true
    done < <(find "$work" -name service.pid 2>/dev/null)
    while IFS= read -r pid_file; do
        stop_cluster "$pid_file"
    done < <(find "$work" -name postmaster.pid 2>/dev/null)
    if [ "$keep" = 1 ]; then
        printf 'kept        %s\n' "$work" >&2
    else
        rm -rf "$work"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# run_child COMMAND…: in a process group of its own, so that an interruption ends all of it and nothing else.
run_child() {
    local status=0
    set -m
    "$@" &
    child=$!
    set +m
    wait "$child" || status=$?
    child=
    return "$status"
}

python() { "$root/.venv/bin/python" "$@"; }

# build PRESET: what went wrong is the end of its log, and counts as one failed test.
build() {
    local since=$SECONDS log=$work/build-$1.log
    if ! run_child build_quietly "$1" "$log"; then
        grep -E ': (fatal )?error: |: warning: |undefined reference|^FAILED: |^CMake Error' "$log" | head -n 40 || tail -n 40 "$log"
        printf 'FAILED      build %s (build/%s)\n0 passed, 1 failed\n' "$1" "$1"
        exit 1
    fi
    line build "$1" "$(seconds "$since")"
}
# The release preset leaves the tests out; the Python tests use tools that are built beside them.
build_quietly() { cmake --preset "$1" -D SLUICE_TESTS=ON >"$2" 2>&1 && cmake --build --preset "$1" >>"$2" 2>&1; }

# run_ctest LABEL JOBS: with the sanitizers; the results are read from the XML file.
run_ctest() {
    local since=$SECONDS log=$work/ctest-$1.log
    local arguments=(--test-dir build/dev -L "^$1\$" -j "$2" --no-tests=ignore --output-junit "$work/$1.xml"
        --test-output-size-passed 4000000 --test-output-size-failed 4000000)
    [ -z "$pattern" ] || arguments+=(-R "$pattern")
    run_child ctest_quietly "$log" "${arguments[@]}" || true
    [ -f "$work/$1.xml" ] || { tail -n 40 "$log"; printf 'FAILED      ctest -L %s\n0 passed, 1 failed\n' "$1"; exit 1; }
    line tests "$1" "$(seconds "$since")"
}
ctest_quietly() {
    local log=$1
    shift
    ctest "$@" >"$log" 2>&1
}

# Exit status 5 of pytest: nothing matched.
run_pytest() {
    local since=$SECONDS log=$work/pytest.log status=0 processes
    processes=$(nproc)
    [ "$processes" -le 4 ] || processes=4
    # A file's tests share a home, and each process has services of its own.
    local arguments=(-c tests/pytest.ini --rootdir tests -q --junitxml "$work/pytest.xml" -n "$processes" --dist loadfile
        tests/integration)
    [ -z "$pattern" ] || arguments+=(-k "$pattern")
    run_child pytest_quietly "$log" "${arguments[@]}" || status=$?
    if [ "$status" -gt 1 ] && [ "$status" != 5 ]; then
        tail -n 60 "$log"
        printf 'FAILED      pytest (exit status %s)\n0 passed, 1 failed\n' "$status"
        exit 1
    fi
    line tests python "$(seconds "$since")"
}
pytest_quietly() {
    local log=$1
    shift
    python -m pytest "$@" >"$log" 2>&1
}

# What tests wrote for people to read: the sentence under the title, and where the rest is.
tell_reports() {
    local report
    for report in build/reports/*.md; do
        [ ! -f "$report" ] || line report "$(basename "$report" .md)" "$report: $(sed -n 3p "$report")"
    done
}

"$root/scripts/setup.sh" --tests
cd "$root"
# The account that PostgreSQL runs as must be able to enter it, and a socket's path has room for 107 bytes.
work=$(mktemp -d /tmp/sluice-test.XXXXXX)
chmod 0755 "$work"
export TMPDIR=$work

build dev
run_ctest unit 2
results=("$work/unit.xml")
if [ "$unit" = 0 ]; then
    build release
    build clang
    run_ctest integration 2
    rm -rf build/reports
    SLUICE_BINARY=$root/build/release/engine/cli/sluice run_pytest
    tell_reports
    results+=("$work/integration.xml" "$work/pytest.xml")
fi
python tests/support/summary.py "${results[@]}"
