/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, checksums and metadata of a put. */
#include "conformance/store_suite.h"

#include "store/store.h"

#define ABC_SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* --- conditions --- */
static void if_absent_puts_only_once(void **state)
{
    (void)state;
    const struct sl_put_options o = {.if_absent = true};
    assert_ok(suite_put_with("k", "one", &o, NULL));
    assert_fails(suite_put_with("k", "two", &o, NULL), SL_E_STORE_PRECONDITION);
    suite_expect("k", "one");
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "k", &err));
    assert_ok(suite_put_with("k", "three", &o, NULL));
}

static void if_match_puts_over_that_etag_only(void **state)
{
    (void)state;
    struct sl_object_info one, two;
    assert_ok(suite_put_with("k", "one", NULL, &one));
    struct sl_put_options o = {.if_match = one.etag};
    assert_ok(suite_put_with("k", "two", &o, &two));
    assert_fails(suite_put_with("k", "bad", &o, NULL), SL_E_STORE_PRECONDITION);
    suite_expect("k", "two");
    o.if_match = two.etag;
    assert_ok(suite_put_with("k", "three", &o, NULL));
}

static void if_match_on_a_missing_key_is_refused(void **state)
{
    (void)state;
    const struct sl_put_options o = {.if_match = "1-2-3"};
    struct sl_object_info info;
    assert_fails(suite_put_with("k", "x", &o, NULL), SL_E_STORE_PRECONDITION);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void if_match_of_a_removed_object_is_refused(void **state)
{
    (void)state;
    struct sl_object_info one;
    assert_ok(suite_put_with("k", "one", NULL, &one));
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "k", &err));
    const struct sl_put_options o = {.if_match = one.etag};
    assert_fails(suite_put_with("k", "x", &o, NULL), SL_E_STORE_PRECONDITION);
    const char *again = sl_store_has(suite_store, SL_STORE_UNIQUE_ETAG) ? "one" : "eno";
    suite_put("k", again);
    assert_fails(suite_put_with("k", "x", &o, NULL), SL_E_STORE_PRECONDITION);
    suite_expect("k", again);
}

static void refused_put_leaves_metadata_alone(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, other = {0}, got;
    sl_meta_add(&meta, "run_id", "1");
    sl_meta_add(&other, "run_id", "2");
    assert_ok(suite_put_with("k", "one", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_fails(suite_put_with("k", "one", &(struct sl_put_options){.meta = &other, .if_absent = true}, NULL),
                 SL_E_STORE_PRECONDITION);
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "run_id"), "1");
}

static void contradicting_conditions_are_refused(void **state)
{
    (void)state;
    assert_fails(suite_put_with("k", "x", &(struct sl_put_options){.if_absent = true, .if_match = "e"}, NULL), SL_E_INTERNAL);
}

/* --- checksum --- */
static void right_checksum_is_taken(void **state)
{
    (void)state;
    assert_ok(suite_put_with("k", "abc", &(struct sl_put_options){.sha256_hex = ABC_SHA}, NULL));
    suite_expect("k", "abc");
}

static void wrong_checksum_leaves_the_old_object(void **state)
{
    (void)state;
    suite_put("k", "old");
    struct sl_object_info before = suite_head("k");
    assert_fails(suite_put_with("k", "abd", &(struct sl_put_options){.sha256_hex = ABC_SHA}, NULL), SL_E_FILE_CHECKSUM);
    suite_expect("k", "old");
    assert_string_equal(before.etag, suite_head("k").etag);
}

static void wrong_checksum_leaves_no_new_object(void **state)
{
    (void)state;
    struct sl_object_info info;
    assert_fails(suite_put_with("k", "abd", &(struct sl_put_options){.sha256_hex = ABC_SHA}, NULL), SL_E_FILE_CHECKSUM);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void malformed_checksum_is_a_bug(void **state)
{
    (void)state;
    assert_fails(suite_put_with("k", "abc", &(struct sl_put_options){.sha256_hex = "xyz"}, NULL), SL_E_INTERNAL);
}

/* --- metadata --- */
static void metadata_come_back(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got = {0};
    sl_meta_add(&meta, "mongodb_doc_id", "0199a3c4-aaaa-7bbb-8ccc-000000000001");
    sl_meta_add(&meta, "content-hash", "sha256:9b0c = x");
    sl_meta_add(&meta, "name", "Zürich — 東京");
    assert_ok(suite_put_with("k", "x", &(struct sl_put_options){.meta = &meta, .content_type = "application/json"}, NULL));
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_int_equal(got.n, 3);
    assert_string_equal(sl_meta_get(&got, "mongodb_doc_id"), "0199a3c4-aaaa-7bbb-8ccc-000000000001");
    assert_string_equal(sl_meta_get(&got, "content-hash"), "sha256:9b0c = x");
    assert_string_equal(sl_meta_get(&got, "name"), "Zürich — 東京");
    assert_null(sl_meta_get(&got, "none"));
}

static void object_without_metadata_has_none(void **state)
{
    (void)state;
    struct sl_meta got = {.n = 5};
    suite_put("k", "x");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_int_equal(got.n, 0);
}

static void put_replaces_metadata(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got;
    sl_meta_add(&meta, "a", "1");
    assert_ok(suite_put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL));
    suite_put("k", "x");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_int_equal(got.n, 0);
}

