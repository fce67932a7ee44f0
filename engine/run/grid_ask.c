/* SPDX-License-Identifier: Apache-2.0 */
#include "run/grid_ask.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "grid/bilinear.h"
#include "grid/layout.h"
#include "json/json.h"
#include "lake/facts.h"
#include "run/grid_store.h"

#define KM_PER_DEGREE 111.19492664455873 /* of a sphere of 6,371 km */

enum { CORNERS = 4 };

/* A field that fits, and what was found of it. */
struct item {
    struct sl_grid_found f;
    bool hidden;  /* a newer version of its dataset has it too */
    bool settled; /* a value, or why there is none */
    double value, lat, lon, distance_deg;
    const char *why;
    struct sl_grid_near corners[CORNERS];
    double weights[CORNERS];
    unsigned n_corners; /* bits of those that were found */
};

struct asking {
    struct sl_grid_store *store;
    const struct sl_grid_question *q;
    struct item *items;
    size_t n, capacity;
    struct item **at_work; /* to which the points come */
    size_t n_at_work;
    struct sl_grid_near *near; /* of one field */
    size_t n_near, near_capacity;
};

static const char *time_text(int64_t s, char out[SL_ISO8601_BYTES])
{
    time_t t = (time_t)s;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(out, SL_ISO8601_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm))
        snprintf(out, SL_ISO8601_BYTES, "%" PRId64, s);
    return out;
}

/* ---- which fields ---- */

static int keep_field(void *data, const struct sl_grid_found *found, struct sl_error *err)
{
    struct asking *a = data;
    (void)err;
    if (a->n == a->capacity) {
        a->capacity = a->capacity ? 2 * a->capacity : 64;
        a->items = sl_xrealloc(a->items, a->capacity * sizeof *a->items);
    }
    a->items[a->n++] = (struct item){.f = *found};
    return 0;
}

static int by_whole(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_number(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) == 0) - (isnan(b) == 0);
    return (a > b) - (a < b);
}

/* By what they are, whatever asset they are of: times first. */
static int by_field(const struct sl_grid_found *a, const struct sl_grid_found *b)
{
    int by = by_whole(a->valid_s, b->valid_s);
    by = by ? by : by_whole(a->reference_s, b->reference_s);
    by = by ? by : strcmp(a->origin->dataset_id, b->origin->dataset_id);
    by = by ? by : strcmp(a->level_type, b->level_type);
    by = by ? by : by_number(a->level, b->level);
    by = by ? by : by_whole(a->member, b->member);
    by = by ? by : strcmp(a->step_type, b->step_type);
    by = by ? by : by_whole(a->step_from_s, b->step_from_s);
    return by ? by : by_whole(a->step_to_s, b->step_to_s);
}

static int newest_of_same(const void *a, const void *b)
{
    const struct item *const *p = a, *const *q = b;
    int by = by_field(&(*p)->f, &(*q)->f);
    by = by ? by : by_whole((*q)->f.origin->version, (*p)->f.origin->version);
    return by ? by : by_whole((*p)->f.field, (*q)->f.field);
}

/* Of fields that are the same in several versions of a dataset the newest stays. */
static void hide_older(struct asking *a)
{
    SL_CLEANUP(sl_freep) struct item **order = sl_xmalloc((a->n + 1) * sizeof(struct item *));
    for (size_t i = 0; i < a->n; i++)
        order[i] = &a->items[i];
    qsort(order, a->n, sizeof *order, newest_of_same);
    for (size_t i = 1; i < a->n; i++)
        order[i]->hidden =
            !by_field(&order[i - 1]->f, &order[i]->f) && order[i]->f.origin->version < order[i - 1]->f.origin->version;
    for (size_t i = 2; i < a->n; i++) /* and those behind one that went */
        order[i]->hidden |= order[i - 1]->hidden && !by_field(&order[i - 1]->f, &order[i]->f);
}

/* ---- points around ---- */

typedef int point_visit(void *data, size_t which, double lat, double lon, double value, struct sl_error *err);

static int ask_around(struct asking *a, struct item **items, size_t n, double radius, point_visit *visit,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_freep) const struct sl_grid_found **fields = sl_xmalloc((n + 1) * sizeof(struct sl_grid_found *));
    for (size_t i = 0; i < n; i++)
        fields[i] = &items[i]->f;
    a->at_work = items;
    a->n_at_work = n;
    return a->store->ops->around(a->store, fields, n, a->q->lat, a->q->lon, radius, visit, a, err);
}

/* ---- nearest ---- */

