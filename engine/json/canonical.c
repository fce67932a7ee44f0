/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static void put_string(struct sl_buf *out, const char *s, size_t bytes)
{
    sl_buf_putc(out, '"');
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            sl_buf_printf(out, "\\%c", c);
        else if (c < 0x20)
            sl_buf_printf(out, "\\u%04x", c);
        else
            sl_buf_putc(out, (char)c);
    }
    sl_buf_putc(out, '"');
}

/* The text of an integer too large for uint64, which its double would round. */
static const char *long_integer(struct json_object *value)
{
    const char *text = json_object_get_userdata(value);
    if (!text)
        return NULL;
    size_t sign = *text == '-';
    return strspn(text + sign, "0123456789") == strlen(text + sign) ? text : NULL;
}

static void put_double(struct sl_buf *out, struct json_object *value)
{
    char text[SL_JSON_DOUBLE_BYTES];
    double d = json_object_get_double(value);
    const char *integer = fabs(d) >= 0x1p63 ? long_integer(value) : NULL;
    if (integer)
        sl_buf_puts(out, integer);
    else if (d == 0)
        sl_buf_putc(out, '0'); /* -0.0 too */
    else if (d == floor(d) && fabs(d) < 1e21)
        sl_buf_printf(out, "%.0f", d);
    else
        sl_buf_puts(out, sl_json_double_text(text, d));
}

static void put_array(struct sl_buf *out, struct json_object *value)
{
    size_t n = json_object_array_length(value);
    sl_buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            sl_buf_putc(out, ',');
        sl_json_canonical(json_object_array_get_idx(value, i), out);
    }
    sl_buf_putc(out, ']');
}

struct member {
    const char *key;
    struct json_object *value;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void put_object(struct sl_buf *out, struct json_object *value)
{
    size_t n = 0;
    struct member *members = sl_xcalloc((size_t)json_object_object_length(value), sizeof *members);
    json_object_object_foreach(value, key, member) members[n++] = (struct member){key, member};
    qsort(members, n, sizeof *members, by_key);
    sl_buf_putc(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            sl_buf_putc(out, ',');
        put_string(out, members[i].key, strlen(members[i].key));
        sl_buf_putc(out, ':');
        sl_json_canonical(members[i].value, out);
    }
    sl_buf_putc(out, '}');
    free(members);
}

void sl_json_canonical(struct json_object *value, struct sl_buf *out)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        sl_buf_puts(out, "null");
        break;
    case json_type_boolean:
        sl_buf_puts(out, json_object_get_boolean(value) ? "true" : "false");
        break;
    case json_type_int:
        if (json_object_get_int64(value) < 0)
            sl_buf_printf(out, "%" PRId64, json_object_get_int64(value));
        else
            sl_buf_printf(out, "%" PRIu64, json_object_get_uint64(value));
        break;
    case json_type_double:
        put_double(out, value);
        break;
    case json_type_string:
        put_string(out, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        break;
    case json_type_array:
        put_array(out, value);
        break;
    case json_type_object:
        put_object(out, value);
        break;
    }
}
