/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes on one store, and processes that die in the middle. */
#include "conformance/store_suite.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/store.h"

enum { PROCESSES = 6 };

typedef int (*child_fn)(struct sl_store *s, int number);

/* Children start together when the pipe is closed; the sum of their exit codes. */
static int run_children(int n, child_fn fn)
{
    int start[2], sum = 0;
    pid_t pids[PROCESSES];
    assert_true(n <= PROCESSES);
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < n; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char c;
            close(start[1]);
            (void)!read(start[0], &c, 1);
            struct sl_store *s = suite_open();
            int rc = fn(s, i);
            sl_store_free(s);
            _exit(rc);
        }
        assert_true(pids[i] > 0);
    }
    close(start[0]);
    close(start[1]);
    for (int i = 0; i < n; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) < 100);
        sum += WEXITSTATUS(status);
    }
    return sum;
}

/* 0: lost, 1: won, 100: something else went wrong */
static int put_if_absent(struct sl_store *s, int number)
{
    int won = 0;
    for (int i = 0; i < 20; i++) {
        char key[32], text[16];
        snprintf(key, sizeof key, "race/%d/k", i);
        snprintf(text, sizeof text, "%d", number);
        struct sl_put_options o = {.if_absent = true};
        int rc = sl_store_put(s, SUITE_BUCKET, key, text, strlen(text), &o, NULL, NULL);
        if (rc != 0 && rc != -SL_E_STORE_PRECONDITION)
            return 100;
        won += rc == 0;
    }
    return won;
}

static void exactly_one_of_many_wins_if_absent(void **state)
{
    (void)state;
    assert_int_equal(run_children(PROCESSES, put_if_absent), 20);
}

static int copy_if_absent(struct sl_store *s, int number)
{
    int won = 0;
    (void)number;
    for (int i = 0; i < 10; i++) {
        char key[32];
        snprintf(key, sizeof key, "copied/%d", i);
        struct sl_put_options o = {.if_absent = true};
        int rc = sl_store_copy(s, SUITE_BUCKET, "source", SUITE_OTHER, key, &o, NULL, NULL);
        if (rc != 0 && rc != -SL_E_STORE_PRECONDITION)
            return 100;
        won += rc == 0;
    }
    return won;
}

static void exactly_one_of_many_wins_a_copy(void **state)
{
    (void)state;
    suite_put("source", "x");
    assert_int_equal(run_children(PROCESSES, copy_if_absent), 10);
}

static int read_number(struct sl_store *s, struct sl_object_info *info, int *number)
{
    struct sl_buf buf;
    sl_buf_init(&buf, 32);
    int rc = sl_store_read(s, SUITE_BUCKET, "counter", &buf, info, NULL);
    *number = atoi(buf.data);
    sl_buf_free(&buf);
    return rc;
}

static int increment(struct sl_store *s, int number)
{
    (void)number;
    for (int done = 0; done < 10;) {
        struct sl_object_info info;
        int value;
        char text[16];
        if (read_number(s, &info, &value) != 0)
            return 100;
        snprintf(text, sizeof text, "%d", value + 1);
        struct sl_put_options o = {.if_match = info.etag};
        int rc = sl_store_put(s, SUITE_BUCKET, "counter", text, strlen(text), &o, NULL, NULL);
        if (rc != 0 && rc != -SL_E_STORE_PRECONDITION)
            return 100;
        done += rc == 0;
    }
    return 0;
}

static void if_match_loses_no_increment(void **state)
{
    (void)state;
    suite_put("counter", "0");
    assert_int_equal(run_children(PROCESSES, increment), 0);
    suite_expect("counter", "60");
}

/* Writers put a body of one letter with that letter as metadata; readers see only whole ones that belong together. */
enum { BODY = 300000 };

