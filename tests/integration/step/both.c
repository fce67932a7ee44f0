/* SPDX-License-Identifier: Apache-2.0 */
#include "both.h"

#include <unistd.h>

#include "base/file.h"
#include "geo/duckdb/duck.h"
#include "lake/outputs.h"
#include "recipe/recipe.h"
#include "step/put_aside.h"
#include "support/cluster.h"

enum { MAX_ROWS = 200, MAX_CELLS = 24, EXTRAS = 5, BOOL_OID = 16 };

struct row {
    char key[512];
    const char *cells[MAX_CELLS]; /* attributes, then xmin ymin xmax ymax and the geometry as WKB in hex */
};

struct rows {
    struct row items[MAX_ROWS];
    size_t n, columns;
};

static struct test_cluster cluster;
static struct sl_error err;
static struct sl_pg *pg;
static struct sl_duck *duck;
static struct sl_arena *arena;
static struct sl_recipe_set *set;
static struct sl_kinds kinds;
static struct sl_crs crs;
static struct sl_table table, beside;
static struct sl_step_context context;

int both_open(void **state)
{
    static const char *const none[] = {NULL};
    const struct sl_duck_options options = {.threads = 1, .extensions_dir = SLUICE_SOURCE_DIR "/.cache/duckdb/1.5.5/extensions"};
    (void)state;
    kinds = (struct sl_kinds){sl_steps, sl_checks, sl_outputs};
    arena = sl_arena_new();
    if (test_cluster_open(&cluster, NULL, true, &err) == 0 && sl_pg_open(&cluster.target, "test", &pg, &err) == 0 &&
        sl_recipe_set_load(none, &kinds, &set, &err) == 0 && sl_duck_open(&options, &duck, &err) == 0 &&
        sl_duck_load(duck, "spatial", &err) == 0)
        return sl_pg_exec(pg, "SET client_min_messages = warning; SET timezone = 'UTC'; SET extra_float_digits = 1", &err);
    print_error("%s (%s)\n", err.message, err.hint);
    return -1;
}

int both_close(void **state)
{
    (void)state;
    sl_recipe_set_free(set);
    sl_duck_close(duck);
    sl_pg_close(pg);
    test_cluster_close(&cluster);
    sl_arena_free(arena);
    return 0;
}

/* ---- the table ---- */

static int srid_of(void *data, const char *text, struct sl_error *e)
{
    (void)data, (void)e;
    return strncmp(text, "EPSG:", 5) != 0 ? -1 : atoi(text + 5);
}

static const char *create(enum sl_dialect dialect, const struct sl_table *of, const struct sl_column *columns, size_t n)
{
    struct sl_sql sql;
    sl_sql_init(&sql, dialect);
    sl_sql_text(&sql, "CREATE TABLE ");
    sl_sql_table(&sql, of->schema, of->name);
    for (size_t i = 0; i < n; i++) {
        sl_sql_text(&sql, i ? ", " : " (");
        sl_sql_ident(&sql, columns[i].name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, columns[i].type);
    }
    sl_sql_text(&sql, ")");
    assert_ok(sl_sql_check(&sql, &err));
    const char *text = sl_arena_strdup(arena, sql.buf.data);
    sl_sql_free(&sql);
    return text;
}

/* DuckDB has no curves: a row whose name starts with "~" is for PostGIS only. */
static const char *insert(enum sl_dialect dialect, const char *into, size_t n, int srid, const char *rows)
{
    const char *head = "";
    for (size_t i = 0; i + 1 < n; i++)
        head = sl_arena_printf(arena, "%sc%zu, ", head, i);
    const char *geometry = dialect == SL_DIALECT_DUCKDB ? "ST_GeomFromText(g)"
                                                        : sl_arena_printf(arena, "ST_GeomFromText(g, %d)", srid);
    return sl_arena_printf(arena, "INSERT INTO \"proc 1\".%s SELECT %s%s FROM (VALUES %s) AS v(%sg)%s", into, head, geometry,
                           rows, head, dialect == SL_DIALECT_DUCKDB ? " WHERE c0 IS NULL OR CAST(c0 AS text) NOT LIKE '~%'" : "");
}

