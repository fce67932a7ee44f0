/* SPDX-License-Identifier: Apache-2.0 */
/* Many objects at a time, large ones in parts, and what a store says of itself. */
#include "conformance/store_suite.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "store/store.h"

enum { MANY = 75, LARGE = 37 * 1024 * 1024 + 11 };

static void name_of(char *out, size_t bytes, int i)
{
    snprintf(out, bytes, "many/%d/k %d+%%é", i % 4, i);
}

struct many {
    char keys[MANY][64], texts[MANY][32], etags[MANY][SL_ETAG_BYTES];
    struct sl_object_info infos[MANY];
    struct sl_put_item items[MANY];
};

static struct many *make_many(void)
{
    struct many *m = calloc(1, sizeof *m);
    assert_non_null(m);
    for (int i = 0; i < MANY; i++) {
        name_of(m->keys[i], sizeof m->keys[i], i);
        snprintf(m->texts[i], sizeof m->texts[i], "text of %d", i);
        m->items[i] = (struct sl_put_item){.bucket = i % 2 ? SUITE_OTHER : SUITE_BUCKET,
                                           .key = m->keys[i],
                                           .bytes = m->texts[i],
                                           .n = strlen(m->texts[i]),
                                           .info_out = &m->infos[i]};
    }
    return m;
}

static void objects_put_together_are_all_there(void **state)
{
    (void)state;
    struct many *m = make_many();
    assert_ok(sl_store_put_many(suite_store, m->items, MANY, &err));
    for (int i = 0; i < MANY; i++) {
        struct sl_object_info info;
        assert_int_equal(m->items[i].rc, 0);
        assert_ok(sl_store_head(suite_store, m->items[i].bucket, m->keys[i], &info, NULL, &err));
        assert_string_equal(info.etag, m->infos[i].etag);
        assert_int_equal(info.size_bytes, m->items[i].n);
    }
    free(m);
}

static void objects_put_together_keep_their_options(void **state)
{
    (void)state;
    char folder[200], path[300];
    struct sl_meta meta = {0}, got;
    cm_temp_dir(folder, sizeof folder, "many");
    snprintf(path, sizeof path, "%s/in", folder);
    assert_ok(sl_file_write_durable(path, "from a file", 11, 0600, &err));
    sl_meta_add(&meta, "name", "Zürich");
    suite_put("there", "already");
    const struct sl_put_options with = {.meta = &meta}, absent = {.if_absent = true};
    struct sl_put_item items[] = {
        {.bucket = SUITE_BUCKET, .key = "a", .bytes = "A", .n = 1, .options = &with},
        {.bucket = SUITE_BUCKET, .key = "there", .bytes = "B", .n = 1, .options = &absent},
        {.bucket = SUITE_BUCKET, .key = "c", .path = path, .options = &with},
        {.bucket = SUITE_BUCKET, .key = "empty", .bytes = "", .n = 0},
    };
    assert_fails(sl_store_put_many(suite_store, items, 4, &err), SL_E_STORE_PRECONDITION);
    assert_int_equal(items[0].rc, 0);
    assert_int_equal(items[1].rc, -SL_E_STORE_PRECONDITION);
    assert_int_equal(items[1].error.code, SL_E_STORE_PRECONDITION);
    assert_int_equal(items[2].rc, 0);
    assert_int_equal(items[3].rc, 0);
    suite_expect("a", "A");
    suite_expect("there", "already");
    suite_expect("c", "from a file");
    suite_expect("empty", "");
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "c", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "name"), "Zürich");
    sl_dir_remove(folder, NULL);
}

static void one_bad_name_among_many_puts_nothing(void **state)
{
    (void)state;
    struct sl_put_item items[] = {{.bucket = SUITE_BUCKET, .key = "good", .bytes = "A", .n = 1},
                                  {.bucket = SUITE_BUCKET, .key = "", .bytes = "B", .n = 1}};
    assert_fails(sl_store_put_many(suite_store, items, 2, &err), SL_E_STORE_KEY);
    assert_int_equal(items[0].rc, -SL_E_STORE_KEY);
    assert_string_equal(suite_keys("", NULL, 0), "");
    assert_ok(sl_store_put_many(suite_store, items, 0, &err));
}

