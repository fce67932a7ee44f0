/* SPDX-License-Identifier: Apache-2.0 */
#include "run/examples.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"

enum { EXAMPLES = 5, KEY_CHARACTERS = 40, TEXT_BYTES = 400 };

/* The one column of a rule "unique", or a column that is called like an id; NULL: none. */
static const char *key_of(const struct sl_work *w)
{
    static const char *const usual[] = {"fid", "ogc_fid", "gid", "objectid", "feature_id", "id", "osm_id", "uuid", "code", "name"};
    for (size_t i = 0; i < w->bound->recipe->n_checks; i++) {
        const struct sl_check *check = &w->bound->checks[i];
        const char *column = strcmp(check->kind->name, "unique") ? NULL : sl_check_unique_column(check->options);
        for (size_t k = 0; column && k < w->table.n_columns; k++)
            if (!strcmp(w->table.columns[k].name, column) && !w->table.columns[k].geometry)
                return w->table.columns[k].name;
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        for (size_t k = 0; k < w->table.n_columns; k++)
            if (!strcasecmp(w->table.columns[k].name, usual[i]) && !w->table.columns[k].geometry)
                return w->table.columns[k].name;
    return NULL;
}

/* "id 7", or "at 13.4 52.5". */
static void name_row(const struct sl_work *w, const char *key, struct sl_sql *sql)
{
    if (key) {
        sl_sql_literal(sql, sl_arena_printf(w->arena, "%s ", key));
        sl_sql_text(sql, " || COALESCE(substr(CAST(");
        sl_sql_ident(sql, key);
        sl_sql_text(sql, " AS text), 1, ");
        sl_sql_int(sql, KEY_CHARACTERS);
        sl_sql_text(sql, "), 'NULL')");
        return;
    }
    sl_sql_text(sql, "'at '");
    for (int axis = 0; axis < 2; axis++) {
        bool postgis = sql->dialect == SL_DIALECT_POSTGIS; /* whose round() with digits is for numeric only */
        sl_sql_text(sql, axis ? " || ' ' || " : " || ");
        sl_sql_text(sql, postgis ? "CAST(CAST(round(CAST(" : "CAST(round(");
        sl_sql_text(sql, axis ? "ST_YMin(" : "ST_XMin(");
        sl_sql_ident(sql, w->table.geometry);
        sl_sql_text(sql, postgis ? ") AS numeric), 5) AS double precision) AS text)" : "), 5) AS text)");
    }
}

/* One more than are told, to know whether there are more. */
static int select_names(struct sl_work *w, const struct sl_check *check, const char *key, struct sl_sql *sql,
                        struct sl_error *err)
{
    const struct sl_step_context context = sl_work_context(w);
    sl_sql_text(sql, "SELECT ");
    name_row(w, key, sql);
    sl_sql_text(sql, " AS example FROM ");
    sl_step_table(&context, sql);
    sl_sql_text(sql, " WHERE (");
    int rc = check->kind->predicate(&context, check->options, sql, err);
    sl_sql_text(sql, ")");
    if (key) {
        sl_sql_text(sql, " ORDER BY ");
        sl_sql_ident(sql, key);
    } else {
        sl_sql_text(sql, " ORDER BY 1");
    }
    sl_sql_text(sql, " LIMIT ");
    sl_sql_int(sql, EXAMPLES + 1);
    return rc < 0 ? rc : sl_sql_check(sql, err);
}

struct found {
    struct sl_buf text;
    size_t n;
};

static int take(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct found *f = data;
    (void)n, (void)err;
    if (!values[0])
        return 0;
    f->n++;
    if (f->n <= EXAMPLES && f->text.len + strlen(values[0]) < TEXT_BYTES)
        sl_buf_printf(&f->text, "%s%s", f->text.len ? ", " : ": ", values[0]);
    else if (f->n == EXAMPLES + 1)
        sl_buf_puts(&f->text, ", \xE2\x80\xA6");
    return 0;
}

int sl_work_examples(struct sl_work *w, const struct sl_check *check, const char **out, struct sl_error *err)
{
    const char *key = key_of(w);
    struct sl_table table = {0};
    struct sl_relation relation = {0};
    int64_t rows = 0;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    if (!key && !w->table.geometry)
        return 0;
    const char *name = sl_arena_printf(w->arena, "examples_%zu", (size_t)(check - w->bound->checks));
    int rc = select_names(w, check, key, &sql, err);
    if (rc == 0)
        rc = w->compute->ops->transform(w->session, sql.buf.data, name, &rows, err);
    if (rc == 0)
        rc = w->compute->ops->describe(w->session, name, false, w->arena, &table, err);
    if (rc == 0)
        rc = w->compute->ops->relation(w->session, &table, SL_ORDER_TABLE, w->arena, &relation, err);
    if (rc < 0)
        return rc;
    struct found found = {0};
    sl_buf_init(&found.text, 2 * TEXT_BYTES);
    rc = sl_duck_query(relation.duck, relation.sql, take, &found, err);
    if (rc == 0)
        *out = found.text.len ? sl_arena_strdup(w->arena, found.text.data) : "";
    sl_buf_free(&found.text);
    return rc;
}
