/* SPDX-License-Identifier: Apache-2.0 */
/* One object at a time: bytes, ranges, ETags, metadata, conditions, copies. */
#include "conformance/store_suite.h"

#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "store/store.h"

#define ABC_SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static int put_with(const char *key, const char *text, const struct sl_put_options *o, struct sl_object_info *info)
{
    return sl_store_put(suite_store, SUITE_BUCKET, key, text, strlen(text), o, info, &err);
}

static struct sl_object_info head(const char *key)
{
    struct sl_object_info info = {0};
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, key, &info, NULL, &err));
    return info;
}

static void put_bytes_come_back(void **state)
{
    (void)state;
    suite_put("a.txt", "hello");
    suite_expect("a.txt", "hello");
    assert_int_equal(head("a.txt").size_bytes, 5);
}

static void empty_object_is_an_object(void **state)
{
    (void)state;
    suite_put("empty", "");
    suite_expect("empty", "");
    assert_int_equal(head("empty").size_bytes, 0);
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
    struct sl_object_info first = head("k");
    suite_put("k", "two");
    suite_expect("k", "two");
    assert_string_not_equal(first.etag, head("k").etag);
}

static void many_puts_in_a_row_have_all_different_etags(void **state)
{
    (void)state;
    char etags[50][SL_ETAG_BYTES];
    for (int i = 0; i < 50; i++) {
        char text[8];
        snprintf(text, sizeof text, "%03d", i);
        suite_put("k", text);
        memcpy(etags[i], head("k").etag, SL_ETAG_BYTES);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(etags[i], etags[k]);
    }
}

static void etag_is_stable_while_nothing_changes(void **state)
{
    (void)state;
    suite_put("k", "one");
    struct sl_object_info a = head("k");
    suite_expect("k", "one");
    assert_string_equal(a.etag, head("k").etag);
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
    assert_ok(put_with("k", "abc", NULL, &put));
    struct sl_buf buf;
    sl_buf_init(&buf, 10);
    assert_ok(sl_store_read(suite_store, SUITE_BUCKET, "k", &buf, &got, &err));
    sl_buf_free(&buf);
    assert_string_equal(put.etag, got.etag);
    assert_string_equal(put.etag, head("k").etag);
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
    struct sl_object_info old = head("k");
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
    struct sl_object_info old = head("k");
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

/* --- conditions --- */
static void if_absent_puts_only_once(void **state)
{
    (void)state;
    const struct sl_put_options o = {.if_absent = true};
    assert_ok(put_with("k", "one", &o, NULL));
    assert_fails(put_with("k", "two", &o, NULL), SL_E_STORE_PRECONDITION);
    suite_expect("k", "one");
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "k", &err));
    assert_ok(put_with("k", "three", &o, NULL));
}

static void if_match_puts_over_that_etag_only(void **state)
{
    (void)state;
    struct sl_object_info one, two;
    assert_ok(put_with("k", "one", NULL, &one));
    struct sl_put_options o = {.if_match = one.etag};
    assert_ok(put_with("k", "two", &o, &two));
    assert_fails(put_with("k", "bad", &o, NULL), SL_E_STORE_PRECONDITION);
    suite_expect("k", "two");
    o.if_match = two.etag;
    assert_ok(put_with("k", "three", &o, NULL));
}

static void if_match_on_a_missing_key_is_refused(void **state)
{
    (void)state;
    const struct sl_put_options o = {.if_match = "1-2-3"};
    struct sl_object_info info;
    assert_fails(put_with("k", "x", &o, NULL), SL_E_STORE_PRECONDITION);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void if_match_of_a_removed_object_is_refused(void **state)
{
    (void)state;
    struct sl_object_info one;
    assert_ok(put_with("k", "one", NULL, &one));
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "k", &err));
    const struct sl_put_options o = {.if_match = one.etag};
    assert_fails(put_with("k", "x", &o, NULL), SL_E_STORE_PRECONDITION);
    const char *again = sl_store_has(suite_store, SL_STORE_UNIQUE_ETAG) ? "one" : "eno";
    suite_put("k", again);
    assert_fails(put_with("k", "x", &o, NULL), SL_E_STORE_PRECONDITION);
    suite_expect("k", again);
}

