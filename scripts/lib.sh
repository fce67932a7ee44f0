# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts share. Sourced after `set -euo pipefail`; sets `root` (the source tree) and `cache`.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=$root/.cache
duckdb_version=1.5.5
# shellcheck disable=SC2034  # for those that source this
duckdb_home=$cache/duckdb/$duckdb_version
quiet=${quiet:-0}

# line PART RESULT [DETAIL]: one line of what a script did; nothing under --quiet.
line() {
    [ "$quiet" = 1 ] || printf '%-11s %-9s %s\n' "$1" "$2" "${3:-}" | sed 's/ *$//'
}

# die MESSAGE [HINT]: one line of what is wrong, one of what to do.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND…: with sudo where the caller is not root.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "$1 needs root, and there is no sudo" "run as root, or install sudo"
    fi
}

# logged LOG COMMAND…: output goes to LOG; on failure its end is shown and the script ends.
logged() {
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        die "'$*' failed" "the whole output is in $log"
    fi
}

# missing_packages PACKAGE…: those of them that dpkg does not have, one a line.
missing_packages() {
    local installed
    # dpkg-query exits with 1 when it does not know one of the names: that is an answer, not a failure.
    # shellcheck disable=SC2016  # dpkg's own variables
    installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    local package
    for package in "$@"; do
        grep -qx "$package installed" <<<"$installed" || printf '%s\n' "$package"
    done
}

# apt_get ARGUMENT…: waits for another apt or dpkg to finish; asks nothing.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@"
}

apt_updated=0
# apt_install PACKAGE…: refreshes the lists once a script. apt-get update takes another lock than the
# one that Lock::Timeout waits for, so it is tried again.
apt_install() {
    local log=$cache/apt.log try
    mkdir -p "$cache"
    if [ "$apt_updated" = 0 ]; then
        for try in 1 2 3 4 5; do
            if apt_get update >"$log" 2>&1; then
                apt_updated=1
                break
            fi
            [ "$try" = 5 ] || sleep 5
        done
        if [ "$apt_updated" = 0 ]; then
            tail -n 20 "$log" >&2
            die "apt-get update failed" "the whole output is in $log"
        fi
    fi
    logged "$log" apt_get install --no-install-recommends "$@"
}

# verified FILE SHA256: is the file there, and is it the one that was pinned?
verified() {
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]
}

# accept FILE SHA256 TARGET: moves a downloaded file to its place once its checksum is right.
accept() {
    [ -f "$1" ] || die "the download holds no $(basename "$1")"
    verified "$1" "$2" || die "$(basename "$1") has sha256 $(sha256sum "$1" | cut -d' ' -f1), expected $2" \
        "the package was changed, or the download was damaged: try again"
    mkdir -p "$(dirname "$3")"
    # Renamed from within the same folder, so that nobody ever sees half a file.
    mv "$1" "$3.part.$$"
    chmod 0644 "$3.part.$$"
    mv "$3.part.$$" "$3"
}

# pip ARGUMENT…: that of the caller's python3, or Debian's.
pip() {
    if ! have python3 || ! python3 -m pip --version >/dev/null 2>&1; then
        [ -z "$(missing_packages python3-pip)" ] || apt_install python3 python3-pip
        /usr/bin/python3 -m pip "$@"
        return
    fi
    python3 -m pip "$@"
}

# seconds SINCE: whole seconds since a value of $SECONDS.
seconds() { printf '%d s' "$((SECONDS - $1))"; }
