/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - what a call that failed says.
 *
 * A function that can fail returns 0 or a negative code, takes `struct sl_error *` last and fills it once, where the
 * failure is noticed. Callers above may add context (sl_error_prefix) or a hint, or hand it on. `err` may be NULL
 * wherever a caller does not care. Nothing here allocates; a struct sl_error is a plain value that may be copied.
 * Threads: one sl_error belongs to one thread.
 */
#ifndef SLUICE_ERROR_H
#define SLUICE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

/* What is to be done about it. */
enum sl_error_class {
    SL_CLASS_BUG,       /* sluice itself is wrong: abort the run, report */
    SL_CLASS_INPUT,     /* the user's file, manifest, recipe, option: fail at once, quarantine */
    SL_CLASS_TRANSIENT, /* a service or resource: try again later */
    SL_CLASS_REFUSED    /* somebody else holds or has done it: stop, nothing to repair */
};

enum sl_exit {
    SL_EXIT_OK = 0,
    SL_EXIT_FAILURE = 1,
    SL_EXIT_USAGE = 2,
    SL_EXIT_INPUT = 3,
    SL_EXIT_NOT_FOUND = 4,
    SL_EXIT_CONFLICT = 5,
    SL_EXIT_UNAVAILABLE = 75,
    SL_EXIT_CONFIG = 78
};

