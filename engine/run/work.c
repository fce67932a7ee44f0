/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, the geometry contract and the CRS; steps.c and checks.c go on from there. */
#include "run/work.h"

#include <string.h>

#include "base/arena.h"
#include "geo/sql.h"

static int srid_of(void *data, const char *text, struct sl_error *err)
{
    struct sl_work *w = data;
    struct sl_crs crs;
    int srid = -1;
    int rc = sl_crs_parse(text, w->arena, &crs, err);
    if (rc == 0)
        rc = w->compute->ops->srid(w->compute, &crs, &srid, err);
    return rc < 0 ? rc : srid;
}

struct sl_step_context sl_work_context(struct sl_work *w)
{
    return (struct sl_step_context){.input = &w->table,
                                    .geometry = w->bound->recipe->geometry_column,
                                    .no_geometry = sl_recipe_is_table(w->bound->recipe),
                                    .crs = w->crs,
                                    .previous = w->previous,
                                    .arena = w->arena,
                                    .srid = srid_of,
                                    .srid_data = w,
                                    .other = sl_work_other,
                                    .note = sl_work_note,
                                    .other_data = w};
}

int sl_work_check_contract(const struct sl_work *w, const char *after, struct sl_error *err)
{
    const char *want = w->bound->recipe->geometry_column;
    size_t n = 0;
    for (size_t i = 0; i < w->table.n_columns; i++)
        n += w->table.columns[i].geometry;
    if (sl_recipe_is_table(w->bound->recipe)) {
        if (n == 0)
            return 0;
        sl_fail(err, SL_E_GEOMETRY_CONTRACT, "after %s there is a geometry column, and the recipe is for tables", after);
        sl_error_hint(err, "leave it out, or write \"type: vector\" in the recipe");
        return -SL_E_GEOMETRY_CONTRACT;
    }
    if (n == 1 && w->table.geometry && !strcmp(w->table.geometry, want))
        return 0;
    if (n == 1)
        sl_fail(err, SL_E_GEOMETRY_CONTRACT, "after %s the geometry column is named \"%s\", not \"%s\"", after,
                w->table.geometry ? w->table.geometry : "", want);
    else
        sl_fail(err, SL_E_GEOMETRY_CONTRACT, "after %s there are %zu geometry columns, not one named \"%s\"", after, n,
                want);
    sl_error_hint(err, "keep exactly one geometry column and name it %s", want);
    return -SL_E_GEOMETRY_CONTRACT;
}

int sl_work_look_at(struct sl_work *w, const char *table, const char *after, struct sl_error *err)
{
    struct sl_table found = {0};
    int rc = w->compute->ops->describe(w->session, table, false, w->arena, &found, err);
    if (rc < 0)
        return rc;
    w->table = found;
    return sl_work_check_contract(w, after, err);
}

/* A table tells its SRID by its first geometry; one without any is in the system that it would be in. */
static int srid_without_geometry(struct sl_work *w, int expected, struct sl_error *err)
{
    struct sl_sql sql;
    int64_t any = 0;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    sl_sql_text(&sql, "SELECT count(*) FROM (SELECT 1 FROM ");
    sl_sql_table(&sql, w->table.schema, w->table.name);
    sl_sql_text(&sql, " WHERE ");
    sl_sql_ident(&sql, w->table.geometry);
    sl_sql_text(&sql, " IS NOT NULL LIMIT 1) AS t");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = w->compute->ops->query_int(w->session, sql.buf.data, &any, err);
    sl_sql_free(&sql);
    if (rc == 0 && any == 0)
        w->table.srid = expected;
    return rc;
}

int sl_work_follow_crs(struct sl_work *w, const char *after, struct sl_error *err)
{
    int expected = -1;
    if (!w->crs) /* a table */
        return 0;
    int rc = w->compute->ops->srid(w->compute, w->crs, &expected, err);
    if (rc == 0 && w->table.srid == 0 && expected != 0)
        rc = srid_without_geometry(w, expected, err);
    if (rc < 0 || expected == w->table.srid)
        return rc;
    struct sl_crs *crs = sl_arena_alloc(w->arena, sizeof *crs);
    struct sl_error why = {0};
    if (w->table.srid > 0 &&
        sl_crs_parse(sl_arena_printf(w->arena, "EPSG:%d", w->table.srid), w->arena, crs, &why) == 0) {
        w->crs = crs;
        return 0;
    }
    sl_fail(err, SL_E_GEOMETRY_CONTRACT, "after %s the geometry has SRID %d, which is no known system", after,
            w->table.srid);
    sl_error_hint(err, "let the query keep the SRID, or set one with ST_SetSRID");
    return -SL_E_GEOMETRY_CONTRACT;
}

int sl_work_load(struct sl_work *w, struct sl_vector *vector, struct sl_error *err)
{
    int64_t rows = 0;
    bool done = false;
    int rc = sl_work_load_through(w, vector, &done, err);
    if (rc < 0 || done)
        return rc;
    rc = w->compute->ops->load(w->session, vector, w->crs, "raw_data", &rows, err);
    if (rc == 0)
        rc = sl_work_look_at(w, "raw_data", "loading", err);
    if (rc < 0)
        return rc;
    w->table.rows = rows;
    return sl_work_follow_crs(w, "loading", err);
}
