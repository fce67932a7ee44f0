/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/geoparquet/partitions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "geo/duckdb/duck.h"
#include "geo/sql.h"

/* Of the sorted file: few rows a group, so that a part's range touches few others. */
enum { SORTED_GROUP_ROWS = 16384, MEMBER_MAX_BYTES = 4096, NUMBERS = 2, FACTS = 5 };
#define ROW   "sluice row"
#define PLACE "sluice place"

struct partition {
    const char *suffix;
    int64_t first, rows;
    struct sl_geometry_facts geometry;
};

struct writing {
    const struct sl_relation *relation;
    const struct sl_table *table;
    const struct sl_partitions *how;
    struct sl_arena *arena;
    const char *sorted;    /* the file of all rows */
    struct sl_table inner; /* the table without the columns of the folders */
    struct sl_lake_part_column columns[SL_LAKE_PART_COLUMNS_MAX];
    struct partition *partitions;
    size_t n, capacity;
};

/* ---- the columns ---- */

static bool is_by(const struct sl_partitions *how, const char *name)
{
    for (size_t i = 0; i < how->n_by; i++)
        if (!strcmp(how->by[i], name))
            return true;
    return false;
}

/* Whose values are the same text for everybody. */
static bool type_names_folders(const char *type)
{
    static const char *const types[] = {"text",     "character varying", "varchar", "character", "boolean",
                                        "smallint", "integer",           "bigint",  "date",      "uuid"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strncmp(types[i], type, strlen(types[i])) && (!type[strlen(types[i])] || type[strlen(types[i])] == '('))
            return true;
    return false;
}

static int take_column(struct writing *w, size_t k, struct sl_error *err)
{
    const char *name = w->how->by[k];
    for (size_t i = 0; i < k; i++)
        if (!strcmp(w->how->by[i], name))
            return sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: column \"%s\" is there twice", name);
    for (size_t i = 0; i < w->table->n_columns; i++) {
        const struct sl_column *c = &w->table->columns[i];
        if (strcmp(c->name, name) != 0)
            continue;
        if (c->geometry || !type_names_folders(c->type)) {
            sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: column \"%s\" is of type %s", name, c->type);
            sl_error_hint(
                err,
                "folders are named after texts, integers, booleans, dates and uuids; add_column makes one of these");
            return -SL_E_RECIPE_OPTION;
        }
        if (!sl_lake_part_name_valid(name))
            return sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: \"%s\" cannot be in the name of a folder; rename it",
                           name);
        w->columns[k] = (struct sl_lake_part_column){name, c->type};
        return 0;
    }
    return sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: there is no column \"%s\" after the steps", name);
}

static int take_columns(struct writing *w, struct sl_error *err)
{
    int rc = 0;
    if (w->how->n_by == 0 || w->how->n_by > SL_LAKE_PART_COLUMNS_MAX)
        return sl_fail(err, SL_E_RECIPE_OPTION, "partition_by takes 1 to %d columns", SL_LAKE_PART_COLUMNS_MAX);
    for (size_t k = 0; rc == 0 && k < w->how->n_by; k++)
        rc = take_column(w, k, err);
    w->inner = *w->table;
    w->inner.columns = sl_arena_array(w->arena, w->table->n_columns, sizeof *w->inner.columns);
    w->inner.n_columns = 0;
    for (size_t i = 0; i < w->table->n_columns; i++)
        if (!is_by(w->how, w->table->columns[i].name))
            w->inner.columns[w->inner.n_columns++] = w->table->columns[i];
    if (rc == 0 && w->inner.n_columns == 0)
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: no column is left for the files");
    return rc;
}

static void put_by(const struct writing *w, struct sl_sql *sql, const char *after)
{
    for (size_t k = 0; k < w->how->n_by; k++) {
        sl_sql_ident(sql, w->how->by[k]);
        sl_sql_text(sql, after);
    }
}

/* ---- sorting ---- */

static int sort_rows(struct writing *w, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "COPY (SELECT * EXCLUDE (\"" ROW "\"), row_number() OVER () AS \"" PLACE
                      "\" FROM (SELECT * FROM (SELECT *, "
                      "row_number() OVER () AS \"" ROW "\" FROM (");
    sl_sql_text(&sql, w->relation->sql);
    sl_sql_text(&sql, ")) ORDER BY ");
    put_by(w, &sql, " ASC NULLS LAST, ");
    sl_sql_text(&sql, "\"" ROW "\")) TO ");
    sl_sql_literal(&sql, w->sorted);
    sl_sql_text(&sql, " (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ");
    sl_sql_int(&sql, SORTED_GROUP_ROWS);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : sl_duck_exec_one(w->relation->duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
}

/* ---- what the parts are ---- */

