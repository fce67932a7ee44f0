/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "step/kinds.h"
#include "step/step.h"

struct options {
    struct sl_map columns;
};

static const struct sl_option items[] = {
    {.name = "columns",
     .type = SL_OPT_MAP,
     .offset = offsetof(struct options, columns),
     .help = "Each column's name and the one that it gets. Two columns may swap their names."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct sl_map *map = &((const struct options *)data)->columns;
    for (size_t i = 0; i < map->n; i++)
        for (size_t k = 0; k < i; k++)
            if (*map->items[i].value && !strcasecmp(map->items[i].value, map->items[k].value))
                return sl_fail(err, SL_E_RECIPE_OPTION, "columns \"%s\" and \"%s\" both become \"%s\"", map->items[k].name,
                               map->items[i].name, map->items[i].value);
    return 0;
}

static const char *renamed(const struct sl_map *map, const char *name)
{
    for (size_t i = 0; i < map->n; i++)
        if (!strcmp(map->items[i].name, name))
            return map->items[i].value;
    return NULL;
}

/* The new name must be free when all columns have their new names. */
static int check_target(const struct sl_step_context *context, const struct sl_map *map, const struct sl_pair *pair,
                        struct sl_error *err)
{
    const char *taken = NULL;
    for (size_t i = 0; sl_step_knows_columns(context) && i < context->input->n_columns; i++)
        if (!strcasecmp(context->input->columns[i].name, pair->value))
            taken = renamed(map, context->input->columns[i].name) ? context->input->columns[i].name : NULL;
    return sl_step_require_new_column(context, "rename", pair->value, taken, err);
}

static int check(const struct sl_step_context *context, const struct sl_map *map, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < map->n; i++) {
        const struct sl_pair *pair = &map->items[i];
        rc = sl_step_require_column(context, pair->name, err);
        if (rc == 0 && !strcmp(pair->name, context->geometry))
            rc = sl_fail(err, SL_E_RECIPE_OPTION, "rename: the geometry keeps its name \"%s\"", context->geometry);
        if (rc == 0)
            rc = check_target(context, map, pair, err);
    }
    return rc;
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct sl_map *map = &((const struct options *)data)->columns;
    bool known = sl_step_knows_columns(context), geometry = sl_step_has_geometry(context);
    int rc = check(context, map, err);
    if (rc < 0)
        return rc;
    sl_sql_text(out, known ? "SELECT " : "SELECT /* the file's other columns, */ ");
    size_t n = known ? context->input->n_columns : map->n, written = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = known ? context->input->columns[i].name : map->items[i].name, *to = renamed(map, name);
        if (!strcmp(name, context->geometry))
            continue;
        sl_sql_text(out, written++ ? ", " : "");
        sl_sql_ident(out, name);
        sl_sql_text(out, to ? " AS " : "");
        if (to)
            sl_sql_ident(out, to);
    }
    sl_step_put(context, out, !geometry ? " FROM " : written ? ", @ FROM " : "@ FROM ");
    sl_step_table(context, out);
    return 0;
}

const struct sl_step_kind sl_step__rename = {
    .name = "rename",
    .summary = "Gives columns other names.",
    .help = "The columns keep their order. A name that another column has, also when only its case differs, is refused, "
            "and so are bbox and the names that PostgreSQL keeps for itself (ctid, xmin, …). The geometry keeps its name.",
    .example = "- rename: {columns: {NAME_DE: name, EINW: population}}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
};
