/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/test.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "recipe/binder.h"
#include "yaml/yaml.h"

struct declaration {
    const char *name, *crs, *file, *warns, *fails;
    struct json_object *params, *input, *expect, *rows, *dropped;
    struct sl_names columns;
    bool ordered;
    double tolerance;
};

#define AT(member) offsetof(struct declaration, member)

static const struct sl_option items[] = {
    {.name = "name", .type = SL_OPT_STRING, .offset = AT(name), .help = "What holds, a sentence."},
    {.name = "params",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = AT(params),
     .help = "Parameters, as a manifest gives them."},
    {.name = "crs",
     .type = SL_OPT_CRS,
     .default_json = "\"EPSG:4326\"",
     .offset = AT(crs),
     .help = "The CRS of the input's coordinates, which have easting or longitude first."},
    {.name = "input",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = AT(input),
     .help = "The rows that come in: a list of GeoJSON features, {geometry, properties}. Of a raster {bounds, type, nodata, "
             "bands}, each band a list of rows of pixels from the north, null without a value. Of a grid {lats, lons, fields}, "
             "each field {variable, values} and what is known of {name, units, param_id, valid, step, step_from, step_type, "
             "level_type, level, member}: values a list for each latitude, null without one; valid such as "
             "2025-03-11T00:00:00Z; steps in hours."},
    {.name = "file",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = AT(file),
     .help = "Instead of input: a GeoJSON file, or GeoTIFF, GRIB or NetCDF, in the recipe's folder or below."},
    {.name = "expect",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = AT(expect),
     .help = "The rows that come out, all of them: a list of features. Of each only the named properties are compared, and "
             "the geometry where there is one. Of a raster what is named of {width, height, crs, bounds, type, nodata, bands}. "
             "Of a grid a list of values, what is named of {variable, name, units, param_id, lat, lon, value, valid_time, "
             "reference_time, step_type, step_from_s, step_to_s, level_type, level, member}."},
    {.name = "ordered",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = AT(ordered),
     .help = "true: the rows come out in this order."},
    {.name = "tolerance",
     .type = SL_OPT_NUMBER,
     .default_json = "1e-9",
     .offset = AT(tolerance),
     .bounded_below = true,
     .help = "How far numbers and coordinates may differ: by this much, and beyond 1 by this part of the number."},
    {.name = "rows", .type = SL_OPT_JSON, .default_json = "null", .offset = AT(rows), .help = "How many rows come out."},
    {.name = "columns",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = AT(columns),
     .help = "All columns that come out, in order, without the geometry."},
    {.name = "dropped",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = AT(dropped),
     .help = "How many rows each policy drops, {policy: rows}; all policies that drop any."},
    {.name = "warns",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = AT(warns),
     .help = "A part of a warning that the run has."},
    {.name = "fails",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = AT(fails),
     .help = "The code of the error that ends it, such as check.failed."},
};

const struct sl_options sl_test__options = {
    .items = items, .n = sizeof items / sizeof *items, .struct_bytes = sizeof(struct declaration)};

/* A problem of one member; false for the caller to hand on. */
static bool wrong(struct sl_binder *b, const char *pointer, const char *member, const char *expected)
{
    struct json_object *value = NULL;
    const char *at = sl_recipe__pointer(b->arena, pointer, member);
    sl_json_pointer_get(b->doc->root, at, &value);
    sl_binder__problem(b, SL_E_RECIPE_SCHEMA, at, "%s: expected %s, found %s", member, expected,
                       sl_recipe__show(b->arena, value));
    return false;
}

static bool feature(struct json_object *f)
{
    struct json_object *geometry = sl_json_get(f, "geometry"), *properties = sl_json_get(f, "properties");
    if (!json_object_is_type(f, json_type_object))
        return false;
    json_object_object_foreach(f, key, value)
    {
        (void)value;
        if (strcmp(key, "geometry") != 0 && strcmp(key, "properties") != 0 && strcmp(key, "type") != 0)
            return false;
    }
    return (!geometry || json_object_is_type(geometry, json_type_object)) &&
           (!properties || json_object_is_type(properties, json_type_object));
}

static bool features(struct sl_binder *b, const char *pointer, const char *member, struct json_object *list, bool given)
{
    (void)given;
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (!list)
        return true;
    if (!json_object_is_type(list, json_type_array) || n > SL_RECIPE_TEST_ROWS_MAX)
        return wrong(b, pointer, member,
                     sl_arena_printf(b->arena, "a list of at most %d features", SL_RECIPE_TEST_ROWS_MAX));
    for (size_t i = 0; i < n; i++) {
        if (feature(json_object_array_get_idx(list, i)))
            continue;
        sl_binder__problem(b, SL_E_RECIPE_SCHEMA, sl_arena_printf(b->arena, "%s/%s/%zu", pointer, member, i),
                           "%s: expected a feature with properties (a mapping) and geometry (a mapping or null)", member);
        return false;
    }
    return true;
}

