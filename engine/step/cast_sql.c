/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values turned into another type. PostgreSQL 15 cannot try: a text is looked at with a pattern first, and only what is
 * sure to succeed reaches the server's own cast. DuckDB can try, but takes more than is meant ("1_000", 12.7 as 13), so
 * that it gets the same patterns. Patterns are written so that both engines' regular expressions read them alike.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "step/cast.h"

enum sl_cast_source sl_cast_source_of(const struct sl_column *column)
{
    static const struct {
        const char *prefix;
        enum sl_cast_source source;
    } prefixes[] = {
        {"text", SL_SOURCE_TEXT},       {"character", SL_SOURCE_TEXT},  {"varchar", SL_SOURCE_TEXT},
        {"bool", SL_SOURCE_BOOLEAN},    {"date", SL_SOURCE_DATE},       {"smallint", SL_SOURCE_INTEGER},
        {"integer", SL_SOURCE_INTEGER}, {"bigint", SL_SOURCE_INTEGER},  {"tinyint", SL_SOURCE_INTEGER},
        {"usmallint", SL_SOURCE_INTEGER}, {"uinteger", SL_SOURCE_INTEGER}, {"ubigint", SL_SOURCE_INTEGER},
        {"utinyint", SL_SOURCE_INTEGER}, {"hugeint", SL_SOURCE_INTEGER}, {"double", SL_SOURCE_NUMBER},
        {"real", SL_SOURCE_NUMBER},     {"float", SL_SOURCE_NUMBER},    {"numeric", SL_SOURCE_NUMBER},
        {"decimal", SL_SOURCE_NUMBER},
    };
    const char *type = column ? column->type : "text";
    if (strchr(type, '['))
        return SL_SOURCE_OTHER;
    if (!strncasecmp(type, "timestamp", 9))
        return strstr(type, "with time zone") || strstr(type, "WITH TIME ZONE") ? SL_SOURCE_INSTANT : SL_SOURCE_TIMESTAMP;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncasecmp(type, prefixes[i].prefix, strlen(prefixes[i].prefix)))
            return prefixes[i].source;
    return SL_SOURCE_OTHER;
}

const char *sl_cast_sql_type(enum sl_cast_type type, const struct sl_sql *out)
{
    static const char *const names[] = {SL_CAST_NAMES};
    return type != SL_CAST_DOUBLE ? names[type] : out->dialect == SL_DIALECT_DUCKDB ? "double" : "double precision";
}

bool sl_cast_possible(enum sl_cast_source source, enum sl_cast_type type)
{
    bool time = source == SL_SOURCE_DATE || source == SL_SOURCE_TIMESTAMP || source == SL_SOURCE_INSTANT;
    bool to_time = type == SL_CAST_DATE || type == SL_CAST_TIMESTAMP;
    if (source == SL_SOURCE_OTHER)
        return false;
    return source == SL_SOURCE_TEXT || type == SL_CAST_TEXT || time == to_time;
}

/* What is being written: the value, which way. */
struct cast {
    const char *column;
    enum sl_cast_type type;
    struct sl_sql *out;
};

/* A literal of the engine's source in which # is the column, $ the column as a text without blanks around it, and % the
 * name of the wanted type. */
static void put(const struct cast *c, const char *trusted)
{
    char piece[2] = "";
    for (; *trusted; trusted++) {
        piece[0] = *trusted;
        if (*trusted == '#' || *trusted == '$') {
            sl_sql_text(c->out, *trusted == '$' ? "trim(CAST(" : "");
            sl_sql_ident(c->out, c->column);
            sl_sql_text(c->out, *trusted == '$' ? " AS text))" : "");
        } else {
            sl_sql_text(c->out, *trusted == '%' ? sl_cast_sql_type(c->type, c->out) : piece);
        }
    }
}

static bool duckdb(const struct cast *c)
{
    return c->out->dialect == SL_DIALECT_DUCKDB;
}

/* The text, written by `text`, matches as a whole. */
static void matches(const struct cast *c, const char *text, const char *pattern)
{
    put(c, duckdb(c) ? "regexp_full_match(" : "");
    put(c, text);
    put(c, duckdb(c) ? ", '" : " ~ '^(");
    sl_sql_text(c->out, pattern);
    if (duckdb(c))
        put(c, "')");
    else
        sl_sql_text(c->out, ")$'");
}

