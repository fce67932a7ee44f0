/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "config/config.h"
#include "json/json.h"

enum { GRACE_DEFAULT_S = 7 * 86400 };

struct args {
    bool dry_run, yes;
    int64_t grace_s, orphans_s;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"dry-run", 'n', NULL, SL_CLI_FLAG, AT(dry_run), "only say what would be done (as without --yes)", NULL, 0},
    {"yes", 'y', NULL, SL_CLI_FLAG, AT(yes), "do it", NULL, 0},
    {"grace", 0, "TIME", SL_CLI_DURATION, AT(grace_s), "leave what is younger: 45s, 30m, 12h, 7d (default: 7d)", NULL,
     GRACE_DEFAULT_S},
    {"orphans", 0, "TIME", SL_CLI_DURATION, AT(orphans_s), "delete what was moved to orphans/ so long ago: 30d", NULL, -1},
};

struct found {
    int64_t n;
    const char *one, *many;
};

static int64_t print_found(struct sl_cli *cli, const struct sl_gc_report *r, const char *label)
{
    const struct found found[] = {
        {r->schemas, "ephemeral schema without a running batch", "ephemeral schemas without a running batch"},
        {r->scratch_folders, "scratch folder", "scratch folders"},
        {r->temporary_objects, "temporary object or unfinished upload", "temporary objects or unfinished uploads"},
        {r->catalog_rows, "catalog row without a document", "catalog rows without a document"},
        {r->events, "event of the ledger of long ago", "events of the ledger of long ago"},
    };
    int64_t total = 0;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        if (found[i].n)
            sl_cli_line(&cli->out, total ? "" : label, "%s",
                        sl_cli_plural(cli->arena, found[i].n, found[i].one, found[i].many));
        total += found[i].n;
    }
    if (r->orphan_objects)
        sl_cli_line(&cli->out, "move", "%s of the lake that no document names (%s), to %s/orphans/",
                    sl_cli_plural(cli->arena, r->orphan_objects, "object", "objects"),
                    sl_cli_size(cli->arena, r->orphan_bytes), sl_out_escape(cli->arena, cli->config->lake_bucket));
    if (r->deleted)
        sl_cli_line(&cli->out, total ? "" : label, "%s of orphans/ (%s)",
                    sl_cli_plural(cli->arena, r->deleted, "object", "objects"), sl_cli_size(cli->arena, r->deleted_bytes));
    return total + r->orphan_objects + r->deleted;
}

/* What is there and stays. */
static void print_kept(struct sl_cli *cli, const struct sl_gc_report *r)
{
    int64_t kept = r->moved_aside - r->deleted;
    if (r->foreign_schemas)
        sl_cli_line(&cli->out, "kept", "%s of another account",
                    sl_cli_plural(cli->arena, r->foreign_schemas, "ephemeral schema", "ephemeral schemas"));
    if (kept)
        sl_cli_line(&cli->out, r->foreign_schemas ? "" : "kept", "%s in orphans/ (%s); --orphans 30d deletes the old ones",
                    sl_cli_plural(cli->arena, kept, "object", "objects"),
                    sl_cli_size(cli->arena, r->moved_aside_bytes - r->deleted_bytes));
}

static void answer_json(struct sl_cli *cli, const struct sl_gc_report *r, bool done)
{
    struct json_object *o = json_object_new_object();
    sl_json_put(o, "done", json_object_new_boolean(done));
    sl_json_put_int(o, "schemas", r->schemas);
    sl_json_put_int(o, "foreign_schemas", r->foreign_schemas);
    sl_json_put_int(o, "scratch_folders", r->scratch_folders);
    sl_json_put_int(o, "temporary_objects", r->temporary_objects);
    sl_json_put_int(o, "orphan_objects", r->orphan_objects);
    sl_json_put_int(o, "orphan_bytes", r->orphan_bytes);
    sl_json_put_int(o, "catalog_rows", r->catalog_rows);
    sl_json_put_int(o, "events", r->events);
    sl_json_put_int(o, "moved_aside", r->moved_aside);
    sl_json_put_int(o, "moved_aside_bytes", r->moved_aside_bytes);
    sl_json_put_int(o, "deleted", r->deleted);
    sl_json_put_int(o, "deleted_bytes", r->deleted_bytes);
    sl_cli_json(cli, o);
    json_object_put(o);
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    bool act = a->yes && !a->dry_run;
    struct sl_engine *engine;
    struct sl_gc_report report = {0};
    struct sl_gc_options options_of = {.grace_s = a->grace_s, .orphans_s = a->orphans_s, .dry_run = true};
    int rc = sl_cli_engine(cli, SL_NEEDS_STORE | SL_NEEDS_LEDGER | SL_NEEDS_CATALOG | SL_NEEDS_COMPUTE, &engine, err);
    if (!rc) {
        options_of.events_s = cli->config->ledger_keep_events_ms / 1000;
        rc = sl_gc(engine, &options_of, &report, err);
    }
    int64_t total = rc || cli->json ? 0 : print_found(cli, &report, "delete");
    if (!rc && !cli->json)
        print_kept(cli, &report);
    sl_out_flush(&cli->out);
    options_of.dry_run = false;
    if (!rc && act)
        rc = sl_gc(engine, &options_of, &report, err);
    if (rc)
        return rc;
    if (cli->json)
        answer_json(cli, &report, act);
    else if (!total)
        sl_out_text(&cli->out, "nothing to clean up\n");
    else
        sl_out_text(&cli->out, act ? "done\n" : "nothing was changed; sluice gc --yes does it\n");
    return 0;
}

const struct sl_command sl_cmd_gc = {
    .name = "gc",
    .summary = "clean up what dead processes left behind",
    .group = SL_GROUP_KEEP,
    .usage = "[--yes] [--grace TIME] [--orphans TIME]",
    .examples = "  sluice gc\n"
                "  sluice gc --yes\n"
                "  sluice gc --yes --grace 12h\n"
                "  sluice gc --yes --orphans 30d\n",
    .details = "Says what it would do, and does it only with --yes. Objects of the lake that no document names\n"
               "are moved to orphans/; they are deleted there only when --orphans says how old ones. Events of the\n"
               "ledger go after ledger.keep_events, but each batch's first and those of batches that are not over.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = run,
};
