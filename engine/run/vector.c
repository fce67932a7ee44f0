/* SPDX-License-Identifier: Apache-2.0 */
/* Compute for vector data: load, steps, checks, write; the geometry contract and the count of rows around each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "geo/sql.h"
#include "json/json.h"
#include "lake/features/features.h"
#include "lake/geoparquet/geoparquet.h"
#include "lake/outputs.h"
#include "run/batch.h"
#include "step/step.h"

/* The work on one unit: the session and the table it is at. */
struct work {
    struct sl_batch *b;
    struct sl_unit *unit;
    struct sl_compute *compute;
    struct sl_compute_session *session;
    struct sl_table table; /* the current one */
    const struct sl_crs *crs;
};

static int srid_of(void *data, const char *text, struct sl_error *err)
{
    struct work *w = data;
    struct sl_crs crs;
    int srid = -1;
    int rc = sl_crs_parse(text, w->b->arena, &crs, err);
    if (rc == 0)
        rc = w->compute->ops->srid(w->compute, &crs, &srid, err);
    return rc < 0 ? rc : srid;
}

static struct sl_step_context context_of(struct work *w)
{
    return (struct sl_step_context){.input = &w->table,
                                    .geometry = w->b->bound.recipe->geometry_column,
                                    .crs = w->crs,
                                    .arena = w->b->arena,
                                    .srid = srid_of,
                                    .srid_data = w};
}

/* Exactly one geometry column, of the agreed name. `after` names the step that made the table. */
static int check_contract(const struct work *w, const char *after, struct sl_error *err)
{
    const char *want = w->b->bound.recipe->geometry_column;
    size_t n = 0;
    for (size_t i = 0; i < w->table.n_columns; i++)
        n += w->table.columns[i].geometry;
    if (n == 1 && w->table.geometry && !strcmp(w->table.geometry, want))
        return 0;
    if (n == 1)
        sl_fail(err, SL_E_GEOMETRY_CONTRACT, "after %s the geometry column is named \"%s\", not \"%s\"", after,
                w->table.geometry ? w->table.geometry : "", want);
    else
        sl_fail(err, SL_E_GEOMETRY_CONTRACT, "after %s there are %zu geometry columns, not one named \"%s\"", after, n,
                want);
    sl_error_hint(err, "keep exactly one geometry column and name it %s", want);
    return -SL_E_GEOMETRY_CONTRACT;
}

static int look_at(struct work *w, const char *table, const char *after, bool count, struct sl_error *err)
{
    struct sl_table found = {0};
    int rc = w->compute->ops->describe(w->session, table, count, w->b->arena, &found, err);
    if (rc < 0)
        return rc;
    w->table = found;
    return check_contract(w, after, err);
}

/* A table tells its SRID by its first geometry; one without any is in the system that it would be in. */
static int srid_without_geometry(struct work *w, int expected, struct sl_error *err)
{
    struct sl_sql sql;
    int64_t any = 0;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    sl_sql_text(&sql, "SELECT count(*) FROM (SELECT 1 FROM ");
    sl_sql_table(&sql, w->table.schema, w->table.name);
    sl_sql_text(&sql, " WHERE ");
    sl_sql_ident(&sql, w->table.geometry);
    sl_sql_text(&sql, " IS NOT NULL LIMIT 1) AS t");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = w->compute->ops->query_int(w->session, sql.buf.data, &any, err);
    sl_sql_free(&sql);
    if (rc == 0 && any == 0)
        w->table.srid = expected;
    return rc;
}

/* A step of the author's own SQL may have moved the geometry into another system: the SRID says which. */
static int follow_crs(struct work *w, const char *after, struct sl_error *err)
{
    int expected = -1;
    int rc = w->compute->ops->srid(w->compute, w->crs, &expected, err);
    if (rc == 0 && w->table.srid == 0)
        rc = srid_without_geometry(w, expected, err);
    if (rc < 0 || expected == w->table.srid)
        return rc;
    struct sl_crs *crs = sl_arena_alloc(w->b->arena, sizeof *crs);
    struct sl_error why = {0};
    if (w->table.srid > 0 &&
        sl_crs_parse(sl_arena_printf(w->b->arena, "EPSG:%d", w->table.srid), w->b->arena, crs, &why) == 0) {
        w->crs = crs;
        return 0;
    }
    sl_fail(err, SL_E_GEOMETRY_CONTRACT, "after %s the geometry has SRID %d, which is no known system", after,
            w->table.srid);
    sl_error_hint(err, "let the query keep the SRID, or set one with ST_SetSRID");
    return -SL_E_GEOMETRY_CONTRACT;
}

