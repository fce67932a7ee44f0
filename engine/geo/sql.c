/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/sql.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { SQL_MAX_BYTES = 1 << 20, IDENT_MAX_BYTES = 63 };

const char *sl_dialect_name(enum sl_dialect dialect)
{
    return dialect == SL_DIALECT_DUCKDB ? "duckdb" : "postgis";
}

void sl_sql_init(struct sl_sql *sql, enum sl_dialect dialect)
{
    *sql = (struct sl_sql){.dialect = dialect};
    sl_buf_init(&sql->buf, SQL_MAX_BYTES);
}

void sl_sql_free(struct sl_sql *sql)
{
    sl_buf_free(&sql->buf);
    sql->invalid = NULL;
}

static void reject(struct sl_sql *sql, const char *why)
{
    if (!sql->invalid)
        sql->invalid = why;
}

void sl_sql_text(struct sl_sql *sql, const char *trusted)
{
    sl_buf_puts(&sql->buf, trusted);
}

static void quoted(struct sl_sql *sql, const char *s, char quote, bool backslashes)
{
    sl_buf_putc(&sql->buf, quote);
    for (; *s; s++) {
        if (*s == quote || (backslashes && *s == '\\'))
            sl_buf_putc(&sql->buf, *s);
        sl_buf_putc(&sql->buf, *s);
    }
    sl_buf_putc(&sql->buf, quote);
}

void sl_sql_ident(struct sl_sql *sql, const char *name)
{
    size_t bytes = strlen(name);
    if (bytes == 0)
        reject(sql, "a name is empty");
    else if (!sl_utf8_valid(name, bytes))
        reject(sql, "a name is not valid utf-8");
    else if (sql->dialect == SL_DIALECT_POSTGIS && bytes > IDENT_MAX_BYTES)
        reject(sql, "a name is longer than the 63 bytes of postgresql");
    quoted(sql, name, '"', false);
}

void sl_sql_table(struct sl_sql *sql, const char *schema, const char *table)
{
    if (schema) {
        sl_sql_ident(sql, schema);
        sl_buf_putc(&sql->buf, '.');
    }
    sl_sql_ident(sql, table);
}

void sl_sql_literal(struct sl_sql *sql, const char *value)
{
    if (!sl_utf8_valid(value, strlen(value)))
        reject(sql, "a value is not valid utf-8");
    /* Without E'' the meaning of a backslash would hang on standard_conforming_strings. */
    bool backslashes = sql->dialect == SL_DIALECT_POSTGIS && strchr(value, '\\');
    if (backslashes)
        sl_buf_putc(&sql->buf, 'E');
    quoted(sql, value, '\'', backslashes);
}

/* A minus right after a minus would begin a comment. */
static void number(struct sl_sql *sql, const char *digits)
{
    if (*digits == '-' && sql->buf.len > 0 && sql->buf.data[sql->buf.len - 1] == '-')
        sl_buf_putc(&sql->buf, ' ');
    sl_buf_puts(&sql->buf, digits);
}

void sl_sql_int(struct sl_sql *sql, int64_t value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    number(sql, digits);
}

void sl_sql_double(struct sl_sql *sql, double value)
{
    char digits[40];
    if (!isfinite(value)) {
        reject(sql, "a number is not finite");
        value = 0;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        double back = strtod(digits, NULL);
        if (!(back < value) && !(back > value))
            break;
    }
    number(sql, digits);
}

int sl_sql_check(const struct sl_sql *sql, struct sl_error *err)
{
    if (sql->invalid)
        return sl_fail(err, SL_E_LIMIT, "sql statement: %s", sql->invalid);
    return sl_buf_check(&sql->buf, "sql statement", err);
}
