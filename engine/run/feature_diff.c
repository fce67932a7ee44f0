/* SPDX-License-Identifier: Apache-2.0 */
#include "run/feature_diff.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

enum { SHOWN_BYTES = 200 };

static bool numeric(struct json_object *v)
{
    return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static bool numbers_close(struct json_object *a, struct json_object *b, double tolerance)
{
    double x = json_object_get_double(a), y = json_object_get_double(b);
    /* Beyond 2^53 neighbouring integers are one double: those are equal or not. */
    if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int) && fabs(x) >= 9007199254740992.0)
        return json_object_get_int64(a) == json_object_get_int64(b);
    return fabs(x - y) <= tolerance * fmax(1, fabs(x));
}

static bool arrays_close(struct json_object *a, struct json_object *b, double tolerance)
{
    size_t n = json_object_array_length(a);
    bool close = n == json_object_array_length(b);
    for (size_t i = 0; close && i < n; i++)
        close = sl_json_close(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i), tolerance);
    return close;
}

bool sl_json_close(struct json_object *a, struct json_object *b, double tolerance)
{
    if (numeric(a) && numeric(b))
        return numbers_close(a, b, tolerance);
    if (json_object_get_type(a) != json_object_get_type(b))
        return false;
    if (json_object_is_type(a, json_type_array))
        return arrays_close(a, b, tolerance);
    if (!json_object_is_type(a, json_type_object))
        return json_object_equal(a, b);
    json_object_object_foreach(a, key, value)
    {
        struct json_object *other = NULL;
        if (!json_object_object_get_ex(b, key, &other) || !sl_json_close(value, other, tolerance))
            return false;
    }
    return true;
}

/* ---- geometries ---- */

/* A closed ring of n positions, the last one the first again, from any of them and in either direction. */
static bool ring_close(struct json_object *a, struct json_object *b, double tolerance)
{
    size_t n = json_object_array_length(a);
    if (n != json_object_array_length(b))
        return false;
    if (n < 4)
        return arrays_close(a, b, tolerance);
    size_t m = n - 1;
    for (size_t start = 0; start < m; start++)
        for (int backward = 0; backward < 2; backward++) {
            bool close = true;
            for (size_t i = 0; close && i < m; i++) {
                size_t j = backward ? (start + m - i) % m : (start + i) % m;
                close = sl_json_close(json_object_array_get_idx(a, i), json_object_array_get_idx(b, j), tolerance);
            }
            if (close)
                return true;
        }
    return false;
}

/* depth: how many lists stand around a ring. */
static bool rings_close(struct json_object *a, struct json_object *b, int depth, double tolerance)
{
    if (!json_object_is_type(a, json_type_array) || !json_object_is_type(b, json_type_array))
        return false;
    if (depth == 0)
        return ring_close(a, b, tolerance);
    size_t n = json_object_array_length(a);
    bool close = n == json_object_array_length(b);
    for (size_t i = 0; close && i < n; i++)
        close = rings_close(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i), depth - 1, tolerance);
    return close;
}

static bool parts_close(struct json_object *a, struct json_object *b, double tolerance)
{
    struct json_object *x = sl_json_get(a, "geometries"), *y = sl_json_get(b, "geometries");
    size_t n = json_object_is_type(x, json_type_array) ? json_object_array_length(x) : 0;
    bool close = json_object_is_type(y, json_type_array) && n == json_object_array_length(y);
    for (size_t i = 0; close && i < n; i++)
        close = sl_geometry_close(json_object_array_get_idx(x, i), json_object_array_get_idx(y, i), tolerance);
    return close;
}

bool sl_geometry_close(struct json_object *a, struct json_object *b, double tolerance)
{
    if (!a || !b)
        return !a && !b;
    const char *type = sl_json_str(a, "type", "");
    if (strcmp(type, sl_json_str(b, "type", "")) != 0)
        return false;
    if (!strcmp(type, "GeometryCollection"))
        return parts_close(a, b, tolerance);
    struct json_object *x = sl_json_get(a, "coordinates"), *y = sl_json_get(b, "coordinates");
    if (!strcmp(type, "Polygon") || !strcmp(type, "MultiPolygon"))
        return rings_close(x, y, *type == 'P' ? 1 : 2, tolerance);
    return sl_json_close(x, y, tolerance);
}

