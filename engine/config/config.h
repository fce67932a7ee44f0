/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the settings of a process: flags > environment > .env > sluice.yaml > defaults.
 *
 * One table (settings.c) has every key with its names in the environment, type, default and help; parsing, `config show`
 * and the reference come from it. A struct sl_config is read-only once loaded and owns its strings. Secrets (passwords,
 * connection strings) are marked in the table and masked by every printer.
 */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

/* Strings that are not set are "" unless a comment says NULL; times are milliseconds, sizes bytes. */
struct sl_config {
    const char *home; /* absolute, as all paths here */
    const char *config_file; /* sluice.yaml, whether it exists or not */
    const char *store_backend, *store_root;
    const char *landing_bucket, *lake_bucket, *raw_bucket;
    const char *ledger_backend;
    int64_t ledger_keep_events_ms;
    const char *ledger_dsn, *catalog_dsn, *compute_dsn; /* secrets */
    const char *postgres_host; /* "": the private cluster in the home */
    int64_t postgres_port;
    const char *postgres_user, *postgres_password, *postgres_db, *postgres_sslmode;
    int64_t postgres_timeout_ms;
    const char *postgres_bin_dir, *postgres_os_user;
    const char *const *recipes_path; /* existing folders, ended by NULL */
    const char *const *sources_path; /* the same */
    const char *schemas_path;
    int64_t run_workers, run_retries, run_retry_base_ms, run_retry_max_ms, run_lease_ms, run_timeout_ms;
    int64_t run_worker_memory_bytes; /* 0: no limit */
    bool run_strict_intents, run_materialize, run_keep_schema;
    int64_t run_poll_ms, run_drain_timeout_ms;
    int64_t run_most_running;
    const char *run_intent_limits, *run_intent_priorities;
    const char *run_scratch;
    int64_t compute_threads, compute_memory_bytes, compute_statement_timeout_ms;
    int64_t input_max_file_bytes, input_max_files, raster_max_pixels, raster_warp_memory_bytes;
    int64_t sensor_poll_ms, sensor_wait_limit_ms;
    bool sensor_notify;
    const char *duckdb_extensions;
    const char *log_level, *log_format;
    const char *crs_policy;
    const char *vector_bad_rows;
    /* Services; "" or 0: not configured. */
    const char *minio_endpoint, *minio_endpoint_url, *minio_access_key, *minio_secret_key, *minio_region;
    bool minio_use_ssl;
    const char *minio_session_token, *minio_profile, *minio_ca_file, *minio_url_style;
    int64_t minio_parallel, minio_part_bytes, minio_retries, minio_timeout_ms, minio_retry_deadline_ms;
    const char *mongodb_ca_file;
    int64_t mongodb_timeout_ms;
    const char *mongodb_uri, *mongodb_host, *mongodb_user, *mongodb_password, *mongodb_database;
    int64_t mongodb_port;
    const char *clickhouse_url, *clickhouse_host, *clickhouse_user, *clickhouse_password, *clickhouse_database;
    const char *clickhouse_ca_file;
    int64_t clickhouse_port, clickhouse_timeout_ms, clickhouse_retries;
    const char *iceberg_catalog_uri, *iceberg_warehouse, *iceberg_token, *iceberg_credential, *iceberg_oauth_uri;
    int64_t iceberg_retries, iceberg_timeout_ms;
    const char *trino_url, *trino_user, *trino_password, *trino_token, *trino_catalog, *trino_ca_file, *trino_encoding;
    int64_t trino_timeout_ms, trino_query_timeout_ms, trino_max_query_bytes, trino_retries;
    struct sl_config_origins *origins;
};

struct sl_config_flag {
    const char *key, *value; /* "run.workers", "4" */
};

/* flags: what the command line gave, n of them; may be NULL. Codes config.*. */
int sl_config_load(const struct sl_config_flag *flags, size_t n_flags, struct sl_config **out, struct sl_error *err);
void sl_config_free(struct sl_config *config); /* NULL is allowed */

/* A value that a source names and no setting has: from the environment, else from .env; <name>_FILE names a file that holds
 * it. *out NULL when there is none; it lives as long as the config. Whoever shows it must know whether it is a secret. */
int sl_config_named(const struct sl_config *config, const char *name, const char **out, struct sl_error *err);

struct sl_config_entry {
    const char *key, *value; /* secrets as "********"; connection strings with their password masked */
    const char *origin;      /* "flag", "environment POSTGRES_HOST", ".env:3", "sluice.yaml:4:3", "default" */
    const char *help;
};
/* Calls show for each key in order of the table. */
int sl_config_show(const struct sl_config *config,
                   int (*show)(void *data, const struct sl_config_entry *entry, struct sl_error *err), void *data,
                   struct sl_error *err);

#endif