static bool counts(struct sl_binder *b, const char *pointer, struct json_object *dropped)
{
    if (!dropped)
        return true;
    if (!json_object_is_type(dropped, json_type_object))
        return wrong(b, pointer, "dropped", "a mapping of policies to numbers of rows");
    json_object_object_foreach(dropped, policy, n)
        if (!json_object_is_type(n, json_type_int) || json_object_get_int64(n) < 1)
            return wrong(b, sl_recipe__pointer(b->arena, pointer, "dropped"), policy, "a number of rows ≥ 1");
    return true;
}

/* A name below the recipe's folder, and nothing that leads out of it. */
static bool file_name(struct sl_binder *b, const char *pointer, const char *file)
{
    bool fine = !file || (*file && *file != '/' && !strstr(file, "..") && !strstr(file, "//"));
    return fine || wrong(b, pointer, "file", "a file in the recipe's folder or below");
}

static bool code(struct sl_binder *b, const char *pointer, const char *name)
{
    if (!name || strcmp(sl_code_name(sl_code_by_name(name)), name) == 0)
        return true;
    const char *names[SL_CODE_COUNT];
    size_t n = 0;
    for (int i = SL_OK + 1; i < SL_CODE_COUNT; i++)
        names[n++] = sl_code_name((enum sl_code)i);
    sl_binder__problem(b, SL_E_RECIPE_SCHEMA, sl_recipe__pointer(b->arena, pointer, "fails"),
                       "fails: there is no error \"%s\"%s", name, sl_recipe__meant(b->arena, name, names, n));
    return false;
}

static bool rows_number(struct sl_binder *b, const char *pointer, struct json_object *rows)
{
    return !rows || (json_object_is_type(rows, json_type_int) && json_object_get_int64(rows) >= 0) ||
           wrong(b, pointer, "rows", "an integer ≥ 0");
}

/* ---- of rasters ---- */

/* Rows of numbers and nulls, all of one length. */
static bool band_of_pixels(struct json_object *band, size_t *width, size_t *height)
{
    size_t rows = json_object_is_type(band, json_type_array) ? json_object_array_length(band) : 0;
    bool fine = rows > 0 && rows <= SL_RECIPE_TEST_SIDE_MAX && (*height == 0 || *height == rows);
    for (size_t i = 0; fine && i < rows; i++) {
        struct json_object *row = json_object_array_get_idx(band, i);
        size_t n = json_object_is_type(row, json_type_array) ? json_object_array_length(row) : 0;
        fine = n > 0 && n <= SL_RECIPE_TEST_SIDE_MAX && (*width == 0 || *width == n);
        for (size_t k = 0; fine && k < n; k++) {
            struct json_object *v = json_object_array_get_idx(row, k);
            fine = !v || json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
        }
        *width = n;
    }
    *height = rows;
    return fine;
}

static bool bands_of_pixels(struct json_object *bands)
{
    size_t n = json_object_is_type(bands, json_type_array) ? json_object_array_length(bands) : 0;
    size_t width = 0, height = 0;
    bool fine = n > 0 && n <= SL_RECIPE_TEST_BANDS_MAX;
    for (size_t i = 0; fine && i < n; i++)
        fine = band_of_pixels(json_object_array_get_idx(bands, i), &width, &height);
    return fine;
}

static bool four_numbers(struct json_object *list)
{
    bool fine = json_object_is_type(list, json_type_array) && json_object_array_length(list) == 4;
    for (size_t i = 0; fine && i < 4; i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        fine = json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
    }
    return fine;
}