static void fill(const struct sl_table *of, const char *name, const struct sl_column *columns, size_t n, int srid,
                 const char *rows)
{
    assert_ok(sl_pg_exec(pg, create(SL_DIALECT_POSTGIS, of, columns, n), &err));
    assert_ok(sl_duck_exec(duck, create(SL_DIALECT_DUCKDB, of, columns, n), SL_E_DUCKDB, NULL, &err));
    assert_ok(sl_pg_exec(pg, insert(SL_DIALECT_POSTGIS, name, n, srid, rows), &err));
    assert_ok(sl_duck_exec(duck, insert(SL_DIALECT_DUCKDB, name, n, srid, rows), SL_E_DUCKDB, NULL, &err));
}

void both_given(struct sl_column *columns, size_t n, int srid, const char *rows)
{
    table = (struct sl_table){.schema = "proc 1", .name = "t\"0", .columns = columns, .n_columns = n, .geometry = "geom",
                              .srid = srid, .rows = -1};
    context = (struct sl_step_context){.input = &table, .geometry = "geom", .arena = arena, .srid = srid_of};
    if (srid > 0) {
        assert_ok(sl_crs_parse(sl_arena_printf(arena, "EPSG:%d", srid), arena, &crs, &err));
        context.crs = &crs;
    }
    assert_ok(sl_pg_exec(pg, "DROP SCHEMA IF EXISTS \"proc 1\" CASCADE; CREATE SCHEMA \"proc 1\"", &err));
    assert_ok(sl_duck_exec(duck, "DROP SCHEMA IF EXISTS \"proc 1\" CASCADE; CREATE SCHEMA \"proc 1\"", SL_E_DUCKDB, NULL, &err));
    fill(&table, "\"t\"\"0\"", columns, n, srid, rows);
}

static int other(void *data, const struct sl_table_ref *ref, bool placed, struct sl_other_table *out, struct sl_error *e)
{
    (void)data, (void)ref, (void)placed, (void)e;
    *out = (struct sl_other_table){.name = "role zones", .table = &beside, .crs = context.crs};
    return 0;
}

void both_beside(struct sl_column *columns, size_t n, const char *rows)
{
    beside = (struct sl_table){.schema = "proc 1", .name = "beside", .columns = columns, .n_columns = n, .geometry = "geom",
                               .srid = table.srid, .rows = -1};
    context.other = other;
    fill(&beside, "beside", columns, n, table.srid, rows);
}

void both_given_plain(int srid, const char *rows)
{
    static struct sl_column columns[] = {{.name = "name", .type = "text"},
                                         {.name = "ki\"nd; --", .type = "integer"},
                                         {.name = "geom", .type = "geometry", .geometry = true}};
    both_given(columns, 3, srid, rows);
}

/* ---- a step ---- */

static struct sl_bound_recipe bound(const char *lines)
{
    char path[] = "/tmp/recipe-XXXXXX.yaml";
    struct sl_lints lints = {.arena = arena};
    const struct sl_recipe *recipe = NULL;
    struct sl_bound_recipe out = {0};
    const char *text = sl_arena_printf(arena, "apiVersion: sluice/v1\nkind: Recipe\nname: t\nversion: 1\nintents: [t]\n"
                                              "type: vector\ninputs: {roles: {main: {main: true}, zones: {}}}\nparams:\n  p: {type: string, default: \"o'\\\\x\"}\n"
                                              "%soutputs:\n  - geoparquet: {}\n", lines);
    int fd = mkstemps(path, 5);
    assert_ok(sl_file_write_all(fd, text, strlen(text), &err));
    close(fd);
    assert_ok(sl_recipe_lint_file(set, path, &lints, &recipe, &err));
    unlink(path);
    if (!recipe)
        fail_msg("%s", lints.items[0].message);
    assert_ok(sl_recipe_bind(recipe, &kinds, NULL, arena, &out, &err));
    return out;
}

static const char *sql_of(const char *step, enum sl_dialect dialect)
{
    struct sl_sql sql;
    struct sl_bound_recipe b = bound(sl_arena_printf(arena, "steps:\n  - %s\n", step));
    sl_sql_init(&sql, dialect);
    assert_ok(sl_step_sql(b.steps[0].kind, b.steps[0].options, &context, &sql, &err));
    const char *text = sl_arena_strdup(arena, sql.buf.data);
    sl_sql_free(&sql);
    return text;
}

