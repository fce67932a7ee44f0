/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define AT(field) .offset = offsetof(struct sl_config, field)
#define STRING(k, e, f, d, h)        {.key = k, .env = e, .type = SL_SET_STRING, AT(f), .fallback = d, .help = h}
#define SECRET(k, e, f, h)           {.key = k, .env = e, .type = SL_SET_STRING, AT(f), .fallback = "", .secret = true, .help = h}
#define DSN(k, e, f, h)              {.key = k, .env = e, .type = SL_SET_STRING, AT(f), .fallback = "", .secret = true, .dsn = true, .help = h}
#define PATH(k, e, f, d, h)          {.key = k, .env = e, .type = SL_SET_PATH, AT(f), .fallback = d, .help = h}
#define BOOL(k, e, f, d, h)          {.key = k, .env = e, .type = SL_SET_BOOL, AT(f), .fallback = d, .help = h}
#define INT(k, e, f, d, lo, hi, h)   {.key = k, .env = e, .type = SL_SET_INT, AT(f), .fallback = d, .least = lo, .most = hi, .help = h}
#define BYTES(k, e, f, d, lo, h)     {.key = k, .env = e, .type = SL_SET_BYTES, AT(f), .fallback = d, .least = lo, .most = INT64_MAX, .help = h}
#define TIME(k, e, f, d, lo, hi, h)  {.key = k, .env = e, .type = SL_SET_DURATION, AT(f), .fallback = d, .least = lo, .most = hi, .help = h}
#define ENUM(k, e, f, d, c, h)       {.key = k, .env = e, .type = SL_SET_ENUM, AT(f), .fallback = d, .choices = c, .help = h}

enum { SECOND = 1000, HOUR = 3600 * SECOND, WEEK = 7 * 24 * HOUR };

