/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as typed values, and values as texts that may be shown. */
#include "config/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

static const char masked[] = "********";

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit byte_units[] = {{"", 1}, {"B", 1}, {"kB", 1000}, {"KB", 1000}, {"MB", 1000000},
                                         {"GB", 1000000000}, {"TB", INT64_C(1000000000000)}, {"KiB", 1 << 10},
                                         {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", INT64_C(1) << 40}, {NULL, 0}};
static const struct unit time_units[] = {{"ms", 1},          {"s", 1000},     {"sec", 1000},   {"min", 60000},
                                         {"m", 60000},       {"h", 3600000},  {"d", 86400000}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static void *field(struct sl_config *config, const struct sl_setting *s)
{
    return (char *)config + s->offset;
}

static void set_text(struct sl_config *config, const struct sl_setting *s, const char *text)
{
    memcpy(field(config, s), &text, sizeof text);
}

/* "key in origin is "text": why"; a secret's text is not said. */
static int bad(const struct sl_setting *s, const struct sl_raw *raw, const char *why, struct sl_error *err)
{
    if (s->secret)
        return sl_fail(err, SL_E_CONFIG_VALUE, "%s (%s) is not valid: %s", s->key, raw->origin, why);
    return sl_fail(err, SL_E_CONFIG_VALUE, "%s (%s) is \"%s\": %s", s->key, raw->origin, raw->text, why);
}

static bool parse_quantity(const char *text, const struct unit *units, int64_t *out)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)*text))
        return false;
    long long n = strtoll(text, &end, 10);
    while (*end == ' ')
        end++;
    for (const struct unit *u = units; errno == 0 && u->name; u++)
        if (!strcmp(end, u->name))
            return !__builtin_mul_overflow((int64_t)n, u->factor, out);
    return false;
}

