/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at a landing zone in memory: how many requests they cost, and what becomes of what they find. */
#include "support/cm.h"

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "sensor/sensor.h"
#include "unit/sensor/fake.h"

static struct fake *fake;
static struct sl_sensor *sensor;
static struct sl_run_options options;
static struct sl_run_summary summary;
static struct sl_error err;
static int64_t now_ns;

/* Time passes only between looks, unless a test lets each question take some. */
static int64_t per_question_ns;

static int64_t fake_now(void)
{
    return now_ns += per_question_ns;
}

static void fake_sleep(int64_t ns)
{
    now_ns += ns;
}

static void fake_random(void *out, size_t bytes)
{
    memset(out, 7, bytes);
}

static const struct sl_clock_ops fake_clock = {fake_now, fake_now, fake_sleep, fake_random};

static void begin(const char *key, const char *value)
{
    now_ns = SL_NS_PER_S;
    per_question_ns = 0;
    err = (struct sl_error){0};
    options = (struct sl_run_options){.forever = true};
    summary = (struct sl_run_summary){0};
    fake = fake_new(key, value);
    sl_log_setup((enum sl_log_level)(SL_LOG_ERROR + 1), SL_LOG_TEXT, 2);
    sl_clock_set(&fake_clock);
    assert_ok(sl_sensor_new(&fake->engine, true, &sensor, &err));
}

static int set_up(void **state)
{
    (void)state;
    begin(NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_sensor_free(sensor);
    fake_free(fake);
    sl_clock_set(NULL);
    return 0;
}

/* A poll, and every look that the sensor wants until it is through. Returns how many. */
static int tick(void)
{
    int64_t again_ms = 0;
    int looks = 0;
    for (bool poll = true; again_ms >= 0; poll = false, looks++) {
        now_ns += again_ms * SL_NS_PER_MS;
        again_ms = -1;
        assert_ok(sl_sensor_look(sensor, &fake->engine, &options, &summary, poll, &again_ms, &err));
        assert_true(looks < 10000);
    }
    now_ns += 2 * SL_NS_PER_S;
    return looks;
}

static void test_an_idle_look_is_one_request(void **state)
{
    (void)state;
    tick();
    tick();
    assert_int_equal(fake->lists, 2);
    assert_int_equal(fake->gets + fake->heads + fake->puts + fake->registered, 0);
}

static void test_a_manifest_costs_one_get_and_is_then_known(void **state)
{
    (void)state;
    fake_put_manifest(fake, "b-1", "ingest_vector");
    for (int i = 0; i < 3; i++)
        tick();
    assert_int_equal(fake->lists, 3);
    assert_int_equal(fake->gets, 1);
    assert_int_equal(fake->heads, 0);
    assert_int_equal(fake->registered, 1);
    assert_int_equal(summary.noticed, 1);
    assert_string_equal(fake_status(fake, "b-1"), "pending");
}

static void test_a_manifest_that_is_put_again_is_looked_at_again_also_with_the_same_bytes(void **state)
{
    (void)state;
    fake_put_manifest(fake, "b-1", "ingest_vector");
    tick();
    fake_put_manifest(fake, "b-1", "ingest_vector");
    tick();
    assert_int_equal(fake->gets, 2);
    assert_int_equal(summary.noticed, 1);
}

static void test_other_content_under_a_known_batch_id_is_refused_and_the_first_stands(void **state)
{
    (void)state;
    fake_put_manifest(fake, "b-1", "ingest_vector");
    tick();
    fake_put_manifest(fake, "b-1", "ingest_other");
    tick();
    assert_int_equal(summary.refused, 1);
    assert_int_equal(summary.last_error, SL_E_BATCH_DUPLICATE);
    assert_true(fake_has(fake, "quarantine/b-1.json"));
    assert_false(fake_has(fake, "manifests/b-1.json"));
    assert_string_equal(fake_status(fake, "b-1"), "pending");
}

static void test_the_intents_priority_goes_into_the_document(void **state)
{
    (void)state;
    begin("run.intent_priorities", "ingest_vector=12");
    fake_put_manifest(fake, "b-1", "ingest_vector");
    fake_put_manifest(fake, "b-2", "ingest_other");
    tick();
    assert_int_equal(sl_json_int(sl_json_get(fake->batches, "b-1"), "priority", -1), 12);
    assert_int_equal(sl_json_int(sl_json_get(fake->batches, "b-2"), "priority", -1), 0);
}

static void test_a_manifest_that_is_still_being_written_is_waited_for(void **state)
{
    (void)state;
    int64_t again_ms = -1;
    fake_put(fake, "manifests/b-1.json", "{\"batch_id\": \"b-1\", \"upl");
    assert_ok(sl_sensor_look(sensor, &fake->engine, &options, &summary, true, &again_ms, &err));
    assert_true(again_ms > 0);
    assert_int_equal(summary.refused, 0);
    fake_put_manifest(fake, "b-1", "ingest_vector");
    now_ns += again_ms * SL_NS_PER_MS;
    tick();
    assert_int_equal(summary.refused, 0);
    assert_string_equal(fake_status(fake, "b-1"), "pending");
}

static void test_what_stays_no_json_is_refused_with_its_error_beside_it(void **state)
{
    (void)state;
    fake_put(fake, "manifests/b-1.json", "{\"batch_id\": \"b-1\", \"upl");
    fake_put(fake, "manifests/b-2.json", "");
    tick();
    assert_int_equal(summary.refused, 2);
    assert_true(fake_has(fake, "quarantine/b-1.json"));
    assert_true(fake_has(fake, "quarantine/b-1.error.json"));
    assert_true(fake_has(fake, "quarantine/b-2.error.json"));
    assert_false(fake_has(fake, "manifests/b-1.json"));
}

static void test_what_is_written_for_ever_is_refused_in_the_end(void **state)
{
    (void)state;
    char text[64];
    int64_t again_ms = 0;
    for (int i = 0; i < 10000 && !summary.refused; i++) {
        snprintf(text, sizeof text, "{ %d", i);
        fake_put(fake, "manifests/b-1.json", text);
        assert_ok(sl_sensor_look(sensor, &fake->engine, &options, &summary, i == 0, &again_ms, &err));
        now_ns += 300 * SL_NS_PER_MS;
    }
    assert_int_equal(summary.refused, 1);
    assert_true(now_ns > fake->config->sensor_wait_limit_ms * SL_NS_PER_MS);
}

static void test_more_manifests_than_one_listing_takes_are_all_entered(void **state)
{
    (void)state;
    enum { N = 2100 };
    for (int i = 0; i < N; i++) {
        char id[32];
        snprintf(id, sizeof id, "b-%05d", i);
        fake_put_manifest(fake, id, "ingest_vector");
    }
    tick();
    assert_int_equal(summary.noticed, N);
    assert_int_equal(fake->gets, N);
    assert_int_equal(fake->lists, 2); /* the second goes on where the first was cut */
}

static void test_a_look_is_short_and_the_rest_comes_with_the_next_ones(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char id[32];
        snprintf(id, sizeof id, "b-%d", i);
        fake_put_manifest(fake, id, "ingest_vector");
    }
    per_question_ns = 10 * SL_NS_PER_MS;
    int looks = tick();
    assert_true(looks > 5);
    assert_int_equal(summary.noticed, 100);
    assert_int_equal(fake->lists, 1);
}

