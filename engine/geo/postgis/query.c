/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/postgis/postgis_internal.h"

/* What the server says about a recipe's SQL is the recipe's fault, unless it is the server's state. */
static int blame_statement(int rc, struct sl_error *err)
{
    if (rc != -(int)SL_E_POSTGRES && rc != -(int)SL_E_POSTGRES_DENIED && rc != -(int)SL_E_POSTGRES_CONFLICT)
        return rc;
    if (err)
        err->code = SL_E_STEP_SQL;
    return -(int)SL_E_STEP_SQL;
}

static int count_of(struct sl_postgis_session *s, const char *table, int64_t *rows, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "SELECT count(*) FROM ");
    sl_sql_table(&sql, s->name, table);
    int rc = sl_sql_check(&sql, err);
    return rc ? rc : sl_pg_query_int(s->pg, sql.buf.data, 0, NULL, 0, rows, err);
}

/* A column that a SELECT made has no SRID in its type: then the first geometry says. */
static int srid_of(struct sl_postgis_session *s, const struct sl_table *table, int *srid, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int64_t found = 0;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "SELECT ST_SRID(");
    sl_sql_ident(&sql, table->geometry);
    sl_sql_text(&sql, ") FROM ");
    sl_sql_table(&sql, s->name, table->name);
    sl_sql_text(&sql, " WHERE ");
    sl_sql_ident(&sql, table->geometry);
    sl_sql_text(&sql, " IS NOT NULL LIMIT 1");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_pg_query_int(s->pg, sql.buf.data, 0, NULL, 0, &found, err);
    if (rc == 0)
        *srid = (int)found;
    return rc;
}

static void fill_columns(const PGresult *result, struct sl_arena *arena, struct sl_table *t)
{
    t->n_columns = (size_t)PQntuples(result);
    t->columns = sl_arena_array(arena, t->n_columns, sizeof *t->columns);
    for (size_t i = 0; i < t->n_columns; i++) {
        struct sl_column *c = &t->columns[i];
        c->name = sl_arena_strdup(arena, PQgetvalue(result, (int)i, 0));
        c->geometry = !strcmp(PQgetvalue(result, (int)i, 2), "geometry");
        c->type = c->geometry ? "geometry" : sl_arena_strdup(arena, PQgetvalue(result, (int)i, 1));
        if (!c->geometry || (t->geometry && strcmp(c->name, "geom") != 0))
            continue;
        t->geometry = c->name;
        t->srid = atoi(PQgetvalue(result, (int)i, 3));
    }
}

int sl_postgis__describe(struct sl_compute_session *session, const char *table, bool with_rows, struct sl_arena *arena,
                         struct sl_table *out, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    const char *params[] = {s->name, table};
    struct sl_table t = {.schema = sl_arena_strdup(arena, s->name), .name = sl_arena_strdup(arena, table), .rows = -1};
    int rc = sl_postgis__reset(s, err);
    if (rc == 0)
        /* What information_schema.columns says, without its joins, whose planning takes longer than small tables. */
        rc = sl_pg_query(s->pg,
                         "SELECT a.attname, format_type(a.atttypid, a.atttypmod), coalesce(b.typname, t.typname), "
                         "CASE WHEN coalesce(b.typname, t.typname) = 'geometry' THEN postgis_typmod_srid(a.atttypmod) "
                         "ELSE 0 END FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b "
                         "ON t.typtype = 'd' AND b.oid = t.typbasetype "
                         "WHERE a.attrelid = to_regclass(format('%I.%I', $1::text, $2::text)) "
                         "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
                         2, params, &result, err);
    if (rc)
        return rc;
    if (PQntuples(result) == 0)
        return sl_fail(err, SL_E_STEP_SQL, "there is no table \"%s\", or it has no columns", table);
    fill_columns(result, arena, &t);
    if (t.geometry && t.srid == 0)
        rc = srid_of(s, &t, &t.srid, err);
    if (rc == 0 && with_rows)
        rc = count_of(s, table, &t.rows, err);
    if (rc == 0)
        *out = t;
    return rc;
}

