/* SPDX-License-Identifier: Apache-2.0 */
/* One object at a time: bytes, ranges, ETags. */
#include "conformance/store_suite.h"

#include "base/file.h"
#include "base/sha256.h"
#include "store/store.h"

static void put_bytes_come_back(void **state)
{
    (void)state;
    suite_put("a.txt", "hello");
    suite_expect("a.txt", "hello");
    assert_int_equal(suite_head("a.txt").size_bytes, 5);
}

static void empty_object_is_an_object(void **state)
{
    (void)state;
    suite_put("empty", "");
    suite_expect("empty", "");
    assert_int_equal(suite_head("empty").size_bytes, 0);
}

static void binary_bytes_with_nul_come_back(void **state)
{
    (void)state;
    char data[256];
    for (int i = 0; i < 256; i++)
        data[i] = (char)i;
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "bin", data, sizeof data, NULL, NULL, &err));
    struct sl_buf buf;
    sl_buf_init(&buf, 1000);
    assert_ok(sl_store_read(suite_store, SUITE_BUCKET, "bin", &buf, NULL, &err));
    assert_int_equal(buf.len, sizeof data);
    assert_memory_equal(buf.data, data, sizeof data);
    sl_buf_free(&buf);
}

static void put_replaces_and_changes_the_etag(void **state)
{
    (void)state;
    suite_put("k", "one");
    struct sl_object_info first = suite_head("k");
    suite_put("k", "two");
    suite_expect("k", "two");
    assert_string_not_equal(first.etag, suite_head("k").etag);
}

static void many_puts_in_a_row_have_all_different_etags(void **state)
{
    (void)state;
    char etags[50][SL_ETAG_BYTES];
    for (int i = 0; i < 50; i++) {
        char text[8];
        snprintf(text, sizeof text, "%03d", i);
        suite_put("k", text);
        memcpy(etags[i], suite_head("k").etag, SL_ETAG_BYTES);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(etags[i], etags[k]);
    }
}

static void etag_is_stable_while_nothing_changes(void **state)
{
    (void)state;
    suite_put("k", "one");
    struct sl_object_info a = suite_head("k");
    suite_expect("k", "one");
    assert_string_equal(a.etag, suite_head("k").etag);
    struct sl_store *other = suite_open();
    struct sl_object_info b;
    assert_ok(sl_store_head(other, SUITE_BUCKET, "k", &b, NULL, &err));
    assert_string_equal(a.etag, b.etag);
    sl_store_free(other);
}

static void put_get_and_list_tell_the_same_etag(void **state)
{
    (void)state;
    struct sl_object_info put, got;
    assert_ok(suite_put_with("k", "abc", NULL, &put));
    struct sl_buf buf;
    sl_buf_init(&buf, 10);
    assert_ok(sl_store_read(suite_store, SUITE_BUCKET, "k", &buf, &got, &err));
    sl_buf_free(&buf);
    assert_string_equal(put.etag, got.etag);
    assert_string_equal(put.etag, suite_head("k").etag);
    assert_int_equal(put.size_bytes, 3);
    assert_int_equal(got.size_bytes, 3);
}

