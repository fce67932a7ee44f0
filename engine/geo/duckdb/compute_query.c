/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "geo/duckdb/compute_internal.h"

/* What DuckDB says about a recipe's SQL is the recipe's fault, unless it is the world's state. */
static int blame_statement(int rc, struct sl_error *err)
{
    if (rc != -(int)SL_E_DUCKDB)
        return rc;
    if (err)
        err->code = SL_E_STEP_SQL;
    return -(int)SL_E_STEP_SQL;
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */

/* Types under PostgreSQL's names, so that an asset's columns are called the same whichever engine made it. */
static const char *type_name(struct sl_arena *arena, const char *duck)
{
    static const char *const names[][2] = {{"VARCHAR", "text"},
                                           {"BLOB", "bytea"},
                                           {"FLOAT", "real"},
                                           {"DOUBLE", "double precision"},
                                           {"TIME", "time without time zone"},
                                           {"TIMESTAMP", "timestamp without time zone"}};
    size_t n = strlen(duck);
    if (n > 2 && !strcmp(duck + n - 2, "[]"))
        return sl_arena_printf(arena, "%s[]", type_name(arena, sl_arena_strndup(arena, duck, n - 2)));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i][0], duck))
            return names[i][1];
    if (sl_text_starts(duck, "DECIMAL("))
        return sl_arena_printf(arena, "numeric%s", duck + strlen("DECIMAL"));
    if (strchr(duck, '(')) /* a struct or enum: its members' names are not ours to change */
        return sl_arena_strdup(arena, duck);
    char *lower = sl_arena_strdup(arena, duck);
    for (char *c = lower; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return lower;
}

/* GEOMETRY('EPSG:25833') → 25833. A recipe's own query may give its geometry a system so; another than a code of EPSG's is
 * none that can be followed. */
static int srid_of(const char *type)
{
    static const char start[] = "GEOMETRY('EPSG:";
    if (!strcmp(type, "GEOMETRY"))
        return 0;
    return sl_text_starts(type, start) ? atoi(type + sizeof start - 1) : -1;
}

struct columns {
    struct sl_arena *arena;
    struct sl_table *table;
    const char *wkb; /* the column of a bare session's that is geometry; NULL: types tell */
    size_t capacity;
};

static int add_column(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct columns *c = data;
    struct sl_table *t = c->table;
    if (n != 2 || !values[0] || !values[1])
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not tell the columns of table \"%s\"", t->name);
    if (t->n_columns == c->capacity) {
        struct sl_column *larger = sl_arena_array(c->arena, c->capacity ? 2 * c->capacity : 32, sizeof *larger);
        if (t->n_columns)
            memcpy(larger, t->columns, t->n_columns * sizeof *larger);
        t->columns = larger;
        c->capacity = c->capacity ? 2 * c->capacity : 32;
    }
    struct sl_column *column = &t->columns[t->n_columns++];
    *column = (struct sl_column){.name = sl_arena_strdup(c->arena, values[0])};
    column->geometry = (c->wkb && !strcmp(c->wkb, column->name)) || !strcmp(values[1], "GEOMETRY") || sl_text_starts(values[1], "GEOMETRY(");
    column->type = column->geometry ? "geometry" : type_name(c->arena, values[1]);
    if (column->geometry && (!t->geometry || !strcmp(column->name, "geom"))) {
        t->geometry = column->name;
        t->srid = c->wkb ? 0 : srid_of(values[1]);
    }
    return 0;
}

static int count_of(struct sl_duckdb_session *s, const char *table, int64_t *rows, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT count(*) FROM ");
    sl_sql_table(&sql, s->name, table);
    int rc = sl_sql_check(&sql, err);
    return rc ? rc : sl_duck_query_int(s->duck, sql.buf.data, rows, err);
}

int sl_duckdb__describe(struct sl_compute_session *session, const char *table, bool with_rows, struct sl_arena *arena,
                        struct sl_table *out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    struct sl_table t = {.schema = sl_arena_strdup(arena, s->name), .name = sl_arena_strdup(arena, table), .rows = -1};
    struct columns c = {.arena = arena, .table = &t, .wkb = s->duckdb->bare ? s->geometry : NULL};
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ");
    sl_sql_literal(&sql, s->name);
    sl_sql_text(&sql, " AND table_name = ");
    sl_sql_literal(&sql, table);
    sl_sql_text(&sql, " ORDER BY column_index");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_query(s->duck, sql.buf.data, add_column, &c, err);
    if (rc == 0 && t.n_columns == 0)
        rc = sl_fail(err, SL_E_STEP_SQL, "there is no table \"%s\", or it has no columns", table);
    if (rc == 0 && with_rows)
        rc = count_of(s, table, &t.rows, err);
    if (rc == 0)
        *out = t;
    return rc;
}

int sl_duckdb__describe_query(struct sl_compute_session *session, const char *select, struct sl_arena *arena,
                              struct sl_table *out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    struct sl_table t = {.name = "query", .rows = -1};
    struct columns c = {.arena = arena, .table = &t};
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE ");
    sl_sql_text(&sql, select);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duckdb__guard(s, select, err);
    if (rc == 0)
        rc = sl_duck_query(s->duck, sql.buf.data, add_column, &c, err);
    if (rc)
        return blame_statement(rc, err);
    t.name = NULL;
    t.srid = 0;
    *out = t;
    return 0;
}

