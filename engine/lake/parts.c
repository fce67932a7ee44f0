/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/parts.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "json/json.h"
#include "lake/lake.h"

enum { INDEX_MAX_BYTES = 64 << 20, NAME_MAX_BYTES = 63, SHA256_HEX = 64 };

/* ---- folders ---- */

bool sl_lake_part_name_valid(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F || strchr("/=%\\", name[i]))
            return false;
    return n > 0 && n <= NAME_MAX_BYTES;
}

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
}

int sl_lake_part_folder(const char *name, const char *value, size_t bytes, struct sl_buf *out, struct sl_error *err)
{
    sl_buf_printf(out, "%s=", name);
    if (!value) {
        sl_buf_puts(out, SL_LAKE_NULL_PARTITION);
        return 0;
    }
    size_t begin = out->len;
    /* DuckDB reads the bare word null as NULL, in any case of letters; not when a letter of it is encoded. */
    bool null_word = bytes == 4 && !strncasecmp(value, "null", 4);
    for (size_t i = 0; i < bytes && out->len - begin <= SL_LAKE_PART_VALUE_MAX_BYTES; i++) {
        if (plain(value[i]) && !(null_word && i == 0))
            sl_buf_putc(out, value[i]);
        else
            sl_buf_printf(out, "%%%02X", (unsigned char)value[i]);
    }
    if (out->len - begin > SL_LAKE_PART_VALUE_MAX_BYTES) {
        sl_fail(err, SL_E_LIMIT, "column \"%s\" has a value of %zu bytes, too long for the name of a folder", name,
                bytes);
        sl_error_hint(err, "partition by a column with short values");
        return -SL_E_LIMIT;
    }
    if (memchr(value, '\0', bytes))
        return sl_fail(err, SL_E_LIMIT,
                       "column \"%s\" has a value with a NUL character, which no folder's name can have", name);
    if (bytes == strlen(SL_LAKE_NULL_PARTITION) && !memcmp(value, SL_LAKE_NULL_PARTITION, bytes))
        return sl_fail(err, SL_E_LIMIT,
                       "column \"%s\" has the value \"" SL_LAKE_NULL_PARTITION
                       "\", which stands for NULL in a folder's name",
                       name);
    return 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *decoded(struct sl_arena *arena, const char *text, size_t bytes)
{
    char *out = sl_arena_alloc(arena, bytes + 1);
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        int high = text[i] == '%' && i + 2 < bytes ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        out[n++] = low >= 0 ? (char)(high * 16 + low) : text[i];
        i += low >= 0 ? 2 : 0;
    }
    out[n] = '\0';
    return out;
}

bool sl_lake_part_value(const char *suffix, const char *name, struct sl_arena *arena, const char **value)
{
    size_t n = strlen(name);
    for (const char *at = suffix, *slash; (slash = strchr(at, '/')); at = slash + 1) {
        if (strncmp(at, name, n) != 0 || at[n] != '=')
            continue;
        size_t bytes = (size_t)(slash - at) - n - 1;
        bool null = bytes == strlen(SL_LAKE_NULL_PARTITION) && !memcmp(at + n + 1, SL_LAKE_NULL_PARTITION, bytes);
        *value = null ? NULL : decoded(arena, at + n + 1, bytes);
        return true;
    }
    return false;
}

/* ---- checks ---- */

static bool suffix_valid(const char *suffix)
{
    size_t n = strlen(suffix);
    if (n == 0 || n > SL_LAKE_PART_SUFFIX_MAX_BYTES || suffix[n - 1] == '/' || !sl_utf8_valid(suffix, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        bool begins = i == 0 || suffix[i - 1] == '/';
        if ((unsigned char)suffix[i] < 0x20 || suffix[i] == 0x7F || suffix[i] == '\\' ||
            (begins && (suffix[i] == '/' || suffix[i] == '.')))
            return false;
    }
    return true;
}

static int too_many(const struct sl_lake_parts *parts, struct sl_error *err)
{
    const char *column = parts->n_columns ? parts->columns[parts->n_columns - 1].name : "";
    sl_fail(err, SL_E_LIMIT, "column \"%s\" makes %zu parts, an asset has at most %d", column, parts->n,
            SL_LAKE_PARTS_MAX);
    sl_error_hint(err, "partition by columns with fewer values");
    return -SL_E_LIMIT;
}

int sl_lake_parts_check(const struct sl_lake_parts *parts, struct sl_error *err)
{
    if (parts->n > SL_LAKE_PARTS_MAX)
        return too_many(parts, err);
    for (size_t i = 0; i < parts->n; i++) {
        const struct sl_lake_part *p = &parts->items[i];
        if (!suffix_valid(p->suffix))
            return sl_fail(err, SL_E_LIMIT, "\"%.100s\" is no name for a part of an asset", p->suffix);
        if (i > 0 && strcmp(parts->items[i - 1].suffix, p->suffix) >= 0)
            return sl_fail(err, SL_E_INTERNAL, "part \"%s\" is there twice or out of order", p->suffix);
        if (strlen(p->sha256_hex) != SHA256_HEX)
            return sl_fail(err, SL_E_INTERNAL, "part \"%s\" has no hash", p->suffix);
    }
    return 0;
}

/* ---- the index ---- */

int64_t sl_lake_parts_rows(const struct sl_lake_parts *parts)
{
    int64_t rows = 0;
    for (size_t i = 0; i < parts->n; i++)
        rows += parts->items[i].rows;
    return rows;
}

int64_t sl_lake_parts_bytes(const struct sl_lake_parts *parts)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < parts->n; i++)
        bytes += parts->items[i].bytes;
    return bytes;
}

