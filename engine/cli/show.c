/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "json/json.h"

enum { LABEL_COLUMNS = 10, HASH_DIGITS = 8 };

void sl_cli_label(struct sl_out *out, const char *label)
{
    size_t used = sl_text_columns(label);
    sl_out_coloured(out, SL_BOLD, label);
    sl_out_spaces(out, used < LABEL_COLUMNS ? LABEL_COLUMNS - used : 1);
}

void sl_cli_line(struct sl_out *out, const char *label, const char *fmt, ...)
{
    va_list ap;
    sl_cli_label(out, label);
    va_start(ap, fmt);
    sl_buf_vprintf(&out->buf, fmt, ap);
    va_end(ap);
    sl_out_text(out, "\n");
}

const char *sl_cli_time(struct sl_arena *arena, const char *iso)
{
    if (!iso || strlen(iso) < 16 || iso[10] != 'T')
        return sl_out_escape(arena, iso);
    const char *safe = sl_out_escape(arena, sl_arena_strndup(arena, iso, 16));
    char *copy = sl_arena_strdup(arena, safe), *t = strchr(copy, 'T');
    if (t)
        *t = ' ';
    return copy;
}

int64_t sl_cli_asset_bytes(struct json_object *doc)
{
    struct json_object *parts = sl_json_get(doc, "parts");
    return sl_json_int(json_object_is_type(parts, json_type_object) ? parts : doc, "size_bytes", 0);
}

const char *sl_cli_size(struct sl_arena *arena, int64_t bytes)
{
    char *buf = sl_arena_alloc(arena, 24);
    return sl_text_bytes(buf, 24, bytes);
}

const char *sl_cli_count(struct sl_arena *arena, int64_t n)
{
    char *buf = sl_arena_alloc(arena, 32);
    return sl_text_count(buf, 32, n);
}

const char *sl_cli_took(struct sl_arena *arena, int64_t ns)
{
    char *buf = sl_arena_alloc(arena, 32);
    return sl_text_duration(buf, 32, ns);
}

const char *sl_cli_plural(struct sl_arena *arena, int64_t n, const char *one, const char *many)
{
    return sl_arena_printf(arena, "%s %s", sl_cli_count(arena, n), n == 1 ? one : many);
}

const char *sl_cli_hash(struct sl_arena *arena, const char *hash)
{
    static const char prefix[] = "sha256:";
    if (!hash || !*hash)
        return "-";
    const char *hex = sl_out_escape(arena, sl_text_starts(hash, prefix) ? hash + sizeof prefix - 1 : hash);
    return sl_arena_printf(arena, "sha256 %.*s%s", HASH_DIGITS, hex, strlen(hex) > HASH_DIGITS ? "…" : "");
}

/* At most two decimals, and none that is a zero at the end. */
static const char *degree(struct sl_arena *arena, double v)
{
    char *text = sl_arena_printf(arena, "%.2f", v);
    size_t n = strlen(text);
    while (text[n - 1] == '0')
        text[--n] = '\0';
    if (text[n - 1] == '.')
        text[n - 1] = '\0';
    return strcmp(text, "-0") ? text : "0";
}

const char *sl_cli_bounds(struct sl_arena *arena, struct json_object *b)
{
    const char *t[4];
    if (!json_object_is_type(b, json_type_array) || json_object_array_length(b) != 4)
        return "-";
    for (size_t i = 0; i < 4; i++)
        t[i] = degree(arena, json_object_get_double(json_object_array_get_idx(b, i)));
    return sl_arena_printf(arena, "%s %s %s %s", t[0], t[1], t[2], t[3]);
}

const char *sl_cli_member(struct sl_arena *arena, struct json_object *doc, const char *key)
{
    return sl_out_escape(arena, sl_json_str(doc, key, NULL));
}

const char *sl_cli_object(struct sl_arena *arena, struct json_object *asset)
{
    return sl_arena_printf(arena, "%s/%s", sl_cli_member(arena, asset, "bucket"), sl_cli_member(arena, asset, "s3_key"));
}

enum sl_colour sl_cli_status_colour(const char *status)
{
    if (!status)
        return SL_PLAIN;
    if (!strcmp(status, "succeeded") || !strcmp(status, "ok"))
        return SL_GREEN;
    if (!strcmp(status, "failed") || !strcmp(status, "quarantined") || !strcmp(status, "FAIL"))
        return SL_RED;
    return SL_YELLOW;
}

static bool parse_iso(const char *text, int64_t *ns)
{
    struct tm tm = {0};
    int micros = 0;
    if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                        &tm.tm_min, &tm.tm_sec, &micros) < 6)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ns = (int64_t)timegm(&tm) * SL_NS_PER_S + micros * INT64_C(1000);
    return true;
}

int64_t sl_cli_between(const char *from, const char *to)
{
    int64_t a, b;
    return parse_iso(from, &a) && parse_iso(to, &b) && b >= a ? b - a : -1;
}

const char *sl_cli_stage(struct sl_arena *arena, const char *name, int64_t rows, int64_t count, int64_t ns)
{
    const char *what = sl_out_escape(arena, name), *took = "";
    if (!strcmp(what, "load") && rows >= 0)
        what = sl_arena_printf(arena, "load %s", sl_cli_plural(arena, rows, "row", "rows"));
    else if (!strcmp(what, "steps") && count >= 0)
        what = sl_cli_plural(arena, count, "step", "steps");
    if (ns >= 5 * SL_NS_PER_MS)
        took = sl_arena_printf(arena, " %s", sl_cli_took(arena, ns));
    return sl_arena_printf(arena, "%s%s", what, took);
}

/* The one with the most rows first, then by name: a ledger keeps no order of members. */
static int by_rows(const void *a, const void *b)
{
    const struct json_object_iter *x = a, *y = b;
    int64_t m = json_object_get_int64(x->val), n = json_object_get_int64(y->val);
    return m != n ? (m < n ? 1 : -1) : strcmp(x->key, y->key);
}

static const char *reasons_text(struct sl_arena *arena, struct json_object *reasons)
{
    size_t n = json_object_is_type(reasons, json_type_object) ? (size_t)json_object_object_length(reasons) : 0, used = 0;
    struct json_object_iter *all = sl_arena_array(arena, n + 1, sizeof *all), i;
    const char *text = "";
    if (n > 0)
        json_object_object_foreachC(reasons, i) all[used++] = i;
    qsort(all, used, sizeof *all, by_rows);
    for (size_t k = 0; k < used; k++)
        text = sl_arena_printf(arena, "%s%s%s %s", text, k ? ", " : ": ",
                               sl_cli_count(arena, json_object_get_int64(all[k].val)), sl_out_escape(arena, all[k].key));
    return text;
}

const char *sl_cli_put_aside(struct sl_arena *arena, struct json_object *output)
{
    if (strcmp(sl_json_str(output, "kind", ""), "quarantine") != 0)
        return NULL;
    return sl_arena_printf(arena, "%s put aside in %s v%" PRId64 "%s",
                           sl_cli_plural(arena, sl_json_int(output, "rows", 0), "row", "rows"),
                           sl_cli_member(arena, output, "dataset_id"), sl_json_int(output, "version", 0),
                           reasons_text(arena, sl_json_get(output, "reasons")));
}
