#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run once by the image's entry point, as the superuser, on an empty volume. In there POSTGRES_USER and its like are the
# superuser's; sluice's come as SLUICE_POSTGRES_*.
set -euo pipefail
here=/usr/local/share/sluice
superuser=$POSTGRES_USER
as_superuser() {
    POSTGRES_USER=$SLUICE_POSTGRES_USER POSTGRES_PASSWORD=$SLUICE_POSTGRES_PASSWORD POSTGRES_DB=$SLUICE_POSTGRES_DB \
        psql -X -q -v ON_ERROR_STOP=1 --username "$superuser" --no-password "$@"
}
as_superuser --dbname postgres --file "$here/role.sql"
as_superuser --dbname "$SLUICE_POSTGRES_DB" --file "$here/database.sql"
