/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/uri.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct span {
    const char *at;
    size_t n;
    bool there;
};

struct parts {
    struct span scheme, authority, path, query, fragment;
};

static struct span take(const char **p, const char *stop)
{
    struct span s = {*p, strcspn(*p, stop), true};
    *p += s.n;
    return s;
}

/* The split of RFC 3986, appendix B. */
static struct parts split(const char *uri)
{
    struct parts u = {0};
    const char *p = uri;
    size_t n = strcspn(p, ":/?#");
    if (n > 0 && p[n] == ':' && isalpha((unsigned char)*p)) {
        u.scheme = (struct span){p, n, true};
        p += n + 1;
    }
    if (p[0] == '/' && p[1] == '/') {
        p += 2;
        u.authority = take(&p, "/?#");
    }
    u.path = take(&p, "?#");
    if (*p == '?') {
        p++;
        u.query = take(&p, "#");
    }
    if (*p == '#')
        u.fragment = (struct span){p + 1, strlen(p + 1), true};
    return u;
}

/* RFC 3986, 5.2.4, on a path that is not shared; returns its new length. */
static size_t remove_dots(char *path)
{
    char *out = path;
    const char *in = path;
    while (*in) {
        size_t n = 1 + strcspn(in + 1, "/");
        bool dot = *in == '/' && in[1] == '.' && n == 2;
        bool dots = *in == '/' && in[1] == '.' && n == 3 && in[2] == '.';
        const char *next = in + n;
        if (dot || dots) {
            while (dots && out > path && *--out != '/')
                ;
            if (!*next)
                *out++ = '/';
        } else {
            memmove(out, in, n);
            out += n;
        }
        in = next;
    }
    *out = '\0';
    return (size_t)(out - path);
}

static char *merged_path(struct sl_arena *arena, const struct parts *base, const struct parts *ref)
{
    size_t keep = 0;
    if (ref->path.n > 0 && ref->path.at[0] == '/')
        return sl_arena_strndup(arena, ref->path.at, ref->path.n);
    if (base->authority.there && base->path.n == 0)
        return sl_arena_printf(arena, "/%.*s", (int)ref->path.n, ref->path.at);
    for (size_t i = 0; i < base->path.n; i++)
        if (base->path.at[i] == '/')
            keep = i + 1;
    return sl_arena_printf(arena, "%.*s%.*s", (int)keep, base->path.at, (int)ref->path.n, ref->path.at);
}

static void add(struct sl_buf *out, const char *before, struct span s, const char *after)
{
    if (s.there) {
        sl_buf_puts(out, before);
        sl_buf_add(out, s.at, s.n);
        sl_buf_puts(out, after);
    }
}

char *sl_schema__uri_resolve(struct sl_arena *arena, const char *base, const char *ref)
{
    struct parts b = split(base), r = split(ref), t = r;
    if (!r.scheme.there) {
        t.scheme = b.scheme;
        if (!r.authority.there) {
            t.authority = b.authority;
            if (r.path.n == 0) {
                t.path = b.path;
                t.query = r.query.there ? r.query : b.query;
            } else {
                char *path = merged_path(arena, &b, &r);
                t.path = (struct span){path, remove_dots(path), true};
            }
        }
    }
    SL_CLEANUP(sl_buf_free) struct sl_buf out;
    sl_buf_init(&out, strlen(base) + strlen(ref) + 16);
    add(&out, "", t.scheme, ":");
    add(&out, "//", t.authority, "");
    add(&out, "", t.path, "");
    add(&out, "?", t.query, "");
    add(&out, "#", t.fragment, "");
    return sl_arena_strdup(arena, out.data);
}

char *sl_schema__uri_split(char *uri)
{
    char *hash = strchr(uri, '#');
    if (!hash)
        return uri + strlen(uri);
    *hash = '\0';
    return hash + 1;
}

void sl_schema__uri_decode(char *text)
{
    char *out = text;
    for (const char *p = text; *p; p++) {
        if (*p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
            char hex[3] = {p[1], p[2], '\0'};
            *out++ = (char)strtol(hex, NULL, 16);
            p += 2;
        } else {
            *out++ = *p;
        }
    }
    *out = '\0';
}