static void missing_key_is_not_found(void **state)
{
    (void)state;
    struct sl_object_info info = {.size_bytes = 77};
    struct sl_buf buf;
    sl_buf_init(&buf, 10);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "none", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_contains(err.message, "none");
    assert_int_equal(info.size_bytes, 77);
    assert_fails(sl_store_read(suite_store, SUITE_BUCKET, "none", &buf, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(sl_store_read(suite_store, SUITE_BUCKET, "no/such/one", &buf, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(sl_store_copy(suite_store, SUITE_BUCKET, "none", SUITE_OTHER, "x", NULL, NULL, &err),
                 SL_E_STORE_NOT_FOUND);
}

static int refuse_entry(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)data;
    (void)entry;
    return sl_fail(e, SL_E_CANCELLED, "unexpected entry");
}

static void missing_bucket_is_not_found(void **state)
{
    (void)state;
    struct sl_object_info info;
    assert_fails(sl_store_head(suite_store, "no-bucket", "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_contains(err.message, "no-bucket");
    assert_fails(sl_store_put(suite_store, "no-bucket", "k", "x", 1, NULL, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_fails(sl_store_list(suite_store, "no-bucket", "", NULL, 0, refuse_entry, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void bucket_can_be_made_twice(void **state)
{
    (void)state;
    suite_put("k", "x");
    assert_ok(sl_store_bucket_make(suite_store, SUITE_BUCKET, &err));
    suite_expect("k", "x");
}

static void buckets_are_apart(void **state)
{
    (void)state;
    struct sl_object_info info;
    suite_put("k", "x");
    assert_fails(sl_store_head(suite_store, SUITE_OTHER, "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void remove_removes_and_may_be_repeated(void **state)
{
    (void)state;
    struct sl_object_info info;
    suite_put("d/k", "x");
    suite_put("d/l", "y");
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "d/k", &err));
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "d/k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "d/k", &err));
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "never/was", &err));
    suite_expect("d/l", "y");
}

static void removing_a_prefix_of_keys_removes_nothing(void **state)
{
    (void)state;
    suite_put("d/k", "x");
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "d", &err));
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "d/", &err));
    suite_expect("d/k", "x");
}

static void put_after_remove_works(void **state)
{
    (void)state;
    suite_put("p/q/r", "1");
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "p/q/r", &err));
    suite_put("p/q/r", "2");
    suite_expect("p/q/r", "2");
}

static void key_may_take_the_place_of_a_removed_prefix(void **state)
{
    (void)state;
    suite_put("p/q/r", "1");
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "p/q/r", &err));
    suite_put("p", "2");
    suite_expect("p", "2");
}

/* --- ranges --- */
struct range {
    const char *name;
    int64_t offset, length;
    const char *expected; /* NULL: store.range */
};

static const struct range ranges[] = {
    {"range: whole", 0, -1, "0123456789"},
    {"range: whole by length", 0, 10, "0123456789"},
    {"range: first byte", 0, 1, "0"},
    {"range: last byte", 9, 1, "9"},
    {"range: middle", 3, 4, "3456"},
    {"range: to the end", 7, -1, "789"},
    {"range: longer than the rest", 7, 100, "789"},
    {"range: huge length", 1, INT64_MAX, "123456789"},
    {"range: nothing", 4, 0, ""},
    {"range: beyond the end", 11, -1, NULL},
    {"range: far beyond the end", INT64_MAX, 1, NULL},
    {"range: negative offset", -1, 1, NULL},
    {"range: negative length", 0, -2, NULL},
};

static int into(void *data, const void *bytes, size_t n, struct sl_error *e)
{
    (void)e;
    sl_buf_add(data, bytes, n);
    return 0;
}

static void range_is_read(void **state)
{
    const struct range *r = *state;
    struct sl_buf buf;
    sl_buf_init(&buf, 100);
    suite_put("digits", "0123456789");
    int rc = sl_store_get(suite_store, SUITE_BUCKET, "digits", r->offset, r->length, NULL, into, &buf, NULL, &err);
    if (r->expected) {
        assert_ok(rc);
        assert_string_equal(buf.data, r->expected);
    } else {
        assert_fails(rc, SL_E_STORE_RANGE);
    }
    sl_buf_free(&buf);
}

static void large_object_streams_in_blocks(void **state)
{
    (void)state;
    enum { N = 3 * 1024 * 1024 + 17 };
    char *data = malloc(N), hex[SL_SHA256_HEX_BYTES], got[SL_SHA256_HEX_BYTES];
    assert_non_null(data);
    for (int i = 0; i < N; i++)
        data[i] = (char)(i * 7 + i / 251);
    sl_sha256_of(data, N, hex);
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "large", data, N, NULL, NULL, &err));
    assert_ok(sl_store_hash(suite_store, SUITE_BUCKET, "large", NULL, got, NULL, &err));
    assert_string_equal(got, hex);
    struct sl_buf buf;
    sl_buf_init(&buf, 4 * 1024 * 1024);
    assert_ok(sl_store_get(suite_store, SUITE_BUCKET, "large", 1000001, 1500000, NULL, into, &buf, NULL, &err));
    assert_int_equal(buf.len, 1500000);
    assert_memory_equal(buf.data, data + 1000001, buf.len);
    sl_buf_free(&buf);
    free(data);
}

static int stop(void *data, const void *bytes, size_t n, struct sl_error *e)
{
    (void)bytes;
    (void)n;
    ++*(int *)data;
    return sl_fail(e, SL_E_CANCELLED, "enough");
}

static void sink_stops_a_get(void **state)
{
    (void)state;
    int calls = 0;
    suite_put("k", "x");
    assert_fails(sl_store_get(suite_store, SUITE_BUCKET, "k", 0, -1, NULL, stop, &calls, NULL, &err), SL_E_CANCELLED);
    assert_int_equal(calls, 1);
}

static void get_if_match_takes_the_present_etag_only(void **state)
{
    (void)state;
    struct sl_buf buf;
    sl_buf_init(&buf, 100);
    suite_put("k", "one");
    struct sl_object_info old = suite_head("k");
    assert_ok(sl_store_get(suite_store, SUITE_BUCKET, "k", 0, -1, old.etag, into, &buf, NULL, &err));
    suite_put("k", "two");
    sl_buf_clear(&buf);
    assert_fails(sl_store_get(suite_store, SUITE_BUCKET, "k", 0, -1, old.etag, into, &buf, NULL, &err),
                 SL_E_STORE_CHANGED);
    assert_int_equal(buf.len, 0);
    sl_buf_free(&buf);
}

struct replacing {
    struct sl_buf *buf;
    bool replaced;
};

static int replace_under_way(void *data, const void *bytes, size_t n, struct sl_error *e)
{
    struct replacing *r = data;
    sl_buf_add(r->buf, bytes, n);
    if (r->replaced)
        return 0;
    r->replaced = true;
    char *text = malloc(1 << 20);
    memset(text, 'B', 1 << 20);
    int rc = sl_store_put(suite_store, SUITE_BUCKET, "k", text, 1 << 20, NULL, NULL, e);
    free(text);
    return rc;
}