static int write_letters(struct sl_store *s, int number)
{
    char *body = malloc(BODY);
    char letter[2] = {(char)('a' + number), '\0'};
    int rc = 0;
    memset(body, letter[0], BODY);
    for (int i = 0; rc == 0 && i < 15; i++) {
        struct sl_meta meta = {0};
        sl_meta_add(&meta, "letter", letter);
        struct sl_put_options o = {.meta = &meta};
        rc = sl_store_put(s, SUITE_BUCKET, "letters", body, (size_t)(BODY - number), &o, NULL, NULL) ? 100 : 0;
    }
    free(body);
    return rc;
}

static int read_letters(struct sl_store *s)
{
    struct sl_buf buf;
    int rc = 0;
    sl_buf_init(&buf, BODY);
    for (int i = 0; rc == 0 && i < 40; i++) {
        struct sl_object_info info;
        struct sl_meta meta;
        sl_buf_clear(&buf);
        int got = sl_store_read(s, SUITE_BUCKET, "letters", &buf, NULL, NULL);
        char letter[2] = {buf.data[0], '\0'};
        if (got != 0 || buf.len != (size_t)(BODY - (letter[0] - 'a')) || strspn(buf.data, letter) != buf.len)
            rc = 101;
        got = sl_store_head(s, SUITE_BUCKET, "letters", &info, &meta, NULL);
        const char *said = got ? NULL : sl_meta_get(&meta, "letter");
        if (!said || info.size_bytes != BODY - (said[0] - 'a'))
            rc = 102;
    }
    sl_buf_free(&buf);
    return rc;
}

static int read_or_write(struct sl_store *s, int number)
{
    return number % 2 ? write_letters(s, number) : read_letters(s);
}

static void readers_see_whole_objects_with_their_own_metadata(void **state)
{
    (void)state;
    assert_int_equal(write_letters(suite_store, 0), 0);
    assert_int_equal(run_children(PROCESSES, read_or_write), 0);
}

static int put_and_remove(struct sl_store *s, int number)
{
    for (int i = 0; i < 60; i++) {
        char key[32];
        snprintf(key, sizeof key, "deep/er/folder/%d", number);
        if (sl_store_put(s, SUITE_BUCKET, key, "x", 1, NULL, NULL, &err) != 0 ||
            sl_store_remove(s, SUITE_BUCKET, key, &err) != 0) {
            print_error("%s\n", err.message);
            return 100;
        }
    }
    return 0;
}

static void removing_neighbours_does_not_disturb_a_put(void **state)
{
    (void)state;
    assert_int_equal(run_children(PROCESSES, put_and_remove), 0);
    assert_string_equal(suite_keys("", NULL, 0), "");
}

static int saw_stable(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)e;
    *(bool *)data = *(bool *)data || !strcmp(entry->key, "stable");
    return 0;
}

static int list_while_churning(struct sl_store *s, int number)
{
    if (number)
        return put_and_remove(s, number);
    for (int i = 0; i < 20; i++) {
        bool seen = false;
        if (sl_store_list(s, SUITE_BUCKET, "", NULL, 0, saw_stable, &seen, NULL) != 0)
            return 100;
        if (!seen)
            return 101;
    }
    return 0;
}

static void listing_goes_on_while_others_put_and_remove(void **state)
{
    (void)state;
    suite_put("stable", "x");
    assert_int_equal(run_children(4, list_while_churning), 0);
}

/* --- dying in the middle --- */
enum { LARGE = 24 * 1024 * 1024, KILLS = 25 };
static char large_path[300], large_folder[200];

static void make_large_file(void)
{
    char *data = malloc(LARGE);
    memset(data, 'N', LARGE);
    cm_temp_dir(large_folder, sizeof large_folder, "kill");
    snprintf(large_path, sizeof large_path, "%s/large", large_folder);
    assert_ok(sl_file_write_durable(large_path, data, LARGE, 0600, &err));
    free(data);
}

