/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/store_suite.h"

#include "store/store.h"

static void empty_bucket_lists_nothing(void **state)
{
    (void)state;
    assert_string_equal(suite_keys("", NULL, 0), "");
    assert_string_equal(suite_keys("x", NULL, 0), "");
    assert_string_equal(suite_keys("x/y/", "x/y/z", 5), "");
}

static const char *const sorted[] = {
    "%z", "-", "A", "a!", "a-b", "a.b", "a/b", "a/b-c", "a/c/d", "a/c0", "a0", "aa", "b/", "b/x", "c/ /x", "z",
    "\xc3\xa9", "\xe6\x9d\xb1", "\xf0\x9f\x97\xba",
};
enum { SORTED = sizeof sorted / sizeof *sorted };

static void put_all_in_some_order(void)
{
    for (size_t i = 0; i < SORTED; i++)
        suite_put(sorted[i * 7 % SORTED], "x");
}

static void keys_come_in_bytewise_order(void **state)
{
    (void)state;
    char expected[1000] = "";
    for (size_t i = 0; i < SORTED; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s\n", sorted[i]);
    put_all_in_some_order();
    assert_string_equal(suite_keys("", NULL, 0), expected);
}

static void pages_of_any_size_give_all_keys_once(void **state)
{
    (void)state;
    put_all_in_some_order();
    for (int64_t page = 1; page <= SORTED + 1; page++) {
        char after[64] = "";
        size_t seen = 0;
        for (;;) {
            const char *keys = suite_keys("", *after ? after : NULL, page);
            if (!*keys)
                break;
            for (const char *k = keys; *k; k = strchr(k, '\n') + 1) {
                snprintf(after, sizeof after, "%.*s", (int)strcspn(k, "\n"), k);
                assert_true(seen < SORTED);
                assert_string_equal(after, sorted[seen++]);
            }
        }
        assert_int_equal(seen, SORTED);
    }
}

struct list_case {
    const char *name, *prefix, *start_after;
    int64_t max_keys;
    const char *expected;
};

static const struct list_case cases[] = {
    {"list: prefix is a folder", "a/", NULL, 0, "a/b\na/b-c\na/c/d\na/c0\n"},
    {"list: prefix cuts a name", "a", NULL, 0, "a!\na-b\na.b\na/b\na/b-c\na/c/d\na/c0\na0\naa\n"},
    {"list: prefix cuts a name in a folder", "a/b", NULL, 0, "a/b\na/b-c\n"},
    {"list: prefix is a whole key", "a0", NULL, 0, "a0\n"},
    {"list: prefix of nothing", "q", NULL, 0, ""},
    {"list: prefix below an object", "a0/", NULL, 0, ""},
    {"list: prefix with a component that is a space", "c/ /", NULL, 0, "c/ /x\n"},
    {"list: prefix cuts a character", "\xc3\xa9", NULL, 0, "\xc3\xa9\n"},
    {"list: prefix is upper case", "A", NULL, 0, "A\n"},
    {"list: after a key", "", "a0", 3, "aa\nb/\nb/x\n"},
    {"list: after a name that is no key", "", "a1", 1, "aa\n"},
    {"list: after a folder's name", "", "a", 2, "a!\na-b\n"},
    {"list: after a folder with its slash", "", "a/", 1, "a/b\n"},
    {"list: after a key in a folder", "", "a/b", 2, "a/b-c\na/c/d\n"},
    {"list: after the last key in a folder", "", "a/c0", 1, "a0\n"},
    {"list: after a key deeper than any", "", "a/c/d/e/f", 1, "a/c0\n"},
    {"list: after the last key", "", "\xf0\x9f\x97\xba", 0, ""},
    {"list: after nothing", "", "", 1, "%z\n"},
    {"list: prefix and after", "a/", "a/b-c", 0, "a/c/d\na/c0\n"},
    {"list: after is before the prefix", "b/", "a", 0, "b/\nb/x\n"},
    {"list: after is behind the prefix", "a/", "b", 0, ""},
    {"list: at most one", "a/", NULL, 1, "a/b\n"},
    {"list: at most what there is", "a/", NULL, 4, "a/b\na/b-c\na/c/d\na/c0\n"},
    {"list: at most more than there is", "a/", NULL, 1000, "a/b\na/b-c\na/c/d\na/c0\n"},
};

static void list_gives(void **state)
{
    const struct list_case *c = *state;
    put_all_in_some_order();
    assert_string_equal(suite_keys(c->prefix, c->start_after, c->max_keys), c->expected);
}

static void prefix_with_an_empty_component(void **state)
{
    (void)state;
    suite_put("c/x", "x");
    bool taken = suite_try_put("c//x", "x");
    assert_string_equal(suite_keys("c//", NULL, 0), taken ? "c//x\n" : "");
    assert_string_equal(suite_keys("c/", NULL, 0), taken ? "c//x\nc/x\n" : "c/x\n");
}

static int compare_with_head(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    struct sl_object_info info;
    int rc = sl_store_head(suite_store, SUITE_BUCKET, entry->key, &info, NULL, e);
    if (rc)
        return rc;
    assert_string_equal(info.etag, entry->info.etag);
    assert_int_equal(info.size_bytes, entry->info.size_bytes);
    ++*(int *)data;
    return 0;
}

static void entries_have_size_and_etag(void **state)
{
    (void)state;
    int n = 0;
    suite_put("a/b", "12345");
    suite_put("a/c", "");
    assert_ok(sl_store_list(suite_store, SUITE_BUCKET, "", NULL, 0, compare_with_head, &n, &err));
    assert_int_equal(n, 2);
}

static int remove_it(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)data;
    return sl_store_remove(suite_store, SUITE_BUCKET, entry->key, e);
}

