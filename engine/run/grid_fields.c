/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to be asked for: the kinds of fields of all committed loads, put together by dataset. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "json/json.h"
#include "lake/facts.h"
#include "run/grid_store.h"

/* Numbers that are made a set at the end. */
struct numbers {
    double *items;
    size_t n, capacity;
};

struct group {
    const char *dataset, *source, *variable, *name, *units, *level_type, *step_type;
    struct numbers levels, members, times, versions;
    int64_t fields, values, missing;
    double bytes;
    bool bytes_known;
};

struct grouping {
    struct sl_arena *arena;
    struct group *items;
    size_t n, capacity;
};

static void add(struct numbers *s, double value)
{
    if (s->n && s->items[s->n - 1] == value)
        return;
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 16;
        s->items = sl_xrealloc(s->items, s->capacity * sizeof *s->items);
    }
    s->items[s->n++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void make_set(struct numbers *s)
{
    size_t m = 0;
    if (s->n)
        qsort(s->items, s->n, sizeof *s->items, by_value);
    for (size_t i = 0; i < s->n; i++)
        if (m == 0 || s->items[i] != s->items[m - 1])
            s->items[m++] = s->items[i];
    s->n = m;
}

static bool is_group(const struct group *g, const struct sl_grid_kind *k)
{
    return !strcmp(g->variable, k->variable) && !strcmp(g->dataset, k->origin->dataset_id) &&
           !strcmp(g->source, k->origin->source) && !strcmp(g->level_type, k->level_type) &&
           !strcmp(g->step_type, k->step_type) && !strcmp(g->units, k->units);
}

static int group_of(struct grouping *l, const struct sl_grid_kind *k, struct group **out, struct sl_error *err)
{
    enum { GROUPS_MAX = 20000 };
    for (size_t i = l->n; i-- > 0;) /* those of a file stand together */
        if (is_group(&l->items[i], k)) {
            *out = &l->items[i];
            return 0;
        }
    if (l->n == GROUPS_MAX) {
        int rc = sl_fail(err, SL_E_LIMIT, "there are more than %d kinds of fields", GROUPS_MAX);
        sl_error_hint(err, "name the dataset or the variable");
        return rc;
    }
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 64;
        l->items = sl_xrealloc(l->items, l->capacity * sizeof *l->items);
    }
    l->items[l->n] = (struct group){.dataset = sl_arena_strdup(l->arena, k->origin->dataset_id),
                                    .source = sl_arena_strdup(l->arena, k->origin->source),
                                    .variable = sl_arena_strdup(l->arena, k->variable),
                                    .name = sl_arena_strdup(l->arena, k->name),
                                    .units = sl_arena_strdup(l->arena, k->units),
                                    .level_type = sl_arena_strdup(l->arena, k->level_type),
                                    .step_type = sl_arena_strdup(l->arena, k->step_type),
                                    .bytes_known = true};
    *out = &l->items[l->n++];
    return 0;
}

static int keep_kind(void *data, const struct sl_grid_kind *k, struct sl_error *err)
{
    struct group *g = NULL;
    int rc = group_of(data, k, &g, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < k->n_levels; i++)
        if (!isnan(k->levels[i]))
            add(&g->levels, k->levels[i]);
    for (size_t i = 0; i < k->n_members; i++)
        if (k->members[i] >= 0)
            add(&g->members, (double)k->members[i]);
    for (size_t i = 0; i < k->n_times; i++)
        add(&g->times, (double)k->times[i]);
    add(&g->versions, (double)k->origin->version);
    g->fields += k->fields;
    g->values += k->values;
    g->missing += k->missing;
    g->bytes_known &= k->asset_bytes >= 0;
    if (k->asset_bytes > 0 && k->origin->rows > 0)
        g->bytes += (double)k->asset_bytes * (double)k->values / (double)k->origin->rows;
    return 0;
}

static int in_order(const void *a, const void *b)
{
    const struct group *p = a, *q = b;
    int by = strcmp(p->dataset, q->dataset);
    by = by ? by : strcmp(p->source, q->source);
    by = by ? by : strcmp(p->variable, q->variable);
    by = by ? by : strcmp(p->level_type, q->level_type);
    by = by ? by : strcmp(p->step_type, q->step_type);
    return by ? by : strcmp(p->units, q->units);
}

static struct json_object *set_json(struct numbers *s, bool whole)
{
    struct json_object *list = json_object_new_array();
    make_set(s);
    for (size_t i = 0; i < s->n; i++)
        json_object_array_add(list, whole ? json_object_new_int64((int64_t)s->items[i]) : sl_lake_number(s->items[i]));
    return list;
}

static void put_time(struct json_object *o, const char *key, double s)
{
    char text[SL_ISO8601_BYTES];
    time_t t = (time_t)s;
    struct tm tm;
    bool fits = gmtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    sl_json_put_str(o, key, fits ? text : NULL);
}

static struct json_object *group_json(struct group *g)
{
    struct json_object *o = json_object_new_object(), *times = json_object_new_object();
    sl_json_put_str(o, "dataset_id", g->dataset);
    sl_json_put_str(o, "source", g->source);
    sl_json_put(o, "versions", set_json(&g->versions, true));
    sl_json_put_str(o, "variable", g->variable);
    sl_json_put_str(o, "name", g->name);
    sl_json_put_str(o, "units", g->units);
    sl_json_put_str(o, "level_type", g->level_type);
    sl_json_put(o, "levels", set_json(&g->levels, false));
    sl_json_put_str(o, "step_type", g->step_type);
    sl_json_put(o, "members", set_json(&g->members, true));
    make_set(&g->times);
    put_time(times, "first", g->times.n ? g->times.items[0] : 0);
    put_time(times, "last", g->times.n ? g->times.items[g->times.n - 1] : 0);
    sl_json_put_int(times, "count", (int64_t)g->times.n);
    sl_json_put(o, "times", times);
    sl_json_put_int(o, "fields", g->fields);
    sl_json_put_int(o, "values", g->values);
    sl_json_put_int(o, "missing", g->missing);
    sl_json_put(o, "size_bytes", g->bytes_known ? json_object_new_int64(llround(g->bytes)) : NULL);
    return o;
}

int sl_grid_fields(struct sl_engine *engine, const struct sl_grid_filter *filter, struct json_object **out,
                   struct sl_error *err)
{
    SL_CLEANUP(sl_grid_store_closep) struct sl_grid_store *store = NULL;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct grouping l = {.arena = arena};
    int rc = sl_grid_store_open(engine, &store, err);
    rc = rc < 0 ? rc : store->ops->kinds(store, filter, keep_kind, &l, err);
    if (rc == 0 && l.n)
        qsort(l.items, l.n, sizeof *l.items, in_order);
    struct json_object *list = rc == 0 ? json_object_new_array() : NULL;
    for (size_t i = 0; i < l.n; i++) {
        if (list)
            json_object_array_add(list, group_json(&l.items[i]));
        free(l.items[i].levels.items);
        free(l.items[i].members.items);
        free(l.items[i].times.items);
        free(l.items[i].versions.items);
    }
    free(l.items);
    if (rc == 0)
        *out = list;
    return rc;
}
