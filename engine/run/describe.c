/* SPDX-License-Identifier: Apache-2.0 */
/* The documents about an asset: the ledger's, and what lies beside the object for others to read. */
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "run/batch.h"

static struct json_object *bounds_json(const struct sl_unit *u)
{
    struct json_object *list = json_object_new_array();
    const double *b = u->raster ? (u->has_raster_bounds ? u->raster_bounds_wgs84 : NULL)
                                : (u->geometry.any ? u->geometry.bounds_wgs84 : NULL);
    for (int i = 0; b && i < 4; i++)
        json_object_array_add(list, json_object_new_double(b[i]));
    return list;
}

static struct json_object *geometry_types_json(const struct sl_batch *b, const struct sl_unit *u)
{
    struct json_object *list = json_object_new_array();
    char *types = sl_arena_strdup(b->arena, u->geometry.types), *save = NULL;
    for (char *t = strtok_r(types, ",", &save); t; t = strtok_r(NULL, ",", &save))
        json_object_array_add(list, json_object_new_string(t));
    return list;
}

static struct json_object *columns_json(const struct sl_unit *u)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < u->table.n_columns; i++) {
        const struct sl_column *c = &u->table.columns[i];
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "name", c->name);
        sl_json_put_str(o, "type", c->type);
        if (c->source_name)
            sl_json_put_str(o, "source_name", c->source_name);
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *bands_json(const struct sl_raster_info *r)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < r->n_bands; i++) {
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "data_type", r->bands[i].data_type);
        sl_json_put_str(o, "color_interpretation", r->bands[i].color_interpretation);
        if (r->bands[i].description && *r->bands[i].description)
            sl_json_put_str(o, "description", r->bands[i].description);
        if (r->bands[i].has_nodata)
            sl_json_put(o, "nodata", json_object_new_double(r->bands[i].nodata));
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *asset_inputs_json(const struct sl_batch *b, const struct sl_unit *u)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < b->n_inputs; i++) {
        const struct sl_input *in = &b->inputs[i];
        if (in->file != u->input->file)
            continue;
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "raw_file_id", in->raw_id);
        sl_json_put_str(o, "raw_key", in->raw_key);
        sl_json_put_str(o, "content_hash", in->content_hash);
        sl_json_put_int(o, "size_bytes", in->size_bytes);
        sl_json_put_str(o, "landing_path", in->landing_key);
        sl_json_put_str(o, "role", in->role);
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *metadata_json(const struct sl_batch *b, const struct sl_planned_asset *a)
{
    const struct sl_unit *u = a->unit;
    struct json_object *m = json_object_new_object();
    sl_json_put(m, "user", b->manifest.metadata ? json_object_get(b->manifest.metadata) : json_object_new_object());
    sl_json_put_str(m, "crs_name", u->crs->name);
    sl_json_put_str(m, "crs_source", u->crs_source);
    if (u->layer)
        sl_json_put_str(m, "layer", u->layer);
    if (u->raster) {
        sl_json_put_int(m, "width", u->raster->width);
        sl_json_put_int(m, "height", u->raster->height);
        sl_json_put(m, "bands", bands_json(u->raster));
    }
    return m;
}

int sl_batch_describe_asset(struct sl_batch *b, struct sl_planned_asset *a, struct sl_error *err)
{
    char at[SL_ISO8601_BYTES];
    const struct sl_unit *u = a->unit;
    struct json_object *d = json_object_new_object();
    sl_json_put_str(d, "_id", a->asset_id);
    sl_json_put_str(d, "dataset_id", a->dataset_id);
    sl_json_put_int(d, "version", a->version);
    sl_json_put_str(d, "batch_id", b->lease.batch_id);
    sl_json_put_str(d, "run_id", b->run_id);
    sl_json_put_str(d, "kind", a->output->kind->asset_kind);
    sl_json_put_str(d, "bucket", b->engine->config->lake_bucket);
    sl_json_put_str(d, "s3_key", a->key);
    sl_json_put_str(d, "media_type", a->output->kind->media_type);
    sl_json_put_int(d, "size_bytes", a->size_bytes);
    sl_json_put_str(d, "content_hash", sl_arena_printf(b->arena, "sha256:%s", a->sha256_hex));
    sl_json_put_str(d, "fingerprint", a->fingerprint);
    sl_json_put_str(d, "crs", u->crs->id ? u->crs->id : u->crs->name);
    sl_json_put(d, "bounds", bounds_json(u));
    if (u->raster) {
        sl_json_put(d, "row_count", NULL);
        sl_json_put(d, "geometry_types", json_object_new_array());
        sl_json_put(d, "columns", json_object_new_array());
    } else {
        sl_json_put_int(d, "row_count", u->rows_out);
        sl_json_put(d, "geometry_types", geometry_types_json(b, u));
        sl_json_put(d, "columns", columns_json(u));
    }
    sl_json_put(d, "inputs", asset_inputs_json(b, u));
    sl_json_put(d, "metadata", metadata_json(b, a));
    sl_json_put(d, "documents", json_object_new_array());
    sl_json_put_str(d, "created_at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    a->doc = d;
    (void)err;
    return 0;
}