/* Starts a put of the large file and kills it after a random time. */
static void put_and_kill(const char *key, int64_t at_most_ns)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct sl_meta meta = {0};
        sl_meta_add(&meta, "which", "new");
        struct sl_put_options o = {.meta = &meta};
        struct sl_store *s = suite_open();
        (void)sl_store_put_file(s, SUITE_BUCKET, key, large_path, &o, NULL, NULL);
        _exit(0);
    }
    assert_true(pid > 0);
    sl_clock_sleep_ns((int64_t)(sl_clock_random_unit() * (double)at_most_ns));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void killed_put_leaves_the_old_object_or_the_new(void **state)
{
    (void)state;
    make_large_file();
    for (int i = 0; i < KILLS; i++) {
        struct sl_meta meta = {0}, got;
        struct sl_object_info info;
        sl_meta_add(&meta, "which", "old");
        struct sl_put_options o = {.meta = &meta};
        assert_ok(sl_store_put(suite_store, SUITE_BUCKET, "d/k", "old", 3, &o, NULL, &err));
        put_and_kill("d/k", 40 * SL_NS_PER_MS);
        assert_ok(sl_store_head(suite_store, SUITE_BUCKET, "d/k", &info, &got, &err));
        assert_non_null(sl_meta_get(&got, "which"));
        bool is_new = !strcmp(sl_meta_get(&got, "which"), "new");
        assert_int_equal(info.size_bytes, is_new ? LARGE : 3);
        if (!is_new)
            suite_expect("d/k", "old");
        assert_string_equal(suite_keys("", NULL, 0), "d/k\n");
    }
    sl_dir_remove(large_folder, NULL);
}

static void killed_put_of_a_new_key_leaves_nothing_or_all(void **state)
{
    (void)state;
    make_large_file();
    for (int i = 0; i < KILLS; i++) {
        struct sl_object_info info;
        put_and_kill("n/k", 40 * SL_NS_PER_MS);
        int rc = sl_store_head(suite_store, SUITE_BUCKET, "n/k", &info, NULL, &err);
        assert_true(rc == -SL_E_STORE_NOT_FOUND || (rc == 0 && info.size_bytes == LARGE));
        assert_ok(sl_store_remove(suite_store, SUITE_BUCKET, "n/k", &err));
    }
    sl_dir_remove(large_folder, NULL);
}

static void sweep_clears_what_killed_puts_left(void **state)
{
    (void)state;
    int64_t would = -1, removed = -1, again = -1;
    make_large_file();
    for (int i = 0; i < 10; i++)
        put_and_kill("s/k", 20 * SL_NS_PER_MS);
    suite_put("kept", "x");
    assert_ok(sl_store_sweep(suite_store, 0, true, &would, &err));
    assert_ok(sl_store_sweep(suite_store, 0, false, &removed, &err));
    assert_int_equal(would, removed);
    assert_ok(sl_store_sweep(suite_store, 0, false, &again, &err));
    assert_int_equal(again, 0);
    suite_expect("kept", "x");
    sl_dir_remove(large_folder, NULL);
}

static void lock_of_a_killed_process_is_free(void **state)
{
    (void)state;
    make_large_file();
    for (int i = 0; i < 5; i++)
        put_and_kill("l/k", 30 * SL_NS_PER_MS);
    suite_put("l/k", "after");
    suite_expect("l/k", "after");
    sl_dir_remove(large_folder, NULL);
}

void suite_add_races(struct CMUnitTest *tests, size_t *n)
{
    SUITE_CASE(exactly_one_of_many_wins_if_absent);
    SUITE_CASE(exactly_one_of_many_wins_a_copy);
    SUITE_CASE(if_match_loses_no_increment);
    SUITE_CASE(readers_see_whole_objects_with_their_own_metadata);
    SUITE_CASE(removing_neighbours_does_not_disturb_a_put);
    SUITE_CASE(listing_goes_on_while_others_put_and_remove);
    SUITE_CASE(killed_put_leaves_the_old_object_or_the_new);
    SUITE_CASE(killed_put_of_a_new_key_leaves_nothing_or_all);
    SUITE_CASE(sweep_clears_what_killed_puts_left);
    SUITE_CASE(lock_of_a_killed_process_is_free);
}