static void objects_read_together_come_whole(void **state)
{
    (void)state;
    struct many *m = make_many();
    struct sl_get_item *items = calloc(MANY + 2, sizeof *items);
    struct sl_buf *bufs = calloc(MANY + 2, sizeof *bufs);
    assert_true(items && bufs);
    assert_ok(sl_store_put_many(suite_store, m->items, MANY, &err));
    for (int i = 0; i < MANY + 2; i++) {
        sl_buf_init(&bufs[i], 100);
        items[i] = (struct sl_get_item){.bucket = i < MANY ? m->items[i].bucket : SUITE_BUCKET,
                                        .key = i < MANY    ? m->keys[i]
                                               : i == MANY ? "none"
                                                           : m->keys[0],
                                        .if_match = i <= MANY ? NULL : "another",
                                        .buf = &bufs[i]};
    }
    assert_ok(sl_store_get_many(suite_store, items, MANY, &err));
    for (int i = 0; i < MANY; i++) {
        assert_string_equal(bufs[i].data, m->texts[i]);
        sl_buf_clear(&bufs[i]);
    }
    bufs[3].max_bytes = 4;
    assert_true(sl_store_get_many(suite_store, items, MANY + 2, &err) != 0);
    assert_int_equal(items[MANY].rc, -SL_E_STORE_NOT_FOUND);
    assert_int_equal(items[MANY + 1].rc, -SL_E_STORE_CHANGED);
    assert_int_equal(items[3].rc, -SL_E_LIMIT);
    assert_contains(items[3].error.message, m->keys[3]);
    assert_int_equal(items[4].rc, 0);
    assert_string_equal(bufs[4].data, m->texts[4]);
    for (int i = 0; i < MANY + 2; i++)
        sl_buf_free(&bufs[i]);
    free(bufs);
    free(items);
    free(m);
}

/* --- objects of several parts --- */
static unsigned char *large_bytes(char hex[SL_SHA256_HEX_BYTES])
{
    unsigned char *data = malloc(LARGE);
    uint32_t x = 12345;
    assert_non_null(data);
    for (int i = 0; i < LARGE; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (unsigned char)(x >> 24);
    }
    sl_sha256_of(data, LARGE, hex);
    return data;
}

struct check {
    const unsigned char *expected;
    size_t at;
    bool good;
};

static int compare(void *data, const void *bytes, size_t n, struct sl_error *e)
{
    struct check *c = data;
    (void)e;
    c->good = c->good && memcmp(c->expected + c->at, bytes, n) == 0;
    c->at += n;
    return 0;
}

static void large_object_comes_in_order_from_any_offset(void **state)
{
    (void)state;
    char hex[SL_SHA256_HEX_BYTES];
    unsigned char *data = large_bytes(hex);
    struct sl_object_info put, got;
    struct sl_meta meta = {0}, back;
    sl_meta_add(&meta, "content_hash", hex);
    const struct sl_put_options o = {.meta = &meta, .sha256_hex = hex, .content_type = "application/octet-stream"};
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "large", data, LARGE, &o, &put, &err));
    static const int64_t ranges[][2] = {{0, -1}, {0, LARGE}, {1, -1}, {5 << 20, 20 << 20}, {LARGE - 3, 100}, {17, 1}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct check c = {data + ranges[i][0], 0, true};
        assert_ok(sl_store_get(suite_store, SUITE_BUCKET, "large", ranges[i][0], ranges[i][1], put.etag, compare, &c,
                               &got, &err));
        int64_t left = LARGE - ranges[i][0];
        assert_int_equal(c.at, ranges[i][1] < 0 || ranges[i][1] > left ? left : ranges[i][1]);
        assert_true(c.good);
        assert_int_equal(got.size_bytes, LARGE);
        assert_string_equal(got.etag, put.etag);
    }
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "large", &got, &back, &err));
    assert_string_equal(got.etag, put.etag);
    assert_string_equal(sl_meta_get(&back, "content_hash"), hex);
    free(data);
}

