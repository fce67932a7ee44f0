/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/cmd_source.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "cli/watch.h"
#include "json/json.h"
#include "source/source.h"

struct args {
    const char *since, *until;
    struct sl_cli_list set;
    bool dry_run, no_ingest;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"since", 0, "TIME", SL_CLI_TEXT, AT(since), "from then on (default: where the last run ended)", NULL, 0},
    {"until", 0, "TIME", SL_CLI_TEXT, AT(until), "before that (default: now)", NULL, 0},
    {"set", 0, "NAME=VALUE", SL_CLI_LIST, AT(set), "a parameter of the source; may be repeated", NULL, 0},
    {"dry-run", 0, NULL, SL_CLI_FLAG, AT(dry_run), "fetch one page, print its first rows, keep nothing", NULL, 0},
    {"no-ingest", 0, NULL, SL_CLI_FLAG, AT(no_ingest), "leave the batches to serve or `sluice run`", NULL, 0},
};

struct job {
    struct sl_cli *cli;
    struct sl_cli_progress progress;
    struct json_object *runs;
};

static struct json_object *state_json(const struct sl_source_state *s)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "run_id", s->run_id);
    sl_json_put_str(o, "batch_id", *s->batch_id ? s->batch_id : NULL);
    sl_json_put_str(o, "since", s->since);
    sl_json_put_str(o, "until", s->until);
    sl_json_put_int(o, "pages", s->pages);
    sl_json_put_int(o, "kept_pages", s->kept_pages);
    sl_json_put_int(o, "records", s->records);
    sl_json_put_int(o, "bad", s->bad);
    sl_json_put_int(o, "duplicates", s->duplicates);
    sl_json_put_int(o, "discarded_values", s->discarded);
    sl_json_put_int(o, "bytes", s->bytes);
    sl_json_put_int(o, "requests", s->requests);
    sl_json_put_int(o, "retries", s->retries);
    sl_json_put(o, "already", json_object_new_boolean(s->already));
    return o;
}

static const char *window_text(struct sl_arena *a, const struct sl_source_state *s)
{
    if (!s->since || !s->until)
        return "all";
    return sl_arena_printf(a, "%.16s to %.16s", s->since, s->until);
}

static void on_progress(void *data, const struct sl_source_state *s, bool done)
{
    struct job *j = data;
    struct sl_arena *a = j->cli->arena;
    if (!done) {
        sl_cli_progress_text(&j->progress,
                             sl_arena_printf(a, "fetch     %s  %s, %s", window_text(a, s), sl_cli_plural(a, s->pages, "page", "pages"),
                                             sl_cli_plural(a, s->records, "record", "records")));
        return;
    }
    json_object_array_add(j->runs, state_json(s));
    sl_cli_progress_clear(&j->progress);
    if (j->cli->json || j->cli->quiet)
        return;
    sl_cli_line(&j->cli->out, "fetch", "%s  %s%s, %s%s%s", window_text(a, s), sl_cli_plural(a, s->pages, "page", "pages"),
                s->kept_pages ? sl_arena_printf(a, " (%" PRId64 " fetched before)", s->kept_pages) : "",
                sl_cli_plural(a, s->records, "record", "records"),
                s->bad ? sl_arena_printf(a, ", %" PRId64 " bad", s->bad) : "",
                s->duplicates ? sl_arena_printf(a, ", %" PRId64 " there twice", s->duplicates) : "");
    if (*s->batch_id)
        sl_cli_line(&j->cli->out, "batch", "%s %s", s->batch_id, s->already ? "is there already" : "waiting");
}

static int params_of(const struct args *a, struct json_object **out, struct sl_error *err)
{
    int rc = 0;
    *out = json_object_new_object();
    for (size_t i = 0; rc == 0 && i < a->set.n; i++)
        rc = sl_cli_assign(*out, a->set.items[i], "set", err);
    return rc;
}

/* ---- a try ---- */

static void print_rows(struct sl_cli *cli, struct json_object *rows)
{
    struct sl_cli_column columns[SL_CLI_COLUMNS_MAX];
    size_t n = 0;
    if (!json_object_array_length(rows))
        return;
    json_object_object_foreach(json_object_array_get_idx(rows, 0), name, first)
    {
        (void)first;
        if (n < SL_CLI_COLUMNS_MAX)
            columns[n++] = (struct sl_cli_column){sl_out_escape(cli->arena, name), SL_LEFT, 6};
    }
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, n);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        size_t k = 0;
        json_object_object_foreach(json_object_array_get_idx(rows, i), column, value)
        {
            (void)column;
            if (k++ < n)
                sl_cli_cell(table, value ? json_object_get_string(value) : NULL);
        }
    }
    sl_cli_table_print(table, &cli->out);
}

