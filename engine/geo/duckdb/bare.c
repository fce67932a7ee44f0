/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that need no SQL engine: rows go from a file to the writers through DuckDB without its spatial extension, geometry as
 * the bytes that the reader made, in the order that PostGIS would have given them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/duckdb/compute_internal.h"

/* ---- facts ------------------------------------------------------------------------------------------------------- */

/* By GeoParquet's names, in their order; the index is the number in WKB. */
static const struct {
    int type;
    const char *name;
} names[] = {{7, "GeometryCollection"}, {2, "LineString"}, {5, "MultiLineString"}, {4, "MultiPoint"},
             {6, "MultiPolygon"},       {1, "Point"},      {3, "Polygon"}};

struct groups {
    struct sl_geometry_facts *facts;
    bool seen[8][2]; /* type, with Z */
};

/* Values: type, rows, rows with a box, xmin, ymin, xmax, ymax. */
static int add_group(void *data, const char *const *v, size_t n, struct sl_error *err)
{
    struct groups *g = data;
    struct sl_geometry_facts *f = g->facts;
    if (n != 7 || !v[1] || !v[2])
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not tell what geometry there is");
    int64_t rows = strtoll(v[1], NULL, 10);
    if (!v[0]) {
        f->null_count += rows;
        return 0;
    }
    long type = strtol(v[0], NULL, 10);
    if (type < 0 || type % 1000 > 7 || type / 1000 > 3)
        return sl_fail(err, SL_E_INTERNAL, "a geometry has the type %ld", type);
    g->seen[type % 1000][type / 1000 == 1 || type / 1000 == 3] = true;
    f->empty_count += rows - strtoll(v[2], NULL, 10);
    for (int i = 0; i < 4 && v[3] && v[4] && v[5] && v[6]; i++) {
        double bound = strtod(v[3 + i], NULL);
        bool beyond = i < 2 ? bound < f->bounds[i] : bound > f->bounds[i];
        if (!f->any || beyond)
            f->bounds[i] = bound;
    }
    f->any = f->any || v[3] != NULL;
    return 0;
}

static void put_types(struct groups *g)
{
    char *types = g->facts->types;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int z = 0; z < 2; z++) {
            size_t used = strlen(types);
            if (g->seen[names[i].type][z])
                snprintf(types + used, sizeof g->facts->types - used, "%s%s%s", used ? "," : "", names[i].name, z ? " Z" : "");
        }
}

static int facts(struct sl_compute_session *session, const struct sl_table *table, const struct sl_crs *crs,
                 struct sl_geometry_facts *out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_geometry_facts f = {.measured_count = s->measured};
    struct groups groups = {.facts = &f};
    if (!table->geometry)
        return sl_fail(err, SL_E_GEOMETRY_CONTRACT, "table \"%s\" has no geometry column", table->name);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT type, count(*), count(b), min(b.xmin), min(b.ymin), max(b.xmax), max(b.ymax) FROM (SELECT "
                      "sl_wkb_type(g) AS type, sl_wkb_box(g) AS b FROM (SELECT ");
    sl_sql_ident(&sql, table->geometry);
    sl_sql_text(&sql, " AS g FROM ");
    sl_sql_table(&sql, s->name, table->name);
    sl_sql_text(&sql, ")) GROUP BY type");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_query(s->duck, sql.buf.data, add_group, &groups, err);
    put_types(&groups);
    if (rc == 0 && f.any && crs)
        rc = sl_crs_bounds_to_wgs84(crs, f.bounds, f.bounds_wgs84, err);
    if (rc == 0)
        *out = f;
    return rc;
}

/* ---- rows in their order ------------------------------------------------------------------------------------------ */

static void put_place(struct sl_sql *sql, const struct sl_duckdb_session *s, const char *geometry)
{
    sl_sql_text(sql, "sl_wkb_place(t.");
    sl_sql_ident(sql, geometry);
    sl_sql_text(sql, ", ");
    sl_sql_int(sql, s->srid);
    sl_sql_text(sql, ")");
}

