/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "base/arena.h"
#include "base/text.h"
#include "geo/gdal/vector.h"

static struct sl_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = sl_arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_arena_free(arena);
    return 0;
}

static void expect(const char *const *names, const char *const *wanted, size_t n)
{
    const char *out[16];
    sl_vector_column_names(names, n, "geom", arena, out);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(out[i], wanted[i]);
}

static void ordinary_names_are_kept(void **state)
{
    (void)state;
    static const char *const names[] = {"id", "Name", "straße", "a b", "select", "x\"y"};
    expect(names, names, 6);
}

static void reserved_names_get_a_suffix(void **state)
{
    (void)state;
    expect((const char *const[]){"geom", "BBOX", "xmin", "ctid", "GEOM"},
           (const char *const[]){"geom_1", "BBOX_1", "xmin_1", "ctid_1", "GEOM_2"}, 5);
}

static void twins_get_the_first_free_suffix(void **state)
{
    (void)state;
    expect((const char *const[]){"a", "A", "a", "a_1"}, (const char *const[]){"a", "A_2", "a_3", "a_1"}, 4);
}

static void empty_and_dirty_names_are_cleaned(void **state)
{
    (void)state;
    expect((const char *const[]){"", "a\nb", "\xff\x41", ""}, (const char *const[]){"column", "a_b", "_A", "column_1"}, 4);
}

static void long_names_are_cut_at_a_character(void **state)
{
    (void)state;
    char one[200], two[200];
    const char *out[2];
    /* 62 bytes, then a character of two that would be cut in half. */
    memset(one, 'x', 62);
    strcpy(one + 62, "\xc3\xa9 and more");
    snprintf(two, sizeof two, "%s", one);
    sl_vector_column_names((const char *const[]){one, two}, 2, "geom", arena, out);
    assert_int_equal(strlen(out[0]), 62);
    assert_true(strlen(out[1]) <= 63);
    assert_true(sl_text_ends(out[1], "_1"));
    assert_string_not_equal(out[0], out[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_names_are_kept),
        cmocka_unit_test(reserved_names_get_a_suffix),
        cmocka_unit_test(twins_get_the_first_free_suffix),
        cmocka_unit_test(empty_and_dirty_names_are_cleaned),
        cmocka_unit_test(long_names_are_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
