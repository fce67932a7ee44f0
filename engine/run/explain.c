/* SPDX-License-Identifier: Apache-2.0 */
/* Explain: what a recipe would do, from the same builders that do it, with no side effects. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "geo/format.h"
#include "geo/gdal/vector.h"
#include "geo/sql.h"
#include "geo/table.h"
#include "json/json.h"
#include "lake/lake.h"
#include "run/batch.h"
#include "run/explain.h"
#include "run/run.h"
#include "step/step.h"

struct explain {
    struct sl_engine *engine;
    struct sl_arena *arena;
    struct sl_bound_recipe bound;
    bool asked; /* for another engine than the recipe's */
    bool without_sql; /* the plan has none, so that the recipe's engine is not opened */
    const char *folder; /* of the manifest */
    const struct sl_manifest *manifest;
};

static bool local_vector(struct explain *x, const struct sl_manifest_file *f, const char **path,
                         const struct sl_format **format)
{
    *path = sl_path_join(x->arena, x->folder, sl_path_base(f->key));
    *format = f->format ? sl_format_by_name(f->format) : sl_format_by_path(f->key, SL_DATA_VECTOR);
    if (!*format || (*format)->type != SL_DATA_VECTOR || !sl_path_exists(*path))
        return false;
    return f->format || sl_vector_format_inside(*path, format, NULL) == 0;
}

/* The columns that a local file would bring; left unknown where there is no such file. */
static int look_into(struct explain *x, const struct sl_manifest_file *f, const char *layer, struct sl_table *table,
                     struct sl_crs **crs, struct sl_error *err)
{
    const char *path = NULL;
    const struct sl_format *format = NULL;
    if (!local_vector(x, f, &path, &format))
        return 0;
    const struct sl_vector_options options = {.format = format, .layer = layer, .geometry_column = table->geometry,
                                              .as_table = sl_recipe_is_table(x->bound.recipe)};
    SL_CLEANUP(sl_vector_closep) struct sl_vector *v = NULL;
    int rc = sl_vector_open(path, &options, &v, err);
    if (rc < 0)
        return rc;
    const struct sl_vector_info *info = sl_vector_info(v);
    table->n_columns = info->n_fields + !options.as_table;
    table->columns = sl_arena_array(x->arena, info->n_fields + 1, sizeof *table->columns);
    for (size_t i = 0; i < info->n_fields; i++) {
        table->columns[i].name = sl_arena_strdup(x->arena, info->fields[i].name);
        table->columns[i].type = sl_arena_strdup(x->arena, info->fields[i].sql_type);
    }
    table->columns[info->n_fields] =
        (struct sl_column){.name = table->geometry, .type = "geometry", .geometry = true};
    if (info->crs && info->crs->id) {
        *crs = sl_arena_alloc(x->arena, sizeof **crs);
        rc = sl_crs_parse(info->crs->id, x->arena, *crs, err);
        table->srid = sl_explain_srid(NULL, info->crs->id, NULL);
    }
    return rc;
}

static enum sl_dialect dialect_of(const struct explain *x)
{
    return x->without_sql || !strcmp(x->bound.recipe->engine, sl_dialect_name(SL_DIALECT_DUCKDB)) ? SL_DIALECT_DUCKDB
                                                                                                  : SL_DIALECT_POSTGIS;
}

/* A raster's step is its options: there is no SQL. */
static void explain_raster_step(const struct sl_step *step, struct json_object *list)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "name", step->kind->name);
    sl_json_put(o, "options", step->item->options ? json_object_get(step->item->options) : json_object_new_object());
    json_object_array_add(list, o);
}

/* A table that nobody has loaded: its name, as the run would have it. */
static int other_of(void *data, const struct sl_table_ref *ref, bool placed, struct sl_other_table *out, struct sl_error *err)
{
    struct explain *x = data;
    struct sl_table *table = sl_arena_alloc(x->arena, sizeof *table);
    (void)placed;
    (void)err;
    *table = (struct sl_table){.schema = "proc_<run_id>", .name = ref->role ? ref->role : ref->dataset,
                               .geometry = x->bound.recipe->geometry_column, .rows = -1};
    *out = (struct sl_other_table){.name = table->name, .table = table};
    return 0;
}

