/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "config/config.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "sensor/sensor.h"

enum { STATUS_COLUMN = 100, STATUS_COLUMNS = 11, ID_COLUMNS_LEAST = 11, BATCHES_KEPT = 10000 };

struct watch {
    struct sl_cli *cli;
    struct sl_engine *engine;
    const struct sl_cli_watch *options;
    bool log_stages; /* by ourselves: nobody else logs */
    struct sl_cli_progress progress;
    struct json_object *running; /* batch_id → {stage: {rows, count, duration_ns}} in order */
    struct json_object *ended;   /* events, for --json */
};

static struct json_object *stages_of(struct watch *w, const char *batch_id)
{
    struct json_object *stages = sl_json_get(w->running, batch_id);
    if (!stages) {
        stages = json_object_new_object();
        sl_json_put(w->running, batch_id, stages);
    }
    return stages;
}

/* A batch of several layers loads several times: the same stage adds up. */
static void add_stage(struct json_object *stages, struct json_object *event)
{
    static const char *const sums[] = {"duration_ns", "rows", "bytes"};
    const char *name = sl_json_str(event, "stage", "?");
    struct json_object *s = sl_json_get(stages, name);
    if (!s) {
        s = json_object_new_object();
        sl_json_put(stages, name, s);
    }
    for (size_t i = 0; i < 3; i++)
        if (sl_json_get(event, sums[i]))
            sl_json_put_int(s, sums[i], sl_json_int(s, sums[i], 0) + sl_json_int(event, sums[i], 0));
    if (sl_json_get(event, "count"))
        sl_json_put_int(s, "count", sl_json_int(event, "count", 0));
}

static void log_event(const struct watch *w, const char *event, struct json_object *e)
{
    struct sl_arena *a = sl_arena_new();
    struct json_object *rows = sl_json_get(e, "rows"), *bytes = sl_json_get(e, "bytes"),
                       *ns = sl_json_get(e, "duration_ns");
    const char *took = ns ? sl_arena_printf(a, "%.3f", (double)json_object_get_int64(ns) / 1e9) : NULL;
    if (w->log_stages)
        sl_cli_log(w->cli, SL_LOG_INFO);
    sl_log(SL_LOG_INFO, event, "batch", sl_json_str(e, "batch_id", NULL), "run", sl_json_str(e, "run_id", NULL),
           "stage", sl_json_str(e, "stage", NULL), "status", sl_json_str(e, "status", NULL), "seconds", took, "rows",
           rows ? json_object_get_string(rows) : NULL, "bytes", bytes ? json_object_get_string(bytes) : NULL, NULL);
    if (w->log_stages)
        sl_cli_log(w->cli, SL_CLI_LOG_OFF);
    sl_arena_free(a);
}

/* The only line about it: the worker leaves it to whoever hears all. One for a batch that waits for a file, not one for
 * each look. */
static void log_ended(const struct watch *w, struct json_object *e)
{
    struct sl_error error = {0};
    bool waits = sl_json_bool(e, "waits", false), again = sl_json_bool(e, "again", false);
    /* Where stages are logged only because nobody watches a terminal, the error is in the line for people. */
    if (!sl_json_get(e, "error") || w->log_stages) {
        log_event(w, waits ? "run.waits" : "run.ended", e);
        return;
    }
    sl_ledger_error_read(sl_json_get(e, "error"), &error);
    sl_log_error(again ? SL_LOG_DEBUG : waits ? SL_LOG_INFO : SL_LOG_ERROR, waits ? "run.waits" : "run.ended", &error, "batch",
                 sl_json_str(e, "batch_id", NULL), "run", sl_json_str(e, "run_id", NULL), "status",
                 sl_json_str(e, "status", NULL), NULL);
}

