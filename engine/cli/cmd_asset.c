/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd_asset.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"
#include "lake/iso_xml.h"

enum { DATASETS_MAX = 10000 };

struct args {
    const char *dataset;
    bool all;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"dataset", 0, "NAME", SL_CLI_TEXT, AT(dataset), "only this dataset", NULL, 0},
    {"all", 0, NULL, SL_CLI_FLAG, AT(all), "all versions (default: the latest of each dataset)", NULL, 0},
};

struct latest {
    bool all;
    char seen[SL_DATASET_BYTES]; /* documents come by dataset, the latest version first */
};

static bool keep_latest(void *data, struct json_object *doc)
{
    struct latest *l = data;
    const char *dataset = sl_json_str(doc, "dataset_id", "");
    bool fresh = strncmp(l->seen, dataset, sizeof l->seen - 1) != 0;
    snprintf(l->seen, sizeof l->seen, "%s", dataset);
    return l->all || fresh;
}

struct names {
    struct sl_arena *arena;
    const char *items[DATASETS_MAX];
    size_t n;
};

static int collect_name(void *data, struct json_object *doc, struct sl_error *err)
{
    struct names *names = data;
    const char *dataset = sl_json_str(doc, "dataset_id", "");
    (void)err;
    if (names->n < DATASETS_MAX && (!names->n || strcmp(names->items[names->n - 1], dataset)))
        names->items[names->n++] = sl_arena_strdup(names->arena, dataset);
    return 0;
}

static int no_such_dataset(struct sl_cli *cli, struct sl_engine *engine, const char *dataset, struct sl_error *err)
{
    struct names *names = sl_arena_alloc(cli->arena, sizeof *names);
    struct sl_find find = {.collection = "assets", .sort = "dataset_id:1"};
    names->arena = cli->arena;
    int rc = engine->ledger->ops->find(engine->ledger, &find, collect_name, names, err);
    if (rc)
        return rc;
    rc = sl_cli_not_found(SL_E_DATASET_NOT_FOUND, "dataset", dataset, names->items, names->n, err);
    sl_error_hint(err, "sluice asset list");
    return rc;
}

static int list(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct latest latest = {.all = a->all};
    int64_t n = 0;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    if (a->dataset)
        sl_json_put_str(filter, "dataset_id", a->dataset);
    struct sl_find find = {.collection = "assets", .filter = filter, .sort = "dataset_id:1,version:-1"};
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err);
    if (!rc && a->dataset) {
        SL_CLEANUP(sl_json_putp) struct json_object *any = NULL;
        rc = engine->ledger->ops->get_latest_asset(engine->ledger, a->dataset, &any, err);
        if (!rc && !any)
            rc = no_such_dataset(cli, engine, a->dataset, err);
    }
    if (!rc)
        rc = sl_cli_documents(cli, engine, &find, keep_latest, &latest, &n, err);
    if (!rc && n == 0 && !cli->json && !cli->quiet)
        sl_out_text(&cli->err, "no asset yet: sluice submit, then sluice run\n");
    return rc;
}

static void show_columns(struct sl_cli *cli, struct json_object *columns)
{
    struct sl_arena *a = cli->arena;
    size_t n = json_object_is_type(columns, json_type_array) ? json_object_array_length(columns) : 0;
    size_t width = (size_t)cli->out.width, used = 10;
    if (!n)
        return;
    sl_cli_label(&cli->out, "columns");
    for (size_t i = 0; i < n; i++) {
        struct json_object *c = json_object_array_get_idx(columns, i);
        const char *text = sl_arena_printf(a, "%s %s%s", sl_cli_member(a, c, "name"), sl_cli_member(a, c, "type"),
                                           i + 1 < n ? ", " : "");
        size_t wide = sl_text_columns(text);
        if (used + wide > width && used > 10) {
            sl_out_text(&cli->out, "\n          ");
            used = 10;
        }
        sl_out_text(&cli->out, text);
        used += wide;
    }
    sl_out_text(&cli->out, "\n");
}

static void show_inputs(struct sl_cli *cli, struct json_object *inputs)
{
    struct sl_arena *a = cli->arena;
    size_t n = json_object_is_type(inputs, json_type_array) ? json_object_array_length(inputs) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *in = json_object_array_get_idx(inputs, i);
        sl_cli_line(&cli->out, i ? "" : "inputs", "%s  %s", sl_cli_member(a, in, "raw_key"),
                    sl_cli_hash(a, sl_json_str(in, "content_hash", NULL)));
    }
}

static void show_datasets(struct sl_cli *cli, struct json_object *datasets)
{
    struct sl_arena *a = cli->arena;
    size_t n = json_object_is_type(datasets, json_type_array) ? json_object_array_length(datasets) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *d = json_object_array_get_idx(datasets, i);
        sl_cli_line(&cli->out, i ? "" : "datasets", "%s v%" PRId64 "  %s", sl_cli_member(a, d, "dataset_id"),
                    sl_json_int(d, "version", 0), sl_cli_hash(a, sl_json_str(d, "content_hash", NULL)));
    }
}

