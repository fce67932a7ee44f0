/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact SQL of steps and checks in each dialect: sql.expected has a step (or "check: …") a paragraph, and what it
 * becomes on a table whose names are as hostile as names can be. `--print` prints what it becomes now.
 */
#include "../recipe/recipe_support.h"


static struct sl_arena *arena;
static struct sl_recipe_set *set;
static struct sl_kinds kinds;
static struct sl_crs crs;

static int srid(void *data, const char *text, struct sl_error *err)
{
    (void)data, (void)err;
    return !strncmp(text, "EPSG:", 5) ? atoi(text + 5) : -1;
}

static struct sl_column columns[] = {{.name = "a\"b; DROP TABLE x --", .type = "text"},
                                     {.name = "geom", .type = "geometry", .geometry = true},
                                     {.name = "n", .type = "bigint"},
                                     {.name = "select", .type = "double precision"},
                                     {.name = "Straße '", .type = "text"}};

static struct sl_column zone_columns[] = {{.name = "n", .type = "integer"},
                                          {.name = "SELECT", .type = "text"},
                                          {.name = "z\"one", .type = "text"},
                                          {.name = "shape", .type = "geometry", .geometry = true}};

/* Of role later there is no file. The others' geometry is called "shape", so that it is told apart. */
static int other(void *data, const struct sl_table_ref *ref, bool placed, struct sl_other_table *out, struct sl_error *err)
{
    static struct sl_table table;
    (void)data, (void)err;
    table = (struct sl_table){.schema = "proc_1", .name = placed ? "placed" : "zones", .columns = zone_columns, .n_columns = 4,
                              .geometry = "shape", .srid = placed ? 25833 : 4326, .rows = -1};
    *out = (struct sl_other_table){.name = ref->role ? "role zones" : "districts v3", .table = &table, .crs = &crs,
                                   .absent = ref->role && !strcmp(ref->role, "later")};
    return 0;
}

static struct sl_step_context context(struct sl_table *table)
{
    *table = (struct sl_table){.schema = "proc_1", .name = "raw\"data", .columns = columns, .n_columns = 5, .geometry = "geom",
                               .srid = 25833, .rows = -1};
    return (struct sl_step_context){.input = table, .geometry = "geom", .arena = arena, .srid = srid, .crs = &crs,
                                    .other = other};
}

static void one(const char *item, enum sl_dialect dialect, struct sl_buf *out)
{
    bool check = !strncmp(item, "check: ", 7);
    struct sl_bound_recipe b;
    struct sl_error err = {0};
    struct sl_sql sql;
    struct sl_table table;
    const struct sl_step_context c = context(&table);
    const char *lines = sl_arena_printf(arena, "inputs: {roles: {main: {main: true}, zones: {}, later: {required: false}}}\nparams:\n"
                                               "  p: {type: string, default: \"it's\"}\n%s:\n  - %s\n",
                                        check ? "checks" : "steps", check ? item + 7 : item);
    assert_int_equal(sl_recipe_bind(recipe_of(set, arena, lines), &kinds, NULL, arena, &b, &err), 0);
    sl_sql_init(&sql, dialect);
    int rc = check ? sl_check_sql(b.checks[0].kind, b.checks[0].options, &c, &sql, &err)
                   : sl_step_sql(b.steps[0].kind, b.steps[0].options, &c, &sql, &err);
    sl_buf_printf(out, "  %s: %s%s\n", sl_dialect_name(dialect), rc < 0 ? "error: " : "", rc < 0 ? err.message : sql.buf.data);
    sl_sql_free(&sql);
}

/* Each line that is not indented is an item; its results follow it. */
static char *made_from(const char *expected)
{
    struct sl_buf out;
    sl_buf_init(&out, 1 << 20);
    for (const char *line = expected; *line;) {
        size_t n = strcspn(line, "\n");
        if (n > 0 && *line != ' ') {
            const char *item = sl_arena_strndup(arena, line, n);
            sl_buf_printf(&out, "%s%s\n", out.len ? "\n" : "", item);
            one(item, SL_DIALECT_POSTGIS, &out);
            one(item, SL_DIALECT_DUCKDB, &out);
        }
        line += n + (line[n] == '\n');
    }
    return out.data;
}

static char *read_expected(void)
{
    char *text = calloc(1, 1 << 20);
    FILE *f = fopen(SLUICE_SOURCE_DIR "/tests/unit/step/sql.expected", "r");
    assert_non_null(f);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    assert_true(n > 0);
    return text;
}

static void test_every_step_becomes_the_sql_that_is_expected(void **state)
{
    (void)state;
    char *expected = read_expected(), *made = made_from(expected);
    assert_string_equal(made, expected);
    free(expected);
    free(made);
}

static void test_every_kind_is_among_them(void **state)
{
    (void)state;
    char *expected = read_expected();
    for (size_t i = 0; sl_steps[i]; i++)
        if (!sl_step_is_for_rasters(sl_steps[i]) && !strstr(expected, sl_arena_printf(arena, "\n%s: {", sl_steps[i]->name)))
            fail_msg("step %s is not in sql.expected", sl_steps[i]->name);
    for (size_t i = 0; sl_checks[i]; i++)
        if (!strstr(expected, sl_arena_printf(arena, "\ncheck: %s: {", sl_checks[i]->name)))
            fail_msg("check %s is not in sql.expected", sl_checks[i]->name);
    free(expected);
}

int main(int argc, char **argv)
{
    arena = sl_arena_new();
    kinds = all_kinds();
    set = empty_set(&kinds);
    assert_int_equal(sl_crs_parse("EPSG:25833", arena, &crs, NULL), 0);
    if (argc > 1 && !strcmp(argv[1], "--print")) {
        char *expected = read_expected(), *made = made_from(expected);
        fputs(made, stdout);
        free(expected);
        free(made);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_step_becomes_the_sql_that_is_expected),
        cmocka_unit_test(test_every_kind_is_among_them),
    };
    int failed = argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
    sl_recipe_set_free(set);
    sl_arena_free(arena);
    return failed;
}