static int dry_run(struct sl_cli *cli, const struct sl_source_ports *ports, const struct sl_source_options *o, struct sl_error *err)
{
    struct json_object *report = NULL;
    int rc = sl_source_try(ports, o, &report, err);
    if (rc)
        return rc;
    if (cli->json) {
        sl_cli_json(cli, report);
    } else {
        struct json_object *refused = sl_json_get(report, "refused");
        print_rows(cli, sl_json_get(report, "rows"));
        for (size_t i = 0; i < json_object_array_length(refused); i++)
            sl_cli_line(&cli->out, "bad", "record %" PRId64 ": %s", sl_json_int(json_object_array_get_idx(refused, i), "index", 0),
                        sl_cli_member(cli->arena, json_object_array_get_idx(refused, i), "reason"));
        sl_cli_line(&cli->err, "fetch", "the first page has %s, %" PRId64 " bad%s; nothing was kept",
                    sl_cli_plural(cli->arena, sl_json_int(report, "records", 0), "record", "records"),
                    sl_json_int(report, "bad", 0), sl_json_bool(report, "more_pages", false) ? ", and there are more pages" : "");
    }
    json_object_put(report);
    return 0;
}

/* ---- a run ---- */

static int ingest(struct sl_cli *cli, struct sl_engine *engine, struct json_object *runs, struct sl_error *err)
{
    for (size_t i = 0; i < json_object_array_length(runs); i++) {
        const char *batch_id = sl_json_str(json_object_array_get_idx(runs, i), "batch_id", NULL);
        struct sl_run_summary summary = {0};
        const struct sl_cli_watch watch = {.batch_id = batch_id, .look = true, .silent = cli->json};
        int rc = batch_id ? sl_cli_supervise(cli, engine, &watch, &summary, err) : 0;
        if (rc)
            return rc;
        if (summary.last_error)
            cli->exit_code = sl_code_exit(summary.last_error);
    }
    return 0;
}

static int carry_out(struct sl_cli *cli, const struct args *a, struct sl_engine *engine, const struct sl_source_ports *ports,
                     struct sl_source_options *o, struct sl_error *err)
{
    struct job job = {.cli = cli, .runs = json_object_new_array()};
    o->progress = on_progress;
    o->data = &job;
    sl_cli_progress_begin(&job.progress, cli);
    int rc = sl_source_run(ports, o, err);
    sl_cli_progress_clear(&job.progress);
    if (!rc && !json_object_array_length(job.runs) && !cli->json && !cli->quiet)
        sl_cli_line(&cli->err, "fetch", "source %s has been read up to now", o->spec->name);
    if (!rc && !a->no_ingest)
        rc = ingest(cli, engine, job.runs, err);
    if (!rc)
        rc = sl_source_settle(ports, o->spec->name, err);
    if (!rc && cli->json)
        sl_cli_json(cli, job.runs);
    json_object_put(job.runs);
    return rc;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    SL_CLEANUP(sl_cli_free_sources) struct sl_source_set *set = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *params = NULL;
    const struct sl_source_spec *spec = NULL;
    struct sl_engine *engine;
    int rc = sl_cli_sources(cli, &set, err);
    if (!rc)
        rc = sl_source_by_name(set, cli->operands.items[0], &spec, err);
    if (!rc)
        rc = params_of(a, &params, err);
    if (!rc)
        rc = sl_cli_engine(cli, a->dry_run ? SL_NEEDS_CATALOG : SL_NEEDS_RUN & ~(unsigned)SL_NEEDS_COMPUTE, &engine, err);
    if (rc)
        return rc;
    const struct sl_source_ports ports = {
        .config = engine->config, .store = engine->store, .ledger = engine->ledger, .catalog = engine->catalog};
    struct sl_source_options o = {.spec = spec, .since = a->since, .until = a->until, .params = params};
    return a->dry_run ? dry_run(cli, &ports, &o, err) : carry_out(cli, a, engine, &ports, &o, err);
}