/* "12 of application/vnd.apache.parquet, in folders of day, name" */
static void show_parts(struct sl_cli *cli, struct json_object *parts)
{
    struct sl_arena *a = cli->arena;
    struct json_object *columns = parts ? sl_json_get(parts, "columns") : NULL;
    const char *names = "";
    for (size_t i = 0; columns && i < json_object_array_length(columns); i++)
        names = sl_arena_printf(a, "%s%s%s", names, i ? ", " : "", sl_cli_member(a, json_object_array_get_idx(columns, i), "name"));
    if (parts)
        sl_cli_line(&cli->out, "parts", "%s of %s%s%s", sl_cli_count(a, sl_json_int(parts, "count", 0)),
                    sl_cli_member(a, parts, "media_type"), *names ? ", in folders of " : "", names);
}

static void show_for_people(struct sl_cli *cli, struct json_object *d)
{
    struct sl_arena *a = cli->arena;
    struct sl_out *out = &cli->out;
    sl_cli_line(out, "asset", "%s v%" PRId64 "   %s   %s UTC", sl_cli_member(a, d, "dataset_id"),
                sl_json_int(d, "version", 0), sl_cli_member(a, d, "kind"),
                sl_cli_time(a, sl_json_str(d, "created_at", NULL)));
    sl_cli_line(out, "id", "%s", sl_cli_member(a, d, "_id"));
    sl_cli_line(out, "object", "%s  %s  %s", sl_cli_object(a, d), sl_cli_size(a, sl_cli_asset_bytes(d)),
                sl_cli_member(a, d, "media_type"));
    show_parts(cli, sl_json_get(d, "parts"));
    sl_cli_line(out, "hash", "%s", sl_cli_member(a, d, "content_hash"));
    sl_cli_line(out, "crs", "%s", sl_cli_member(a, d, "crs"));
    sl_cli_line(out, "bounds", "%s", sl_cli_bounds(a, sl_json_get(d, "bounds")));
    if (sl_json_get(d, "row_count"))
        sl_cli_line(out, "rows", "%s", sl_cli_count(a, sl_json_int(d, "row_count", 0)));
    show_columns(cli, sl_json_get(d, "columns"));
    show_inputs(cli, sl_json_get(d, "inputs"));
    show_datasets(cli, sl_json_get(d, "datasets"));
    sl_cli_line(out, "batch", "%s   run %s", sl_cli_member(a, d, "batch_id"), sl_cli_member(a, d, "run_id"));
}

struct show_args {
    bool iso;
};

static const struct sl_cli_option show_options[] = {
    {"iso", 0, NULL, SL_CLI_FLAG, offsetof(struct show_args, iso), "its metadata as ISO 19139 XML", NULL, 0},
};

enum { XML_MAX_BYTES = 64 << 20 };

static int show_iso(struct sl_cli *cli, struct json_object *doc, struct sl_error *err)
{
    struct json_object *iso = sl_json_get(doc, "iso19115");
    struct sl_buf xml;
    if (!json_object_is_type(iso, json_type_object))
        return sl_fail(err, SL_E_ASSET_NOT_FOUND, "asset %s has no ISO 19115 metadata", sl_json_str(doc, "_id", ""));
    sl_buf_init(&xml, XML_MAX_BYTES);
    sl_iso_xml(iso, &xml);
    int rc = sl_buf_check(&xml, "the ISO 19139 document", err);
    if (!rc)
        sl_out_text(&cli->out, xml.data);
    sl_buf_free(&xml);
    return rc;
}

static int show(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct show_args *a = args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err);
    if (!rc)
        rc = sl_asset_find(engine, cli->operands.items[0], &doc, err);
    if (rc)
        return rc;
    if (a->iso)
        return show_iso(cli, doc, err);
    if (cli->json)
        sl_cli_json(cli, doc);
    else
        show_for_people(cli, doc);
    return 0;
}

static const struct sl_command cmd_list = {
    .name = "list",
    .summary = "what is in the lake: the latest version of each dataset",
    .group = SL_GROUP_LOOK,
    .usage = "[OPTIONS]",
    .examples = "  sluice asset list\n"
                "  sluice asset list --dataset roads --all\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = list,
};
static const struct sl_command cmd_show = {
    .name = "show",
    .summary = "everything about one asset",
    .group = SL_GROUP_LOOK,
    .usage = "[--iso] WHAT",
    .examples = "  sluice asset show roads\n"
                "  sluice asset show roads@3\n"
                "  sluice asset show data-lake/roads/v3/roads.parquet --json\n"
                "  sluice asset show roads --iso > roads.xml\n",
    .details = "WHAT is a dataset (its latest version), dataset@version, bucket/key or an asset's id.\n",
    SL_CLI_OPTIONS(show_options),
    .args_bytes = sizeof(struct show_args),
    .least = 1,
    .most = 1,
    .run = show,
};
static const struct sl_command *const verbs[] = {&cmd_list,          &cmd_show, &sl_cmd_asset_get, &sl_cmd_asset_diff,
                                                &sl_cmd_asset_collection, NULL};

const struct sl_command sl_cmd_asset = {
    .name = "asset",
    .summary = "what came out: datasets, their versions and files",
    .group = SL_GROUP_LOOK,
    .examples = "  sluice asset list\n"
                "  sluice asset show roads@3\n"
                "  sluice asset get roads -o roads.parquet\n"
                "  sluice asset diff roads@2 roads@3\n",
    .verbs = verbs,
};
