/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice table`: which Iceberg tables there are, and what their metadata say. */
#include "cli/cmd_table.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "iceberg/catalog.h"
#include "json/json.h"

static const struct sl_command *const verbs[] = {&sl_cmd_table_list, &sl_cmd_table_describe, &sl_cmd_table_snapshots,
                                                 &sl_cmd_table_maintain, NULL};

const struct sl_command sl_cmd_table = {
    .name = "table",
    .summary = "Iceberg tables",
    .group = SL_GROUP_LOOK,
    .examples = "  sluice table list\n"
                "  sluice table describe noaa.readings\n"
                "  sluice table maintain noaa.readings --dry-run\n",
    .verbs = verbs,
};

int sl_cli_iceberg(struct sl_cli *cli, struct sl_iceberg **out, struct sl_error *err)
{
    const struct sl_config *config = NULL;
    struct sl_iceberg_target target;
    bool configured = false;
    int rc = sl_cli_config(cli, &config, err);
    if (rc == 0)
        rc = sl_iceberg_target(config, cli->arena, &target, &configured, err);
    if (rc == 0 && !configured) {
        sl_fail(err, SL_E_CONFIG_VALUE, "no Iceberg catalog is configured");
        sl_error_hint(err, "set iceberg.catalog_uri");
        return -SL_E_CONFIG_VALUE;
    }
    return rc < 0 ? rc : sl_iceberg_open(&target, out, err);
}

static const char *number(struct sl_cli *cli, int64_t n)
{
    char text[32];
    return sl_arena_strdup(cli->arena, sl_text_count(text, sizeof text, n));
}

/* Not every writer says in its snapshots how large the files are. */
static const char *size_text(struct sl_cli *cli, int64_t bytes)
{
    char size[32];
    return bytes < 0 ? "-" : sl_arena_strdup(cli->arena, sl_text_bytes(size, sizeof size, bytes));
}

static const char *time_text(struct sl_cli *cli, int64_t ms)
{
    char text[SL_ISO8601_BYTES];
    return sl_arena_printf(cli->arena, "%.19s", sl_clock_iso8601(text, ms * SL_NS_PER_MS));
}

/* ---- list ---- */

struct listing {
    struct sl_cli *cli;
    struct sl_iceberg *catalog;
    struct sl_cli_table *table;
    struct sl_cli_stream stream;
};

static int list_one(void *data, const char *name, struct sl_error *err)
{
    struct listing *l = data;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    struct sl_iceberg_facts f;
    int rc = sl_iceberg_table(l->catalog, name, &answer, err);
    if (rc == -SL_E_TABLE_NOT_FOUND) { /* dropped meanwhile */
        sl_error_clear(err);
        return 0;
    }
    if (rc < 0)
        return rc;
    sl_iceberg_facts(answer, &f);
    int64_t updated = sl_json_int(sl_json_get(answer->root, "metadata"), "last-updated-ms", 0);
    if (l->cli->json) {
        SL_CLEANUP(sl_json_putp) struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "table", name);
        sl_json_put_int(o, "rows", f.rows);
        sl_json_put_int(o, "files", f.files);
        sl_json_put(o, "size_bytes", f.bytes < 0 ? NULL : json_object_new_int64(f.bytes));
        sl_json_put_int(o, "snapshots", f.snapshots);
        sl_json_put_str(o, "updated_at", time_text(l->cli, updated));
        sl_cli_stream_item(&l->stream, o);
        return 0;
    }
    sl_cli_cell(l->table, name);
    sl_cli_cell(l->table, number(l->cli, f.rows));
    sl_cli_cell(l->table, number(l->cli, f.files));
    sl_cli_cell(l->table, size_text(l->cli, f.bytes));
    sl_cli_cell(l->table, number(l->cli, f.snapshots));
    sl_cli_cell(l->table, time_text(l->cli, updated));
    return 0;
}

static int run_list(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    static const struct sl_cli_column columns[] = {{"TABLE", SL_LEFT, 16},    {"ROWS", SL_RIGHT, 0},      {"FILES", SL_RIGHT, 0},
                                                   {"SIZE", SL_RIGHT, 0},     {"SNAPSHOTS", SL_RIGHT, 0}, {"UPDATED", SL_LEFT, 0}};
    SL_CLEANUP(sl_iceberg_closep) struct sl_iceberg *catalog = NULL;
    struct listing l = {.cli = cli, .stream = {.cli = cli}};
    (void)args;
    int rc = sl_cli_iceberg(cli, &catalog, err);
    l.catalog = catalog;
    l.table = sl_cli_table_new(cli->arena, columns, sizeof columns / sizeof *columns);
    if (rc == 0)
        rc = sl_iceberg_tables(catalog, list_one, &l, err);
    if (rc < 0)
        return rc;
    if (cli->json)
        sl_cli_stream_end(&l.stream);
    else if (sl_cli_table_rows(l.table))
        sl_cli_table_print(l.table, &cli->out);
    else
        sl_out_text(&cli->out, "there are no tables yet: an output of kind iceberg makes one\n");
    return 0;
}

const struct sl_command sl_cmd_table_list = {
    .name = "list", .summary = "the tables of the catalog", .group = SL_GROUP_LOOK, .usage = "", .examples = "  sluice table list --json\n",
    .run = run_list};

/* ---- describe ---- */

/* Of a list of objects the one whose member has this value; NULL for none. */
static struct json_object *with_id(struct json_object *list, const char *member, int64_t id)
{
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++)
        if (sl_json_int(json_object_array_get_idx(list, i), member, -1) == id)
            return json_object_array_get_idx(list, i);
    return NULL;
}

static const char *partition_text(struct sl_cli *cli, struct json_object *spec, struct json_object *fields)
{
    const char *text = "";
    struct json_object *list = sl_json_get(spec, "fields");
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *p = json_object_array_get_idx(list, i);
        const char *transform = sl_json_str(p, "transform", "");
        const char *column = sl_json_str(with_id(fields, "id", sl_json_int(p, "source-id", -2)), "name", "?");
        text = !strcmp(transform, "identity") ? sl_arena_printf(cli->arena, "%s%s%s", text, *text ? ", " : "", column)
                                              : sl_arena_printf(cli->arena, "%s%s%s(%s)", text, *text ? ", " : "", transform, column);
    }
    return *text ? text : "none";
}

static void show_columns(struct sl_cli *cli, struct json_object *fields)
{
    static const struct sl_cli_column columns[] = {{"COLUMN", SL_LEFT, 16}, {"TYPE", SL_LEFT, 12}, {"REQUIRED", SL_LEFT, 0}};
    struct sl_cli_table *t = sl_cli_table_new(cli->arena, columns, 3);
    size_t n = json_object_is_type(fields, json_type_array) ? json_object_array_length(fields) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *f = json_object_array_get_idx(fields, i), *type = sl_json_get(f, "type");
        sl_cli_cell(t, sl_json_str(f, "name", ""));
        sl_cli_cell(t, json_object_is_type(type, json_type_string) ? json_object_get_string(type)
                                                                   : json_object_to_json_string_ext(type, JSON_C_TO_STRING_PLAIN));
        sl_cli_cell(t, sl_json_bool(f, "required", false) ? "yes" : "no");
    }
    sl_cli_table_print(t, &cli->out);
}

static int run_describe(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    SL_CLEANUP(sl_iceberg_closep) struct sl_iceberg *catalog = NULL;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    struct sl_iceberg_facts f;
    (void)args;
    int rc = sl_cli_iceberg(cli, &catalog, err);
    if (rc == 0)
        rc = sl_iceberg_table(catalog, cli->operands.items[0], &answer, err);
    if (rc < 0)
        return rc;
    if (cli->json) {
        sl_cli_json(cli, answer->root);
        return 0;
    }
    sl_iceberg_facts(answer, &f);
    struct json_object *m = sl_json_get(answer->root, "metadata");
    struct json_object *schema = with_id(sl_json_get(m, "schemas"), "schema-id", sl_json_int(m, "current-schema-id", 0));
    struct json_object *spec = with_id(sl_json_get(m, "partition-specs"), "spec-id", sl_json_int(m, "default-spec-id", 0));
    struct json_object *fields = sl_json_get(schema, "fields");
    sl_out_printf(&cli->out, "table       %s   format version %" PRId64 "\n", cli->operands.items[0], sl_json_int(m, "format-version", 0));
    sl_out_printf(&cli->out, "rows        %s in %s files, %s\n", number(cli, f.rows), number(cli, f.files), size_text(cli, f.bytes));
    sl_out_printf(&cli->out, "snapshots   %s, the last one %" PRId64 "\n", number(cli, f.snapshots), f.snapshot_id);
    sl_out_printf(&cli->out, "partitions  %s\n", sl_out_escape(cli->arena, partition_text(cli, spec, fields)));
    sl_out_printf(&cli->out, "location    %s\n\n", sl_out_escape(cli->arena, sl_json_str(m, "location", "")));
    show_columns(cli, fields);
    return 0;
}

const struct sl_command sl_cmd_table_describe = {.name = "describe",
                                                 .summary = "columns, partitions and size of a table",
                                                 .group = SL_GROUP_LOOK,
                                                 .usage = "TABLE",
                                                 .examples = "  sluice table describe noaa.readings\n",
                                                 .details = "--json is the catalog's own answer.\n",
                                                 .least = 1,
                                                 .most = 1,
                                                 .run = run_describe};

/* ---- snapshots ---- */

static int run_snapshots(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    static const struct sl_cli_column columns[] = {{"SNAPSHOT", SL_RIGHT, 0}, {"AT", SL_LEFT, 0},     {"OPERATION", SL_LEFT, 0},
                                                   {"ADDED", SL_RIGHT, 0},    {"DELETED", SL_RIGHT, 0}, {"FILES", SL_RIGHT, 0},
                                                   {"ROWS", SL_RIGHT, 0}};
    SL_CLEANUP(sl_iceberg_closep) struct sl_iceberg *catalog = NULL;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    struct sl_cli_stream stream = {.cli = cli};
    (void)args;
    int rc = sl_cli_iceberg(cli, &catalog, err);
    if (rc == 0)
        rc = sl_iceberg_table(catalog, cli->operands.items[0], &answer, err);
    if (rc < 0)
        return rc;
    struct json_object *list = sl_json_get(sl_json_get(answer->root, "metadata"), "snapshots");
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    struct sl_cli_table *t = sl_cli_table_new(cli->arena, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(list, i), *summary = sl_json_get(s, "summary");
        if (cli->json) {
            sl_cli_stream_item(&stream, s);
            continue;
        }
        sl_cli_cell(t, sl_arena_printf(cli->arena, "%" PRId64, sl_json_int(s, "snapshot-id", -1)));
        sl_cli_cell(t, time_text(cli, sl_json_int(s, "timestamp-ms", 0)));
        sl_cli_cell(t, sl_json_str(summary, "operation", NULL));
        sl_cli_cell(t, sl_json_str(summary, "added-records", "0"));
        sl_cli_cell(t, sl_json_str(summary, "deleted-records", "0"));
        sl_cli_cell(t, sl_json_str(summary, "total-data-files", NULL));
        sl_cli_cell(t, sl_json_str(summary, "total-records", NULL));
    }
    if (cli->json)
        sl_cli_stream_end(&stream);
    else if (n)
        sl_cli_table_print(t, &cli->out);
    else
        sl_out_text(&cli->out, "it has no snapshot yet\n");
    return 0;
}

const struct sl_command sl_cmd_table_snapshots = {.name = "snapshots",
                                                  .summary = "what was done to a table, and when",
                                                  .group = SL_GROUP_LOOK,
                                                  .usage = "TABLE",
                                                  .examples = "  sluice table snapshots noaa.readings\n",
                                                  .least = 1,
                                                  .most = 1,
                                                  .run = run_snapshots};
