/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/lake.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

enum { DATASET_MAX_BYTES = 128, PUT_ATTEMPTS = 3, TOGETHER_MAX_BYTES = 8 << 20, LOT_OBJECTS = 64 };

static bool id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool sl_dataset_id_valid(const char *id)
{
    size_t n = strlen(id);
    if (n == 0 || n > DATASET_MAX_BYTES || !isalnum((unsigned char)id[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!id_char(id[i]))
            return false;
    return true;
}

char *sl_dataset_id_from(struct sl_arena *arena, const char *text)
{
    char *id = sl_arena_alloc(arena, DATASET_MAX_BYTES + 1);
    size_t n = 0;
    for (const char *p = text; *p && n < DATASET_MAX_BYTES; p++) {
        bool fits = id_char(*p) && (n > 0 || isalnum((unsigned char)*p));
        if (fits)
            id[n++] = *p;
        else if (n > 0 && id[n - 1] != '_')
            id[n++] = '_';
    }
    while (n > 0 && id[n - 1] == '_')
        id[--n] = '\0';
    if (n == 0)
        return sl_arena_strdup(arena, "data");
    return id;
}

char *sl_lake_key(struct sl_arena *arena, const char *dataset_id, int64_t version, const char *suffix)
{
    return sl_arena_printf(arena, "%s/v%lld/%s.%s", dataset_id, (long long)version, dataset_id, suffix);
}

char *sl_lake_prefix(struct sl_arena *arena, const char *dataset_id, int64_t version)
{
    return sl_arena_printf(arena, "%s/v%lld/", dataset_id, (long long)version);
}

char *sl_lake_key_split(struct sl_arena *arena, const char *key, int64_t *version)
{
    const char *slash = strchr(key, '/');
    char *end = NULL;
    if (!slash || slash[1] != 'v' || slash[2] < '1' || slash[2] > '9')
        return NULL;
    long long found = strtoll(slash + 2, &end, 10);
    if (*end != '/')
        return NULL;
    *version = found;
    return sl_arena_strndup(arena, key, (size_t)(slash - key));
}

char *sl_raw_key(struct sl_arena *arena, const char *source, const char *dataset, const char *date, const char *id,
                 const char *ext)
{
    return sl_arena_printf(arena, "%s/%s/%s/%s%s%s", sl_dataset_id_from(arena, source),
                           sl_dataset_id_from(arena, dataset), date, id, *ext ? "." : "",
                           *ext ? sl_dataset_id_from(arena, ext) : "");
}

/* An object's metadata and options, which point into each other: filled where they stay. */
struct prepared {
    char hash[80];
    struct sl_meta meta;
    struct sl_put_options options;
};

static void prepare(struct prepared *p, const struct sl_lake_object *object)
{
    snprintf(p->hash, sizeof p->hash, "sha256:%s", object->sha256_hex);
    p->meta = (struct sl_meta){0};
    sl_meta_add(&p->meta, "mongodb_doc_id", object->asset_id);
    sl_meta_add(&p->meta, "run_id", object->run_id);
    sl_meta_add(&p->meta, "content_hash", p->hash);
    p->options = (struct sl_put_options){.meta = &p->meta,
                                         .content_type = object->content_type,
                                         .if_absent = true,
                                         .sha256_hex = object->sha256_hex,
                                         .hashed_here = object->path != NULL};
}

static int put_once(struct sl_store *store, const struct sl_lake_object *object, struct sl_error *err)
{
    struct prepared p;
    prepare(&p, object);
    if (object->path)
        return sl_store_put_file(store, object->bucket, object->key, object->path, &p.options, NULL, err);
    return sl_store_put(store, object->bucket, object->key, object->text, strlen(object->text), &p.options, NULL, err);
}

int sl_lake_put(struct sl_store *store, const struct sl_lake_object *object,
                int (*committed)(void *data, const char *bucket, const char *key, bool *out, struct sl_error *err),
                int (*mine)(void *data, struct sl_error *err), void *data, struct sl_error *err)
{
    int rc = 0;
    for (int attempt = 0; attempt < PUT_ATTEMPTS; attempt++) {
        rc = put_once(store, object, err);
        if (rc != -SL_E_STORE_PRECONDITION)
            return rc;
        bool is_committed = true;
        struct sl_error why = {0};
        int look = committed(data, object->bucket, object->key, &is_committed, &why);
        if (look == 0)
            look = mine(data, &why);
        if (look == 0 && is_committed)
            look = sl_fail(&why, SL_E_LEDGER_CONFLICT, "%s/%s belongs to another asset", object->bucket, object->key);
        if (look == 0)
            look = sl_store_remove(store, object->bucket, object->key, &why);
        if (look < 0) {
            if (err)
                *err = why;
            return look;
        }
    }
    return rc;
}

/* Of those that were tried together. *again: something lay in the way of at least one, and no other failed. */
static int judge_items(const struct sl_put_item *items, size_t n, bool *again, struct sl_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (items[i].rc == -SL_E_STORE_PRECONDITION) {
            *again = true;
        } else if (items[i].rc < 0) {
            if (err)
                *err = items[i].error;
            return items[i].rc;
        }
    }
    return 0;
}

/* What one call of the store gets. */
struct lot {
    struct sl_put_item items[LOT_OBJECTS];
    struct prepared prepared[LOT_OBJECTS];
    const struct sl_lake_object *of[LOT_OBJECTS];
    size_t n;
};

static void add_to_lot(struct lot *lot, const struct sl_lake_object *o)
{
    struct prepared *p = &lot->prepared[lot->n];
    prepare(p, o);
    lot->of[lot->n] = o;
    lot->items[lot->n++] = (struct sl_put_item){.bucket = o->bucket,
                                                .key = o->key,
                                                .bytes = o->text,
                                                .n = o->text ? strlen(o->text) : 0,
                                                .path = o->path,
                                                .options = &p->options};
}

static int put_lot(struct sl_store *store, struct lot *lot,
                   int (*committed)(void *data, const char *bucket, const char *key, bool *out, struct sl_error *err),
                   int (*mine)(void *data, struct sl_error *err), void *data, struct sl_error *err)
{
    struct sl_error first = {0};
    bool again = false;
    int all = lot->n ? sl_store_put_many(store, lot->items, lot->n, &first) : 0;
    int rc = judge_items(lot->items, lot->n, &again, err);
    if (rc == 0 && all < 0 && !again) { /* the call itself failed */
        if (err)
            *err = first;
        return all;
    }
    for (size_t i = 0; rc == 0 && i < lot->n; i++)
        if (lot->items[i].rc == -SL_E_STORE_PRECONDITION)
            rc = sl_lake_put(store, lot->of[i], committed, mine, data, err);
    return rc;
}

int sl_lake_put_all(struct sl_store *store, const struct sl_lake_object *objects, size_t n,
                    int (*committed)(void *data, const char *bucket, const char *key, bool *out, struct sl_error *err),
                    int (*mine)(void *data, struct sl_error *err), void *data, struct sl_error *err)
{
    struct lot *lot = sl_xcalloc(1, sizeof *lot);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct sl_lake_object *o = &objects[i];
        if (o->path && o->size_bytes > TOGETHER_MAX_BYTES)
            rc = sl_lake_put(store, o, committed, mine, data, err);
        else
            add_to_lot(lot, o);
        if (rc < 0 || lot->n < LOT_OBJECTS)
            continue;
        rc = put_lot(store, lot, committed, mine, data, err);
        memset(lot, 0, sizeof *lot);
        if (rc == 0)
            rc = mine(data, err);
    }
    if (rc == 0)
        rc = put_lot(store, lot, committed, mine, data, err);
    free(lot);
    return rc;
}
