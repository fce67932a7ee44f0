/* SPDX-License-Identifier: Apache-2.0 */
/* Compute for vector data, stage by stage: load, steps, check, write. */
#include <inttypes.h>
#include <string.h>

#include "json/json.h"
#include "run/batch.h"
#include "run/engine.h"

static int may_go_on(void *data, struct sl_error *err)
{
    return sl_batch_mine(data, err);
}

static int load(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_vector *vector,
                struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(b, &stage, "load");
    int rc = sl_batch_load(b, unit, w, vector, err);
    if (rc < 0)
        return rc;
    unit->rows_in = w->table.rows + unit->bad_rows;
    b->rows_in += unit->rows_in;
    stage.rows = unit->rows_in;
    return sl_stage_end(b, &stage, err);
}

static int steps(struct sl_batch *b, struct sl_work *w, struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(b, &stage, "steps");
    int rc = sl_work_steps(w, err);
    stage.rows = w->table.rows;
    stage.count = (int64_t)w->bound->recipe->n_steps;
    return rc < 0 ? rc : sl_stage_end(b, &stage, err);
}

static int checks(struct sl_batch *b, struct sl_work *w, struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(b, &stage, "check");
    int rc = sl_work_checks(w, err);
    stage.count = (int64_t)b->bound.recipe->n_checks;
    return rc < 0 ? rc : sl_stage_end(b, &stage, err);
}

static int compute_in_session(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_vector *vector,
                              struct sl_error *err)
{
    int rc = load(b, unit, w, vector, err);
    if (rc == 0)
        rc = steps(b, w, err);
    if (rc == 0)
        rc = checks(b, w, err);
    return rc < 0 ? rc : sl_batch_write_vector(b, unit, w, err);
}

/* The run's document says it, so that whoever clears up leaves the schema alone for its grace. */
static void tell_kept(struct sl_batch *b, const char *schema)
{
    b->kept_schema = sl_arena_strdup(b->arena, schema);
    json_object_array_add(b->warnings, json_object_new_string(sl_arena_printf(
                                           b->arena, "schema %s is kept, to be looked at with psql: SET search_path = %s, public. "
                                           "sluice gc drops it after its grace of 7 days, sluice gc --yes --grace 0s at once",
                                           schema, schema)));
}

