#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building and running sluice needs, and only what is missing: Debian packages, and DuckDB
# under .cache/. With --tests also what the tests need: a Python environment of checkers in .venv/, and services.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/setup.sh [--tests] [--quiet]
  --tests   also what scripts/test.sh needs
  --quiet   print only what went wrong
TEXT
}

packages=(build-essential cmake ninja-build pkg-config ca-certificates unzip
    libgdal-dev gdal-bin libproj-dev proj-data libpq-dev postgresql-15 postgresql-15-postgis-3
    libjson-c-dev libyaml-dev libpcre2-dev uuid-dev libssl-dev
    libcurl4-openssl-dev libexpat1-dev libmongoc-dev liblz4-dev libeccodes-dev libeccodes-data libhdf5-dev
    libeccodes-tools)
test_packages=(libcmocka-dev clang libclang-rt-14-dev python3-venv clickhouse-server clickhouse-client
    openjdk-17-jre-headless maven)

npm_package=@duckdb/node-bindings-linux-x64@1.5.5-r.5
go_module=github.com/duckdb/duckdb-go-bindings@v0.10505.0
# What is used of each download, relative to $duckdb_home, with its SHA-256.
library=lib/libduckdb.so
header=include/duckdb.h
declare -A pinned=(
    [$library]=fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405
    [$header]=48e716b9ce96ca8fead9cb35693fdc0343ac0fc1f6e7db5561fa0f44b674153d
    [extensions/postgres_scanner.duckdb_extension]=b1ced4cfc6311313e117c2afb3eac76508718778dde0716421503c7dbfb5605c
    [extensions/spatial.duckdb_extension]=03cbb687fbb1583af6154266dc17b9c99e11fdcc1cd4a43cec19f38ef272d4de
    [extensions/avro.duckdb_extension]=f9c59d9735863896fb10c78f2d6e23132cc9ede4a4fb8c10a6f523b6d0793c77
    [extensions/httpfs.duckdb_extension]=887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8
    [extensions/iceberg.duckdb_extension]=ebc4993903de0d71d42fe3027b6691b8d5e5936ed366e98bdb9eab5aeedeb422
)

tests=0
for argument in "$@"; do
    case $argument in
        --tests) tests=1 ;;
        --quiet) quiet=1 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done

# Debian's package would start a server and start it again at boot; sluice's scripts run their own.
without_service() {
    local policy=/usr/sbin/policy-rc.d made=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root install -m 0755 /dev/stdin "$policy"
        made=1
    fi
    (apt_install "$@") || { [ "$made" = 0 ] || as_root rm -f "$policy"; exit 1; }
    [ "$made" = 0 ] || as_root rm -f "$policy"
    ! have systemctl || as_root systemctl --quiet disable clickhouse-server >/dev/null 2>&1 || true
}

