/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/text.h"
#include "step/kinds.h"
#include "step/step.h"

struct options {
    char unused;
};

static int predicate(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    (void)data;
    int rc = sl_step_require_geometry(context, "valid_geometry", err);
    if (rc == 0)
        sl_step_put(context, out, "NOT ST_IsValid(@)");
    return rc;
}

/* Only PostGIS knows why. */
static void reason(const struct sl_step_context *context, const void *data, struct sl_sql *out)
{
    (void)data;
    sl_step_put(context, out, out->dialect == SL_DIALECT_POSTGIS ? "ST_IsValidReason(@)" : "'invalid geometry'");
}

static void sentence(const struct sl_step_context *context, const void *data, int64_t broken, char *out,
                     size_t out_bytes)
{
    char n[32], all[32];
    (void)data;
    snprintf(out, out_bytes, "%s of %s rows %s an invalid geometry", sl_text_count(n, sizeof n, broken),
             sl_text_count(all, sizeof all, context->input->rows), broken == 1 ? "has" : "have");
}

const struct sl_check_kind sl_check__valid_geometry = {
    .name = "valid_geometry",
    .places = true,
    .summary = "Every geometry is valid by the rules of OGC Simple Features.",
    .help = "A row without a geometry, or with an empty one, does not break it. The step make_valid repairs.",
    .example = "- valid_geometry: {on_fail: warn}",
    .dialects = SL_STEP__BOTH,
    .options = {.items = NULL, .n = 0, .struct_bytes = sizeof(struct options)},
    .predicate = predicate,
    .reason = reason,
    .sentence = sentence,
};