static void large_file_with_another_hash_leaves_nothing(void **state)
{
    (void)state;
    char hex[SL_SHA256_HEX_BYTES], folder[200], path[300];
    unsigned char *data = large_bytes(hex);
    cm_temp_dir(folder, sizeof folder, "large");
    snprintf(path, sizeof path, "%s/in", folder);
    assert_ok(sl_file_write_durable(path, data, LARGE, 0600, &err));
    free(data);
    hex[0] = hex[0] == '0' ? '1' : '0';
    const struct sl_put_options o = {.sha256_hex = hex};
    int64_t left = -1;
    assert_fails(sl_store_put_file(suite_store, SUITE_BUCKET, "large", path, &o, NULL, &err), SL_E_FILE_CHECKSUM);
    assert_string_equal(suite_keys("", NULL, 0), "");
    assert_ok(sl_store_sweep(suite_store, 0, true, &left, &err));
    assert_int_equal(left, 0);
    sl_dir_remove(folder, NULL);
}

static void large_object_obeys_its_conditions(void **state)
{
    (void)state;
    char hex[SL_SHA256_HEX_BYTES];
    unsigned char *data = large_bytes(hex);
    struct sl_object_info first;
    int64_t left = -1;
    struct sl_put_options o = {.if_absent = true};
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "large", data, LARGE, &o, &first, &err));
    assert_fails(sl_store_put(suite_store, SUITE_BUCKET, "large", data, LARGE, &o, NULL, &err),
                 SL_E_STORE_PRECONDITION);
    o = (struct sl_put_options){.if_match = first.etag};
    data[LARGE - 1] ^= 1;
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "large", data, LARGE, &o, NULL, &err));
    data[0] ^= 1;
    assert_fails(sl_store_put(suite_store, SUITE_BUCKET, "large", data, LARGE, &o, NULL, &err),
                 SL_E_STORE_PRECONDITION);
    assert_ok(sl_store_sweep(suite_store, 0, true, &left, &err));
    assert_int_equal(left, 0);
    free(data);
}

static void large_object_is_copied_whole(void **state)
{
    (void)state;
    char hex[SL_SHA256_HEX_BYTES], got[SL_SHA256_HEX_BYTES];
    unsigned char *data = large_bytes(hex);
    struct sl_meta meta = {0}, back;
    sl_meta_add(&meta, "a", "1");
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "large", data, LARGE, &(struct sl_put_options){.meta = &meta},
                           NULL, &err));
    free(data);
    const struct sl_put_options o = {.if_absent = true, .sha256_hex = hex};
    assert_ok(sl_store_copy(suite_store, SUITE_BUCKET, "large", SUITE_OTHER, "copy", &o, NULL, &err));
    assert_fails(sl_store_copy(suite_store, SUITE_BUCKET, "large", SUITE_OTHER, "copy", &o, NULL, &err),
                 SL_E_STORE_PRECONDITION);
    assert_ok(sl_store_hash(suite_store, SUITE_OTHER, "copy", NULL, got, NULL, &err));
    assert_string_equal(got, hex);
    assert_ok(sl_store_head(suite_store, SUITE_OTHER, "copy", NULL, &back, &err));
    assert_string_equal(sl_meta_get(&back, "a"), "1");
}

struct overwriting {
    size_t seen;
    bool done, mixed;
};

static int overwrite_under_way(void *data, const void *bytes, size_t n, struct sl_error *e)
{
    struct overwriting *o = data;
    const char *p = bytes;
    for (size_t i = 0; i < n; i += 4096)
        o->mixed = o->mixed || p[i] != 'A';
    o->seen += n;
    if (o->done)
        return 0;
    o->done = true;
    char *other = malloc(LARGE);
    memset(other, 'B', LARGE);
    int rc = sl_store_put(suite_store, SUITE_BUCKET, "large", other, LARGE, NULL, NULL, e);
    free(other);
    return rc;
}