static int explain_step(struct explain *x, size_t i, bool last, struct sl_table *table, const struct sl_crs **crs,
                        struct json_object *list, struct sl_error *err)
{
    const struct sl_step *step = &x->bound.steps[i];
    if (sl_step_is_for_rasters(step->kind)) {
        explain_raster_step(step, list);
        return 0;
    }
    const struct sl_step_context context = {.input = table,
                                            .geometry = x->bound.recipe->geometry_column,
                                            .no_geometry = sl_recipe_is_table(x->bound.recipe),
                                            .crs = *crs,
                                            .arena = x->arena,
                                            .srid = sl_explain_srid,
                                            .other = other_of,
                                            .other_data = x};
    struct sl_sql sql;
    sl_sql_init(&sql, dialect_of(x));
    int rc = sl_step_sql(step->kind, step->options, &context, &sql, err);
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    bool transform = step->kind->class_ == SL_STEP_TRANSFORM;
    const char *name = last ? "processed" : sl_arena_printf(x->arena, "step_%zu", i - x->bound.recipe->n_raster_steps);
    if (rc == 0) {
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "name", step->kind->name);
        sl_json_put_str(o, "table", transform ? name : table->name);
        sl_json_put_str(o, "sql", sql.buf.data);
        json_object_array_add(list, o);
    }
    sl_sql_free(&sql);
    if (rc < 0 || !transform)
        return rc;
    table->name = name;
    if (!(step->kind->flags & SL_STEP_KEEPS_COLUMNS)) {
        table->columns = NULL;
        table->n_columns = 0;
    }
    const char *after = step->kind->crs_after ? step->kind->crs_after(step->options) : NULL;
    if (after) {
        struct sl_crs *fresh = sl_arena_alloc(x->arena, sizeof *fresh);
        rc = sl_crs_parse(after, x->arena, fresh, err);
        *crs = fresh;
        table->srid = sl_explain_srid(NULL, after, NULL);
    }
    return rc;
}

static int explain_checks(struct explain *x, const struct sl_table *table, const struct sl_crs *crs,
                          struct json_object *list, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < x->bound.recipe->n_checks; i++) {
        const struct sl_check *check = &x->bound.checks[i];
        const struct sl_step_context context = {
            .input = table, .geometry = x->bound.recipe->geometry_column,
            .no_geometry = sl_recipe_is_table(x->bound.recipe), .crs = crs, .arena = x->arena, .srid = sl_explain_srid};
        struct sl_sql sql;
        sl_sql_init(&sql, dialect_of(x));
        rc = sl_check_sql(check->kind, check->options, &context, &sql, err);
        if (rc == 0) {
            struct json_object *o = json_object_new_object();
            sl_json_put_str(o, "name", check->kind->name);
            sl_json_put_str(o, "on_fail", sl_on_fail_name(check->on_fail));
            sl_json_put_str(o, "sql", sql.buf.data);
            json_object_array_add(list, o);
        }
        sl_sql_free(&sql);
    }
    return rc;
}

static struct json_object *explain_outputs(struct explain *x, const char *stem)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < x->bound.recipe->n_outputs; i++) {
        const struct sl_output *out = &x->bound.outputs[i];
        const char *dataset = out->dataset                           ? out->dataset
                              : x->manifest && x->manifest->dataset ? x->manifest->dataset
                              : stem ? sl_dataset_id_from(x->arena, stem)
                                     : "<dataset>";
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "kind", out->kind->name);
        sl_json_put_str(o, "dataset", dataset);
        sl_json_put_str(o, "key",
                        sl_arena_printf(x->arena, "%s/%s/v<next>/%s.%s", x->engine->config->lake_bucket, dataset,
                                        dataset, out->kind->extension));
        sl_json_put(o, "options", out->item && out->item->options ? json_object_get(out->item->options)
                                                                  : json_object_new_object());
        json_object_array_add(list, o);
    }
    return list;
}