static void test_one_manifest_that_cannot_be_read_keeps_no_other_from_its_turn(void **state)
{
    (void)state;
    fake_put_manifest(fake, "b-1", "ingest_vector");
    fake_put_manifest(fake, "b-2", "ingest_vector");
    fake->get_fails = SL_E_STORE_DENIED;
    fake->get_fails_for = "manifests/b-1.json";
    tick();
    assert_string_equal(fake_status(fake, "b-2"), "pending");
    assert_string_equal(fake_status(fake, "b-1"), "");
    fake->get_fails = SL_OK;
    tick();
    assert_string_equal(fake_status(fake, "b-1"), "pending");
}

static void test_a_store_that_is_away_fails_the_look_and_loses_nothing(void **state)
{
    (void)state;
    int64_t again_ms = -1;
    fake_put_manifest(fake, "b-1", "ingest_vector");
    fake->list_fails = SL_E_STORE_UNAVAILABLE;
    assert_fails(sl_sensor_look(sensor, &fake->engine, &options, &summary, true, &again_ms, &err), SL_E_STORE_UNAVAILABLE);
    fake->list_fails = SL_OK;
    fake->get_fails = SL_E_STORE_UNAVAILABLE;
    assert_fails(sl_sensor_look(sensor, &fake->engine, &options, &summary, true, &again_ms, &err), SL_E_STORE_UNAVAILABLE);
    fake->get_fails = SL_OK;
    tick();
    assert_string_equal(fake_status(fake, "b-1"), "pending");
}