/* ---- statements ------------------------------------------------------------------------------------------------ */

static int run(struct sl_duckdb_session *s, const char *sql, int64_t *changed, struct sl_error *err)
{
    sl_duckdb__watch(s);
    int rc = sl_duck_exec_one(s->duck, sql, SL_E_STEP_SQL, changed, err);
    return sl_duckdb__unwatch(s, rc, err);
}

int sl_duckdb__transform(struct sl_compute_session *session, const char *select, const char *table, int64_t *rows_out,
                         struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int64_t rows = 0;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "CREATE TABLE ");
    sl_sql_table(&sql, s->name, table);
    sl_sql_text(&sql, " AS ");
    sl_sql_text(&sql, select);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = blame_statement(sl_duckdb__guard(s, select, err), err);
    if (rc == 0)
        rc = run(s, sql.buf.data, &rows, err);
    if (rc == 0)
        *rows_out = rows;
    return rc;
}

int sl_duckdb__execute(struct sl_compute_session *session, const char *sql, struct sl_error *err)
{
    return run(sl_duckdb__session(session), sql, NULL, err);
}

int sl_duckdb__query_int(struct sl_compute_session *session, const char *sql, int64_t *out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    int rc = sl_duckdb__guard(s, sql, err);
    if (rc == 0) {
        sl_duckdb__watch(s);
        rc = sl_duckdb__unwatch(s, sl_duck_query_int(s->duck, sql, out, err), err);
    }
    return blame_statement(rc, err);
}

/* ---- facts ----------------------------------------------------------------------------------------------------- */

/* Values: type, Z ("true", "false"), rows, empty, measured, xmin, ymin, xmax, ymax; in order of GeoParquet's names. */
static int add_group(void *data, const char *const *v, size_t n, struct sl_error *err)
{
    struct sl_geometry_facts *f = data;
    if (n != 9 || !v[2] || !v[3] || !v[4])
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not tell what geometry there is");
    if (!v[0]) {
        f->null_count += strtoll(v[2], NULL, 10);
        return 0;
    }
    f->empty_count += strtoll(v[3], NULL, 10);
    f->measured_count += strtoll(v[4], NULL, 10);
    size_t used = strlen(f->types);
    snprintf(f->types + used, sizeof f->types - used, "%s%s%s", used ? "," : "", v[0],
             v[1] && !strcmp(v[1], "true") ? " Z" : "");
    for (int i = 0; i < 4; i++)
        if (!v[5 + i])
            return 0;
    for (int i = 0; i < 4; i++) {
        double bound = strtod(v[5 + i], NULL);
        bool beyond = i < 2 ? bound < f->bounds[i] : bound > f->bounds[i];
        if (!f->any || beyond)
            f->bounds[i] = bound;
    }
    f->any = true;
    return 0;
}

static void put_facts(struct sl_sql *sql, const struct sl_duckdb_session *s, const struct sl_table *table)
{
    sl_sql_text(sql, "SELECT type, z, sum(rows)::BIGINT, sum(empty)::BIGINT, sum(measured)::BIGINT, min(xmin), min(ymin), "
                     "max(xmax), max(ymax) FROM (SELECT CASE ST_GeometryType(g)::VARCHAR WHEN 'POINT' THEN 'Point' "
                     "WHEN 'LINESTRING' THEN 'LineString' WHEN 'POLYGON' THEN 'Polygon' "
                     "WHEN 'MULTIPOINT' THEN 'MultiPoint' WHEN 'MULTILINESTRING' THEN 'MultiLineString' "
                     "WHEN 'MULTIPOLYGON' THEN 'MultiPolygon' WHEN 'GEOMETRYCOLLECTION' THEN 'GeometryCollection' END "
                     "AS type, ST_HasZ(g) AS z, count(*) AS rows, count(*) FILTER (ST_IsEmpty(g)) AS empty, "
                     "count(*) FILTER (ST_HasM(g)) AS measured, min(ST_XMin(g)) AS xmin, min(ST_YMin(g)) AS ymin, "
                     "max(ST_XMax(g)) AS xmax, max(ST_YMax(g)) AS ymax FROM (SELECT ");
    sl_sql_ident(sql, table->geometry);
    sl_sql_text(sql, "::GEOMETRY AS g FROM ");
    sl_sql_table(sql, s->name, table->name);
    sl_sql_text(sql, ") GROUP BY ALL) GROUP BY ALL ORDER BY type, z");
}

static void remember_bounds(struct sl_duckdb_session *s, const struct sl_table *table, const struct sl_geometry_facts *f)
{
    snprintf(s->bounds_of, sizeof s->bounds_of, "%s", table->name);
    memcpy(s->bounds, f->bounds, sizeof s->bounds);
}

int sl_duckdb__geometry_facts(struct sl_compute_session *session, const struct sl_table *table,
                              const struct sl_crs *crs, struct sl_geometry_facts *out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_geometry_facts f = {0};
    if (!table->geometry)
        return sl_fail(err, SL_E_GEOMETRY_CONTRACT, "table \"%s\" has no geometry column", table->name);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    put_facts(&sql, s, table);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_query(s->duck, sql.buf.data, add_group, &f, err);
    if (rc == 0 && f.any && crs)
        rc = sl_crs_bounds_to_wgs84(crs, f.bounds, f.bounds_wgs84, err);
    if (rc)
        return rc;
    remember_bounds(s, table, &f);
    *out = f;
    return 0;
}
