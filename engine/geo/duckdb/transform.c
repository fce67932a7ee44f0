/* SPDX-License-Identifier: Apache-2.0 */
/* Coordinates of WKB from one system to another, in place and without building geometries. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <proj.h>

#include "base/arena.h"
#include "geo/crs.h"
#include "geo/duckdb/functions.h"
#include "json/json.h"

enum { MAX_DEPTH = 32, LOT = 1024, HEAD_BYTES = 5 };

struct sl_transformer {
    PJ_CONTEXT *ctx;
    PJ *pj;
    char *from, *to;
    unsigned char *wkb; /* of the geometry at work */
    size_t capacity;
    double x[LOT], y[LOT], z[LOT]; /* aligned, as PROJ wants them */
};

struct sl_transformer *sl_transformer_new(void)
{
    return sl_xcalloc(1, sizeof(struct sl_transformer));
}

static void forget(struct sl_transformer *t)
{
    proj_destroy(t->pj);
    free(t->from);
    free(t->to);
    t->pj = NULL;
    t->from = t->to = NULL;
}

void sl_transformer_free(struct sl_transformer *t)
{
    if (!t)
        return;
    forget(t);
    if (t->ctx)
        proj_context_destroy(t->ctx);
    free(t->wkb);
    free(t);
}

bool sl_transformer_ready(const struct sl_transformer *t)
{
    return t->pj != NULL;
}

/* Only what geo/crs.h lets through reaches PROJ. */
static int read_system(const char *text, struct sl_arena *arena, struct sl_crs *out, struct sl_error *err)
{
    struct sl_doc *doc = NULL;
    if (*text != '{')
        return sl_crs_parse(text, arena, out, err);
    int rc = sl_json_parse("a system", text, strlen(text), &sl_json_limits_small, &doc, err);
    if (rc == 0)
        rc = sl_crs_parse_projjson(doc->root, arena, out, err);
    sl_doc_free(doc);
    return rc;
}

static PJ *create(struct sl_transformer *t, const struct sl_crs *from, const struct sl_crs *to)
{
    PJ *source = proj_create(t->ctx, from->wkt), *target = proj_create(t->ctx, to->wkt), *visual = NULL;
    PJ *pj = source && target ? proj_create_crs_to_crs_from_pj(t->ctx, source, target, NULL, NULL) : NULL;
    if (pj)
        visual = proj_normalize_for_visualization(t->ctx, pj);
    proj_destroy(pj);
    proj_destroy(source);
    proj_destroy(target);
    return visual;
}

int sl_transformer_set(struct sl_transformer *t, const char *from, const char *to, struct sl_error *err)
{
    if (t->pj && !strcmp(t->from, from) && !strcmp(t->to, to))
        return 0;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_crs source, target;
    int rc = read_system(from, arena, &source, err);
    if (rc == 0)
        rc = read_system(to, arena, &target, err);
    if (rc)
        return rc;
    if (!t->ctx) {
        t->ctx = proj_context_create();
        proj_log_level(t->ctx, PJ_LOG_NONE);
        proj_context_set_enable_network(t->ctx, 0);
    }
    PJ *pj = create(t, &source, &target);
    if (!pj)
        return sl_fail(err, SL_E_CRS_UNKNOWN, "there is no transformation from \"%s\" to \"%s\"",
                       source.id ? source.id : "its system", target.id ? target.id : "the system");
    forget(t);
    t->pj = pj;
    t->from = sl_xstrdup(from);
    t->to = sl_xstrdup(to);
    return 0;
}

struct walk {
    struct sl_transformer *t;
    unsigned char *p;
    size_t left;
};

static int damaged(struct sl_error *err)
{
    return sl_fail(err, SL_E_STEP_SQL, "a geometry is not well-known binary");
}

static bool take_count(struct walk *w, uint32_t *out)
{
    if (w->left < sizeof *out)
        return false;
    memcpy(out, w->p, sizeof *out);
    w->p += sizeof *out;
    w->left -= sizeof *out;
    return true;
}

