/* SPDX-License-Identifier: Apache-2.0 */
/* A small PNG beside each asset, made of what was written. */
#include "run/thumbnail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/sha256.h"
#include "geo/duckdb/duck.h"
#include "geo/gdal/picture.h"
#include "geo/sql.h"
#include "json/json.h"
#include "lake/outputs.h"
#include "lake/thumbnail/canvas.h"

enum { SIDE = 256, ROWS_DRAWN_MAX = 250000 };

static bool wanted(const struct sl_planned_asset *a)
{
    return a->output->thumbnail && !a->linked && a->local_path;
}

/* The first asset that wants one; all outputs of a unit show the same. */
static struct sl_planned_asset *first_wanted(struct sl_unit *unit)
{
    for (size_t i = 0; i < unit->n_assets; i++)
        if (wanted(&unit->assets[i]))
            return &unit->assets[i];
    return NULL;
}

static int hash_file(const char *path, char hex[SL_SHA256_HEX_BYTES], int64_t *bytes, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf content;
    sl_buf_init(&content, 16 << 20);
    int rc = sl_file_read(path, &content, err);
    if (rc < 0)
        return rc;
    *bytes = (int64_t)content.len;
    sl_sha256_of(content.data, content.len, hex);
    return 0;
}

static int keep(struct sl_batch *b, struct sl_unit *unit, const struct sl_picture *picture, struct sl_error *err)
{
    const char *path = sl_arena_printf(b->arena, "%s/thumbnail-%s.png", b->scratch, first_wanted(unit)->asset_id);
    char hex[SL_SHA256_HEX_BYTES];
    int64_t bytes = 0;
    int rc = sl_picture_write_png(picture, path, err);
    rc = rc < 0 ? rc : hash_file(path, hex, &bytes, err);
    for (size_t i = 0; rc == 0 && i < unit->n_assets; i++) {
        struct sl_planned_asset *a = &unit->assets[i];
        if (!wanted(a))
            continue;
        a->thumbnail_path = path;
        a->thumbnail_bytes = bytes;
        memcpy(a->thumbnail_sha256, hex, sizeof hex);
    }
    return rc;
}

/* An asset without a picture is whole: only what may pass by itself (a full disk) is worth another attempt. */
static int settle(struct sl_batch *b, const struct sl_unit *unit, int rc, const struct sl_error *why, struct sl_error *err)
{
    if (rc == 0)
        return 0;
    if (sl_code_class(why->code) == SL_CLASS_TRANSIENT || sl_code_class(why->code) == SL_CLASS_REFUSED) {
        if (err)
            *err = *why;
        return rc;
    }
    json_object_array_add(b->warnings, json_object_new_string(sl_arena_printf(b->arena, "%s has no thumbnail: %s",
                                                                              unit->input->landing_key, why->message)));
    return 0;
}

/* ---- rasters ---- */

int sl_batch_thumbnail_raster(struct sl_batch *b, struct sl_unit *unit, struct sl_error *err)
{
    SL_CLEANUP(sl_raster_closep) struct sl_raster *written = NULL;
    struct sl_planned_asset *a = first_wanted(unit);
    struct sl_picture picture = {0};
    struct sl_error why = {0};
    if (!a)
        return 0;
    int rc = sl_raster_open(a->local_path, sl_format_by_name("GTiff"), NULL, &written, &why);
    rc = rc < 0 ? rc : sl_raster_picture(written, SIDE, &picture, &why);
    rc = rc < 0 ? rc : keep(b, unit, &picture, &why);
    free(picture.rgba);
    return settle(b, unit, rc, &why, err);
}

/* ---- vector data ---- */

struct drawing {
    struct sl_canvas *canvas;
    int64_t row, every;
    struct sl_batch *b;
};

static int draw_row(void *data, const struct sl_value *values, struct sl_error *err)
{
    struct drawing *d = data;
    if (d->row % ROWS_DRAWN_MAX == 0) {
        int rc = sl_batch_mine(d->b, err);
        if (rc < 0)
            return rc;
    }
    if (d->row++ % d->every == 0 && !values[0].null)
        sl_canvas_draw(d->canvas, values[0].bytes, values[0].n);
    return 0;
}