/* The members of a raster; `given` has to say what it is made of. */
static bool raster(struct sl_binder *b, const char *pointer, const char *member, struct json_object *o, bool given)
{
    static const char *const names[] = {"bounds", "type", "nodata", "bands", "width", "height", "crs"};
    const char *at = sl_recipe__pointer(b->arena, pointer, member);
    size_t n = given ? 4 : sizeof names / sizeof *names;
    struct json_object *v = NULL;
    if (!o)
        return true;
    if (!json_object_is_type(o, json_type_object))
        return wrong(b, pointer, member, "a mapping that says what the raster is");
    json_object_object_foreach(o, key, value)
    {
        bool known = false;
        (void)value;
        for (size_t i = 0; i < n; i++)
            known = known || !strcmp(names[i], key);
        if (known)
            continue;
        sl_binder__problem_at_key(b, SL_E_RECIPE_OPTION, sl_recipe__pointer(b->arena, at, key), "%s has no \"%s\"%s", member,
                                  key, sl_recipe__meant(b->arena, key, names, n));
        return false;
    }
    bool has_bands = json_object_object_get_ex(o, "bands", &v);
    if ((given || has_bands) && !bands_of_pixels(v))
        return wrong(b, at, "bands",
                     sl_arena_printf(b->arena, "1 to %d bands of equal size, at most %d by %d pixels", SL_RECIPE_TEST_BANDS_MAX,
                                     SL_RECIPE_TEST_SIDE_MAX, SL_RECIPE_TEST_SIDE_MAX));
    if ((json_object_object_get_ex(o, "bounds", &v) || given) && !four_numbers(sl_json_get(o, "bounds")))
        return wrong(b, at, "bounds", "[xmin, ymin, xmax, ymax]");
    if (json_object_object_get_ex(o, "type", &v) && !sl_recipe__string(v))
        return wrong(b, at, "type", "a data type such as Byte or Float32");
    return true;
}

/* ---- of grids ---- */

static bool fields(struct sl_binder *b, const char *pointer, const char *member, struct json_object *o, bool given)
{
    (void)given;
    const char *why = o ? sl_test__fields_wrong(o, b->arena) : NULL;
    if (why)
        sl_binder__problem(b, SL_E_RECIPE_SCHEMA, sl_recipe__pointer(b->arena, pointer, member), "%s: %s", member, why);
    return !why;
}

/* Values, each a mapping. */
static bool values(struct sl_binder *b, const char *pointer, const char *member, struct json_object *list, bool given)
{
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    bool fine = !list || (json_object_is_type(list, json_type_array) && n <= SL_RECIPE_TEST_ROWS_MAX);
    (void)given;
    for (size_t i = 0; fine && i < n; i++)
        fine = json_object_is_type(json_object_array_get_idx(list, i), json_type_object);
    return fine || wrong(b, pointer, member,
                         sl_arena_printf(b->arena, "a list of at most %d values, each a mapping such as "
                                                   "{variable: 2t, lat: 50, lon: 10, value: 281.5}",
                                         SL_RECIPE_TEST_ROWS_MAX));
}

/* What relates the members to each other. */
static bool whole(struct sl_binder *b, const char *pointer, const struct declaration *d, bool makes_raster)
{
    const char *text = NULL;
    bool of_rows = d->rows || d->columns.n || d->dropped || d->ordered || d->warns;
    bool asks = d->expect || of_rows;
    if (!d->input == !d->file)
        text = "give either input or file";
    else if (makes_raster && of_rows)
        text = "a raster has no rows: give expect or fails";
    else if (d->fails && asks)
        text = "what fails has no rows to compare: leave out either fails or the rest";
    else if (!d->fails && !asks)
        text = "nothing is asked for: give expect, rows, columns, dropped, warns or fails";
    if (text)
        sl_binder__problem(b, SL_E_RECIPE_SCHEMA, pointer, "test \"%s\": %s", d->name, text);
    return !text;
}

static bool read_test(struct sl_binder *b, const char *pointer, struct json_object *value, const struct sl_recipe *recipe,
                      struct sl_recipe_test *out)
{
    struct declaration d = {0};
    const struct sl_binder_part part = {&sl_test__options, &d};
    if (!sl_options__bind(b, &part, 1, value, pointer, "a test"))
        return false;
    /* All of them, so that one lint tells all. */
    bool of_raster = !strcmp(recipe->type, "raster"), makes_raster = !strcmp(recipe->output_type, "raster");
    bool of_grid = !strcmp(recipe->type, "grid");
    const bool fine[] = {(of_grid ? fields : of_raster ? raster : features)(b, pointer, "input", d.input, true),
                         (of_grid ? values : makes_raster ? raster : features)(b, pointer, "expect", d.expect, false),
                         counts(b, pointer, d.dropped),          file_name(b, pointer, d.file),
                         code(b, pointer, d.fails),              rows_number(b, pointer, d.rows),
                         whole(b, pointer, &d, makes_raster)};
    bool ok = true;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        ok = ok && fine[i];
    if (d.params && !json_object_is_type(d.params, json_type_object))
        ok = wrong(b, pointer, "params", "a mapping");
    *out = (struct sl_recipe_test){.name = d.name,
                                   .params = d.params,
                                   .crs = d.crs,
                                   .input = d.input,
                                   .file = d.file,
                                   .expect = d.expect,
                                   .ordered = d.ordered,
                                   .tolerance = d.tolerance,
                                   .rows = d.rows ? json_object_get_int64(d.rows) : -1,
                                   .columns = d.columns,
                                   .dropped = d.dropped,
                                   .warns = d.warns,
                                   .fails = d.fails,
                                   .path = b->doc->name};
    sl_doc_where(b->doc, pointer, &out->line, &out->column);
    return ok;
}