/* n points at p, `dimensions` doubles each; z is the third one where there is one. An empty point is NaN, and stays so. */
static int transform_lot(struct sl_transformer *t, unsigned char *p, size_t n, size_t dimensions, bool has_z,
                         struct sl_error *err)
{
    const size_t step = dimensions * sizeof(double), one = sizeof(double);
    for (size_t i = 0; i < n; i++) {
        memcpy(&t->x[i], p + i * step, one);
        memcpy(&t->y[i], p + i * step + one, one);
        if (has_z)
            memcpy(&t->z[i], p + i * step + 2 * one, one);
        if (isnan(t->x[i]) && isnan(t->y[i]) && n == 1)
            return 0;
    }
    proj_trans_generic(t->pj, PJ_FWD, t->x, one, n, t->y, one, n, has_z ? t->z : NULL, one, has_z ? n : 0, NULL, 0, 0);
    for (size_t i = 0; i < n; i++) {
        double x, y;
        memcpy(&x, p + i * step, one);
        memcpy(&y, p + i * step + one, one);
        if (!isfinite(t->x[i]) || !isfinite(t->y[i]))
            return sl_fail(err, SL_E_STEP_SQL, "the point %.17g %.17g has no place in \"%s\"", x, y, t->to);
        memcpy(p + i * step, &t->x[i], one);
        memcpy(p + i * step + one, &t->y[i], one);
        if (has_z)
            memcpy(p + i * step + 2 * one, &t->z[i], one);
    }
    return 0;
}

static int points(struct walk *w, size_t n, size_t dimensions, bool has_z, struct sl_error *err)
{
    const size_t step = dimensions * sizeof(double);
    int rc = 0;
    if (n > w->left / step)
        return damaged(err);
    for (size_t done = 0; rc == 0 && done < n; done += LOT) {
        size_t lot = n - done < LOT ? n - done : LOT;
        rc = transform_lot(w->t, w->p, lot, dimensions, has_z, err);
        w->p += lot * step;
        w->left -= lot * step;
    }
    return rc;
}

static int geometry(struct walk *w, int depth, struct sl_error *err)
{
    enum { POINT = 1, LINE = 2, POLYGON = 3, COLLECTION = 7 };
    uint32_t type, n = 1;
    if (depth > MAX_DEPTH || w->left < HEAD_BYTES || w->p[0] != 1)
        return damaged(err);
    memcpy(&type, w->p + 1, sizeof type);
    w->p += HEAD_BYTES;
    w->left -= HEAD_BYTES;
    uint32_t flat = type % 1000, extra = type / 1000;
    bool has_z = extra == 1 || extra == 3;
    size_t dimensions = extra == 0 ? 2 : extra == 3 ? 4 : 3;
    if (flat < POINT || flat > COLLECTION || extra > 3 || (flat != POINT && !take_count(w, &n)))
        return damaged(err);
    if (flat == POINT || flat == LINE)
        return points(w, n, dimensions, has_z, err);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        uint32_t in_ring = 0;
        if (flat != POLYGON)
            rc = geometry(w, depth + 1, err);
        else
            rc = take_count(w, &in_ring) ? points(w, in_ring, dimensions, has_z, err) : damaged(err);
    }
    return rc;
}

int sl_transformer_run(struct sl_transformer *t, const void *wkb, size_t bytes, const void **out, struct sl_error *err)
{
    if (bytes > t->capacity) {
        free(t->wkb);
        t->capacity = bytes + bytes / 2;
        t->wkb = sl_xmalloc(t->capacity);
    }
    memcpy(t->wkb, wkb, bytes);
    struct walk w = {.t = t, .p = t->wkb, .left = bytes};
    int rc = geometry(&w, 0, err);
    if (rc == 0)
        *out = t->wkb;
    return rc;
}
