/* SPDX-License-Identifier: Apache-2.0 */
/* The run's beginning: manifest and recipe from the ledger's document; then the run document. */
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "geo/duckdb/duck.h"
#include "geo/gdal/gdal.h"
#include "grid/reader.h"
#include "json/json.h"
#include "run/batch.h"
#include "run/engine.h"
#include "store/store.h"

static int read_manifest(struct sl_batch *b, struct sl_error *err)
{
    struct json_object *root = sl_json_get(b->doc, "manifest");
    const char *text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
    int rc = sl_json_parse(b->lease.batch_id, text, strlen(text), &sl_json_limits_small, &b->manifest_doc, err);
    if (rc < 0)
        return rc;
    struct sl_violations violations = {.arena = b->arena};
    enum sl_code code;
    if (!sl_manifest_read(b->engine->checker, b->manifest_doc, b->engine->config->landing_bucket, b->arena,
                          &violations, &code, &b->manifest))
        return sl_manifest_fail(b->manifest_doc, &violations, code, err);
    b->first = &b->manifest.files[0];
    return 0;
}

/* The manifest's parameters with those of a replay over them. */
static struct json_object *given_params(struct sl_batch *b)
{
    struct json_object *replay = sl_json_get(b->doc, "replay");
    struct json_object *set = replay ? sl_json_get(replay, "params") : NULL;
    struct json_object *all = json_object_new_object();
    struct json_object *const sources[] = {b->manifest.params, set};
    for (size_t i = 0; i < 2; i++) {
        if (!sources[i])
            continue;
        json_object_object_foreach(sources[i], key, value)
            if (strcmp(key, "crs_policy") != 0)
                json_object_object_add(all, key, json_object_get(value));
    }
    return all;
}

static int choose_crs_policy(struct sl_batch *b, struct sl_error *err)
{
    struct json_object *replay = sl_json_get(b->doc, "replay");
    struct json_object *set = replay ? sl_json_get(replay, "params") : NULL;
    const char *name = set ? sl_json_str(set, "crs_policy", NULL) : NULL;
    if (!name)
        name = b->manifest.crs_policy ? b->manifest.crs_policy : b->engine->config->crs_policy;
    if (sl_crs_policy_by_name(name, &b->crs_policy))
        return 0;
    sl_fail(err, SL_E_MANIFEST_PARAM, "crs_policy: \"%s\" is not a policy", name);
    sl_error_hint(err, "it is one of fail, trust_file, trust_manifest");
    return -SL_E_MANIFEST_PARAM;
}

static void choose_bad_rows(struct sl_batch *b)
{
    const char *name = b->manifest.bad_rows ? b->manifest.bad_rows : b->engine->config->vector_bad_rows;
    b->skip_bad_rows = strcmp(name, "fail") != 0;
}

static int choose_recipe(struct sl_batch *b, struct sl_error *err)
{
    struct json_object *replay = sl_json_get(b->doc, "replay");
    const char *named = replay ? sl_json_str(replay, "recipe", NULL) : NULL;
    const struct sl_recipe *recipe = NULL;
    bool fallback = false;
    int rc = named ? sl_recipe_by_name(b->engine->recipes, named, &recipe, err)
                   : sl_recipe_select(b->engine->recipes, b->manifest.intent, b->first->type,
                                      b->engine->config->run_strict_intents, &recipe, &fallback, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < b->manifest.n_files; i++)
        if (strcmp(b->manifest.files[i].type, recipe->type) != 0)
            return sl_fail(err, SL_E_RECIPE_INTENT, "recipe %s takes %s files, %s is %s", recipe->name, recipe->type,
                           b->manifest.files[i].path, b->manifest.files[i].type);
    rc = sl_roles_check(recipe, &b->manifest, b->arena, err);
    if (rc < 0)
        return rc;
    struct json_object *given = given_params(b);
    rc = sl_recipe_bind(recipe, &b->engine->kinds, given, b->arena, &b->bound, err);
    json_object_put(given);
    b->bound.fallback = fallback;
    return rc;
}

/* The run that a replay repeats: the one that made the version it goes into, else the batch's last. */
static int repeated_run(struct sl_batch *b, const char **out, struct sl_error *err)
{
    struct json_object *into = sl_json_get(sl_json_get(b->doc, "replay"), "into"), *asset = NULL;
    *out = sl_json_str(b->doc, "run_id", NULL);
    if (!b->into_version || !into || json_object_array_length(into) == 0)
        return 0;
    const char *id = json_object_get_string(json_object_array_get_idx(into, 0));
    int rc = b->engine->ledger->ops->get_asset(b->engine->ledger, id, &asset, err);
    if (rc == 0 && asset)
        *out = sl_arena_strdup(b->arena, sl_json_str(asset, "run_id", NULL));
    json_object_put(asset);
    return rc;
}

/* Its engine; NULL when there is no such run. */
static int recorded_engine(struct sl_batch *b, const char **out, struct sl_error *err)
{
    const char *id = NULL;
    struct json_object *run = NULL;
    int rc = repeated_run(b, &id, err);
    if (rc == 0 && id)
        rc = b->engine->ledger->ops->get_run(b->engine->ledger, id, &run, err);
    const char *engine = rc == 0 && run ? sl_json_str(run, "engine", NULL) : NULL;
    if (engine)
        *out = sl_arena_strdup(b->arena, engine);
    json_object_put(run);
    return rc;
}