/* ---- rows ---- */

static const char *shown(struct json_object *value, struct sl_arena *arena)
{
    char text[SHOWN_BYTES];
    sl_text_escape(text, sizeof text, value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "null");
    return sl_arena_strdup(arena, text);
}

const char *sl_feature_difference(struct json_object *expected, struct json_object *found, double tolerance,
                                  struct sl_arena *arena)
{
    struct json_object *properties = sl_json_get(expected, "properties"), *has = sl_json_get(found, "properties");
    struct json_object *geometry = NULL;
    if (properties) {
        json_object_object_foreach(properties, name, value)
        {
            struct json_object *other = NULL;
            char key[SHOWN_BYTES];
            sl_text_escape(key, sizeof key, name);
            if (!json_object_object_get_ex(has, name, &other))
                return sl_arena_printf(arena, "there is no column \"%s\"", key);
            if (!sl_json_close(value, other, tolerance))
                return sl_arena_printf(arena, "%s: expected %s, found %s", key, shown(value, arena), shown(other, arena));
        }
    }
    if (!json_object_object_get_ex(expected, "geometry", &geometry) ||
        sl_geometry_close(geometry, sl_json_get(found, "geometry"), tolerance))
        return NULL;
    return sl_arena_printf(arena, "geometry: expected %s, found %s", shown(geometry, arena),
                           shown(sl_json_get(found, "geometry"), arena));
}

struct comparison {
    struct json_object *expected, *found;
    size_t n_expected, n_found;
    bool *met, *taken;
};

/* Each expected row takes the first row that has all of it. */
static void match(struct comparison *c, bool ordered, double tolerance, struct sl_arena *arena)
{
    for (size_t i = 0; i < c->n_expected; i++)
        for (size_t j = ordered ? i : 0; !c->met[i] && j < c->n_found && (!ordered || j == i); j++) {
            if (c->taken[j] || sl_feature_difference(json_object_array_get_idx(c->expected, i),
                                                     json_object_array_get_idx(c->found, j), tolerance, arena))
                continue;
            c->met[i] = c->taken[j] = true;
        }
}

/* Of the rows that nothing took, the one that an expected row without one is most likely to be: the next in order. */
static size_t counterpart(const struct comparison *c, size_t i, bool ordered)
{
    if (ordered)
        return i < c->n_found && !c->taken[i] ? i : c->n_found;
    for (size_t j = 0; j < c->n_found; j++)
        if (!c->taken[j])
            return j;
    return c->n_found;
}

void sl_features_compare(struct json_object *expected, struct json_object *found, bool ordered, double tolerance,
                         struct sl_arena *arena, void (*say)(void *data, const char *difference), void *data)
{
    struct comparison c = {.expected = expected,
                           .found = found,
                           .n_expected = json_object_array_length(expected),
                           .n_found = json_object_array_length(found)};
    c.met = sl_arena_array(arena, c.n_expected + 1, sizeof *c.met);
    c.taken = sl_arena_array(arena, c.n_found + 1, sizeof *c.taken);
    if (c.n_expected != c.n_found)
        say(data, sl_arena_printf(arena, "rows: expected %zu, found %zu", c.n_expected, c.n_found));
    match(&c, ordered, tolerance, arena);
    for (size_t i = 0; i < c.n_expected; i++) {
        if (c.met[i])
            continue;
        struct json_object *row = json_object_array_get_idx(expected, i);
        size_t j = counterpart(&c, i, ordered);
        if (j == c.n_found) {
            say(data, sl_arena_printf(arena, "row %zu is missing: %s", i + 1, shown(row, arena)));
            continue;
        }
        c.taken[j] = true;
        say(data, sl_arena_printf(arena, "row %zu: %s", i + 1,
                                  sl_feature_difference(row, json_object_array_get_idx(found, j), tolerance, arena)));
    }
    for (size_t j = 0; j < c.n_found; j++)
        if (!c.taken[j])
            say(data, sl_arena_printf(arena, "not expected: %s",
                                      shown(sl_json_get(json_object_array_get_idx(found, j), "properties"), arena)));
}