/* Where no two rows have one place, the place alone is their order: to sort by all columns costs more than all else. */
static int any_ties(struct sl_duckdb_session *s, const struct sl_table *table, bool *out, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int64_t ties = 0;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT count(*) - count(DISTINCT ");
    put_place(&sql, s, table->geometry);
    sl_sql_text(&sql, ") FROM ");
    sl_sql_table(&sql, s->name, table->name);
    sl_sql_text(&sql, " AS t");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_query_int(s->duck, sql.buf.data, &ties, err);
    if (rc == 0)
        *out = ties > 0;
    return rc;
}

static void put_geometry_keys(struct sl_sql *sql, const struct sl_duckdb_session *s, const struct sl_table *table, bool ties)
{
    put_place(sql, s, table->geometry);
    sl_sql_text(sql, " NULLS LAST");
    if (!ties)
        return;
    sl_sql_text(sql, ", sl_wkb_type(t.");
    sl_sql_ident(sql, table->geometry);
    sl_sql_text(sql, ") >= 1000, t.");
    sl_sql_ident(sql, table->geometry);
}

static void put_order(struct sl_sql *sql, const struct sl_duckdb_session *s, const struct sl_table *table, bool hilbert,
                      bool ties)
{
    bool first = true;
    sl_sql_text(sql, " ORDER BY ");
    if (hilbert) {
        put_geometry_keys(sql, s, table, ties);
        first = false;
    }
    for (size_t i = 0; i < table->n_columns && (ties || !hilbert); i++) {
        if (table->columns[i].geometry)
            continue;
        sl_sql_text(sql, first ? "t." : ", t.");
        sl_sql_ident(sql, table->columns[i].name);
        sl_sql_text(sql, " NULLS LAST");
        first = false;
    }
    if (!hilbert && table->geometry) {
        sl_sql_text(sql, first ? "" : ", ");
        put_geometry_keys(sql, s, table, true);
    }
}

static int relation(struct sl_compute_session *session, const struct sl_table *table, enum sl_row_order order,
                    struct sl_arena *arena, struct sl_relation *out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    bool hilbert = order == SL_ORDER_HILBERT && table->geometry, ties = true;
    int rc = hilbert ? any_ties(s, table, &ties, err) : 0;
    if (rc)
        return rc;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT ");
    for (size_t i = 0; i < table->n_columns; i++) {
        sl_sql_text(&sql, i ? ", t." : "t.");
        sl_sql_ident(&sql, table->columns[i].name);
    }
    sl_sql_text(&sql, " FROM ");
    sl_sql_table(&sql, s->name, table->name);
    sl_sql_text(&sql, " AS t");
    put_order(&sql, s, table, hilbert, ties);
    rc = sl_sql_check(&sql, err);
    if (rc == 0)
        *out = (struct sl_relation){.sql = sl_arena_strdup(arena, sql.buf.data), .duck = s->duck};
    return rc;
}

/* ---- what is not asked of it --------------------------------------------------------------------------------------- */

static int no_sql(struct sl_error *err)
{
    return sl_fail(err, SL_E_INTERNAL, "engine none runs no SQL");
}

static int load_parquet(struct sl_compute_session *session, const struct sl_parquet_file *file, const char *table,
                        int64_t *rows_out, struct sl_error *err)
{
    (void)session, (void)file, (void)table, (void)rows_out;
    return no_sql(err);
}

static int describe_query(struct sl_compute_session *session, const char *select, struct sl_arena *arena,
                          struct sl_table *out, struct sl_error *err)
{
    (void)session, (void)select, (void)arena, (void)out;
    return no_sql(err);
}

static int transform(struct sl_compute_session *session, const char *select, const char *table, int64_t *rows_out,
                     struct sl_error *err)
{
    (void)session, (void)select, (void)table, (void)rows_out;
    return no_sql(err);
}

static int execute(struct sl_compute_session *session, const char *sql, struct sl_error *err)
{
    (void)session, (void)sql;
    return no_sql(err);
}

/* Counts, for the checks that are no more than that. */
static int query_int(struct sl_compute_session *session, const char *sql, int64_t *out, struct sl_error *err)
{
    return sl_duck_query_int(sl_duckdb__session(session)->duck, sql, out, err);
}

void sl_duckdb__make_bare(struct sl_compute_ops *ops)
{
    ops->name = "none";
    ops->load_view = NULL; /* there is no statement that reads it */
    ops->load_view_end = NULL;
    ops->load_parquet = load_parquet;
    ops->describe_query = describe_query;
    ops->transform = transform;
    ops->execute = execute;
    ops->query_int = query_int;
    ops->geometry_facts = facts;
    ops->relation = relation;
}
