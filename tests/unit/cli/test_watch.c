/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor is scripted here: what it tells, and what the program makes of it. */
#include "support/cm.h"

#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/open.h"
#include "cli/watch.h"
#include "config/config.h"
#include "json/json.h"
#include "sensor/sensor.h"

static const char *const *script; /* events as JSON, NULL-ended */
static const char *run_doc;       /* what the ledger has for every run; NULL: nothing */
static const struct sl_run_options *seen;
static char seen_args[512];

static int play(const struct sl_run_options *options)
{
    seen = options;
    seen_args[0] = '\0';
    for (size_t i = 0; options->worker_args[i]; i++) {
        size_t used = strlen(seen_args);
        snprintf(seen_args + used, sizeof seen_args - used, "%s%s", i ? " " : "", options->worker_args[i]);
    }
    for (size_t i = 0; script[i]; i++) {
        struct json_object *event = json_tokener_parse(script[i]);
        assert_non_null(event);
        options->listener(options->listener_data, event);
        json_object_put(event);
    }
    return 0;
}

int sl_run_supervise(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                     struct sl_error *err)
{
    (void)engine, (void)err;
    summary->succeeded = 1;
    return play(options);
}

int sl_sensor_run(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                  struct sl_error *err)
{
    return sl_run_supervise(engine, options, summary, err);
}

void sl_run_reload(void)
{
}

void sl_run_stop(void)
{
}

static int get_run(struct sl_ledger *ledger, const char *run_id, struct json_object **out, struct sl_error *err)
{
    (void)ledger, (void)run_id, (void)err;
    *out = run_doc ? json_tokener_parse(run_doc) : NULL;
    return 0;
}

static int get_batch(struct sl_ledger *ledger, const char *batch_id, struct json_object **out, struct sl_error *err)
{
    (void)ledger, (void)batch_id, (void)err;
    *out = json_tokener_parse("{\"intent\":\"ingest_vectr\"}");
    return 0;
}

/* Plays the script and gives what stands on stdout. The caller frees it. */
static char *watched(const char *const *events, bool json, bool jsonl)
{
    static const struct sl_ledger_ops ops = {.name = "test", .get_run = get_run, .get_batch = get_batch};
    char home[256];
    struct sl_error err = {0};
    struct sl_ledger ledger = {.ops = &ops};
    struct sl_cli cli = {.arena = sl_arena_new(), .json = json || jsonl, .jsonl = jsonl, .quiet = true, .program = "sluice"};
    sl_out_init(&cli.out, -1, false);
    sl_out_init(&cli.err, -1, false);
    cli.globals.home = cm_temp_dir(home, sizeof home, "watch");
    const struct sl_config *config;
    assert_ok(sl_cli_config(&cli, &config, &err));
    struct sl_engine engine = {.config = config, .ledger = &ledger};
    const struct sl_cli_watch watch = {.look = true};
    struct sl_run_summary summary = {0};
    script = events;
    assert_ok(sl_cli_supervise(&cli, &engine, &watch, &summary, &err));
    char *text = sl_buf_detach(&cli.out.buf);
    sl_out_free(&cli.out);
    sl_out_free(&cli.err);
    sl_cli_close(&cli);
    sl_arena_free(cli.arena);
    assert_ok(sl_dir_remove(home, &err));
    return text;
}

static const char *const good[] = {
    "{\"event\":\"noticed\",\"batch_id\":\"countries\"}",
    "{\"event\":\"claimed\",\"batch_id\":\"countries\",\"run_id\":\"r1\"}",
    "{\"event\":\"stage_begin\",\"batch_id\":\"countries\",\"run_id\":\"r1\",\"stage\":\"archive\"}",
    "{\"event\":\"stage\",\"batch_id\":\"countries\",\"run_id\":\"r1\",\"stage\":\"archive\",\"duration_ns\":20000000,\"bytes\":237000}",
    "{\"event\":\"stage\",\"batch_id\":\"countries\",\"run_id\":\"r1\",\"stage\":\"dedupe\",\"duration_ns\":9000000}",
    "{\"event\":\"stage\",\"batch_id\":\"countries\",\"run_id\":\"r1\",\"stage\":\"load\",\"duration_ns\":100000000,\"rows\":177}",
    "{\"event\":\"stage\",\"batch_id\":\"countries\",\"run_id\":\"r1\",\"stage\":\"steps\",\"duration_ns\":200000000,\"count\":3}",
    "{\"event\":\"stage\",\"batch_id\":\"countries\",\"run_id\":\"r1\",\"stage\":\"check\",\"duration_ns\":1000000,\"count\":1}",
    "{\"event\":\"stage\",\"batch_id\":\"countries\",\"run_id\":\"r1\",\"stage\":\"publish\",\"duration_ns\":100000000}",
    "{\"event\":\"ended\",\"batch_id\":\"countries\",\"run_id\":\"r1\",\"status\":\"succeeded\"}",
    NULL,
};