static void refused_put_leaves_metadata_alone(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, other = {0}, got;
    sl_meta_add(&meta, "run_id", "1");
    sl_meta_add(&other, "run_id", "2");
    assert_ok(put_with("k", "one", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_fails(put_with("k", "one", &(struct sl_put_options){.meta = &other, .if_absent = true}, NULL),
                 SL_E_STORE_PRECONDITION);
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "run_id"), "1");
}

static void contradicting_conditions_are_refused(void **state)
{
    (void)state;
    assert_fails(put_with("k", "x", &(struct sl_put_options){.if_absent = true, .if_match = "e"}, NULL), SL_E_INTERNAL);
}

/* --- checksum --- */
static void right_checksum_is_taken(void **state)
{
    (void)state;
    assert_ok(put_with("k", "abc", &(struct sl_put_options){.sha256_hex = ABC_SHA}, NULL));
    suite_expect("k", "abc");
}

static void wrong_checksum_leaves_the_old_object(void **state)
{
    (void)state;
    suite_put("k", "old");
    struct sl_object_info before = head("k");
    assert_fails(put_with("k", "abd", &(struct sl_put_options){.sha256_hex = ABC_SHA}, NULL), SL_E_FILE_CHECKSUM);
    suite_expect("k", "old");
    assert_string_equal(before.etag, head("k").etag);
}

static void wrong_checksum_leaves_no_new_object(void **state)
{
    (void)state;
    struct sl_object_info info;
    assert_fails(put_with("k", "abd", &(struct sl_put_options){.sha256_hex = ABC_SHA}, NULL), SL_E_FILE_CHECKSUM);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void malformed_checksum_is_a_bug(void **state)
{
    (void)state;
    assert_fails(put_with("k", "abc", &(struct sl_put_options){.sha256_hex = "xyz"}, NULL), SL_E_INTERNAL);
}

/* --- metadata --- */
static void metadata_come_back(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got = {0};
    sl_meta_add(&meta, "mongodb_doc_id", "0199a3c4-aaaa-7bbb-8ccc-000000000001");
    sl_meta_add(&meta, "content-hash", "sha256:9b0c = x");
    sl_meta_add(&meta, "name", "Zürich — 東京");
    assert_ok(put_with("k", "x", &(struct sl_put_options){.meta = &meta, .content_type = "application/json"}, NULL));
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
    assert_ok(put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL));
    suite_put("k", "x");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_int_equal(got.n, 0);
}

static void removed_objects_metadata_do_not_return(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got;
    sl_meta_add(&meta, "a", "1");
    assert_ok(put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL));
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
    assert_ok(put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL));
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
    assert_fails(put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL), SL_E_LIMIT);
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
    assert_fails(put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL), bad->code);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void metadata_name_given_twice_is_refused(void **state)
{
    (void)state;
    struct sl_meta meta = {0};
    sl_meta_add(&meta, "a", "1");
    sl_meta_add(&meta, "a", "2");
    assert_fails(put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL), SL_E_STORE_KEY);
}

static void too_large_metadata_are_refused(void **state)
{
    (void)state;
    static char value[2100];
    struct sl_meta meta = {0};
    memset(value, 'v', sizeof value - 1);
    sl_meta_add(&meta, "a", value);
    assert_fails(put_with("k", "x", &(struct sl_put_options){.meta = &meta}, NULL), SL_E_LIMIT);
}

/* --- files --- */
static char file_path[300], folder[200];

static const char *make_file(const char *text, size_t n)
{
    cm_temp_dir(folder, sizeof folder, "suite");
    snprintf(file_path, sizeof file_path, "%s/in.bin", folder);
    assert_ok(sl_file_write_durable(file_path, text, n, 0600, &err));
    return file_path;
}

static void put_file_takes_a_file(void **state)
{
    (void)state;
    const char *path = make_file("abc", 3);
    struct sl_meta meta = {0}, got;
    sl_meta_add(&meta, "a", "1");
    const struct sl_put_options o = {.meta = &meta, .sha256_hex = ABC_SHA};
    assert_ok(sl_store_put_file(suite_store, SUITE_BUCKET, "k", path, &o, NULL, &err));
    suite_expect("k", "abc");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "a"), "1");
    assert_true(sl_path_exists(path));
    sl_dir_remove(folder, NULL);
}