static bool named_before(const struct sl_recipe *recipe, const char *name)
{
    for (size_t i = 0; i < recipe->n_tests; i++)
        if (!strcmp(recipe->tests[i].name, name))
            return true;
    return false;
}

static bool read_list(struct sl_binder *b, struct json_object *list, struct sl_recipe *recipe)
{
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    bool ok = true;
    if (!json_object_is_type(list, json_type_array) || recipe->n_tests + n > SL_RECIPE__MAX_TESTS)
        return wrong(b, "", "tests", sl_arena_printf(b->arena, "a list of at most %d tests", SL_RECIPE__MAX_TESTS));
    struct sl_recipe_test *tests = sl_arena_array(b->arena, recipe->n_tests + n + 1, sizeof *tests);
    for (size_t i = 0; i < recipe->n_tests; i++)
        tests[i] = recipe->tests[i];
    recipe->tests = tests;
    for (size_t i = 0; i < n; i++) {
        const char *pointer = sl_arena_printf(b->arena, "/tests/%zu", i);
        struct sl_recipe_test test;
        if (!read_test(b, pointer, json_object_array_get_idx(list, i), recipe, &test)) {
            ok = false;
        } else if (named_before(recipe, test.name)) {
            sl_binder__problem(b, SL_E_RECIPE_SCHEMA, pointer, "test \"%s\" is there twice", test.name);
            ok = false;
        } else {
            tests[recipe->n_tests++] = test;
        }
    }
    return ok;
}

bool sl_test__read(struct sl_binder *b, struct json_object *list, struct sl_recipe *recipe)
{
    /* "${name}" in a test is what it looks like: nothing fills it in. */
    struct sl_binder plain = *b;
    plain.literal = true;
    return read_list(&plain, list, recipe);
}

static bool only_tests(struct sl_binder *b)
{
    struct json_object *root = b->doc->root;
    if (!json_object_is_type(root, json_type_object) || !sl_json_get(root, "tests")) {
        sl_binder__problem(b, SL_E_RECIPE_SCHEMA, "", "expected a mapping with tests");
        return false;
    }
    json_object_object_foreach(root, key, value)
    {
        (void)value;
        if (!strcmp(key, "tests"))
            continue;
        sl_binder__problem_at_key(b, SL_E_RECIPE_SCHEMA, sl_recipe__pointer(b->arena, "", key),
                                  "a file of tests has no \"%s\": the recipe is the file beside it", key);
        return false;
    }
    return true;
}

static void free_doc(void *doc)
{
    sl_doc_free(doc);
}

const char *sl_test__path_beside(const char *recipe_path, struct sl_arena *arena)
{
    size_t n = strlen(recipe_path) - (sl_text_ends(recipe_path, ".yaml") ? strlen(".yaml") : 0);
    return sl_arena_printf(arena, "%.*s" SL_RECIPE__TESTS_SUFFIX, (int)n, recipe_path);
}

int sl_test__read_beside(struct sl_binder *b, struct sl_recipe *recipe, bool *ok, struct sl_error *err)
{
    const char *path = sl_test__path_beside(recipe->path, b->arena);
    struct sl_doc *doc = NULL;
    struct sl_error why;
    if (!sl_path_exists(path))
        return 0;
    int rc = sl_yaml_parse_file(path, &sl_json_limits_small, &doc, &why);
    if (rc < 0 && (why.code == SL_E_IO || why.code == SL_E_FILE_MISSING)) {
        if (err)
            *err = why;
        return rc;
    }
    if (rc < 0) {
        sl_lints__add_syntax(b->lints, path, &why);
        *ok = false;
        return 0;
    }
    sl_arena_defer(b->arena, free_doc, doc);
    struct sl_binder beside = *b;
    beside.doc = doc;
    *ok &= only_tests(&beside) && sl_test__read(&beside, sl_json_get(doc->root, "tests"), recipe);
    return 0;
}
