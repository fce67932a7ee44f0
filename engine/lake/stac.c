/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/stac.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static void put_known(struct json_object *obj, const char *key, const char *value)
{
    if (value)
        sl_json_put_str(obj, key, value);
}

/* ---- geometry ---- */

static struct json_object *ring(double x0, double y0, double x1, double y1)
{
    const double corners[5][2] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}};
    struct json_object *points = json_object_new_array(), *polygon = json_object_new_array();
    for (size_t i = 0; i < 5; i++)
        json_object_array_add(points, sl_lake_numbers(corners[i], 2));
    json_object_array_add(polygon, points);
    return polygon;
}

static struct json_object *geometry(const double b[4])
{
    struct json_object *out = json_object_new_object(), *parts;
    if (b[0] <= b[2]) {
        sl_json_put_str(out, "type", "Polygon");
        parts = ring(b[0], b[1], b[2], b[3]);
    } else {
        sl_json_put_str(out, "type", "MultiPolygon");
        parts = json_object_new_array();
        json_object_array_add(parts, ring(b[0], b[1], 180, b[3]));
        json_object_array_add(parts, ring(-180, b[1], b[2], b[3]));
    }
    sl_json_put(out, "coordinates", parts);
    return out;
}

/* ---- extensions ---- */

static void put_projection(struct json_object *p, const struct sl_lake_facts *f)
{
    const char *id = f->crs->id;
    char *end = NULL;
    long epsg = id && !strncmp(id, "EPSG:", 5) ? strtol(id + 5, &end, 10) : 0;
    sl_json_put(p, "proj:epsg", end && !*end ? json_object_new_int64(epsg) : NULL);
    sl_json_put(p, "proj:projjson", json_tokener_parse(f->crs->projjson));
    if (f->has_bounds)
        sl_json_put(p, "proj:bbox", sl_lake_numbers(f->bounds, 4));
    if (!f->raster)
        return;
    struct json_object *shape = json_object_new_array();
    json_object_array_add(shape, json_object_new_int64(f->raster->height));
    json_object_array_add(shape, json_object_new_int64(f->raster->width));
    sl_json_put(p, "proj:shape", shape);
    if (f->raster->has_transform) {
        const double *t = f->raster->transform; /* STAC has the affine matrix row by row, GDAL the offsets first */
        const double rows[6] = {t[1], t[2], t[0], t[4], t[5], t[3]};
        sl_json_put(p, "proj:transform", sl_lake_numbers(rows, 6));
    }
}

static void put_table(struct json_object *p, const struct sl_lake_facts *f)
{
    struct json_object *columns = json_object_new_array();
    for (size_t i = 0; i < f->n_columns; i++) {
        struct json_object *column = json_object_new_object();
        sl_json_put_str(column, "name", f->columns[i].name);
        put_known(column, "type", f->columns[i].type);
        json_object_array_add(columns, column);
        if (f->columns[i].geometry)
            sl_json_put_str(p, "table:primary_geometry", f->columns[i].name);
    }
    sl_json_put(p, "table:columns", columns);
    if (f->row_count >= 0)
        sl_json_put_int(p, "table:row_count", f->row_count);
}

static const char *raster_type(const char *gdal)
{
    static const char *const names[][2] = {
        {"Byte", "uint8"},     {"Int8", "int8"},       {"UInt16", "uint16"},   {"Int16", "int16"},
        {"UInt32", "uint32"},  {"Int32", "int32"},     {"UInt64", "uint64"},   {"Int64", "int64"},
        {"Float32", "float32"}, {"Float64", "float64"}, {"CInt16", "cint16"},   {"CInt32", "cint32"},
        {"CFloat32", "cfloat32"}, {"CFloat64", "cfloat64"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i][0], gdal))
            return names[i][1];
    return "other";
}

static struct json_object *raster_bands(const struct sl_raster_info *raster)
{
    struct json_object *bands = json_object_new_array();
    for (size_t i = 0; i < raster->n_bands; i++) {
        const struct sl_raster_band *b = &raster->bands[i];
        struct json_object *band = json_object_new_object();
        sl_json_put_str(band, "data_type", raster_type(b->data_type));
        if (b->has_nodata && isfinite(b->nodata))
            sl_json_put(band, "nodata", sl_lake_number(b->nodata));
        else if (b->has_nodata)
            sl_json_put_str(band, "nodata", isnan(b->nodata) ? "nan" : b->nodata > 0 ? "inf" : "-inf");
        if (b->has_statistics) {
            struct json_object *s = json_object_new_object();
            sl_json_put(s, "minimum", sl_lake_number(b->minimum));
            sl_json_put(s, "maximum", sl_lake_number(b->maximum));
            sl_json_put(s, "mean", sl_lake_number(b->mean));
            sl_json_put(s, "stddev", sl_lake_number(b->stddev));
            sl_json_put(band, "statistics", s);
        }
        json_object_array_add(bands, band);
    }
    return bands;
}

/* ---- provenance ---- */

