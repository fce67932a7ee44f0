/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lake.h - names of datasets and keys, and putting an object into the lake so that it is never overwritten.
 */
#ifndef SLUICE_LAKE_LAKE_H
#define SLUICE_LAKE_LAKE_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>
#include <sluice/error.h>
#include <sluice/sys/store.h>

#include "base/arena.h"

/* A dataset's id: 1 to 128 of letters, digits, ".", "_", "-", beginning with a letter or digit. */
bool sl_dataset_id_valid(const char *id);
/* The nearest valid id to a file's stem or a layer's name: what does not fit becomes "_". "data" for nothing. */
char *sl_dataset_id_from(struct sl_arena *arena, const char *text);
/* "roads/v3/roads.parquet" */
char *sl_lake_key(struct sl_arena *arena, const char *dataset_id, int64_t version, const char *suffix);
/* "roads/v3/", under which all objects of a version lie; and the other way: NULL when the key is no lake object's. */
char *sl_lake_prefix(struct sl_arena *arena, const char *dataset_id, int64_t version);
char *sl_lake_key_split(struct sl_arena *arena, const char *key, int64_t *version);
/* "ana/roads/2026-11-21/0199….gpkg"; source and dataset made fit as ids are. */
char *sl_raw_key(struct sl_arena *arena, const char *source, const char *dataset, const char *date, const char *id,
                 const char *ext);

/* A STAC item or ISO record as it lies beside an asset: members sorted, numbers in their shortest form, so that the text
 * can be made again from a ledger, whichever way that keeps documents. */
char *sl_lake_document_text(struct json_object *document, struct sl_arena *arena);

struct sl_lake_object {
    const char *bucket, *key;
    const char *path;        /* local file, hashed by this process when it was written, or */
    int64_t size_bytes;      /* of that file */
    const char *text;        /* text, when path is NULL */
    const char *content_type;
    const char *sha256_hex;
    const char *asset_id, *run_id;
};

/*
 * Puts one object with its metadata (mongodb_doc_id, run_id, content_hash), only where there is none. An object that an
 * attempt before this one left there uncommitted is removed first: `committed` says whether the ledger names the key
 * (then SL_E_LEDGER_CONFLICT), `mine` fails when the caller's lease is gone.
 */
int sl_lake_put(struct sl_store *store, const struct sl_lake_object *object,
                int (*committed)(void *data, const char *bucket, const char *key, bool *out, struct sl_error *err),
                int (*mine)(void *data, struct sl_error *err), void *data, struct sl_error *err);

/* The same for several objects, the small ones of them many together where the store can; between the lots `mine` is asked.
 * An error is that of one of them, and ends the rest after its lot. */
int sl_lake_put_all(struct sl_store *store, const struct sl_lake_object *objects, size_t n,
                    int (*committed)(void *data, const char *bucket, const char *key, bool *out, struct sl_error *err),
                    int (*mine)(void *data, struct sl_error *err), void *data, struct sl_error *err);

#endif
