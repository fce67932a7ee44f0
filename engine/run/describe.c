/* SPDX-License-Identifier: Apache-2.0 */
/* The documents about an asset: the ledger's, and what lies beside the object for others to read. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "json/json.h"
#include "lake/facts.h"
#include "lake/iso.h"
#include "lake/lake.h"
#include "lake/outputs.h"
#include "lake/stac.h"
#include "run/batch.h"
#include "run/parts.h"

static struct json_object *bounds_json(const struct sl_unit *u)
{
    struct json_object *list = json_object_new_array();
    const double *b = u->raster ? (u->has_raster_bounds ? u->raster_bounds_wgs84 : NULL)
                                : (u->geometry.any ? u->geometry.bounds_wgs84 : NULL);
    for (int i = 0; b && i < 4; i++)
        json_object_array_add(list, sl_lake_number(b[i]));
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

static const char *source_name(const struct sl_unit *u, const char *column)
{
    for (size_t i = 0; i < u->n_renamed; i++)
        if (!strcmp(u->renamed[i].name, column))
            return u->renamed[i].source_name;
    return NULL;
}

static struct json_object *columns_json(const struct sl_unit *u)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < u->table.n_columns; i++) {
        const struct sl_column *c = &u->table.columns[i];
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "name", c->name);
        sl_json_put_str(o, "type", c->type);
        if (source_name(u, c->name))
            sl_json_put_str(o, "source_name", source_name(u, c->name));
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
            sl_json_put(o, "nodata", sl_lake_number(r->bands[i].nodata));
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *asset_inputs_json(const struct sl_batch *b, const struct sl_unit *u)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < b->n_inputs; i++) {
        const struct sl_input *in = &b->inputs[i];
        if (!sl_unit_reads(u, in->file))
            continue;
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "raw_file_id", in->raw_id);
        sl_json_put_str(o, "raw_key", in->raw_key);
        sl_json_put_str(o, "content_hash", in->content_hash);
        sl_json_put_int(o, "size_bytes", in->size_bytes);
        sl_json_put_str(o, "landing_path", in->landing_key);
        sl_json_put_str(o, "role", in->role);
        if (in->file->role)
            sl_json_put_str(o, "file_role", in->file->role);
        if (in->rows >= 0)
            sl_json_put_int(o, "rows", in->rows);
        json_object_array_add(list, o);
    }
    return list;
}

static const struct sl_crs *crs_of(const struct sl_planned_asset *a)
{
    return a->crs ? a->crs : a->unit->crs;
}

/* An output that takes both is a table's where the recipe is. */
static const char *kind_of(const struct sl_batch *b, const struct sl_planned_asset *a)
{
    return a->output->kind->tables && sl_recipe_is_table(b->bound.recipe) ? "table" : a->output->kind->asset_kind;
}

/* The dataset is all its versions together: a source says so of its batches, an output that would append to a table does so. */
static bool is_appended(const struct sl_batch *b, const struct sl_planned_asset *a)
{
    return !a->unit->of && (a->output->kind == &sl_output_iceberg || sl_json_bool(b->manifest.metadata, "append", false));
}

static struct json_object *metadata_json(const struct sl_batch *b, const struct sl_planned_asset *a)
{
    const struct sl_unit *u = a->unit;
    struct json_object *m = json_object_new_object();
    sl_json_put(m, "user", b->manifest.metadata ? json_object_get(b->manifest.metadata) : json_object_new_object());
    if (crs_of(a)) {
        sl_json_put_str(m, "crs_name", crs_of(a)->name);
        sl_json_put_str(m, "crs_source", u->crs_source);
    }
    if (u->crs && u->crs->confidence && crs_of(a) == u->crs)
        sl_json_put_int(m, "crs_confidence", u->crs->confidence);
    if (u->layer)
        sl_json_put_str(m, "layer", u->layer);
    if (is_appended(b, a))
        sl_json_put(m, "append", json_object_new_boolean(true));
    if (u->of) {
        sl_json_put_str(m, "quarantine_of", u->of->assets[0].dataset_id);
        sl_json_put(m, "reasons", json_object_get(u->reasons));
    }
    if (a->table)
        sl_json_put(m, "iceberg", json_object_get(a->table));
    if (u->raster) {
        sl_json_put_int(m, "width", u->raster->width);
        sl_json_put_int(m, "height", u->raster->height);
        sl_json_put(m, "bands", bands_json(a->raster ? a->raster : u->raster));
    }
    return m;
}