/* clang-format off */
const struct sl_setting sl_config__settings[] = {
    PATH("home", "", home, "./.sluice", "folder of all that sluice keeps on this machine"),
    PATH("config", "", config_file, "<home>/sluice.yaml", "file of settings"),

    ENUM("store.backend", "", store_backend, "fs", "fs s3", "where objects are kept"),
    PATH("store.root", "", store_root, "<home>/store", "folder of the fs backend"),
    STRING("store.landing_bucket", "MINIO_LANDING_BUCKET", landing_bucket, "landing-zone", "bucket where users write"),
    STRING("store.lake_bucket", "MINIO_LAKE_BUCKET", lake_bucket, "data-lake", "bucket of the outputs"),
    STRING("store.raw_bucket", "MINIO_RAW_BUCKET", raw_bucket, "raw-vault", "bucket of the archived raw files"),

    ENUM("ledger.backend", "", ledger_backend, "postgres", "postgres mongo", "where the ledger is kept"),
    TIME("ledger.keep_events", "", ledger_keep_events_ms, "365d", INT64_C(24) * HOUR, INT64_C(36500) * 24 * HOUR, "gc removes older events"),
    DSN("ledger.dsn", "", ledger_dsn, "PostgreSQL of the ledger, when it is not that of postgres.*"),
    DSN("catalog.dsn", "", catalog_dsn, "PostgreSQL of the catalog, when it is not that of postgres.*"),
    DSN("compute.dsn", "", compute_dsn, "PostGIS to compute in, when it is not that of postgres.*"),

    STRING("postgres.host", "POSTGRES_HOST PGHOST", postgres_host, "", "server; empty: a private cluster in the home"),
    INT("postgres.port", "POSTGRES_PORT PGPORT", postgres_port, "5432", 1, 65535, "port of the server"),
    STRING("postgres.user", "POSTGRES_USER PGUSER", postgres_user, "", "user to connect as"),
    SECRET("postgres.password", "POSTGRES_PASSWORD PGPASSWORD", postgres_password, "password of that user"),
    STRING("postgres.db", "POSTGRES_DB PGDATABASE", postgres_db, "sluice", "database"),
    ENUM("postgres.sslmode", "PGSSLMODE", postgres_sslmode, "", "disable allow prefer require verify-ca verify-full", "how connections are secured; empty: libpq's default"),
    TIME("postgres.timeout", "", postgres_timeout_ms, "30s", 100, HOUR, "longest silence of the server, beyond the time that a statement is given"),
    PATH("postgres.bin_dir", "", postgres_bin_dir, "", "folder of initdb and pg_ctl; empty: searched for"),
    STRING("postgres.os_user", "", postgres_os_user, "", "account that runs the private cluster when sluice runs as root"),

    {.key = "recipes.path", .env = "", .type = SL_SET_PATHS, AT(recipes_path), .fallback = "<home>/recipes:<data>/recipes", .help = "folders of recipes, the first that has one wins"},
    {.key = "sources.path", .env = "", .type = SL_SET_PATHS, AT(sources_path), .fallback = "<home>/sources:<data>/sources", .help = "folders of sources, the first that has one wins"},
    PATH("schemas.path", "", schemas_path, "<data>/schemas", "folder of the JSON Schemas"),

    INT("run.workers", "", run_workers, "1", 1, 256, "batches at a time"),
    INT("run.retries", "", run_retries, "5", 0, 100, "how often what may pass is tried again"),
    TIME("run.retry_base", "", run_retry_base_ms, "1s", 1, HOUR, "wait before the first of them"),
    TIME("run.retry_max", "", run_retry_max_ms, "30s", 1, 24 * HOUR, "longest wait between them"),
    TIME("run.lease", "", run_lease_ms, "60s", SECOND, 24 * HOUR, "how long a worker that says nothing keeps its batch"),
    TIME("run.timeout", "", run_timeout_ms, "1h", SECOND, WEEK, "longest time for a batch"),
    TIME("run.poll", "", run_poll_ms, "1s", 10, HOUR, "longest time between two looks of an idle worker at the ledger"),
    TIME("run.drain_timeout", "", run_drain_timeout_ms, "5min", 0, WEEK, "how long a stop waits for the batches at work before they are handed back"),
    BYTES("run.worker_memory", "", run_worker_memory_bytes, "0", 0, "address space of a worker; 0: no limit"),
    BOOL("run.strict_intents", "", run_strict_intents, "false", "refuse intents that no recipe serves"),
    BOOL("run.materialize", "", run_materialize, "false", "make a table for every step of a recipe, and every index"),
    BOOL("run.keep_schema", "", run_keep_schema, "false", "keep a run's schema, so that its tables can be looked at; sluice gc drops it"),
    INT("run.most_running", "", run_most_running, "0", 0, 100000, "batches at a time on all hosts together; 0: no limit"),
    STRING("run.intent_limits", "", run_intent_limits, "", "the same for single intents, as \"ingest_grib=1 ingest_raster=4\""),
    STRING("run.intent_priorities", "", run_intent_priorities, "", "what goes first, as \"urgent=10 bulk=-5\"; others have 0"),
    PATH("run.scratch", "", run_scratch, "<home>/tmp", "folder of temporary files"),

    INT("compute.threads", "", compute_threads, "0", 0, 1024, "threads of a computation; 0: as many as cores"),
    BYTES("compute.memory", "", compute_memory_bytes, "400MB", 16 << 20, "memory of DuckDB"),
    TIME("compute.statement_timeout", "", compute_statement_timeout_ms, "10min", 1, WEEK, "longest time for a step's SQL"),

    BYTES("input.max_file_bytes", "", input_max_file_bytes, "100GB", 1, "largest file of a batch"),
    INT("input.max_files", "", input_max_files, "1000", 1, 100000, "most files of a batch"),
    INT("raster.max_pixels", "", raster_max_pixels, "20000000000", 1, INT64_MAX, "most pixels of a raster"),
    BYTES("raster.warp_memory", "", raster_warp_memory_bytes, "64MB", 1 << 20, "working buffers of a warp; another size may change a result's last digits"),

    TIME("sensor.poll", "", sensor_poll_ms, "2s", 1, HOUR, "time between two looks at the landing zone"),
    BOOL("sensor.notify", "", sensor_notify, "true", "hear of new manifests from a store that can tell"),
    TIME("sensor.wait_limit", "", sensor_wait_limit_ms, "10min", 0, WEEK, "how long a manifest waits for its files"),

    PATH("duckdb.extensions", "", duckdb_extensions, "<duckdb>", "folder of DuckDB's extensions"),
    ENUM("log.level", "", log_level, "info", "debug info warn error", "least important lines that are logged"),
    ENUM("log.format", "", log_format, "text", "text json", "form of the log"),
    ENUM("crs.policy", "", crs_policy, "fail", "fail trust_file trust_manifest", "what counts when file and manifest name different coordinate systems"),
    ENUM("vector.bad_rows", "", vector_bad_rows, "skip", "skip fail", "what happens to rows that cannot be read: passed over and counted, or the batch fails"),

    STRING("minio.endpoint", "MINIO_ENDPOINT", minio_endpoint, "", "host and port of MinIO or S3"),
    STRING("minio.endpoint_url", "MINIO_ENDPOINT_URL", minio_endpoint_url, "", "the same as a URL"),
    STRING("minio.access_key", "MINIO_ACCESS_KEY", minio_access_key, "", "access key"),
    SECRET("minio.secret_key", "MINIO_SECRET_KEY", minio_secret_key, "secret key"),
    STRING("minio.region", "MINIO_REGION", minio_region, "us-east-1", "region for signatures"),
    BOOL("minio.use_ssl", "MINIO_USE_SSL", minio_use_ssl, "false", "connect to minio.endpoint by TLS"),
    SECRET("minio.session_token", "MINIO_SESSION_TOKEN", minio_session_token, "session token of temporary credentials"),
    STRING("minio.profile", "", minio_profile, "", "profile of ~/.aws when there is no access key; empty: AWS_PROFILE, else default"),
    PATH("minio.ca_file", "MINIO_CA_FILE AWS_CA_BUNDLE", minio_ca_file, "", "certificates (PEM) to trust; empty: the system's"),
    ENUM("minio.url_style", "", minio_url_style, "auto", "auto path virtual", "bucket in the path or in the host; auto: virtual for Amazon's hosts"),
    INT("minio.parallel", "", minio_parallel, "10", 1, 64, "parts of a transfer, and requests, at a time"),
    BYTES("minio.part_size", "", minio_part_bytes, "16MB", 5 << 20, "size of the parts of a large transfer"),
    INT("minio.retries", "", minio_retries, "5", 0, 20, "how often a request that may pass is tried again"),
    TIME("minio.timeout", "", minio_timeout_ms, "30s", 100, HOUR, "longest silence of the server, and longest time to connect"),
    TIME("minio.retry_deadline", "", minio_retry_deadline_ms, "2min", 100, HOUR, "no new try of a request after that"),

    DSN("mongodb.uri", "MONGODB_URI MONGO_URI", mongodb_uri, "connection string of MongoDB"),
    STRING("mongodb.host", "MONGO_HOST MONGODB_HOST", mongodb_host, "", "server, when there is no mongodb.uri"),
    INT("mongodb.port", "MONGO_PORT MONGODB_PORT", mongodb_port, "27017", 1, 65535, "its port"),
    STRING("mongodb.user", "MONGO_USER MONGO_USERNAME MONGODB_USER", mongodb_user, "", "user to connect as"),
    SECRET("mongodb.password", "MONGO_PASSWORD MONGODB_PASSWORD", mongodb_password, "password of that user"),
    PATH("mongodb.ca_file", "", mongodb_ca_file, "", "certificates (PEM) to trust; empty: the system's"),
    TIME("mongodb.timeout", "", mongodb_timeout_ms, "10s", 100, HOUR, "longest wait for a server and for its answer"),
    STRING("mongodb.database", "MONGO_DB MONGO_DATABASE MONGODB_DATABASE", mongodb_database, "sluice", "database"),

    DSN("clickhouse.url", "CLICKHOUSE_URL", clickhouse_url, "URL of ClickHouse's HTTP interface"),
    STRING("clickhouse.host", "CLICKHOUSE_HOST", clickhouse_host, "", "server, when there is no clickhouse.url"),
    INT("clickhouse.port", "CLICKHOUSE_PORT", clickhouse_port, "8123", 1, 65535, "its port"),
    STRING("clickhouse.user", "CLICKHOUSE_USER", clickhouse_user, "default", "user to connect as"),
    SECRET("clickhouse.password", "CLICKHOUSE_PASSWORD", clickhouse_password, "password of that user"),
    PATH("clickhouse.ca_file", "", clickhouse_ca_file, "", "certificates (PEM) to trust; empty: the system's"),
    TIME("clickhouse.timeout", "", clickhouse_timeout_ms, "60s", 100, HOUR, "longest silence of the server, and longest time to connect"),
    INT("clickhouse.retries", "", clickhouse_retries, "4", 0, 20, "how often a statement that may pass is tried again"),
    STRING("clickhouse.database", "CLICKHOUSE_DB CLICKHOUSE_DATABASE", clickhouse_database, "sluice", "database"),

    STRING("iceberg.catalog_uri", "ICEBERG_CATALOG_URI", iceberg_catalog_uri, "", "Iceberg REST catalog; empty: outputs of kind iceberg are Parquet in the lake"),
    STRING("iceberg.warehouse", "ICEBERG_WAREHOUSE", iceberg_warehouse, "", "warehouse to name to the catalog"),
    SECRET("iceberg.token", "ICEBERG_TOKEN", iceberg_token, "bearer token for the catalog"),
    SECRET("iceberg.credential", "ICEBERG_CREDENTIAL", iceberg_credential, "OAuth 2 client for the catalog, as id:secret"),
    STRING("iceberg.oauth_uri", "ICEBERG_OAUTH_URI", iceberg_oauth_uri, "", "where such a client gets its token"),
    INT("iceberg.retries", "", iceberg_retries, "5", 0, 20, "how often an append that lost against another writer is tried again"),
    TIME("iceberg.timeout", "", iceberg_timeout_ms, "30s", 100, HOUR, "longest wait for the catalog or the store, for one request"),

    STRING("trino.url", "TRINO_URL", trino_url, "", "Trino, as https://host:8443; empty: none"),
    STRING("trino.user", "TRINO_USER", trino_user, "sluice", "user to connect as"),
    SECRET("trino.password", "TRINO_PASSWORD", trino_password, "password of that user; by TLS only"),
    SECRET("trino.token", "TRINO_TOKEN", trino_token, "JWT in place of a password; by TLS only"),
    STRING("trino.catalog", "TRINO_CATALOG", trino_catalog, "iceberg", "Trino's catalog over the same Iceberg catalog"),
    PATH("trino.ca_file", "", trino_ca_file, "", "certificates (PEM) to trust; empty: the system's"),
    ENUM("trino.encoding", "TRINO_ENCODING", trino_encoding, "direct", "direct json json+lz4", "how results come: direct, or spooled in segments"),
    TIME("trino.timeout", "", trino_timeout_ms, "60s", 100, HOUR, "longest time for one request"),
    TIME("trino.query_timeout", "", trino_query_timeout_ms, "30min", 100, WEEK, "longest time for a statement"),
    BYTES("trino.max_query_bytes", "", trino_max_query_bytes, "900000", 10000, "longest statement; the server's query.max-length is 1,000,000 characters"),
    INT("trino.retries", "", trino_retries, "6", 0, 20, "how often a request that may pass is tried again"),
};
/* clang-format on */

