/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions and assets. A reservation is a document of "work" whose _id is the version, so that it can be taken once.
 * "lookups" leads from what names an asset (its object, its fingerprint, its version) to its _id.
 */
#include <stdio.h>
#include <string.h>

#include "ledger/mongo/mongo.h"

enum { ID_BYTES = 1400, WALK_MAX = 10000 };

static int64_t greatest(struct json_object *list, int64_t least)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        int64_t v = sl_json_int(json_object_array_get_idx(list, i), "version", 0);
        if (v > least)
            least = v;
    }
    return least;
}

static int list_reserved(struct sl_ledger_mongo *l, const char *dataset_id, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    sl_json_put_str(filter, "dataset_id", dataset_id);
    return sl_ledger_mongo__list(l, "work", filter, NULL, 0, out, err);
}

/* Whether an asset of this version is committed. */
static int is_committed(struct sl_ledger_mongo *l, const char *dataset_id, int64_t version, bool *out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *lookup = NULL, *asset = NULL;
    char id[ID_BYTES];
    snprintf(id, sizeof id, "version:%s/v%lld", dataset_id, (long long)version);
    int rc = sl_ledger_mongo__get(l, "lookups", id, &lookup, err);
    if (rc == 0 && lookup)
        rc = sl_ledger_mongo__get(l, "assets", sl_json_str(lookup, "asset_id", ""), &asset, err);
    *out = asset;
    return rc;
}

/* The first number that may be free: what is below is taken, or was once. Reservations are read before the committed
 * ones, which a commit enters before it takes its reservation away. */
static int first_candidate(struct sl_ledger_mongo *l, const char *dataset_id, struct json_object *reserved, int64_t *out,
                           struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *hint = NULL;
    char id[ID_BYTES];
    snprintf(id, sizeof id, "dataset:%s", dataset_id);
    int rc = sl_ledger_mongo__get(l, "lookups", id, &hint, err);
    if (rc == 0)
        *out = 1 + greatest(reserved, sl_json_int(hint, "version", 0));
    return rc;
}

static int too_many(const char *dataset_id, struct sl_error *err)
{
    return sl_fail(err, SL_E_LIMIT, "dataset \"%s\" has more versions than can be counted", dataset_id);
}

static int try_version(struct sl_ledger_mongo *l, const struct sl_lease *lease, const char *dataset_id, int64_t version,
                       bool *got, struct sl_error *err)
{
    char id[ID_BYTES];
    bool there = false, repeated = false, committed = false;
    snprintf(id, sizeof id, "version:%s/v%lld", dataset_id, (long long)version);
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b =
        BCON_NEW("_id", BCON_UTF8(id), "dataset_id", BCON_UTF8(dataset_id), "version", BCON_INT64(version), "batch_id",
                 BCON_UTF8(lease->batch_id));
    int rc = sl_ledger_mongo__insert(l, "work", b, &there, &repeated, err);
    if (rc == 0 && there && repeated) {
        SL_CLEANUP(sl_json_putp) struct json_object *mine = NULL;
        rc = sl_ledger_mongo__get(l, "work", id, &mine, err);
        there = strcmp(sl_json_str(mine, "batch_id", ""), lease->batch_id) != 0;
    }
    *got = false;
    if (rc < 0 || there)
        return rc;
    /* The number may be committed, before or since. */
    if ((rc = is_committed(l, dataset_id, version, &committed, err)) == 0 && committed)
        return sl_ledger_mongo__remove(l, "work", id, NULL, err);
    *got = rc == 0;
    return rc;
}

/* The number that the batch has; 0: none. One that it has committed in an earlier life is given up. */
static int own_version(struct sl_ledger_mongo *l, const struct sl_lease *lease, const char *dataset_id,
                       struct json_object *reserved, int64_t *out, struct sl_error *err)
{
    *out = 0;
    for (size_t i = 0; i < json_object_array_length(reserved); i++) {
        struct json_object *r = json_object_array_get_idx(reserved, i);
        bool committed = false;
        if (strcmp(sl_json_str(r, "batch_id", ""), lease->batch_id) != 0)
            continue;
        int64_t version = sl_json_int(r, "version", 0);
        int rc = is_committed(l, dataset_id, version, &committed, err);
        if (rc == 0 && committed)
            rc = sl_ledger_mongo__remove(l, "work", sl_json_str(r, "_id", ""), NULL, err);
        if (rc < 0)
            return rc;
        if (!committed)
            *out = version;
    }
    return 0;
}