/* Formats whose values take no more room in a table than in the file. */
static bool is_as_large_as_its_table(const struct sl_unit *unit)
{
    static const char *const names[] = {"FlatGeobuf", "GPKG", "ESRI Shapefile", "GeoJSON", "GeoJSONSeq", "CSV"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (unit->format && !strcmp(unit->format->name, names[i]))
            return unit->input && !sl_format_archive_name(unit->input->landing_key);
    return false;
}

/* One table of one file: so many bytes at most. 0: not known. */
static int64_t expected_bytes(const struct sl_batch *b, const struct sl_unit *unit, const struct sl_plan *plan)
{
    int64_t bytes = 0;
    size_t tables = 0;
    for (size_t i = 0; i < plan->n; i++)
        tables += plan->passes[i].kind == SL_PASS_TABLE;
    if (tables > 1 || unit->n_sources != 1 || unit->aside || unit->of || b->n_datasets || !is_as_large_as_its_table(unit))
        return 0;
    for (size_t i = 0; i < b->n_inputs; i++)
        bytes += b->inputs[i].size_bytes;
    return bytes;
}

/* What the steps for vectors make of an opened file, in a session of their own. */
static int in_session(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_vector *vector,
                      int (*go)(struct sl_batch *, struct sl_unit *, struct sl_work *, struct sl_vector *, struct sl_error *),
                      struct sl_error *err)
{
    struct sl_plan plan;
    struct sl_bound_recipe bound;
    sl_recipe_vector_part(&b->bound, b->arena, &bound);
    w->bound = &bound;
    w->plan = &plan;
    unit->vector = sl_vector_info(vector);
    w->crs = unit->crs;
    sl_plan_make(&bound, &(struct sl_plan_options){.materialize = b->engine->config->run_materialize}, b->arena, &plan);
    w->compute->expected_bytes = expected_bytes(b, unit, &plan);
    int rc = w->compute->ops->begin(w->compute, b->run_id, b->scratch, &w->session, err);
    if (rc < 0)
        return rc;
    rc = go(b, unit, w, vector, err);
    struct sl_error end_error = {0};
    bool keep = b->engine->config->run_keep_schema && w->compute->ops->keeps_schema;
    if (keep)
        tell_kept(b, w->session->schema);
    int end = w->compute->ops->end(w->session, keep, &end_error);
    if (rc == 0 && end < 0) {
        rc = end;
        if (err)
            *err = end_error;
    }
    unit->vector = NULL; /* it ends with the dataset's handle */
    return rc;
}

static struct sl_work work_of(struct sl_batch *b, struct sl_unit *unit)
{
    return (struct sl_work){.arena = b->arena,
                            .dropped = b->dropped,
                            .added = b->added,
                            .warnings = b->warnings,
                            .previous = unit->previous,
                            .reasons = unit->aside ? unit->aside->reasons : NULL,
                            .may_go_on = may_go_on,
                            .data = b};
}

int sl_batch_compute_vector(struct sl_batch *b, struct sl_unit *unit, struct sl_error *err)
{
    struct sl_work w = work_of(b, unit);
    SL_CLEANUP(sl_vector_closep) struct sl_vector *vector = NULL;
    struct sl_source *source = sl_unit_main(unit);
    int rc = sl_engine_compute(b->engine, b->bound.recipe->engine, &w.compute, err);
    if (rc == 0)
        rc = sl_batch_open_source(b, source, &vector, err);
    if (rc < 0)
        return rc;
    unit->crs = source->crs;
    unit->crs_source = source->crs_source;
    return in_session(b, unit, &w, vector, compute_in_session, err);
}

/* ---- of rasters ---- */

/* The file is the engine's own: all that the step made has to come in. */
static int load_made(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_vector *vector, int64_t made,
                     struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(b, &stage, "load");
    int rc = sl_work_load(w, vector, err);
    if (rc == 0 && w->table.rows != made)
        rc = sl_fail(err, SL_E_ROWS_LOST, "%s: %" PRId64 " rows were made, and %" PRId64 " came in", unit->input->landing_key, made,
                     w->table.rows);
    if (rc == 0)
        rc = sl_batch_load_others(b, unit, w, err);
    stage.rows = w->table.rows;
    return rc < 0 ? rc : sl_stage_end(b, &stage, err);
}

static int compute_made(struct sl_batch *b, struct sl_unit *unit, struct sl_work *w, struct sl_vector *vector,
                        struct sl_error *err)
{
    int rc = load_made(b, unit, w, vector, unit->rows_made, err);
    if (rc == 0)
        rc = steps(b, w, err);
    if (rc == 0)
        rc = checks(b, w, err);
    return rc < 0 ? rc : sl_batch_write_vector(b, unit, w, err);
}

int sl_batch_compute_made(struct sl_batch *b, struct sl_unit *unit, const char *path, int64_t rows, struct sl_error *err)
{
    const struct sl_vector_options options = {.format = sl_format_by_name("FlatGeobuf"),
                                              .geometry_column = b->bound.recipe->geometry_column};
    struct sl_work w = work_of(b, unit);
    SL_CLEANUP(sl_vector_closep) struct sl_vector *vector = NULL;
    unit->rows_made = rows;
    int rc = sl_engine_compute(b->engine, b->bound.recipe->engine, &w.compute, err);
    if (rc == 0)
        rc = sl_vector_open(path, &options, &vector, err);
    return rc < 0 ? rc : in_session(b, unit, &w, vector, compute_made, err);
}