static void test_a_batch_is_one_line_at_its_end(void **state)
{
    (void)state;
    run_doc = NULL;
    char *text = watched(good, false, false);
    assert_string_equal(
        text, "run       countries   archive 0.02 s · load 177 rows 0.1 s · 3 steps 0.2 s · check · publish 0.1 s  "
              "succeeded\n");
    free(text);
}

static void test_layers_of_one_batch_add_up(void **state)
{
    (void)state;
    static const char *const events[] = {
        "{\"event\":\"stage\",\"batch_id\":\"b\",\"stage\":\"load\",\"duration_ns\":100000000,\"rows\":100}",
        "{\"event\":\"stage\",\"batch_id\":\"b\",\"stage\":\"load\",\"duration_ns\":300000000,\"rows\":1000}",
        "{\"event\":\"ended\",\"batch_id\":\"b\",\"status\":\"succeeded\"}",
        NULL,
    };
    char *text = watched(events, false, false);
    assert_contains(text, "load 1,100 rows 0.4 s");
    free(text);
}

static void test_a_failure_says_what_and_what_to_do_once(void **state)
{
    (void)state;
    static const char *const events[] = {
        "{\"event\":\"stage\",\"batch_id\":\"b-0412\",\"stage\":\"archive\",\"duration_ns\":20000000}",
        "{\"event\":\"ended\",\"batch_id\":\"b-0412\",\"status\":\"failed\",\"error\":{\"code\":\"crs.mismatch\",\"message\":"
        "\"a says x\\u001b[31m\",\"hint\":\"set crs_policy\"}}",
        NULL,
    };
    char *text = watched(events, false, false);
    assert_contains(text, "failed\n          crs.mismatch: a says x\\x1b[31m\n          hint: set crs_policy\n");
    assert_null(strchr(text, 0x1b));
    free(text);
}

static void test_a_fallback_and_a_link_are_said(void **state)
{
    (void)state;
    run_doc = "{\"recipe\":{\"name\":\"ingest_vector\",\"fallback\":true},\"outputs\":[{\"how\":\"linked\","
              "\"dataset_id\":\"roads\",\"version\":3}]}";
    char *text = watched(good, false, false);
    assert_contains(text, "no recipe has the intent \"ingest_vectr\": the default one, ingest_vector, was taken\n");
    assert_contains(text, "roads v3 is this already: same inputs, same recipe\n");
    free(text);
    run_doc = NULL;
}

static void test_json_is_one_summary_with_its_batches(void **state)
{
    (void)state;
    char *text = watched(good, true, false);
    struct json_object *o = json_tokener_parse(text);
    assert_int_equal(sl_json_int(o, "succeeded", -1), 1);
    struct json_object *batches = sl_json_get(o, "batches");
    assert_int_equal(json_object_array_length(batches), 1);
    assert_string_equal(sl_json_str(json_object_array_get_idx(batches, 0), "batch_id", ""), "countries");
    json_object_put(o);
    free(text);
}

static void test_jsonl_is_every_event_and_then_the_summary(void **state)
{
    (void)state;
    char *text = watched(good, false, true), *save = NULL;
    size_t n = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++) {
        struct json_object *o = json_tokener_parse(line);
        const char *event = sl_json_str(o, "event", "");
        assert_string_equal(event, n < 10 ? sl_json_str(o, "event", "?") : "summary");
        json_object_put(o);
    }
    assert_int_equal(n, 11);
    free(text);
}

static void test_workers_get_the_home_and_stay_quiet(void **state)
{
    (void)state;
    char *text = watched(good, false, false);
    free(text);
    assert_contains(seen_args, "--home /");
    assert_true(sl_text_ends(seen_args, "--quiet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_is_one_line_at_its_end),
        cmocka_unit_test(test_layers_of_one_batch_add_up),
        cmocka_unit_test(test_a_failure_says_what_and_what_to_do_once),
        cmocka_unit_test(test_a_fallback_and_a_link_are_said),
        cmocka_unit_test(test_json_is_one_summary_with_its_batches),
        cmocka_unit_test(test_jsonl_is_every_event_and_then_the_summary),
        cmocka_unit_test(test_workers_get_the_home_and_stay_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