/* A plan without SQL runs without PostGIS, but in a replay of a run that had it. */
static int choose_engine(struct sl_batch *b, struct sl_error *err)
{
    const struct sl_plan_options options = {.materialize = b->engine->config->run_materialize};
    const char *engine = sl_plan_engine(&b->bound, &options), *before = NULL;
    if (engine == b->bound.recipe->engine)
        return 0;
    int rc = b->replay ? recorded_engine(b, &before, err) : 0;
    if (rc < 0 || (before && !strcmp(before, b->bound.recipe->engine)))
        return rc;
    struct sl_recipe *own = sl_arena_alloc(b->arena, sizeof *own);
    *own = *b->bound.recipe;
    own->engine = engine;
    b->bound.recipe = own;
    return 0;
}

static struct json_object *recipe_json(const struct sl_batch *b)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "name", b->bound.recipe->name);
    sl_json_put_int(o, "version", b->bound.recipe->version);
    sl_json_put_str(o, "hash", sl_arena_printf(b->arena, "sha256:%s", b->bound.recipe->hash));
    sl_json_put(o, "fallback", json_object_new_boolean(b->bound.fallback));
    return o;
}

/* Of everything that has a say in the bytes. */
static int look_up_versions(struct sl_batch *b, struct sl_error *err)
{
    struct sl_compute_versions v = {0};
    bool sql = strcmp(b->bound.recipe->engine, "none") != 0;
    if (sql) {
        struct sl_compute *compute = NULL;
        int rc = sl_engine_compute(b->engine, b->bound.recipe->engine, &compute, err);
        if (rc == 0)
            rc = compute->ops->versions(compute, &v, err);
        if (rc < 0)
            return rc;
    }
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "sluice", SLUICE_VERSION);
    sl_json_put_str(o, "gdal", sl_gdal_version());
    /* DuckDB's spatial extension has libraries of its own, of which it names one; normalize_crs is by the system's PROJ. */
    bool own = v.spatial[0] != '\0';
    sl_json_put_str(o, "proj", own || !v.proj[0] ? sl_proj_version() : v.proj);
    if (own) {
        sl_json_put_str(o, "duckdb_spatial", v.spatial);
        sl_json_put_str(o, "duckdb_spatial_proj", v.proj);
    } else {
        sl_json_put_str(o, "geos", v.geos[0] ? v.geos : sl_geos_version());
    }
    if (v.postgis[0])
        sl_json_put_str(o, "postgis", v.postgis);
    if (v.postgres[0])
        sl_json_put_str(o, "postgres", v.postgres);
    sl_json_put_str(o, "duckdb", sl_duck_version());
    if (!strcmp(b->bound.recipe->type, "grid"))
        sl_json_put_str(o, "eccodes", sl_grid_eccodes_version());
    b->versions = o;
    return 0;
}

int sl_batch_begin_run(struct sl_batch *b, struct sl_error *err)
{
    char at[SL_ISO8601_BYTES];
    struct json_object *run = json_object_new_object();
    sl_json_put_str(run, "_id", b->run_id);
    sl_json_put_str(run, "batch_id", b->lease.batch_id);
    sl_json_put_str(run, "status", "running");
    sl_json_put_int(run, "attempt", b->lease.attempt);
    sl_json_put(run, "replay", json_object_new_boolean(b->replay));
    sl_json_put(run, "recipe", recipe_json(b));
    sl_json_put(run, "params", json_object_get(b->bound.params));
    sl_json_put_str(run, "engine", b->bound.recipe->engine);
    sl_json_put_str(run, "crs_policy", sl_crs_policy_name(b->crs_policy));
    sl_json_put_str(run, "bad_rows", b->skip_bad_rows ? "skip" : "fail");
    sl_json_put(run, "versions", json_object_get(b->versions));
    sl_json_put(run, "inputs", sl_batch_inputs_json(b));
    sl_json_put(run, "stages", json_object_new_array());
    sl_json_put_str(run, "started_at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    int rc = b->engine->ledger->ops->begin_run(b->engine->ledger, &b->lease, run, err);
    json_object_put(run);
    b->begun = rc == 0;
    b->told_ns = sl_clock_mono_ns();
    return rc < 0 ? rc : sl_dir_make(b->scratch, 0700, err);
}

bool sl_batch_was_waiting(const struct sl_batch *b)
{
    struct json_object *error = sl_json_get(b->doc, "error");
    return error && !strcmp(sl_json_str(error, "code", ""), sl_code_name(SL_E_FILE_MISSING));
}

/* Of a batch that waits for its files: a look that finds them missing again begins no run and leaves no document. */
static int look_for_files(struct sl_batch *b, struct sl_error *err)
{
    struct sl_object_info info;
    const char *bucket = b->engine->config->landing_bucket;
    if (!sl_batch_was_waiting(b) || b->replay)
        return 0;
    for (size_t i = 0; i < b->manifest.n_files; i++) {
        const char *key = b->manifest.files[i].key;
        int rc = sl_store_head(b->engine->store, bucket, key, &info, NULL, err);
        if (rc == -SL_E_STORE_NOT_FOUND)
            return sl_batch_file_missing(b, key, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sl_batch_prepare(struct sl_batch *b, struct sl_error *err)
{
    int rc = read_manifest(b, err);
    if (rc == 0)
        rc = look_for_files(b, err);
    if (rc == 0)
        rc = choose_crs_policy(b, err);
    choose_bad_rows(b);
    if (rc == 0)
        rc = choose_recipe(b, err);
    if (rc == 0)
        rc = choose_engine(b, err);
    if (rc == 0)
        rc = look_up_versions(b, err);
    return rc;
}