const size_t sl_config__n_settings = sizeof sl_config__settings / sizeof *sl_config__settings;
_Static_assert(sizeof sl_config__settings / sizeof *sl_config__settings <= SL_CONFIG_MAX_SETTINGS, "room for origins");

int sl_config__find(const char *key)
{
    for (size_t i = 0; i < sl_config__n_settings; i++)
        if (!strcmp(sl_config__settings[i].key, key))
            return (int)i;
    return -1;
}

int sl_config__unknown(const char *place, const char *key, struct sl_error *err)
{
    const char *keys[SL_CONFIG_MAX_SETTINGS];
    for (size_t i = 0; i < sl_config__n_settings; i++)
        keys[i] = sl_config__settings[i].key;
    int rc = sl_fail(err, SL_E_CONFIG_KEY, "%s%sthere is no setting \"%s\"", place, *place ? ": " : "", key);
    const char *nearest = sl_text_nearest(key, keys, sl_config__n_settings);
    if (nearest)
        sl_error_hint(err, "did you mean \"%s\"?", nearest);
    else
        sl_error_hint(err, "sluice config show lists them all");
    return rc;
}

size_t sl_config__env_names(const struct sl_setting *s, char names[SL_CONFIG_MAX_ENV][SL_CONFIG_ENV_BYTES])
{
    size_t n = 1;
    snprintf(names[0], SL_CONFIG_ENV_BYTES, "SLUICE_%s", s->key);
    for (char *p = names[0]; *p; p++)
        *p = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    for (const char *p = s->env; *p && n < SL_CONFIG_MAX_ENV; n++) {
        size_t length = strcspn(p, " ");
        snprintf(names[n], SL_CONFIG_ENV_BYTES, "%.*s", (int)length, p);
        p += length + (p[length] == ' ');
    }
    return n;
}
