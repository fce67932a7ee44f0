# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the dev scripts of services/ share. A service has a folder of its own: service.pid, port, env (what clients need),
# admin.env (what its administrator needs), log and its data. It keeps port, credentials and data when it is started again.
# Sourced after `set -euo pipefail`.
# shellcheck source-path=SCRIPTDIR source=../scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# What ends a script without a word of its own is said.
set -E
trap 'printf "%s: line %s: %s ended with %s\n" "$0" "$LINENO" "${BASH_COMMAND%%[[:space:]]*}" "$?" >&2' ERR
# shellcheck disable=SC2034  # for those that source this
go_bin=$cache/go/bin

# process_start PID: when it was started, in ticks since the machine was; with the pid this names one process for good.
process_start() {
    local stat fields
    # By a program: a process that goes between opening and reading ends the shell when that reads by itself.
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The second field is the program's name, which may hold anything; the start is the 22nd.
    read -r -a fields <<<"${stat##*) }"
    [ "${fields[0]}" != Z ] && printf '%s\n' "${fields[19]}"
}

# recorded_pid FOLDER: the pid of the service that was started there, if it still runs.
recorded_pid() {
    local pid started
    read -r pid started 2>/dev/null <"$1/service.pid" || return 1
    [ "$(process_start "$pid")" = "$started" ] && printf '%s\n' "$pid"
}

# stop_recorded FOLDER [SIGNAL]: ends what was started there and nothing else, by force after 20 seconds.
stop_recorded() {
    local pid tries
    for ((tries = 0; tries < 220; tries++)); do
        if ! pid=$(recorded_pid "$1"); then
            rm -f "$1/service.pid"
            return 0
        fi
        if [ "$tries" = 0 ]; then
            kill -"${2:-TERM}" "$pid" 2>/dev/null || true
        elif [ "$tries" = 200 ]; then
            kill -KILL "$pid" 2>/dev/null || true
        fi
        sleep 0.1
    done
    die "process $pid of $1 does not end"
}

# answers PORT: does somebody listen there?
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# becomes_free PORT: a server that was killed keeps its port until its last thread is gone.
becomes_free() {
    local tries
    for ((tries = 0; tries < 50; tries++)); do
        answers "$1" || return 0
        sleep 0.1
    done
    return 1
}

# Below the ports that the system gives to clients, or one of those could take it before the service is up.
free_port() {
    local port tries
    for ((tries = 0; tries < 100; tries++)); do
        port=$((20000 + RANDOM % 12000))
        answers "$port" || { printf '%s\n' "$port"; return; }
    done
    die "there is no free port between 20000 and 32000"
}

secret() { head -c 24 /dev/urandom | base64 | tr -d '+/=\n'; }

# write_private FILE: standard input, for the owner's eyes only, whole or not at all.
write_private() {
    (umask 077 && cat >"$1.part" && mv "$1.part" "$1")
}

# run_service FOLDER: unless it runs already, starts the caller's function `launch PORT` (which ends in exec) and waits for
# its `ready PORT`. The port is chosen once; another program may take it in between, so that a first start is tried again.
run_service() {
    local folder=$1 tries chosen=0 attempts=3
    if recorded_pid "$folder" >/dev/null; then
        ! await_ready "$folder" || return 0
        stop_recorded "$folder"
    fi
    [ ! -s "$folder/port" ] || attempts=20
    for ((tries = 0; tries < attempts; tries++)); do
        if [ "$chosen" = 1 ] || [ ! -s "$folder/port" ]; then
            free_port >"$folder/port"
            chosen=1
        fi
        becomes_free "$(<"$folder/port")" ||
            die "port $(<"$folder/port") of $folder is taken by another program" "remove $folder/port to have another chosen"
        launch_recorded "$folder" launch "$(<"$folder/port")"
        ! await_ready "$folder" || return 0
        # One that runs and does not answer would not the next time either.
        ! recorded_pid "$folder" >/dev/null || attempts=0
        stop_recorded "$folder"
        [ "$chosen" = 1 ] || sleep 0.5
    done
    tail -n 20 "$folder/log" >&2
    die "the service in $folder did not start" "the whole output is in $folder/log"
}

# launch_recorded FOLDER COMMAND…: a program, or a function that ends in exec. It gets a session of its own and none of the
# caller's files, and outlives the script.
launch_recorded() {
    local folder=$1 pid
    shift
    (
        exec </dev/null >>"$folder/log" 2>&1 8>&- 9>&-
        cd /
        if [ "$(type -t "$1")" = function ]; then "$@"; else exec setsid "$@"; fi
    ) &
    pid=$!
    printf '%s %s\n' "$pid" "$(process_start "$pid" || echo 0)" >"$folder/service.pid"
}

# A tenth of a second each; a service that takes longer says so before run_service.
ready_tries=300
await_ready() {
    local tries
    for ((tries = 0; tries < ready_tries; tries++)); do
        recorded_pid "$1" >/dev/null || return 1
        ! ready "$(<"$1/port")" || return 0
        sleep 0.1
    done
    return 1
}

# service_folder ARGUMENT…: the one argument of a start script, made and absolute. Other accounts may enter it: that of
# PostgreSQL must. What is secret in it is not readable for them.
service_folder() {
    if [ $# != 1 ] || [ -z "$1" ] || [ "${1#-}" != "$1" ]; then
        printf 'usage: %s FOLDER\n' "$0" >&2
        exit 2
    fi
    mkdir -p "$1"
    (cd "$1" && pwd -P)
}

# need_program NAME: one of those that scripts/fetch/go-services.sh builds.
need_program() {
    [ -x "$go_bin/$1" ] || die "$1 is not built" "run scripts/fetch/go-services.sh"
}

# java_version PROGRAM: its major version.
java_version() {
    local text
    text=$("$1" -version 2>&1) || return 1
    [[ $text =~ \"([0-9]+) ]] && printf '%s\n' "${BASH_REMATCH[1]}"
}

# java_of LEAST: a Java of that version or later: that of JAVA_HOME, that of the path, or the oldest that will do of those installed.
java_of() {
    local program version best='' best_version=0
    for program in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)"; do
        [ -n "$program" ] && [ -x "$program" ] || continue
        version=$(java_version "$program") || continue
        [ "$version" -lt "$1" ] || { printf '%s\n' "$program"; return; }
    done
    for program in /usr/lib/jvm/*/bin/java /opt/*/bin/java; do
        [ -x "$program" ] || continue
        version=$(java_version "$program") || continue
        if [ "$version" -ge "$1" ] && { [ -z "$best" ] || [ "$version" -lt "$best_version" ]; }; then
            best=$program best_version=$version
        fi
    done
    [ -n "$best" ] && printf '%s\n' "$best"
}

# http_status PORT PATH: the status of a GET.
http_status() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3
        read -r -t 5 _ status _ <&3
        printf '%s\n' "$status"
    ) 2>/dev/null
}