static const char *make_next(const char *step, enum sl_dialect dialect)
{
    return sl_arena_printf(arena, "CREATE TABLE \"proc 1\".next AS %s", sql_of(step, dialect));
}

/* "1" and "1.0" are the same. */
static const char *normal(const char *cell)
{
    char *end;
    double v = strtod(cell, &end);
    if (*cell && !*end)
        return sl_arena_printf(arena, "%.9g", v == 0 ? 0 : v);
    return sl_arena_strdup(arena, cell);
}

/* To the millimetre or so; DuckDB gives an empty multi-geometry an extent that is none. */
static const char *place(const char *cell)
{
    double v = cell ? strtod(cell, NULL) : 1e300;
    return v > -1e100 && v < 1e100 ? sl_arena_printf(arena, "%.3f", v < 0.0005 && v > -0.0005 ? 0.0 : v) : NULL;
}

static void add(struct rows *rows, const char *const *cells, size_t n)
{
    assert_true(rows->n < MAX_ROWS && n < MAX_CELLS && n >= EXTRAS);
    struct row *row = &rows->items[rows->n++];
    size_t used = 0;
    rows->columns = n;
    for (size_t c = 0; c < n; c++) {
        bool attribute = c + EXTRAS < n;
        row->cells[c] = !cells[c] ? NULL : attribute ? normal(cells[c]) : sl_arena_strdup(arena, cells[c]);
        const char *key = attribute ? row->cells[c] : place(cells[c]);
        if (c + 1 < n)
            used += (size_t)snprintf(row->key + used, sizeof row->key - used, "%s|", key ? key : "-");
        assert_true(used < sizeof row->key);
    }
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static struct rows *sorted(struct rows *rows)
{
    qsort(rows->items, rows->n, sizeof *rows->items, by_key);
    return rows;
}

#define BOX "ST_XMin(geom), ST_YMin(geom), ST_XMax(geom), ST_YMax(geom)"

/* What the step gives in PostGIS, from its table "next": the geometry is its last column and the only one. */
static void read_postgis(struct rows *rows)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    *rows = (struct rows){0};
    assert_ok(sl_pg_query(pg, "SELECT *, " BOX ", encode(ST_AsEWKB(geom), 'hex') FROM \"proc 1\".next", 0, NULL, &result, &err));
    int n = PQnfields(result), geometry = n - EXTRAS - 1;
    assert_string_equal(PQfname(result, geometry), "geom");
    for (int r = 0; r < PQntuples(result); r++) {
        const char *cells[MAX_CELLS];
        size_t used = 0;
        assert_true(n < MAX_CELLS);
        for (int c = 0; c < n; c++) {
            const char *cell = PQgetisnull(result, r, c) ? NULL : PQgetvalue(result, r, c);
            if (cell && PQftype(result, c) == BOOL_OID)
                cell = *cell == 't' ? "true" : "false";
            if (c != geometry)
                cells[used++] = cell;
        }
        add(rows, cells, used);
    }
    sorted(rows);
}

static int take(void *data, const char *const *values, size_t n, struct sl_error *e)
{
    (void)e;
    add(data, values, n);
    return 0;
}

static void read_duckdb(struct rows *rows)
{
    *rows = (struct rows){0};
    assert_ok(sl_duck_query(duck, "SELECT CAST(COLUMNS(* EXCLUDE (geom)) AS VARCHAR), " BOX ", ST_AsHEXWKB(geom) FROM "
                                  "\"proc 1\".next", take, rows, &err));
    sorted(rows);
}

/* ---- comparing ---- */

static const char *as_text(const char *hex)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    if (!hex)
        return "-";
    assert_ok(sl_pg_query(pg, "SELECT regexp_replace(ST_AsText($1::text::geometry, 5), '-?[0-9.]+e-[0-9]+', '0', 'g')", 1, &hex, &result, &err));
    return sl_arena_strdup(arena, PQgetvalue(result, 0, 0));
}

static const char *printed(const struct rows *rows)
{
    struct sl_buf out;
    sl_buf_init(&out, 1 << 18);
    for (size_t r = 0; r < rows->n; r++) {
        for (size_t c = 0; c + EXTRAS < rows->columns; c++)
            sl_buf_printf(&out, "%s | ", rows->items[r].cells[c] ? rows->items[r].cells[c] : "-");
        sl_buf_printf(&out, "%s\n", as_text(rows->items[r].cells[rows->columns - 1]));
    }
    const char *text = sl_arena_strdup(arena, rows->n ? out.data : "");
    sl_buf_free(&out);
    return text;
}

