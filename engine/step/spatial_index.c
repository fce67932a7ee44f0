/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "step/kinds.h"
#include "step/step.h"

struct options {
    char unused;
};

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    (void)data;
    int rc = sl_step_require_geometry(context, "spatial_index", err);
    if (rc < 0)
        return rc;
    /* DuckDB's indexes have names, in the schema of their table. */
    sl_sql_text(out, out->dialect == SL_DIALECT_DUCKDB ? "CREATE INDEX " : "CREATE INDEX ON ");
    if (out->dialect == SL_DIALECT_DUCKDB) {
        sl_sql_ident(out, sl_arena_printf(context->arena, "%s_rtree", context->input->name));
        sl_sql_text(out, " ON ");
    }
    sl_step_table(context, out);
    sl_step_put(context, out, out->dialect == SL_DIALECT_DUCKDB ? " USING rtree (@)" : " USING gist (@)");
    return 0;
}

const struct sl_step_kind sl_step__spatial_index = {
    .name = "spatial_index",
    .summary = "Indexes the geometry, so that the steps and checks after it find neighbours fast.",
    .help = "A GiST index (with engine duckdb an R-tree) on the current table. The index is not part of an output: outputs have their own order and "
            "bounding boxes.",
    .example = "- spatial_index: {}",
    .class_ = SL_STEP_INDEX,
    .flags = SL_STEP_PLACES | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = NULL, .n = 0, .struct_bytes = sizeof(struct options)},
    .build = build,
};
