/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/env.h"
#include "source/fetch.h"
#include "support/httpd.h"

#define JSON(text) .status = 200, .body = text, .n = sizeof(text) - 1

static int64_t fake_mono, slept;

static int64_t mono(void)
{
    return fake_mono;
}

static int64_t wall(void)
{
    return INT64_C(1700000000) * SL_NS_PER_S;
}

static void fake_sleep(int64_t ns)
{
    fake_mono += ns;
    slept += ns;
}

static void fake_random(void *out, size_t bytes)
{
    memset(out, 0, bytes);
}

static const struct sl_clock_ops fake = {wall, mono, fake_sleep, fake_random};

struct world {
    struct test_httpd *server;
    struct sl_config *config;
    struct sl_arena *arena;
    struct json_object *values;
    struct sl_fetch *fetch;
    char path[64];
};

static void begin(struct world *w, const struct test_httpd_reply *script, size_t n, const char *rest)
{
    static const char *const environment[] = {"THE_TOKEN", "s3cret", NULL};
    const struct sl_config_flag flags[] = {{"home", "/nonexistent"}};
    const struct sl_source_spec *spec = NULL;
    struct sl_error err = {0};
    *w = (struct world){.arena = sl_arena_new(), .values = json_object_new_object(), .path = "/tmp/source-fetch-XXXXXX"};
    struct sl_lints lints = {.arena = w->arena};
    int fd = mkstemp(w->path);
    assert_true(fd >= 0);
    w->server = test_httpd_start(script, n);
    dprintf(fd,
            "apiVersion: sluice/v1\nkind: Source\nname: t\nversion: 1\ndataset: t\nrequest:\n  base_url: %s\n  records: /r\n"
            "  pagination: {cursor: {limit_param: \"\", next: /next}}\n%s",
            test_httpd_url(w->server), rest);
    close(fd);
    sl_env_set(environment);
    fake_mono = 77 * SL_NS_PER_S;
    slept = 0;
    sl_clock_set(&fake);
    assert_int_equal(sl_source_lint_file(w->path, &lints, &spec, &err), 0);
    if (lints.n)
        fail_msg("%s", lints.items[0].message);
    assert_int_equal(sl_config_load(flags, 1, &w->config, &err), 0);
    assert_int_equal(sl_fetch_open(spec, w->config, NULL, w->values, &w->fetch, &err), 0);
}

static void end(struct world *w)
{
    sl_fetch_free(w->fetch);
    sl_config_free(w->config);
    json_object_put(w->values);
    sl_arena_free(w->arena);
    sl_clock_set(NULL);
    sl_env_set(NULL);
    unlink(w->path);
    char *wrong = test_httpd_stop(w->server);
    if (wrong)
        fail_msg("%s", wrong);
}

static int fetch(struct world *w, struct sl_fetched *page, struct sl_error *err)
{
    const struct sl_paging first = {0};
    return sl_fetch_page(w->fetch, &first, w->arena, page, err);
}

static void what_passes_is_tried_again_and_retry_after_is_obeyed(void **state)
{
    static const struct test_httpd_reply script[] = {
        {.status = 500, .body = "", .n = 0},
        {.status = 429, .headers = "Retry-After: 60\r\n", .body = "", .n = 0},
        {JSON("{\"r\":[1"), .end = TEST_HTTPD_KEEP},
        {JSON("{\"r\":[{\"id\":1}],\"next\":\"c\"}")},
    };
    struct world w;
    struct sl_fetched page = {0};
    (void)state;
    begin(&w, script, 4, "  retry: {base: 1s, max: 10s}\n");
    assert_int_equal(fetch(&w, &page, NULL), 0);
    assert_int_equal(page.n_records, 1);
    assert_string_equal(page.next.cursor, "c");
    assert_int_equal(slept, (500 + 60000 + 2000) * SL_NS_PER_MS); /* half of 1 s, what was asked for, half of 4 s */
    assert_int_equal(sl_fetch_counts(w.fetch).retries, 3);
    sl_fetched_free(&page);
    end(&w);
}

static void after_five_tries_it_is_over(void **state)
{
    static const struct test_httpd_reply script[5] = {{.status = 503, .body = ""}, {.status = 503, .body = ""}, {.status = 503, .body = ""},
                                                      {.status = 503, .body = ""}, {.status = 503, .body = ""}};
    struct world w;
    struct sl_fetched page = {0};
    struct sl_error err;
    (void)state;
    begin(&w, script, 5, "");
    assert_int_equal(fetch(&w, &page, &err), -SL_E_NET);
    assert_non_null(strstr(err.message, "answered 503; tried 5 times"));
    assert_int_equal(test_httpd_requests(w.server), 5);
    end(&w);
}

static void a_refusal_is_told_at_once_and_never_with_the_secret(void **state)
{
    static const struct test_httpd_reply script[] = {{.status = 400, .body = "bad token s3cret", .n = 16}};
    struct world w;
    struct sl_fetched page = {0};
    struct sl_error err;
    (void)state;
    begin(&w, script, 1, "  auth: {kind: query, name: key, secret: THE_TOKEN}\n");
    assert_int_equal(fetch(&w, &page, &err), -SL_E_SOURCE_REPLY);
    assert_null(strstr(err.message, "s3cret"));
    assert_non_null(strstr(test_httpd_request(w.server, 0)->target, "key=s3cret"));
    end(&w);
}

static void requests_keep_to_their_rate(void **state)
{
    static const struct test_httpd_reply script[] = {{JSON("{\"r\":[]}")}, {JSON("{\"r\":[]}")}, {JSON("{\"r\":[]}")}};
    struct world w;
    (void)state;
    begin(&w, script, 3, "  rate: {per_second: 4}\n");
    for (int i = 0; i < 3; i++) {
        struct sl_fetched page = {0};
        assert_int_equal(fetch(&w, &page, NULL), 0);
        sl_fetched_free(&page);
    }
    assert_int_equal(slept, 500 * SL_NS_PER_MS);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_is_tried_again_and_retry_after_is_obeyed),
        cmocka_unit_test(after_five_tries_it_is_over),
        cmocka_unit_test(a_refusal_is_told_at_once_and_never_with_the_secret),
        cmocka_unit_test(requests_keep_to_their_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
