#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# MinIO, a MongoDB wire server, PostGIS and ClickHouse, and with --tables an Iceberg catalog and Trino, natively and on free
# ports, for development and tests.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../services/lib.sh
source "$(dirname "$0")/../services/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/services.sh up|down|status [--tables] [--dir DIR] [--env FILE] [--delete]
  up        starts MinIO, the MongoDB wire server, PostGIS and ClickHouse, each unless it runs already
  down      stops what up started; data and credentials stay for the next time
  status    says what runs; exit status 0 when all of it does, 3 when not
  --tables  with up: the Iceberg REST catalog too, and Trino where there is Java 24 or later
  --dir     folder of all they keep (default: $SLUICE_SERVICES_DIR, or .cache/services)
  --env     file for the settings that sluice needs (default: DIR/env)
  --delete  with down: deletes the folder too
TEXT
}

wrong() { usage >&2; exit 2; }

verb=${1:-}
case $verb in
    up | down | status) shift ;;
    -h | --help) usage; exit 0 ;;
    *) wrong ;;
esac
dir=${SLUICE_SERVICES_DIR:-$cache/services}
env_file='' delete=0 tables=0
while [ $# -gt 0 ]; do
    case $1 in
        --dir | --env)
            [ -n "${2:-}" ] || wrong
            if [ "$1" = --dir ]; then dir=$2; else env_file=$2; fi
            shift
            ;;
        --tables) [ "$verb" = up ] || wrong; tables=1 ;;
        --delete) [ "$verb" = down ] || wrong; delete=1 ;;
        -h | --help) usage; exit 0 ;;
        *) wrong ;;
    esac
    shift
done

services=(minio mongodb postgis clickhouse)
optional=(iceberg-catalog trino)
declare -A what=(
    [minio]="MinIO: the store (S3)"
    [mongodb]="MongoDB wire server: the ledger"
    [postgis]="PostgreSQL with PostGIS: compute and catalog"
    [clickhouse]="ClickHouse: values of grids"
    [iceberg-catalog]="Iceberg REST catalog: tables"
    [trino]="Trino: SQL over tables, maintenance"
)

# Those that are optional count once they were started there.
include_optional() {
    local name
    for name in "${optional[@]}"; do
        [ ! -d "$dir/$name" ] || [[ " ${services[*]} " == *" $name "* ]] || services+=("$name")
    done
}

# show: a line for each; the exit status says whether all of them run.
show() {
    local name state all=0
    include_optional
    printf '%-15s %-8s %-22s %-8s %s\n' SERVICE STATE ADDRESS PID WHAT
    for name in "${services[@]}"; do
        state=running
        if ! recorded_pid "$dir/$name" >/dev/null; then
            state=stopped
        elif ! answers "$(<"$dir/$name/port")"; then
            state=silent
        fi
        if [ "$state" = stopped ]; then
            printf '%-15s %-8s %-22s %-8s %s\n' "$name" "$state" - - "${what[$name]}"
        else
            printf '%-15s %-8s %-22s %-8s %s\n' "$name" "$state" "127.0.0.1:$(<"$dir/$name/port")" "$(recorded_pid "$dir/$name" || echo -)" \
                "${what[$name]}"
        fi
        [ "$state" = running ] || all=3
    done
    return "$all"
}

write_env() {
    {
        printf '# Settings of sluice for the services in %s: set -a; . %s; set +a\n' "$dir" "$env_file"
        printf 'SLUICE_STORE_BACKEND=s3\nSLUICE_LEDGER_BACKEND=mongo\n'
        for name in "${services[@]}"; do
            cat "$dir/$name/env"
        done
    } | write_private "$env_file"
}

up() {
    local name
    quiet=1 "$root/scripts/fetch/go-services.sh" minio minio-setup ferretdb-sqlite
    if [ "$tables" = 1 ]; then
        "$root/scripts/fetch/java-services.sh"
        services+=(iceberg-catalog)
        ! java_of 24 >/dev/null || services+=(trino)
    fi
    for name in "${services[@]}"; do
        "$root/services/$name/dev/start" "$dir/$name"
    done
    write_env
    show
    cat <<TEXT

Settings for sluice and other clients, with the credentials, are in $env_file:
  set -a; . $env_file; set +a
  sluice doctor                                        does sluice reach them, with the rights it needs?
  scripts/services.sh down                             (--delete: with all data)
TEXT
}

# Latest first. A folder that up did not make has nothing of it, and is not touched.
down() {
    local name data
    include_optional
    for name in trino iceberg-catalog clickhouse postgis mongodb minio; do
        [ ! -d "$dir/$name" ] || "$root/services/$name/dev/stop" "$dir/$name"
    done
    if [ "$delete" = 1 ] && [ -f "$dir/.sluice-services" ]; then
        data=$(readlink "$dir/postgis/data" || true)
        [ -z "$data" ] || rm -rf "$data"
        for name in "${services[@]}"; do
            rm -rf "${dir:?}/$name"
        done
        rm -f "$dir/env" "$dir/.sluice-services" "$env_file"
        rmdir "$dir" 2>/dev/null || true
    fi
}

case $verb in
    up)
        mkdir -p "$dir"
        dir=$(cd "$dir" && pwd -P)
        : >"$dir/.sluice-services"
        env_file=$(realpath -m "${env_file:-$dir/env}")
        up
        ;;
    down)
        [ -d "$dir" ] || exit 0
        dir=$(cd "$dir" && pwd -P)
        env_file=$(realpath -m "${env_file:-$dir/env}")
        down
        ;;
    status)
        dir=$(realpath -m "$dir")
        show
        ;;
esac