/* The types of a prepared query's columns as arrays' texts. */
static void list_types(const PGresult *described, struct sl_buf *oids, struct sl_buf *mods)
{
    for (int i = 0; i < PQnfields(described); i++) {
        sl_buf_printf(oids, "%c%u", i ? ',' : '{', PQftype(described, i));
        sl_buf_printf(mods, "%c%d", i ? ',' : '{', PQfmod(described, i));
    }
    sl_buf_puts(oids, "}");
    sl_buf_puts(mods, "}");
}

static int name_types(struct sl_postgis_session *s, const PGresult *described, PGresult **out, struct sl_error *err)
{
    enum { TYPES_MAX_BYTES = 1 << 16 };
    SL_CLEANUP(sl_buf_free) struct sl_buf oids;
    SL_CLEANUP(sl_buf_free) struct sl_buf mods;
    sl_buf_init(&oids, TYPES_MAX_BYTES);
    sl_buf_init(&mods, TYPES_MAX_BYTES);
    list_types(described, &oids, &mods);
    int rc = sl_buf_check(&oids, "a list of types", err);
    if (rc == 0)
        rc = sl_buf_check(&mods, "a list of types", err);
    if (rc)
        return rc;
    const char *params[] = {oids.data, mods.data};
    return sl_pg_query(s->pg,
                       "SELECT format_type(c.type, c.mod), t.typname FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY "
                       "AS c(type, mod, i) JOIN pg_type t ON t.oid = c.type ORDER BY c.i",
                       2, params, out, err);
}

/* Prepares the unnamed statement, which the next one replaces. */
static int prepare(struct sl_postgis_session *s, const char *select, PGresult **described, struct sl_error *err)
{
    PGconn *conn = sl_pg_handle(s->pg);
    SL_CLEANUP(sl_pg_clearp) PGresult *prepared = PQprepare(conn, "", select, 0, NULL);
    if (PQresultStatus(prepared) != PGRES_COMMAND_OK)
        return blame_statement(sl_pg_fail(s->pg, prepared, err), err);
    *described = PQdescribePrepared(conn, "");
    return PQresultStatus(*described) == PGRES_COMMAND_OK ? 0 : blame_statement(sl_pg_fail(s->pg, *described, err), err);
}

int sl_postgis__describe_query(struct sl_compute_session *session, const char *select, struct sl_arena *arena,
                               struct sl_table *out, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    SL_CLEANUP(sl_pg_clearp) PGresult *described = NULL;
    SL_CLEANUP(sl_pg_clearp) PGresult *types = NULL;
    int rc = sl_postgis__reset(s, err);
    if (rc == 0)
        rc = prepare(s, select, &described, err);
    if (rc == 0 && PQnfields(described) == 0)
        rc = sl_fail(err, SL_E_STEP_SQL, "the query gives no columns");
    if (rc == 0)
        rc = name_types(s, described, &types, err);
    if (rc)
        return rc;
    struct sl_table t = {.rows = -1, .n_columns = (size_t)PQnfields(described)};
    t.columns = sl_arena_array(arena, t.n_columns, sizeof *t.columns);
    for (size_t i = 0; i < t.n_columns && (int)i < PQntuples(types); i++) {
        struct sl_column *c = &t.columns[i];
        c->name = sl_arena_strdup(arena, PQfname(described, (int)i));
        c->geometry = !strcmp(PQgetvalue(types, (int)i, 1), "geometry");
        c->type = c->geometry ? "geometry" : sl_arena_strdup(arena, PQgetvalue(types, (int)i, 0));
        if (c->geometry && (!t.geometry || !strcmp(c->name, "geom")))
            t.geometry = c->name;
    }
    *out = t;
    return 0;
}

int sl_postgis__transform(struct sl_compute_session *session, const char *select, const char *table,
                          int64_t *rows_out, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, sl_postgis__create(s));
    sl_sql_table(&sql, s->name, table);
    sl_sql_text(&sql, " AS ");
    sl_sql_text(&sql, select);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_postgis__reset(s, err);
    /* The extended protocol takes one statement and no more. */
    s->touched = true;
    if (rc == 0)
        rc = blame_statement(sl_pg_query(s->pg, sql.buf.data, 0, NULL, &result, err), err);
    if (rc)
        return rc;
    *rows_out = strtoll(PQcmdTuples(result), NULL, 10);
    return 0;
}