/* X(code, name, class, exit code). Names are an interface: they change only by addition. */
#define SL_ERRORS(X)                                                                                                  \
    X(INTERNAL, "internal", BUG, FAILURE)                                                                             \
    X(MEMORY, "memory", TRANSIENT, FAILURE)                                                                           \
    X(LIMIT, "limit", INPUT, INPUT)                                                                                   \
    X(USAGE, "usage", INPUT, USAGE)                                                                                   \
    X(CANCELLED, "cancelled", TRANSIENT, FAILURE)                                                                     \
    X(IO, "io", TRANSIENT, FAILURE)                                                                                   \
    X(DISK_FULL, "disk.full", TRANSIENT, FAILURE)                                                                     \
    X(PROCESS, "process", TRANSIENT, FAILURE)                                                                         \
    X(CONFIG_SYNTAX, "config.syntax", INPUT, CONFIG)                                                                  \
    X(CONFIG_KEY, "config.key", INPUT, CONFIG)                                                                        \
    X(CONFIG_VALUE, "config.value", INPUT, CONFIG)                                                                    \
    X(CONFIG_HOME, "config.home", INPUT, CONFIG)                                                                      \
    X(JSON_SYNTAX, "json.syntax", INPUT, INPUT)                                                                       \
    X(JSON_DUPLICATE_KEY, "json.duplicate_key", INPUT, INPUT)                                                         \
    X(JSON_ENCODING, "json.encoding", INPUT, INPUT)                                                                   \
    X(JSON_DEPTH, "json.depth", INPUT, INPUT)                                                                         \
    X(JSON_SIZE, "json.size", INPUT, INPUT)                                                                           \
    X(YAML_SYNTAX, "yaml.syntax", INPUT, INPUT)                                                                       \
    X(YAML_LIMIT, "yaml.limit", INPUT, INPUT)                                                                         \
    X(YAML_DUPLICATE_KEY, "yaml.duplicate_key", INPUT, INPUT)                                                         \
    X(SCHEMA_INVALID, "schema.invalid", INPUT, INPUT)                                                                 \
    X(SCHEMA_REF, "schema.ref", INPUT, INPUT)                                                                         \
    X(MANIFEST_SCHEMA, "manifest.schema", INPUT, INPUT)                                                               \
    X(MANIFEST_PATH, "manifest.path", INPUT, INPUT)                                                                   \
    X(MANIFEST_CRS, "manifest.crs", INPUT, INPUT)                                                                     \
    X(MANIFEST_PARAM, "manifest.param", INPUT, INPUT)                                                                 \
    X(MANIFEST_BATCH_ID, "manifest.batch_id", INPUT, INPUT)                                                           \
    X(BATCH_DUPLICATE, "batch.duplicate", INPUT, CONFLICT)                                                            \
    X(BATCH_NOT_FOUND, "batch.not_found", INPUT, NOT_FOUND)                                                           \
    X(BATCH_BUSY, "batch.busy", REFUSED, CONFLICT)                                                                    \
    X(BATCH_POISON, "batch.poison", INPUT, FAILURE)                                                                   \
    X(RECIPE_SYNTAX, "recipe.syntax", INPUT, INPUT)                                                                   \
    X(RECIPE_SCHEMA, "recipe.schema", INPUT, INPUT)                                                                   \
    X(RECIPE_STEP, "recipe.step", INPUT, INPUT)                                                                       \
    X(RECIPE_OPTION, "recipe.option", INPUT, INPUT)                                                                   \
    X(RECIPE_PARAM, "recipe.param", INPUT, INPUT)                                                                     \
    X(RECIPE_NOT_FOUND, "recipe.not_found", INPUT, NOT_FOUND)                                                         \
    X(RECIPE_INTENT, "recipe.intent", INPUT, INPUT)                                                                   \
    X(STORE_NOT_FOUND, "store.not_found", INPUT, NOT_FOUND)                                                           \
    X(STORE_PRECONDITION, "store.precondition", REFUSED, CONFLICT)                                                    \
    X(STORE_KEY, "store.key", INPUT, INPUT)                                                                           \
    X(STORE_RANGE, "store.range", INPUT, INPUT)                                                                       \
    X(STORE_CHANGED, "store.changed", TRANSIENT, FAILURE)                                                             \
    X(STORE_DENIED, "store.denied", INPUT, CONFIG)                                                                    \
    X(STORE_UNAVAILABLE, "store.unavailable", TRANSIENT, UNAVAILABLE)                                                 \
    X(FILE_MISSING, "file.missing", INPUT, INPUT)                                                                     \
    X(FILE_CHECKSUM, "file.checksum", INPUT, INPUT)                                                                   \
    X(FILE_SIZE, "file.size", INPUT, INPUT)                                                                           \
    X(FILE_CHANGED, "file.changed", TRANSIENT, FAILURE)                                                               \
    X(FILE_FORMAT, "file.format", INPUT, INPUT)                                                                       \
    X(FILE_TRUNCATED, "file.truncated", INPUT, INPUT)                                                                 \
    X(FILE_LAYER, "file.layer", INPUT, INPUT)                                                                         \
    X(FILE_DAMAGED, "file.damaged", INPUT, INPUT)                                                                     \
    X(CRS_MISSING, "crs.missing", INPUT, INPUT)                                                                       \
    X(CRS_MISMATCH, "crs.mismatch", INPUT, INPUT)                                                                     \
    X(CRS_UNKNOWN, "crs.unknown", INPUT, INPUT)                                                                       \
    X(GEOMETRY_CONTRACT, "geometry.contract", INPUT, INPUT)                                                           \
    X(STEP_SQL, "step.sql", INPUT, INPUT)                                                                             \
    X(STEP_TIMEOUT, "step.timeout", INPUT, FAILURE)                                                                   \
    X(CHECK_FAILED, "check.failed", INPUT, INPUT)                                                                     \
    X(ROWS_LOST, "rows.lost", BUG, FAILURE)                                                                           \
    X(OUTPUT_INVALID, "output.invalid", BUG, FAILURE)                                                                 \
    X(DUCKDB, "duckdb.error", BUG, FAILURE)                                                                           \
    X(GDAL, "gdal.error", BUG, FAILURE)                                                                               \
    X(POSTGRES, "postgres.error", BUG, FAILURE)                                                                       \
    X(POSTGRES_CONFLICT, "postgres.conflict", TRANSIENT, FAILURE)                                                     \
    X(POSTGRES_DENIED, "postgres.denied", INPUT, CONFIG)                                                              \
    X(POSTGRES_UNAVAILABLE, "postgres.unavailable", TRANSIENT, UNAVAILABLE)                                           \
    X(CLICKHOUSE, "clickhouse.error", BUG, FAILURE)                                                                   \
    X(CLICKHOUSE_DENIED, "clickhouse.denied", INPUT, CONFIG)                                                          \
    X(CLICKHOUSE_UNAVAILABLE, "clickhouse.unavailable", TRANSIENT, UNAVAILABLE)                                       \
    X(TRINO, "trino.error", BUG, FAILURE)                                                                             \
    X(TRINO_QUERY, "trino.query", INPUT, INPUT)                                                                       \
    X(TRINO_DENIED, "trino.denied", INPUT, CONFIG)                                                                    \
    X(TRINO_RESOURCES, "trino.resources", TRANSIENT, FAILURE)                                                         \
    X(TRINO_UNAVAILABLE, "trino.unavailable", TRANSIENT, UNAVAILABLE)                                                 \
    X(ICEBERG, "iceberg.error", BUG, FAILURE)                                                                         \
    X(ICEBERG_SCHEMA, "iceberg.schema", INPUT, INPUT)                                                                 \
    X(ICEBERG_CONFLICT, "iceberg.conflict", TRANSIENT, FAILURE)                                                       \
    X(ICEBERG_DENIED, "iceberg.denied", INPUT, CONFIG)                                                                \
    X(ICEBERG_UNAVAILABLE, "iceberg.unavailable", TRANSIENT, UNAVAILABLE)                                             \
    X(TABLE_NOT_FOUND, "table.not_found", INPUT, NOT_FOUND)                                                           \
    X(LEDGER_DOCUMENT, "ledger.document", BUG, FAILURE)                                                               \
    X(LEDGER_FILTER, "ledger.filter", INPUT, USAGE)                                                                   \
    X(LEDGER_NOT_FOUND, "ledger.not_found", INPUT, NOT_FOUND)                                                         \
    X(LEDGER_CONFLICT, "ledger.conflict", REFUSED, CONFLICT)                                                          \
    X(LEDGER_UNAVAILABLE, "ledger.unavailable", TRANSIENT, UNAVAILABLE)                                               \
    X(LEASE_LOST, "lease.lost", REFUSED, CONFLICT)                                                                    \
    X(DATASET_NOT_FOUND, "dataset.not_found", INPUT, NOT_FOUND)                                                       \
    X(ASSET_NOT_FOUND, "asset.not_found", INPUT, NOT_FOUND)                                                           \
    X(VERIFY_FAILED, "verify.failed", INPUT, FAILURE)                                                                 \
    X(REPLAY_INPUT, "replay.input", INPUT, FAILURE)                                                                   \
    X(WORKER_CRASHED, "worker.crashed", TRANSIENT, FAILURE)                                                           \
    X(WORKER_TIMEOUT, "worker.timeout", INPUT, FAILURE)                                                               \
    X(WORKER_MEMORY, "worker.memory", INPUT, FAILURE)                                                                 \
    X(NET, "net.error", TRANSIENT, UNAVAILABLE)                                                                       \
    X(SOURCE_NOT_FOUND, "source.not_found", INPUT, NOT_FOUND)                                                         \
    X(SOURCE_BUSY, "source.busy", REFUSED, CONFLICT)                                                                  \
    X(SOURCE_BUDGET, "source.budget", REFUSED, UNAVAILABLE)                                                           \
    X(SOURCE_DENIED, "source.denied", INPUT, CONFIG)                                                                  \
    X(SOURCE_REPLY, "source.reply", INPUT, FAILURE)                                                                   \
    X(SOURCE_RECORDS, "source.records", INPUT, INPUT)

