#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes .env, which docker-compose.yaml needs, from .env.example, with random secrets. One that is there stays as it is.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../services/lib.sh
source "$(dirname "$0")/../services/lib.sh"

case ${1:-} in
    '') ;;
    -h | --help) printf 'usage: scripts/make-env.sh\n'; exit 0 ;;
    *) printf 'usage: scripts/make-env.sh\n' >&2; exit 2 ;;
esac
if [ -e "$root/.env" ]; then
    line env ok "(.env already there)"
    exit 0
fi
while IFS= read -r text; do
    if [[ $text =~ ^[A-Z_]+(KEY|PASSWORD)=$ ]]; then
        printf '%s%s\n' "$text" "$(secret)"
    else
        printf '%s\n' "$text"
    fi
done <"$root/.env.example" | write_private "$root/.env"
line env ok "(.env written with random secrets, readable for you only)"