static void count_difference(struct work *w, const struct sl_step_kind *kind, int64_t before, int64_t after)
{
    struct json_object *into = after < before ? w->b->dropped : w->b->added;
    const char *policy = kind->drops ? kind->drops : kind->name;
    int64_t n = after < before ? before - after : after - before;
    if (n > 0)
        sl_json_put_int(into, policy, sl_json_int(into, policy, 0) + n);
}

/* The CRS after a step is known by its options, or (a step of the author's own SQL) by the SRID. */
static int enter_crs(struct work *w, const struct sl_step *step, struct sl_error *err)
{
    const char *crs_after = step->kind->crs_after ? step->kind->crs_after(step->options) : NULL;
    if (!crs_after)
        return 0;
    struct sl_crs *crs = sl_arena_alloc(w->b->arena, sizeof *crs);
    int rc = sl_crs_parse(crs_after, w->b->arena, crs, err);
    w->crs = crs;
    return rc;
}

static int transform(struct work *w, const struct sl_step *step, const char *sql, const char *name,
                     struct sl_error *err)
{
    int64_t before = w->table.rows, rows = 0;
    int rc = w->compute->ops->transform(w->session, sql, name, &rows, err);
    if (rc < 0)
        return rc;
    rc = look_at(w, name, step->kind->name, false, err);
    if (rc < 0)
        return rc;
    w->table.rows = rows;
    if ((step->kind->flags & SL_STEP_KEEPS_ROWS) && rows != before)
        return sl_fail(err, SL_E_ROWS_LOST, "step %s made %" PRId64 " rows of %" PRId64, step->kind->name, rows,
                       before);
    count_difference(w, step->kind, before, rows);
    rc = enter_crs(w, step, err);
    return rc < 0 ? rc : follow_crs(w, step->kind->name, err);
}

static const char *table_name(struct work *w, size_t i, size_t last)
{
    return i == last ? "processed" : sl_arena_printf(w->b->arena, "step_%zu", i);
}

static int build_step(struct work *w, const struct sl_step *step, struct sl_sql *sql, struct sl_error *err)
{
    const struct sl_step_context context = context_of(w);
    int rc = sl_step_sql(step->kind, step->options, &context, sql, err);
    return rc < 0 ? rc : sl_sql_check(sql, err);
}

static int run_step(struct work *w, size_t i, size_t last, struct sl_error *err)
{
    const struct sl_step *step = &w->b->bound.steps[i];
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    int rc = build_step(w, step, &sql, err);
    if (rc == 0)
        rc = step->kind->class_ == SL_STEP_TRANSFORM
                 ? transform(w, step, sql.buf.data, table_name(w, i, last), err)
                 : w->compute->ops->execute(w->session, sql.buf.data, err);
    if (rc < 0 && (rc == -SL_E_STEP_SQL || rc == -SL_E_STEP_TIMEOUT))
        sl_error_prefix(err, "step %zu (%s) of recipe %s", i + 1, step->kind->name, w->b->bound.recipe->name);
    return rc;
}

/* Steps of the engine's own that change each geometry for itself need no table between them. */
static bool fuses(const struct sl_step *step)
{
    const unsigned all = SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS;
    return step->kind->class_ == SL_STEP_TRANSFORM && (step->kind->flags & (all | SL_STEP_UNTRUSTED)) == all;
}