/* Both empty, or of one type and near each other; both NULL. */
static void compare_geometry(const char *step, const char *postgis, const char *duckdb, double tolerance)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    if (!postgis && !duckdb)
        return;
    if (!postgis || !duckdb)
        fail_msg("%s: %s in PostGIS, %s in DuckDB", step, as_text(postgis), as_text(duckdb));
    const char *params[] = {postgis, duckdb, sl_arena_printf(arena, "%.17g", tolerance)};
    assert_ok(sl_pg_query(pg, "SELECT CASE WHEN ST_IsEmpty(a) OR ST_IsEmpty(b) THEN ST_IsEmpty(a) = ST_IsEmpty(b) "
                              "ELSE GeometryType(a) = GeometryType(b) AND ST_HausdorffDistance(a, b) <= $3::float8 END "
                              "FROM (SELECT ST_SetSRID(ST_Force2D($1::text::geometry), 0) AS a, "
                              "ST_Force2D($2::text::geometry) AS b) AS t",
                          3, params, &result, &err));
    if (strcmp(PQgetvalue(result, 0, 0), "t") != 0)
        fail_msg("%s: %s in PostGIS, %s in DuckDB", step, as_text(postgis), as_text(duckdb));
}

static void compare(const char *step, const struct rows *p, const struct rows *d, double tolerance)
{
    if (p->n != d->n || (p->n && p->columns != d->columns))
        fail_msg("%s: PostGIS\n%sDuckDB\n%s", step, printed(p), printed(d));
    for (size_t r = 0; r < p->n; r++) {
        for (size_t c = 0; c + EXTRAS < p->columns; c++) {
            const char *a = p->items[r].cells[c], *b = d->items[r].cells[c];
            if ((a || b) && (!a || !b || strcmp(a, b) != 0))
                fail_msg("%s: PostGIS\n%sDuckDB\n%s", step, printed(p), printed(d));
        }
        compare_geometry(step, p->items[r].cells[p->columns - 1], d->items[r].cells[d->columns - 1], tolerance);
    }
}

static void make_on_postgis(const char *step)
{
    assert_ok(sl_pg_exec(pg, "DROP TABLE IF EXISTS \"proc 1\".next", &err));
    if (sl_pg_exec(pg, make_next(step, SL_DIALECT_POSTGIS), &err) < 0)
        fail_msg("%s: %s\n%s", step, err.message, make_next(step, SL_DIALECT_POSTGIS));
}

static void make_on_duckdb(const char *step)
{
    assert_ok(sl_duck_exec(duck, "DROP TABLE IF EXISTS \"proc 1\".next", SL_E_DUCKDB, NULL, &err));
    if (sl_duck_exec(duck, make_next(step, SL_DIALECT_DUCKDB), SL_E_DUCKDB, NULL, &err) < 0)
        fail_msg("%s: %s\n%s", step, err.message, make_next(step, SL_DIALECT_DUCKDB));
}

/* Rows that only PostGIS can read have a name that starts with "~". */
static void without_its_own(struct rows *rows)
{
    size_t kept = 0;
    for (size_t r = 0; r < rows->n; r++)
        if (!rows->items[r].cells[0] || rows->items[r].cells[0][0] != '~')
            rows->items[kept++] = rows->items[r];
    rows->n = kept;
}

static struct rows on_postgis, on_duckdb;

void assert_both_give(const char *step, int which, double tolerance, const char *expected)
{
    make_on_postgis(step);
    read_postgis(&on_postgis);
    assert_string_equal(printed(&on_postgis), expected);
    if (which == BOTH)
        assert_both_agree(step, tolerance);
}

size_t assert_both_agree(const char *step, double tolerance)
{
    make_on_postgis(step);
    make_on_duckdb(step);
    read_postgis(&on_postgis);
    read_duckdb(&on_duckdb);
    without_its_own(&on_postgis);
    compare(step, &on_postgis, &on_duckdb, tolerance);
    return on_postgis.n;
}

