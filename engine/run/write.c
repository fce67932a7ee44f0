/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs of a unit of vector data, written to its scratch folder from the session's last table. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "geo/sql.h"
#include "json/json.h"
#include "lake/features/features.h"
#include "lake/geoparquet/geoparquet.h"
#include "lake/geoparquet/partitions.h"
#include "lake/outputs.h"
#include "run/parts.h"
#include "run/thumbnail.h"

/* The order that the recipe's last transform is for, where the output has none of its own. */
static enum sl_row_order order_of(const struct sl_work *w, const struct sl_output_order *o)
{
    if (o->sort == SL_OUTPUT_SORT_HILBERT && w->table.geometry)
        return SL_ORDER_HILBERT;
    if (o->sort == SL_OUTPUT_SORT_COLUMNS)
        return SL_ORDER_NONE;
    for (size_t i = w->bound->recipe->n_steps; i-- > 0;)
        if (w->bound->steps[i].kind->class_ == SL_STEP_TRANSFORM)
            return w->bound->steps[i].kind->flags & SL_STEP_ORDERS ? SL_ORDER_TABLE : SL_ORDER_NONE;
    return SL_ORDER_NONE;
}

static const char *column_named(const struct sl_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (!strcmp(table->columns[i].name, name) && !table->columns[i].geometry)
            return table->columns[i].name;
    return NULL;
}

