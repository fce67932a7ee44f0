/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd_asset.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"
#include "lake/collection.h"
#include "lake/lake.h"

struct found {
    struct json_object *items[SL_STAC_COLLECTION_MAX];
    size_t n;
};

static int collect(void *data, struct json_object *doc, struct sl_error *err)
{
    struct found *found = data;
    if (found->n == SL_STAC_COLLECTION_MAX)
        return sl_fail(err, SL_E_LIMIT, "the dataset has more than %d versions", SL_STAC_COLLECTION_MAX);
    found->items[found->n++] = json_object_get(doc);
    return 0;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    struct sl_engine *engine;
    const char *dataset = cli->operands.items[0];
    struct found *found = sl_arena_alloc(cli->arena, sizeof *found);
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    sl_json_put_str(filter, "dataset_id", dataset);
    const struct sl_find find = {.collection = "assets", .filter = filter, .sort = "version:1"};
    (void)args;
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err);
    if (!rc)
        rc = engine->ledger->ops->find(engine->ledger, &find, collect, found, err);
    if (!rc && found->n == 0) {
        rc = sl_fail(err, SL_E_DATASET_NOT_FOUND, "there is no dataset \"%s\"", dataset);
        sl_error_hint(err, "sluice asset list");
    }
    if (!rc) {
        SL_CLEANUP(sl_json_putp) struct json_object *collection = sl_stac_collection(found->items, found->n);
        sl_out_printf(&cli->out, "%s\n", sl_lake_document_text(collection, cli->arena));
    }
    for (size_t i = 0; i < found->n; i++)
        json_object_put(found->items[i]);
    return rc;
}

const struct sl_command sl_cmd_asset_collection = {
    .name = "collection",
    .summary = "a dataset as a STAC collection, from the ledger",
    .group = SL_GROUP_LOOK,
    .usage = "DATASET",
    .examples = "  sluice asset collection roads > collection.json\n",
    .details = "Its links to the items of all versions are relative to the dataset's folder in the lake.\n",
    .least = 1,
    .most = 1,
    .run = run,
};