static int explain_passes(struct explain *x, const struct sl_table *table, const struct sl_crs *crs, struct json_object *list,
                          struct sl_error *err)
{
    struct sl_bound_recipe bound;
    sl_recipe_vector_part(&x->bound, x->arena, &bound);
    const struct sl_explained in = {.bound = &bound,
                                    .arena = x->arena,
                                    .dialect = dialect_of(x),
                                    .materialize = x->engine->config->run_materialize,
                                    .context = {.input = table,
                                                .geometry = x->bound.recipe->geometry_column,
                                                .no_geometry = sl_recipe_is_table(x->bound.recipe),
                                                .crs = crs,
                                                .arena = x->arena,
                                                .srid = sl_explain_srid,
                                                .other = other_of,
                                                .other_data = x}};
    return strcmp(bound.recipe->type, "raster") ? sl_explain_passes(&in, list, err) : 0;
}

/* f and stem NULL: of no file in particular. layer NULL: the only one. */
static int explain_unit(struct explain *x, const struct sl_manifest_file *f, const char *layer, const char *stem,
                        struct json_object *units, struct sl_error *err)
{
    struct sl_table table = {
        .schema = "proc_<run_id>", .name = "raw_data", .geometry = x->bound.recipe->geometry_column, .rows = -1};
    struct sl_crs *file_crs = NULL;
    const struct sl_recipe *recipe = x->bound.recipe;
    int rc = f ? look_into(x, f, layer, &table, &file_crs, err) : 0;
    if (rc < 0)
        return rc;
    const struct sl_crs *crs = file_crs;
    struct json_object *unit = json_object_new_object(), *steps = json_object_new_array(),
                       *checks = json_object_new_array(), *passes = json_object_new_array();
    sl_json_put_str(unit, "file", f ? f->key : NULL);
    sl_json_put_str(unit, "layer", layer);
    sl_json_put(unit, "passes", passes);
    sl_json_put(unit, "steps", steps);
    sl_json_put(unit, "checks", checks);
    sl_json_put(unit, "outputs", explain_outputs(x, stem));
    json_object_array_add(units, unit);
    rc = explain_passes(x, &table, crs, passes, err);
    size_t last = recipe->n_steps;
    for (size_t i = 0; i < recipe->n_steps; i++)
        if (x->bound.steps[i].kind->class_ == SL_STEP_TRANSFORM)
            last = i;
    for (size_t i = 0; rc == 0 && i < recipe->n_steps; i++)
        rc = explain_step(x, i, i == last, &table, &crs, steps, err);
    return rc < 0 ? rc : explain_checks(x, &table, crs, checks, err);
}

/* A unit for each layer that the run would take (see plan.c). */
static int explain_file(struct explain *x, const struct sl_manifest_file *f, struct json_object *units,
                        struct sl_error *err)
{
    const char *path = NULL, *stem = sl_path_stem(x->arena, f->key);
    const struct sl_format *format = NULL;
    struct sl_vector_layer *layers = NULL;
    size_t n = 0;
    int rc = 0;
    if (!f->layer && local_vector(x, f, &path, &format))
        rc = sl_vector_layers(path, format, x->arena, &layers, &n, err);
    if (rc == 0 && n <= 1)
        rc = explain_unit(x, f, f->layer, stem, units, err);
    for (size_t i = 0; rc == 0 && n > 1 && i < n; i++)
        if (layers[i].has_geometry)
            rc = explain_unit(x, f, layers[i].name, sl_arena_printf(x->arena, "%s_%s", stem, layers[i].name), units,
                              err);
    return rc;
}

