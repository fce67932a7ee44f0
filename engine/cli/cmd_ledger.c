/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cmd_ledger.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"

struct args {
    const char *sort;
    int64_t limit, skip;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"sort", 0, "FIELDS", SL_CLI_TEXT, AT(sort), "field:1 (up) or field:-1 (down), separated by commas", NULL, 0},
    {"limit", 0, "N", SL_CLI_INTEGER, AT(limit), "at most so many (default: 50; 0: all)", NULL, 50},
    {"skip", 0, "N", SL_CLI_INTEGER, AT(skip), "leave out the first ones", NULL, 0},
};

static int check_collection(const char *name, struct sl_error *err)
{
    size_t n = 0;
    for (; sl_cli_collections[n]; n++)
        if (!strcmp(sl_cli_collections[n], name))
            return 0;
    int rc = sl_cli_not_found(SL_E_LEDGER_FILTER, "collection", name, sl_cli_collections, n, err);
    sl_error_hint(err, "the collections are manifests (batches), runs, assets, events and processes");
    return rc;
}

static int parse_filter(const char *text, struct sl_doc **out, struct sl_error *err)
{
    int rc = sl_json_parse("filter", text, strlen(text), &sl_json_limits_small, out, err);
    if (!rc && !json_object_is_type((*out)->root, json_type_object)) {
        rc = sl_fail(err, SL_E_LEDGER_FILTER, "filter: expected an object");
    } else if (rc) {
        err->code = SL_E_LEDGER_FILTER; /* it stands on the command line: wrong use */
        rc = -(int)SL_E_LEDGER_FILTER;
    }
    if (rc)
        sl_error_hint(err, "for example '{\"dataset_id\":\"roads\"}'");
    return rc;
}

static int find(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    const char *collection = cli->operands.items[0];
    int64_t n = 0;
    struct sl_engine *engine;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *filter = NULL;
    int rc = check_collection(collection, err);
    if (!rc && cli->operands.n > 1)
        rc = parse_filter(cli->operands.items[1], &filter, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err);
    struct sl_find what = {.collection = collection,
                           .filter = filter ? filter->root : NULL,
                           .sort = a->sort,
                           .limit = a->limit,
                           .skip = a->skip};
    if (!rc)
        rc = sl_cli_documents(cli, engine, &what, NULL, NULL, &n, err);
    if (!rc && n == 0 && !cli->json && !cli->quiet)
        sl_out_text(&cli->err, "no document is like that\n");
    return rc;
}

static int keep_document(void *data, struct json_object *doc, struct sl_error *err)
{
    (void)err;
    *(struct json_object **)data = json_object_get(doc);
    return 0;
}

static int get_by_id(struct sl_engine *engine, const char *collection, const char *id, struct json_object **out,
                     struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    sl_json_put_str(filter, "_id", id);
    const struct sl_find find = {.collection = collection, .filter = filter, .limit = 1};
    return engine->ledger->ops->find(engine->ledger, &find, keep_document, out, err);
}

static int get_document(struct sl_engine *engine, const char *collection, const char *id, struct json_object **out,
                        struct sl_error *err)
{
    const struct sl_ledger_ops *ops = engine->ledger->ops;
    if (!strcmp(collection, "runs"))
        return ops->get_run(engine->ledger, id, out, err);
    if (!strcmp(collection, "assets"))
        return ops->get_asset(engine->ledger, id, out, err);
    if (!strcmp(collection, "events") || !strcmp(collection, "processes"))
        return get_by_id(engine, collection, id, out, err);
    return sl_batch_find(engine, id, out, err);
}

static int get(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    const char *collection = cli->operands.items[0], *id = cli->operands.items[1];
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = check_collection(collection, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err);
    if (!rc)
        rc = get_document(engine, collection, id, &doc, err);
    if (!rc && !doc) {
        rc = sl_fail(err, SL_E_LEDGER_NOT_FOUND, "%s has no document \"%s\"", collection, id);
        sl_error_hint(err, "sluice ledger find %s", collection);
    }
    if (!rc)
        sl_cli_json(cli, doc);
    return rc;
}

static const struct sl_command cmd_find = {
    .name = "find",
    .summary = "documents of the ledger by a filter",
    .group = SL_GROUP_LOOK,
    .usage = "[OPTIONS] COLLECTION [FILTER]",
    .examples = "  sluice ledger find assets '{\"dataset_id\":\"roads\"}' --sort version:-1 --json\n"
                "  sluice ledger find runs '{\"status\":\"failed\"}' --limit 5\n"
                "  sluice ledger find manifests --sort created_at:-1 --limit 10\n",
    .details = "COLLECTION is manifests (one document a batch), runs, assets, events or processes.\nFILTER is a MongoDB filter.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .least = 1,
    .most = 2,
    .run = find,
};
static const struct sl_command cmd_get = {
    .name = "get",
    .summary = "one document of the ledger, as it is stored",
    .group = SL_GROUP_LOOK,
    .usage = "COLLECTION ID",
    .examples = "  sluice ledger get manifests roads-20261121-7f3a\n"
                "  sluice ledger get assets 0199a3c4-5b6c-7d8e-9f00-112233445566\n",
    .least = 2,
    .most = 2,
    .run = get,
};
static const struct sl_command *const verbs[] = {&cmd_find, &cmd_get, &sl_cmd_ledger_watch, NULL};

const struct sl_command sl_cmd_ledger = {
    .name = "ledger",
    .summary = "the registry of batches, runs and assets",
    .group = SL_GROUP_LOOK,
    .examples = "  sluice ledger find assets '{\"dataset_id\":\"roads\"}' --json\n"
                "  sluice ledger get manifests roads-20261121-7f3a\n",
    .verbs = verbs,
};
