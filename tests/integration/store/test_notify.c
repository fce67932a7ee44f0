/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of notifications of a real MinIO. */
#include "support/cm.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "store/store.h"
#include "support/minio.h"

enum { MOST = 64, PATIENCE_MS = 30000 };

static struct test_minio minio;
static struct sl_error err;

/* A listener in a thread of its own, with a store of its own. */
struct listener {
    pthread_t thread;
    struct sl_store *store;
    const char *prefix;
    atomic_int ready, n, over, stop;
    char keys[MOST][SL_KEY_MAX_BYTES + 1], etags[MOST][SL_ETAG_BYTES];
    int64_t sizes[MOST];
    int rc;
    struct sl_error error;
};

static void on_ready(void *data)
{
    atomic_fetch_add(&((struct listener *)data)->ready, 1);
}

static bool on_stop(void *data)
{
    return atomic_load(&((struct listener *)data)->stop) != 0;
}

static int on_entry(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    struct listener *l = data;
    int n = atomic_load(&l->n);
    if (n == MOST)
        return sl_fail(e, SL_E_LIMIT, "more notifications than the test has objects");
    snprintf(l->keys[n], sizeof l->keys[n], "%s", entry->key);
    snprintf(l->etags[n], sizeof l->etags[n], "%s", entry->info.etag);
    l->sizes[n] = entry->info.size_bytes;
    atomic_store(&l->n, n + 1);
    return 0;
}

static void *run(void *data)
{
    struct listener *l = data;
    l->rc = sl_store_notify(l->store, "landing", l->prefix, on_ready, on_stop, on_entry, l, &l->error);
    atomic_store(&l->over, 1);
    return NULL;
}

/* False when it has not become so within the patience. */
static bool becomes(atomic_int *value, int wanted)
{
    for (int i = 0; i < PATIENCE_MS / 5; i++) {
        if (atomic_load(value) >= wanted)
            return true;
        sl_clock_sleep_ns(5 * SL_NS_PER_MS);
    }
    return false;
}

static struct sl_store *open_store(void)
{
    struct sl_store_s3_options options = test_minio_options(&minio);
    struct sl_store *store = NULL;
    assert_ok(sl_store_s3_open(&options, &store, &err));
    return store;
}

static void start(struct listener *l, const char *prefix)
{
    *l = (struct listener){.store = open_store(), .prefix = prefix};
    assert_int_equal(pthread_create(&l->thread, NULL, run, l), 0);
    if (!becomes(&l->ready, 1))
        fail_msg("the stream does not stand: %s", l->error.message);
}

static void end(struct listener *l)
{
    atomic_store(&l->stop, 1);
    pthread_join(l->thread, NULL);
    sl_store_free(l->store);
}

static void put(struct sl_store *store, const char *key, const char *bytes, struct sl_object_info *info)
{
    const struct sl_put_options options = {0};
    assert_ok(sl_store_put(store, "landing", key, bytes, strlen(bytes), &options, info, &err));
}

static void test_each_new_object_under_the_prefix_is_told_once(void **state)
{
    (void)state;
    static const char *const keys[] = {"manifests/a.json", "manifests/a b+c%20d&e=f;g#h?.json", "manifests/\xC3\xBC\xE2\x82\xAC \"q\" <x>.json",
                                       "manifests/deep/er/b.json", "manifests/a.json"};
    struct sl_store *store = open_store();
    static struct listener l;
    assert_ok(sl_store_bucket_make(store, "landing", &err));
    assert_ok(sl_store_bucket_make(store, "other", &err));
    start(&l, "manifests/");
    const struct sl_put_options options = {0};
    assert_ok(sl_store_put(store, "other", "manifests/x.json", "1", 1, &options, NULL, &err));
    put(store, "assets/x.json", "1", NULL);
    for (int i = 0; i < 5; i++) {
        struct sl_object_info info;
        put(store, keys[i], &"12345"[i], &info);
        assert_true(becomes(&l.n, i + 1));
        assert_string_equal(l.keys[i], keys[i]);
        assert_string_equal(l.etags[i], info.etag);
        assert_int_equal(l.sizes[i], 5 - i);
    }
    assert_ok(sl_store_remove(store, "landing", keys[0], &err));
    put(store, "manifests/last.json", "1", NULL);
    assert_true(becomes(&l.n, 6));
    assert_string_equal(l.keys[5], "manifests/last.json");
    end(&l);
    assert_int_equal(l.rc, 0);
    assert_int_equal(l.ready, 1);
    sl_store_free(store);
}

static void test_copies_and_objects_in_parts_are_told(void **state)
{
    (void)state;
    struct sl_store *store = open_store();
    static struct listener l;
    start(&l, "");
    char *bytes = calloc(1, 11 << 20);
    const struct sl_put_options options = {0};
    assert_ok(sl_store_put(store, "landing", "large", bytes, 11 << 20, &options, NULL, &err));
    assert_true(becomes(&l.n, 1));
    assert_int_equal(l.sizes[0], 11 << 20);
    assert_ok(sl_store_copy(store, "landing", "large", "landing", "copy", &options, NULL, &err));
    assert_true(becomes(&l.n, 2));
    assert_string_equal(l.keys[1], "copy");
    end(&l);
    assert_int_equal(l.rc, 0);
    free(bytes);
    sl_store_free(store);
}

static void test_a_server_that_dies_ends_the_stream_and_a_new_one_stands_again(void **state)
{
    (void)state;
    static struct listener l;
    start(&l, "manifests/");
    test_minio_kill(&minio);
    assert_true(becomes(&l.over, 1));
    assert_int_equal(l.rc, -SL_E_STORE_UNAVAILABLE);
    end(&l);
    static struct listener none = {.prefix = "manifests/"};
    none.store = open_store();
    run(&none);
    assert_int_equal(none.rc, -SL_E_STORE_UNAVAILABLE);
    assert_contains(none.error.message, "connection refused");
    sl_store_free(none.store);
    assert_ok(test_minio_revive(&minio, &err));
    struct sl_store *store = open_store();
    start(&l, "manifests/");
    put(store, "manifests/after.json", "1", NULL);
    assert_true(becomes(&l.n, 1));
    assert_string_equal(l.keys[0], "manifests/after.json");
    end(&l);
    sl_store_free(store);
}

static void test_a_bucket_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct sl_store *store = open_store();
    struct listener l = {.prefix = ""};
    assert_fails(sl_store_notify(store, "nowhere", "", on_ready, on_stop, on_entry, &l, &err), SL_E_STORE_NOT_FOUND);
    assert_contains(err.message, "nowhere");
    sl_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_new_object_under_the_prefix_is_told_once),
        cmocka_unit_test(test_copies_and_objects_in_parts_are_told),
        cmocka_unit_test(test_a_server_that_dies_ends_the_stream_and_a_new_one_stands_again),
        cmocka_unit_test(test_a_bucket_that_is_not_there_is_named),
    };
    if (test_minio_start(&minio, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    test_minio_stop(&minio);
    return failures;
}
