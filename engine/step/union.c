/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "step/kinds.h"
#include "step/merge.h"
#include "step/other.h"
#include "step/step.h"

struct options {
    struct sl_names roles;
    const char *dataset;
    int64_t version;
    const char *source_column;
    int mismatch;
};

static const char *const mismatches[] = {[SL_MISMATCH_FAIL] = "fail", [SL_MISMATCH_TEXT] = "text", NULL};

static const struct sl_option items[] = {
    {.name = "roles",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, roles),
     .help = "Roles of the recipe's inputs whose rows are added. One that is not required, and that the batch has no file of, "
             "adds none."},
    {.name = "dataset",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = offsetof(struct options, dataset),
     .help = "A dataset in the lake whose rows are added, as GeoParquet."},
    {.name = "version",
     .type = SL_OPT_VERSION,
     .default_json = "\"latest\"",
     .offset = offsetof(struct options, version),
     .help = "Of the dataset. latest: the one that is the latest when the batch runs; the run document says which, and a replay "
             "takes the same."},
    {.name = "source_column",
     .type = SL_OPT_COLUMN,
     .default_json = "null",
     .offset = offsetof(struct options, source_column),
     .help = "A new column with the role or the dataset that a row was added from; rows that were there have no value."},
    {.name = "mismatch",
     .type = SL_OPT_ENUM,
     .default_json = "\"fail\"",
     .offset = offsetof(struct options, mismatch),
     .choices = mismatches,
     .help = "When columns of one name have types without one in common. fail: the batch ends; text: the column becomes text."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if (o->roles.n == 0 && !o->dataset)
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs roles, dataset, or both");
    if (o->roles.n + 2 > SL_STEP_TABLES_MAX)
        return sl_fail(err, SL_E_LIMIT, "more than %d roles", SL_STEP_TABLES_MAX - 2);
    return o->version && !o->dataset ? sl_fail(err, SL_E_RECIPE_OPTION, "version is for a dataset") : 0;
}

static size_t reads(const void *data, struct sl_table_ref out[SL_STEP_TABLES_MAX])
{
    const struct options *o = data;
    size_t n = 0;
    for (size_t i = 0; i < o->roles.n && n < SL_STEP_TABLES_MAX; i++)
        out[n++] = (struct sl_table_ref){.role = o->roles.items[i]};
    if (o->dataset && n < SL_STEP_TABLES_MAX)
        out[n++] = (struct sl_table_ref){.dataset = o->dataset, .version = o->version};
    return n;
}

static int add_parts(const struct sl_step_context *context, const struct options *o, struct sl_merge_part *parts, size_t *n,
                     struct sl_error *err)
{
    struct sl_table_ref refs[SL_STEP_TABLES_MAX];
    size_t n_refs = reads(o, refs);
    if (!context->other)
        return sl_fail(err, SL_E_RECIPE_OPTION, "there is no other table here");
    for (size_t i = 0; i < n_refs; i++) {
        struct sl_other_table other = {0};
        int rc = context->other(context->other_data, &refs[i], false, &other, err);
        if (rc < 0)
            return rc;
        if (!other.absent)
            parts[(*n)++] = (struct sl_merge_part){.table = *other.table, .crs = other.crs, .name = other.name,
                                                   .source = refs[i].role ? refs[i].role : refs[i].dataset};
    }
    return 0;
}

/* While the columns are not known there is nothing to bring together. */
static void outline(const struct sl_merge_part *parts, size_t n, const struct sl_step_context *context, struct sl_sql *out)
{
    sl_step_other_absent(context, out);
    for (size_t i = 1; i < n; i++) {
        sl_sql_text(out, " UNION ALL SELECT /* the columns by name */ * FROM ");
        sl_sql_table(out, parts[i].table.schema, parts[i].table.name);
    }
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    struct sl_merge_part parts[SL_STEP_TABLES_MAX] = {
        {.table = *context->input, .crs = context->crs, .name = "the table so far"}};
    size_t n = 1;
    int rc = context->no_geometry ? 0 : sl_step_require_geometry(context, "union", err);
    if (rc == 0)
        rc = add_parts(context, o, parts, &n, err);
    if (rc < 0)
        return rc;
    bool known = sl_step_knows_columns(context);
    for (size_t i = 1; i < n; i++)
        known = known && parts[i].table.columns;
    if (!known) {
        outline(parts, n, context, out);
        return 0;
    }
    const struct sl_merge merge = {.parts = parts, .n = n, .geometry = context->geometry, .source_column = o->source_column,
                                   .mismatch = (enum sl_mismatch)o->mismatch, .crs = context->crs,
                                   .srid = context->input->srid, .arena = context->arena};
    return sl_merge_sql(&merge, out, err);
}

const struct sl_step_kind sl_step__union = {
    .name = "union",
    .summary = "Adds the rows of other tables.",
    .help = "Of roles of the recipe's inputs, or of a dataset in the lake; the run counts the rows as added by \"union\". Columns "
            "go by name, whatever its case: those that are there first, new ones behind them, and no value where a table lacks "
            "one. Types of one name are the same or widen (smallint, integer, bigint, double precision; date, timestamp). "
            "Geometries are transformed to the CRS of those that are there. All files of a batch that are alike are one table "
            "without this step, with inputs: merge.",
    .example = "- union: {roles: [paths, tracks], source_column: kind}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = 0,
    .dialects = SL_STEP__BOTH,
    .drops = "union",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
    .validate = validate,
    .reads = reads,
};