const struct sl_command sl_cmd_source_run = {
    .name = "run",
    .summary = "fetch what is new, and ingest it",
    .group = SL_GROUP_WORK,
    .usage = "SOURCE [OPTIONS]",
    .examples = "  sluice source run noaa_precip15\n"
                "  sluice source run noaa_precip15 --since 2010-01-01 --until 2010-02-01\n"
                "  sluice source run noaa_precip15 --set stations=COOP:010008 --dry-run\n",
    .details = "Each window of the source is a batch of its own: fetched, put into the landing zone, ingested.\n"
               "May be killed at any time: the next run of the source goes on at the page where this one was.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .least = 1,
    .most = 1,
    .run = run,
};

/* ---- status ---- */

struct status {
    struct sl_cli *cli;
    struct sl_cli_table *table;
    struct sl_cli_stream stream;
};

static int print_run(void *data, const struct sl_source_run *r, struct sl_error *err)
{
    struct status *s = data;
    struct sl_arena *a = s->cli->arena;
    (void)err;
    if (s->cli->json) {
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "run_id", r->id);
        sl_json_put_str(o, "source", r->source);
        sl_json_put_int(o, "version", r->version);
        sl_json_put_str(o, "status", r->status);
        sl_json_put_str(o, "since", r->since);
        sl_json_put_str(o, "until", r->until);
        sl_json_put(o, "pages", r->pages < 0 ? NULL : json_object_new_int64(r->pages));
        sl_json_put(o, "records", r->records < 0 ? NULL : json_object_new_int64(r->records));
        sl_json_put(o, "bad", r->bad < 0 ? NULL : json_object_new_int64(r->bad));
        sl_json_put(o, "duplicates", r->duplicates < 0 ? NULL : json_object_new_int64(r->duplicates));
        sl_json_put_str(o, "batch_id", r->batch_id);
        sl_json_put_str(o, "error", r->error);
        sl_json_put_str(o, "created_at", r->created_at);
        sl_json_put_str(o, "updated_at", r->updated_at);
        sl_cli_stream_item(&s->stream, o);
        json_object_put(o);
        return 0;
    }
    sl_cli_cell(s->table, r->source);
    sl_cli_cell_colour(s->table, sl_cli_status_colour(r->status), r->status);
    sl_cli_cell(s->table, r->since ? sl_arena_printf(a, "%.10s", r->since) : NULL);
    sl_cli_cell(s->table, r->until ? sl_arena_printf(a, "%.10s", r->until) : NULL);
    sl_cli_cell(s->table, r->pages < 0 ? NULL : sl_cli_count(a, r->pages));
    sl_cli_cell(s->table, r->records < 0 ? NULL : sl_cli_count(a, r->records));
    sl_cli_cell(s->table, r->bad < 0 ? NULL : sl_cli_count(a, r->bad));
    sl_cli_cell(s->table, r->error ? r->error : r->batch_id);
    return 0;
}

static int status(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    static const struct sl_cli_column columns[] = {{"SOURCE", SL_LEFT, 10}, {"STATUS", SL_LEFT, 0},   {"SINCE", SL_LEFT, 0},
                                                   {"UNTIL", SL_LEFT, 0},   {"PAGES", SL_RIGHT, 0},   {"RECORDS", SL_RIGHT, 0},
                                                   {"BAD", SL_RIGHT, 0},    {"BATCH", SL_LEFT, 16}};
    const char *source = cli->operands.n ? cli->operands.items[0] : NULL;
    struct sl_engine *engine;
    (void)args;
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER | SL_NEEDS_CATALOG, &engine, err);
    if (rc)
        return rc;
    const struct sl_source_ports ports = {.config = engine->config, .ledger = engine->ledger, .catalog = engine->catalog};
    struct status s = {.cli = cli, .table = sl_cli_table_new(cli->arena, columns, 8), .stream = {.cli = cli}};
    rc = sl_source_settle(&ports, source, err);
    if (!rc)
        rc = sl_catalog_list_source_runs(engine->catalog, source, 100, print_run, &s, err);
    if (rc)
        return rc;
    if (cli->json)
        sl_cli_stream_end(&s.stream);
    else
        sl_cli_table_print(s.table, &cli->out);
    return 0;
}

const struct sl_command sl_cmd_source_status = {
    .name = "status",
    .summary = "the last 100 runs of sources",
    .group = SL_GROUP_LOOK,
    .usage = "[SOURCE]",
    .examples = "  sluice source status\n"
                "  sluice source status noaa_precip15 --json\n",
    .most = 1,
    .run = status,
};
