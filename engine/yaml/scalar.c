/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static bool one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(text, words[i]))
            return true;
    return false;
}

#define ONE_OF(text, ...)                                                                                         \
    one_of(text, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const char *digits(const char *p)
{
    return p + strspn(p, "0123456789");
}

static bool is_int(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    if (text[0] == '0' && text[1] == 'o')
        return text[2] && !text[2 + strspn(text + 2, "01234567")];
    if (text[0] == '0' && text[1] == 'x')
        return text[2] && !text[2 + strspn(text + 2, "0123456789abcdefABCDEF")];
    return *p && !*digits(p);
}

static bool is_float(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    const char *whole = digits(p), *end = whole;
    if (*end == '.')
        end = digits(end + 1);
    if (whole == p && end <= p + 1)
        return false; /* no digit on either side */
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1 + (end[1] == '-' || end[1] == '+');
        end = digits(exponent);
        if (end == exponent)
            return false;
    }
    return !*end;
}

enum sl_yaml__type sl_yaml__type(const char *text, size_t bytes)
{
    if (strlen(text) != bytes)
        return SL_YAML__STR;
    if (ONE_OF(text, "", "~", "null", "Null", "NULL"))
        return SL_YAML__NULL;
    if (ONE_OF(text, "true", "True", "TRUE", "false", "False", "FALSE"))
        return SL_YAML__BOOL;
    if (is_int(text))
        return SL_YAML__INT;
    if (is_float(text))
        return SL_YAML__FLOAT;
    const char *unsigned_text = text + (*text == '-' || *text == '+');
    if (ONE_OF(unsigned_text, ".inf", ".Inf", ".INF") || ONE_OF(text, ".nan", ".NaN", ".NAN"))
        return SL_YAML__NO_JSON;
    return SL_YAML__STR;
}

/* Decimal digits beyond 64 bits: a double that keeps its text, as in json. */
static struct json_object *long_integer(const char *text, bool negative)
{
    double d = strtod(text, NULL);
    text += strspn(text, "+-0");
    if (isinf(d))
        return NULL;
    size_t n = strlen(text);
    char *kept = sl_xmalloc(n + 2);
    kept[0] = '-';
    memcpy(kept + 1, text, n + 1);
    struct json_object *value = json_object_new_double_s(d, negative ? kept : kept + 1);
    free(kept);
    return value;
}

static struct json_object *integer(const char *text)
{
    int base = text[0] == '0' && text[1] == 'o' ? 8 : text[0] == '0' && text[1] == 'x' ? 16 : 10;
    const char *number = base == 10 ? text : text + 2;
    errno = 0;
    intmax_t i = strtoimax(number, NULL, base);
    if (errno == 0)
        return json_object_new_int64(i);
    errno = 0;
    uintmax_t u = strtoumax(number, NULL, base);
    if (*text != '-' && errno == 0)
        return json_object_new_uint64(u);
    return base == 10 ? long_integer(text, *text == '-') : NULL;
}

struct json_object *sl_yaml__value(enum sl_yaml__type type, const char *text, size_t bytes)
{
    switch (type) {
    case SL_YAML__BOOL:
        return json_object_new_boolean(*text == 't' || *text == 'T');
    case SL_YAML__INT:
        return integer(text);
    case SL_YAML__FLOAT:
        return sl_json_double(strtod(text, NULL));
    case SL_YAML__STR:
        return json_object_new_string_len(text, (int)bytes);
    case SL_YAML__NULL:
    case SL_YAML__NO_JSON:
        break;
    }
    return NULL;
}
