/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/postgres/postgres.h"

/* Grows with every change of the layout below; a ledger of a greater number belongs to a newer sluice. */
#define LAYOUT "2"
enum { LAYOUT_NUMBER = 2 };
#define LOCK_SQL "SELECT pg_advisory_xact_lock(7310860921385678)"

/* Documents are what counts; columns are generated from them, so that the two cannot differ. Each statement does nothing
 * where it has been done, so that an older layout becomes this one. */
static const char layout[] =
    "CREATE SCHEMA IF NOT EXISTS ledger;"
    "CREATE TABLE IF NOT EXISTS ledger.layout (one boolean PRIMARY KEY DEFAULT true CHECK (one), version int NOT NULL);"
    "CREATE TABLE IF NOT EXISTS ledger.manifests (id text COLLATE \"C\" PRIMARY KEY, doc jsonb NOT NULL,"
    " batch_id text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'batch_id') STORED NOT NULL UNIQUE,"
    " status text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'status') STORED NOT NULL,"
    " content_hash text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'content_hash') STORED NOT NULL,"
    " lease_owner text COLLATE \"C\" GENERATED ALWAYS AS (doc#>>'{lease,owner}') STORED,"
    " lease_attempt bigint GENERATED ALWAYS AS ((doc#>>'{lease,attempt}')::bigint) STORED,"
    " lease_expires_at text COLLATE \"C\" GENERATED ALWAYS AS (doc#>>'{lease,expires_at}') STORED,"
    " not_before text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'not_before') STORED,"
    " created_at text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'created_at') STORED NOT NULL);"
    "ALTER TABLE ledger.manifests ADD COLUMN IF NOT EXISTS intent text COLLATE \"C\""
    " GENERATED ALWAYS AS (doc->>'intent') STORED;"
    "ALTER TABLE ledger.manifests ADD COLUMN IF NOT EXISTS priority bigint"
    " GENERATED ALWAYS AS (coalesce((doc->>'priority')::numeric, 0)::bigint) STORED;"
    "DROP INDEX IF EXISTS ledger.manifests_due;"
    "CREATE INDEX IF NOT EXISTS manifests_due_first ON ledger.manifests (priority DESC, created_at, id)"
    " WHERE status IN ('pending', 'running');"
    "CREATE INDEX IF NOT EXISTS manifests_lease_owner ON ledger.manifests (lease_owner) WHERE lease_owner IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS ledger.runs (id text COLLATE \"C\" PRIMARY KEY, doc jsonb NOT NULL,"
    " batch_id text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'batch_id') STORED NOT NULL,"
    " status text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'status') STORED NOT NULL,"
    " attempt bigint GENERATED ALWAYS AS ((doc->>'attempt')::bigint) STORED NOT NULL);"
    "CREATE INDEX IF NOT EXISTS runs_batch_id ON ledger.runs (batch_id);"
    "CREATE TABLE IF NOT EXISTS ledger.assets (id text COLLATE \"C\" PRIMARY KEY, doc jsonb NOT NULL,"
    " dataset_id text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'dataset_id') STORED NOT NULL,"
    " version bigint GENERATED ALWAYS AS ((doc->>'version')::bigint) STORED NOT NULL,"
    " batch_id text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'batch_id') STORED NOT NULL,"
    " run_id text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'run_id') STORED NOT NULL,"
    " bucket text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'bucket') STORED NOT NULL,"
    " s3_key text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'s3_key') STORED NOT NULL,"
    " content_hash text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'content_hash') STORED NOT NULL,"
    " fingerprint text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'fingerprint') STORED,"
    " created_at text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'created_at') STORED NOT NULL,"
    " UNIQUE (dataset_id, version), UNIQUE (bucket, s3_key));"
    "CREATE INDEX IF NOT EXISTS assets_fingerprint ON ledger.assets (fingerprint);"
    "CREATE INDEX IF NOT EXISTS assets_content_hash ON ledger.assets (content_hash);"
    "CREATE INDEX IF NOT EXISTS assets_batch_id ON ledger.assets (batch_id);"
    "CREATE INDEX IF NOT EXISTS assets_run_id ON ledger.assets (run_id);"
    /* Reservations: a number that a batch may use and nobody else. */
    "CREATE TABLE IF NOT EXISTS ledger.versions (dataset_id text COLLATE \"C\" NOT NULL, version bigint NOT NULL,"
    " batch_id text COLLATE \"C\" NOT NULL, reserved_at timestamptz NOT NULL DEFAULT now(),"
    " PRIMARY KEY (dataset_id, version), UNIQUE (batch_id, dataset_id));"
    /* seq is given while the writer holds EVENTS_LOCK: see events.c. */
    "CREATE TABLE IF NOT EXISTS ledger.events (id text COLLATE \"C\" PRIMARY KEY, doc jsonb NOT NULL,"
    " seq bigint GENERATED ALWAYS AS IDENTITY NOT NULL UNIQUE,"
    " batch_id text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'batch_id') STORED);"
    "CREATE INDEX IF NOT EXISTS events_batch_id ON ledger.events (batch_id);"
    "CREATE TABLE IF NOT EXISTS ledger.processes (id text COLLATE \"C\" PRIMARY KEY, doc jsonb NOT NULL,"
    " seen_at text COLLATE \"C\" GENERATED ALWAYS AS (doc->>'seen_at') STORED NOT NULL);"
    "CREATE OR REPLACE FUNCTION ledger.iso(t timestamptz) RETURNS text LANGUAGE sql STABLE AS $$"
    " SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') COLLATE \"C\" $$;"
    /* The values that a dotted path reaches as MongoDB walks it: through the elements of arrays that are objects, or by
     * index; NULL for each place where the member is missing. */
    "CREATE OR REPLACE FUNCTION ledger.reach(v jsonb, path text[], i int DEFAULT 1) RETURNS SETOF jsonb"
    " LANGUAGE plpgsql IMMUTABLE AS $$"
    " DECLARE e jsonb;"
    " BEGIN"
    "  IF i > cardinality(path) THEN RETURN NEXT v;"
    "  ELSIF jsonb_typeof(v) = 'object' THEN"
    "   IF v ? path[i] THEN RETURN QUERY SELECT ledger.reach(v -> path[i], path, i + 1);"
    "   ELSE RETURN NEXT NULL::jsonb; END IF;"
    "  ELSIF jsonb_typeof(v) = 'array' THEN"
    "   IF path[i] ~ '^(0|[1-9][0-9]{0,7})$' AND path[i]::int < jsonb_array_length(v) THEN"
    "    RETURN QUERY SELECT ledger.reach(v -> path[i]::int, path, i + 1); END IF;"
    "   FOR e IN SELECT x FROM jsonb_array_elements(v) x(x) LOOP"
    "    IF jsonb_typeof(e) = 'object' THEN RETURN QUERY SELECT ledger.reach(e, path, i); END IF;"
    "   END LOOP;"
    "  ELSE RETURN NEXT NULL::jsonb; END IF;"
    " END $$;"
    /* The same, and the elements of the arrays that it ends at: what an operator is tried on. */
    "CREATE OR REPLACE FUNCTION ledger.leaves(v jsonb, path text[]) RETURNS SETOF jsonb LANGUAGE sql IMMUTABLE AS $$"
    " SELECT r FROM ledger.reach(v, path) r(r) UNION ALL SELECT e FROM ledger.reach(v, path) r(r),"
    " jsonb_array_elements(CASE jsonb_typeof(r) WHEN 'array' THEN r ELSE '[]' END) e(e) $$;"
    "INSERT INTO ledger.layout (version) VALUES (" LAYOUT ") ON CONFLICT (one) DO UPDATE SET version = EXCLUDED.version;";

