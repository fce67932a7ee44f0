/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "geo/postgis/postgis_internal.h"

/* Types that DuckDB reads as they are and that sort the same everywhere. */
static bool plain(const char *type)
{
    static const char *const names[] = {"smallint", "integer", "bigint", "real", "double precision", "boolean",
                                        "date", "time without time zone", "timestamp without time zone",
                                        "timestamp with time zone", "bytea", "uuid", NULL};
    for (const char *const *name = names; *name; name++)
        if (!strcmp(type, *name))
            return true;
    return false;
}

static bool textual(const char *type)
{
    return !strcmp(type, "text") || sl_text_starts(type, "character varying");
}

static bool plain_array(const char *type)
{
    size_t n = strlen(type);
    char item[64];
    if (n < 3 || n >= sizeof item || strcmp(type + n - 2, "[]") != 0)
        return false;
    memcpy(item, type, n - 2);
    item[n - 2] = '\0';
    return textual(item) || (plain(item) && strcmp(item, "bytea") != 0 && strcmp(item, "uuid") != 0);
}

/* numeric(p, s) up to 38 digits is a DECIMAL; without limits it has no Parquet type that holds every value. */
static void value(struct sl_sql *sql, const struct sl_column *c)
{
    bool exact = sl_text_starts(c->type, "numeric("), dynamic = !strcmp(c->type, "numeric");
    sl_sql_ident(sql, c->name);
    if (dynamic)
        sl_sql_text(sql, "::double precision");
    else if (!plain(c->type) && !textual(c->type) && !plain_array(c->type) && !exact)
        sl_sql_text(sql, "::text");
}

static void column(struct sl_sql *sql, const struct sl_column *c, const struct sl_table *table)
{
    if (c->geometry && table->geometry && !strcmp(c->name, table->geometry)) {
        /* GeoParquet has no M. */
        sl_sql_text(sql, "ST_AsBinary(CASE ST_Zmflag(");
        sl_sql_ident(sql, c->name);
        sl_sql_text(sql, ") WHEN 1 THEN ST_Force2D(");
        sl_sql_ident(sql, c->name);
        sl_sql_text(sql, ") WHEN 3 THEN ST_Force3DZ(");
        sl_sql_ident(sql, c->name);
        sl_sql_text(sql, ") ELSE ");
        sl_sql_ident(sql, c->name);
        sl_sql_text(sql, " END, 'NDR')");
    } else {
        value(sql, c);
    }
    sl_sql_text(sql, " AS ");
    sl_sql_ident(sql, c->name);
}

/* Text sorts by its bytes, so that the server's locale does not matter. Without "t." the name would be the output's. */
static void sort_key(struct sl_sql *sql, const struct sl_column *c)
{
    sl_sql_text(sql, "t.");
    sl_sql_ident(sql, c->name);
    if (!plain(c->type) && !c->geometry)
        sl_sql_text(sql, textual(c->type) ? " COLLATE \"C\"" : "::text COLLATE \"C\"");
}

static void order_by(struct sl_sql *sql, const struct sl_table *table, enum sl_row_order order)
{
    bool first = true, hilbert = order == SL_ORDER_HILBERT && table->geometry;
    sl_sql_text(sql, " ORDER BY ");
    if (order == SL_ORDER_TABLE) { /* nothing changes a row after the table was made, so that each is where it was put */
        sl_sql_text(sql, "t.ctid");
        return;
    }
    if (hilbert) {
        sl_sql_text(sql, "t.");
        sl_sql_ident(sql, table->geometry);
        first = false;
    }
    for (int geometries = 0; geometries < 2; geometries++) {
        for (size_t i = 0; i < table->n_columns; i++) {
            const struct sl_column *c = &table->columns[i];
            if (c->geometry != (geometries == 1) || (hilbert && !strcmp(c->name, table->geometry)))
                continue;
            sl_sql_text(sql, first ? "" : ", ");
            sort_key(sql, c);
            first = false;
        }
    }
}

int sl_postgis__relation(struct sl_compute_session *session, const struct sl_table *table, enum sl_row_order order,
                         struct sl_arena *arena, struct sl_relation *out, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql inner;
    SL_CLEANUP(sl_sql_free) struct sl_sql outer;
    sl_sql_init(&inner, SL_DIALECT_POSTGIS);
    sl_sql_init(&outer, SL_DIALECT_DUCKDB);
    if (table->n_columns == 0)
        return sl_fail(err, SL_E_GEOMETRY_CONTRACT, "table \"%s\" has no columns", table->name);
    /* Sorted as they are stored, and made WKB after it: both would go through the sort. */
    sl_sql_text(&inner, "SELECT ");
    for (size_t i = 0; i < table->n_columns; i++) {
        sl_sql_text(&inner, i ? ", " : "");
        column(&inner, &table->columns[i], table);
    }
    sl_sql_text(&inner, " FROM (SELECT * FROM ");
    sl_sql_table(&inner, s->name, table->name);
    sl_sql_text(&inner, " AS t");
    order_by(&inner, table, order);
    sl_sql_text(&inner, ") AS t");
    int rc = sl_sql_check(&inner, err);
    if (rc)
        return rc;
    sl_sql_text(&outer, "SELECT * FROM postgres_query('" SL_POSTGIS_ATTACHED "', ");
    sl_sql_literal(&outer, inner.buf.data);
    sl_sql_text(&outer, ")");
    rc = sl_sql_check(&outer, err);
    if (rc)
        return rc;
    struct sl_duck *duck = NULL;
    rc = sl_postgis__duck(s, &duck, err);
    if (rc == 0)
        *out = (struct sl_relation){.sql = sl_arena_strdup(arena, outer.buf.data), .duck = duck};
    return rc;
}
