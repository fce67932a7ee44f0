/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff.h"

#include <inttypes.h>
#include <string.h>

#include "cli/show.h"
#include "json/json.h"

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static bool differs(struct json_object *diff, const char *name)
{
    return !sl_json_bool(sl_json_get(diff, name), "equal", true);
}

/* "+1,204 rows"; NULL when there are as many, or no rows at all. */
static const char *row_change(struct sl_arena *a, struct json_object *diff)
{
    struct json_object *rows = sl_json_get(diff, "row_count");
    if (!rows || !differs(diff, "row_count") || !sl_json_get(rows, "a") || !sl_json_get(rows, "b"))
        return NULL;
    int64_t n = sl_json_int(rows, "b", 0) - sl_json_int(rows, "a", 0);
    return sl_arena_printf(a, "%s%s", n > 0 ? "+" : "-", sl_cli_plural(a, n > 0 ? n : -n, "row", "rows"));
}

static const char *add_names(struct sl_arena *a, const char *text, const char *sign, struct json_object *list)
{
    for (size_t i = 0; i < length(list); i++)
        text = sl_arena_printf(a, "%s%s%s%s", text, *text ? ", " : "", sign,
                               sl_cli_member(a, json_object_array_get_idx(list, i), "name"));
    return text;
}

/* "+ length_m, - name, width integer → double" */
static const char *column_change(struct sl_arena *a, struct json_object *diff)
{
    struct json_object *columns = sl_json_get(diff, "columns"), *retyped = sl_json_get(columns, "retyped");
    const char *text = add_names(a, "", "+ ", sl_json_get(columns, "added"));
    text = add_names(a, text, "- ", sl_json_get(columns, "removed"));
    for (size_t i = 0; i < length(retyped); i++) {
        struct json_object *c = json_object_array_get_idx(retyped, i);
        text = sl_arena_printf(a, "%s%s%s %s → %s", text, *text ? ", " : "", sl_cli_member(a, c, "name"),
                               sl_cli_member(a, c, "a"), sl_cli_member(a, c, "b"));
    }
    return *text ? text : "in another order";
}

static const char *list_text(struct sl_arena *a, struct json_object *list)
{
    const char *text = "";
    for (size_t i = 0; i < length(list); i++)
        text = sl_arena_printf(a, "%s%s%s", text, i ? ", " : "",
                               sl_out_escape(a, json_object_get_string(json_object_array_get_idx(list, i))));
    return *text ? text : "-";
}

static const char *recipe_text(struct sl_arena *a, struct json_object *recipe)
{
    return recipe ? sl_arena_printf(a, "%s v%" PRId64 " (%s)", sl_cli_member(a, recipe, "name"),
                                    sl_json_int(recipe, "version", 0),
                                    sl_cli_hash(a, sl_json_str(recipe, "hash", NULL)))
                  : "-";
}

static const char *value_text(struct sl_arena *a, const char *name, struct json_object *v)
{
    if (!v)
        return "-";
    if (!strcmp(name, "row_count"))
        return sl_cli_count(a, json_object_get_int64(v));
    if (!strcmp(name, "size_bytes"))
        return sl_cli_size(a, json_object_get_int64(v));
    if (!strcmp(name, "content_hash"))
        return sl_cli_hash(a, json_object_get_string(v));
    if (!strcmp(name, "bounds"))
        return sl_cli_bounds(a, v);
    if (!strcmp(name, "geometry_types"))
        return list_text(a, v);
    if (!strcmp(name, "recipe"))
        return recipe_text(a, v);
    if (!strcmp(name, "inputs"))
        return sl_cli_plural(a, (int64_t)length(v), "file", "files");
    return sl_out_escape(a, json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

const char *sl_cli_diff_short(struct sl_arena *a, struct json_object *diff)
{
    static const char *const named[] = {"crs", "bounds", "geometry_types", "recipe", "params", "inputs", "versions"};
    static const char *const words[] = {"CRS", "bounds", "geometry types", "recipe", "parameters", "inputs",
                                        "versions of the libraries"};
    const char *rows = row_change(a, diff), *text = rows ? rows : "";
    if (differs(diff, "columns"))
        text = sl_arena_printf(a, "%s%scolumns %s", text, *text ? "; " : "", column_change(a, diff));
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (differs(diff, named[i]))
            text = sl_arena_printf(a, "%s%sother %s", text, *text ? "; " : "", words[i]);
    struct json_object *size = sl_json_get(diff, "size_bytes");
    if (differs(diff, "size_bytes"))
        text = sl_arena_printf(a, "%s%s%s → %s", text, *text ? "; " : "", sl_cli_size(a, sl_json_int(size, "a", 0)),
                               sl_cli_size(a, sl_json_int(size, "b", 0)));
    return *text ? text : "only the bytes";
}

static const char *name_of(struct sl_arena *a, struct json_object *asset)
{
    return sl_arena_printf(a, "%s v%" PRId64, sl_cli_member(a, asset, "dataset_id"), sl_json_int(asset, "version", 0));
}

static void print_rows(struct sl_cli *cli, struct json_object *rows)
{
    struct sl_arena *a = cli->arena;
    sl_cli_line(&cli->out, "rows", "%s only in the first, %s only in the second, %s in both",
                sl_cli_count(a, sl_json_int(rows, "only_a", 0)), sl_cli_count(a, sl_json_int(rows, "only_b", 0)),
                sl_cli_count(a, sl_json_int(rows, "both", 0)));
    if (sl_json_get(rows, "changed"))
        sl_cli_line(&cli->out, "", "%s of the same key changed", sl_cli_count(a, sl_json_int(rows, "changed", 0)));
    sl_cli_line(&cli->out, "", "compared by %s", list_text(a, sl_json_get(rows, "compared")));
}

void sl_cli_diff_print(struct sl_cli *cli, struct json_object *diff, struct json_object *rows)
{
    static const char *const names[] = {"kind",       "row_count",    "crs",    "bounds", "geometry_types",
                                        "size_bytes", "content_hash", "recipe", "params", "engine",
                                        "crs_policy", "inputs",       "versions"};
    static const char *const titles[] = {"kind", "rows",  "CRS",    "bounds",     "geometry", "size", "hash",
                                         "recipe", "parameters", "engine", "CRS policy", "inputs", "versions"};
    static const struct sl_cli_column columns[] = {{"", SL_LEFT, 0}, {"", SL_LEFT, 24}, {"", SL_LEFT, 24}};
    struct sl_arena *a = cli->arena;
    struct sl_cli_column titled[3];
    memcpy(titled, columns, sizeof titled);
    titled[0].title = "WHAT";
    titled[1].title = name_of(a, sl_json_get(diff, "a"));
    titled[2].title = name_of(a, sl_json_get(diff, "b"));
    struct sl_cli_table *table = sl_cli_table_new(a, titled, 3);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct json_object *d = sl_json_get(diff, names[i]);
        if (!differs(diff, names[i]))
            continue;
        sl_cli_cell(table, titles[i]);
        sl_cli_cell(table, value_text(a, names[i], sl_json_get(d, "a")));
        sl_cli_cell(table, value_text(a, names[i], sl_json_get(d, "b")));
    }
    if (sl_cli_table_rows(table))
        sl_cli_table_print(table, &cli->out);
    if (differs(diff, "columns"))
        sl_cli_line(&cli->out, "columns", "%s", column_change(a, diff));
    if (sl_json_bool(diff, "equal", false))
        sl_out_printf(&cli->out, "%s and %s have the same bytes\n", titled[1].title, titled[2].title);
    if (rows)
        print_rows(cli, rows);
}