static int read_version(struct sl_pg *pg, int64_t *version, struct sl_error *err)
{
    int64_t there = 0;
    int rc = sl_pg_query_int(pg, "SELECT 1 WHERE to_regclass('ledger.layout') IS NOT NULL", 0, NULL, 0, &there, err);
    *version = 0;
    if (rc < 0 || !there)
        return rc;
    return sl_pg_query_int(pg, "SELECT version FROM ledger.layout", 0, NULL, 0, version, err);
}

static int make_layout(struct sl_pg *pg, struct sl_error *err)
{
    int64_t version = 0;
    int rc = sl_pg_begin(pg, err);
    if (rc < 0 || (rc = sl_pg_exec(pg, LOCK_SQL, err)) < 0 || (rc = read_version(pg, &version, err)) < 0)
        return rc;
    if (version < LAYOUT_NUMBER && (rc = sl_pg_exec(pg, layout, err)) < 0)
        return rc;
    return sl_pg_commit(pg, err);
}

int sl_ledger_pg__prepare(struct sl_ledger *ledger, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    int64_t version = 0;
    /* Nothing to do needs no lock, and no right to create. */
    int rc = read_version(l->pg, &version, err);
    if (rc == 0 && version < LAYOUT_NUMBER) {
        int64_t before = sl_pg_allow_silence(l->pg, SL_PG_LONG_SILENCE_MS); /* the ledger may be large, and others at it */
        rc = make_layout(l->pg, err);
        sl_pg_rollback(l->pg);
        sl_pg_allow_silence(l->pg, before);
    } else if (rc == 0 && version > LAYOUT_NUMBER) {
        rc = sl_fail(err, SL_E_POSTGRES, "the ledger at %s has layout %lld, this sluice knows " LAYOUT,
                     sl_pg_name(l->pg), (long long)version);
        sl_error_hint(err, "a newer sluice has used this ledger: use that one");
    }
    return rc < 0 ? rc : sl_ledger_pg__sweep_processes(l, err);
}
