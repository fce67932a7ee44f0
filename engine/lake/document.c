/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the documents beside an asset: one for the same content, however a ledger keeps members and numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "lake/lake.h"

struct member {
    const char *key;
    struct json_object *value;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static struct json_object *normal(struct json_object *value);

static struct json_object *sorted(struct json_object *value)
{
    size_t n = 0;
    struct member *members = sl_xcalloc((size_t)json_object_object_length(value) + 1, sizeof *members);
    json_object_object_foreach(value, key, member) members[n++] = (struct member){key, member};
    qsort(members, n, sizeof *members, by_key);
    struct json_object *o = json_object_new_object();
    for (size_t i = 0; i < n; i++)
        json_object_object_add(o, members[i].key, normal(members[i].value));
    free(members);
    return o;
}

static struct json_object *number(double d)
{
    if (d == floor(d) && fabs(d) < 1e15)
        return json_object_new_int64((int64_t)d);
    return sl_json_double(d);
}

static struct json_object *normal(struct json_object *value)
{
    if (json_object_is_type(value, json_type_object))
        return sorted(value);
    if (json_object_is_type(value, json_type_double))
        return number(json_object_get_double(value));
    if (!json_object_is_type(value, json_type_array))
        return json_object_get(value);
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(value); i++)
        json_object_array_add(list, normal(json_object_array_get_idx(value, i)));
    return list;
}

char *sl_lake_document_text(struct json_object *document, struct sl_arena *arena)
{
    SL_CLEANUP(sl_json_putp) struct json_object *copy = normal(document);
    return sl_arena_strdup(
        arena, json_object_to_json_string_ext(copy, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}