static void overwriting_a_large_object_in_mid_read_is_noticed(void **state)
{
    (void)state;
    char *data = malloc(LARGE);
    struct overwriting o = {0};
    memset(data, 'A', LARGE);
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "large", data, LARGE, NULL, NULL, &err));
    free(data);
    int rc = sl_store_get(suite_store, SUITE_BUCKET, "large", 0, -1, NULL, overwrite_under_way, &o, NULL, &err);
    assert_false(o.mixed);
    /* A store that had all of the old object in its hands may finish; the bytes are the old ones' then. */
    if (rc == 0)
        assert_int_equal(o.seen, LARGE);
    else
        assert_int_equal(rc, -SL_E_STORE_CHANGED);
}

/* --- what a store says of itself --- */
static void buckets_are_there_or_not(void **state)
{
    (void)state;
    bool exists = false;
    assert_ok(sl_store_bucket_exists(suite_store, SUITE_BUCKET, &exists, &err));
    assert_true(exists);
    assert_ok(sl_store_bucket_exists(suite_store, "no-bucket", &exists, &err));
    assert_false(exists);
    assert_fails(sl_store_bucket_exists(suite_store, "../etc", &exists, &err), SL_E_STORE_KEY);
}

static void probe_tells_a_clock_that_is_right_or_none(void **state)
{
    (void)state;
    struct sl_store_probe probe;
    assert_ok(sl_store_probe(suite_store, &probe, &err));
    assert_true(probe.server[0]);
    int64_t off = probe.clock_ns ? probe.clock_ns - sl_clock_wall_ns() : 0;
    assert_true(off > -60 * SL_NS_PER_S && off < 60 * SL_NS_PER_S);
    assert_true(probe.free_bytes == -1 || probe.free_bytes > 0);
}

static void presigned_url_names_the_object_or_is_refused(void **state)
{
    (void)state;
    char url[8192];
    int rc = sl_store_presign(suite_store, "GET", SUITE_BUCKET, "a b/ü", 60, url, sizeof url, &err);
    if (!sl_store_has(suite_store, SL_STORE_PRESIGN)) {
        assert_fails(rc, SL_E_USAGE);
        return;
    }
    assert_ok(rc);
    assert_contains(url, "a%20b/%C3%BC?X-Amz-Algorithm=");
    assert_contains(url, "&X-Amz-Expires=60&");
    assert_ok(sl_store_presign(suite_store, "PUT", SUITE_BUCKET, "k", 604800, url, sizeof url, &err));
    assert_fails(sl_store_presign(suite_store, "DELETE", SUITE_BUCKET, "k", 60, url, sizeof url, &err), SL_E_INTERNAL);
    assert_fails(sl_store_presign(suite_store, "GET", SUITE_BUCKET, "k", 604801, url, sizeof url, &err),
                 SL_E_STORE_RANGE);
    assert_fails(sl_store_presign(suite_store, "GET", SUITE_BUCKET, "k", 60, url, 20, &err), SL_E_LIMIT);
    assert_fails(sl_store_presign(suite_store, "GET", SUITE_BUCKET, "", 60, url, sizeof url, &err), SL_E_STORE_KEY);
}

void suite_add_many(struct CMUnitTest *tests, size_t *n)
{
    SUITE_CASE(objects_put_together_are_all_there);
    SUITE_CASE(objects_put_together_keep_their_options);
    SUITE_CASE(one_bad_name_among_many_puts_nothing);
    SUITE_CASE(objects_read_together_come_whole);
    SUITE_CASE(large_object_comes_in_order_from_any_offset);
    SUITE_CASE(large_file_with_another_hash_leaves_nothing);
    SUITE_CASE(large_object_obeys_its_conditions);
    SUITE_CASE(large_object_is_copied_whole);
    SUITE_CASE(overwriting_a_large_object_in_mid_read_is_noticed);
    SUITE_CASE(buckets_are_there_or_not);
    SUITE_CASE(probe_tells_a_clock_that_is_right_or_none);
    SUITE_CASE(presigned_url_names_the_object_or_is_refused);
}
