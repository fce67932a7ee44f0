/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "geo/duckdb/compute_internal.h"

/* Types that Parquet has a form for, by the names of sl_duckdb__describe. Others are text, huge integers doubles. */
static bool plain(const char *type)
{
    static const char *const names[] = {"boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint",
                                        "uinteger", "ubigint", "real", "double precision", "text", "bytea", "date",
                                        "uuid", "json", "time without time zone", "timestamp without time zone",
                                        "timestamp with time zone", "timestamp_s", "timestamp_ms", "timestamp_ns", NULL};
    for (const char *const *name = names; *name; name++)
        if (!strcmp(type, *name))
            return true;
    size_t n = strlen(type);
    return sl_text_starts(type, "numeric(") || (n > 2 && !strcmp(type + n - 2, "[]")) || sl_text_starts(type, "STRUCT(") ||
           sl_text_starts(type, "MAP(");
}

static void put_value(struct sl_sql *sql, const struct sl_column *c)
{
    bool huge = !strcmp(c->type, "hugeint") || !strcmp(c->type, "uhugeint");
    sl_sql_ident(sql, c->name);
    if (!plain(c->type))
        sl_sql_text(sql, huge ? "::DOUBLE" : "::VARCHAR");
}

/* GeoParquet has no M. */
static void put_geometry(struct sl_sql *sql, const char *name)
{
    sl_sql_text(sql, "ST_AsWKB(CASE WHEN NOT ST_HasM(");
    sl_sql_ident(sql, name);
    sl_sql_text(sql, ") THEN ");
    sl_sql_ident(sql, name);
    sl_sql_text(sql, " WHEN ST_HasZ(");
    sl_sql_ident(sql, name);
    sl_sql_text(sql, ") THEN ST_Force3DZ(");
    sl_sql_ident(sql, name);
    sl_sql_text(sql, ", 0) ELSE ST_Force2D(");
    sl_sql_ident(sql, name);
    sl_sql_text(sql, ") END)::BLOB");
}

static void put_column(struct sl_sql *sql, const struct sl_column *c, const struct sl_table *table)
{
    if (c->geometry && table->geometry && !strcmp(c->name, table->geometry))
        put_geometry(sql, c->name);
    else
        put_value(sql, c);
    sl_sql_text(sql, " AS ");
    sl_sql_ident(sql, c->name);
}

/* DuckDB's Hilbert number of the middle of each geometry's box within the layer's bounds. */
static void put_hilbert(struct sl_sql *sql, const struct sl_duckdb_session *s, const struct sl_table *table)
{
    static const char *const sides[] = {"{min_x: ", ", min_y: ", ", max_x: ", ", max_y: "};
    sl_sql_text(sql, "CASE WHEN ST_IsEmpty(t."); /* which it refuses */
    sl_sql_ident(sql, table->geometry);
    sl_sql_text(sql, ") THEN NULL ELSE ST_Hilbert(t.");
    sl_sql_ident(sql, table->geometry);
    sl_sql_text(sql, "::GEOMETRY, ");
    for (int i = 0; i < 4; i++) {
        sl_sql_text(sql, sides[i]);
        sl_sql_double(sql, s->bounds[i]);
        sl_sql_text(sql, "::DOUBLE");
    }
    sl_sql_text(sql, "}::BOX_2D) END NULLS LAST");
}

/* Where two rows have one Hilbert number, a hash of all columns decides: as keys these would cost more than all the rest of
 * the writing. Rows with one hash are the same rows, for all that is likely. */
static void put_order(struct sl_sql *sql, const struct sl_duckdb_session *s, const struct sl_table *table,
                      enum sl_row_order order)
{
    bool first = true, hilbert = order == SL_ORDER_HILBERT && table->geometry;
    sl_sql_text(sql, " ORDER BY ");
    if (order == SL_ORDER_TABLE) { /* nothing changes a row after the table was made */
        sl_sql_text(sql, "t.rowid");
        return;
    }
    if (hilbert) {
        put_hilbert(sql, s, table);
        sl_sql_text(sql, ", hash(");
    }
    for (int geometries = 0; geometries < 2; geometries++) {
        for (size_t i = 0; i < table->n_columns; i++) {
            const struct sl_column *c = &table->columns[i];
            if (c->geometry != (geometries == 1))
                continue;
            sl_sql_text(sql, first ? "t." : ", t.");
            sl_sql_ident(sql, c->name);
            if (c->geometry && hilbert)
                sl_sql_text(sql, "::BLOB");
            else if (!hilbert)
                sl_sql_text(sql, " NULLS LAST");
            first = false;
        }
    }
    sl_sql_text(sql, hilbert ? ")" : "");
}

int sl_duckdb__relation(struct sl_compute_session *session, const struct sl_table *table, enum sl_row_order order,
                        struct sl_arena *arena, struct sl_relation *out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_geometry_facts ignored;
    int rc = 0;
    if (table->n_columns == 0)
        return sl_fail(err, SL_E_GEOMETRY_CONTRACT, "table \"%s\" has no columns", table->name);
    if (order == SL_ORDER_HILBERT && table->geometry && strcmp(s->bounds_of, table->name) != 0)
        rc = sl_duckdb__geometry_facts(session, table, NULL, &ignored, err);
    if (rc)
        return rc;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT ");
    for (size_t i = 0; i < table->n_columns; i++) {
        sl_sql_text(&sql, i ? ", " : "");
        put_column(&sql, &table->columns[i], table);
    }
    sl_sql_text(&sql, " FROM ");
    sl_sql_table(&sql, s->name, table->name);
    sl_sql_text(&sql, " AS t");
    put_order(&sql, s, table, order);
    rc = sl_sql_check(&sql, err);
    if (rc == 0)
        *out = (struct sl_relation){.sql = sl_arena_strdup(arena, sql.buf.data), .duck = s->duck};
    return rc;
}