static void to_boolean(const struct cast *c, enum sl_cast_source source)
{
    if (source == SL_SOURCE_BOOLEAN)
        put(c, "#");
    else if (source != SL_SOURCE_TEXT)
        put(c, "CASE WHEN # = 1 THEN true WHEN # = 0 THEN false END");
    else
        put(c, "CASE WHEN lower($) IN ('true', 't', 'yes', 'y', 'on', '1') THEN true "
               "WHEN lower($) IN ('false', 'f', 'no', 'n', 'off', '0') THEN false END");
}

/* A fraction is never rounded away: 12.7 has no form as an integer, 12.0 has. */
static void to_whole(const struct cast *c, enum sl_cast_source source)
{
    bool big = c->type == SL_CAST_BIGINT;
    const char *range = big ? " >= -9.223372036854775808e18 AND # < 9.223372036854775808e18"
                            : " >= -2147483648 AND # <= 2147483647";
    if (source == SL_SOURCE_BOOLEAN) {
        put(c, "CAST(CASE WHEN # THEN 1 WHEN NOT # THEN 0 END AS %)");
    } else if (source == SL_SOURCE_TEXT) {
        put(c, "CASE WHEN ");
        matches(c, "$", "[+-]?[0-9]{1,30}([.]0{0,30})?");
        if (duckdb(c)) /* 128 bits hold what the pattern lets through; the fraction is zeros */
            put(c, " THEN TRY_CAST(split_part($, '.', 1) AS %) END");
        else
            put(c, big ? " THEN CASE WHEN CAST($ AS numeric) BETWEEN -9223372036854775808 AND 9223372036854775807 "
                         "THEN CAST(CAST($ AS numeric) AS %) END END"
                       : " THEN CASE WHEN CAST($ AS numeric) BETWEEN -2147483648 AND 2147483647 "
                         "THEN CAST(CAST($ AS numeric) AS %) END END");
    } else if (duckdb(c)) {
        put(c, source == SL_SOURCE_INTEGER ? "TRY_CAST(# AS %)" : "CASE WHEN # = trunc(#) THEN TRY_CAST(# AS %) END");
    } else if (source == SL_SOURCE_INTEGER && big) {
        put(c, "CAST(# AS %)");
    } else {
        put(c, source == SL_SOURCE_INTEGER ? "CASE WHEN #" : "CASE WHEN # = trunc(#) AND #");
        put(c, range);
        put(c, " THEN CAST(# AS %) END");
    }
}

static void to_double(const struct cast *c, enum sl_cast_source source)
{
    if (source == SL_SOURCE_BOOLEAN) {
        put(c, "CAST(CASE WHEN # THEN 1 WHEN NOT # THEN 0 END AS %)");
        return;
    }
    if (source != SL_SOURCE_TEXT) {
        put(c, "CAST(# AS %)");
        return;
    }
    put(c, "CASE WHEN ");
    matches(c, "$", "[+-]?([0-9]{1,255}[.]?[0-9]{0,255}|[.][0-9]{1,255})([eE][+-]?[0-9]{1,3})?");
    if (duckdb(c))
        put(c, " THEN CASE WHEN isfinite(TRY_CAST($ AS %)) THEN TRY_CAST($ AS %) END END");
    else /* the server fails beyond what a double holds, on both sides */
        put(c, " THEN CASE WHEN abs(CAST($ AS numeric)) < 1e-307 THEN 0 WHEN abs(CAST($ AS numeric)) < 1.797e308 "
               "THEN CAST($ AS %) END END");
}

static void to_text(const struct cast *c, enum sl_cast_source source)
{
    if (source == SL_SOURCE_TEXT)
        put(c, "#");
    else if (source == SL_SOURCE_BOOLEAN)
        put(c, "CASE WHEN # THEN 'true' WHEN NOT # THEN 'false' END");
    else if (source == SL_SOURCE_NUMBER && duckdb(c))
        sl_sql_text(c->out, "regexp_replace("), put(c, "CAST(# AS text), '[.]0"), sl_sql_text(c->out, "$', '')");
    else
        put(c, "CAST(# AS text)");
}

/* Year, month and day are the first, second, third of these places. */
static const char *part(enum sl_date_order order, int which)
{
    static const char *const places[][3] = {
        [SL_DATES_ISO] = {"1", "2", "3"}, [SL_DATES_DMY] = {"3", "2", "1"}, [SL_DATES_MDY] = {"3", "1", "2"}};
    return places[order][which];
}

static void put_part(const struct cast *c, enum sl_date_order order, int which)
{
    put(c, duckdb(c) ? "split_part(translate($, './', '--'), '-', "
                     : "CAST(split_part(translate($, './', '--'), '-', ");
    sl_sql_text(c->out, part(order, which));
    put(c, duckdb(c) ? ")" : ") AS integer)");
}

