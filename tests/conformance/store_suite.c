/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/store_suite.h"

#include "base/arena.h"
#include "store/store.h"

static const struct store_backend *backend;
struct sl_store *suite_store;
struct sl_error err;
static struct sl_buf listed;

struct sl_store *suite_open(void)
{
    struct sl_store *s = NULL;
    assert_ok(backend->open(&s, &err));
    return s;
}

static int begin_case(void **state)
{
    (void)state;
    err = (struct sl_error){0};
    sl_buf_init(&listed, 1 << 20);
    if (backend->begin() != 0 || backend->open(&suite_store, &err) != 0) {
        print_error("the store of this case does not open: %s\n", err.message);
        return -1;
    }
    return sl_store_bucket_make(suite_store, SUITE_BUCKET, &err) || sl_store_bucket_make(suite_store, SUITE_OTHER, &err);
}

static int end_case(void **state)
{
    (void)state;
    sl_store_free(suite_store);
    suite_store = NULL;
    sl_buf_free(&listed);
    backend->end();
    return 0;
}

void suite_put(const char *key, const char *text)
{
    assert_ok(sl_store_put(suite_store, SUITE_BUCKET, key, text, strlen(text), NULL, NULL, &err));
}

int suite_put_with(const char *key, const char *text, const struct sl_put_options *options, struct sl_object_info *info)
{
    return sl_store_put(suite_store, SUITE_BUCKET, key, text, strlen(text), options, info, &err);
}

struct sl_object_info suite_head(const char *key)
{
    struct sl_object_info info = {0};
    assert_ok(sl_store_head(suite_store, SUITE_BUCKET, key, &info, NULL, &err));
    return info;
}

bool suite_try_put(const char *key, const char *text)
{
    int rc = sl_store_put(suite_store, SUITE_BUCKET, key, text, strlen(text), NULL, NULL, &err);
    if (rc == -SL_E_STORE_KEY && !sl_store_has(suite_store, SL_STORE_ANY_KEY)) {
        assert_true(err.hint[0]);
        return false;
    }
    assert_ok(rc);
    return true;
}

void suite_expect(const char *key, const char *text)
{
    struct sl_buf buf;
    sl_buf_init(&buf, 1 << 20);
    assert_ok(sl_store_read(suite_store, SUITE_BUCKET, key, &buf, NULL, &err));
    assert_int_equal(buf.len, strlen(text));
    assert_memory_equal(buf.data, text, buf.len);
    sl_buf_free(&buf);
}

static int add_key(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)data;
    (void)e;
    sl_buf_printf(&listed, "%s\n", entry->key);
    return 0;
}

const char *suite_keys(const char *prefix, const char *start_after, int64_t max_keys)
{
    sl_buf_clear(&listed);
    assert_ok(sl_store_list(suite_store, SUITE_BUCKET, prefix, start_after, max_keys, add_key, NULL, &err));
    return listed.data;
}

void suite_add(struct CMUnitTest *tests, size_t *n, const char *name, CMUnitTestFunction fn, const void *data)
{
    if (*n >= SUITE_MAX_CASES)
        abort();
    /* cmocka hands initial_state to the test as *state; nothing writes to it. */
    tests[(*n)++] = (struct CMUnitTest){name, fn, begin_case, end_case, (void *)(uintptr_t)data};
}

int store_suite_run(const struct store_backend *b)
{
    static struct CMUnitTest tests[SUITE_MAX_CASES];
    size_t n = 0;
    backend = b;
    suite_add_objects(tests, &n);
    suite_add_conditions(tests, &n);
    suite_add_copies(tests, &n);
    suite_add_keys(tests, &n);
    suite_add_lists(tests, &n);
    suite_add_many(tests, &n);
    suite_add_races(tests, &n);
    print_message("store suite on %s: %zu cases\n", b->name, n);
    return _cmocka_run_group_tests(b->name, tests, n, NULL, NULL);
}
