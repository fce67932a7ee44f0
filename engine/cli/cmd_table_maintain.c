/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice table maintain`: small files become large ones, old snapshots and files that nothing names go, by Trino. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/cmd_table.h"
#include "cli/open.h"
#include "config/config.h"
#include "iceberg/catalog.h"
#include "iceberg/trino.h"
#include "json/json.h"

struct maintain_args {
    int64_t keep_s;
    bool dry_run, yes;
};

/* Orphans may belong to a commit that is under way. */
enum { LEAST_KEEP_S = 3600, USUAL_KEEP_S = 7 * 86400 };

static const struct {
    const char *name, *what;
    bool retention;
} operations[] = {{"optimize", "small files become large ones", false},
                  {"expire_snapshots", "old snapshots go", true},
                  {"remove_orphan_files", "files that no snapshot names go", true}};

static int facts_of(struct sl_iceberg *catalog, const char *table, struct sl_iceberg_facts *out, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    int rc = sl_iceberg_table(catalog, table, &answer, err);
    if (rc == 0)
        sl_iceberg_facts(answer, out);
    if (rc == 0)
        out->metadata_location = NULL;
    return rc;
}

static int statement(const struct maintain_args *a, const struct sl_trino_target *target, const char *table, size_t which,
                     struct sl_arena *arena, struct sl_buf *sql, struct sl_error *err)
{
    const char *space = NULL, *name = NULL;
    int rc = sl_iceberg_split(table, arena, &space, &name, err);
    if (rc < 0)
        return rc;
    sl_buf_puts(sql, "ALTER TABLE ");
    sl_trino_name(sql, target->catalog);
    sl_buf_putc(sql, '.');
    sl_trino_name(sql, space);
    sl_buf_putc(sql, '.');
    sl_trino_name(sql, name);
    sl_buf_printf(sql, " EXECUTE %s", operations[which].name);
    if (operations[which].retention)
        sl_buf_printf(sql, "(retention_threshold => '%" PRId64 "s')", a->keep_s);
    return sl_buf_check(sql, "statement", err);
}

/* Snapshots of some writers do not say how large the files are; Trino adds them up. Who may not ask sees none. */
static int measure(struct sl_trino *trino, const char *table, struct sl_arena *arena, struct sl_iceberg_facts *f, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    const char *space = NULL, *name = NULL;
    struct sl_error why = {0};
    sl_buf_init(&sql, 4096);
    int rc = sl_iceberg_split(table, arena, &space, &name, err);
    if (rc < 0)
        return rc;
    sl_buf_puts(&sql, "SELECT sum(file_size_in_bytes) FROM ");
    sl_trino_name(&sql, sl_trino_of(trino)->catalog);
    sl_buf_putc(&sql, '.');
    sl_trino_name(&sql, space);
    sl_buf_putc(&sql, '.');
    sl_trino_name(&sql, sl_arena_printf(arena, "%s$files", name));
    rc = sl_buf_check(&sql, "statement", err);
    if (rc < 0)
        return rc;
    rc = sl_trino_int(trino, sql.data, 0, &f->bytes, &why);
    if (rc == -SL_E_TRINO_QUERY || rc == -SL_E_TRINO_DENIED)
        return 0;
    if (rc < 0 && err)
        *err = why;
    return rc;
}

static struct json_object *facts_json(const struct sl_iceberg_facts *f)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_int(o, "files", f->files);
    sl_json_put(o, "size_bytes", f->bytes < 0 ? NULL : json_object_new_int64(f->bytes));
    sl_json_put_int(o, "snapshots", f->snapshots);
    sl_json_put_int(o, "rows", f->rows);
    return o;
}

static void say_facts(struct sl_cli *cli, const char *when, const struct sl_iceberg_facts *f)
{
    char size[32];
    sl_out_printf(&cli->out, "%-20s %" PRId64 " files, %s, %" PRId64 " snapshots, %" PRId64 " rows\n", when, f->files,
                  f->bytes < 0 ? "-" : sl_text_bytes(size, sizeof size, f->bytes), f->snapshots, f->rows);
}

/* What a server has no such procedure for, or no right to, is said and passed over. */
static int run_one(struct sl_cli *cli, struct sl_trino *trino, const char *sql, size_t which, struct json_object *done,
                   struct sl_error *err)
{
    struct sl_error why = {0};
    int rc = sl_trino_run(trino, sql, SL_TRINO_REPEATABLE, NULL, NULL, NULL, &why);
    bool skipped = rc == -SL_E_TRINO_QUERY || rc == -SL_E_TRINO_DENIED;
    if (rc < 0 && !skipped) {
        if (err)
            *err = why;
        return rc;
    }
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "operation", operations[which].name);
    sl_json_put_str(o, "status", skipped ? "skipped" : "done");
    if (skipped)
        sl_json_put_str(o, "reason", why.message);
    json_object_array_add(done, o);
    if (!cli->json)
        sl_out_printf(&cli->out, "%-20s %s%s%s\n", operations[which].name, skipped ? "skipped: " : operations[which].what,
                      skipped ? sl_out_escape(cli->arena, why.message) : "", "");
    return 0;
}

static int maintain(struct sl_cli *cli, const struct maintain_args *a, struct sl_iceberg *catalog, struct sl_trino *trino,
                    const char *table, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *answer = json_object_new_object();
    struct json_object *done = json_object_new_array();
    struct sl_iceberg_facts before, after;
    sl_json_put_str(answer, "table", table);
    sl_json_put(answer, "operations", done);
    int rc = facts_of(catalog, table, &before, err);
    if (rc == 0 && before.bytes < 0 && !a->dry_run)
        rc = measure(trino, table, cli->arena, &before, err);
    if (rc == 0 && !cli->json)
        say_facts(cli, "before", &before);
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++) {
        SL_CLEANUP(sl_buf_free) struct sl_buf sql;
        sl_buf_init(&sql, 4096);
        rc = statement(a, sl_trino_of(trino), table, i, cli->arena, &sql, err);
        if (rc == 0 && a->dry_run) {
            struct json_object *o = json_object_new_object();
            sl_json_put_str(o, "operation", operations[i].name);
            sl_json_put_str(o, "status", "would run");
            sl_json_put_str(o, "statement", sql.data);
            json_object_array_add(done, o);
            if (!cli->json)
                sl_out_printf(&cli->out, "%-20s would run: %s\n", operations[i].name, sql.data);
        } else if (rc == 0) {
            rc = run_one(cli, trino, sql.data, i, done, err);
        }
    }
    if (rc == 0)
        rc = facts_of(catalog, table, &after, err);
    if (rc == 0 && after.bytes < 0 && !a->dry_run)
        rc = measure(trino, table, cli->arena, &after, err);
    if (rc < 0)
        return rc;
    sl_json_put(answer, "before", facts_json(&before));
    sl_json_put(answer, "after", facts_json(&after));
    if (cli->json)
        sl_cli_json(cli, answer);
    else if (!a->dry_run)
        say_facts(cli, "after", &after);
    return 0;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct maintain_args *a = args;
    const struct sl_config *config = NULL;
    SL_CLEANUP(sl_iceberg_closep) struct sl_iceberg *catalog = NULL;
    SL_CLEANUP(sl_trino_closep) struct sl_trino *trino = NULL;
    struct sl_trino_target target;
    bool configured = false;
    if (!a->dry_run && !a->yes) {
        sl_fail(err, SL_E_USAGE, "old snapshots and files would be deleted: say --yes");
        sl_error_hint(err, "--dry-run shows what would run");
        return -SL_E_USAGE;
    }
    if (a->keep_s < LEAST_KEEP_S)
        return sl_fail(err, SL_E_USAGE, "--keep is at least an hour: a commit that is under way has files that nothing names yet");
    int rc = sl_cli_iceberg(cli, &catalog, err);
    if (rc == 0)
        rc = sl_cli_config(cli, &config, err);
    if (rc == 0)
        rc = sl_trino_target(config, cli->arena, &target, &configured, err);
    if (rc == 0 && !configured) {
        sl_fail(err, SL_E_CONFIG_VALUE, "tables are maintained by Trino, and none is configured");
        sl_error_hint(err, "set trino.url");
        return -SL_E_CONFIG_VALUE;
    }
    if (rc == 0)
        rc = sl_trino_open(&target, &trino, err);
    return rc < 0 ? rc : maintain(cli, a, catalog, trino, cli->operands.items[0], err);
}

static const struct sl_cli_option options[] = {
    {.name = "keep", .argument = "TIME", .type = SL_CLI_DURATION, .offset = offsetof(struct maintain_args, keep_s),
     .initial = USUAL_KEEP_S, .help = "younger snapshots and files stay (7d)"},
    {.name = "dry-run", .type = SL_CLI_FLAG, .offset = offsetof(struct maintain_args, dry_run), .help = "only say what would run"},
    {.name = "yes", .type = SL_CLI_FLAG, .offset = offsetof(struct maintain_args, yes), .help = "do it"},
};

const struct sl_command sl_cmd_table_maintain = {
    .name = "maintain",
    .summary = "compact a table, drop old snapshots and orphan files",
    .group = SL_GROUP_KEEP,
    .usage = "[--keep TIME] --dry-run|--yes TABLE",
    .examples = "  sluice table maintain noaa.readings --dry-run\n"
                "  sluice table maintain noaa.readings --keep 30d --yes\n",
    .details = "By Trino (trino.url). What the server does not support is said and passed over.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct maintain_args),
    .least = 1,
    .most = 1,
    .run = run,
};
