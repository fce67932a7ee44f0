/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .env: lines NAME=value, `export` before them allowed, comments after # at the start of a line or after white space.
 * A value is plain (white space around it does not count), in single quotes (as it is) or in double quotes (\n, \t, \",
 * \\ and \$). Nothing is expanded.
 */
#include "config/settings.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum { MAX_BYTES = 64 * 1024, MAX_PAIRS = 1000 };

struct reader {
    const char *name;
    int line;
    struct sl_arena *arena;
};

static int syntax(const struct reader *r, const char *what, struct sl_error *err)
{
    return sl_fail(err, SL_E_CONFIG_SYNTAX, "%s:%d: %s", r->name, r->line, what);
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static bool comment_or_end(const char *p)
{
    p = skip_blanks(p);
    return !*p || *p == '#';
}

static int read_quoted(const struct reader *r, const char *p, const char **value, struct sl_error *err)
{
    char quote = *p++, *out = sl_arena_alloc(r->arena, strlen(p) + 1);
    size_t n = 0;
    for (; *p && *p != quote; p++) {
        char c = *p;
        if (quote == '"' && c == '\\' && p[1]) {
            c = *++p;
            if (c == 'n')
                c = '\n';
            else if (c == 't')
                c = '\t';
            else if (!strchr("\"\\$", c))
                return syntax(r, "unknown escape in double quotes", err);
        }
        out[n++] = c;
    }
    if (!*p)
        return syntax(r, "the quote is not closed on this line", err);
    if (!comment_or_end(p + 1))
        return syntax(r, "text after the closing quote", err);
    *value = out;
    return 0;
}

static const char *read_plain(const struct reader *r, const char *p)
{
    size_t n = 0;
    for (size_t i = 0; p[i]; i++) {
        if (p[i] == '#' && (i == 0 || isspace((unsigned char)p[i - 1])))
            break;
        if (!isspace((unsigned char)p[i]))
            n = i + 1;
    }
    return sl_arena_strndup(r->arena, p, n);
}

static int read_line(const struct reader *r, const char *p, struct sl_dotenv *out, struct sl_error *err)
{
    if (comment_or_end(p))
        return 0;
    p = skip_blanks(p);
    if (sl_text_starts(p, "export ") || sl_text_starts(p, "export\t"))
        p = skip_blanks(p + 6);
    size_t n = 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_')
        n++;
    if (n == 0 || isdigit((unsigned char)*p) || p[n] != '=')
        return syntax(r, "expected NAME=value", err);
    if (out->n == MAX_PAIRS)
        return sl_fail(err, SL_E_LIMIT, "%s has more than %d settings", r->name, MAX_PAIRS);
    struct sl_dotenv_pair *pair = &out->pairs[out->n];
    pair->name = sl_arena_strndup(r->arena, p, n);
    pair->line = r->line;
    p = skip_blanks(p + n + 1);
    int rc = 0;
    if (*p == '"' || *p == '\'')
        rc = read_quoted(r, p, &pair->value, err);
    else
        pair->value = read_plain(r, p);
    out->n += rc == 0;
    return rc;
}

int sl_dotenv_parse(const char *name, const char *text, struct sl_arena *arena, struct sl_dotenv *out,
                    struct sl_error *err)
{
    struct reader r = {name, 0, arena};
    int rc = 0;
    *out = (struct sl_dotenv){.pairs = sl_arena_array(arena, MAX_PAIRS, sizeof *out->pairs)};
    while (rc == 0 && *text) {
        size_t n = strcspn(text, "\n"), end = n;
        if (end && text[end - 1] == '\r')
            end--;
        r.line++;
        rc = read_line(&r, sl_arena_strndup(arena, text, end), out, err);
        text += n + (text[n] == '\n');
    }
    return rc;
}

int sl_dotenv_read(const char *path, struct sl_arena *arena, struct sl_dotenv *out, struct sl_error *err)
{
    struct sl_buf buf;
    sl_buf_init(&buf, MAX_BYTES);
    int rc = sl_file_read(path, &buf, err);
    if (rc == -SL_E_FILE_MISSING) {
        sl_error_clear(err);
        *out = (struct sl_dotenv){0};
        rc = 0;
    } else if (rc == 0 && strlen(buf.data) != buf.len) {
        rc = sl_fail(err, SL_E_CONFIG_SYNTAX, "%s has a NUL byte", path);
    } else if (rc == 0) {
        rc = sl_dotenv_parse(sl_path_base(path), buf.data, arena, out, err);
    }
    sl_buf_free(&buf);
    return rc;
}

const struct sl_dotenv_pair *sl_dotenv_find(const struct sl_dotenv *env, const char *name)
{
    /* The last one counts, as in a shell; empty is as good as unset, as in the environment. */
    for (size_t i = env->n; i-- > 0;)
        if (!strcmp(env->pairs[i].name, name))
            return *env->pairs[i].value ? &env->pairs[i] : NULL;
    return NULL;
}
