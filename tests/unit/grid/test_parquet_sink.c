/* SPDX-License-Identifier: Apache-2.0 */
/* Fields to Parquet files: by variable and day, whole, the same bytes whatever the ids. */
#include "support/cm.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "grid/sinks.h"
#include "support/fields.h"

#define NOON INT64_C(1741694400) /* 2025-03-11T12:00Z */
#define A    "0199a3c4-0000-7000-8000-00000000000a"
#define B    "0199a3c4-0000-7000-8000-00000000000b"

static struct sl_error err;

static struct sl_grid_load load_of(const char *id, const char *folder)
{
    return (struct sl_grid_load){.load_id = id, .batch_id = id, .source = "ana", .dataset = "era5", .folder = folder};
}

/* Two variables over a midnight: two days of each. */
static void load(const char *id, const char *folder, struct sl_arena *arena, struct sl_grid_loaded *out)
{
    struct sl_grid_sink *sink = NULL;
    struct test_grid g;
    const struct sl_grid_load l = load_of(id, folder);
    test_grid_make(&g, 1);
    assert_ok(sl_grid_parquet(&sink, &err));
    assert_ok(sink->ops->begin(sink, &l, &err));
    for (int i = 0; i < 6; i++) {
        struct sl_grid_field f = test_grid_field(&g, i % 2 ? "t/p" : "2t", NOON + i * 4 * 3600, i == 1 ? 10 : 0);
        assert_ok(sink->ops->put(sink, &f, id, &err));
    }
    assert_ok(sink->ops->finish(sink, arena, out, &err));
    sl_grid_sink_closep(&sink);
    test_grid_free(&g);
}

static void there_is_a_file_for_each_variable_and_day_with_all_rows(void **state)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_grid_loaded loaded = {0};
    int64_t rows = 0;
    load(A, *state, arena, &loaded);
    assert_int_equal(loaded.fields, 6);
    assert_int_equal(loaded.n_parts, 4);
    assert_int_equal(loaded.missing, (181 * 360 + 9) / 10);
    for (size_t i = 0; i < loaded.n_parts; i++) {
        struct stat about;
        assert_int_equal(stat(loaded.parts[i].path, &about), 0);
        assert_int_equal(about.st_size, loaded.parts[i].bytes);
        assert_true(i == 0 || strcmp(loaded.parts[i - 1].suffix, loaded.parts[i].suffix) < 0);
        rows += loaded.parts[i].rows;
    }
    assert_int_equal(rows, loaded.rows);
    assert_int_equal(loaded.rows + loaded.missing, 6 * 181 * 360);
    assert_string_equal(loaded.parts[0].suffix, "variable=2t/date=2025-03-11/part-0.parquet");
}

static void the_same_fields_under_other_ids_give_the_same_bytes(void **state)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_grid_loaded one = {0}, other = {0};
    load(A, *state, arena, &one);
    load(B, *state, arena, &other);
    assert_int_equal(one.n_parts, other.n_parts);
    for (size_t i = 0; i < one.n_parts; i++) {
        assert_string_equal(one.parts[i].suffix, other.parts[i].suffix);
        assert_string_equal(one.parts[i].sha256_hex, other.parts[i].sha256_hex);
    }
}

static void what_is_abandoned_leaves_no_file(void **state)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    char *folder = sl_arena_printf(arena, "%s/abandoned", (const char *)*state);
    struct sl_grid_sink *sink = NULL;
    struct test_grid g;
    const struct sl_grid_load l = load_of(A, folder);
    assert_ok(sl_dir_make(folder, 0700, &err));
    test_grid_make(&g, 10);
    assert_ok(sl_grid_parquet(&sink, &err));
    assert_ok(sink->ops->begin(sink, &l, &err));
    struct sl_grid_field f = test_grid_field(&g, "2t", NOON, 0);
    assert_ok(sink->ops->put(sink, &f, A, &err));
    sink->ops->abandon(sink);
    assert_int_equal(rmdir(folder), 0); /* it is empty */
    sl_grid_sink_closep(&sink);
    test_grid_free(&g);
}

static int make_folder(void **state)
{
    static char folder[] = "/tmp/sluice-parquet-sink-XXXXXX";
    *state = mkdtemp(folder);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    return sl_dir_remove(*state, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_a_file_for_each_variable_and_day_with_all_rows),
        cmocka_unit_test(the_same_fields_under_other_ids_give_the_same_bytes),
        cmocka_unit_test(what_is_abandoned_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