static void test_two_sensors_enter_each_batch_once(void **state)
{
    (void)state;
    struct sl_sensor *other, *first = sensor;
    assert_ok(sl_sensor_new(&fake->engine, true, &other, &err));
    for (int i = 0; i < 5; i++) {
        char id[32];
        snprintf(id, sizeof id, "b-%d", i);
        fake_put_manifest(fake, id, "ingest_vector");
        fake_put(fake, "manifests/bad.json", "[]");
        tick();
        sensor = other;
        tick();
        sensor = first;
    }
    sl_sensor_free(other);
    assert_int_equal(summary.noticed, 5);
    assert_int_equal(json_object_object_length(fake->batches), 6);
}

static void test_what_ended_before_is_filed_or_tried_again(void **state)
{
    (void)state;
    fake_put_manifest(fake, "done", "ingest_vector");
    fake_put_manifest(fake, "failed", "ingest_vector");
    fake_put_manifest(fake, "half-moved", "ingest_vector");
    tick();
    sl_json_put_str(sl_json_get(fake->batches, "done"), "status", "succeeded");
    sl_json_put_str(sl_json_get(fake->batches, "failed"), "status", "failed");
    sl_json_put_str(sl_json_get(fake->batches, "failed"), "manifest_key", "quarantine/failed.json");
    sl_json_put_str(sl_json_get(fake->batches, "half-moved"), "status", "failed");
    fake_put_manifest(fake, "done", "ingest_vector");
    fake_put_manifest(fake, "failed", "ingest_vector");
    fake_put_manifest(fake, "half-moved", "ingest_vector");
    tick();
    assert_true(fake_has(fake, "archive/done.json"));
    assert_string_equal(fake_status(fake, "failed"), "pending");
    assert_true(fake_has(fake, "quarantine/half-moved.error.json"));
    assert_false(fake_has(fake, "manifests/half-moved.json"));
}

/* As a worker leaves it that is killed once the ledger knows the new key, before the old one is removed. */
static void test_a_manifest_whose_move_was_cut_short_is_not_taken_for_one_that_was_put_back(void **state)
{
    (void)state;
    fake_put_manifest(fake, "poison", "ingest_vector");
    tick();
    struct json_object *batch = sl_json_get(fake->batches, "poison");
    sl_json_put_str(batch, "status", "quarantined");
    sl_json_put_str(batch, "manifest_key", "quarantine/poison.json");
    sl_json_put_str(batch, "leaving", "manifests/poison.json");
    fake_put_manifest(fake, "poison", "ingest_vector");
    fake_put(fake, "quarantine/poison.json", "as it was copied");
    tick();
    assert_string_equal(fake_status(fake, "poison"), "quarantined");
    assert_false(fake_has(fake, "manifests/poison.json"));
    assert_true(fake_has(fake, "quarantine/poison.json"));
    assert_null(sl_json_get(batch, "leaving"));
    fake_put_manifest(fake, "poison", "ingest_vector");
    tick();
    assert_string_equal(fake_status(fake, "poison"), "pending");
    assert_string_equal(sl_json_str(batch, "manifest_key", ""), "manifests/poison.json");
}

/* As a worker leaves it that is killed once the old key is removed, before the ledger knows that. */
static void test_a_manifest_put_back_after_a_move_whose_end_was_never_told_is_reopened(void **state)
{
    (void)state;
    fake_put_manifest(fake, "poison", "ingest_vector");
    tick();
    struct json_object *batch = sl_json_get(fake->batches, "poison");
    sl_json_put_str(batch, "status", "quarantined");
    sl_json_put_str(batch, "manifest_key", "quarantine/poison.json");
    sl_json_put_str(batch, "leaving", "manifests/poison.json");
    fake_put(fake, "quarantine/poison.json", "as it was copied");
    fake_put_manifest(fake, "poison", "ingest_vector");
    tick();
    assert_string_equal(fake_status(fake, "poison"), "pending");
    assert_true(fake_has(fake, "manifests/poison.json"));
}

/* A worker ends the batch and its move after the sensor has read the manifest and before it asks the ledger. */
static void test_what_was_moved_while_the_sensor_looked_is_not_taken_for_one_that_was_put_back(void **state)
{
    (void)state;
    fake_put_manifest(fake, "poison", "ingest_vector");
    tick();
    struct json_object *batch = sl_json_get(fake->batches, "poison");
    sl_json_put_str(batch, "status", "failed");
    sl_json_put_str(batch, "manifest_key", "quarantine/poison.json");
    fake_put_manifest(fake, "poison", "ingest_vector");
    fake->goes_after_get = "manifests/poison.json";
    tick();
    assert_string_equal(fake_status(fake, "poison"), "failed");
    assert_int_equal(fake->heads, 1);
}