static void replacing_in_mid_read_never_mixes_bytes(void **state)
{
    (void)state;
    struct sl_buf buf;
    struct replacing r = {&buf, false};
    sl_buf_init(&buf, 2 << 20);
    char *text = malloc(1 << 20);
    memset(text, 'A', 1 << 20);
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "k", text, 1 << 20, NULL, NULL, &err));
    free(text);
    struct sl_object_info old = suite_head("k");
    int rc = sl_store_get(suite_store, SUITE_BUCKET, "k", 0, -1, old.etag, replace_under_way, &r, NULL, &err);
    assert_true(r.replaced);
    assert_true(rc == 0 || rc == -SL_E_STORE_CHANGED);
    assert_int_equal(strspn(buf.data, "A"), buf.len);
    if (rc == 0)
        assert_int_equal(buf.len, 1 << 20);
    sl_buf_free(&buf);
}

static void read_is_bounded_by_its_buffer(void **state)
{
    (void)state;
    struct sl_buf buf;
    sl_buf_init(&buf, 4);
    suite_put("k", "12345");
    assert_fails(sl_store_read(suite_store, SUITE_BUCKET, "k", &buf, NULL, &err), SL_E_LIMIT);
    assert_contains(err.message, SUITE_BUCKET "/k");
    sl_buf_free(&buf);
}

/* --- the rest of the port --- */
static void local_path_holds_the_bytes(void **state)
{
    (void)state;
    char path[4096];
    if (!sl_store_has(suite_store, SL_STORE_LOCAL_PATH)) {
        print_message("skipped: this backend has no local paths\n");
        skip();
    }
    suite_put("d/k", "abc");
    assert_ok(suite_store->ops->local_path(suite_store, SUITE_BUCKET, "d/k", path, sizeof path, &err));
    struct sl_buf buf;
    sl_buf_init(&buf, 10);
    assert_ok(sl_file_read(path, &buf, &err));
    assert_string_equal(buf.data, "abc");
    sl_buf_free(&buf);
    assert_fails(suite_store->ops->local_path(suite_store, SUITE_BUCKET, "none", path, sizeof path, &err),
                 SL_E_STORE_NOT_FOUND);
    assert_fails(suite_store->ops->local_path(suite_store, SUITE_BUCKET, "d/k", path, 5, &err), SL_E_LIMIT);
}

static void sweep_of_a_tidy_store_removes_nothing(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got;
    int64_t removed = -1;
    sl_meta_add(&meta, "a", "1");
    assert_ok(suite_put_with("d/k", "abc", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_ok(suite_put_with("d/k", "abcd", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_ok(sl_store_sweep(suite_store, 0, false, &removed, &err));
    assert_int_equal(removed, 0);
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "d/k", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "a"), "1");
    suite_expect("d/k", "abcd");
}

static void objects_outlive_their_handle(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got;
    sl_meta_add(&meta, "a", "1");
    assert_ok(suite_put_with("k", "abc", &(struct sl_put_options){.meta = &meta}, NULL));
    sl_store_free(suite_store);
    suite_store = suite_open();
    suite_expect("k", "abc");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "a"), "1");
}

static void errors_may_go_nowhere(void **state)
{
    (void)state;
    assert_int_equal(sl_store_put(suite_store, "no-bucket", "k", "x", 1, NULL, NULL, NULL), -SL_E_STORE_NOT_FOUND);
    sl_store_free(NULL);
}

void suite_add_objects(struct CMUnitTest *tests, size_t *n)
{
    SUITE_CASE(put_bytes_come_back);
    SUITE_CASE(empty_object_is_an_object);
    SUITE_CASE(binary_bytes_with_nul_come_back);
    SUITE_CASE(put_replaces_and_changes_the_etag);
    SUITE_CASE(many_puts_in_a_row_have_all_different_etags);
    SUITE_CASE(etag_is_stable_while_nothing_changes);
    SUITE_CASE(put_get_and_list_tell_the_same_etag);
    SUITE_CASE(missing_key_is_not_found);
    SUITE_CASE(missing_bucket_is_not_found);
    SUITE_CASE(bucket_can_be_made_twice);
    SUITE_CASE(buckets_are_apart);
    SUITE_CASE(remove_removes_and_may_be_repeated);
    SUITE_CASE(removing_a_prefix_of_keys_removes_nothing);
    SUITE_CASE(put_after_remove_works);
    SUITE_CASE(key_may_take_the_place_of_a_removed_prefix);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        suite_add(tests, n, ranges[i].name, range_is_read, &ranges[i]);
    SUITE_CASE(large_object_streams_in_blocks);
    SUITE_CASE(sink_stops_a_get);
    SUITE_CASE(get_if_match_takes_the_present_etag_only);
    SUITE_CASE(replacing_in_mid_read_never_mixes_bytes);
    SUITE_CASE(read_is_bounded_by_its_buffer);
    SUITE_CASE(local_path_holds_the_bytes);
    SUITE_CASE(sweep_of_a_tidy_store_removes_nothing);
    SUITE_CASE(objects_outlive_their_handle);
    SUITE_CASE(errors_may_go_nowhere);
}
