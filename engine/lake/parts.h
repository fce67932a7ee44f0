/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - an asset of several objects: parts, in folders named after their values, and the index that stands for
 * them.
 *
 * The asset's own object is the index, "{dataset}/v{n}/{dataset}.parts.json": a text that lists every part with its
 * rows, bytes, hash and values, the same for the same parts, so that its hash stands for all bytes. The parts lie
 * beside it under their suffixes, "{dataset}/v{n}/variable=t2m/date=2025-03-11/part-0.parquet". Values are
 * percent-encoded so that pyarrow and DuckDB read them back as they were; NULL is __HIVE_DEFAULT_PARTITION__. Columns
 * of the folders are not in the files. Everything is borrowed from the caller's arena.
 */
#ifndef SLUICE_LAKE_PARTS_H
#define SLUICE_LAKE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>
#include <sluice/error.h>

#include "base/arena.h"
#include "base/buf.h"

enum {
    SL_LAKE_PARTS_MAX = 10000, /* of an asset: its ledger document names each */
    SL_LAKE_PART_COLUMNS_MAX = 3,
    SL_LAKE_PART_VALUE_MAX_BYTES = 200, /* as encoded, in a folder's name */
    SL_LAKE_PART_SUFFIX_MAX_BYTES = 820 /* a dataset's id and version go before it in a key */
};
#define SL_LAKE_PARTS_SUFFIX     "parts.json"
#define SL_LAKE_PARTS_MEDIA_TYPE "application/vnd.sluice.parts+json"
#define SL_LAKE_NULL_PARTITION   "__HIVE_DEFAULT_PARTITION__"

struct sl_lake_part {
    const char *path;   /* local; NULL in one read from an index */
    const char *suffix; /* of its key under the version's prefix */
    int64_t rows, bytes;
    char sha256_hex[65];
};

/* A column whose values are folders. type: PostgreSQL's name, as in the asset's columns. */
struct sl_lake_part_column {
    const char *name, *type;
};

struct sl_lake_parts {
    const struct sl_lake_part *items; /* in order of their suffixes (bytes) */
    size_t n;
    const struct sl_lake_part_column *columns;
    size_t n_columns;
    const char *media_type; /* of each part */
};

/* A column whose name can be a folder's: no "/", "=", "%", "\", no control characters, not too long. */
bool sl_lake_part_name_valid(const char *name);
/* "name=value", value NULL for NULL. SL_E_LIMIT names the column when the value is too long or reads as NULL's name. */
int sl_lake_part_folder(const char *name, const char *value, size_t bytes, struct sl_buf *out, struct sl_error *err);
/* The value of a column in a suffix, decoded; false when the suffix has no such folder. *value NULL: NULL. */
bool sl_lake_part_value(const char *suffix, const char *name, struct sl_arena *arena, const char **value);
/* In order, each suffix well-formed and there once, not too many: SL_E_LIMIT, SL_E_INTERNAL. */
int sl_lake_parts_check(const struct sl_lake_parts *parts, struct sl_error *err);
/* The index's text. */
char *sl_lake_parts_index(const struct sl_lake_parts *parts, struct sl_arena *arena);
/* The other way; SL_E_FILE_DAMAGED for what is no index. */
int sl_lake_parts_read(const char *text, size_t bytes, struct sl_arena *arena, struct sl_lake_parts *out,
                       struct sl_error *err);
int64_t sl_lake_parts_rows(const struct sl_lake_parts *parts);
int64_t sl_lake_parts_bytes(const struct sl_lake_parts *parts);
/* What the asset's ledger document says of them: count, rows, size_bytes, media_type, columns. The caller owns it. */
struct json_object *sl_lake_parts_summary(const struct sl_lake_parts *parts);

#endif