/* The rows by columns, ties by all others, so that there is one order only. */
static int sort_relation(struct sl_work *w, const struct sl_names *by, struct sl_relation *relation, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT * FROM (");
    sl_sql_text(&sql, relation->sql);
    sl_sql_text(&sql, ") ORDER BY ");
    for (size_t i = 0; i < by->n; i++) {
        if (!column_named(&w->table, by->items[i])) {
            sl_fail(err, SL_E_RECIPE_OPTION, "sort_by: there is no column \"%s\" after the steps", by->items[i]);
            return -SL_E_RECIPE_OPTION;
        }
        sl_sql_text(&sql, i ? ", " : "");
        sl_sql_ident(&sql, by->items[i]);
        sl_sql_text(&sql, " ASC NULLS LAST");
    }
    for (size_t i = 0; i < w->table.n_columns; i++) {
        sl_sql_text(&sql, ", ");
        sl_sql_ident(&sql, w->table.columns[i].name);
        sl_sql_text(&sql, " ASC NULLS LAST");
    }
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        relation->sql = sl_arena_strdup(w->arena, sql.buf.data);
    return rc;
}

static int may_go_on(void *data, struct sl_error *err)
{
    return sl_batch_mine(data, err);
}

static int write_in_parts(struct sl_batch *b, struct sl_work *w, struct sl_planned_asset *a, const struct sl_relation *relation,
                          const struct sl_geoparquet_options *options, int64_t *rows, struct sl_error *err)
{
    const struct sl_output_geoparquet *o = a->output->options;
    const struct sl_partitions how = {.by = (const char *const *)o->partition_by.items,
                                      .n_by = o->partition_by.n,
                                      .stem = sl_arena_printf(b->arena, "%s/out-%s", b->scratch, a->asset_id),
                                      .media_type = a->output->kind->media_type,
                                      .may_go_on = may_go_on,
                                      .data = b};
    struct sl_lake_parts parts;
    int rc = sl_partitions_write(relation, &w->table, w->crs, options, &how, b->arena, &parts, err);
    if (rc == 0)
        rc = sl_batch_set_parts(b, a, &parts, err);
    if (rc == 0)
        *rows = sl_lake_parts_rows(a->parts);
    return rc;
}

static int write_geoparquet(struct sl_batch *b, struct sl_work *w, struct sl_planned_asset *a,
                            const struct sl_relation *relation, int64_t *rows, struct sl_error *err)
{
    /* For a table the file is only the way there, in its default form. */
    static const struct sl_output_geoparquet plain = {.compression_level = 1, .row_group_rows = 122880, .covering = true};
    const struct sl_output_geoparquet *o = a->output->kind == &sl_output_iceberg ? &plain : a->output->options;
    const struct sl_geoparquet_options options = {.compression = sl_output_geoparquet_compression(o),
                                                  .compression_level = o->compression_level,
                                                  .row_group_rows = o->row_group_rows,
                                                  .covering = o->covering};
    struct sl_geoparquet_facts facts;
    if (o->partition_by.n)
        return write_in_parts(b, w, a, relation, &options, rows, err);
    int rc = sl_geoparquet_write(relation, &w->table, w->crs, &a->unit->geometry, &options, a->local_path, &facts, err);
    if (rc < 0)
        return rc;
    *rows = facts.rows;
    a->size_bytes = facts.size_bytes;
    memcpy(a->sha256_hex, facts.sha256_hex, sizeof a->sha256_hex);
    return 0;
}

static enum sl_features_format format_of(const struct sl_output_kind *kind)
{
    return kind == &sl_output_flatgeobuf   ? SL_FEATURES_FLATGEOBUF
           : kind == &sl_output_geopackage ? SL_FEATURES_GEOPACKAGE
           : kind == &sl_output_geojsonseq ? SL_FEATURES_GEOJSONSEQ
                                           : SL_FEATURES_CSV;
}

static int write_features(struct sl_work *w, struct sl_planned_asset *a, const struct sl_relation *relation, int64_t *rows,
                          struct sl_error *err)
{
    const struct sl_output_features *o = a->output->options;
    const struct sl_features_options options = {.format = format_of(a->output->kind),
                                                .layer = a->dataset_id,
                                                .spatial_index = o->spatial_index,
                                                .decimals = (int)o->decimals,
                                                .lines = !o->record_separator,
                                                .reproject = o->reproject,
                                                .geometry = (enum sl_features_geometry)o->geometry,
                                                .delimiter = sl_output_csv_delimiter(o),
                                                .header = o->header};
    struct sl_features_facts facts;
    int rc = sl_features_write(relation, &w->table, w->crs, &a->unit->geometry, &options, a->local_path, &facts, err);
    if (rc < 0)
        return rc;
    if (facts.reprojected) {
        struct sl_crs *lonlat = sl_arena_alloc(w->arena, sizeof *lonlat);
        rc = sl_crs_parse("OGC:CRS84", w->arena, lonlat, err);
        a->crs = lonlat;
    }
    *rows = facts.rows;
    a->size_bytes = facts.size_bytes;
    memcpy(a->sha256_hex, facts.sha256_hex, sizeof a->sha256_hex);
    return rc;
}

/* *canvas: see sl_batch_thumbnail_draw. */
static int write_one(struct sl_batch *b, struct sl_work *w, struct sl_planned_asset *a, struct sl_canvas **canvas,
                     struct sl_error *err)
{
    const struct sl_output_order *order = sl_output_order_of(a->output->kind, a->output->options);
    struct sl_relation relation;
    int64_t rows = 0;
    int rc = w->compute->ops->relation(w->session, &w->table, order_of(w, order), w->arena, &relation, err);
    if (rc == 0 && order->sort == SL_OUTPUT_SORT_COLUMNS)
        rc = sort_relation(w, &order->by, &relation, err);
    a->local_path = sl_arena_printf(w->arena, "%s/out-%s.%s", b->scratch, a->asset_id, a->output->kind->extension);
    if (rc < 0)
        return rc;
    sl_batch_thumbnail_draw(a->unit, a, relation.duck, canvas);
    rc = sl_output_is_geoparquet(a->output->kind) || a->output->kind == &sl_output_iceberg
             ? write_geoparquet(b, w, a, &relation, &rows, err)
             : write_features(w, a, &relation, &rows, err);
    sl_batch_thumbnail_drawn(relation.duck);
    if (rc < 0)
        return rc;
    if (rows != w->table.rows)
        return sl_fail(err, SL_E_ROWS_LOST, "%s: %" PRId64 " rows in the table, %" PRId64 " in the file",
                       a->dataset_id, w->table.rows, rows);
    return a->output->kind == &sl_output_iceberg ? sl_batch_append_table(b, a, rows, err) : 0;
}

/* The table's assets; *bytes grows by what they have. */
static int write_unit(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, int64_t *bytes, struct sl_error *err)
{
    SL_CLEANUP(sl_canvas_freep) struct sl_canvas *canvas = NULL;
    int rc = w->table.geometry ? w->compute->ops->geometry_facts(w->session, &w->table, w->crs, &unit->geometry, err) : 0;
    for (size_t k = 0; rc == 0 && k < unit->n_assets; k++) {
        struct sl_planned_asset *a = &unit->assets[k];
        if (!a->linked)
            rc = write_one(b, w, a, &canvas, err);
        *bytes += a->parts ? sl_lake_parts_bytes(a->parts) : a->size_bytes;
    }
    if (rc == 0 && unit->geometry.measured_count > 0)
        json_object_array_add(w->warnings,
                              json_object_new_string(sl_arena_printf(
                                  w->arena, "%" PRId64 " geometries had M values, which no output can hold",
                                  unit->geometry.measured_count)));
    if (rc == 0)
        rc = sl_batch_thumbnail_vector(b, unit, w, canvas, err);
    unit->table = w->table;
    unit->crs = w->crs;
    unit->rows_out = w->table.rows;
    return rc;
}

static int write_aside(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, int64_t *bytes, struct sl_error *err)
{
    struct sl_work aside = *w;
    aside.table = w->aside;
    unit->crs_source = unit->of->crs_source;
    if (aside.table.name)
        return write_unit(b, unit, &aside, bytes, err);
    sl_batch_no_assets(unit);
    return 0;
}

int sl_batch_write_vector(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(b, &stage, "write");
    stage.bytes = 0;
    int rc = write_unit(b, unit, w, &stage.bytes, err);
    if (rc == 0 && unit->aside)
        rc = write_aside(b, unit->aside, w, &stage.bytes, err);
    b->rows_out += w->table.rows;
    stage.rows = w->table.rows;
    return rc < 0 ? rc : sl_stage_end(b, &stage, err);
}