int sl_ledger_mongo__reserve_version(struct sl_ledger *ledger, const struct sl_lease *lease, const char *dataset_id,
                                     int64_t *version, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *reserved = NULL;
    int64_t v = 0;
    if (!dataset_id[0] || strlen(dataset_id) >= SL_DATASET_BYTES)
        return sl_fail(err, SL_E_LIMIT, "a dataset's name has 1 to %d bytes: \"%s\"", SL_DATASET_BYTES - 1, dataset_id);
    int rc = sl_ledger_mongo__hold(l, lease, NULL, err);
    if (rc < 0 || (rc = list_reserved(l, dataset_id, &reserved, err)) < 0 ||
        (rc = own_version(l, lease, dataset_id, reserved, &v, err)) < 0)
        return rc;
    bool got = v > 0;
    if (!got)
        rc = first_candidate(l, dataset_id, reserved, &v, err);
    for (int i = 0; rc == 0 && !got && i < WALK_MAX; i++) {
        rc = try_version(l, lease, dataset_id, v, &got, err);
        if (rc == 0 && !got)
            v++;
    }
    if (rc == 0 && !got)
        rc = too_many(dataset_id, err);
    if (rc == 0)
        *version = v;
    return rc;
}

int sl_ledger_mongo__release_versions(struct sl_ledger *ledger, const struct sl_lease *lease, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    int rc = sl_ledger_mongo__hold(l, lease, NULL, err);
    sl_json_put_str(filter, "batch_id", lease->batch_id);
    return rc < 0 ? rc : sl_ledger_mongo__remove_all(l, "work", filter, err);
}

/* Whether nobody may work on the batch: it has ended, or is not there. */
static int is_over(struct sl_ledger_mongo *l, const char *batch_id, bool *out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = sl_ledger_mongo__load(l, batch_id, &doc, err);
    const char *status = sl_json_str(doc, "status", "");
    if (rc == 0)
        *out = strcmp(status, "pending") != 0 && strcmp(status, "running") != 0;
    return rc;
}

int sl_ledger_mongo__reservations(struct sl_ledger *ledger, const char *batch_id, sl_reservation_visit visit, void *data,
                                  struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object(), *list = NULL;
    struct json_object *exists = json_object_new_object();
    sl_json_put(exists, "$exists", json_object_new_boolean(true));
    sl_json_put(filter, "dataset_id", exists); /* a commit's document, which may be large, has none */
    if (batch_id)
        sl_json_put_str(filter, "batch_id", batch_id);
    int rc = sl_ledger_mongo__list(l, "work", filter, NULL, 0, &list, err);
    for (size_t i = 0; rc == 0 && i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        struct sl_reservation r = {.version = sl_json_int(o, "version", 0)};
        bool wanted = batch_id != NULL;
        snprintf(r.dataset_id, sizeof r.dataset_id, "%s", sl_json_str(o, "dataset_id", ""));
        snprintf(r.batch_id, sizeof r.batch_id, "%s", sl_json_str(o, "batch_id", ""));
        if (!wanted)
            rc = is_over(l, r.batch_id, &wanted, err);
        if (rc == 0 && wanted)
            rc = visit(data, &r, err);
    }
    return rc;
}

/* Looks before and after: a batch that was reopened meanwhile may have found its number in between, and has it again. */
int sl_ledger_mongo__drop_reservation(struct sl_ledger *ledger, const struct sl_reservation *reservation, bool *dropped,
                                      struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object(), *there = NULL;
    char id[ID_BYTES];
    bool over = false;
    snprintf(id, sizeof id, "version:%s/v%lld", reservation->dataset_id, (long long)reservation->version);
    sl_json_put_str(filter, "_id", id);
    sl_json_put_str(filter, "batch_id", reservation->batch_id);
    int rc = sl_ledger_mongo__get(l, "work", id, &there, err);
    if (rc == 0 && there && !strcmp(sl_json_str(there, "batch_id", ""), reservation->batch_id))
        rc = is_over(l, reservation->batch_id, &over, err);
    if (rc == 0 && over)
        rc = sl_ledger_mongo__remove_all(l, "work", filter, err);
    if (rc < 0)
        return rc;
    bool still = over, taken = false;
    if (over && (rc = is_over(l, reservation->batch_id, &still, err)) == 0 && !still) {
        SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = sl_ledger_mongo__bson(there);
        rc = sl_ledger_mongo__insert(l, "work", b, &taken, NULL, err);
    }
    if (rc == 0)
        *dropped = over && still;
    return rc;
}

