/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "step/kinds.h"
#include "step/step.h"

struct options {
    struct sl_names columns;
    bool if_there;
};

static const struct sl_option items[] = {
    {.name = "columns",
     .type = SL_OPT_COLUMNS,
     .offset = offsetof(struct options, columns),
     .help = "The columns to leave out; the others keep their order."},
    {.name = "if_there",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct options, if_there),
     .help = "true: a column that the file does not have is passed over; false: it is an error."},
};

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    bool known = sl_step_knows_columns(context);
    size_t n = 0;
    int rc = o->if_there ? 0 : sl_step_require_columns(context, &o->columns, err);
    if (rc == 0 && sl_step_names_has(&o->columns, context->geometry))
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "drop_columns: the geometry \"%s\" cannot be left out", context->geometry);
    if (rc < 0)
        return rc;
    sl_sql_text(out, known ? "SELECT " : "SELECT /* the file's columns that are not dropped, */ ");
    for (size_t i = 0; known && i < context->input->n_columns; i++) {
        const char *name = context->input->columns[i].name;
        if (!strcmp(name, context->geometry) || sl_step_names_has(&o->columns, name))
            continue;
        sl_sql_text(out, n++ ? ", " : "");
        sl_sql_ident(out, name);
    }
    if (n == 0 && !sl_step_has_geometry(context))
        return sl_fail(err, SL_E_RECIPE_OPTION, "drop_columns: no column is left");
    sl_step_put(context, out, !sl_step_has_geometry(context) ? " FROM " : n ? ", @ FROM " : "@ FROM ");
    sl_step_table(context, out);
    return 0;
}

const struct sl_step_kind sl_step__drop_columns = {
    .name = "drop_columns",
    .summary = "Leaves columns out.",
    .help = "The step select with exclude does the same; this one can pass over columns that are not there.",
    .example = "- drop_columns: {columns: [OBJECTID, Shape_Leng], if_there: true}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};
