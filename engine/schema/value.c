/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "schema/internal.h"

static const struct {
    const char *name;
    unsigned type;
} types[] = {{"null", TYPE_NULL},     {"boolean", TYPE_BOOLEAN}, {"integer", TYPE_INTEGER}, {"number", TYPE_NUMBER},
             {"string", TYPE_STRING}, {"array", TYPE_ARRAY},     {"object", TYPE_OBJECT}};

unsigned sl_schema__type_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].name, name))
            return types[i].type;
    return 0;
}

void sl_schema__type_names(struct sl_buf *out, unsigned wanted)
{
    bool first = true;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!(wanted & types[i].type) || (types[i].type == TYPE_INTEGER && (wanted & TYPE_NUMBER)))
            continue;
        sl_buf_printf(out, "%s%s", first ? "" : " or ", types[i].name);
        first = false;
    }
}

unsigned sl_schema__types_of(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return TYPE_NULL;
    case json_type_boolean:
        return TYPE_BOOLEAN;
    case json_type_int:
        return TYPE_INTEGER | TYPE_NUMBER;
    case json_type_double: {
        double d = json_object_get_double(value);
        return d == floor(d) ? TYPE_INTEGER | TYPE_NUMBER : TYPE_NUMBER;
    }
    case json_type_string:
        return TYPE_STRING;
    case json_type_array:
        return TYPE_ARRAY;
    case json_type_object:
        return TYPE_OBJECT;
    }
    return 0;
}

bool sl_schema__is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

/* A 64-bit integer of either sign; false for a double that is none. */
static bool as_integer(struct json_object *value, bool *negative, uint64_t *magnitude)
{
    if (json_object_is_type(value, json_type_int)) {
        int64_t i = json_object_get_int64(value);
        *negative = i < 0;
        *magnitude = i < 0 ? ~(uint64_t)i + 1 : json_object_get_uint64(value);
        return true;
    }
    double d = json_object_get_double(value);
    if (d != floor(d) || fabs(d) >= 0x1p64)
        return false;
    *negative = d < 0;
    *magnitude = (uint64_t)fabs(d);
    return true;
}

int sl_schema__compare(struct json_object *a, struct json_object *b)
{
    bool na, nb;
    uint64_t ma, mb;
    if (as_integer(a, &na, &ma) && as_integer(b, &nb, &mb)) {
        if (na != nb)
            return na ? -1 : 1;
        int order = ma < mb ? -1 : ma > mb;
        return na ? -order : order;
    }
    double da = json_object_get_double(a), db = json_object_get_double(b);
    return da < db ? -1 : da > db;
}

/* value = mantissa * 10^exponent, mantissa without trailing zeros: the decimal that people wrote, so that 0.0075 is a
 * multiple of 0.0001 though their doubles are not. */
static void decimal(struct json_object *value, uint64_t *mantissa, int *exponent)
{
    char text[SL_JSON_DOUBLE_BYTES];
    bool negative;
    *exponent = 0;
    *mantissa = 0;
    if (!json_object_is_type(value, json_type_int) || !as_integer(value, &negative, mantissa)) {
        double d = fabs(json_object_get_double(value));
        int digits = 14;
        do
            snprintf(text, sizeof text, "%.*e", digits, d);
        while (strtod(text, NULL) != d && ++digits <= 16);
        for (const char *p = text; *p && *p != 'e'; p++)
            if (*p != '.')
                *mantissa = *mantissa * 10 + (uint64_t)(*p - '0');
        *exponent = atoi(strchr(text, 'e') + 1) - digits;
    }
    while (*mantissa && *mantissa % 10 == 0) {
        *mantissa /= 10;
        ++*exponent;
    }
}

__extension__ typedef unsigned __int128 u128;