/* One SELECT of the steps from `from` to before `to`; w is then where it would be after them. */
static int fuse(struct work *w, size_t from, size_t to, const char **out, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = from; rc == 0 && i < to; i++) {
        const struct sl_step *step = &w->b->bound.steps[i];
        SL_CLEANUP(sl_sql_free) struct sl_sql sql;
        sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
        rc = build_step(w, step, &sql, err);
        if (rc == 0)
            rc = enter_crs(w, step, err);
        if (rc == 0)
            rc = w->compute->ops->srid(w->compute, w->crs, &w->table.srid, err);
        if (rc == 0)
            w->table.query = sl_arena_strdup(w->b->arena, sql.buf.data);
    }
    *out = w->table.query;
    return rc;
}

/* Several steps in one pass. Where that fails they are run one by one, so that the error is of the step that made it and
 * each has its own time: then *done is false and nothing has changed. */
static int run_fused(struct work *w, size_t from, size_t to, size_t last, bool *done, struct sl_error *err)
{
    const struct work before = *w;
    const char *select = NULL;
    const char *name = table_name(w, to - 1, last);
    int64_t rows = 0;
    int rc = fuse(w, from, to, &select, err);
    if (rc == 0)
        rc = w->compute->ops->transform(w->session, select, name, &rows, err);
    if (rc < 0) {
        *w = before;
        bool sql = rc == -SL_E_STEP_SQL || rc == -SL_E_STEP_TIMEOUT;
        if (sql)
            sl_error_clear(err);
        return sql ? 0 : rc;
    }
    *done = true;
    /* Steps of the engine's own that keep rows and columns: what the table has is known. */
    w->table = before.table;
    w->table.name = name;
    if (rows != before.table.rows)
        return sl_fail(err, SL_E_ROWS_LOST, "steps %zu to %zu made %" PRId64 " rows of %" PRId64, from + 1, to, rows,
                       before.table.rows);
    return w->compute->ops->srid(w->compute, w->crs, &w->table.srid, err);
}

static int run_from(struct work *w, size_t i, size_t last, size_t *next, struct sl_error *err)
{
    size_t end = i;
    bool done = false;
    int rc = 0;
    while (end < w->b->bound.recipe->n_steps && fuses(&w->b->bound.steps[end]))
        end++;
    if (end > i + 1)
        rc = run_fused(w, i, end, last, &done, err);
    *next = done ? end : i + 1;
    return rc < 0 || done ? rc : run_step(w, i, last, err);
}

static int run_steps(struct work *w, struct sl_error *err)
{
    const struct sl_recipe *recipe = w->b->bound.recipe;
    struct sl_stage stage;
    sl_stage_begin(w->b, &stage, "steps");
    size_t last = recipe->n_steps;
    for (size_t i = 0; i < recipe->n_steps; i++)
        if (w->b->bound.steps[i].kind->class_ == SL_STEP_TRANSFORM)
            last = i;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < recipe->n_steps;) {
        rc = sl_batch_mine(w->b, err);
        if (rc == 0)
            rc = run_from(w, i, last, &i, err);
    }
    stage.rows = w->table.rows;
    stage.count = (int64_t)recipe->n_steps;
    return rc < 0 ? rc : sl_stage_end(w->b, &stage, err);
}

static int judge(struct work *w, const struct sl_check *check, int64_t broken, struct sl_error *err)
{
    char sentence[512];
    check->kind->sentence(check->options, broken, w->table.rows, sentence, sizeof sentence);
    if (check->on_fail == SL_ON_FAIL_FAIL) {
        sl_fail(err, SL_E_CHECK_FAILED, "check %s: %s", check->kind->name, sentence);
        sl_error_hint(err, "the file is kept in the raw vault; correct it, or change the check's on_fail in recipe %s",
                      w->b->bound.recipe->name);
        return -SL_E_CHECK_FAILED;
    }
    json_object_array_add(w->b->warnings,
                          json_object_new_string(sl_arena_printf(w->b->arena, "check %s: %s", check->kind->name,
                                                                 sentence)));
    return 0;
}

