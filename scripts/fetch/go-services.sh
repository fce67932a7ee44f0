#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the services of development and tests into .cache/go/bin: minio, minio-setup, ferretdb-sqlite (a MongoDB wire
# server) and toxiproxy-server. Each has a pinned module, or a go.mod and go.sum in services/; what was built from that
# already is left alone.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"

usage() { printf 'usage: scripts/fetch/go-services.sh [minio|minio-setup|ferretdb-sqlite|toxiproxy-server]…   (all)\n'; }

bin=$cache/go/bin
declare -A modules=(
    [minio]=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
    [toxiproxy-server]=github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0
)
# Files of ours that belong into a module's folder before it is built: <folder of ours> <package's folder>.
declare -A patches=([minio]='services/minio/patch cmd')
declare -A folders=(
    [minio-setup]=services/minio/setup
    [ferretdb-sqlite]=services/mongodb/dev
)
# One of theirs that is edited before it is built: <commands for sed> <module> <file in it>.
declare -A edits=([ferretdb-sqlite]='services/mongodb/patch/index.sed github.com/FerretDB/FerretDB internal/backends/sqlite/metadata/metadata.go')
# The oldest Go that these modules accept, and the one that is fetched where the system's is older (Debian 12 has 1.19).
# A toolchain is a module like any other: the proxy has it, and Go checks it against its checksum database.
go_least=1.24.0
go_fetched=1.26.8

names=("$@")
[ $# -gt 0 ] || names=(minio minio-setup ferretdb-sqlite toxiproxy-server)
for name in "${names[@]}"; do
    if [ -z "${modules[$name]:-}${folders[$name]:-}" ]; then
        [ "$name" = -h ] || [ "$name" = --help ] || { usage >&2; exit 2; }
        usage
        exit 0
    fi
done

# What a program is built from.
source_of() {
    if [ -n "${modules[$1]:-}" ]; then
        printf '%s' "${modules[$1]}"
        [ -z "${patches[$1]:-}" ] || printf ' %s' "$(cat "$root/${patches[$1]% *}"/*.go | sha256sum | cut -d' ' -f1)"
        printf '\n'
    else
        printf '%s %s' "${folders[$1]}" "$(cd "$root/${folders[$1]}" && cat go.mod go.sum -- *.go | sha256sum | cut -d' ' -f1)"
        [ -z "${edits[$1]:-}" ] || printf ' %s' "$(sha256sum <"$root/${edits[$1]%% *}" | cut -d' ' -f1)"
        printf '\n'
    fi
}
# The size and time belong to it: a program that was put there by hand is not the one that was built.
stamp_of() { printf '%s %s\n' "$(source_of "$1")" "$(stat -L -c '%s %Y' "$bin/$1" 2>/dev/null || true)"; }
is_built() { [ -x "$bin/$1" ] && [ "$(stamp_of "$1")" = "$(cat "$bin/.$1.stamp" 2>/dev/null)" ]; }

go_command=
find_go() {
    [ -z "$go_command" ] || return 0
    have go || apt_install golang-go
    local version architecture answer folder
    version=$(cd / && go env GOVERSION)
    version=${version#go}
    if [ "$(printf '%s\n' "$go_least" "$version" | sort -V | head -n 1)" = "$go_least" ]; then
        go_command=go
        return
    fi
    architecture=$(go env GOARCH)
    line go "$go_fetched" "(as a module: the system's go is $version, $go_least is needed)"
    answer=$(cd / && GOFLAGS=-mod=mod go mod download -json "golang.org/toolchain@v0.0.1-go$go_fetched.linux-$architecture" 2>"$cache/go.log") ||
        die "fetching go $go_fetched failed: $(tail -n 3 "$cache/go.log"; sed -n 's/.*"Error": *//p' <<<"$answer")"
    folder=$(sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p' <<<"$answer")
    # Modules are unpacked without permission to run.
    find "$folder/bin" "$folder/pkg/tool" -type f -exec chmod a+x {} +
    go_command=$folder/bin/go
    export GOTOOLCHAIN=local GOROOT=$folder
}

part=
remove_part() { [ -z "$part" ] || rm -rf "$part" "$part.src"; }

# A module with our files in it, in the folder given: what is fetched itself is read-only.
unpack_patched() {
    local name=$1 to=$2 answer folder
    answer=$(cd / && GOFLAGS=-mod=mod "$go_command" mod download -json "${modules[$name]}" 2>"$cache/go.log") ||
        die "fetching ${modules[$name]} failed: $(tail -n 3 "$cache/go.log")"
    folder=$(sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p' <<<"$answer")
    mkdir "$to"
    cp -r "$folder/." "$to"
    chmod -R u+w "$to"
    cp "$root/${patches[$name]% *}"/*.go "$to/${patches[$name]#* }/"
}

# A folder of ours, with a copy of the module that is edited beside it, in the folder given.
unpack_edited() {
    local name=$1 to=$2 commands module file folder
    read -r commands module file <<<"${edits[$name]}"
    folder=$("$go_command" -C "$root/${folders[$name]}" mod download -json "$module" 2>"$cache/go.log" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
    [ -d "$folder" ] || die "fetching $module failed: $(tail -n 3 "$cache/go.log")"
    mkdir "$to"
    cp -r "$root/${folders[$name]}" "$to/program"
    cp -r "$folder" "$to/module"
    chmod -R u+w "$to/module"
    sed -i -f "$root/$commands" "$to/module/$file"
    ! cmp -s "$folder/$file" "$to/module/$file" || die "$commands has nothing to edit in $module"
    "$go_command" -C "$to/program" mod edit -replace "$module=../module"
}

build() {
    local name=$1 since=$SECONDS log=$cache/go-$1.log
    find_go
    part=$(mktemp -d "$bin/.part.XXXXXX")
    trap remove_part EXIT
    if [ -n "${patches[$name]:-}" ]; then
        unpack_patched "$name" "$part.src"
        GOFLAGS='-buildvcs=false -mod=readonly' logged "$log" nice "$go_command" -C "$part.src" build -o "$part/$name" .
    elif [ -n "${modules[$name]:-}" ]; then
        GOFLAGS=-buildvcs=false GOBIN=$part logged "$log" nice "$go_command" install "${modules[$name]}"
    elif [ -n "${edits[$name]:-}" ]; then
        unpack_edited "$name" "$part.src"
        GOFLAGS='-buildvcs=false -mod=readonly' logged "$log" nice "$go_command" -C "$part.src/program" build -o "$part/$name" .
    else
        GOFLAGS='-buildvcs=false -mod=readonly' logged "$log" nice "$go_command" -C "$root/${folders[$name]}" build -o "$part/$name" .
    fi
    chmod 0755 "$part"/*
    mv "$part"/* "$bin/$name"
    stamp_of "$name" >"$part/stamp"
    mv "$part/stamp" "$bin/.$name.stamp"
    remove_part
    part=
    rm -f "$log"
    line go "$name" "built, $(seconds "$since")"
}

mkdir -p "$bin"
missing=0
for name in "${names[@]}"; do
    is_built "$name" || missing=1
done
if [ "$missing" = 1 ]; then
    # Two at once would build the same twice; the second one finds what the first one has built.
    exec 9>"$cache/go/lock"
    flock 9
    for name in "${names[@]}"; do
        is_built "$name" || build "$name"
    done
else
    line go ok "(${names[*]} already there)"
fi