bool sl_schema__multiple(struct json_object *value, struct json_object *of)
{
    uint64_t m, n;
    int e, f;
    decimal(value, &m, &e);
    decimal(of, &n, &f);
    if (m == 0)
        return true;
    /* m·10^e = k·n·10^f. With fewer tens on the left, m would have to end in a zero, which it does not. */
    if (e < f || n == 0)
        return false;
    uint64_t rest = m % n;
    for (int tens = e - f; tens > 0 && rest; tens--)
        rest = (uint64_t)((u128)rest * 10 % n);
    return rest == 0;
}

static bool equal_objects(struct json_object *a, struct json_object *b)
{
    if (json_object_object_length(a) != json_object_object_length(b))
        return false;
    json_object_object_foreach(a, key, value)
    {
        struct json_object *other = NULL;
        if (!json_object_object_get_ex(b, key, &other) || !sl_schema__equal(value, other))
            return false;
    }
    return true;
}

static bool equal_arrays(struct json_object *a, struct json_object *b)
{
    size_t n = json_object_array_length(a);
    if (n != json_object_array_length(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!sl_schema__equal(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i)))
            return false;
    return true;
}

bool sl_schema__equal(struct json_object *a, struct json_object *b)
{
    if (sl_schema__is_number(a) && sl_schema__is_number(b))
        return sl_schema__compare(a, b) == 0;
    if (json_object_get_type(a) != json_object_get_type(b))
        return false;
    switch (json_object_get_type(a)) {
    case json_type_boolean:
        return json_object_get_boolean(a) == json_object_get_boolean(b);
    case json_type_string: {
        int n = json_object_get_string_len(a);
        return n == json_object_get_string_len(b) &&
               !memcmp(json_object_get_string(a), json_object_get_string(b), (size_t)n);
    }
    case json_type_array:
        return equal_arrays(a, b);
    case json_type_object:
        return equal_objects(a, b);
    default:
        return true;
    }
}

static uint64_t mix(uint64_t h, const void *data, size_t bytes)
{
    for (const unsigned char *p = data; bytes > 0; p++, bytes--)
        h = (h ^ *p) * UINT64_C(1099511628211);
    return h;
}

uint64_t sl_schema__hash(struct json_object *value)
{
    enum json_type type = json_object_get_type(value);
    unsigned char tag = (unsigned char)(type == json_type_int ? json_type_double : type);
    uint64_t h = mix(UINT64_C(14695981039346656037), &tag, 1);
    double d;
    switch (type) {
    case json_type_boolean:
        return h + (uint64_t)json_object_get_boolean(value);
    case json_type_int:
    case json_type_double:
        d = json_object_get_double(value) + 0.0; /* -0.0 + 0.0 is 0.0 */
        return mix(h, &d, sizeof d);
    case json_type_string:
        return mix(h, json_object_get_string(value), (size_t)json_object_get_string_len(value));
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++)
            h = (h ^ sl_schema__hash(json_object_array_get_idx(value, i))) * UINT64_C(1099511628211);
        return h;
    case json_type_object: {
        /* A sum, since the order of members does not count. */
        json_object_object_foreach(value, key, member) h +=
            mix(sl_schema__hash(member), key, strlen(key)) * UINT64_C(0x9E3779B97F4A7C15);
        return h;
    }
    default:
        return h;
    }
}

void sl_schema__show(struct sl_buf *out, struct json_object *value)
{
    enum { SHOWN_BYTES = 80 };
    char shown[SHOWN_BYTES];
    if (json_object_is_type(value, json_type_string)) {
        /* As it is, not with JSON's escapes: a sentence is for people. */
        bool whole = sl_text_escape(shown, sizeof shown, json_object_get_string(value));
        sl_buf_printf(out, "\"%s%s", shown, whole ? "\"" : "");
        return;
    }
    if (json_object_is_type(value, json_type_array) || json_object_is_type(value, json_type_object)) {
        sl_buf_puts(out, json_object_is_type(value, json_type_array) ? "an array" : "an object");
        return;
    }
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 4096);
    sl_json_canonical(value, &text);
    sl_text_escape(shown, sizeof shown, text.data);
    sl_buf_puts(out, shown);
}