static void fill_inputs(const struct sl_batch *b, const struct sl_unit *u, struct sl_lake_facts *facts)
{
    struct sl_lake_input *inputs = sl_arena_array(b->arena, b->n_inputs + b->n_datasets, sizeof *inputs);
    for (size_t i = 0; i < b->n_inputs; i++)
        if (sl_unit_reads(u, b->inputs[i].file))
            inputs[facts->n_inputs++] = (struct sl_lake_input){
                .raw_key = b->inputs[i].raw_key,
                .content_hash = b->inputs[i].content_hash,
                .landing_path = b->inputs[i].landing_key};
    for (size_t i = 0; i < b->n_datasets; i++)
        inputs[facts->n_inputs++] = (struct sl_lake_input){.lake_key = sl_json_str(b->datasets[i].asset, "s3_key", NULL),
                                                           .content_hash = sl_json_str(b->datasets[i].asset, "content_hash", NULL)};
    facts->inputs = inputs;
}

static void fill_software(const struct sl_batch *b, struct sl_lake_facts *facts)
{
    struct sl_lake_software *software =
        sl_arena_array(b->arena, (size_t)json_object_object_length(b->versions), sizeof *software);
    json_object_object_foreach(b->versions, name, version)
        software[facts->n_software++] = (struct sl_lake_software){name, json_object_get_string(version)};
    facts->software = software;
}

static void fill_place(const struct sl_planned_asset *a, struct sl_lake_facts *facts)
{
    const struct sl_unit *u = a->unit;
    facts->crs = crs_of(a);
    facts->has_bounds = u->raster ? u->has_raster_bounds : u->geometry.any;
    const double *own = u->raster ? u->raster->bounds : u->geometry.bounds;
    const double *wgs84 = u->raster ? u->raster_bounds_wgs84 : u->geometry.bounds_wgs84;
    if (a->crs)
        own = wgs84;
    if (facts->has_bounds) {
        memcpy(facts->bounds, own, sizeof facts->bounds);
        memcpy(facts->bounds_wgs84, wgs84, sizeof facts->bounds_wgs84);
    }
    facts->raster = a->raster ? a->raster : u->raster;
    facts->row_count = u->raster ? -1 : u->rows_out;
    facts->geometry_types = u->raster ? NULL : u->geometry.types;
    facts->columns = u->table.columns;
    facts->n_columns = u->table.n_columns;
}

static const char *text_of(struct sl_arena *arena, struct json_object *document)
{
    const char *text = sl_lake_document_text(document, arena);
    json_object_put(document);
    return text;
}

/* NULL for a time beyond what is written with four digits. */
static const char *time_text(struct sl_arena *arena, bool known, int64_t s)
{
    struct tm tm;
    time_t t = (time_t)s;
    char text[SL_ISO8601_BYTES];
    bool fits = known && gmtime_r(&t, &tm) && tm.tm_year >= -1900 && tm.tm_year < 8100 &&
                strftime(text, sizeof text, "-%m-%dT%H:%M:%SZ", &tm);
    return fits ? sl_arena_printf(arena, "%04d%s", tm.tm_year + 1900, text) : NULL;
}

/* Of fields, when they are for. */
static void fill_times(const struct sl_batch *b, const struct sl_unit *u, struct sl_lake_facts *facts)
{
    facts->time_from = time_text(b->arena, u->has_time, u->time_from_s);
    facts->time_to = time_text(b->arena, u->has_time, u->time_to_s);
    if (!facts->time_from || !facts->time_to)
        facts->time_from = facts->time_to = NULL;
}

