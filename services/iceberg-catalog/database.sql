-- SPDX-License-Identifier: Apache-2.0
-- The Iceberg catalog's role and database, for a superuser of psql; the catalog makes its two tables itself.
\getenv password ICEBERG_POSTGRES_PASSWORD
SELECT format('CREATE ROLE iceberg LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %L', :'password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'iceberg') \gexec
SELECT 'CREATE DATABASE iceberg OWNER iceberg'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'iceberg') \gexec
