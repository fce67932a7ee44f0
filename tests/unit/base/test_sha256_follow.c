/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/sha256_follow.h"

enum { PIECES = 40, PIECE = 64 * 1024 };

static char folder[256], path[300], other[300];

static int make_folder(void **state)
{
    (void)state;
    cm_temp_dir(folder, sizeof folder, "follow");
    snprintf(path, sizeof path, "%s/out", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return sl_dir_remove(folder, NULL);
}

static void append(const char *to, int from, int pieces, unsigned pause_us)
{
    static char piece[PIECE];
    FILE *f = fopen(to, "ab");
    assert_non_null(f);
    for (int i = from; i < from + pieces; i++) {
        for (size_t k = 0; k < sizeof piece; k++)
            piece[k] = (char)((size_t)i * 31 + k);
        assert_int_equal(fwrite(piece, 1, sizeof piece, f), sizeof piece);
        fflush(f);
        if (pause_us)
            usleep(pause_us);
    }
    assert_int_equal(fclose(f), 0);
}

static void assert_hash_of_path(struct sl_sha256_follow *follow)
{
    struct sl_error err = {0};
    char hex[SL_SHA256_HEX_BYTES], want[SL_SHA256_HEX_BYTES];
    int64_t bytes = -1, size = -1;
    assert_ok(sl_sha256_follow_end(follow, hex, &bytes, &err));
    assert_ok(sl_sha256_file(path, want, &size, &err));
    assert_string_equal(hex, want);
    assert_int_equal(bytes, size);
}

static void test_file_that_grows_has_the_hash_of_the_whole(void **state)
{
    (void)state;
    unlink(path);
    struct sl_sha256_follow *follow = sl_sha256_follow_begin(path);
    append(path, 0, PIECES, 1000);
    assert_hash_of_path(follow);
}

static void test_file_written_before_it_is_followed_has_its_hash(void **state)
{
    (void)state;
    unlink(path);
    append(path, 3, 2, 0);
    assert_hash_of_path(sl_sha256_follow_begin(path));
}

static void test_file_that_is_replaced_has_the_hash_of_the_new_one(void **state)
{
    (void)state;
    unlink(path);
    append(path, 0, 4, 0);
    struct sl_sha256_follow *follow = sl_sha256_follow_begin(path);
    usleep(20000);
    append(other, 7, 4, 0);
    assert_int_equal(rename(other, path), 0);
    assert_hash_of_path(follow);
}

static void test_empty_file_has_the_hash_of_nothing(void **state)
{
    (void)state;
    unlink(path);
    append(path, 0, 0, 0);
    assert_hash_of_path(sl_sha256_follow_begin(path));
}

static void test_file_that_never_came_is_an_error(void **state)
{
    (void)state;
    struct sl_error err = {0};
    char hex[SL_SHA256_HEX_BYTES];
    unlink(path);
    assert_true(sl_sha256_follow_end(sl_sha256_follow_begin(path), hex, NULL, &err) < 0);
    assert_true(err.code != 0);
}

static void test_follower_can_be_given_up(void **state)
{
    (void)state;
    unlink(path);
    struct sl_sha256_follow *follow = sl_sha256_follow_begin(path);
    append(path, 0, 4, 0);
    sl_sha256_follow_free(follow);
    sl_sha256_follow_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_that_grows_has_the_hash_of_the_whole),
        cmocka_unit_test(test_file_written_before_it_is_followed_has_its_hash),
        cmocka_unit_test(test_file_that_is_replaced_has_the_hash_of_the_new_one),
        cmocka_unit_test(test_empty_file_has_the_hash_of_nothing),
        cmocka_unit_test(test_file_that_never_came_is_an_error),
        cmocka_unit_test(test_follower_can_be_given_up),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
