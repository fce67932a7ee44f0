/* SPDX-License-Identifier: Apache-2.0 */
/* Several layers that become one table, and the tables beside the current one that steps read. */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "geo/sql.h"
#include "json/json.h"
#include "run/work.h"

/* A copy of a table with its geometry in another system. */
struct sl_work_placed {
    const struct sl_crs *crs;
    struct sl_table table;
    struct sl_work_placed *next;
};

struct sl_work_tables *sl_work_tables(struct sl_work *w)
{
    if (!w->others)
        w->others = sl_arena_alloc(w->arena, sizeof *w->others);
    return w->others;
}

static const char *new_name(struct sl_work *w, const char *what)
{
    return sl_arena_printf(w->arena, "%s_%zu", what, sl_work_tables(w)->n_made++);
}

int sl_work_load_part(struct sl_work *w, struct sl_vector *vector, const struct sl_crs *crs, struct sl_merge_part *part,
                      struct sl_error *err)
{
    int64_t rows = 0;
    const char *table = new_name(w, "part");
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

/* ---- beside the current table ---- */

static int look(struct sl_work *w, const char *table, const struct sl_crs *crs, int64_t rows, struct sl_table *out,
                struct sl_error *err)
{
    int rc = w->compute->ops->describe(w->session, table, false, w->arena, out, err);
    if (rc == 0 && crs && out->geometry)
        rc = w->compute->ops->srid(w->compute, crs, &out->srid, err);
    out->rows = rows;
    return rc;
}

int sl_work_load_other(struct sl_work *w, struct sl_vector *vector, const struct sl_crs *crs, struct sl_work_table *other,
                       struct sl_error *err)
{
    const char *name = new_name(w, "other");
    int64_t rows = 0;
    int rc = w->compute->ops->load(w->session, vector, crs, name, &rows, err);
    other->crs = crs;
    return rc < 0 ? rc : look(w, name, crs, rows, &other->table, err);
}

int sl_work_load_dataset(struct sl_work *w, const struct sl_parquet_file *file, struct sl_work_table *other,
                         struct sl_error *err)
{
    const char *name = new_name(w, "other");
    int64_t rows = 0;
    int rc = w->compute->ops->load_parquet(w->session, file, name, &rows, err);
    other->crs = file->geometry ? file->crs : NULL;
    return rc < 0 ? rc : look(w, name, other->crs, rows, &other->table, err);
}

int sl_work_merge_other(struct sl_work *w, const struct sl_recipe_role *role, const struct sl_merge_part *parts, size_t n,
                        struct sl_work_table *other, struct sl_error *err)
{
    struct sl_table merged;
    int rc = sl_work_merge(w, role, parts, n, other->crs, new_name(w, "other"), &merged, err);
    if (rc == 0 && other->crs)
        rc = w->compute->ops->srid(w->compute, other->crs, &merged.srid, err);
    if (rc == 0)
        other->table = merged;
    return rc;
}

static struct sl_work_table *find(const struct sl_work *w, const struct sl_table_ref *ref)
{
    for (size_t i = 0; w->others && i < w->others->n; i++) {
        struct sl_work_table *t = &w->others->items[i];
        bool role = ref->role && t->ref.role && !strcmp(ref->role, t->ref.role);
        bool dataset = ref->dataset && t->ref.dataset && !strcmp(ref->dataset, t->ref.dataset);
        if (role || (dataset && ref->version == t->ref.version))
            return t;
    }
    return NULL;
}

/* PostgreSQL looks into a table by its index, and knows by its statistics when that is worth it. DuckDB makes what it needs
 * for each query. */
static int make_searchable(struct sl_work *w, const struct sl_table *table, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    if (sql.dialect != SL_DIALECT_POSTGIS)
        return 0;
    sl_sql_text(&sql, "CREATE INDEX ON ");
    sl_sql_table(&sql, table->schema, table->name);
    sl_sql_text(&sql, " USING gist (");
    sl_sql_ident(&sql, table->geometry);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = w->compute->ops->execute(w->session, sql.buf.data, err);
    sl_buf_clear(&sql.buf);
    sl_sql_text(&sql, "ANALYZE ");
    sl_sql_table(&sql, table->schema, table->name);
    return rc < 0 ? rc : w->compute->ops->execute(w->session, sql.buf.data, err);
}

static int place(struct sl_work *w, struct sl_work_table *t, struct sl_work_placed **out, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    const char *name = new_name(w, "placed");
    int64_t rows = 0;
    const struct sl_merge_part part = {.table = t->table, .crs = t->crs, .name = t->name};
    struct sl_merge merge = {.parts = &part, .n = 1, .geometry = t->table.geometry, .crs = w->crs, .arena = w->arena};
    struct sl_work_placed *p = sl_arena_alloc(w->arena, sizeof *p);
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    int rc = w->compute->ops->srid(w->compute, w->crs, &merge.srid, err);
    if (rc == 0)
        rc = sl_merge_sql(&merge, &sql, err);
    if (rc == 0)
        rc = w->compute->ops->transform(w->session, sql.buf.data, name, &rows, err);
    if (rc == 0)
        rc = look(w, name, w->crs, rows, &p->table, err);
    if (rc == 0)
        rc = make_searchable(w, &p->table, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", t->name);
        return rc;
    }
    p->crs = w->crs;
    p->next = t->placed;
    *out = t->placed = p;
    return 0;
}

/* The table itself where it is in the system of the current one, else a copy. */
static int placed_table(struct sl_work *w, struct sl_work_table *t, struct sl_other_table *out, struct sl_error *err)
{
    int rc = 0;
    if (!t->crs) {
        sl_fail(err, SL_E_GEOMETRY_CONTRACT, "%s has no geometry", t->name);
        sl_error_hint(err, "compare columns instead, with on");
        return -SL_E_GEOMETRY_CONTRACT;
    }
    if (sl_crs_same(t->crs, w->crs)) {
        rc = t->indexed ? 0 : make_searchable(w, &t->table, err);
        t->indexed = rc == 0;
        return rc;
    }
    struct sl_work_placed *p = t->placed;
    while (p && !sl_crs_same(p->crs, w->crs))
        p = p->next;
    if (!p)
        rc = place(w, t, &p, err);
    if (rc < 0)
        return rc;
    out->table = &p->table;
    out->crs = p->crs;
    return 0;
}

int sl_work_other(void *data, const struct sl_table_ref *ref, bool placed, struct sl_other_table *out, struct sl_error *err)
{
    struct sl_work *w = data;
    struct sl_work_table *t = find(w, ref);
    if (!t)
        return sl_fail(err, SL_E_RECIPE_OPTION, "there is no %s \"%s\" here", ref->role ? "role" : "dataset",
                       ref->role ? ref->role : ref->dataset);
    struct sl_other_table other = {.name = t->name, .table = &t->table, .crs = t->crs, .absent = t->absent};
    int rc = placed && !t->absent ? placed_table(w, t, &other, err) : 0;
    if (rc == 0)
        *out = other;
    return rc;
}

void sl_work_note(void *data, const char *sentence)
{
    struct sl_work *w = data;
    for (size_t i = 0; i < json_object_array_length(w->warnings); i++)
        if (!strcmp(json_object_get_string(json_object_array_get_idx(w->warnings, i)), sentence))
            return;
    json_object_array_add(w->warnings, json_object_new_string(sentence));
}