void assert_both_fail(const char *step, const char *message)
{
    assert_ok(sl_pg_exec(pg, "DROP TABLE IF EXISTS \"proc 1\".next", &err));
    assert_true(sl_pg_exec(pg, make_next(step, SL_DIALECT_POSTGIS), &err) < 0);
    assert_contains(err.message, message);
    assert_ok(sl_duck_exec(duck, "DROP TABLE IF EXISTS \"proc 1\".next", SL_E_DUCKDB, NULL, &err));
    assert_true(sl_duck_exec(duck, make_next(step, SL_DIALECT_DUCKDB), SL_E_DUCKDB, NULL, &err) < 0);
    assert_contains(err.message, message);
}

void assert_both_break(const char *check, int64_t expected)
{
    static const enum sl_dialect dialects[] = {SL_DIALECT_POSTGIS, SL_DIALECT_DUCKDB};
    struct sl_bound_recipe b = bound(sl_arena_printf(arena, "checks:\n  - %s\n", check));
    for (size_t i = 0; i < 2; i++) {
        struct sl_sql sql;
        int64_t n = -1;
        sl_sql_init(&sql, dialects[i]);
        assert_ok(sl_check_sql(b.checks[0].kind, b.checks[0].options, &context, &sql, &err));
        if ((i == 0 ? sl_pg_query_int(pg, sql.buf.data, 0, NULL, -1, &n, &err) : sl_duck_query_int(duck, sql.buf.data, &n, &err)) < 0)
            fail_msg("%s: %s\n%s", check, err.message, sql.buf.data);
        if (n != expected)
            fail_msg("%s: %lld rows on %s, expected %lld", check, (long long)n, sl_dialect_name(dialects[i]), (long long)expected);
        sl_sql_free(&sql);
    }
}

/* ---- rows put aside ---- */

static void do_sql(enum sl_dialect dialect, const char *sql)
{
    int rc = dialect == SL_DIALECT_POSTGIS ? sl_pg_exec(pg, sql, &err) : sl_duck_exec(duck, sql, SL_E_DUCKDB, NULL, &err);
    if (rc < 0)
        fail_msg("%s\n%s", err.message, sql);
}

static void put_aside(const struct sl_bound_recipe *b, enum sl_dialect dialect)
{
    const struct sl_check *checks[8];
    struct sl_put_aside p = {.checks = checks, .broken = "broken"};
    struct sl_sql find, make, take;
    while (p.n < b->recipe->n_checks) {
        checks[p.n] = &b->checks[p.n];
        p.n++;
    }
    sl_sql_init(&find, dialect);
    sl_sql_init(&make, dialect);
    sl_sql_init(&take, dialect);
    assert_ok(sl_put_aside_find(&p, &context, &find, &err));
    sl_put_aside_table(&p, &context, &make);
    sl_put_aside_remove(&p, &context, &take);
    do_sql(dialect, "DROP TABLE IF EXISTS \"proc 1\".next");
    do_sql(dialect, sl_arena_printf(arena, "CREATE TABLE \"proc 1\".broken AS %s", find.buf.data));
    do_sql(dialect, sl_arena_printf(arena, "CREATE TABLE \"proc 1\".aside AS %s", make.buf.data));
    do_sql(dialect, take.buf.data);
    do_sql(dialect, "CREATE TABLE \"proc 1\".next AS SELECT name, \"ki\"\"nd; --\", "
                    "regexp_replace(array_to_string(_reasons, '; '), 'valid_geometry: [^;]*', 'valid_geometry'), geom "
                    "FROM \"proc 1\".aside");
    sl_sql_free(&find);
    sl_sql_free(&make);
    sl_sql_free(&take);
}

void assert_both_put_aside(const char *lines, const char *aside, const char *left)
{
    struct sl_bound_recipe b = bound(sl_arena_printf(arena, "checks:\n%s", lines));
    put_aside(&b, SL_DIALECT_POSTGIS);
    put_aside(&b, SL_DIALECT_DUCKDB);
    read_postgis(&on_postgis);
    read_duckdb(&on_duckdb);
    assert_string_equal(printed(&on_postgis), aside);
    compare(lines, &on_postgis, &on_duckdb, 0);
    assert_both_give("filter: {where: \"true\"}", BOTH, 0, left);
}