static int run_checks(struct work *w, struct sl_error *err)
{
    const struct sl_recipe *recipe = w->b->bound.recipe;
    struct sl_stage stage;
    sl_stage_begin(w->b, &stage, "check");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < recipe->n_checks; i++) {
        const struct sl_check *check = &w->b->bound.checks[i];
        const struct sl_step_context context = context_of(w);
        struct sl_sql sql;
        int64_t broken = 0;
        sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
        rc = check->kind->build(&context, check->options, &sql, err);
        if (rc == 0)
            rc = sl_sql_check(&sql, err);
        if (rc == 0)
            rc = w->compute->ops->query_int(w->session, sql.buf.data, &broken, err);
        sl_sql_free(&sql);
        if (rc == 0 && broken > 0)
            rc = judge(w, check, broken, err);
    }
    stage.count = (int64_t)recipe->n_checks;
    return rc < 0 ? rc : sl_stage_end(w->b, &stage, err);
}

static int load(struct work *w, struct sl_vector *vector, struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(w->b, &stage, "load");
    int64_t rows = 0;
    int rc = w->compute->ops->load(w->session, vector, w->crs, "raw_data", &rows, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", w->unit->input->landing_key);
        return rc;
    }
    rc = look_at(w, "raw_data", "loading", false, err);
    w->table.rows = rows;
    w->unit->rows_in = rows;
    w->b->rows_in += rows;
    stage.rows = rows;
    if (rc == 0)
        rc = follow_crs(w, "loading", err);
    return rc < 0 ? rc : sl_stage_end(w->b, &stage, err);
}

/* The order that the recipe's last transform is for, where the output has none of its own. */
static enum sl_row_order order_of(const struct work *w, const struct sl_output_order *o)
{
    if (o->sort == SL_OUTPUT_SORT_HILBERT)
        return SL_ORDER_HILBERT;
    if (o->sort == SL_OUTPUT_SORT_COLUMNS)
        return SL_ORDER_NONE;
    for (size_t i = w->b->bound.recipe->n_steps; i-- > 0;)
        if (w->b->bound.steps[i].kind->class_ == SL_STEP_TRANSFORM)
            return w->b->bound.steps[i].kind->flags & SL_STEP_ORDERS ? SL_ORDER_TABLE : SL_ORDER_NONE;
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
static int sort_relation(struct work *w, const struct sl_names *by, struct sl_relation *relation, struct sl_error *err)
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
        relation->sql = sl_arena_strdup(w->b->arena, sql.buf.data);
    return rc;
}

