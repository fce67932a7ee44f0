/* SPDX-License-Identifier: Apache-2.0 */
/* Values and names as Trino's SQL has them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iceberg/trino_internal.h"

void sl_trino_name(struct sl_buf *sql, const char *name)
{
    sl_buf_putc(sql, '"');
    for (; *name; name++) {
        if (*name == '"')
            sl_buf_putc(sql, '"');
        sl_buf_putc(sql, *name);
    }
    sl_buf_putc(sql, '"');
}

static void quoted(struct sl_buf *sql, const char *text)
{
    sl_buf_putc(sql, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            sl_buf_putc(sql, '\'');
        sl_buf_putc(sql, *text);
    }
    sl_buf_putc(sql, '\'');
}

static bool is_integer(const char *text)
{
    size_t n = strspn(text + (*text == '-'), "0123456789");
    return n > 0 && n < 20 && text[n + (*text == '-')] == '\0';
}

static bool is_decimal(const char *text)
{
    const char *p = text + (*text == '-');
    size_t whole = strspn(p, "0123456789"), fraction = p[whole] == '.' ? strspn(p + whole + 1, "0123456789") : 0;
    return whole + fraction > 0 && whole + fraction <= 38 && p[whole + (p[whole] == '.' ? fraction + 1 : 0)] == '\0';
}

static bool is_double(const char *text)
{
    char *end = NULL;
    if (!strcmp(text, "NaN") || !strcmp(text, "Infinity") || !strcmp(text, "-Infinity"))
        return true;
    if (!*text || strspn(text, "0123456789+-.eE") != strlen(text))
        return false;
    (void)strtod(text, &end);
    return *end == '\0';
}

static bool is_hex(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF") == strlen(text) && strlen(text) % 2 == 0;
}

/* "decimal(10,2)", "timestamp(6) with time zone", "varchar": what may follow CAST(… AS. */
static bool is_type(const char *type)
{
    size_t n = strlen(type);
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)type[i]) && !isdigit((unsigned char)type[i]) && !strchr("(), _", type[i]))
            return false;
    return n > 0 && n < 200;
}

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

int sl_trino_literal(struct sl_buf *sql, const struct sl_trino_param *p, struct sl_error *err)
{
    const char *type = p->type, *text = p->text;
    bool good = is_type(type);
    if (good && !text) {
        sl_buf_printf(sql, "CAST(NULL AS %s)", type);
        return 0;
    }
    if (begins(type, "varbinary")) {
        good &= is_hex(text);
        sl_buf_printf(sql, "X'%s'", good ? text : "");
    } else if (!strcmp(type, "boolean")) {
        good &= !strcmp(text, "true") || !strcmp(text, "false");
        sl_buf_puts(sql, good ? text : "");
    } else if (!strcmp(type, "bigint") || !strcmp(type, "integer") || !strcmp(type, "smallint") || !strcmp(type, "tinyint")) {
        good &= is_integer(text);
        sl_buf_printf(sql, "%s '%s'", type, good ? text : "");
    } else if (!strcmp(type, "double") || !strcmp(type, "real")) {
        good &= is_double(text);
        sl_buf_printf(sql, "%s '%s'", type, good ? text : "");
    } else if (begins(type, "decimal")) {
        good &= is_decimal(text);
        sl_buf_printf(sql, "CAST(DECIMAL '%s' AS %s)", good ? text : "0", type);
    } else if (!strcmp(type, "varchar")) {
        quoted(sql, text);
    } else {
        sl_buf_puts(sql, "CAST(");
        quoted(sql, text);
        sl_buf_printf(sql, " AS %s)", type);
    }
    return good ? 0 : sl_fail(err, SL_E_INTERNAL, "\"%.100s\" is no value of type %.100s", text ? text : "", type);
}