static int keep_nearest(void *data, size_t which, double lat, double lon, double value, struct sl_error *err)
{
    struct asking *a = data;
    struct item *i = a->at_work[which];
    double distance = sl_grid_distance_deg(a->q->lat, a->q->lon, lat, lon);
    bool first = !i->n_corners;
    (void)err;
    /* Of two that are as near, the same one whatever order the store has them in. */
    if (!first && (distance > i->distance_deg ||
                   (distance == i->distance_deg && (lat < i->lat || (lat == i->lat && lon <= i->lon)))))
        return 0;
    i->n_corners = 1;
    i->distance_deg = distance;
    i->lat = lat;
    i->lon = lon;
    i->value = value;
    return 0;
}

/* A growing circle: what lies within it is the nearest as soon as there is one. */
static int settle_nearest(struct asking *a, struct item *i, double radius, struct sl_error *err)
{
    for (;; radius *= 2) {
        int rc = ask_around(a, &i, 1, radius, keep_nearest, err);
        i->settled = rc == 0 && i->n_corners && (i->distance_deg <= radius || radius >= 180);
        if (rc == 0 && !i->settled && radius >= 180) {
            i->settled = true;
            i->why = "the field has no value at all";
        }
        if (rc < 0 || i->settled)
            return rc;
    }
}

/* Fields of one grid have their points at the same places: of most of them the nearest is as far as of the first. */
static int nearest_of_grid(struct asking *a, struct item **items, size_t n, struct sl_error *err)
{
    double radius = items[0]->f.spacing > 0 ? items[0]->f.spacing * 0.75 : 0.5;
    while (n) {
        int rc = settle_nearest(a, items[0], radius, err);
        bool empty = items[0]->why; /* then nothing is known of the others */
        radius = empty ? radius : items[0]->distance_deg * (1 + 1e-12) + 1e-9;
        if (rc == 0 && n > 1 && !empty)
            rc = ask_around(a, items + 1, n - 1, radius, keep_nearest, err);
        if (rc < 0)
            return rc;
        size_t left = 0;
        for (size_t i = 1; i < n; i++) {
            items[i]->settled = items[i]->n_corners && items[i]->distance_deg <= radius;
            if (!items[i]->settled)
                items[left++] = items[i];
        }
        n = left;
    }
    return 0;
}

/* ---- bilinear ---- */

static int keep_near(void *data, size_t which, double lat, double lon, double value, struct sl_error *err)
{
    enum { NEAR_MAX = 1 << 20 };
    struct asking *a = data;
    (void)which;
    if (a->n_near == NEAR_MAX)
        return sl_fail(err, SL_E_LIMIT, "more than %d points lie around the place", NEAR_MAX);
    if (a->n_near == a->near_capacity) {
        a->near_capacity = a->near_capacity ? 2 * a->near_capacity : 256;
        a->near = sl_xrealloc(a->near, a->near_capacity * sizeof *a->near);
    }
    a->near[a->n_near++] = (struct sl_grid_near){lat, lon, value};
    return 0;
}

static const char no_corners[] = "not all four points around the place have a value";

/* The cell of the first of them; true: *radius has all of its corners. */
static int find_cell(struct asking *a, struct item *i, bool *found, double *radius, struct sl_error *err)
{
    struct sl_grid_corner corners[CORNERS];
    double spacing = i->f.spacing > 0 ? i->f.spacing : 1;
    *found = false;
    for (int round = 0; round < 2 && !*found; round++) {
        a->n_near = 0;
        *radius = spacing * (round ? 8 : 3);
        int rc = ask_around(a, &i, 1, *radius, keep_near, err);
        if (rc < 0)
            return rc;
        *found = sl_grid_cell_around(sl_grid_shape(i->f.grid_type), a->near, a->n_near, a->q->lat, a->q->lon, corners);
    }
    *radius = 0;
    for (int k = 0; *found && k < CORNERS; k++) {
        const struct sl_grid_near *p = &a->near[corners[k].point];
        i->corners[k] = *p;
        i->weights[k] = corners[k].weight;
        *radius = fmax(*radius, sl_grid_distance_deg(a->q->lat, a->q->lon, p->lat, p->lon) * (1 + 1e-12) + 1e-9);
    }
    i->n_corners = *found ? (1U << CORNERS) - 1 : 0;
    return 0;
}

static int keep_corner(void *data, size_t which, double lat, double lon, double value, struct sl_error *err)
{
    struct asking *a = data;
    struct item *i = a->at_work[which];
    (void)err;
    for (int k = 0; k < CORNERS; k++)
        if (i->corners[k].lat == lat && i->corners[k].lon == lon) {
            i->corners[k].value = value;
            i->n_corners |= 1U << k;
        }
    return 0;
}