static const char *engine_why(const struct explain *x)
{
    const struct sl_recipe *r = x->bound.recipe;
    if (x->without_sql)
        return "nothing needs SQL: rows go from the file to the outputs";
    if (!strcmp(r->engine, "none"))
        return "rasters need no SQL";
    return x->asked                             ? "asked for, in place of the recipe's"
           : dialect_of(x) == SL_DIALECT_DUCKDB ? "the recipe names it: in the process, with DuckDB's spatial extension"
                                                : "what a recipe has that names no other: SQL in a PostGIS schema of the run's own";
}

/* Files that become one table are one unit: of the main table's file, whose columns are known only when it is alone. */
static int explain_together(struct explain *x, struct json_object *units, struct sl_error *err)
{
    const struct sl_recipe *r = x->bound.recipe;
    const struct sl_manifest_file *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < x->manifest->n_files; i++) {
        const struct sl_manifest_file *f = &x->manifest->files[i];
        const struct sl_recipe_role *role = r->inputs.kind == SL_INPUTS_ROLES ? sl_recipe_role(r, f->role) : &r->inputs.roles[0];
        if (!role->main)
            continue;
        first = first ? first : f;
        n++;
    }
    const char *stem = r->inputs.kind == SL_INPUTS_MERGE ? r->name : sl_path_stem(x->arena, first->key);
    return explain_unit(x, n == 1 ? first : NULL, first->layer, stem, units, err);
}

/* ---- on another engine than the recipe's ---- */

static void put_unsupported(struct json_object *list, const char *what, size_t i, const char *name,
                            const struct sl_recipe_item *item, const char *why)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "what", what);
    sl_json_put_int(o, "number", (int64_t)i + 1);
    sl_json_put_str(o, "name", name);
    sl_json_put_int(o, "line", item ? item->line : 0);
    sl_json_put_str(o, "why", why);
    json_object_array_add(list, o);
}

/* Steps and checks that the engine has no form for, and those whose SQL is as the author wrote it. */
static void judge_engine(struct explain *x, struct json_object *plan)
{
    struct json_object *list = json_object_new_array(), *notes = json_object_new_array();
    const struct sl_recipe *r = x->bound.recipe;
    unsigned dialect = 1u << dialect_of(x);
    const char *why = sl_arena_printf(x->arena, "has no form for engine %s", r->engine);
    for (size_t i = 0; i < r->n_steps; i++) {
        const struct sl_step *step = &x->bound.steps[i];
        if (sl_step_is_for_rasters(step->kind))
            continue;
        if (!(step->kind->dialects & dialect))
            put_unsupported(list, "step", i, step->kind->name, step->item, why);
        else if (step->kind->flags & SL_STEP_UNTRUSTED)
            put_unsupported(notes, "step", i, step->kind->name, step->item, "its SQL is yours, and runs as it is written");
    }
    for (size_t i = 0; i < r->n_checks; i++)
        if (!(x->bound.checks[i].kind->dialects & dialect))
            put_unsupported(list, "check", i, x->bound.checks[i].kind->name, x->bound.checks[i].item, why);
    sl_json_put(plan, "unsupported", list);
    sl_json_put(plan, "notes", notes);
}

static int on_engine(struct explain *x, const char *compute, struct sl_error *err)
{
    const struct sl_recipe *own = x->bound.recipe;
    struct sl_recipe *other = sl_arena_alloc(x->arena, sizeof *other);
    if (strcmp(compute, sl_dialect_name(SL_DIALECT_DUCKDB)) != 0 && strcmp(compute, sl_dialect_name(SL_DIALECT_POSTGIS)) != 0)
        return sl_fail(err, SL_E_USAGE, "--engine: expected postgis or duckdb, found \"%s\"", compute);
    if (!strcmp(own->engine, "none"))
        return sl_fail(err, SL_E_USAGE, "recipe %s has no tables, and so no engine to choose", own->name);
    *other = *own;
    other->engine = compute;
    x->asked = true;
    x->bound.recipe = other;
    return 0;
}

static void without_sql(struct explain *x)
{
    const struct sl_plan_options options = {.materialize = x->engine->config->run_materialize};
    const char *engine = sl_plan_engine(&x->bound, &options);
    if (engine == x->bound.recipe->engine)
        return;
    struct sl_recipe *other = sl_arena_alloc(x->arena, sizeof *other);
    *other = *x->bound.recipe;
    other->engine = engine;
    x->bound.recipe = other;
    x->without_sql = true;
}