# Debian's server package makes and starts a cluster of its own when it is installed. sluice runs a private
# one and needs none, so that is switched off for this installation only, and never where PostgreSQL is
# already there.
install_packages() {
    local conf=/etc/postgresql-common/createcluster.conf kept others
    if printf '%s\n' "$@" | grep -qx clickhouse-server; then
        without_service clickhouse-server
        mapfile -t others < <(printf '%s\n' "$@" | grep -vx clickhouse-server)
        set -- "${others[@]}"
        [ $# != 0 ] || return 0
    fi
    if printf '%s\n' "$@" | grep -q '^postgresql-15' && [ -n "$(missing_packages postgresql-common)" ]; then
        apt_install postgresql-common
        kept=$(mktemp)
        cp "$conf" "$kept"
        as_root sed -i 's/^#* *create_main_cluster *=.*/create_main_cluster = false/' "$conf"
        apt_install "$@"
        as_root cp "$kept" "$conf"
        rm -f "$kept"
    else
        apt_install "$@"
    fi
}

set_up_packages() {
    local wanted=("${packages[@]}") missing
    [ "$tests" = 0 ] || wanted+=("${test_packages[@]}")
    have dpkg-query || die "this is not a Debian system" "install the equivalents of: ${wanted[*]}"
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if [ ${#missing[@]} = 0 ]; then
        line packages ok "(${#wanted[@]} already there)"
        return
    fi
    line packages install "$(printf '%s\n' "${missing[*]}" | fold -s -w 76 | sed -e 's/ $//' -e '2,$s/^/                      /')"
    install_packages "${missing[@]}"
    line packages ok "(${#missing[@]} installed, $((${#wanted[@]} - ${#missing[@]})) already there)"
}

fetch_library() {
    have npm || apt_install npm
    (cd "$1" && logged "$1/npm.log" npm pack --silent "$npm_package")
    tar -xzf "$1"/duckdb-node-bindings-*.tgz -C "$1"
    accept "$1/package/libduckdb.so" "${pinned[$library]}" "$duckdb_home/$library"
}

fetch_header() {
    have go || apt_install golang-go
    local answer folder
    answer=$(cd "$1" && GOFLAGS=-mod=mod go mod download -json "$go_module" 2>"$1/go.log") ||
        die "go mod download $go_module failed: $(tail -n 3 "$1/go.log"; sed -n 's/.*"Error": *//p' <<<"$answer")"
    folder=$(sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p' <<<"$answer")
    cp "$folder/include/duckdb.h" "$1/duckdb.h"
    accept "$1/duckdb.h" "${pinned[$header]}" "$duckdb_home/$header"
}

# fetch_extension FOLDER NAME FILE: DuckDB looks for the extension's entry point by the file's name, so
# the postgres extension has to be called postgres_scanner.
fetch_extension() {
    logged "$1/pip.log" pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$1" "duckdb-extension-$2==$duckdb_version"
    unzip -q -j -o "$1"/duckdb_extension_"$2"-*.whl "*/$2.duckdb_extension" -d "$1"
    accept "$1/$2.duckdb_extension" "${pinned[extensions/$3]}" "$duckdb_home/extensions/$3"
}

# fetch FOLDER FILE
fetch() {
    case $2 in
        "$library") fetch_library "$1" ;;
        "$header") fetch_header "$1" ;;
        extensions/postgres_scanner.*) fetch_extension "$1" postgres postgres_scanner.duckdb_extension ;;
        extensions/*) fetch_extension "$1" "$(basename "$2" .duckdb_extension)" "$(basename "$2")" ;;
    esac
}

# Hashing 280 MB takes a second; a file that still has the size and time it had when it was hashed is not
# hashed again.
stamp_of() { (cd "$duckdb_home" && stat -L -c '%n %s %Y' "$@" 2>/dev/null) || true; }

duckdb_downloads=
remove_downloads() { [ -z "$duckdb_downloads" ] || rm -rf "$duckdb_downloads"; }

set_up_duckdb() {
    local files=("${!pinned[@]}") file stamp=$duckdb_home/verified origin="sha256 verified" fetched=0
    # A system library of the same version is what FindDuckDB takes when .cache/ has none.
    if [[ $(dpkg-query -W -f='${Version}' libduckdb-dev 2>/dev/null || true) == "$duckdb_version"* ]]; then
        files=(extensions/{postgres_scanner,spatial,avro,httpfs,iceberg}.duckdb_extension)
        origin="the system's libduckdb-dev, extensions sha256 verified"
    fi
    if [ -f "$stamp" ] && [ "$(stamp_of "${files[@]}")" = "$(cat "$stamp")" ]; then
        line duckdb "$duckdb_version" "$origin"
        return
    fi
    [ "$(uname -m)" = x86_64 ] || die "DuckDB's checksums are pinned for x86_64 only, this is $(uname -m)" \
        "put DuckDB $duckdb_version's duckdb.h, libduckdb.so, extensions (postgres_scanner, spatial, avro, httpfs, iceberg) under $duckdb_home"
    mkdir -p "$duckdb_home"
    duckdb_downloads=$(mktemp -d "$duckdb_home/.download.XXXXXX")
    trap remove_downloads EXIT
    for file in "${files[@]}"; do
        if ! verified "$duckdb_home/$file" "${pinned[$file]}"; then
            mkdir "$duckdb_downloads/$fetched"
            fetch "$duckdb_downloads/$fetched" "$file"
            fetched=$((fetched + 1))
        fi
    done
    remove_downloads
    stamp_of "${files[@]}" >"$stamp.part.$$"
    mv "$stamp.part.$$" "$stamp"
    [ "$fetched" = 0 ] || origin="$origin, $fetched downloaded"
    line duckdb "$duckdb_version" "$origin"
}

set_up_python() {
    local python=python3 venv=$root/.venv requirements=$root/tests/requirements.txt stamp wanted
    stamp=$venv/.requirements
    "$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || python=/usr/bin/python3
    "$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' ||
        die "the tests need Python 3.11 or later, found $("$python" --version 2>&1)"
    wanted=$(cat "$requirements")
    if [ -x "$venv/bin/python" ] && [ "$wanted" = "$(cat "$stamp" 2>/dev/null)" ]; then
        line python ok "(.venv as tests/requirements.txt says)"
        return
    fi
    mkdir -p "$cache"
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    logged "$cache/pip.log" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    printf '%s\n' "$wanted" >"$stamp"
    line python ok "(.venv made from tests/requirements.txt)"
}

set_up_packages
set_up_duckdb
if [ "$tests" = 1 ]; then
    set_up_python
    quiet=$quiet "$root/scripts/fetch/json-schema-suite.sh"
    quiet=$quiet "$root/scripts/fetch/go-services.sh"
    quiet=$quiet "$root/scripts/fetch/java-services.sh"
fi
