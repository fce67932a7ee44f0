/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "schema/format.h"

#define UNRESERVED_MARKS "-._~"
#define SUB_DELIMS       "!$&'()*+,;="

static bool hex2(const char *s, size_t left)
{
    return left >= 3 && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2]);
}

/* Characters of a component (RFC 3986, appendix A); `more` names those beyond unreserved and sub-delims. Beyond ASCII
 * everything counts as ucschar of RFC 3987. */
static bool all(const char *s, size_t n, const char *more, bool iri)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '%') {
            if (!hex2(s + i, n - i))
                return false;
            i += 2;
        } else if (c >= 0x80 ? !iri : !isalnum(c) && (!c || !strchr(UNRESERVED_MARKS SUB_DELIMS, c)) && (!c || !strchr(more, c))) {
            return false;
        }
    }
    return true;
}

static bool is_literal_host(const char *s, size_t n)
{
    char address[64] = "";
    if (n < 3 || s[n - 1] != ']' || n - 2 >= sizeof address)
        return false;
    memcpy(address, s + 1, n - 2);
    if ((address[0] | 0x20) == 'v') {
        size_t digits = strspn(address + 1, "0123456789abcdefABCDEF");
        return digits > 0 && address[1 + digits] == '.' && address[2 + digits] &&
               all(address + 2 + digits, strlen(address + 2 + digits), ":", false);
    }
    return sl_schema__is_ipv6(address, n - 2);
}

static bool is_authority(const char *s, size_t n, bool iri)
{
    const char *at = memchr(s, '@', n);
    if (at) {
        if (!all(s, (size_t)(at - s), ":", iri))
            return false;
        n -= (size_t)(at + 1 - s);
        s = at + 1;
    }
    size_t host = n;
    const char *close = n > 0 && s[0] == '[' ? memchr(s, ']', n) : NULL;
    const char *colon = memrchr(s, ':', n);
    if (colon && (!close || colon > close))
        host = (size_t)(colon - s);
    for (size_t i = host + 1; i < n; i++)
        if (!isdigit((unsigned char)s[i]))
            return false;
    return n > 0 && s[0] == '[' ? is_literal_host(s, host) : all(s, host, "", iri);
}

static size_t scheme_length(const char *s, size_t n)
{
    size_t i = 0;
    if (n == 0 || !isalpha((unsigned char)s[0]))
        return 0;
    while (i < n && (isalnum((unsigned char)s[i]) || (s[i] && strchr("+-.", s[i]))))
        i++;
    return i < n && s[i] == ':' ? i + 1 : 0;
}

static size_t span_until(const char *s, size_t n, const char *stop)
{
    size_t i = 0;
    while (i < n && !(s[i] && strchr(stop, s[i])))
        i++;
    return i;
}

static bool is_reference(const char *s, size_t n, bool absolute, bool iri)
{
    size_t scheme = scheme_length(s, n);
    if (absolute && scheme == 0)
        return false;
    s += scheme;
    n -= scheme;
    if (n >= 2 && s[0] == '/' && s[1] == '/') {
        size_t authority = span_until(s + 2, n - 2, "/?#");
        if (!is_authority(s + 2, authority, iri))
            return false;
        s += 2 + authority;
        n -= 2 + authority;
    } else if (scheme == 0 && memchr(s, ':', span_until(s, n, "/?#"))) {
        return false; /* would read as a scheme */
    }
    size_t path = span_until(s, n, "?#");
    if (!all(s, path, ":@/", iri))
        return false;
    const char *hash = memchr(s, '#', n);
    size_t query = hash ? (size_t)(hash - s) - path : n - path;
    if (query > 0 && !all(s + path + 1, query - 1, ":@/?", iri))
        return false;
    return !hash || all(hash + 1, n - (size_t)(hash + 1 - s), ":@/?", iri);
}

bool sl_schema__is_uri(const char *s, size_t n)
{
    return is_reference(s, n, true, false);
}

bool sl_schema__is_uri_reference(const char *s, size_t n)
{
    return is_reference(s, n, false, false);
}

bool sl_schema__is_iri(const char *s, size_t n)
{
    return is_reference(s, n, true, true);
}

bool sl_schema__is_iri_reference(const char *s, size_t n)
{
    return is_reference(s, n, false, true);
}

/* An expression of RFC 6570, 2.2, without its braces. */
static bool is_expression(const char *s, size_t n)
{
    if (n > 0 && strchr("+#./;?&=,!@|", s[0])) {
        s++;
        n--;
    }
    bool name = false, modified = false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == ',' && name) {
            name = modified = false;
        } else if (name && (c == '*' || (c == ':' && i + 1 < n && isdigit((unsigned char)s[i + 1])))) {
            modified = true;
        } else if (modified ? !isdigit(c) : !isalnum(c) && c != '_' && c != '%' && !(c == '.' && name)) {
            return false;
        } else {
            name = true;
        }
    }
    return name;
}

bool sl_schema__is_uri_template(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '{') {
            const char *close = memchr(s + i, '}', n - i);
            if (!close || !is_expression(s + i + 1, (size_t)(close - s) - i - 1))
                return false;
            i = (size_t)(close - s);
        } else if (c <= 0x20 || c == 0x7F || strchr("\"'<>\\^`|}", c) || (c == '%' && !hex2(s + i, n - i))) {
            return false;
        }
    }
    return true;
}