static void entries_may_be_removed_while_listing(void **state)
{
    (void)state;
    put_all_in_some_order();
    assert_ok(sl_store_list(suite_store, SUITE_BUCKET, "", NULL, 0, remove_it, NULL, &err));
    assert_string_equal(suite_keys("", NULL, 0), "");
}

static int stop_second(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)entry;
    return ++*(int *)data == 2 ? sl_fail(e, SL_E_CANCELLED, "enough") : 0;
}

static void entry_stops_a_list(void **state)
{
    (void)state;
    int n = 0;
    put_all_in_some_order();
    assert_fails(sl_store_list(suite_store, SUITE_BUCKET, "", NULL, 0, stop_second, &n, &err), SL_E_CANCELLED);
    assert_int_equal(n, 2);
}

static int count(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)entry;
    (void)e;
    ++*(int *)data;
    return 0;
}

static void more_than_a_page_of_keys_is_listed(void **state)
{
    (void)state;
    int n = 0;
    for (int i = 0; i < 1100; i++) {
        char key[32];
        snprintf(key, sizeof key, "m/%d/%04d", i % 3, i);
        suite_put(key, "");
    }
    assert_ok(sl_store_list(suite_store, SUITE_BUCKET, "m/", NULL, 0, count, &n, &err));
    assert_int_equal(n, 1100);
    n = 0;
    assert_ok(sl_store_list(suite_store, SUITE_BUCKET, "m/", NULL, 1050, count, &n, &err));
    assert_int_equal(n, 1050);
}

static void null_prefix_is_all_and_negative_count_is_refused(void **state)
{
    (void)state;
    int n = 0;
    suite_put("k", "x");
    assert_ok(sl_store_list(suite_store, SUITE_BUCKET, NULL, NULL, 0, count, &n, &err));
    assert_int_equal(n, 1);
    assert_fails(sl_store_list(suite_store, SUITE_BUCKET, "", NULL, -1, count, &n, &err), SL_E_STORE_RANGE);
    assert_fails(sl_store_list(suite_store, SUITE_BUCKET, "\xff", NULL, 0, count, &n, &err), SL_E_STORE_KEY);
}

void suite_add_lists(struct CMUnitTest *tests, size_t *n)
{
    SUITE_CASE(empty_bucket_lists_nothing);
    SUITE_CASE(keys_come_in_bytewise_order);
    SUITE_CASE(pages_of_any_size_give_all_keys_once);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        suite_add(tests, n, cases[i].name, list_gives, &cases[i]);
    SUITE_CASE(prefix_with_an_empty_component);
    SUITE_CASE(entries_have_size_and_etag);
    SUITE_CASE(entries_may_be_removed_while_listing);
    SUITE_CASE(entry_stops_a_list);
    SUITE_CASE(more_than_a_page_of_keys_is_listed);
    SUITE_CASE(null_prefix_is_all_and_negative_count_is_refused);
}
