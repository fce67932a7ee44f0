/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "json/json.h"
#include "run/spool.h"

static char folder[] = "/tmp/spool-test-XXXXXX";

static void add(struct sl_spool *spool, const char *key, int64_t n, const char *filler)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = json_object_new_object();
    sl_json_put_int(doc, "n", n);
    sl_json_put_str(doc, "filler", filler);
    assert_int_equal(sl_spool_add(spool, key, doc, NULL), 0);
}

/* The next record's key and number; false at the end. */
static bool next(struct sl_spool *spool, char key_out[64], int64_t *n)
{
    const char *key;
    struct json_object *doc;
    assert_int_equal(sl_spool_peek(spool, &key, &doc, NULL), 0);
    if (!key)
        return false;
    snprintf(key_out, 64, "%s", key);
    *n = sl_json_int(doc, "n", -1);
    assert_int_equal(sl_spool_skip(spool, NULL), 0);
    return true;
}

static void records_come_in_the_order_of_their_keys_bytes_and_equal_ones_as_they_were_entered(void **state)
{
    (void)state;
    SL_CLEANUP(sl_spool_freep) struct sl_spool *spool = sl_spool_new(folder);
    static const char *const keys[] = {"b", "a/b", "a", "\xc3\xa4", "a b", "a", "B"};
    static const char *const want[] = {"B", "a", "a", "a b", "a/b", "b", "\xc3\xa4"};
    static const int64_t numbers[] = {6, 2, 5, 4, 1, 0, 3};
    char key[64];
    int64_t n;
    for (int i = 0; i < 7; i++)
        add(spool, keys[i], i, NULL);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(sl_spool_begin(spool, NULL), 0);
        for (int i = 0; i < 7; i++) {
            assert_true(next(spool, key, &n));
            assert_string_equal(key, want[i]);
            assert_int_equal(n, numbers[i]);
        }
        assert_false(next(spool, key, &n));
    }
}

static void more_than_memory_holds_comes_back_whole_and_in_order(void **state)
{
    (void)state;
    enum { N = 40000 };
    SL_CLEANUP(sl_spool_freep) struct sl_spool *spool = sl_spool_new(folder);
    char filler[1024], key[64], before[64] = "";
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    int64_t n, sum = 0, count = 0;
    for (int64_t i = 0; i < N; i++) {
        snprintf(key, sizeof key, "%08lld", (long long)(i * 7919 % N));
        add(spool, key, i, filler);
    }
    assert_int_equal(sl_spool_begin(spool, NULL), 0);
    while (next(spool, key, &n)) {
        assert_true(strcmp(before, key) < 0);
        snprintf(before, sizeof before, "%s", key);
        sum += n;
        count++;
    }
    assert_int_equal(count, N);
    assert_int_equal(sum, (int64_t)N * (N - 1) / 2);
}

static void nothing_is_left_in_the_folder(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_spool *spool = sl_spool_new(folder);
    char **names;
    size_t n = 99;
    add(spool, "a", 1, NULL);
    assert_int_equal(sl_spool_begin(spool, NULL), 0);
    assert_int_equal(sl_dir_list(folder, arena, &names, &n, NULL), 0);
    assert_int_equal(n, 0);
    sl_spool_free(spool);
}

static void an_empty_one_is_at_its_end(void **state)
{
    (void)state;
    SL_CLEANUP(sl_spool_freep) struct sl_spool *spool = sl_spool_new(folder);
    char key[64];
    int64_t n;
    assert_int_equal(sl_spool_begin(spool, NULL), 0);
    assert_false(next(spool, key, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_in_the_order_of_their_keys_bytes_and_equal_ones_as_they_were_entered),
        cmocka_unit_test(more_than_memory_holds_comes_back_whole_and_in_order),
        cmocka_unit_test(nothing_is_left_in_the_folder),
        cmocka_unit_test(an_empty_one_is_at_its_end),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