static void put_provenance(struct json_object *p, const struct sl_lake_facts *f)
{
    sl_json_put_str(p, "sluice:dataset_id", f->dataset_id);
    put_known(p, "sluice:asset_id", f->asset_id);
    put_known(p, "sluice:batch_id", f->batch_id);
    put_known(p, "sluice:run_id", f->run_id);
    put_known(p, "sluice:project", f->project);
    put_known(p, "sluice:uploader", f->uploader);
    put_known(p, "sluice:crs", f->crs ? f->crs->id : NULL);
    put_known(p, "sluice:geometry_types", f->geometry_types);
    if (f->recipe_name) {
        struct json_object *recipe = json_object_new_object();
        sl_json_put_str(recipe, "name", f->recipe_name);
        sl_json_put_int(recipe, "version", f->recipe_version);
        put_known(recipe, "hash", f->recipe_hash);
        sl_json_put(p, "sluice:recipe", recipe);
    }
    struct json_object *inputs = json_object_new_array(), *software = json_object_new_object();
    for (size_t i = 0; i < f->n_inputs; i++) {
        struct json_object *input = json_object_new_object();
        put_known(input, "raw_key", f->inputs[i].raw_key);
        put_known(input, "content_hash", f->inputs[i].content_hash);
        put_known(input, "landing_path", f->inputs[i].landing_path);
        put_known(input, "lake_key", f->inputs[i].lake_key);
        json_object_array_add(inputs, input);
    }
    for (size_t i = 0; i < f->n_software; i++)
        put_known(software, f->software[i].name, f->software[i].version);
    sl_json_put(p, "sluice:inputs", inputs);
    sl_json_put(p, "sluice:software", software);
}

static struct json_object *properties(const struct sl_lake_facts *f)
{
    struct json_object *p = json_object_new_object();
    char version[24];
    snprintf(version, sizeof version, "%lld", (long long)f->version);
    bool range = f->time_from && strcmp(f->time_from, f->time_to) != 0;
    sl_json_put_str(p, "datetime", range ? NULL : f->time_from ? f->time_from : f->created_at);
    if (range) {
        sl_json_put_str(p, "start_datetime", f->time_from);
        sl_json_put_str(p, "end_datetime", f->time_to);
    }
    sl_json_put_str(p, "created", f->created_at);
    sl_json_put_str(p, "title", f->title ? f->title : f->dataset_id);
    put_known(p, "description", f->description && *f->description ? f->description : NULL);
    put_known(p, "license", f->license);
    sl_json_put_str(p, "version", version);
    if (f->crs)
        put_projection(p, f);
    if (f->n_columns > 0)
        put_table(p, f);
    put_provenance(p, f);
    return p;
}

/* ---- assets ---- */

static struct json_object *roles(const char *role)
{
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, json_object_new_string(role));
    return list;
}

static struct json_object *assets(const struct sl_lake_facts *f)
{
    struct json_object *all = json_object_new_object(), *data = json_object_new_object();
    char multihash[4 + 65];
    sl_json_put_str(data, "href", f->href);
    put_known(data, "type", f->media_type);
    sl_json_put(data, "roles", roles("data"));
    sl_json_put_int(data, "file:size", f->size_bytes);
    /* A multihash: 0x12 is SHA-256, 0x20 its length. */
    snprintf(multihash, sizeof multihash, "1220%.64s", f->sha256_hex);
    sl_json_put_str(data, "file:checksum", multihash);
    if (f->raster)
        sl_json_put(data, "raster:bands", raster_bands(f->raster));
    sl_json_put(all, "data", data);
    if (f->metadata_href) {
        struct json_object *metadata = json_object_new_object();
        sl_json_put_str(metadata, "href", f->metadata_href);
        sl_json_put_str(metadata, "type", "application/json");
        sl_json_put_str(metadata, "title", "ISO 19115 metadata");
        sl_json_put(metadata, "roles", roles("metadata"));
        sl_json_put(all, "metadata", metadata);
    }
    if (f->thumbnail_href) {
        struct json_object *thumbnail = json_object_new_object();
        sl_json_put_str(thumbnail, "href", f->thumbnail_href);
        sl_json_put_str(thumbnail, "type", "image/png");
        sl_json_put_str(thumbnail, "title", "Thumbnail");
        sl_json_put(thumbnail, "roles", roles("thumbnail"));
        sl_json_put(all, "thumbnail", thumbnail);
    }
    return all;
}

static struct json_object *extensions(const struct sl_lake_facts *f)
{
    struct json_object *list = json_object_new_array();
    const struct {
        bool used;
        const char *schema;
    } all[] = {
        {true, "https://stac-extensions.github.io/file/v2.1.0/schema.json"},
        {true, "https://stac-extensions.github.io/version/v1.2.0/schema.json"},
        {f->crs != NULL, "https://stac-extensions.github.io/projection/v1.1.0/schema.json"},
        {f->n_columns > 0, "https://stac-extensions.github.io/table/v1.2.0/schema.json"},
        {f->raster != NULL, "https://stac-extensions.github.io/raster/v1.1.0/schema.json"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].used)
            json_object_array_add(list, json_object_new_string(all[i].schema));
    return list;
}

struct json_object *sl_stac_item(const struct sl_lake_facts *facts)
{
    struct json_object *item = json_object_new_object();
    char version[24];
    snprintf(version, sizeof version, "-v%lld", (long long)facts->version);
    struct sl_buf id;
    sl_buf_init(&id, 4096);
    sl_buf_puts(&id, facts->dataset_id);
    sl_buf_puts(&id, version);
    sl_json_put_str(item, "type", "Feature");
    sl_json_put_str(item, "stac_version", "1.0.0");
    sl_json_put(item, "stac_extensions", extensions(facts));
    sl_json_put_str(item, "id", id.data);
    sl_buf_free(&id);
    sl_json_put(item, "geometry", facts->has_bounds ? geometry(facts->bounds_wgs84) : NULL);
    if (facts->has_bounds)
        sl_json_put(item, "bbox", sl_lake_numbers(facts->bounds_wgs84, 4));
    sl_json_put(item, "properties", properties(facts));
    sl_json_put(item, "links", json_object_new_array());
    sl_json_put(item, "assets", assets(facts));
    return item;
}
