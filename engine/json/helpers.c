/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"

struct json_object *sl_json_get(struct json_object *obj, const char *key)
{
    struct json_object *value = NULL;
    if (json_object_is_type(obj, json_type_object))
        json_object_object_get_ex(obj, key, &value);
    return value;
}

const char *sl_json_str(struct json_object *obj, const char *key, const char *fallback)
{
    struct json_object *value = sl_json_get(obj, key);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : fallback;
}

int64_t sl_json_int(struct json_object *obj, const char *key, int64_t fallback)
{
    struct json_object *value = sl_json_get(obj, key);
    if (json_object_is_type(value, json_type_int))
        return json_object_get_int64(value);
    if (json_object_is_type(value, json_type_double)) {
        double d = json_object_get_double(value);
        if (d >= -0x1p63 && d < 0x1p63 && d == (double)(int64_t)d)
            return (int64_t)d;
    }
    return fallback;
}

double sl_json_num(struct json_object *obj, const char *key, double fallback)
{
    struct json_object *value = sl_json_get(obj, key);
    bool number = json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
    return number ? json_object_get_double(value) : fallback;
}

bool sl_json_bool(struct json_object *obj, const char *key, bool fallback)
{
    struct json_object *value = sl_json_get(obj, key);
    return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value) : fallback;
}

void sl_json_put(struct json_object *obj, const char *key, struct json_object *value)
{
    if (json_object_object_add(obj, key, value) != 0)
        sl_oom();
}

void sl_json_put_str(struct json_object *obj, const char *key, const char *value)
{
    struct json_object *s = value ? json_object_new_string(value) : NULL;
    if (value && !s)
        sl_oom();
    sl_json_put(obj, key, s);
}

void sl_json_put_int(struct json_object *obj, const char *key, int64_t value)
{
    struct json_object *i = json_object_new_int64(value);
    if (!i)
        sl_oom();
    sl_json_put(obj, key, i);
}

void sl_json_putp(struct json_object **obj)
{
    json_object_put(*obj);
}

char *sl_json_double_text(char *out, double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, SL_JSON_DOUBLE_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return out;
}

struct json_object *sl_json_double(double value)
{
    char text[SL_JSON_DOUBLE_BYTES];
    if (!(value - value == 0))
        return NULL; /* JSON has no NaN and no infinity */
    struct json_object *d = json_object_new_double_s(value, sl_json_double_text(text, value));
    if (!d)
        sl_oom();
    return d;
}