static int no_head(void *data, const struct sl_value_column *columns, size_t n, struct sl_error *err)
{
    (void)data, (void)columns;
    return n == 1 ? 0 : sl_fail(err, SL_E_INTERNAL, "a drawing takes one column, not %zu", n);
}

/* From the written file where DuckDB reads it, since the session's rows have a long way. */
static int query(struct sl_unit *unit, struct sl_work *w, struct sl_relation *relation, struct sl_sql *sql,
                 struct sl_error *err)
{
    const struct sl_planned_asset *parquet = NULL;
    for (size_t i = 0; i < unit->n_assets; i++)
        if (unit->assets[i].local_path && !unit->assets[i].parts && unit->assets[i].output->kind == &sl_output_geoparquet)
            parquet = &unit->assets[i];
    int rc = w->compute->ops->relation(w->session, &w->table, SL_ORDER_HILBERT, w->arena, relation, err);
    if (rc < 0)
        return rc;
    sl_sql_text(sql, parquet ? "SELECT ST_AsWKB(" : "SELECT ");
    sl_sql_ident(sql, w->table.geometry);
    sl_sql_text(sql, parquet ? ") AS g FROM read_parquet(" : " AS g FROM (");
    if (parquet)
        sl_sql_literal(sql, parquet->local_path);
    else
        sl_sql_text(sql, relation->sql);
    sl_sql_text(sql, ")");
    return sl_sql_check(sql, err);
}

static int draw(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_picture *out, struct sl_error *err)
{
    SL_CLEANUP(sl_canvas_freep) struct sl_canvas *canvas = sl_canvas_new(unit->geometry.bounds, SIDE);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_relation relation;
    int64_t rows = 0;
    /* Of very many rows each k-th: what is left out is smaller than a pixel of a picture so full. */
    struct drawing d = {.canvas = canvas, .every = (w->table.rows + ROWS_DRAWN_MAX - 1) / ROWS_DRAWN_MAX, .b = b};
    const struct sl_rows_sink sink = {.begin = no_head, .row = draw_row, .data = &d};
    d.every = d.every > 0 ? d.every : 1;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = query(unit, w, &relation, &sql, err);
    rc = rc < 0 ? rc : sl_duck_rows(relation.duck, sql.buf.data, &sink, &rows, err);
    if (rc == 0)
        sl_canvas_picture(canvas, out);
    return rc;
}

static void draw_written(void *data, const struct sl_wkb_box *box, const void *wkb, size_t bytes)
{
    sl_canvas_draw_within(data, box, wkb, bytes);
}

void sl_batch_thumbnail_draw(const struct sl_unit *unit, const struct sl_planned_asset *a, struct sl_duck *duck,
                             struct sl_canvas **canvas)
{
    const struct sl_output_geoparquet *o = a->output->options;
    bool any = false;
    for (size_t i = 0; i < unit->n_assets; i++)
        any = any || (unit->assets[i].output->thumbnail && !unit->assets[i].linked);
    if (*canvas || !any || !unit->geometry.any || a->output->kind != &sl_output_geoparquet || !o->covering || o->partition_by.n)
        return;
    *canvas = sl_canvas_new(unit->geometry.bounds, SIDE);
    sl_duck_watch_boxes(duck, draw_written, *canvas);
}

void sl_batch_thumbnail_drawn(struct sl_duck *duck)
{
    sl_duck_watch_boxes(duck, NULL, NULL);
}

int sl_batch_thumbnail_vector(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, const struct sl_canvas *drawn,
                              struct sl_error *err)
{
    struct sl_picture picture = {0};
    struct sl_error why = {0};
    int rc = 0;
    if (!first_wanted(unit) || !unit->geometry.any)
        return 0;
    if (drawn && !sl_canvas_is_full(drawn))
        sl_canvas_picture(drawn, &picture);
    else
        rc = draw(b, unit, w, &picture, &why);
    rc = rc < 0 ? rc : keep(b, unit, &picture, &why);
    free(picture.rgba);
    return settle(b, unit, rc, &why, err);
}
