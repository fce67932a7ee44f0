/* SPDX-License-Identifier: Apache-2.0 */
#include "step/other.h"

#include "step/step.h"

bool sl_step_other_given(const struct sl_step_other *other)
{
    return other->role || other->dataset;
}

int sl_step_other_validate(const struct sl_step_other *other, struct sl_error *err)
{
    if (!other->role == !other->dataset)
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs role or dataset, one of them");
    if (other->role && other->version)
        return sl_fail(err, SL_E_RECIPE_OPTION, "version is for a dataset");
    return 0;
}

size_t sl_step_other_reads(const struct sl_step_other *other, struct sl_table_ref out[SL_STEP_TABLES_MAX])
{
    if (!sl_step_other_given(other))
        return 0;
    out[0] = (struct sl_table_ref){.role = other->role, .dataset = other->dataset, .version = other->version};
    return 1;
}

int sl_step_other_find(const struct sl_step_context *context, const struct sl_step_other *other, bool placed,
                       struct sl_other_table *out, struct sl_error *err)
{
    struct sl_table_ref refs[SL_STEP_TABLES_MAX];
    if (sl_step_other_reads(other, refs) == 0 || !context->other)
        return sl_fail(err, SL_E_RECIPE_OPTION, "there is no other table here");
    return context->other(context->other_data, &refs[0], placed, out, err);
}

void sl_step_other_absent(const struct sl_step_context *context, struct sl_sql *out)
{
    sl_sql_text(out, "SELECT * FROM ");
    sl_step_table(context, out);
}