/* As a worker leaves it that is killed between the commit and the move. */
static void test_a_manifest_whose_worker_died_after_the_commit_is_filed_after_a_lease(void **state)
{
    (void)state;
    fake_put_manifest(fake, "done", "ingest_vector");
    fake_put_manifest(fake, "waits", "ingest_vector");
    tick();
    sl_json_put_str(sl_json_get(fake->batches, "done"), "status", "succeeded");
    tick();
    assert_true(fake_has(fake, "manifests/done.json"));
    now_ns += fake->config->run_lease_ms * SL_NS_PER_MS;
    tick();
    assert_true(fake_has(fake, "archive/done.json"));
    assert_false(fake_has(fake, "manifests/done.json"));
    assert_true(fake_has(fake, "manifests/waits.json"));
}

static void test_a_long_queue_is_looked_at_again_a_few_at_a_time(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "q-%02d", i);
        fake_put_manifest(fake, name, "ingest_vector");
    }
    tick();
    assert_int_equal(fake->gets, 30);
    now_ns += fake->config->run_lease_ms * SL_NS_PER_MS;
    tick();
    assert_int_equal(fake->gets, 38);
    tick();
    assert_int_equal(fake->gets, 46);
}

static const char *action_of(struct json_object *list, const char *key)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        if (!strcmp(sl_json_str(o, "key", ""), key))
            return sl_json_str(o, "action", "");
    }
    return "(not there)";
}

static void test_a_preview_says_what_a_look_would_do_and_does_nothing(void **state)
{
    (void)state;
    struct json_object *list = NULL;
    bool more = true;
    fake_put_manifest(fake, "known", "ingest_vector");
    tick();
    fake_put_manifest(fake, "new", "ingest_vector");
    fake_put(fake, "manifests/bad.json", "{}");
    fake_put(fake, "manifests/readme.txt", "hello");
    int registered = fake->registered;
    size_t objects = fake->n_objects;
    assert_ok(sl_sensor_preview(&fake->engine, 100, &list, &more, &err));
    assert_false(more);
    assert_int_equal(json_object_array_length(list), 4);
    assert_string_equal(action_of(list, "manifests/known.json"), "wait");
    assert_string_equal(action_of(list, "manifests/new.json"), "enter");
    assert_string_equal(action_of(list, "manifests/bad.json"), "refuse");
    assert_string_equal(action_of(list, "manifests/readme.txt"), "skip");
    json_object_put(list);
    assert_int_equal(fake->registered, registered);
    assert_int_equal(fake->n_objects, objects);
    assert_int_equal(fake->puts, 0);
    assert_ok(sl_sensor_preview(&fake->engine, 2, &list, &more, &err));
    assert_true(more);
    assert_int_equal(json_object_array_length(list), 2);
    json_object_put(list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_idle_look_is_one_request),
        TEST(test_a_manifest_costs_one_get_and_is_then_known),
        TEST(test_a_manifest_that_is_put_again_is_looked_at_again_also_with_the_same_bytes),
        TEST(test_other_content_under_a_known_batch_id_is_refused_and_the_first_stands),
        cmocka_unit_test_teardown(test_the_intents_priority_goes_into_the_document, tear_down),
        TEST(test_a_manifest_that_is_still_being_written_is_waited_for),
        TEST(test_what_stays_no_json_is_refused_with_its_error_beside_it),
        TEST(test_what_is_written_for_ever_is_refused_in_the_end),
        TEST(test_more_manifests_than_one_listing_takes_are_all_entered),
        TEST(test_a_look_is_short_and_the_rest_comes_with_the_next_ones),
        TEST(test_one_manifest_that_cannot_be_read_keeps_no_other_from_its_turn),
        TEST(test_a_store_that_is_away_fails_the_look_and_loses_nothing),
        TEST(test_two_sensors_enter_each_batch_once),
        TEST(test_what_ended_before_is_filed_or_tried_again),
        TEST(test_a_manifest_whose_move_was_cut_short_is_not_taken_for_one_that_was_put_back),
        TEST(test_a_manifest_put_back_after_a_move_whose_end_was_never_told_is_reopened),
        TEST(test_what_was_moved_while_the_sensor_looked_is_not_taken_for_one_that_was_put_back),
        TEST(test_a_manifest_whose_worker_died_after_the_commit_is_filed_after_a_lease),
        TEST(test_a_long_queue_is_looked_at_again_a_few_at_a_time),
        TEST(test_a_preview_says_what_a_look_would_do_and_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
