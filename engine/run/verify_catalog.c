/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: the ledger's assets beside the rows of catalog.assets. */
#include <string.h>

#include "base/clock.h"
#include "base/uuid7.h"
#include "json/json.h"
#include "run/orphan.h"
#include "run/verify.h"

static int put_row(struct sl_verify *v, struct json_object *d, struct sl_error *err)
{
    double bounds[4];
    struct json_object *list = sl_json_get(d, "bounds");
    bool bounded = json_object_is_type(list, json_type_array) && json_object_array_length(list) == 4;
    for (size_t i = 0; bounded && i < 4; i++)
        bounds[i] = json_object_get_double(json_object_array_get_idx(list, i));
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL;
    int rc = v->engine->ledger->ops->get_run(v->engine->ledger, sl_json_str(d, "run_id", ""), &run, err);
    if (rc < 0)
        return rc;
    const struct sl_catalog_asset row = {.id = sl_json_str(d, "_id", NULL),
                                         .dataset_id = sl_json_str(d, "dataset_id", NULL),
                                         .version = sl_json_int(d, "version", 0),
                                         .batch_id = sl_json_str(d, "batch_id", NULL),
                                         .run_id = sl_json_str(d, "run_id", NULL),
                                         .kind = sl_json_str(d, "kind", NULL),
                                         .bucket = sl_json_str(d, "bucket", NULL),
                                         .s3_key = sl_json_str(d, "s3_key", NULL),
                                         .media_type = sl_json_str(d, "media_type", NULL),
                                         .content_hash = sl_json_str(d, "content_hash", NULL),
                                         .crs = sl_json_str(d, "crs", NULL),
                                         .size_bytes = sl_json_int(d, "size_bytes", 0),
                                         .row_count = sl_json_int(d, "row_count", -1),
                                         .bounds = bounded ? bounds : NULL,
                                         .created_at = sl_json_str(d, "created_at", NULL),
                                         .attempt = sl_json_int(run, "attempt", 0)};
    return sl_catalog_put_asset(v->engine->catalog, &row, err);
}

/* The ledger decides. A row with this id under another version would stand in the way of the right one. */
static int fix_row(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena, const char **moved_to,
                   struct sl_error *err)
{
    struct json_object *d = (struct json_object *)(uintptr_t)f->data;
    (void)arena, (void)moved_to;
    int rc = sl_catalog_remove_asset(v->engine->catalog, f->asset_id, err);
    return rc < 0 ? rc : put_row(v, d, err);
}

static int remove_row(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena, const char **moved_to,
                      struct sl_error *err)
{
    (void)arena, (void)moved_to;
    return sl_catalog_remove_asset(v->engine->catalog, f->asset_id, err);
}

static int report_row(struct sl_verify *v, struct json_object *d, const char *message, struct sl_error *err)
{
    const struct sl_finding f = {.kind = "catalog",
                                 .bucket = sl_json_str(d, "bucket", NULL),
                                 .key = sl_json_str(d, "s3_key", NULL),
                                 .asset_id = sl_json_str(d, "_id", NULL),
                                 .batch_id = sl_json_str(d, "batch_id", NULL),
                                 .message = message,
                                 .repair = "sluice verify --repair writes the row from the ledger",
                                 .fix = fix_row,
                                 .data = d};
    return sl_verify_report(v, &f, err);
}

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static const char *difference(const struct sl_catalog_asset *row, struct json_object *d)
{
    if (!same(row->bucket, sl_json_str(d, "bucket", NULL)) || !same(row->s3_key, sl_json_str(d, "s3_key", NULL)))
        return "the catalog's row names another object than the ledger";
    if (!same(row->dataset_id, sl_json_str(d, "dataset_id", NULL)) || row->version != sl_json_int(d, "version", 0))
        return "the catalog's row has another dataset or version than the ledger";
    if (!same(row->content_hash, sl_json_str(d, "content_hash", NULL)) ||
        row->size_bytes != sl_json_int(d, "size_bytes", -1))
        return "the catalog's row has another hash or size than the ledger";
    if (!same(row->batch_id, sl_json_str(d, "batch_id", NULL)) || !same(row->run_id, sl_json_str(d, "run_id", NULL)))
        return "the catalog's row names another batch or run than the ledger";
    return NULL;
}

/* A row whose asset the ledger does not have: of a run at work, committed since, or left behind. */
static int report_extra(struct sl_verify *v, const struct sl_catalog_asset *row, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    bool at_work = false;
    int rc = v->engine->ledger->ops->get_asset(v->engine->ledger, row->id, &doc, err);
    if (rc == 0 && !doc)
        rc = sl_run_at_work(v->engine, row->run_id, &at_work, err);
    if (rc < 0 || doc || at_work)
        return rc;
    int64_t made_ms = sl_uuid7_unix_ms(row->id);
    bool young = made_ms >= 0 && made_ms * SL_NS_PER_MS > v->before_ns;
    const struct sl_finding f = {.kind = "catalog",
                                 .bucket = row->bucket,
                                 .key = row->s3_key,
                                 .asset_id = row->id,
                                 .batch_id = row->batch_id,
                                 .message = "the catalog has a row that the ledger does not know",
                                 .repair = young ? "left alone until it is older than --grace"
                                                 : "sluice verify --repair removes the row",
                                 .fix = young ? NULL : remove_row};
    return sl_verify_report(v, &f, err);
}

/* Documents before this id (NULL: all that are left) have no row. */
static int skip_to(struct sl_verify *v, const char *id, struct sl_error *err)
{
    for (;;) {
        const char *want;
        struct json_object *d;
        int rc = sl_spool_peek(v->asset_ids, &want, &d, err);
        if (rc < 0 || !want || (id && strcmp(want, id) >= 0))
            return rc;
        rc = report_row(v, d, "the catalog has no row for this asset", err);
        if (rc == 0)
            rc = sl_spool_skip(v->asset_ids, err);
        if (rc < 0)
            return rc;
    }
}

static int check_row(void *data, const struct sl_catalog_asset *row, struct sl_error *err)
{
    struct sl_verify *v = data;
    const char *want, *only = v->options->dataset_id;
    struct json_object *d;
    int rc = skip_to(v, row->id, err);
    if (rc == 0)
        rc = sl_spool_peek(v->asset_ids, &want, &d, err);
    if (rc < 0)
        return rc;
    if (!want || strcmp(want, row->id) != 0)
        return only && !same(only, row->dataset_id) ? 0 : report_extra(v, row, err);
    const char *message = difference(row, d);
    rc = message ? report_row(v, d, message, err) : 0;
    return rc < 0 ? rc : sl_spool_skip(v->asset_ids, err);
}

int sl_verify_catalog(struct sl_verify *v, struct sl_error *err)
{
    int rc = sl_spool_begin(v->asset_ids, err);
    if (rc == 0)
        rc = sl_catalog_list_assets(v->engine->catalog, check_row, v, err);
    return rc < 0 ? rc : skip_to(v, NULL, err);
}
