/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <string.h>

#include "json/json.h"
#include "lake/lake.h"

static const char *text_of(struct sl_arena *arena, const char *json)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = json_tokener_parse(json);
    return sl_lake_document_text(doc, arena);
}

static void members_order_and_numbers_spelling_do_not_change_the_text(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *a = text_of(arena, "{\"b\": [1.0, -0.0, 1e-7, 0.1], \"a\": {\"y\": null, \"x\": \"\\u00e4/\"}}");
    const char *b = text_of(arena, "{\"a\": {\"x\": \"\xc3\xa4/\", \"y\": null}, \"b\": [1, 0, 0.0000001, 0.10]}");
    assert_string_equal(a, b);
}

static void a_double_keeps_its_value(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_json_putp) struct json_object *back = json_tokener_parse(text_of(arena, "[83.64513000000001]"));
    assert_true(json_object_get_double(json_object_array_get_idx(back, 0)) == 83.64513000000001);
}

static void other_content_gives_another_text(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    assert_string_not_equal(text_of(arena, "{\"a\": 1}"), text_of(arena, "{\"a\": \"1\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_order_and_numbers_spelling_do_not_change_the_text),
        cmocka_unit_test(a_double_keeps_its_value),
        cmocka_unit_test(other_content_gives_another_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
