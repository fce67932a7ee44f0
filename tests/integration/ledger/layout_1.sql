-- SPDX-License-Identifier: Apache-2.0
-- The ledger's schema as layout 1 made it.
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.layout (one boolean PRIMARY KEY DEFAULT true CHECK (one), version int NOT NULL);
CREATE TABLE IF NOT EXISTS ledger.manifests (id text COLLATE "C" PRIMARY KEY, doc jsonb NOT NULL,
 batch_id text COLLATE "C" GENERATED ALWAYS AS (doc->>'batch_id') STORED NOT NULL UNIQUE,
 status text COLLATE "C" GENERATED ALWAYS AS (doc->>'status') STORED NOT NULL,
 content_hash text COLLATE "C" GENERATED ALWAYS AS (doc->>'content_hash') STORED NOT NULL,
 lease_owner text COLLATE "C" GENERATED ALWAYS AS (doc#>>'{lease,owner}') STORED,
 lease_attempt bigint GENERATED ALWAYS AS ((doc#>>'{lease,attempt}')::bigint) STORED,
 lease_expires_at text COLLATE "C" GENERATED ALWAYS AS (doc#>>'{lease,expires_at}') STORED,
 not_before text COLLATE "C" GENERATED ALWAYS AS (doc->>'not_before') STORED,
 created_at text COLLATE "C" GENERATED ALWAYS AS (doc->>'created_at') STORED NOT NULL);
CREATE INDEX IF NOT EXISTS manifests_due ON ledger.manifests (created_at, id)
 WHERE status IN ('pending', 'running');
CREATE INDEX IF NOT EXISTS manifests_lease_owner ON ledger.manifests (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE TABLE IF NOT EXISTS ledger.runs (id text COLLATE "C" PRIMARY KEY, doc jsonb NOT NULL,
 batch_id text COLLATE "C" GENERATED ALWAYS AS (doc->>'batch_id') STORED NOT NULL,
 status text COLLATE "C" GENERATED ALWAYS AS (doc->>'status') STORED NOT NULL,
 attempt bigint GENERATED ALWAYS AS ((doc->>'attempt')::bigint) STORED NOT NULL);
CREATE INDEX IF NOT EXISTS runs_batch_id ON ledger.runs (batch_id);
CREATE TABLE IF NOT EXISTS ledger.assets (id text COLLATE "C" PRIMARY KEY, doc jsonb NOT NULL,
 dataset_id text COLLATE "C" GENERATED ALWAYS AS (doc->>'dataset_id') STORED NOT NULL,
 version bigint GENERATED ALWAYS AS ((doc->>'version')::bigint) STORED NOT NULL,
 batch_id text COLLATE "C" GENERATED ALWAYS AS (doc->>'batch_id') STORED NOT NULL,
 run_id text COLLATE "C" GENERATED ALWAYS AS (doc->>'run_id') STORED NOT NULL,
 bucket text COLLATE "C" GENERATED ALWAYS AS (doc->>'bucket') STORED NOT NULL,
 s3_key text COLLATE "C" GENERATED ALWAYS AS (doc->>'s3_key') STORED NOT NULL,
 content_hash text COLLATE "C" GENERATED ALWAYS AS (doc->>'content_hash') STORED NOT NULL,
 fingerprint text COLLATE "C" GENERATED ALWAYS AS (doc->>'fingerprint') STORED,
 created_at text COLLATE "C" GENERATED ALWAYS AS (doc->>'created_at') STORED NOT NULL,
 UNIQUE (dataset_id, version), UNIQUE (bucket, s3_key));
CREATE INDEX IF NOT EXISTS assets_fingerprint ON ledger.assets (fingerprint);
CREATE INDEX IF NOT EXISTS assets_content_hash ON ledger.assets (content_hash);
CREATE INDEX IF NOT EXISTS assets_batch_id ON ledger.assets (batch_id);
CREATE INDEX IF NOT EXISTS assets_run_id ON ledger.assets (run_id);
CREATE TABLE IF NOT EXISTS ledger.versions (dataset_id text COLLATE "C" NOT NULL, version bigint NOT NULL,
 batch_id text COLLATE "C" NOT NULL, reserved_at timestamptz NOT NULL DEFAULT now(),
 PRIMARY KEY (dataset_id, version), UNIQUE (batch_id, dataset_id));
CREATE OR REPLACE FUNCTION ledger.iso(t timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
 SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') COLLATE "C" $$;
CREATE OR REPLACE FUNCTION ledger.reach(v jsonb, path text[], i int DEFAULT 1) RETURNS SETOF jsonb
 LANGUAGE plpgsql IMMUTABLE AS $$
 DECLARE e jsonb;
 BEGIN
  IF i > cardinality(path) THEN RETURN NEXT v;
  ELSIF jsonb_typeof(v) = 'object' THEN
   IF v ? path[i] THEN RETURN QUERY SELECT ledger.reach(v -> path[i], path, i + 1);
   ELSE RETURN NEXT NULL::jsonb; END IF;
  ELSIF jsonb_typeof(v) = 'array' THEN
   IF path[i] ~ '^(0|[1-9][0-9]{0,7})$' AND path[i]::int < jsonb_array_length(v) THEN
    RETURN QUERY SELECT ledger.reach(v -> path[i]::int, path, i + 1); END IF;
   FOR e IN SELECT x FROM jsonb_array_elements(v) x(x) LOOP
    IF jsonb_typeof(e) = 'object' THEN RETURN QUERY SELECT ledger.reach(e, path, i); END IF;
   END LOOP;
  ELSE RETURN NEXT NULL::jsonb; END IF;
 END $$;
CREATE OR REPLACE FUNCTION ledger.leaves(v jsonb, path text[]) RETURNS SETOF jsonb LANGUAGE sql IMMUTABLE AS $$
 SELECT r FROM ledger.reach(v, path) r(r) UNION ALL SELECT e FROM ledger.reach(v, path) r(r),
 jsonb_array_elements(CASE jsonb_typeof(r) WHEN 'array' THEN r ELSE '[]' END) e(e) $$;
INSERT INTO ledger.layout (version) VALUES (1) ON CONFLICT (one) DO UPDATE SET version = EXCLUDED.version;