static int explain_all(struct explain *x, bool on_another, struct json_object **out, struct sl_error *err)
{
    struct json_object *plan = json_object_new_object(), *units = json_object_new_array(),
                       *recipe = json_object_new_object();
    const struct sl_recipe *r = x->bound.recipe;
    sl_json_put_str(recipe, "name", r->name);
    sl_json_put_int(recipe, "version", r->version);
    sl_json_put_str(recipe, "hash", r->hash);
    sl_json_put_str(recipe, "path", r->path);
    sl_json_put(plan, "recipe", recipe);
    sl_json_put(plan, "fallback", json_object_new_boolean(x->bound.fallback));
    sl_json_put(plan, "params", json_object_get(x->bound.params));
    sl_json_put_str(plan, "engine", r->engine);
    sl_json_put_str(plan, "engine_why", engine_why(x));
    sl_json_put(plan, "units", units);
    if (on_another)
        judge_engine(x, plan);
    if (on_another && json_object_array_length(sl_json_get(plan, "unsupported")) > 0) {
        *out = plan;
        return 0;
    }
    bool together = x->manifest && r->inputs.kind != SL_INPUTS_EACH;
    int rc = !x->manifest ? explain_unit(x, NULL, NULL, NULL, units, err) : together ? explain_together(x, units, err) : 0;
    for (size_t i = 0; rc == 0 && x->manifest && !together && i < x->manifest->n_files; i++)
        rc = explain_file(x, &x->manifest->files[i], units, err);
    if (rc < 0)
        json_object_put(plan);
    else
        *out = plan;
    return rc;
}

static int read_manifest(struct explain *x, const char *path, struct sl_violations *violations,
                         struct sl_doc **doc_out, struct sl_manifest *manifest, struct sl_error *err)
{
    enum sl_code code = SL_OK;
    int rc = sl_json_parse_file(path, &sl_json_limits_small, doc_out, err);
    if (rc < 0)
        return rc;
    const char *base = sl_path_base(path);
    x->folder = base == path ? "." : sl_arena_strndup(x->arena, path, (size_t)(base - path));
    if (!sl_manifest_read(x->engine->checker, *doc_out, x->engine->config->landing_bucket, x->arena, violations, &code,
                          manifest))
        return sl_manifest_fail(*doc_out, violations, code, err);
    x->manifest = manifest;
    return 0;
}

int sl_explain(struct sl_engine *engine, const char *recipe_name, const char *manifest_path, const char *compute,
               struct sl_violations *violations, struct sl_doc **doc_out, struct json_object **plan,
               struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct explain x = {.engine = engine, .arena = arena};
    struct sl_manifest manifest = {0};
    const struct sl_recipe *recipe = NULL;
    bool fallback = false;
    int rc = manifest_path ? read_manifest(&x, manifest_path, violations, doc_out, &manifest, err) : 0;
    if (rc == 0)
        rc = recipe_name ? sl_recipe_by_name(engine->recipes, recipe_name, &recipe, err)
             : x.manifest
                 ? sl_recipe_select(engine->recipes, manifest.intent, manifest.files[0].type,
                                    engine->config->run_strict_intents, &recipe, &fallback, err)
                 : sl_fail(err, SL_E_USAGE, "name a recipe or a manifest");
    if (rc == 0 && x.manifest)
        rc = sl_roles_check(recipe, &manifest, arena, err);
    if (rc == 0)
        rc = sl_recipe_bind(recipe, &engine->kinds, x.manifest ? manifest.params : NULL, arena, &x.bound, err);
    x.bound.fallback = fallback;
    if (rc == 0 && compute)
        rc = on_engine(&x, compute, err);
    else if (rc == 0)
        without_sql(&x);
    return rc < 0 ? rc : explain_all(&x, compute != NULL, plan, err);
}