static const char *stages_text(struct sl_arena *a, struct json_object *stages)
{
    const char *text = "";
    json_object_object_foreach(stages, name, s)
    {
        if (!strcmp(name, "dedupe")) /* a look-up: its result is told, its time nobody needs */
            continue;
        text = sl_arena_printf(a, "%s%s%s", text, *text ? " · " : "",
                               sl_cli_stage(a, name, sl_json_int(s, "rows", -1), sl_json_int(s, "count", -1),
                                            sl_json_int(s, "duration_ns", 0)));
    }
    return text;
}

static void print_batch_error(struct sl_out *out, struct sl_arena *a, struct json_object *error)
{
    const char *hint = sl_json_str(error, "hint", NULL);
    sl_cli_line(out, "", "%s: %s", sl_cli_member(a, error, "code"), sl_cli_member(a, error, "message"));
    if (hint && *hint)
        sl_cli_line(out, "", "hint: %s", sl_out_escape(a, hint));
}

static void print_outputs(struct sl_out *out, struct sl_arena *a, struct json_object *run)
{
    struct json_object *outputs = sl_json_get(run, "outputs");
    size_t n = json_object_is_type(outputs, json_type_array) ? json_object_array_length(outputs) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(outputs, i);
        const char *aside;
        if (!strcmp(sl_json_str(o, "how", ""), "linked"))
            sl_cli_line(out, "", "%s v%" PRId64 " is this already: same inputs, same recipe",
                        sl_cli_member(a, o, "dataset_id"), sl_json_int(o, "version", 0));
        else if ((aside = sl_cli_put_aside(a, o)))
            sl_cli_line(out, "", "%s", aside);
    }
}

/* What the run document says that must not be missed: a recipe that nobody named, outputs that were there before. */
static void print_remarks(struct watch *w, struct sl_arena *a, struct json_object *e)
{
    const char *run_id = sl_json_str(e, "run_id", NULL);
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *batch = NULL;
    struct sl_ledger *ledger = w->engine->ledger;
    struct sl_error ignored;
    if (!run_id || ledger->ops->get_run(ledger, run_id, &run, &ignored) < 0 || !run)
        return;
    struct json_object *recipe = sl_json_get(run, "recipe");
    if (sl_json_bool(recipe, "fallback", false) &&
        ledger->ops->get_batch(ledger, sl_json_str(e, "batch_id", ""), &batch, &ignored) == 0)
        sl_cli_line(&w->cli->out, "", "no recipe has the intent \"%s\": the default one, %s, was taken",
                    sl_cli_member(a, batch, "intent"), sl_cli_member(a, recipe, "name"));
    print_outputs(&w->cli->out, a, run);
}

/* On lines of their own, broken between two stages. */
static void print_stages(struct sl_out *out, struct sl_arena *a, const char *stages)
{
    static const char gap[] = " · ";
    size_t column = (size_t)out->width;
    for (const char *p = stages, *end; *p; p = *end ? end + sizeof gap - 1 : end) {
        end = strstr(p, gap);
        if (!end)
            end = p + strlen(p);
        const char *stage = sl_arena_strndup(a, p, (size_t)(end - p));
        size_t wide = sl_text_columns(stage);
        bool fits = column + 3 + wide <= (size_t)out->width;
        sl_out_text(out, fits ? gap : "\n          ");
        sl_out_text(out, stage);
        column = (fits ? column + 3 : 10) + wide;
    }
    sl_out_text(out, "\n");
}

