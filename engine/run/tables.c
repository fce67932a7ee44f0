/* SPDX-License-Identifier: Apache-2.0 */
/* Several layers that become one table. */
#include <inttypes.h>

#include "base/arena.h"
#include "geo/sql.h"
#include "run/work.h"

int sl_work_load_part(struct sl_work *w, struct sl_vector *vector, const struct sl_crs *crs, struct sl_merge_part *part,
                      struct sl_error *err)
{
    int64_t rows = 0;
    const char *table = sl_arena_printf(w->arena, "part_%zu", w->n_parts++);
    int rc = w->compute->ops->load(w->session, vector, crs, table, &rows, err);
    if (rc == 0)
        rc = w->compute->ops->describe(w->session, table, false, w->arena, &part->table, err);
    if (rc == 0 && crs && part->table.geometry)
        rc = w->compute->ops->srid(w->compute, crs, &part->table.srid, err);
    part->table.rows = rows;
    part->crs = crs;
    return rc;
}

static int drop(struct sl_work *w, const struct sl_table *table, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    sl_sql_text(&sql, "DROP TABLE ");
    sl_sql_table(&sql, table->schema, table->name);
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : w->compute->ops->execute(w->session, sql.buf.data, err);
}

int sl_work_merge(struct sl_work *w, const struct sl_recipe_role *role, const struct sl_merge_part *parts, size_t n,
                  const struct sl_crs *crs, const char *table, struct sl_table *out, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_merge merge = {.parts = parts, .n = n, .geometry = w->bound->recipe->geometry_column,
                             .source_column = role->source_column, .mismatch = role->mismatch, .crs = crs,
                             .arena = w->arena};
    int64_t rows = 0, expected = 0;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    int rc = crs ? w->compute->ops->srid(w->compute, crs, &merge.srid, err) : 0;
    if (rc == 0)
        rc = sl_merge_sql(&merge, &sql, err);
    if (rc == 0)
        rc = w->compute->ops->transform(w->session, sql.buf.data, table, &rows, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        expected += parts[i].table.rows;
        rc = drop(w, &parts[i].table, err);
    }
    if (rc == 0 && rows != expected)
        rc = sl_fail(err, SL_E_ROWS_LOST, "%" PRId64 " rows of %zu files became %" PRId64 " of one table", expected, n, rows);
    struct sl_table found = {0};
    if (rc == 0)
        rc = w->compute->ops->describe(w->session, table, false, w->arena, &found, err);
    if (rc < 0)
        return rc;
    found.rows = rows;
    *out = found;
    return 0;
}

int sl_work_merge_main(struct sl_work *w, const struct sl_recipe_role *role, const struct sl_merge_part *parts, size_t n,
                       struct sl_error *err)
{
    struct sl_table merged;
    int rc = sl_work_merge(w, role, parts, n, w->crs, "raw_data", &merged, err);
    if (rc == 0)
        rc = sl_work_look_at(w, "raw_data", "merging", err);
    if (rc < 0)
        return rc;
    w->table.rows = merged.rows;
    return sl_work_follow_crs(w, "merging", err);
}