static void removed_objects_metadata_do_not_return(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got;
    sl_meta_add(&meta, "a", "1");
    assert_ok(suite_put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "k", &err));
    suite_put("k", "x");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_int_equal(got.n, 0);
}

static void sixteen_pairs_and_two_kilobytes_fit(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got;
    char names[16][8], value[116];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 16; i++) {
        names[i][2] = '\0'; /* 16 * (11 + 2 + 115) = 2,048 */
        names[i][0] = (char)('a' + i);
        names[i][1] = 'x';
        sl_meta_add(&meta, names[i], value);
    }
    assert_ok(suite_put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_int_equal(got.n, 16);
    for (int i = 0; i < 16; i++)
        assert_string_equal(sl_meta_get(&got, names[i]), value);
}

static void seventeen_pairs_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                        "j", "k", "l", "m", "n", "o", "p", "q"};
    struct sl_meta meta = {0};
    for (size_t i = 0; i < 17; i++)
        sl_meta_add(&meta, names[i], "v");
    assert_fails(suite_put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL), SL_E_LIMIT);
}

struct bad_meta {
    const char *what, *name, *value;
    enum sl_code code;
};

static const struct bad_meta bad_metas[] = {
    {"metadata: upper case in a name", "Name", "v", SL_E_STORE_KEY},
    {"metadata: empty name", "", "v", SL_E_STORE_KEY},
    {"metadata: space in a name", "a b", "v", SL_E_STORE_KEY},
    {"metadata: equals sign in a name", "a=b", "v", SL_E_STORE_KEY},
    {"metadata: newline in a name", "a\nb", "v", SL_E_STORE_KEY},
    {"metadata: newline in a value", "a", "x\nmeta.b=forged", SL_E_STORE_KEY},
    {"metadata: carriage return in a value", "a", "x\r\nX-Forged: 1", SL_E_STORE_KEY},
    {"metadata: value is not UTF-8", "a", "x\xff", SL_E_STORE_KEY},
    {"metadata: C1 control in a value", "a", "x\xc2\x85y", SL_E_STORE_KEY},
};

static void bad_metadata_are_refused(void **state)
{
    const struct bad_meta *bad = *state;
    struct sl_meta meta = {0};
    struct sl_object_info info;
    sl_meta_add(&meta, bad->name, bad->value);
    assert_fails(suite_put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL), bad->code);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void metadata_name_given_twice_is_refused(void **state)
{
    (void)state;
    struct sl_meta meta = {0};
    sl_meta_add(&meta, "a", "1");
    sl_meta_add(&meta, "a", "2");
    assert_fails(suite_put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL), SL_E_STORE_KEY);
}

static void too_large_metadata_are_refused(void **state)
{
    (void)state;
    static char value[2100];
    struct sl_meta meta = {0};
    memset(value, 'v', sizeof value - 1);
    sl_meta_add(&meta, "a", value);
    assert_fails(suite_put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL), SL_E_LIMIT);
}

void suite_add_conditions(struct CMUnitTest *tests, size_t *n)
{
    SUITE_CASE(if_absent_puts_only_once);
    SUITE_CASE(if_match_puts_over_that_etag_only);
    SUITE_CASE(if_match_on_a_missing_key_is_refused);
    SUITE_CASE(if_match_of_a_removed_object_is_refused);
    SUITE_CASE(refused_put_leaves_metadata_alone);
    SUITE_CASE(contradicting_conditions_are_refused);
    SUITE_CASE(right_checksum_is_taken);
    SUITE_CASE(wrong_checksum_leaves_the_old_object);
    SUITE_CASE(wrong_checksum_leaves_no_new_object);
    SUITE_CASE(malformed_checksum_is_a_bug);
    SUITE_CASE(metadata_come_back);
    SUITE_CASE(object_without_metadata_has_none);
    SUITE_CASE(put_replaces_metadata);
    SUITE_CASE(removed_objects_metadata_do_not_return);
    SUITE_CASE(sixteen_pairs_and_two_kilobytes_fit);
    SUITE_CASE(seventeen_pairs_are_refused);
    for (size_t i = 0; i < sizeof bad_metas / sizeof *bad_metas; i++)
        suite_add(tests, n, bad_metas[i].what, bad_metadata_are_refused, &bad_metas[i]);
    SUITE_CASE(metadata_name_given_twice_is_refused);
    SUITE_CASE(too_large_metadata_are_refused);
}
