-- SPDX-License-Identifier: Apache-2.0
-- In sluice's database, for a superuser of psql: PostGIS, and the right to make schemas.
\getenv user POSTGRES_USER
\getenv database POSTGRES_DB
CREATE EXTENSION IF NOT EXISTS postgis;
GRANT CREATE, CONNECT, TEMPORARY ON DATABASE :"database" TO :"user";