/* "run       countries   archive 0.02 s · load 177 rows 0.1 s · …     succeeded" */
static void print_batch(struct watch *w, struct json_object *e, const char *status)
{
    struct sl_arena *a = sl_arena_new();
    struct sl_out *out = &w->cli->out;
    const char *id = sl_json_str(e, "batch_id", NULL), *shown = sl_out_escape(a, id);
    struct json_object *error = sl_json_get(e, "error");
    const char *stages = id ? stages_text(a, stages_of(w, id)) : "";
    size_t id_columns = sl_text_columns(shown), column = 10;
    sl_cli_label(out, "run");
    sl_out_text(out, shown);
    sl_out_spaces(out, id_columns < ID_COLUMNS_LEAST ? ID_COLUMNS_LEAST - id_columns + 1 : 2);
    column += (id_columns < ID_COLUMNS_LEAST ? ID_COLUMNS_LEAST + 1 : id_columns + 2) + sl_text_columns(stages);
    size_t status_at = out->terminal ? (size_t)out->width - STATUS_COLUMNS : STATUS_COLUMN;
    if (column + 2 > status_at)
        status_at = column + 2;
    if (out->terminal && *stages && status_at + STATUS_COLUMNS > (size_t)out->width) {
        sl_out_coloured(out, sl_cli_status_colour(status), status);
        print_stages(out, a, stages);
    } else {
        sl_out_text(out, stages);
        sl_out_spaces(out, *stages ? status_at - column : 0);
        sl_out_coloured(out, sl_cli_status_colour(status), status);
        sl_out_text(out, "\n");
    }
    if (json_object_is_type(error, json_type_object))
        print_batch_error(out, a, error);
    print_remarks(w, a, e);
    sl_out_flush(out);
    sl_arena_free(a);
}

static void show_moving(struct watch *w, struct json_object *e)
{
    struct sl_arena *a = sl_arena_new();
    const char *id = sl_json_str(e, "batch_id", "");
    bool begins = !strcmp(sl_json_str(e, "event", ""), "stage_begin");
    const char *stages = stages_text(a, stages_of(w, id)), *now = begins ? sl_json_str(e, "stage", "") : "";
    sl_cli_progress_text(&w->progress, sl_arena_printf(a, "run       %-11s %s%s%s…", sl_out_escape(a, id), stages,
                                                       *stages && *now ? " · " : "", sl_out_escape(a, now)));
    sl_arena_free(a);
}

static void batch_ended(struct watch *w, struct json_object *e, const char *status)
{
    const char *id = sl_json_str(e, "batch_id", NULL);
    bool over = strcmp(status, "retry") != 0 && strcmp(status, "lost") != 0;
    sl_cli_progress_clear(&w->progress);
    bool said = sl_json_bool(e, "again", false); /* it still waits for the same */
    if (!w->cli->json && !w->options->silent && !said)
        print_batch(w, e,
                    over                       ? status
                    : sl_json_bool(e, "waits", false) ? "waits for its files"
                    : !strcmp(status, "retry") ? "tried again later"
                                               : "taken over by another worker");
    if (w->cli->json && !w->cli->jsonl && over && !w->options->forever &&
        json_object_array_length(w->ended) < BATCHES_KEPT)
        json_object_array_add(w->ended, json_object_get(e));
    if (id)
        json_object_object_del(w->running, id);
}

static void listen(void *data, struct json_object *e)
{
    struct watch *w = data;
    const char *event = sl_json_str(e, "event", ""), *id = sl_json_str(e, "batch_id", NULL);
    if (w->cli->jsonl && !w->options->silent) {
        sl_cli_json(w->cli, e);
        sl_out_flush(&w->cli->out);
    }
    if (!strcmp(event, "stage") && id) {
        add_stage(stages_of(w, id), e);
        show_moving(w, e);
        log_event(w, "run.stage", e);
    } else if (!strcmp(event, "stage_begin") && id) {
        show_moving(w, e);
    } else if (!strcmp(event, "noticed") && w->options->workers == SL_WORKERS_NONE && !w->cli->json) {
        struct sl_arena *a = sl_arena_new();
        sl_cli_line(&w->cli->out, "noticed", "%s", sl_cli_member(a, e, "batch_id"));
        sl_out_flush(&w->cli->out);
        sl_arena_free(a);
    } else if (!strcmp(event, "ended")) {
        log_ended(w, e);
        batch_ended(w, e, sl_json_str(e, "status", "ended"));
    } else if (!strcmp(event, "refused")) {
        log_event(w, "run.refused", e);
        batch_ended(w, e, sl_json_str(e, "status", "quarantined"));
    } else if (!strcmp(event, "crashed")) {
        log_event(w, "run.crashed", e);
        batch_ended(w, e, sl_json_str(e, "status", "worker crashed"));
    }
}

