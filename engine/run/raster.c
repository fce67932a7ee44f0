/* SPDX-License-Identifier: Apache-2.0 */
/* Compute for rasters: read with the declared driver, written as COG, checked before anybody sees it. */
#include <string.h>

#include "json/json.h"
#include "lake/cog/cog.h"
#include "lake/outputs.h"
#include "run/batch.h"

static int still_mine(void *data, double fraction)
{
    (void)fraction;
    return sl_batch_mine(data, NULL) == 0;
}

static int write_one(struct sl_batch *b, struct sl_raster *raster, struct sl_planned_asset *a, struct sl_error *err)
{
    const struct sl_output_cog *o = a->output->options;
    const struct sl_cog_options options = {.compression = sl_output_cog_compression(o),
                                           .resampling = sl_output_cog_resampling(o),
                                           .block_size = (int)o->block_size,
                                           .threads = (int)b->engine->config->compute_threads,
                                           .crs = a->unit->crs,
                                           .progress = still_mine,
                                           .progress_data = b};
    struct sl_cog_facts facts;
    a->local_path = sl_arena_printf(b->arena, "%s/out-%s.%s", b->scratch, a->asset_id, a->output->kind->extension);
    int rc = sl_raster_write_cog(raster, a->local_path, &options, err);
    if (rc == 0)
        rc = sl_batch_mine(b, err);
    if (rc == 0)
        rc = sl_cog_check(a->local_path, &facts, err);
    if (rc < 0)
        return rc;
    a->size_bytes = facts.size_bytes;
    memcpy(a->sha256_hex, facts.sha256_hex, sizeof a->sha256_hex);
    return 0;
}

static int keep_info(struct sl_batch *b, struct sl_unit *unit, const struct sl_raster_info *info, struct sl_error *err)
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
    unit->raster = kept;
    unit->has_raster_bounds = info->has_transform;
    return info->has_transform ? sl_crs_bounds_to_wgs84(unit->crs, info->bounds, unit->raster_bounds_wgs84, err) : 0;
}

int sl_batch_compute_raster(struct sl_batch *b, struct sl_unit *unit, struct sl_error *err)
{
    struct sl_stage stage;
    sl_stage_begin(b, &stage, "write");
    const struct sl_raster_limits limits = {.max_pixels = b->engine->config->raster_max_pixels};
    SL_CLEANUP(sl_raster_closep) struct sl_raster *raster = NULL;
    int rc = sl_raster_open(unit->input->local_path, unit->format, &limits, &raster, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", unit->input->landing_key);
        return rc;
    }
    rc = sl_batch_decide_crs(b, unit, sl_raster_info(raster)->crs, err);
    if (rc < 0)
        return rc;
    rc = keep_info(b, unit, sl_raster_info(raster), err);
    stage.bytes = 0;
    for (size_t k = 0; rc == 0 && k < unit->n_assets; k++) {
        struct sl_planned_asset *a = &unit->assets[k];
        if (!a->linked)
            rc = write_one(b, raster, a, err);
        stage.bytes += a->size_bytes;
    }
    if (rc < 0) {
        sl_error_prefix(err, "%s", unit->input->landing_key);
        return rc;
    }
    return sl_stage_end(b, &stage, err);
}
