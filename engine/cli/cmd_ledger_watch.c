/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cmd_ledger.h"
#include "cli/documents.h"
#include "cli/open.h"
#include "cli/show.h"
#include "cli/when.h"
#include "json/json.h"

enum { POLL_MS = 500, LONGEST_MS = 10000, SLOW_TIMES = 10 };

static volatile sig_atomic_t stopping;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

struct args {
    const char *since;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"since", 0, "WHEN", SL_CLI_TEXT, AT(since), "begin earlier: 10m, 7d, 2026-11-21 (default: now)", NULL, 0},
};

struct watch {
    struct sl_cli *cli;
    struct sl_cli_stream stream;
    char since[SL_ISO8601_BYTES]; /* "": from now on */
};

/* "runs" stands for the events of runs, and so on; "events" for those that belong to no collection. */
static bool is_wanted(const struct sl_cli_list *collections, const char *event)
{
    static const struct {
        const char *collection, *kind;
    } kinds[] = {{"manifests", "batch."}, {"runs", "run."}, {"assets", "asset."}};
    const char *of = "events";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strncmp(event, kinds[i].kind, strlen(kinds[i].kind)))
            of = kinds[i].collection;
    for (size_t i = 0; i < collections->n; i++)
        if (!strcmp(collections->items[i], of))
            return true;
    return collections->n == 0;
}

static void print_line(struct sl_cli *cli, struct json_object *event)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *a = sl_arena_new();
    const char *at = sl_json_str(event, "at", ""), *about = sl_cli_event_about(a, event);
    const char *batch = sl_json_str(event, "batch_id", NULL);
    sl_out_safe(&cli->out, sl_arena_printf(a, "%.10s %.8s  %-17s  %s%s%s", at, strlen(at) > 11 ? at + 11 : "",
                                           sl_json_str(event, "event", "?"), batch ? batch : "-", about ? "  " : "",
                                           about ? about : ""));
    sl_out_text(&cli->out, "\n");
}

static int show(void *data, struct json_object *event, struct sl_error *err)
{
    struct watch *w = data;
    struct sl_cli *cli = w->cli;
    if (strcmp(sl_json_str(event, "at", ""), w->since) >= 0 && is_wanted(&cli->operands, sl_json_str(event, "event", ""))) {
        if (cli->json)
            sl_cli_stream_item(&w->stream, event);
        else
            print_line(cli, event);
    }
    if (stopping || sl_out_gone(&cli->out))
        return sl_fail(err, SL_E_CANCELLED, "nobody reads the events any more");
    return 0;
}

static bool went_away(int rc)
{
    return rc < 0 && rc != -(int)SL_E_CANCELLED && sl_code_class((enum sl_code)-rc) == SL_CLASS_TRANSIENT;
}

/* In pieces, for a signal may come between the look at `stopping` and the sleep. */
static void pause_ms(int64_t ms)
{
    for (; ms > 0 && !stopping; ms -= POLL_MS)
        sl_clock_sleep_ns(POLL_MS * SL_NS_PER_MS);
}

/* The ledger went away: say so once, and open it again with growing pauses, however long it takes. */
static int open_again(struct sl_cli *cli, struct sl_engine **engine, struct sl_error *err)
{
    int64_t wait_ms = POLL_MS;
    int rc = -SL_E_LEDGER_UNAVAILABLE;
    sl_cli_print_error(cli, err);
    while (went_away(rc) && !stopping && !sl_out_gone(&cli->out)) {
        cli->close_engine(cli);
        cli->engine = NULL;
        sl_error_clear(err);
        pause_ms(wait_ms);
        wait_ms = 2 * wait_ms < LONGEST_MS ? 2 * wait_ms : LONGEST_MS;
        rc = stopping ? 0 : sl_cli_engine(cli, SL_NEEDS_LEDGER, engine, err);
    }
    if (rc == 0 && !stopping) {
        sl_out_text(&cli->err, "the ledger answers again\n");
        sl_out_flush(&cli->err);
    }
    return rc;
}

static int follow(struct watch *w, struct sl_engine *engine, char cursor[SL_CURSOR_BYTES], struct sl_error *err)
{
    int rc = 0;
    while (rc == 0 && !stopping && !sl_out_gone(&w->cli->out)) {
        int64_t began = sl_clock_mono_ns();
        rc = engine->ledger->ops->events_since(engine->ledger, cursor, show, w, err);
        sl_out_flush(&w->cli->out);
        if (went_away(rc) && !stopping) {
            rc = open_again(w->cli, &engine, err);
            continue;
        }
        /* Where a look takes long there are few of them. */
        int64_t wait_ns = SLOW_TIMES * (sl_clock_mono_ns() - began);
        if (wait_ns < POLL_MS * SL_NS_PER_MS)
            wait_ns = POLL_MS * SL_NS_PER_MS;
        if (rc == 0 && !stopping)
            sl_clock_sleep_ns(wait_ns < LONGEST_MS * SL_NS_PER_MS ? wait_ns : LONGEST_MS * SL_NS_PER_MS);
    }
    return rc == -(int)SL_E_CANCELLED || stopping ? 0 : rc;
}

static int check_operands(const struct sl_cli_list *collections, struct sl_error *err)
{
    static const char *const names[] = {"manifests", "runs", "assets", "events"};
    for (size_t i = 0; i < collections->n; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            known = known || !strcmp(names[k], collections->items[i]);
        if (!known)
            return sl_cli_not_found(SL_E_LEDGER_FILTER, "collection", collections->items[i], names,
                                    sizeof names / sizeof *names, err);
    }
    return 0;
}

static int watch(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    const struct sigaction stop = {.sa_handler = on_stop};
    struct watch w = {.cli = cli, .stream = {.cli = cli}};
    char cursor[SL_CURSOR_BYTES] = "now";
    struct sl_engine *engine;
    int rc = check_operands(&cli->operands, err);
    if (!rc && a->since) {
        rc = sl_cli_when(a->since, "since", w.since, err);
        cursor[0] = '\0';
    }
    if (rc || (rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err)))
        return rc;
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    cli->jsonl = cli->json; /* an array that never ends is of no use */
    return follow(&w, engine, cursor, err);
}

const struct sl_command sl_cmd_ledger_watch = {
    .name = "watch",
    .summary = "what changes, as it changes",
    .group = SL_GROUP_LOOK,
    .usage = "[OPTIONS] [COLLECTION…]",
    .examples = "  sluice ledger watch\n"
                "  sluice ledger watch assets --jsonl\n"
                "  sluice ledger watch manifests runs --since 1h\n",
    .details = "One line an event, until it is stopped by Ctrl-C. COLLECTION is manifests (changes of\n"
               "batches), runs, assets or events (what belongs to none of them); all when none is named.\n"
               "When the ledger goes away it waits for it, and goes on behind what it has shown.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .least = 0,
    .most = 4,
    .run = watch,
};
