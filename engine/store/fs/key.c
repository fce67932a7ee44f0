/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as paths. Normal names stay as they are. In a component, control characters become %XX; an empty component is
 * "%", "." is "%2E" and ".." is "%2E."; "%" itself becomes %25, but only where it would otherwise read as one of these,
 * so that "100%.tif" is "100%.tif". A name of more than 255 bytes goes on in a folder: "first%+/%+rest". Each file name
 * stands for at most one key, and names that this encoding does not make stand for none.
 */
#include "store/fs/fs.h"

#include <string.h>

enum { NAME_MAX_BYTES = 255, MARK_BYTES = 2, FULL_NAME_BYTES = 4 * SL_KEY_MAX_BYTES };

const char sl_fs__mark[] = "%+";

static const char hex[] = "0123456789ABCDEF";

/* The byte that "%ab" stands for, or -1 when that is not an escape of ours. */
static int escape_value(char a, char b)
{
    const char *high = a ? strchr(hex, a) : NULL, *low = b ? strchr(hex, b) : NULL;
    if (!high || !low)
        return -1;
    int v = (int)(high - hex) * 16 + (int)(low - hex);
    return v < 0x20 ? v : v == 0x7F || v == '%' || v == '.' ? v : -1;
}

static bool must_escape_percent(const char *s, size_t left)
{
    if (left == 1 || (left == 2 && s[1] == '+'))
        return true;
    return left >= 3 && escape_value(s[1], s[2]) >= 0;
}

/* One component into out (4 bytes more than thrice its length suffice); returns the length. */
static size_t encode_component(const char *s, size_t n, char *out)
{
    size_t len = 0;
    bool dots = (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
    if (n == 0)
        out[len++] = '%';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        bool escape = c < 0x20 || c == 0x7F || (dots && i == 0) || (c == '%' && must_escape_percent(s + i, n - i));
        if (escape) {
            out[len++] = '%';
            out[len++] = hex[c >> 4];
            out[len++] = hex[c & 15];
        } else {
            out[len++] = (char)c;
        }
    }
    return len;
}

/* How much of an encoded name fits in `room`, without cutting an escape or a character. */
static size_t cut(const char *s, size_t room)
{
    size_t n = room;
    while (n > room - 4 && ((unsigned char)s[n] & 0xC0) == 0x80)
        n--;
    if (s[n - 1] == '%')
        n -= 1;
    else if (s[n - 2] == '%')
        n -= 2;
    return n;
}

struct out {
    char *p;
    size_t left;
    bool full;
};

static void put(struct out *o, const char *s, size_t n)
{
    if (o->full || n >= o->left) {
        o->full = true;
        return;
    }
    memcpy(o->p, s, n);
    o->p += n;
    o->left -= n;
    *o->p = '\0';
}

static void put_name(struct out *o, const char *s, size_t n)
{
    size_t room = NAME_MAX_BYTES;
    while (n > room) {
        size_t take = cut(s, room - MARK_BYTES);
        put(o, s, take);
        put(o, "%+/%+", 5);
        s += take;
        n -= take;
        room = NAME_MAX_BYTES - MARK_BYTES;
    }
    put(o, s, n);
}

bool sl_fs__encode(const char *key, size_t bytes, char *rel, size_t rel_bytes)
{
    char name[FULL_NAME_BYTES];
    struct out o = {rel, rel_bytes, false};
    if (bytes > SL_KEY_MAX_BYTES)
        return false;
    *rel = '\0';
    for (size_t at = 0;;) {
        const char *slash = memchr(key + at, '/', bytes - at);
        size_t n = slash ? (size_t)(slash - key) - at : bytes - at;
        put_name(&o, name, encode_component(key + at, n, name));
        if (!slash)
            return !o.full;
        put(&o, "/", 1);
        at += n + 1;
    }
}

bool sl_fs__decode(const char *name, char *out)
{
    char again[FULL_NAME_BYTES];
    size_t n = strlen(name), len = 0;
    if (strcmp(name, "%") != 0) {
        for (size_t i = 0; i < n; i++) {
            int v = name[i] == '%' && i + 2 < n ? escape_value(name[i + 1], name[i + 2]) : -1;
            out[len++] = v >= 0 ? (char)v : name[i];
            i += v >= 0 ? 2 : 0;
        }
    }
    out[len] = '\0';
    /* A NUL cannot be in a key; and only the encoding of this very component stands for it. */
    return strlen(out) == len && len <= SL_KEY_MAX_BYTES && encode_component(out, len, again) == n &&
           !memcmp(again, name, n);
}

bool sl_fs__continues(const char *name, size_t *bytes)
{
    size_t n = strlen(name);
    if (n <= MARK_BYTES || strcmp(name + n - MARK_BYTES, sl_fs__mark) != 0)
        return false;
    *bytes = n - MARK_BYTES;
    return true;
}