static int write_geoparquet(struct work *w, struct sl_planned_asset *a, const struct sl_relation *relation,
                            int64_t *rows, struct sl_error *err)
{
    const struct sl_output_geoparquet *o = a->output->options;
    const struct sl_geoparquet_options options = {.compression = sl_output_geoparquet_compression(o),
                                                  .compression_level = o->compression_level,
                                                  .row_group_rows = o->row_group_rows,
                                                  .covering = o->covering};
    struct sl_geoparquet_facts facts;
    int rc = sl_geoparquet_write(relation, &w->table, w->crs, &w->unit->geometry, &options, a->local_path, &facts, err);
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

static int write_features(struct work *w, struct sl_planned_asset *a, const struct sl_relation *relation, int64_t *rows,
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
    int rc = sl_features_write(relation, &w->table, w->crs, &w->unit->geometry, &options, a->local_path, &facts, err);
    if (rc < 0)
        return rc;
    if (facts.reprojected) {
        struct sl_crs *lonlat = sl_arena_alloc(w->b->arena, sizeof *lonlat);
        rc = sl_crs_parse("OGC:CRS84", w->b->arena, lonlat, err);
        a->crs = lonlat;
    }
    *rows = facts.rows;
    a->size_bytes = facts.size_bytes;
    memcpy(a->sha256_hex, facts.sha256_hex, sizeof a->sha256_hex);
    return rc;
}

static int write_one(struct work *w, struct sl_planned_asset *a, struct sl_error *err)
{
    const struct sl_output_order *order = sl_output_order_of(a->output->kind, a->output->options);
    struct sl_relation relation;
    int64_t rows = 0;
    int rc = w->compute->ops->relation(w->session, &w->table, order_of(w, order), w->b->arena, &relation, err);
    if (rc == 0 && order->sort == SL_OUTPUT_SORT_COLUMNS)
        rc = sort_relation(w, &order->by, &relation, err);
    a->local_path = sl_arena_printf(w->b->arena, "%s/out-%s.%s", w->b->scratch, a->asset_id, a->output->kind->extension);
    if (rc == 0)
        rc = a->output->kind == &sl_output_geoparquet ? write_geoparquet(w, a, &relation, &rows, err)
                                                      : write_features(w, a, &relation, &rows, err);
    if (rc < 0)
        return rc;
    if (rows != w->table.rows)
        return sl_fail(err, SL_E_ROWS_LOST, "%s: %" PRId64 " rows in the table, %" PRId64 " in the file",
                       a->dataset_id, w->table.rows, rows);
    return 0;
}

static int write_all(struct work *w, struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(w->b, &stage, "write");
    int rc = w->compute->ops->geometry_facts(w->session, &w->table, w->crs, &w->unit->geometry, err);
    stage.bytes = 0;
    for (size_t k = 0; rc == 0 && k < w->unit->n_assets; k++) {
        struct sl_planned_asset *a = &w->unit->assets[k];
        if (!a->linked)
            rc = write_one(w, a, err);
        stage.bytes += a->size_bytes;
    }
    if (rc == 0 && w->unit->geometry.measured_count > 0)
        json_object_array_add(w->b->warnings,
                              json_object_new_string(sl_arena_printf(
                                  w->b->arena, "%" PRId64 " geometries had M values, which no output can hold",
                                  w->unit->geometry.measured_count)));
    w->unit->table = w->table;
    w->unit->crs = w->crs;
    w->unit->rows_out = w->table.rows;
    w->b->rows_out += w->table.rows;
    stage.rows = w->table.rows;
    return rc < 0 ? rc : sl_stage_end(w->b, &stage, err);
}

static int compute_in_session(struct work *w, struct sl_vector *vector, struct sl_error *err)
{
    int rc = load(w, vector, err);
    if (rc == 0)
        rc = run_steps(w, err);
    if (rc == 0)
        rc = run_checks(w, err);
    if (rc == 0)
        rc = write_all(w, err);
    return rc;
}

int sl_batch_compute_vector(struct sl_batch *b, struct sl_unit *unit, struct sl_error *err)
{
    struct work w = {.b = b, .unit = unit, .compute = b->engine->compute};
    const struct sl_vector_options options = {.format = unit->format,
                                              .layer = unit->layer,
                                              .encoding = unit->input->file->encoding,
                                              .geometry_column = b->bound.recipe->geometry_column};
    SL_CLEANUP(sl_vector_closep) struct sl_vector *vector = NULL;
    if (strcmp(b->bound.recipe->engine, w.compute->ops->name) != 0)
        return sl_fail(err, SL_E_RECIPE_STEP, "recipe %s is for engine %s, and this worker has %s", b->bound.recipe->name,
                       b->bound.recipe->engine, w.compute->ops->name);
    int rc = sl_vector_open(unit->input->local_path, &options, &vector, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", unit->input->landing_key);
        return rc;
    }
    unit->vector = sl_vector_info(vector);
    for (size_t i = 0; i < unit->vector->n_notes; i++)
        json_object_array_add(b->warnings,
                              json_object_new_string(sl_arena_printf(b->arena, "%s: %s", unit->input->landing_key,
                                                                     unit->vector->notes[i])));
    if (!unit->vector->has_geometry) {
        sl_fail(err, SL_E_FILE_LAYER, "%s: layer \"%s\" has no geometry", unit->input->landing_key, unit->vector->layer);
        sl_error_hint(err, "a table of attributes only is not vector data");
        return -SL_E_FILE_LAYER;
    }
    rc = sl_batch_decide_crs(b, unit, unit->vector->crs, err);
    if (rc < 0)
        return rc;
    w.crs = unit->crs;
    rc = w.compute->ops->begin(w.compute, b->run_id, b->scratch, &w.session, err);
    if (rc < 0)
        return rc;
    rc = compute_in_session(&w, vector, err);
    struct sl_error end_error = {0};
    int end = w.compute->ops->end(w.session, false, &end_error);
    if (rc == 0 && end < 0) {
        rc = end;
        if (err)
            *err = end_error;
    }
    unit->vector = NULL; /* it ends with the dataset's handle */
    return rc;
}
