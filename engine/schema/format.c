/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/format.h"

#include <ctype.h>
#include <string.h>

#include "schema/internal.h"

static bool is_uuid(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
            return false;
    }
    return n == 36;
}

static bool is_json_pointer(const char *s, size_t n)
{
    if (n > 0 && s[0] != '/')
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '~' && (i + 1 == n || (s[i + 1] != '0' && s[i + 1] != '1')))
            return false;
    return true;
}

/* draft-handrews-relative-json-pointer-01, 3: digits, then a pointer or "#". */
static bool is_relative_json_pointer(const char *s, size_t n)
{
    size_t digits = 0;
    while (digits < n && isdigit((unsigned char)s[digits]))
        digits++;
    if (digits == 0 || (s[0] == '0' && digits > 1))
        return false;
    return (n - digits == 1 && s[digits] == '#') || is_json_pointer(s + digits, n - digits);
}

static bool is_regex(const char *s, size_t n)
{
    char why[160];
    struct sl_schema__pattern *p = sl_schema__pattern_new(s, n, why, sizeof why);
    sl_schema__pattern_free(p);
    return p != NULL;
}

sl_schema__format_fn sl_schema__format(const char *name)
{
    static const struct {
        const char *name;
        sl_schema__format_fn fn;
    } formats[] = {
        {"date", sl_schema__is_date},
        {"date-time", sl_schema__is_date_time},
        {"duration", sl_schema__is_duration},
        {"email", sl_schema__is_email},
        {"hostname", sl_schema__is_hostname},
        {"idn-email", sl_schema__is_idn_email},
        {"idn-hostname", sl_schema__is_idn_hostname},
        {"ipv4", sl_schema__is_ipv4},
        {"ipv6", sl_schema__is_ipv6},
        {"iri", sl_schema__is_iri},
        {"iri-reference", sl_schema__is_iri_reference},
        {"json-pointer", is_json_pointer},
        {"regex", is_regex},
        {"relative-json-pointer", is_relative_json_pointer},
        {"time", sl_schema__is_time},
        {"uri", sl_schema__is_uri},
        {"uri-reference", sl_schema__is_uri_reference},
        {"uri-template", sl_schema__is_uri_template},
        {"uuid", is_uuid},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name))
            return formats[i].fn;
    return NULL;
}
