/* SPDX-License-Identifier: Apache-2.0 */
/* Compute for rasters: read with the declared driver, taken through the steps, written as COG, checked before anybody sees
 * it. */
#include <string.h>

#include "geo/gdal/raster_steps.h"
#include "json/json.h"
#include "lake/cog/cog.h"
#include "lake/outputs.h"
#include "run/raster_work.h"
#include "run/thumbnail.h"

static int still_mine(void *data, double fraction)
{
    (void)fraction;
    return sl_batch_mine(data, NULL) == 0;
}

static int may_go_on(void *data, struct sl_error *err)
{
    return sl_batch_mine(data, err);
}

static const struct sl_raster_info *copy_info(struct sl_batch *b, const struct sl_raster_info *info)
{
    struct sl_raster_info *kept = sl_arena_alloc(b->arena, sizeof *kept);
    *kept = *info;
    kept->crs = NULL;
    kept->bands = sl_arena_array(b->arena, info->n_bands, sizeof *kept->bands);
    for (size_t i = 0; i < info->n_bands; i++) {
        kept->bands[i] = info->bands[i];
        kept->bands[i].data_type = sl_arena_strdup(b->arena, info->bands[i].data_type);
        kept->bands[i].color_interpretation = sl_arena_strdup(b->arena, info->bands[i].color_interpretation);
        kept->bands[i].description = sl_arena_strdup(b->arena, info->bands[i].description);
    }
    return kept;
}

static int write_one(struct sl_batch *b, struct sl_raster_work *w, struct sl_planned_asset *a, struct sl_error *err)
{
    const struct sl_output_cog *o = a->output->options;
    SL_CLEANUP(sl_raster_closep) struct sl_raster *view = NULL;
    struct sl_cog_facts facts;
    a->local_path = sl_arena_printf(b->arena, "%s/out-%s.%s", b->scratch, a->asset_id, a->output->kind->extension);
    int rc = sl_raster_work_view(w, a->output, a->unit->crs, &view, err);
    if (rc == 0)
        rc = sl_raster_work_write(w, view, a->output, a->unit->crs, a->local_path, err);
    if (rc == 0)
        rc = sl_batch_mine(b, err);
    if (rc == 0)
        rc = sl_cog_check(a->local_path, o->overviews != SL_OUTPUT_OVERVIEWS_NONE, &facts, err);
    if (rc == 0 && view)
        a->raster = copy_info(b, sl_raster_info(view));
    if (rc < 0)
        return rc;
    a->size_bytes = facts.size_bytes;
    memcpy(a->sha256_hex, facts.sha256_hex, sizeof a->sha256_hex);
    return 0;
}

static int keep_info(struct sl_batch *b, struct sl_unit *unit, const struct sl_raster_info *info, struct sl_error *err)
{
    unit->raster = copy_info(b, info);
    unit->has_raster_bounds = info->has_transform;
    return info->has_transform ? sl_crs_bounds_to_wgs84(unit->crs, info->bounds, unit->raster_bounds_wgs84, err) : 0;
}

/* ---- what it is made of ---- */

enum { FILES_MAX = 1000 };

/* In the CRS that file, manifest and policy settle on. */
static int open_source(struct sl_batch *b, struct sl_source *source, bool assign, struct sl_raster **out,
                       struct sl_error *err)
{
    const struct sl_raster_limits limits = {.max_pixels = b->engine->config->raster_max_pixels};
    SL_CLEANUP(sl_raster_closep) struct sl_raster *raster = NULL;
    int rc = sl_raster_open(source->input->local_path, source->format, &limits, &raster, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", source->input->landing_key);
        return rc;
    }
    const struct sl_crs *own = sl_raster_info(raster)->crs;
    rc = sl_batch_decide_source_crs(b, source, own, err);
    if (rc < 0)
        return rc;
    if (assign && (!own || !sl_crs_same(own, source->crs)))
        return sl_raster_assign(raster, source->crs, out, err);
    *out = raster;
    raster = NULL;
    return 0;
}

