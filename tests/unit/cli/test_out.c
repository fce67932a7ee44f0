/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli.h"

static void test_colours_are_for_terminals_only(void **state)
{
    (void)state;
    struct sl_out out;
    sl_out_init(&out, -1, true);
    sl_out_coloured(&out, SL_RED, "failed");
    assert_string_equal(out.buf.data, "failed");
    out.colour = true;
    sl_out_coloured(&out, SL_RED, "failed");
    assert_string_equal(out.buf.data, "failed\x1b[31mfailed\x1b[0m");
    sl_out_free(&out);
}

static void test_json_hides_what_a_terminal_acts_on_and_means_the_same(void **state)
{
    (void)state;
    static const char hostile[] = "a\x1b[31m\x7f\xc2\x9b\xe2\x80\xae\xe2\x81\xa6 é …";
    struct json_object *value = json_object_new_string(hostile);
    struct sl_out out;
    sl_out_init(&out, -1, false);
    sl_out_json(&out, value, false);
    assert_string_equal(out.buf.data, "\"a\\u001b[31m\\u007f\\u009b\\u202e\\u2066 é …\"\n");
    struct json_object *again = json_tokener_parse(out.buf.data);
    assert_string_equal(json_object_get_string(again), hostile);
    json_object_put(again);
    json_object_put(value);
    sl_out_free(&out);
}

/* A list of n numbers as it is printed. The caller frees it. */
static char *listed(int n, bool jsonl)
{
    struct sl_cli cli = {.json = true, .jsonl = jsonl};
    sl_out_init(&cli.out, -1, false);
    struct sl_cli_stream stream = {.cli = &cli};
    for (int i = 0; i < n; i++) {
        struct json_object *item = json_object_new_int(i);
        sl_cli_stream_item(&stream, item);
        json_object_put(item);
    }
    sl_cli_stream_end(&stream);
    return sl_buf_detach(&cli.out.buf);
}

static void test_a_list_is_one_array_or_one_item_a_line(void **state)
{
    (void)state;
    static const struct {
        int n;
        bool jsonl;
        const char *text;
    } cases[] = {{0, false, "[]\n"}, {1, false, "[\n0\n]\n"}, {3, false, "[\n0,\n1,\n2\n]\n"},
                 {0, true, ""},      {3, true, "0\n1\n2\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = listed(cases[i].n, cases[i].jsonl);
        assert_string_equal(text ? text : "", cases[i].text);
        free(text);
    }
}

static void test_a_reader_that_goes_away_is_noticed(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    struct sl_out out;
    sl_out_init(&out, fds[1], true);
    assert_false(out.terminal);
    for (int i = 0; i < 10000; i++)
        sl_out_text(&out, "a line of a long answer\n");
    sl_out_flush(&out);
    assert_true(sl_out_gone(&out));
    assert_int_equal(out.error, EPIPE);
    sl_out_free(&out);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colours_are_for_terminals_only),
        cmocka_unit_test(test_json_hides_what_a_terminal_acts_on_and_means_the_same),
        cmocka_unit_test(test_a_list_is_one_array_or_one_item_a_line),
        cmocka_unit_test(test_a_reader_that_goes_away_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
