-- Runs of sources: what was fetched, page by page, so that a run that was ended goes on where it was.

CREATE TABLE catalog.source_runs (
    id uuid PRIMARY KEY,
    source text NOT NULL,
    version bigint NOT NULL,
    spec_hash text NOT NULL,
    params jsonb NOT NULL,
    since timestamptz,
    until timestamptz,
    status text NOT NULL CHECK (status IN ('fetching', 'submitted', 'succeeded', 'failed')),
    quarantine_id uuid NOT NULL,
    job jsonb,
    pages bigint,
    records bigint,
    bad bigint,
    duplicates bigint,
    batch_id text,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE catalog.source_runs IS 'one row for each window of a source that was fetched, or is being fetched; job is that of an API that works asynchronously';
CREATE INDEX source_runs_source ON catalog.source_runs (source, id);

CREATE TABLE catalog.source_pages (
    run_id uuid NOT NULL REFERENCES catalog.source_runs (id) ON DELETE CASCADE,
    number bigint NOT NULL CHECK (number > 0),
    raw_file_id uuid NOT NULL,
    s3_key text NOT NULL,
    content_hash text NOT NULL,
    records bigint NOT NULL,
    next jsonb NOT NULL,
    fetched_ms bigint NOT NULL,
    PRIMARY KEY (run_id, number)
);
COMMENT ON TABLE catalog.source_pages IS 'the checkpoint of a source''s run: each page as it lies in the raw vault, and where the next one begins';

CREATE TABLE catalog.source_budgets (
    source text NOT NULL,
    day date NOT NULL,
    requests bigint NOT NULL,
    PRIMARY KEY (source, day)
);
COMMENT ON TABLE catalog.source_budgets IS 'requests of a day (UTC), of sources that have a daily budget';