int sl_postgis__execute(struct sl_compute_session *session, const char *sql, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    int rc = sl_postgis__reset(s, err);
    s->touched = true;
    return rc ? rc : blame_statement(sl_pg_query(s->pg, sql, 0, NULL, NULL, err), err);
}

int sl_postgis__query_int(struct sl_compute_session *session, const char *sql, int64_t *out, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    int rc = sl_postgis__reset(s, err);
    s->touched = true;
    return rc ? rc : blame_statement(sl_pg_query_int(s->pg, sql, 0, NULL, 0, out, err), err);
}

/* ---- facts ------------------------------------------------------------------------------------------------------ */

static double number(const PGresult *result, int row, int column)
{
    return strtod(PQgetvalue(result, row, column), NULL);
}

/* Rows: type, null, empty, count, measured, xmin, ymin, xmax, ymax. */
static void add_group(const PGresult *result, int row, struct sl_geometry_facts *f)
{
    int64_t n = strtoll(PQgetvalue(result, row, 1), NULL, 10);
    if (PQgetisnull(result, row, 0)) {
        f->null_count += n;
        return;
    }
    f->empty_count += strtoll(PQgetvalue(result, row, 2), NULL, 10);
    f->measured_count += strtoll(PQgetvalue(result, row, 3), NULL, 10);
    const char *type = PQgetvalue(result, row, 0);
    size_t used = strlen(f->types);
    snprintf(f->types + used, sizeof f->types - used, "%s%s", used ? "," : "", type);
    if (PQgetisnull(result, row, 4))
        return;
    double box[4] = {number(result, row, 4), number(result, row, 5), number(result, row, 6), number(result, row, 7)};
    for (int i = 0; i < 4; i++) {
        bool beyond = i < 2 ? box[i] < f->bounds[i] : box[i] > f->bounds[i];
        if (!f->any || beyond)
            f->bounds[i] = box[i];
    }
    f->any = true;
}

int sl_postgis__geometry_facts(struct sl_compute_session *session, const struct sl_table *table,
                               const struct sl_crs *crs, struct sl_geometry_facts *out, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_geometry_facts f = {0};
    if (!table->geometry)
        return sl_fail(err, SL_E_GEOMETRY_CONTRACT, "table \"%s\" has no geometry column", table->name);
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    /* The three-dimensional extent is exact, where ST_Extent may round outwards to the stored single-precision box. Groups
     * are made by what costs nothing, and then put together by name. */
    sl_sql_text(&sql, "SELECT type, sum(n), sum(empty), sum(measured), min(ST_XMin(box)), min(ST_YMin(box)), "
                      "max(ST_XMax(box)), max(ST_YMax(box)) FROM (SELECT substr(kind, 4) || CASE WHEN flag >= 2 THEN ' Z' "
                      "ELSE '' END AS type, n, empty, CASE WHEN flag IN (1, 3) THEN n ELSE 0 END AS measured, box FROM ("
                      "SELECT ST_GeometryType(g) AS kind, ST_Zmflag(g) AS flag, count(*) AS n, "
                      "count(*) FILTER (WHERE ST_IsEmpty(g)) AS empty, ST_3DExtent(g) AS box FROM (SELECT ");
    sl_sql_ident(&sql, table->geometry);
    sl_sql_text(&sql, " AS g FROM ");
    sl_sql_table(&sql, s->name, table->name);
    sl_sql_text(&sql, ") t GROUP BY 1, 2) u) v GROUP BY type ORDER BY type COLLATE \"C\"");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_postgis__reset(s, err);
    if (rc == 0)
        rc = sl_pg_query(s->pg, sql.buf.data, 0, NULL, &result, err);
    if (rc)
        return rc;
    for (int i = 0; i < PQntuples(result); i++)
        add_group(result, i, &f);
    if (f.any && crs)
        rc = sl_crs_bounds_to_wgs84(crs, f.bounds, f.bounds_wgs84, err);
    if (rc == 0)
        *out = f;
    return rc;
}