struct json_object *sl_lake_parts_summary(const struct sl_lake_parts *parts)
{
    struct json_object *o = json_object_new_object(), *columns = json_object_new_array();
    for (size_t i = 0; i < parts->n_columns; i++) {
        struct json_object *c = json_object_new_object();
        sl_json_put_str(c, "name", parts->columns[i].name);
        sl_json_put_str(c, "type", parts->columns[i].type);
        json_object_array_add(columns, c);
    }
    sl_json_put_int(o, "count", (int64_t)parts->n);
    sl_json_put_int(o, "rows", sl_lake_parts_rows(parts));
    sl_json_put_int(o, "size_bytes", sl_lake_parts_bytes(parts));
    sl_json_put_str(o, "media_type", parts->media_type);
    sl_json_put_str(o, "layout", "hive");
    sl_json_put(o, "columns", columns);
    return o;
}

static struct json_object *part_json(const struct sl_lake_parts *parts, const struct sl_lake_part *p,
                                     struct sl_arena *arena)
{
    struct json_object *o = json_object_new_object(), *values = json_object_new_object();
    for (size_t i = 0; i < parts->n_columns; i++) {
        const char *value = NULL;
        if (sl_lake_part_value(p->suffix, parts->columns[i].name, arena, &value))
            sl_json_put_str(values, parts->columns[i].name, value);
    }
    sl_json_put_str(o, "suffix", p->suffix);
    sl_json_put_int(o, "rows", p->rows);
    sl_json_put_int(o, "size_bytes", p->bytes);
    sl_json_put_str(o, "sha256", p->sha256_hex);
    sl_json_put(o, "values", values);
    return o;
}

char *sl_lake_parts_index(const struct sl_lake_parts *parts, struct sl_arena *arena)
{
    SL_CLEANUP(sl_json_putp) struct json_object *o = sl_lake_parts_summary(parts);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *values = sl_arena_new();
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < parts->n; i++)
        json_object_array_add(list, part_json(parts, &parts->items[i], values));
    sl_json_put(o, "parts", list);
    return sl_lake_document_text(o, arena);
}

static bool read_part(struct json_object *o, struct sl_arena *arena, struct sl_lake_part *p)
{
    const char *suffix = sl_json_str(o, "suffix", NULL), *hex = sl_json_str(o, "sha256", NULL);
    p->rows = sl_json_int(o, "rows", -1);
    p->bytes = sl_json_int(o, "size_bytes", -1);
    if (!suffix || !suffix_valid(suffix) || !hex || strlen(hex) != SHA256_HEX || p->rows < 0 || p->bytes < 0)
        return false;
    p->suffix = sl_arena_strdup(arena, suffix);
    memcpy(p->sha256_hex, hex, sizeof p->sha256_hex);
    return true;
}

static bool read_index(struct json_object *root, struct sl_arena *arena, struct sl_lake_parts *out)
{
    struct json_object *list = sl_json_get(root, "parts"), *columns = sl_json_get(root, "columns");
    const char *media_type = sl_json_str(root, "media_type", NULL);
    if (!json_object_is_type(list, json_type_array) || !json_object_is_type(columns, json_type_array) || !media_type)
        return false;
    struct sl_lake_parts p = {.n = json_object_array_length(list), .n_columns = json_object_array_length(columns)};
    if (p.n > SL_LAKE_PARTS_MAX || p.n_columns > SL_LAKE_PART_COLUMNS_MAX)
        return false;
    struct sl_lake_part *items = sl_arena_array(arena, p.n, sizeof *items);
    struct sl_lake_part_column *names = sl_arena_array(arena, p.n_columns, sizeof *names);
    for (size_t i = 0; i < p.n; i++)
        if (!read_part(json_object_array_get_idx(list, i), arena, &items[i]))
            return false;
    for (size_t i = 0; i < p.n_columns; i++) {
        struct json_object *c = json_object_array_get_idx(columns, i);
        names[i].name = sl_arena_strdup(arena, sl_json_str(c, "name", NULL));
        names[i].type = sl_arena_strdup(arena, sl_json_str(c, "type", NULL));
        if (!names[i].name || !names[i].type)
            return false;
    }
    p.media_type = sl_arena_strdup(arena, media_type);
    p.items = items;
    p.columns = names;
    *out = p;
    return true;
}

int sl_lake_parts_read(const char *text, size_t bytes, struct sl_arena *arena, struct sl_lake_parts *out,
                       struct sl_error *err)
{
    static const struct sl_json_limits limits = {.max_bytes = INDEX_MAX_BYTES, .max_depth = 8, .max_values = 400000};
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int rc = sl_json_parse("the index of parts", text, bytes, &limits, &doc, err);
    if (rc < 0)
        return rc;
    if (!read_index(doc->root, arena, out) || sl_lake_parts_check(out, NULL) < 0)
        return sl_fail(err, SL_E_FILE_DAMAGED, "this is no index of an asset's parts");
    return 0;
}