static const char *const simple_types[] = {NULL,         "Point",           "LineString",   "Polygon",
                                           "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "1,3,1003" gives "Point,Polygon,Polygon Z". */
static void name_types(struct sl_arena *arena, const char *codes, char *out, size_t bytes)
{
    enum { MOST = 32 };
    const char *names[MOST];
    size_t n = 0, len = 0;
    for (const char *p = codes; p && *p && n < MOST;) {
        char *end;
        long code = strtol(p, &end, 10), simple = code % 1000;
        bool known = simple >= 1 && simple <= 7 && (code < 1000 || code / 1000 == 1);
        names[n++] = sl_arena_printf(arena, "%s%s", known ? simple_types[simple] : "unknown", code >= 1000 ? " Z" : "");
        if (end == p)
            break;
        p = *end ? end + 1 : end;
    }
    qsort(names, n, sizeof *names, by_text);
    *out = '\0';
    for (size_t i = 0; i < n && len < bytes; i++)
        len += (size_t)snprintf(out + len, bytes - len, "%s%s", i ? "," : "", names[i]);
}

static void note_geometry(struct writing *w, struct partition *p, const char *const *values)
{
    p->geometry.any = values[0] && values[1] && values[2] && values[3];
    for (int i = 0; p->geometry.any && i < 4; i++)
        p->geometry.bounds[i] = strtod(values[i], NULL);
    name_types(w->arena, values[4], p->geometry.types, sizeof p->geometry.types);
}

static int note_partition(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct writing *w = data;
    SL_CLEANUP(sl_buf_free) struct sl_buf suffix;
    size_t n_by = w->how->n_by;
    if (n != n_by + NUMBERS + (w->table->geometry ? FACTS : 0) || !values[n_by] || !values[n_by + 1])
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not tell what the parts are");
    if (w->n == w->capacity)
        return sl_fail(err, SL_E_INTERNAL, "more parts than were asked for");
    sl_buf_init(&suffix, MEMBER_MAX_BYTES);
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < n_by; k++) {
        rc = sl_lake_part_folder(w->how->by[k], values[k], values[k] ? strlen(values[k]) : 0, &suffix, err);
        sl_buf_putc(&suffix, '/');
    }
    sl_buf_puts(&suffix, "part-0.parquet");
    if (rc == 0)
        rc = sl_buf_check(&suffix, "the name of a part", err);
    if (rc < 0)
        return rc;
    struct partition *p = &w->partitions[w->n++];
    p->suffix = sl_arena_strdup(w->arena, suffix.data);
    p->first = strtoll(values[n_by], NULL, 10);
    p->rows = strtoll(values[n_by + 1], NULL, 10);
    if (w->table->geometry)
        note_geometry(w, p, values + n_by + NUMBERS);
    return 0;
}

static void from_sorted(const struct writing *w, struct sl_sql *sql)
{
    sl_sql_text(sql, " FROM read_parquet(");
    sl_sql_literal(sql, w->sorted);
    sl_sql_text(sql, ")");
}