static int open_all(struct sl_batch *b, struct sl_unit *unit, struct sl_raster_work *r, struct sl_error *err)
{
    if (unit->n_sources > FILES_MAX)
        return sl_fail(err, SL_E_LIMIT, "%zu rasters cannot be made into one, at most %d", unit->n_sources, FILES_MAX);
    r->items = sl_arena_array(b->arena, unit->n_sources, sizeof(struct sl_raster *));
    for (size_t i = 0; i < unit->n_sources; i++) {
        int rc = open_source(b, &unit->sources[i], b->bound.recipe->n_steps > 0, &r->items[i], err);
        if (rc < 0)
            return rc;
        r->n++;
    }
    unit->crs = unit->sources[0].crs;
    unit->crs_source = unit->sources[0].crs_source;
    return 0;
}

/* ---- steps ---- */

/* vectors NULL: they end with a raster; else *vectors is the file that the last of them made, with its rows. */
static int steps(struct sl_batch *b, struct sl_unit *unit, struct sl_raster_work *r, const char **vectors, int64_t *rows,
                 struct sl_error *err)
{
    struct sl_stage stage;
    if (b->bound.recipe->n_raster_steps == 0)
        return 0;
    sl_stage_begin(b, &stage, sl_recipe_makes_vectors(b->bound.recipe) ? "raster_steps" : "steps");
    stage.count = (int64_t)b->bound.recipe->n_raster_steps;
    int rc = sl_raster_work_steps(r, err);
    if (rc < 0)
        return rc;
    unit->crs = sl_batch_copy_crs(b->arena, sl_raster_info(r->items[0])->crs);
    if (vectors)
        rc = sl_raster_work_vectorise(r, b->arena, b->added, vectors, rows, err);
    if (rc < 0)
        return rc;
    stage.rows = vectors ? *rows : -1;
    return sl_stage_end(b, &stage, err);
}

/* Control points are no place yet: who reads the result would find none. */
static int check_place(const struct sl_raster_info *info, struct sl_error *err)
{
    if (info->has_transform || info->gcps == 0)
        return 0;
    sl_fail(err, SL_E_FILE_FORMAT, "it has %lld ground control points and no transform, so that its pixels have no place yet",
            (long long)info->gcps);
    sl_error_hint(err, "use a recipe with a warp step, which makes the transform");
    return -(int)SL_E_FILE_FORMAT;
}

/* ---- writing ---- */

static int write_all(struct sl_batch *b, struct sl_unit *unit, struct sl_raster_work *w, struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(b, &stage, "write");
    const struct sl_raster_info *info = sl_raster_info(w->items[0]);
    int rc = check_place(info, err);
    rc = rc < 0 ? rc : keep_info(b, unit, info, err);
    stage.bytes = 0;
    for (size_t k = 0; rc == 0 && k < unit->n_assets; k++) {
        struct sl_planned_asset *a = &unit->assets[k];
        if (!a->linked)
            rc = write_one(b, w, a, err);
        stage.bytes += a->size_bytes;
    }
    if (rc == 0)
        rc = sl_batch_thumbnail_raster(b, unit, err);
    return rc < 0 ? rc : sl_stage_end(b, &stage, err);
}

int sl_batch_compute_raster(struct sl_batch *b, struct sl_unit *unit, struct sl_error *err)
{
    const struct sl_config *config = b->engine->config;
    struct sl_raster_work w = {.bound = &b->bound,
                               .context = {.scratch = b->scratch,
                                           .threads = (int)config->compute_threads,
                                           .memory_bytes = config->raster_warp_memory_bytes,
                                           .max_pixels = config->raster_max_pixels,
                                           .progress = still_mine,
                                           .progress_data = b},
                               .may_go_on = may_go_on,
                               .data = b};
    bool makes_vectors = sl_recipe_makes_vectors(b->bound.recipe);
    const char *vectors = NULL;
    int64_t rows = 0;
    int rc = open_all(b, unit, &w, err);
    if (rc == 0) {
        rc = steps(b, unit, &w, makes_vectors ? &vectors : NULL, &rows, err);
        if (rc == 0 && !makes_vectors)
            rc = write_all(b, unit, &w, err);
        if (rc < 0)
            sl_error_prefix(err, "%s", unit->input->landing_key);
    }
    sl_raster_work_close(&w);
    return rc < 0 || !makes_vectors ? rc : sl_batch_compute_made(b, unit, vectors, rows, err);
}