static void put_make_date(const struct cast *c, enum sl_date_order order, bool first_of_month)
{
    put(c, "make_date(");
    put_part(c, order, 0);
    put(c, ", ");
    put_part(c, order, 1);
    put(c, ", ");
    if (first_of_month)
        put(c, "1");
    else
        put_part(c, order, 2);
    put(c, ")");
}

/* A day that its month does not have is no date; the pattern has seen to month and day being possible at all. */
static void text_to_date(const struct cast *c, enum sl_date_order order)
{
    static const char *const patterns[] = {
        [SL_DATES_ISO] = "[0-9]{4}-(0?[1-9]|1[0-2])-(0?[1-9]|[12][0-9]|3[01])",
        [SL_DATES_DMY] = "(0?[1-9]|[12][0-9]|3[01])-(0?[1-9]|1[0-2])-[0-9]{4}",
        [SL_DATES_MDY] = "(0?[1-9]|1[0-2])-(0?[1-9]|[12][0-9]|3[01])-[0-9]{4}"};
    put(c, "CASE WHEN ");
    matches(c, "translate($, './', '--')", patterns[order]);
    put(c, " THEN CASE WHEN ");
    put_part(c, order, 0);
    if (duckdb(c)) {
        put(c, " <> '0000' THEN TRY_CAST(");
        for (int i = 0; i < 3; i++) {
            put_part(c, order, i);
            put(c, i < 2 ? " || '-' || " : " AS date) END END");
        }
        return;
    }
    put(c, " > 0 THEN CASE WHEN ");
    put_part(c, order, 2);
    put(c, " <= date_part('day', ");
    put_make_date(c, order, true);
    put(c, " + interval '1 month' - interval '1 day') THEN ");
    put_make_date(c, order, false);
    put(c, " END END END");
}

#define DAY_PATTERN  "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
#define TIME_PATTERN "[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
#define ZONE_PATTERN "(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)"

/* ISO 8601; with a zone it becomes UTC, of which a timestamp has no mark. */
static void text_to_timestamp(const struct cast *c)
{
    put(c, "CASE WHEN ");
    matches(c, "$", DAY_PATTERN "(" TIME_PATTERN "(" ZONE_PATTERN ")?)?");
    put(c, " AND substr($, 1, 4) <> '0000' THEN CASE WHEN ");
    if (!duckdb(c))
        put(c, "CAST(substr($, 9, 2) AS integer) <= date_part('day', make_date(CAST(substr($, 1, 4) AS integer), "
               "CAST(substr($, 6, 2) AS integer), 1) + interval '1 month' - interval '1 day') THEN CASE WHEN ");
    matches(c, "$", ".{11,}" ZONE_PATTERN);
    put(c, duckdb(c) ? " THEN CAST(TRY_CAST($ AS timestamp with time zone) AS timestamp) ELSE TRY_CAST($ AS timestamp) END END"
                     : " THEN CAST($ AS timestamp with time zone) AT TIME ZONE 'UTC' ELSE CAST($ AS timestamp) END END END");
}

static void to_time(const struct cast *c, enum sl_cast_source source, enum sl_date_order dates)
{
    if (source == SL_SOURCE_TEXT && c->type == SL_CAST_DATE)
        text_to_date(c, dates);
    else if (source == SL_SOURCE_TEXT)
        text_to_timestamp(c);
    else if (source == SL_SOURCE_INSTANT) /* DuckDB's own cast is to UTC */
        put(c, duckdb(c) ? "CAST(CAST(# AS timestamp) AS %)" : "CAST(# AT TIME ZONE 'UTC' AS %)");
    else
        put(c, "CAST(# AS %)");
}

void sl_cast_value(const char *column, enum sl_cast_source source, enum sl_cast_type type, enum sl_date_order dates,
                   struct sl_sql *out)
{
    const struct cast c = {.column = column, .type = type, .out = out};
    if (type == SL_CAST_BOOLEAN)
        to_boolean(&c, source);
    else if (type == SL_CAST_INTEGER || type == SL_CAST_BIGINT)
        to_whole(&c, source);
    else if (type == SL_CAST_DOUBLE)
        to_double(&c, source);
    else if (type == SL_CAST_TEXT)
        to_text(&c, source);
    else
        to_time(&c, source, dates);
}

void sl_cast_present(const char *column, enum sl_cast_source source, enum sl_cast_type type, struct sl_sql *out)
{
    const struct cast c = {.column = column, .type = type, .out = out};
    put(&c, source == SL_SOURCE_TEXT && type != SL_CAST_TEXT ? "$ <> ''" : "# IS NOT NULL");
}