static void read_recipes_again(int signal_number)
{
    (void)signal_number;
    sl_run_reload();
}

static void stop_gently(int signal_number)
{
    (void)signal_number;
    sl_run_stop();
}

/* The options with which a worker sees the same home and settings. */
static const char *const *worker_args(struct sl_cli *cli, const struct sl_cli_watch *watch)
{
    const struct sl_cli_globals *g = &cli->globals;
    const char **args = sl_arena_array(cli->arena, 2 * g->settings.n + 10, sizeof *args);
    size_t n = 0;
    if (g->home) {
        args[n++] = "--home";
        args[n++] = g->home;
    }
    for (size_t i = 0; i < g->settings.n; i++) {
        args[n++] = "-c";
        args[n++] = g->settings.items[i];
    }
    const char *const asked[] = {watch->materialize ? "run.materialize=true" : NULL,
                                 watch->keep_schema ? "run.keep_schema=true" : NULL};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        if (!asked[i])
            continue;
        args[n++] = "-c";
        args[n++] = asked[i];
    }
    if (!sl_cli_log_wanted(cli)) {
        args[n++] = "--quiet";
    } else if (g->log_level) {
        args[n++] = "--log-level";
        args[n++] = g->log_level;
    }
    return args;
}

static void answer_json(struct watch *w, const struct sl_run_summary *s)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_int(o, "noticed", s->noticed);
    sl_json_put_int(o, "refused", s->refused);
    sl_json_put_int(o, "succeeded", s->succeeded);
    sl_json_put_int(o, "failed", s->failed);
    sl_json_put_int(o, "quarantined", s->quarantined);
    sl_json_put_int(o, "retried", s->retried);
    sl_json_put_int(o, "crashed", s->crashed);
    if (w->cli->jsonl)
        sl_json_put_str(o, "event", "summary");
    else
        sl_json_put(o, "batches", json_object_get(w->ended));
    sl_cli_json(w->cli, o);
    json_object_put(o);
}

void sl_cli_keep_stop(void)
{
    struct sigaction action = {.sa_handler = stop_gently};
    sigaction(SIGTERM, &action, NULL);
}

int sl_cli_supervise(struct sl_cli *cli, struct sl_engine *engine, const struct sl_cli_watch *watch,
                     struct sl_run_summary *summary, struct sl_error *err)
{
    struct watch w = {.cli = cli,
                      .engine = engine,
                      .options = watch,
                      .log_stages = !sl_cli_log_wanted(cli) && !cli->err.terminal && !cli->quiet,
                      .running = json_object_new_object(),
                      .ended = json_object_new_array()};
    const struct sl_run_options options = {.batch_id = watch->batch_id,
                                           .forever = watch->forever,
                                           .workers = watch->workers,
                                           .wait_ms = watch->forever ? engine->config->sensor_wait_limit_ms : 0,
                                           .program = cli->program,
                                           .worker_args = worker_args(cli, watch),
                                           .listener = listen,
                                           .listener_data = &w,
                                           .role = watch->role};
    struct sigaction action = {.sa_handler = stop_gently}, reload = {.sa_handler = read_recipes_again};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (watch->forever)
        sigaction(SIGHUP, &reload, NULL);
    sl_cli_progress_begin(&w.progress, cli);
    int rc =
        watch->look ? sl_sensor_run(engine, &options, summary, err) : sl_run_supervise(engine, &options, summary, err);
    sl_cli_progress_clear(&w.progress);
    if (!rc && cli->json && !watch->silent)
        answer_json(&w, summary);
    json_object_put(w.running);
    json_object_put(w.ended);
    return rc;
}