/* "5 MiB", or the bytes where that would be another number. */
static const char *show_bytes(char *out, size_t n, int64_t bytes)
{
    static const struct unit whole[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (bytes && bytes % whole[i].factor == 0) {
            snprintf(out, n, "%lld%s", (long long)(bytes / whole[i].factor), whole[i].name);
            return out;
        }
    snprintf(out, n, "%lldB", (long long)bytes);
    return out;
}

static int set_number(struct sl_config *config, const struct sl_setting *s, const struct sl_raw *raw,
                      const struct unit *units, const char *expected, struct sl_error *err)
{
    int64_t v;
    /* Zero needs no unit. */
    bool ok = parse_quantity(raw->text, units, &v) || (!strcmp(raw->text, "0") && ((v = 0), true));
    if (!ok)
        return bad(s, raw, expected, err);
    if (v < s->least || v > s->most) {
        int rc = bad(s, raw, v < s->least ? "too small" : "too large", err);
        if (s->type == SL_SET_INT)
            sl_error_hint(err, "from %lld to %lld", (long long)s->least, (long long)s->most);
        char least[32];
        if (s->type == SL_SET_BYTES && v < s->least)
            sl_error_hint(err, "at least %s", show_bytes(least, sizeof least, s->least));
        return rc;
    }
    memcpy(field(config, s), &v, sizeof v);
    return 0;
}

static int set_bool(struct sl_config *config, const struct sl_setting *s, const struct sl_raw *raw,
                    const char **shown, struct sl_error *err)
{
    static const char *const words[2][4] = {{"false", "0", "no", "off"}, {"true", "1", "yes", "on"}};
    for (int v = 0; v < 2; v++) {
        for (int i = 0; i < 4; i++) {
            if (strcasecmp(raw->text, words[v][i]) != 0)
                continue;
            *(bool *)field(config, s) = v;
            *shown = words[v][0];
            return 0;
        }
    }
    return bad(s, raw, "expected true or false", err);
}

/* True when word is one of the list, whose words are separated by spaces. */
static bool one_of(const char *word, const char *list)
{
    size_t n = strlen(word);
    for (const char *p = list; *p; p += strcspn(p, " ") + (p[strcspn(p, " ")] == ' '))
        if (strcspn(p, " ") == n && !memcmp(p, word, n))
            return n > 0;
    return false;
}

static int set_enum(struct sl_config *config, const struct sl_setting *s, const struct sl_raw *raw,
                    struct sl_arena *arena, struct sl_error *err)
{
    /* Empty is a choice where it is the default: "let the other side decide". */
    if (!one_of(raw->text, s->choices) && (*raw->text || *s->fallback)) {
        int rc = bad(s, raw, "not one of the choices", err);
        sl_error_hint(err, "choices: %s", s->choices);
        return rc;
    }
    set_text(config, s, sl_arena_strdup(arena, raw->text));
    return 0;
}

char *sl_config__absolute(struct sl_arena *arena, const char *base, const char *path)
{
    const char *whole = *path == '/' ? path : sl_path_join(arena, base, path);
    char *out = sl_arena_alloc(arena, strlen(whole) + 2);
    size_t n = 0;
    for (const char *p = whole; *p;) {
        size_t length = strcspn(p, "/");
        if (length && !(length == 1 && *p == '.')) {
            out[n++] = '/';
            memcpy(out + n, p, length);
            n += length;
        }
        p += length + (p[length] == '/');
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = '\0';
    return out;
}

/* Folders of a default that do not exist are left out; of those that somebody named, they are an error. */
static int set_paths(struct sl_config *config, const struct sl_setting *s, const struct sl_raw *raw,
                     struct sl_arena *arena, const char **shown, struct sl_error *err)
{
    bool is_default = !strcmp(raw->origin, "default");
    const char **list = sl_arena_array(arena, strlen(raw->text) + 2, sizeof *list);
    char *all = sl_arena_strdup(arena, "");
    size_t n = 0;
    for (const char *p = raw->text; *p;) {
        size_t length = strcspn(p, ":");
        char *path = sl_arena_strndup(arena, p, length);
        p += length + (p[length] == ':');
        if (!length)
            continue;
        path = sl_config__absolute(arena, raw->base, path);
        if (sl_path_exists(path)) {
            list[n++] = path;
            all = sl_arena_printf(arena, "%s%s%s", all, *all ? ":" : "", path);
        } else if (!is_default) {
            return sl_fail(err, SL_E_CONFIG_VALUE, "%s (%s): the folder %s does not exist", s->key, raw->origin, path);
        }
    }
    *(const char *const **)field(config, s) = list;
    *shown = all;
    return 0;
}

static bool string_like(enum sl_setting_type type)
{
    return type == SL_SET_STRING || type == SL_SET_PATH || type == SL_SET_PATHS || type == SL_SET_ENUM;
}

int sl_config__set(struct sl_config *config, const struct sl_setting *s, const struct sl_raw *raw,
                   struct sl_arena *arena, const char **shown, struct sl_error *err)
{
    *shown = sl_arena_strdup(arena, raw->text);
    if (raw->yaml && !raw->quoted && string_like(s->type)) {
        /* 0123 would have lost its zero by now. */
        int rc = bad(s, raw, "expected a string", err);
        sl_error_hint(err, "put the value in quotes");
        return rc;
    }
    switch (s->type) {
    case SL_SET_STRING:
        set_text(config, s, *shown);
        return 0;
    case SL_SET_PATH:
        if (*raw->text)
            *shown = sl_config__absolute(arena, raw->base, raw->text);
        set_text(config, s, *shown);
        return 0;
    case SL_SET_PATHS:
        return set_paths(config, s, raw, arena, shown, err);
    case SL_SET_ENUM:
        return set_enum(config, s, raw, arena, err);
    case SL_SET_BOOL:
        return set_bool(config, s, raw, shown, err);
    case SL_SET_INT:
        return set_number(config, s, raw, no_units, "expected a whole number", err);
    case SL_SET_BYTES:
        return set_number(config, s, raw, byte_units, "expected a size, such as 400MB or 2GiB", err);
    case SL_SET_DURATION:
        return set_number(config, s, raw, time_units, "expected a time, such as 500ms, 60s, 10min or 1h", err);
    }
    return sl_fail(err, SL_E_INTERNAL, "setting %s has no type", s->key);
}

static bool names_a_secret(const char *name, size_t n)
{
    static const char *const words[] = {"password", "passwd", "pwd", "secret", "token", "key"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (size_t i = 0; i + strlen(words[w]) <= n; i++)
            if (!strncasecmp(name + i, words[w], strlen(words[w])))
                return true;
    return false;
}

/* scheme://user:password@host/path?name=value */
static void mask_uri(struct sl_buf *out, const char *dsn)
{
    const char *user = strstr(dsn, "://") + 3, *at = strrchr(user, '@');
    const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
    const char *p = dsn;
    /* Up to the last @: a password that should have been encoded is hidden whole. */
    if (colon) {
        sl_buf_add(out, dsn, (size_t)(colon - dsn) + 1);
        sl_buf_puts(out, masked);
        p = at;
    }
    size_t n = strcspn(p, "?");
    sl_buf_add(out, p, n);
    for (p += n; *p; p += n) {
        sl_buf_putc(out, *p++);
        n = strcspn(p, "&");
        const char *equals = memchr(p, '=', n);
        if (equals && names_a_secret(p, (size_t)(equals - p))) {
            sl_buf_add(out, p, (size_t)(equals - p) + 1);
            sl_buf_puts(out, masked);
        } else {
            sl_buf_add(out, p, n);
        }
    }
}

/* name=value name='quoted value', as libpq reads them; false when it would not. */
static bool mask_pairs(struct sl_buf *out, const char *p)
{
    for (p += strspn(p, " \t\n"); *p; p += strspn(p, " \t\n")) {
        size_t n = strcspn(p, "= \t\n");
        const char *name = p;
        p += n + strspn(p + n, " \t\n");
        if (n == 0 || *p != '=')
            return false;
        p += 1 + strspn(p + 1, " \t\n");
        const char *value = p;
        bool quoted = *p == '\'';
        for (p += quoted; *p && (quoted ? *p != '\'' : !isspace((unsigned char)*p)); p++)
            if (*p == '\\' && p[1])
                p++;
        if (quoted && *p++ != '\'')
            return false;
        sl_buf_printf(out, "%s%.*s=", out->len ? " " : "", (int)n, name);
        if (names_a_secret(name, n))
            sl_buf_puts(out, masked);
        else
            sl_buf_add(out, value, (size_t)(p - value));
    }
    return true;
}

char *sl_config__mask_dsn(struct sl_arena *arena, const char *dsn)
{
    struct sl_buf out;
    bool ok = true;
    sl_buf_init(&out, 64 * 1024);
    if (strstr(dsn, "://"))
        mask_uri(&out, dsn);
    else
        ok = mask_pairs(&out, dsn);
    char *shown = sl_arena_strdup(arena, ok && !out.overflow ? out.data : masked);
    sl_buf_free(&out);
    return shown;
}