enum sl_code {
    SL_OK = 0,
#define SL_X(code, name, class, exit) SL_E_##code,
    SL_ERRORS(SL_X)
#undef SL_X
    SL_CODE_COUNT
};

enum { SL_ERROR_MESSAGE_BYTES = 1024, SL_ERROR_HINT_BYTES = 512 };

struct sl_error {
    enum sl_code code;
    char message[SL_ERROR_MESSAGE_BYTES]; /* one line, lower case, the object quoted; never a secret */
    char hint[SL_ERROR_HINT_BYTES];       /* what to do, or empty */
};

/*
 * Fills err and returns -(int)code. Control characters in what the arguments bring become \xNN, so that hostile names
 * cannot forge a line. Too long a message is cut at a character boundary and ends in "…".
 */
int sl_fail(struct sl_error *err, enum sl_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int sl_vfail(struct sl_error *err, enum sl_code code, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
/* The same for a failed system call: appends strerror(saved_errno); ENOSPC and EDQUOT become SL_E_DISK_FULL. */
int sl_fail_errno(struct sl_error *err, int saved_errno, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Sets the hint of an error that is already filled. */
void sl_error_hint(struct sl_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "prefix: " before the message. */
void sl_error_prefix(struct sl_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sl_error_clear(struct sl_error *err);

const char *sl_code_name(enum sl_code code);             /* "manifest.schema"; "ok" for SL_OK */
enum sl_error_class sl_code_class(enum sl_code code);
const char *sl_class_name(enum sl_error_class class_);   /* "bug", "input", "transient", "refused" */
int sl_code_exit(enum sl_code code);
enum sl_code sl_code_by_name(const char *name);          /* SL_E_INTERNAL for an unknown one */

#endif
