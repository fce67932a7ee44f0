/* SPDX-License-Identifier: Apache-2.0 */
/* From a file, to a file, from one key to another. */
#include "conformance/store_suite.h"

#include "base/file.h"
#include "base/sha256.h"
#include "store/store.h"

#define ABC_SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

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
    assert_ok(sl_store_download(suite_store, SUITE_BUCKET, "k", suite_head("k").etag, path, hex, &info, &err));
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
    assert_ok(suite_put_with("k", "abc", &(struct sl_put_options){.meta = &meta, .content_type = "text/plain"}, NULL));
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
    assert_ok(suite_put_with("k", "abc", &(struct sl_put_options){.meta = &meta}, NULL));
    assert_ok(copy_to("k", "k2", &(struct sl_put_options){.meta = &other}));
    assert_ok(sl_store_head(suite_store, SUITE_OTHER, "k2", NULL, &got, &err));
    assert_int_equal(got.n, 1);
    assert_string_equal(sl_meta_get(&got, "b"), "2");
}

static void copy_if_match_looks_at_the_source(void **state)
{
    (void)state;
    suite_put("k", "one");
    struct sl_object_info one = suite_head("k");
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

void suite_add_copies(struct CMUnitTest *tests, size_t *n)
{
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
}