static void put_file_checks_the_hash(void **state)
{
    (void)state;
    const char *path = make_file("abd", 3);
    struct sl_object_info info;
    const struct sl_put_options o = {.sha256_hex = ABC_SHA};
    assert_fails(sl_store_put_file(suite_store, SUITE_BUCKET, "k", path, &o, NULL, &err), SL_E_FILE_CHECKSUM);
    assert_fails(sl_store_head(suite_store, SUITE_BUCKET, "k", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
    sl_dir_remove(folder, NULL);
}

static void put_file_of_a_missing_file_says_so(void **state)
{
    (void)state;
    assert_fails(sl_store_put_file(suite_store, SUITE_BUCKET, "k", "/nonexistent/f", NULL, NULL, &err),
                 SL_E_FILE_MISSING);
}

static void put_file_if_absent_keeps_the_first(void **state)
{
    (void)state;
    const char *path = make_file("new", 3);
    const struct sl_put_options o = {.if_absent = true};
    suite_put("k", "old");
    assert_fails(sl_store_put_file(suite_store, SUITE_BUCKET, "k", path, &o, NULL, &err), SL_E_STORE_PRECONDITION);
    suite_expect("k", "old");
    sl_dir_remove(folder, NULL);
}

struct seen {
    int64_t last, total;
    bool forward;
};

static void see(void *data, int64_t done, int64_t total)
{
    struct seen *s = data;
    s->forward = s->forward && done >= s->last && done <= total;
    s->last = done;
    s->total = total;
}

static void progress_runs_forward_to_the_end(void **state)
{
    (void)state;
    enum { N = 2 * 1024 * 1024 };
    char *text = calloc(N, 1);
    const char *path = make_file(text, N);
    free(text);
    struct seen s = {0, 0, true};
    const struct sl_put_options o = {.progress = see, .progress_data = &s};
    assert_ok(sl_store_put_file(suite_store, SUITE_BUCKET, "k", path, &o, NULL, &err));
    assert_true(s.forward);
    assert_int_equal(s.last, N);
    assert_int_equal(s.total, N);
    sl_dir_remove(folder, NULL);
}

static void download_hashes_on_the_way(void **state)
{
    (void)state;
    char path[400], hex[SL_SHA256_HEX_BYTES];
    struct sl_object_info info;
    make_file("", 0);
    snprintf(path, sizeof path, "%s/out", folder);
    suite_put("k", "abc");
    assert_ok(sl_store_download(suite_store, SUITE_BUCKET, "k", head("k").etag, path, hex, &info, &err));
    assert_string_equal(hex, ABC_SHA);
    struct sl_buf buf;
    sl_buf_init(&buf, 10);
    assert_ok(sl_file_read(path, &buf, &err));
    assert_string_equal(buf.data, "abc");
    sl_buf_free(&buf);
    sl_dir_remove(folder, NULL);
}

static void failed_download_leaves_no_file(void **state)
{
    (void)state;
    char path[400], hex[SL_SHA256_HEX_BYTES];
    make_file("", 0);
    snprintf(path, sizeof path, "%s/out", folder);
    suite_put("k", "abc");
    assert_fails(sl_store_download(suite_store, SUITE_BUCKET, "k", "other", path, hex, NULL, &err), SL_E_STORE_CHANGED);
    assert_false(sl_path_exists(path));
    sl_dir_remove(folder, NULL);
}

/* --- copies --- */
static int copy_to(const char *from, const char *to, const struct sl_put_options *o)
{
    return sl_store_copy(suite_store, SUITE_BUCKET, from, SUITE_OTHER, to, o, NULL, &err);
}

static void expect_other(const char *key, const char *text)
{
    struct sl_buf buf;
    sl_buf_init(&buf, 100);
    assert_ok(sl_store_read(suite_store, SUITE_OTHER, key, &buf, NULL, &err));
    assert_string_equal(buf.data, text);
    sl_buf_free(&buf);
}

static void copy_keeps_bytes_metadata_and_source(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got;
    sl_meta_add(&meta, "a", "1");
    assert_ok(put_with("k", "abc", &(struct sl_put_options){.meta = &meta, .content_type = "text/plain"}, NULL));
    assert_ok(copy_to("k", "x/y", NULL));
    expect_other("x/y", "abc");
    assert_ok(sl_store_head(suite_store, SUITE_OTHER, "x/y", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "a"), "1");
    suite_expect("k", "abc");
}

static void copy_with_metadata_replaces_them(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, other = {0}, got;
    sl_meta_add(&meta, "a", "1");
    sl_meta_add(&other, "b", "2");
    assert_ok(put_with("k", "abc", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_ok(copy_to("k", "k2", &(struct sl_put_options){.meta = &other}));
    assert_ok(sl_store_head(suite_store, SUITE_OTHER, "k2", NULL, &got, &err));
    assert_int_equal(got.n, 1);
    assert_string_equal(sl_meta_get(&got, "b"), "2");
}

static void copy_if_match_looks_at_the_source(void **state)
{
    (void)state;
    suite_put("k", "one");
    struct sl_object_info one = head("k");
    assert_ok(copy_to("k", "a", &(struct sl_put_options){.if_match = one.etag}));
    suite_put("k", "two");
    assert_fails(copy_to("k", "b", &(struct sl_put_options){.if_match = one.etag}), SL_E_STORE_PRECONDITION);
    struct sl_object_info info;
    assert_fails(sl_store_head(suite_store, SUITE_OTHER, "b", &info, NULL, &err), SL_E_STORE_NOT_FOUND);
}

static void copy_if_absent_looks_at_the_target(void **state)
{
    (void)state;
    suite_put("k", "one");
    assert_ok(copy_to("k", "a", &(struct sl_put_options){.if_absent = true}));
    suite_put("k", "two");
    assert_fails(copy_to("k", "a", &(struct sl_put_options){.if_absent = true}), SL_E_STORE_PRECONDITION);
    expect_other("a", "one");
}

static void copy_checks_the_hash(void **state)
{
    (void)state;
    suite_put("k", "abd");
    assert_fails(copy_to("k", "a", &(struct sl_put_options){.sha256_hex = ABC_SHA}), SL_E_FILE_CHECKSUM);
    suite_put("k", "abc");
    assert_ok(copy_to("k", "a", &(struct sl_put_options){.sha256_hex = ABC_SHA}));
}

static void copy_onto_itself_changes_metadata_only(void **state)
{
    (void)state;
    struct sl_meta meta = {0}, got;
    suite_put("k", "abc");
    sl_meta_add(&meta, "a", "1");
    assert_ok(sl_store_copy(suite_store, SUITE_BUCKET, "k", SUITE_BUCKET, "k", &(struct sl_put_options){.meta = &meta},
                            NULL, &err));
    suite_expect("k", "abc");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "k", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "a"), "1");
}

static void copy_is_independent_of_its_source(void **state)
{
    (void)state;
    suite_put("k", "one");
    assert_ok(copy_to("k", "a", NULL));
    suite_put("k", "two");
    expect_other("a", "one");
    assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "k", &err));
    expect_other("a", "one");
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
    assert_ok(put_with("d/k", "abc", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_ok(put_with("d/k", "abcd", &(struct sl_put_options){.meta = &meta}, NULL));
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
    assert_ok(put_with("k", "abc", &(struct sl_put_options){.meta = &meta}, NULL));
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
    SUITE_CASE(put_file_takes_a_file);
    SUITE_CASE(put_file_checks_the_hash);
    SUITE_CASE(put_file_of_a_missing_file_says_so);
    SUITE_CASE(put_file_if_absent_keeps_the_first);
    SUITE_CASE(progress_runs_forward_to_the_end);
    SUITE_CASE(download_hashes_on_the_way);
    SUITE_CASE(failed_download_leaves_no_file);
    SUITE_CASE(copy_keeps_bytes_metadata_and_source);
    SUITE_CASE(copy_with_metadata_replaces_them);
    SUITE_CASE(copy_if_match_looks_at_the_source);
    SUITE_CASE(copy_if_absent_looks_at_the_target);
    SUITE_CASE(copy_checks_the_hash);
    SUITE_CASE(copy_onto_itself_changes_metadata_only);
    SUITE_CASE(copy_is_independent_of_its_source);
    SUITE_CASE(local_path_holds_the_bytes);
    SUITE_CASE(sweep_of_a_tidy_store_removes_nothing);
    SUITE_CASE(objects_outlive_their_handle);
    SUITE_CASE(errors_may_go_nowhere);
}
