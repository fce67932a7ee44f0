/* SPDX-License-Identifier: Apache-2.0 */
/* The listening thread against a store that plays a script: what each call of notify tells, and how it ends. */
#include "support/cm.h"

#include <poll.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sensor/notice.h"

enum { WAIT_MS = 20000, STREAMS = 4 };

struct stream {
    bool stands;
    const char *keys[3];
    size_t many; /* so many more of the same kind */
    int ends;    /* 0: only when it is told to stop; else the code */
};

struct fake_store {
    struct sl_store base;
    const struct stream *streams;
    size_t n;
    atomic_int calls;
};

static struct fake_store *store;
static struct sl_notice *notice;
static struct sl_arena *arena;
static struct sl_error err;

static int tell(sl_store_entry entry, void *data, const char *key)
{
    const struct sl_list_entry e = {.key = key, .info = {.etag = "e"}};
    return entry(data, &e, NULL);
}

static int fake_notify(struct sl_store *s, const char *bucket, const char *prefix, void (*ready)(void *data),
                       bool (*stop)(void *data), sl_store_entry entry, void *data, struct sl_error *e)
{
    struct fake_store *f = (struct fake_store *)s;
    size_t i = (size_t)atomic_fetch_add(&f->calls, 1);
    const struct stream *stream = &f->streams[i < f->n ? i : f->n - 1];
    (void)prefix;
    if (stream->stands)
        ready(data);
    for (size_t k = 0; k < 3 && stream->keys[k]; k++)
        tell(entry, data, stream->keys[k]);
    for (size_t k = 0; k < stream->many; k++)
        tell(entry, data, "manifests/many.json");
    while (!stream->ends && !stop(data))
        usleep(1000);
    return stream->ends ? sl_fail(e, (enum sl_code)stream->ends, "the stream of %s has ended", bucket) : 0;
}

static void fake_free(struct sl_store *s)
{
    free(s);
}

static const struct sl_store_ops fake_ops = {
    .name = "fake", .features = SL_STORE_NOTIFY, .notify = fake_notify, .free = fake_free};

static void no_wait(int64_t ns)
{
    (void)ns;
    usleep(1000);
}

static int64_t real_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SL_NS_PER_S + t.tv_nsec;
}

static void zeros(void *out, size_t bytes)
{
    memset(out, 0, bytes);
}

static const struct sl_clock_ops impatient = {real_ns, real_ns, no_wait, zeros};

static void begin(const struct stream *streams, size_t n)
{
    sl_clock_set(&impatient);
    arena = sl_arena_new();
    err = (struct sl_error){0};
    store = calloc(1, sizeof *store);
    assert_non_null(store);
    store->base.ops = &fake_ops;
    store->streams = streams;
    store->n = n;
    assert_ok(sl_notice_start(&store->base, "landing-zone", "manifests/", &notice, &err));
}

static void end(void)
{
    sl_notice_stop(notice);
    sl_arena_free(arena);
    sl_clock_set(NULL);
}

/* Takes until so many keys came, or so many listings were asked for. */
static size_t take(size_t keys_wanted, int lists_wanted, const char *last[3])
{
    size_t n = 0;
    int lists = 0;
    while (n < keys_wanted || lists < lists_wanted) {
        struct pollfd p = {.fd = sl_notice_fd(notice), .events = POLLIN};
        uint64_t count;
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        assert_int_equal(read(p.fd, &count, sizeof count), sizeof count);
        const char **keys;
        bool list = false;
        size_t more = sl_notice_take(notice, arena, &keys, &list);
        for (size_t i = 0; i < more; i++, n++)
            if (last && n < 3)
                last[n] = keys[i];
        lists += list;
    }
    return n;
}

static void test_what_it_hears_wakes_the_descriptor_and_is_taken_in_order(void **state)
{
    (void)state;
    static const struct stream streams[] = {{.stands = true, .keys = {"manifests/a.json", "manifests/b.json"}}};
    const char *keys[3] = {0};
    begin(streams, 1);
    assert_int_equal(take(2, 1, keys), 2);
    assert_string_equal(keys[0], "manifests/a.json");
    assert_string_equal(keys[1], "manifests/b.json");
    assert_true(sl_notice_live(notice));
    end();
}

static void test_keys_of_other_prefixes_are_not_kept(void **state)
{
    (void)state;
    static const struct stream streams[] = {
        {.stands = true, .keys = {"b-1/roads.gpkg", "archive/x.json", "manifests/a.json"}}};
    const char *keys[3] = {0};
    begin(streams, 1);
    assert_int_equal(take(1, 0, keys), 1);
    assert_string_equal(keys[0], "manifests/a.json");
    end();
}

static void test_a_lost_stream_is_opened_again_and_a_listing_is_asked_for(void **state)
{
    (void)state;
    static const struct stream streams[] = {{.stands = true, .ends = SL_E_STORE_UNAVAILABLE},
                                            {.ends = SL_E_STORE_UNAVAILABLE},
                                            {.ends = SL_E_NET},
                                            {.stands = true, .keys = {"manifests/back.json"}}};
    const char *keys[3] = {0};
    begin(streams, STREAMS);
    take(1, 1, keys);
    assert_string_equal(keys[0], "manifests/back.json");
    assert_int_equal(atomic_load(&store->calls), STREAMS);
    assert_true(sl_notice_live(notice));
    end();
}

static void test_a_flood_asks_for_a_listing_instead_of_growing(void **state)
{
    (void)state;
    static const struct stream streams[] = {{.many = 100000, .ends = SL_E_STORE_DENIED}};
    begin(streams, 1);
    take(0, 1, NULL);
    const char **keys;
    bool list;
    assert_true(sl_notice_take(notice, arena, &keys, &list) <= 1024);
    end();
}

static void test_a_store_that_says_that_it_cannot_is_not_asked_again(void **state)
{
    (void)state;
    static const struct stream streams[] = {{.keys = {"manifests/last.json"}, .ends = SL_E_STORE_DENIED}};
    begin(streams, 1);
    take(1, 0, NULL);
    usleep(100000);
    assert_int_equal(atomic_load(&store->calls), 1);
    assert_false(sl_notice_live(notice));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_hears_wakes_the_descriptor_and_is_taken_in_order),
        cmocka_unit_test(test_keys_of_other_prefixes_are_not_kept),
        cmocka_unit_test(test_a_lost_stream_is_opened_again_and_a_listing_is_asked_for),
        cmocka_unit_test(test_a_flood_asks_for_a_listing_instead_of_growing),
        cmocka_unit_test(test_a_store_that_says_that_it_cannot_is_not_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
