/* SPDX-License-Identifier: Apache-2.0 */
#include "run/raster_work.h"

#include <string.h>

#include "base/uuid7.h"
#include "geo/gdal/raster_steps.h"
#include "json/json.h"
#include "lake/outputs.h"

void sl_raster_work_close(struct sl_raster_work *w)
{
    for (size_t i = 0; i < w->n; i++)
        sl_raster_close(w->items[i]);
    w->n = 0;
}

int sl_raster_work_steps(struct sl_raster_work *w, struct sl_error *err)
{
    for (size_t i = 0; i < w->bound->recipe->n_raster_steps; i++) {
        struct sl_raster *next = NULL;
        const struct sl_step *step = &w->bound->steps[i];
        if (!step->kind->apply)
            continue;
        int rc = w->may_go_on ? w->may_go_on(w->data, err) : 0;
        if (rc < 0)
            return rc;
        rc = step->kind->apply(&w->context, step->options, w->items, w->n, &next, err);
        if (rc < 0) {
            sl_error_prefix(err, "step %s", step->kind->name);
            return rc;
        }
        sl_raster_work_close(w);
        w->items[0] = next; /* it holds on to what it reads */
        w->n = 1;
    }
    return 0;
}

int sl_raster_work_vectorise(struct sl_raster_work *w, struct sl_arena *arena, struct json_object *added, const char **path,
                             int64_t *rows, struct sl_error *err)
{
    const struct sl_step *step = &w->bound->steps[w->bound->recipe->n_raster_steps - 1];
    char id[SL_UUID_TEXT_BYTES];
    sl_uuid7(id);
    *path = sl_arena_printf(arena, "%s/vectors-%s.fgb", w->context.scratch, id);
    int rc = w->may_go_on ? w->may_go_on(w->data, err) : 0;
    if (rc < 0)
        return rc;
    rc = step->kind->vectorise(&w->context, step->options, w->items[0], *path, rows, err);
    if (rc < 0)
        sl_error_prefix(err, "step %s", step->kind->name);
    else if (*rows > 0)
        sl_json_put_int(added, step->kind->name, sl_json_int(added, step->kind->name, 0) + *rows);
    return rc;
}

static bool has_alpha(const struct sl_raster_info *info)
{
    for (size_t i = 0; i < info->n_bands; i++)
        if (!strcmp(info->bands[i].color_interpretation, "Alpha"))
            return true;
    return false;
}

/* Takes `from`, unless it is items[0]: the view holds on to what it reads. */
static struct sl_raster *leave(const struct sl_raster_work *w, struct sl_raster *from, struct sl_raster *view)
{
    if (view && from != w->items[0])
        sl_raster_close(from);
    return view ? view : from;
}

int sl_raster_work_view(struct sl_raster_work *w, const struct sl_output *output, const struct sl_crs *crs, struct sl_raster **out,
                        struct sl_error *err)
{
    const struct sl_output_cog *o = output->options;
    struct sl_raster *at = w->items[0], *view = NULL;
    bool none = false, alpha = o->add_alpha && !has_alpha(sl_raster_info(at));
    double nodata = 0;
    bool says = sl_output_cog_nodata(o, &none, &nodata);
    if (!says && !alpha)
        return 0;
    const struct sl_crs *own = sl_raster_info(at)->crs;
    /* First of all: what is made of views cannot be given another. */
    int rc = crs && !(own && sl_crs_same(own, crs)) ? sl_raster_assign(at, crs, &view, err) : 0;
    at = leave(w, at, view);
    view = NULL;
    if (rc == 0 && says)
        rc = sl_raster_say_nodata(at, none, nodata, &view, err);
    at = leave(w, at, view);
    view = NULL;
    if (rc == 0 && alpha)
        rc = sl_raster_add_alpha(at, &view, err);
    at = leave(w, at, view);
    if (rc == 0)
        *out = at;
    else if (at != w->items[0])
        sl_raster_close(at);
    return rc;
}

int sl_raster_work_write(struct sl_raster_work *w, struct sl_raster *raster, const struct sl_output *output,
                         const struct sl_crs *crs, const char *path, struct sl_error *err)
{
    const struct sl_output_cog *o = output->options;
    const struct sl_cog_options options = {.compression = sl_output_cog_compression(o),
                                           .resampling = sl_output_cog_resampling(o),
                                           .block_size = (int)o->block_size,
                                           .level = (int)o->level,
                                           .quality = (int)o->quality,
                                           .max_z_error = o->max_z_error,
                                           .predictor = sl_output_cog_predictor(o),
                                           .no_overviews = o->overviews == SL_OUTPUT_OVERVIEWS_NONE,
                                           .threads = w->context.threads,
                                           .crs = crs,
                                           .progress = w->context.progress,
                                           .progress_data = w->context.progress_data};
    return sl_raster_write_cog(raster ? raster : w->items[0], path, &options, err);
}
