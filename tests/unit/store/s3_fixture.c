/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/s3_fixture.h"

#include <time.h>

#include "base/clock.h"
#include "base/env.h"

struct sl_error err;
struct test_httpd *s3_server;
struct sl_store *s3_store;
int64_t s3_skipped_ns;

/* Sleeping moves the clock instead of taking time. */
static int64_t real_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * SL_NS_PER_S + t.tv_nsec;
}

static int64_t wall(void)
{
    return real_ns(CLOCK_REALTIME) + s3_skipped_ns;
}

static int64_t mono(void)
{
    return real_ns(CLOCK_MONOTONIC) + s3_skipped_ns;
}

static void skip_ns(int64_t ns)
{
    s3_skipped_ns += ns > 0 ? ns : 0;
}

static void no_chance(void *out, size_t bytes)
{
    memset(out, 7, bytes);
}

static const struct sl_clock_ops quick = {wall, mono, skip_ns, no_chance};

struct sl_store_s3_options s3_options(void)
{
    return (struct sl_store_s3_options){.endpoint = test_httpd_url(s3_server),
                                        .access_key = "AKTEST",
                                        .secret_key = "the-secret",
                                        .region = "us-east-1",
                                        .parallel = 1,
                                        .part_bytes = 5 * MIB,
                                        .retries = 2,
                                        .timeout_ms = 10000,
                                        .retry_deadline_ms = 60000};
}

void s3_open_with(struct sl_store_s3_options o)
{
    assert_ok(sl_store_s3_open(&o, &s3_store, &err));
}

int s3_set_up(void **state)
{
    (void)state;
    err = (struct sl_error){0};
    sl_clock_set(&quick);
    return 0;
}

int s3_tear_down(void **state)
{
    (void)state;
    sl_store_free(s3_store);
    char *wrong = s3_server ? test_httpd_stop(s3_server) : NULL;
    s3_store = NULL;
    s3_server = NULL;
    sl_clock_set(NULL);
    sl_env_set(NULL);
    if (wrong)
        print_error("the s3_server: %s\n", wrong);
    int rc = wrong != NULL;
    free(wrong);
    return rc;
}

int s3_put_abc(const struct sl_put_options *o)
{
    return sl_store_put(s3_store, "lake", "k", "abc", 3, o, NULL, &err);
}
