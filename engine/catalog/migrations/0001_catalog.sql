-- The relational index: what lies in the raw vault and in the lake, for people and tools that speak SQL.
-- Applied in a transaction; the schema and catalog.migrations are there already.

CREATE TABLE catalog.raw_files (
    id uuid PRIMARY KEY,
    source text NOT NULL,
    dataset text NOT NULL,
    date date NOT NULL,
    s3_key text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE catalog.raw_files IS 'one row for each object of the raw vault';

CREATE TABLE catalog.raw_file_details (
    raw_file_id uuid PRIMARY KEY REFERENCES catalog.raw_files (id) ON DELETE CASCADE,
    bucket text NOT NULL,
    content_hash text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    batch_id text NOT NULL,
    run_id uuid,
    landing_path text,
    role text NOT NULL,
    media_type text,
    duplicate_of uuid REFERENCES catalog.raw_files (id)
);
COMMENT ON TABLE catalog.raw_file_details IS 'hash, size and origin of a raw file';
CREATE INDEX raw_file_details_content_hash ON catalog.raw_file_details (content_hash);
CREATE INDEX raw_file_details_batch_id ON catalog.raw_file_details (batch_id);

CREATE TABLE catalog.datasets (
    dataset_id text PRIMARY KEY,
    kind text NOT NULL,
    latest_version bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE catalog.datasets IS 'named series of assets';

CREATE TABLE catalog.assets (
    id uuid PRIMARY KEY,
    dataset_id text NOT NULL REFERENCES catalog.datasets (dataset_id),
    version bigint NOT NULL CHECK (version > 0),
    batch_id text NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    bucket text NOT NULL,
    s3_key text NOT NULL,
    media_type text NOT NULL,
    content_hash text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    crs text,
    row_count bigint,
    min_x double precision,
    min_y double precision,
    max_x double precision,
    max_y double precision,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (dataset_id, version),
    UNIQUE (bucket, s3_key)
);
COMMENT ON TABLE catalog.assets IS 'lake objects; the ledger decides which of them exist. id is the ledger''s _id, bounds are EPSG:4326';
CREATE INDEX assets_batch_id ON catalog.assets (batch_id);
CREATE INDEX assets_content_hash ON catalog.assets (content_hash);

CREATE TABLE catalog.watermarks (
    job text PRIMARY KEY,
    watermark text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE catalog.watermarks IS 'how far a source has been read: an ISO 8601 time or the source''s own cursor';
