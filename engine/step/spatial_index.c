/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/step.h"

struct options {
    char unused;
};

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    (void)data;
    int rc = sl_step_require_geometry(context, "spatial_index", err);
    if (out->dialect != SL_DIALECT_POSTGIS)
        return sl_step_no_dialect("spatial_index", out, err);
    if (rc < 0)
        return rc;
    sl_sql_text(out, "CREATE INDEX ON ");
    sl_step_table(context, out);
    sl_sql_text(out, " USING gist (");
    sl_step_geometry(context, out);
    sl_sql_text(out, ")");
    return 0;
}

const struct sl_step_kind sl_step__spatial_index = {
    .name = "spatial_index",
    .summary = "Indexes the geometry, so that the steps and checks after it find neighbours fast.",
    .help = "A GiST index on the current table. The index is not part of an output: outputs have their own order and "
            "bounding boxes.",
    .example = "- spatial_index: {}",
    .class_ = SL_STEP_INDEX,
    .flags = SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__POSTGIS,
    .options = {.items = NULL, .n = 0, .struct_bytes = sizeof(struct options)},
    .build = build,
};
