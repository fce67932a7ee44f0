/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/scan.h"

/* Longer ones are exact in no type that anything here has. */
enum { NUMBER_BYTES = 1024 };

static size_t digits(struct sl_json__scan *s)
{
    const char *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - from);
}

/* Moves past a number by the grammar of RFC 8259, 6; *integer when it has neither fraction nor exponent. */
static int skip(struct sl_json__scan *s, bool *integer)
{
    char buf[16];
    *integer = true;
    if (*s->p == '-')
        s->p++;
    bool zero = s->p < s->end && *s->p == '0';
    const char *first = s->p;
    size_t n = digits(s);
    if (n == 0)
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "a digit is missing before %s", sl_json__found(s, buf));
    if (zero && n > 1) {
        s->p = first;
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "a number must not start with a zero");
    }
    if (s->p < s->end && *s->p == '.') {
        *integer = false;
        s->p++;
        if (digits(s) == 0)
            return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "a digit is missing after the decimal point");
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        *integer = false;
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (digits(s) == 0)
            return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "a digit is missing in the exponent");
    }
    return 0;
}

static struct json_object *from_integer(const char *text)
{
    errno = 0;
    intmax_t i = strtoimax(text, NULL, 10);
    if (errno == 0)
        return json_object_new_int64(i);
    errno = 0;
    uintmax_t u = strtoumax(text, NULL, 10);
    return *text != '-' && errno == 0 ? json_object_new_uint64(u) : NULL;
}

int sl_json__number(struct sl_json__scan *s, struct json_object **out)
{
    char text[NUMBER_BYTES];
    const char *start = s->p;
    struct sl_doc_pos pos = sl_json__pos(s, start);
    bool integer;
    int rc = skip(s, &integer);
    if (rc != 0)
        return rc;
    size_t n = (size_t)(s->p - start);
    if (n >= sizeof text)
        return sl_json__fail(s, pos, SL_E_JSON_SIZE, "a number of %zu characters is too long", n);
    memcpy(text, start, n);
    text[n] = '\0';
    struct json_object *value = integer ? from_integer(text) : NULL;
    if (!value) {
        double d = strtod(text, NULL);
        if (isinf(d))
            return sl_json__fail(s, pos, SL_E_JSON_SYNTAX, "%s is out of range", text);
        value = json_object_new_double_s(d, text);
    }
    if (!value)
        sl_oom();
    *out = value;
    return 0;
}
