/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <string.h>

#include "source/paging.h"

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

static struct sl_source_spec spec_of(enum sl_source_paging kind)
{
    return (struct sl_source_spec){.request = {.paging = kind,
                                               .page = {.limit = 10,
                                                        .first = 1,
                                                        .limit_param = "limit",
                                                        .at_param = "at",
                                                        .total = "/total",
                                                        .next = "/next"}}};
}

/* The page after one of n records with this document. */
static struct sl_paging after(const struct sl_source_spec *spec, const struct sl_paging *at, const char *json, int64_t n,
                              const char *link, int expected)
{
    struct json_object *document = json_tokener_parse(json);
    struct sl_paging next = {0};
    struct sl_error err;
    int rc = sl_paging_next(spec, at, document, n, link, "https://api.example/data?x=1", arena, &next, &err);
    assert_int_equal(rc, expected);
    json_object_put(document);
    return next;
}

static void an_offset_ends_with_the_latest_total(void **state)
{
    const struct sl_source_spec spec = spec_of(SL_PAGING_OFFSET);
    struct sl_paging at, next;
    (void)state;
    sl_paging_first(&spec, &at);
    assert_int_equal(at.at, 1);
    next = after(&spec, &at, "{\"total\":25}", 10, NULL, 0);
    assert_true(next.at == 11 && !next.done);
    next = after(&spec, &next, "{\"total\":\"30\"}", 10, NULL, 0);
    assert_true(next.at == 21 && !next.done);
    next = after(&spec, &next, "{\"total\":25}", 5, NULL, 0);
    assert_true(next.done);
}

static void an_offset_moves_by_what_came(void **state)
{
    const struct sl_source_spec spec = spec_of(SL_PAGING_OFFSET);
    struct sl_paging at = {.at = 1};
    (void)state;
    struct sl_paging next = after(&spec, &at, "{\"total\":25}", 7, NULL, 0);
    assert_true(next.at == 8 && !next.done);
    assert_true(after(&spec, &at, "{\"total\":25}", 0, NULL, 0).done);
    assert_true(after(&spec, &at, "{}", 9, NULL, 0).done);
    assert_false(after(&spec, &at, "{}", 10, NULL, 0).done);
}

static void a_cursor_that_does_not_move_is_refused(void **state)
{
    const struct sl_source_spec spec = spec_of(SL_PAGING_CURSOR);
    struct sl_paging at = {.at = 0};
    (void)state;
    struct sl_paging next = after(&spec, &at, "{\"next\":\"a&b\"}", 10, NULL, 0);
    assert_string_equal(next.cursor, "a&b");
    after(&spec, &next, "{\"next\":\"a&b\"}", 10, NULL, -SL_E_SOURCE_REPLY);
    assert_true(after(&spec, &next, "{\"next\":null}", 10, NULL, 0).done);
    struct sl_buf query;
    sl_buf_init(&query, 1000);
    sl_paging_query(&spec, &next, &query);
    assert_string_equal(query.data, "&limit=10&at=a%26b");
    sl_buf_free(&query);
}

static void a_link_stays_with_its_server(void **state)
{
    const struct sl_source_spec spec = spec_of(SL_PAGING_LINK);
    struct sl_paging at = {.at = 0};
    (void)state;
    struct sl_paging next = after(&spec, &at, "[]", 10, "<https://api.example/data?p=0>; rel=\"prev\", </data?p=2>; rel=next", 0);
    assert_string_equal(next.url, "https://api.example/data?p=2");
    assert_true(after(&spec, &at, "[]", 10, "<https://api.example/data?p=0>; rel=\"prev\"", 0).done);
    after(&spec, &at, "[]", 10, "<https://evil.example/data>; rel=\"next\"", -SL_E_SOURCE_REPLY);
    after(&spec, &at, "[]", 10, "<https://api.example.evil.example/data>; rel=\"next\"", -SL_E_SOURCE_REPLY);
    after(&spec, &at, "[]", 10, "<//evil.example/data>; rel=\"next\"", -SL_E_SOURCE_REPLY);
}

static void a_checkpoint_reads_back(void **state)
{
    const struct sl_paging p = {.at = 17, .cursor = "\"quoted\"", .url = "https://x/?a=1", .done = true};
    struct sl_paging back;
    (void)state;
    struct json_object *o = sl_paging_json(&p);
    assert_int_equal(sl_paging_read(json_object_to_json_string(o), arena, &back, NULL), 0);
    assert_true(back.at == 17 && back.done && !strcmp(back.cursor, p.cursor) && !strcmp(back.url, p.url));
    json_object_put(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offset_ends_with_the_latest_total),
        cmocka_unit_test(an_offset_moves_by_what_came),
        cmocka_unit_test(a_cursor_that_does_not_move_is_refused),
        cmocka_unit_test(a_link_stays_with_its_server),
        cmocka_unit_test(a_checkpoint_reads_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