static void settle_bilinear(const struct asking *a, struct item *i)
{
    i->settled = true;
    if (i->n_corners != (1U << CORNERS) - 1) {
        i->why = no_corners;
        return;
    }
    i->value = 0;
    for (int k = 0; k < CORNERS; k++)
        i->value += i->weights[k] * i->corners[k].value;
    i->lat = a->q->lat;
    i->lon = sl_grid_wrap(a->q->lon);
}

static int bilinear_of_grid(struct asking *a, struct item **items, size_t n, struct sl_error *err)
{
    enum { TRIES = 8 }; /* fields without a whole cell before the grid counts as having none there */
    bool found = false;
    double radius = 0;
    size_t first = 0;
    bool cells = sl_grid_shape(items[0]->f.grid_type) != SL_GRID_NO_CELLS;
    for (; cells && first < n && first < TRIES && !found; first++) {
        int rc = find_cell(a, items[first], &found, &radius, err);
        if (rc < 0)
            return rc;
        settle_bilinear(a, items[first]);
    }
    for (size_t i = first; i < n && found; i++) {
        memcpy(items[i]->corners, items[first - 1]->corners, sizeof items[i]->corners);
        memcpy(items[i]->weights, items[first - 1]->weights, sizeof items[i]->weights);
    }
    int rc = found && n > first ? ask_around(a, items + first, n - first, radius, keep_corner, err) : 0;
    for (size_t i = first; rc == 0 && i < n; i++) {
        settle_bilinear(a, items[i]);
        if (!cells)
            items[i]->why = "its grid has no cells of four points";
    }
    return rc;
}

/* ---- all of them ---- */

static int by_grid(const void *a, const void *b)
{
    const struct item *const *p = a, *const *q = b;
    int by = strcmp((*p)->f.grid_id, (*q)->f.grid_id);
    return by ? by : (*p > *q) - (*p < *q);
}

static int settle(struct asking *a, struct sl_error *err)
{
    SL_CLEANUP(sl_freep) struct item **order = sl_xmalloc((a->n + 1) * sizeof(struct item *));
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < a->n; i++)
        if (!a->items[i].hidden)
            order[n++] = &a->items[i];
    qsort(order, n, sizeof *order, by_grid);
    for (size_t i = 0, k; rc == 0 && i < n; i = k) {
        for (k = i + 1; k < n && !strcmp(order[k]->f.grid_id, order[i]->f.grid_id); k++)
            ;
        rc = a->q->method == SL_GRID_BILINEAR ? bilinear_of_grid(a, order + i, k - i, err)
                                              : nearest_of_grid(a, order + i, k - i, err);
    }
    return rc;
}

/* ---- as JSON ---- */

static void put_raw_file(struct json_object *o, const struct sl_grid_origin *origin)
{
    sl_json_put_str(o, "raw_file_id", origin->raw_file_id);
    sl_json_put_str(o, "raw_key", origin->raw_key);
    sl_json_put_str(o, "content_hash", origin->content_hash);
}

