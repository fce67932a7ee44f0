/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "schema/format.h"

/* Exactly n digits at s; -1 when they are not there. */
static int number(const char *s, const char *end, size_t n)
{
    int v = 0;
    if ((size_t)(end - s) < n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = v * 10 + (s[i] - '0');
    }
    return v;
}

bool sl_schema__is_date(const char *s, size_t n)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *end = s + n;
    if (n != 10 || s[4] != '-' || s[7] != '-')
        return false;
    int y = number(s, end, 4), m = number(s + 5, end, 2), d = number(s + 8, end, 2);
    if (y < 0 || m < 1 || m > 12 || d < 1)
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return d <= days[m - 1] + (m == 2 && leap);
}

/* Minutes east of UTC of "Z" or "+hh:mm" at s, which must end there. */
static bool offset(const char *s, const char *end, int *minutes)
{
    if (end - s == 1 && (*s == 'Z' || *s == 'z')) {
        *minutes = 0;
        return true;
    }
    if (end - s != 6 || (*s != '+' && *s != '-') || s[3] != ':')
        return false;
    int h = number(s + 1, end, 2), m = number(s + 4, end, 2);
    *minutes = (*s == '-' ? -1 : 1) * (h * 60 + m);
    return h >= 0 && h <= 23 && m >= 0 && m <= 59;
}

bool sl_schema__is_time(const char *s, size_t n)
{
    const char *end = s + n;
    if (n < 9 || s[2] != ':' || s[5] != ':')
        return false;
    int h = number(s, end, 2), m = number(s + 3, end, 2), sec = number(s + 6, end, 2), east;
    const char *p = s + 8;
    if (*p == '.') {
        size_t digits = strspn(p + 1, "0123456789");
        if (digits == 0)
            return false;
        p += 1 + digits;
    }
    if (h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 60 || p > end || !offset(p, end, &east))
        return false;
    /* A leap second is the last second of a day of UTC. */
    return sec < 60 || ((h * 60 + m - east) % 1440 + 1440) % 1440 == 1439;
}

bool sl_schema__is_date_time(const char *s, size_t n)
{
    return n > 11 && (s[10] == 'T' || s[10] == 't') && sl_schema__is_date(s, 10) && sl_schema__is_time(s + 11, n - 11);
}

/* One part of a duration: numbers, each followed by the next of `units`, none left out between two. Returns how many,
 * -1 for a wrong one; *p moves past them. */
static int components(const char **p, const char *end, const char *units)
{
    int n = 0;
    const char *last = NULL;
    while (*p < end && **p != 'T') {
        size_t digits = strspn(*p, "0123456789");
        const char *unit = digits > 0 && *p + digits < end ? strchr(units, (*p)[digits]) : NULL;
        if (!unit || (last && unit != last + 1))
            return -1;
        last = unit;
        *p += digits + 1;
        n++;
    }
    return n;
}

bool sl_schema__is_duration(const char *s, size_t n)
{
    const char *p = s + 1, *end = s + n;
    if (n < 3 || *s != 'P' || strlen(s) != n)
        return false;
    if (s[n - 1] == 'W') {
        int weeks = components(&p, end, "W");
        return weeks == 1 && p == end;
    }
    int dates = components(&p, end, "YMD");
    if (dates < 0 || p == end)
        return dates > 0;
    p++;
    return components(&p, end, "HMS") > 0 && p == end;
}
