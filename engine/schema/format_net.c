/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "schema/format.h"

bool sl_schema__is_ipv4(const char *s, size_t n)
{
    int parts = 0;
    size_t i = 0;
    while (parts < 4) {
        int v = 0;
        size_t digits = 0;
        for (; i < n && isdigit((unsigned char)s[i]) && digits < 4; i++, digits++)
            v = v * 10 + (s[i] - '0');
        /* A leading zero means octal to some and decimal to others. */
        if (digits == 0 || digits > 3 || v > 255 || (digits > 1 && s[i - digits] == '0'))
            return false;
        if (++parts < 4 && (i >= n || s[i++] != '.'))
            return false;
    }
    return i == n;
}

bool sl_schema__is_ipv6(const char *s, size_t n)
{
    struct in6_addr address;
    return strlen(s) == n && n < INET6_ADDRSTRLEN && inet_pton(AF_INET6, s, &address) == 1;
}

/* Letters, digits and inner hyphens (RFC 1123, 2.1), 63 at most; with `idn` any character beyond ASCII. */
static bool is_label(const char *s, size_t n, bool idn)
{
    bool punycode = n >= 4 && !strncasecmp(s, "xn--", 4);
    if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-' || (punycode && n == 4))
        return false;
    if (n >= 4 && s[2] == '-' && s[3] == '-' && !punycode)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '-' && !(idn && (s[i] & 0x80)))
            return false;
    return true;
}

static bool is_host(const char *s, size_t n, bool idn)
{
    size_t start = 0;
    if (n == 0 || n > 253)
        return false;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && s[i] != '.')
            continue;
        if (!is_label(s + start, i - start, idn))
            return false;
        start = i + 1;
    }
    return true;
}

bool sl_schema__is_hostname(const char *s, size_t n)
{
    return is_host(s, n, false);
}

bool sl_schema__is_idn_hostname(const char *s, size_t n)
{
    return is_host(s, n, true);
}

/* RFC 5321, 4.1.2: dot-atom or quoted string, "@", domain or address literal. */
static bool is_local(const char *s, size_t n, bool idn)
{
    if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
        for (size_t i = 1; i < n - 1; i++)
            if (s[i] == '"' || (s[i] == '\\' && ++i == n - 1))
                return false;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        bool dot = s[i] == '.';
        if (dot && (i == 0 || i == n - 1 || s[i - 1] == '.'))
            return false;
        if (!dot && !isalnum((unsigned char)s[i]) && !strchr("!#$%&'*+-/=?^_`{|}~", s[i]) && !(idn && (s[i] & 0x80)))
            return false;
    }
    return n > 0;
}

static bool is_mailbox(const char *s, size_t n, bool idn)
{
    const char *at = memrchr(s, '@', n);
    if (!at || strlen(s) != n || !is_local(s, (size_t)(at - s), idn))
        return false;
    const char *domain = at + 1;
    size_t left = n - (size_t)(domain - s);
    if (left < 2 || domain[0] != '[' || domain[left - 1] != ']')
        return is_host(domain, left, idn);
    char literal[64] = "";
    if (left - 2 >= sizeof literal)
        return false;
    memcpy(literal, domain + 1, left - 2);
    if (!strncasecmp(literal, "IPv6:", 5))
        return sl_schema__is_ipv6(literal + 5, strlen(literal + 5));
    return sl_schema__is_ipv4(literal, strlen(literal));
}

bool sl_schema__is_email(const char *s, size_t n)
{
    return is_mailbox(s, n, false);
}

bool sl_schema__is_idn_email(const char *s, size_t n)
{
    return is_mailbox(s, n, true);
}
