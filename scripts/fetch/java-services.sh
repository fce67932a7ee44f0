#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The services of development and tests that are Java programs, from Maven Central into .cache/java: iceberg-catalog (the Iceberg
# REST catalog with what it needs) and trino (of its plugins only those that sluice's tables need). What is there already is left
# alone. Trino is fetched only where there is a Java that can run it (24 or later), and the line says so.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../services/lib.sh
source "$(dirname "$0")/../../services/lib.sh"

usage() { printf 'usage: scripts/fetch/java-services.sh [iceberg-catalog|trino]…   (all)\n'; }

trino_version=476
trino_sha256=cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f
# Hundreds of megabytes each, and loaded at every start: the others go.
trino_plugins=(iceberg spooling-filesystem)
copier=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
# shellcheck disable=SC2154  # set by lib.sh
jars=$root/services/iceberg-catalog/dev/jars.sha256
java_cache=$cache/java

names=("$@")
[ $# -gt 0 ] || names=(iceberg-catalog trino)
for name in "${names[@]}"; do
    case $name in
        iceberg-catalog | trino) ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done

part=
remove_part() { [ -z "$part" ] || rm -rf "$part"; }
trap remove_part EXIT

make_part() {
    mkdir -p "$java_cache"
    part=$(mktemp -d "$java_cache/.part.XXXXXX")
}

need_maven() { have mvn || apt_install maven; }

stamp_of_catalog() { sha256sum <"$jars" | cut -d' ' -f1; }

fetch_catalog() {
    local since=$SECONDS
    need_maven
    make_part
    cp "$root/services/iceberg-catalog/dev/pom.xml" "$part/pom.xml"
    (cd "$part" && logged "$java_cache/iceberg-catalog.log" mvn -B -q "$copier:copy-dependencies" \
        -DincludeScope=runtime "-DoutputDirectory=$part/jars")
    # All of them, and no others.
    (cd "$part/jars" && sha256sum -- *.jar) | cmp -s - "$jars" ||
        die "what Maven has copied for the Iceberg catalog is not what services/iceberg-catalog/dev/jars.sha256 pins" \
            "a package was changed, or the download was damaged: try again"
    stamp_of_catalog >"$part/jars/.stamp"
    chmod 0755 "$part/jars"
    rm -rf "$java_cache/iceberg-catalog"
    mv "$part/jars" "$java_cache/iceberg-catalog"
    remove_part
    line java iceberg-catalog "fetched, sha256 verified, $(seconds "$since")"
}

fetch_trino() {
    local since=$SECONDS plugin keep=() archive=trino-server-$trino_version.tar.gz
    need_maven
    make_part
    (cd "$part" && logged "$java_cache/trino.log" mvn -B -q "$copier:copy" \
        "-Dartifact=io.trino:trino-server:$trino_version:tar.gz" "-DoutputDirectory=$part")
    verified "$part/$archive" "$trino_sha256" || die "$archive is not the release that was pinned (sha256 $trino_sha256)"
    mkdir "$part/trino"
    # Plugins share files by hard links, so that all must be unpacked before the others go.
    tar -xzf "$part/$archive" -C "$part/trino" --strip-components=1
    for plugin in "${trino_plugins[@]}"; do
        keep+=(! -name "$plugin")
    done
    find "$part/trino/plugin" -mindepth 1 -maxdepth 1 "${keep[@]}" -exec rm -rf {} +
    printf '%s\n' "$trino_sha256" >"$part/trino/.stamp"
    chmod 0755 "$part/trino"
    rm -rf "$java_cache/trino-$trino_version"
    mv "$part/trino" "$java_cache/trino-$trino_version"
    # Maven's copy has 800 MB and is not needed again.
    rm -rf "${HOME:?}/.m2/repository/io/trino/trino-server/$trino_version"
    remove_part
    line java trino "$trino_version fetched, sha256 verified, $(seconds "$since")"
}

is_fetched() {
    case $1 in
        iceberg-catalog) [ "$(cat "$java_cache/iceberg-catalog/.stamp" 2>/dev/null)" = "$(stamp_of_catalog)" ] ;;
        trino) [ "$(cat "$java_cache/trino-$trino_version/.stamp" 2>/dev/null)" = "$trino_sha256" ] ;;
    esac
}

wanted=()
for name in "${names[@]}"; do
    if [ "$name" = trino ] && ! java_of 24 >/dev/null; then
        line java trino "not fetched: it needs Java 24 or later, and there is none (JAVA_HOME)"
    elif ! is_fetched "$name"; then
        wanted+=("$name")
    fi
done
if [ ${#wanted[@]} = 0 ]; then
    line java ok "(${names[*]} already there)"
    exit 0
fi
mkdir -p "$java_cache"
exec 9>"$java_cache/lock"
flock 9
for name in "${wanted[@]}"; do
    if [ "$name" = trino ]; then is_fetched trino || fetch_trino; else is_fetched "$name" || fetch_catalog; fi
done