static struct json_object *corners_json(const struct item *i)
{
    struct json_object *list = json_object_new_array();
    for (int k = 0; k < CORNERS; k++) {
        struct json_object *o = json_object_new_object();
        sl_json_put(o, "lat", sl_lake_number(i->corners[k].lat));
        sl_json_put(o, "lon", sl_lake_number(i->corners[k].lon));
        sl_json_put(o, "value", sl_lake_number(i->corners[k].value));
        sl_json_put(o, "weight", sl_lake_number(i->weights[k]));
        put_raw_file(o, i->f.origin);
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *answer(const struct asking *a, const struct item *i)
{
    char at[SL_ISO8601_BYTES];
    bool bilinear = a->q->method == SL_GRID_BILINEAR;
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "variable", i->f.variable);
    sl_json_put_str(o, "units", i->f.units);
    sl_json_put_str(o, "valid_time", time_text(i->f.valid_s, at));
    sl_json_put_str(o, "reference_time", time_text(i->f.reference_s, at));
    sl_json_put_str(o, "level_type", i->f.level_type);
    sl_json_put(o, "level", sl_lake_number(i->f.level));
    sl_json_put_int(o, "member", i->f.member);
    sl_json_put_str(o, "step_type", i->f.step_type);
    sl_json_put_int(o, "step_from_s", i->f.step_from_s);
    sl_json_put_int(o, "step_to_s", i->f.step_to_s);
    sl_json_put_str(o, "dataset_id", i->f.origin->dataset_id);
    sl_json_put_int(o, "version", i->f.origin->version);
    sl_json_put_str(o, "asset_id", i->f.origin->asset_id);
    put_raw_file(o, i->f.origin);
    sl_json_put_str(o, "method", bilinear ? "bilinear" : "nearest");
    sl_json_put(o, "value", i->why ? NULL : sl_lake_number(i->value));
    if (i->why) {
        sl_json_put_str(o, "why", i->why);
        return o;
    }
    sl_json_put(o, "lat", sl_lake_number(i->lat));
    sl_json_put(o, "lon", sl_lake_number(i->lon));
    if (bilinear)
        sl_json_put(o, "points", corners_json(i));
    else
        sl_json_put(o, "distance_km", json_object_new_double(round(i->distance_deg * KM_PER_DEGREE * 1000) / 1000));
    return o;
}

static int no_field(const struct sl_grid_filter *f, struct sl_error *err)
{
    char since[SL_ISO8601_BYTES], until[SL_ISO8601_BYTES];
    int rc = f->since_s == f->until_s ? sl_fail(err, SL_E_ASSET_NOT_FOUND, "there is no value of \"%s\" at %s",
                                                f->variable, time_text(f->since_s, since))
             : f->since_s == INT64_MIN && f->until_s == INT64_MAX
                 ? sl_fail(err, SL_E_ASSET_NOT_FOUND, "there is no value of \"%s\"", f->variable)
                 : sl_fail(err, SL_E_ASSET_NOT_FOUND, "there is no value of \"%s\" from %s to %s", f->variable,
                           f->since_s == INT64_MIN ? "the beginning" : time_text(f->since_s, since),
                           f->until_s == INT64_MAX ? "the end" : time_text(f->until_s, until));
    sl_error_hint(err, "sluice grid fields shows what there is, and of which times");
    return rc;
}

/* None of them has a value by the method: the first one's reason is the answer. */
static int refuse(const struct asking *a, const struct item *i, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_USAGE, "no %s value of \"%s\" at %.6g %.6g: %s (%s of %s)",
                     a->q->method == SL_GRID_BILINEAR ? "bilinear" : "nearest", i->f.variable, a->q->lat, a->q->lon,
                     i->why, i->f.grid_type, i->f.origin->dataset_id);
    if (a->q->method == SL_GRID_BILINEAR)
        sl_error_hint(err, "--method nearest works on every grid, and beside missing values");
    return rc;
}

static int all_answers(struct asking *a, struct json_object **out, struct sl_error *err)
{
    struct json_object *list = json_object_new_array();
    const struct item *first = NULL;
    bool any = false;
    for (size_t i = 0; i < a->n; i++) {
        if (a->items[i].hidden)
            continue;
        first = first ? first : &a->items[i];
        any |= !a->items[i].why;
        json_object_array_add(list, answer(a, &a->items[i]));
    }
    if (any) {
        *out = list;
        return 0;
    }
    json_object_put(list);
    return first ? refuse(a, first, err) : no_field(&a->q->filter, err);
}

static int in_time(const void *a, const void *b)
{
    const struct item *p = a, *q = b;
    int by = by_field(&p->f, &q->f);
    return by ? by : by_whole(q->f.origin->version, p->f.origin->version);
}

static int ask(struct sl_engine *engine, const struct sl_grid_question *q, size_t most, bool ordered,
               struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_grid_store_closep) struct sl_grid_store *store = NULL;
    struct asking a = {.q = q};
    int rc = sl_grid_store_open(engine, &store, err);
    a.store = store;
    if (rc == 0 && (rc = store->ops->find(store, &q->filter, most, keep_field, &a, err)) < 0 && err &&
        err->code == SL_E_LIMIT)
        sl_error_hint(err, "name the dataset, the level, the member, the step, or less time");
    if (rc == 0 && ordered && a.n)
        qsort(a.items, a.n, sizeof *a.items, in_time);
    if (rc == 0)
        hide_older(&a);
    rc = rc < 0 ? rc : settle(&a, err);
    rc = rc < 0 ? rc : all_answers(&a, out, err);
    free(a.items);
    free(a.near);
    return rc;
}

int sl_grid_point(struct sl_engine *engine, const struct sl_grid_question *q, struct json_object **out,
                  struct sl_error *err)
{
    return ask(engine, q, SL_GRID_ANSWERS_MAX, false, out, err);
}

int sl_grid_series(struct sl_engine *engine, const struct sl_grid_question *q, struct json_object **out,
                   struct sl_error *err)
{
    return ask(engine, q, SL_GRID_SERIES_MAX, true, out, err);
}
