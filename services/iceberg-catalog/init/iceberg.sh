#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run once by PostgreSQL's image, as the superuser, on an empty volume: the catalog's role and database.
set -euo pipefail
psql -X -q -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --dbname postgres --file /usr/local/share/iceberg-catalog/database.sql