int sl_ledger_mongo__get_next_version(struct sl_ledger *ledger, const char *dataset_id, int64_t *version,
                                      struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *reserved = NULL;
    int64_t v = 0;
    int rc = list_reserved(l, dataset_id, &reserved, err);
    if (rc == 0)
        rc = first_candidate(l, dataset_id, reserved, &v, err);
    for (int i = 0; rc == 0 && i < WALK_MAX; i++, v++) {
        bool committed = false;
        rc = is_committed(l, dataset_id, v, &committed, err);
        if (rc == 0 && !committed) {
            *version = v;
            return 0;
        }
    }
    return rc < 0 ? rc : too_many(dataset_id, err);
}

/* ---- assets ---- */

int sl_ledger_mongo__get_asset(struct sl_ledger *ledger, const char *asset_id, struct json_object **out,
                               struct sl_error *err)
{
    return sl_ledger_mongo__get(sl_ledger_mongo_of(ledger), "assets", asset_id, out, err);
}

static int get_by_lookup(struct sl_ledger_mongo *l, const char *id, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *lookup = NULL;
    int rc = sl_ledger_mongo__get(l, "lookups", id, &lookup, err);
    if (rc < 0)
        return rc;
    if (lookup)
        return sl_ledger_mongo__get(l, "assets", sl_json_str(lookup, "asset_id", ""), out, err);
    *out = NULL;
    return 0;
}

static int get_first(struct sl_ledger_mongo *l, struct json_object *filter, const char *descending,
                     struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *sort = json_object_new_object(), *list = NULL;
    if (descending)
        sl_json_put_int(sort, descending, -1);
    int rc = sl_ledger_mongo__list(l, "assets", filter, descending ? sort : NULL, 1, &list, err);
    if (rc == 0)
        *out = json_object_get(json_object_array_get_idx(list, 0));
    return rc;
}

int sl_ledger_mongo__get_latest_asset(struct sl_ledger *ledger, const char *dataset_id, struct json_object **out,
                                      struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    sl_json_put_str(filter, "dataset_id", dataset_id);
    return get_first(sl_ledger_mongo_of(ledger), filter, "version", out, err);
}

int sl_ledger_mongo__get_asset_version(struct sl_ledger *ledger, const char *dataset_id, int64_t version,
                                       struct json_object **out, struct sl_error *err)
{
    char id[ID_BYTES];
    snprintf(id, sizeof id, "version:%s/v%lld", dataset_id, (long long)version);
    return get_by_lookup(sl_ledger_mongo_of(ledger), id, out, err);
}

int sl_ledger_mongo__get_asset_by_key(struct sl_ledger *ledger, const char *bucket, const char *s3_key,
                                      struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    return get_by_lookup(sl_ledger_mongo_of(ledger), sl_arena_printf(arena, "object:%s/%s", bucket, s3_key), out, err);
}

int sl_ledger_mongo__get_asset_by_fingerprint(struct sl_ledger *ledger, const char *fingerprint,
                                              struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    return get_by_lookup(sl_ledger_mongo_of(ledger), sl_arena_printf(arena, "fingerprint:%s", fingerprint), out, err);
}

int sl_ledger_mongo__asset_exists(struct sl_ledger *ledger, const char *content_hash, bool *exists,
                                  struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object(), *asset = NULL;
    sl_json_put_str(filter, "content_hash", content_hash);
    int rc = get_first(sl_ledger_mongo_of(ledger), filter, NULL, &asset, err);
    if (rc == 0)
        *exists = asset != NULL;
    return rc;
}
