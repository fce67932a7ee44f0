/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

size_t sl_utf8_next(const void *text, size_t left, uint32_t *cp)
{
    const unsigned char *s = text;
    if (left == 0)
        return 0;
    if (s[0] < 0x80) {
        *cp = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || left < n)
        return 0;
    uint32_t c = s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3Fu);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *cp = c;
    return n;
}

static bool unprintable(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0x2028 || c == 0x2029;
}

bool sl_text_escape(char *dst, size_t dst_bytes, const char *src)
{
    static const char more[] = "…";
    const unsigned char *s = (const unsigned char *)src;
    size_t left = strlen(src), out = 0, safe = 0;
    if (dst_bytes == 0)
        return left == 0;
    while (left > 0) {
        uint32_t c = 0;
        size_t n = sl_utf8_next(s, left, &c);
        char piece[17];
        size_t piece_bytes = 0, take = n ? n : 1;
        if (n == 0 || unprintable(c)) {
            for (size_t i = 0; i < take; i++)
                piece_bytes += (size_t)snprintf(piece + piece_bytes, sizeof piece - piece_bytes, "\\x%02x", s[i]);
        } else {
            memcpy(piece, s, n);
            piece_bytes = n;
        }
        if (out + piece_bytes >= dst_bytes) {
            out = dst_bytes > sizeof more ? safe : 0;
            memcpy(dst + out, dst_bytes > sizeof more ? more : "", dst_bytes > sizeof more ? sizeof more : 1);
            return false;
        }
        memcpy(dst + out, piece, piece_bytes);
        out += piece_bytes;
        if (out + sizeof more <= dst_bytes)
            safe = out;
        s += take;
        left -= take;
    }
    dst[out] = '\0';
    return true;
}

bool sl_utf8_valid(const char *s, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)s;
    uint32_t c;
    while (bytes > 0) {
        if (*p < 0x80) { /* most text is ASCII */
            p++;
            bytes--;
            continue;
        }
        size_t n = sl_utf8_next(p, bytes, &c);
        if (n == 0)
            return false;
        p += n;
        bytes -= n;
    }
    return true;
}

static size_t columns_of(uint32_t c)
{
    if ((c >= 0x300 && c <= 0x36F) || c == 0x200B || c == 0xFE0F)
        return 0;
    bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
                (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF00 && c <= 0xFF60) || (c >= 0x1F300 && c <= 0x1FAFF) ||
                (c >= 0x20000 && c <= 0x3FFFD);
    return wide ? 2 : 1;
}

size_t sl_text_columns(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t left = strlen(s), columns = 0;
    uint32_t c = 0;
    while (left > 0) {
        size_t n = sl_utf8_next(p, left, &c);
        columns += n ? columns_of(c) : 1;
        n = n ? n : 1;
        p += n;
        left -= n;
    }
    return columns;
}

enum { NEAREST_MAX = 64 };

/* Optimal string alignment distance (Boytsov 2011, "Indexing methods for approximate dictionary searching", 2.2). */
static size_t distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    size_t row[3][NEAREST_MAX + 1];
    for (size_t j = 0; j <= nb; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *prev2 = row[(i + 1) % 3], *prev = row[(i - 1) % 3], *cur = row[i % 3];
        cur[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            size_t d = prev[j - 1] + (ca == cb ? 0 : 1);
            if (prev[j] + 1 < d)
                d = prev[j] + 1;
            if (cur[j - 1] + 1 < d)
                d = cur[j - 1] + 1;
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) && cb == tolower((unsigned char)a[i - 2]) &&
                prev2[j - 2] + 1 < d)
                d = prev2[j - 2] + 1;
            cur[j] = d;
        }
    }
    return row[na % 3][nb];
}

const char *sl_text_nearest(const char *word, const char *const *words, size_t n_words)
{
    size_t length = strlen(word), best = SIZE_MAX;
    const char *nearest = NULL;
    if (length > NEAREST_MAX)
        return NULL;
    for (size_t i = 0; i < n_words; i++) {
        if (strlen(words[i]) > NEAREST_MAX)
            continue;
        size_t d = distance(word, words[i]);
        if (d < best) {
            best = d;
            nearest = words[i];
        }
    }
    return best <= 1 + length / 4 && best < length ? nearest : NULL;
}

char *sl_text_bytes(char *buf, size_t buf_bytes, int64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes;
    size_t u = 0;
    while (v >= 999.5 && u + 1 < sizeof units / sizeof *units) {
        v /= 1000;
        u++;
    }
    if (u == 0 || v >= 9.95)
        snprintf(buf, buf_bytes, "%.0f %s", v, units[u]);
    else
        snprintf(buf, buf_bytes, "%.1f %s", v, units[u]);
    return buf;
}

char *sl_text_duration(char *buf, size_t buf_bytes, int64_t ns)
{
    double s = (double)ns / 1e9;
    long long whole = (long long)(s + 0.5);
    if (s < 0.0995)
        snprintf(buf, buf_bytes, "%.2f s", s);
    else if (s < 59.95)
        snprintf(buf, buf_bytes, "%.1f s", s);
    else if (whole < 3600)
        snprintf(buf, buf_bytes, "%lld min %lld s", whole / 60, whole % 60);
    else
        snprintf(buf, buf_bytes, "%lld h %lld min", whole / 3600, whole % 3600 / 60);
    return buf;
}

char *sl_text_count(char *buf, size_t buf_bytes, int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
    size_t out = 0;
    for (int i = 0; i < len && out + 2 < buf_bytes; i++) {
        buf[out++] = digits[i];
        int rest = len - 1 - i;
        if (rest > 0 && rest % 3 == 0 && digits[i] != '-')
            buf[out++] = ',';
    }
    buf[out] = '\0';
    return buf;
}

bool sl_text_starts(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

bool sl_text_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && !memcmp(s + n - m, suffix, m);
}
