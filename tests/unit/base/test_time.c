/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "base/uuid7.h"

static int64_t fake_now;
static unsigned char fake_byte;

static int64_t fake_clock(void)
{
    return fake_now;
}

static void fake_sleep(int64_t ns)
{
    fake_now += ns;
}

static void fake_random(void *out, size_t bytes)
{
    memset(out, fake_byte, bytes);
}

static const struct sl_clock_ops fake = {fake_clock, fake_clock, fake_sleep, fake_random};

static int use_fake_clock(void **state)
{
    (void)state;
    fake_now = INT64_C(1795252443123456789); /* 2026-11-21T09:14:03.123456789Z */
    fake_byte = 0;
    sl_clock_set(&fake);
    return 0;
}

static int use_system_clock(void **state)
{
    (void)state;
    sl_clock_set(NULL);
    return 0;
}

static void test_iso8601_has_microseconds_and_utc(void **state)
{
    (void)state;
    char out[SL_ISO8601_BYTES];
    assert_string_equal(sl_clock_iso8601(out, fake_now), "2026-11-21T09:14:03.123456Z");
    assert_string_equal(sl_clock_iso8601(out, 0), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(sl_clock_iso8601(out, INT64_C(951827696) * SL_NS_PER_S), "2000-02-29T12:34:56.000000Z");
    assert_string_equal(sl_clock_date(out, fake_now), "2026-11-21");
}

static void test_sleep_goes_through_the_clock(void **state)
{
    (void)state;
    int64_t before = sl_clock_mono_ns();
    sl_clock_sleep_ns(5 * SL_NS_PER_S);
    sl_clock_sleep_ns(-1);
    assert_int_equal(sl_clock_mono_ns() - before, 5 * SL_NS_PER_S);
}

static void test_backoff_is_between_half_the_cap_and_the_cap(void **state)
{
    (void)state;
    const int64_t base = SL_NS_PER_S, max = 30 * SL_NS_PER_S;
    const int64_t caps[] = {1, 2, 4, 8, 16, 30, 30, 30};
    for (int i = 0; i < 8; i++) {
        fake_byte = 0x00;
        assert_int_equal(sl_clock_backoff_ns(i + 1, base, max), caps[i] * SL_NS_PER_S / 2);
        fake_byte = 0xFF;
        int64_t most = sl_clock_backoff_ns(i + 1, base, max);
        assert_true(most <= caps[i] * SL_NS_PER_S && most > caps[i] * SL_NS_PER_S * 99 / 100);
    }
    assert_true(sl_clock_backoff_ns(1000000, base, max) <= max);
    assert_true(sl_clock_backoff_ns(1, 60 * SL_NS_PER_S, max) <= max);
}

static void test_random_unit_is_below_one(void **state)
{
    (void)state;
    fake_byte = 0xFF;
    assert_true(sl_clock_random_unit() < 1.0);
    fake_byte = 0;
    assert_true(sl_clock_random_unit() >= 0.0);
}

static void test_uuid7_has_version_variant_and_time(void **state)
{
    (void)state;
    char id[SL_UUID_TEXT_BYTES];
    sl_uuid7(id);
    assert_true(sl_uuid_valid(id));
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
    assert_int_equal(sl_uuid7_unix_ms(id), INT64_C(1795252443123));
    assert_int_equal(sl_uuid7_unix_ms("0199a3c4-1111-4111-8111-111111111111"), -1);
    assert_int_equal(sl_uuid7_unix_ms("nonsense"), -1);
    assert_false(sl_uuid_valid("0199a3c411114111811111111111111111111"));
}

static void test_uuid7_increases_while_the_clock_stands_or_runs_back(void **state)
{
    (void)state;
    char last[SL_UUID_TEXT_BYTES], id[SL_UUID_TEXT_BYTES];
    sl_uuid7(last);
    for (int i = 0; i < 10000; i++) {
        if (i == 5000)
            fake_now -= 3600 * SL_NS_PER_S;
        sl_uuid7(id);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof id);
    }
}

/* FIPS 180-4 examples, and one over a block boundary. */
static void test_sha256_agrees_with_the_standards_vectors(void **state)
{
    (void)state;
    char hex[SL_SHA256_HEX_BYTES];
    sl_sha256_of("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sl_sha256_of("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    sl_sha256_of(two_blocks, sizeof two_blocks - 1, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    struct sl_sha256 *h = sl_sha256_new();
    for (int i = 0; i < 1000; i++) {
        char block[1000];
        memset(block, 'a', sizeof block);
        sl_sha256_update(h, block, sizeof block);
    }
    sl_sha256_final(h, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    sl_sha256_update(h, "abc", 3);
    sl_sha256_final(h, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sl_sha256_free(h);
    sl_sha256_free(NULL);
}

static void test_sha256_of_a_missing_file_names_it(void **state)
{
    (void)state;
    char hex[SL_SHA256_HEX_BYTES] = "untouched";
    struct sl_error err = {0};
    assert_fails(sl_sha256_file("/nonexistent/x", hex, NULL, &err), SL_E_IO);
    assert_contains(err.message, "/nonexistent/x");
    assert_string_equal(hex, "untouched");
}

static void test_iso8601_is_read_back_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"1970-01-01T00:00:00.000000Z", 0},
        {"2026-11-21T09:14:03.123456Z", INT64_C(1795252443123456)},
        {"2000-02-29T23:59:59.9Z", INT64_C(951868799900000)},
        {"2999-01-01T00:00:00Z", INT64_C(32472144000000000)},
        {"1969-12-31T23:59:59.123456789Z", -876544},
    };
    static const char *const bad[] = {"", "now", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
                                      "2026-11-21T24:00:00Z", "2026-11-21T09:14:03", "2026-11-21T09:14:03.Z",
                                      "2026-11-21T09:14:03.1234567890Z", "2026-11-21T09:14:03+01:00",
                                      "2026-11-21T09:14:03Zx", "2026-11-21 09:14:03Z", "0000-01-01T00:00:00Z"};
    int64_t us = 7;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sl_clock_parse(good[i].text, &us));
        assert_true(us == good[i].us);
    }
    us = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sl_clock_parse(bad[i], &us));
    assert_true(us == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iso8601_has_microseconds_and_utc),
        cmocka_unit_test(test_iso8601_is_read_back_and_nothing_else),
        cmocka_unit_test(test_sleep_goes_through_the_clock),
        cmocka_unit_test(test_backoff_is_between_half_the_cap_and_the_cap),
        cmocka_unit_test(test_random_unit_is_below_one),
        cmocka_unit_test_setup(test_uuid7_has_version_variant_and_time, use_fake_clock),
        cmocka_unit_test(test_uuid7_increases_while_the_clock_stands_or_runs_back),
        cmocka_unit_test(test_sha256_agrees_with_the_standards_vectors),
        cmocka_unit_test(test_sha256_of_a_missing_file_names_it),
    };
    return cmocka_run_group_tests(tests, use_fake_clock, use_system_clock);
}