/* The two documents from one set of facts. */
static void write_documents(struct sl_batch *b, struct sl_planned_asset *a)
{
    struct json_object *user = b->manifest.metadata;
    const struct sl_unit *of = a->unit->of;
    struct sl_lake_facts facts = {
        .asset_id = a->asset_id,
        .dataset_id = a->dataset_id,
        .version = a->version,
        .title = user && !of ? sl_json_str(user, "title", NULL) : NULL,
        .description = of     ? sl_arena_printf(b->arena, "Rows of %s that broke rules of recipe %s, with the reasons.",
                                                of->assets[0].dataset_id, b->bound.recipe->name)
                       : user ? sl_json_str(user, "description", NULL)
                              : NULL,
        .license = user ? sl_json_str(user, "license", NULL) : NULL,
        .project = user ? sl_json_str(user, "project", NULL) : NULL,
        .uploader = b->manifest.uploader,
        .kind = kind_of(b, a),
        .created_at = sl_json_str(a->doc, "created_at", NULL),
        .href = sl_arena_printf(b->arena, "%s.%s", a->dataset_id, sl_planned_suffix(a)),
        .metadata_href = sl_arena_printf(b->arena, "%s.iso19115.json", a->dataset_id),
        .thumbnail_href = a->thumbnail_path ? sl_arena_printf(b->arena, "%s.thumbnail.png", a->dataset_id) : NULL,
        .media_type = sl_planned_media_type(a),
        .size_bytes = a->size_bytes,
        .sha256_hex = a->sha256_hex,
        .batch_id = b->lease.batch_id,
        .run_id = b->run_id,
        .recipe_name = b->bound.recipe->name,
        .recipe_version = b->bound.recipe->version,
        .recipe_hash = b->bound.recipe->hash,
    };
    fill_place(a, &facts);
    fill_times(b, a->unit, &facts);
    fill_inputs(b, a->unit, &facts);
    fill_software(b, &facts);
    struct json_object *stac = sl_stac_item(&facts), *iso = sl_iso_metadata(&facts);
    sl_json_put(a->doc, "stac", json_object_get(stac));
    sl_json_put(a->doc, "iso19115", json_object_get(iso));
    a->stac_text = text_of(b->arena, stac);
    a->iso_text = text_of(b->arena, iso);
}

void sl_batch_describe_asset(struct sl_batch *b, struct sl_planned_asset *a)
{
    char at[SL_ISO8601_BYTES];
    const struct sl_unit *u = a->unit;
    struct json_object *d = json_object_new_object();
    sl_json_put_str(d, "_id", a->asset_id);
    sl_json_put_str(d, "dataset_id", a->dataset_id);
    sl_json_put_int(d, "version", a->version);
    sl_json_put_str(d, "batch_id", b->lease.batch_id);
    sl_json_put_str(d, "run_id", b->run_id);
    sl_json_put_str(d, "kind", kind_of(b, a));
    sl_json_put_str(d, "bucket", b->engine->config->lake_bucket);
    sl_json_put_str(d, "s3_key", a->key);
    sl_json_put_str(d, "media_type", sl_planned_media_type(a));
    sl_json_put_int(d, "size_bytes", a->size_bytes);
    sl_json_put_str(d, "content_hash", sl_arena_printf(b->arena, "sha256:%s", a->sha256_hex));
    sl_json_put_str(d, "fingerprint", a->fingerprint);
    const struct sl_crs *crs = crs_of(a);
    sl_json_put_str(d, "crs", !crs ? NULL : crs->id ? crs->id : crs->name);
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
    if (b->n_datasets)
        sl_json_put(d, "datasets", sl_batch_datasets_json(b));
    sl_json_put(d, "metadata", metadata_json(b, a));
    if (a->parts)
        sl_json_put(d, "parts", sl_lake_parts_summary(a->parts));
    sl_json_put(d, "documents", json_object_new_array());
    /* To the millisecond, as every ledger keeps it: the catalog says the same. */
    sl_json_put_str(d, "created_at", sl_clock_iso8601(at, sl_clock_wall_ns() / SL_NS_PER_MS * SL_NS_PER_MS));
    a->doc = d;
    write_documents(b, a);
}