static int count_partitions(struct writing *w, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int64_t n = 0;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT count(*) FROM (SELECT DISTINCT ");
    for (size_t k = 0; k < w->how->n_by; k++) {
        sl_sql_text(&sql, k ? ", " : "");
        sl_sql_ident(&sql, w->how->by[k]);
    }
    from_sorted(w, &sql);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_query_int(w->relation->duck, sql.buf.data, &n, err);
    if (rc < 0)
        return rc;
    w->capacity = (size_t)n;
    if (n <= SL_LAKE_PARTS_MAX)
        return 0;
    const char *names = w->how->by[0];
    for (size_t k = 1; k < w->how->n_by; k++)
        names = sl_arena_printf(w->arena, "%s\", \"%s", names, w->how->by[k]);
    sl_fail(err, SL_E_LIMIT, "partition_by: \"%s\" make %lld parts, an asset has at most %d", names, (long long)n,
            SL_LAKE_PARTS_MAX);
    sl_error_hint(err, "partition by columns with fewer values");
    return -SL_E_LIMIT;
}

static int find_partitions(struct writing *w, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int rc = count_partitions(w, err);
    if (rc < 0)
        return rc;
    w->partitions = sl_arena_array(w->arena, w->capacity, sizeof *w->partitions);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT ");
    put_by(w, &sql, "::VARCHAR, ");
    sl_sql_text(&sql, "min(\"" PLACE "\"), count(*)");
    if (w->table->geometry)
        sl_sql_text(
            &sql,
            ", min(b.xmin), min(b.ymin), max(b.xmax), max(b.ymax), array_to_string(list_sort(list(DISTINCT t)), ',')");
    sl_sql_text(&sql, " FROM (SELECT *");
    if (w->table->geometry) {
        sl_sql_text(&sql, ", sl_wkb_box(");
        sl_sql_ident(&sql, w->table->geometry);
        sl_sql_text(&sql, ") AS b, sl_wkb_type(");
        sl_sql_ident(&sql, w->table->geometry);
        sl_sql_text(&sql, ") AS t");
    }
    from_sorted(w, &sql);
    sl_sql_text(&sql, ") GROUP BY ");
    for (size_t k = 0; k < w->how->n_by; k++) {
        sl_sql_text(&sql, k ? ", " : "");
        sl_sql_ident(&sql, w->how->by[k]);
    }
    sl_sql_text(&sql, " ORDER BY min(\"" PLACE "\")");
    rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : sl_duck_query(w->relation->duck, sql.buf.data, note_partition, w, err);
}

/* ---- the parts ---- */

static int select_part(const struct writing *w, const struct partition *p, struct sl_sql *sql, struct sl_error *err)
{
    sl_sql_init(sql, SL_DIALECT_DUCKDB);
    for (size_t i = 0; i < w->inner.n_columns; i++) {
        sl_sql_text(sql, i ? ", " : "SELECT ");
        sl_sql_ident(sql, w->inner.columns[i].name);
    }
    from_sorted(w, sql);
    sl_sql_text(sql, " WHERE \"" PLACE "\" BETWEEN ");
    sl_sql_int(sql, p->first);
    sl_sql_text(sql, " AND ");
    sl_sql_int(sql, p->first + p->rows - 1);
    sl_sql_text(sql, " ORDER BY \"" PLACE "\"");
    return sl_sql_check(sql, err);
}

static int write_part(const struct writing *w, const struct partition *p, size_t i, const struct sl_crs *crs,
                      const struct sl_geoparquet_options *options, struct sl_lake_part *out, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_geoparquet_facts facts;
    int rc = w->how->may_go_on ? w->how->may_go_on(w->how->data, err) : 0;
    if (rc < 0)
        return rc;
    *out = (struct sl_lake_part){.path = sl_arena_printf(w->arena, "%s-%05zu.parquet", w->how->stem, i),
                                 .suffix = p->suffix};
    rc = select_part(w, p, &sql, err);
    const struct sl_relation relation = {.sql = sql.buf.data, .duck = w->relation->duck};
    if (rc == 0)
        rc = sl_geoparquet_write(&relation, &w->inner, crs, &p->geometry, options, out->path, &facts, err);
    if (rc < 0)
        return rc;
    if (facts.rows != p->rows)
        return sl_fail(err, SL_E_OUTPUT_INVALID, "part %s has %lld rows of %lld", p->suffix, (long long)facts.rows,
                       (long long)p->rows);
    out->rows = facts.rows;
    out->bytes = facts.size_bytes;
    memcpy(out->sha256_hex, facts.sha256_hex, sizeof out->sha256_hex);
    return 0;
}

static int write_parts(struct writing *w, const struct sl_crs *crs, const struct sl_geoparquet_options *options,
                       struct sl_lake_parts *out, struct sl_error *err)
{
    static const struct partition empty = {.suffix = "part-0.parquet"};
    const struct partition *partitions = w->n ? w->partitions : &empty;
    size_t n = w->n ? w->n : 1;
    struct sl_lake_part *items = sl_arena_array(w->arena, n, sizeof *items);
    struct sl_lake_part_column *columns = sl_arena_array(w->arena, w->how->n_by, sizeof *columns);
    memcpy(columns, w->columns, w->how->n_by * sizeof *columns);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = write_part(w, &partitions[i], i, crs, options, &items[i], err);
    if (rc == 0)
        *out = (struct sl_lake_parts){items, n, columns, w->how->n_by, w->how->media_type};
    return rc;
}

int sl_partitions_write(const struct sl_relation *relation, const struct sl_table *table, const struct sl_crs *crs,
                        const struct sl_geoparquet_options *options, const struct sl_partitions *how,
                        struct sl_arena *arena, struct sl_lake_parts *out, struct sl_error *err)
{
    struct writing w = {.relation = relation, .table = table, .how = how, .arena = arena};
    w.sorted = sl_arena_printf(arena, "%s-sorted.parquet", how->stem);
    int rc = take_columns(&w, err);
    if (rc == 0 && table->geometry)
        rc = sl_duck_add_wkb_box(relation->duck, err);
    if (rc == 0)
        rc = sort_rows(&w, err);
    if (rc == 0)
        rc = find_partitions(&w, err);
    if (rc == 0)
        rc = write_parts(&w, crs, options, out, err);
    unlink(w.sorted);
    return rc;
}
