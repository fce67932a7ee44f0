/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd_asset.h"
#include "cli/diff.h"
#include "cli/open.h"
#include "json/json.h"

struct args {
    bool rows;
    const char *key;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"rows", 0, NULL, SL_CLI_FLAG, AT(rows), "compare the tables' rows too, by all columns that both have", NULL, 0},
    {"key", 0, "COLUMN", SL_CLI_TEXT, AT(key), "with --rows: tells which rows are the same one, changed", NULL, 0},
};

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *first = NULL, *second = NULL, *diff = NULL, *rows = NULL;
    if (a->key && !a->rows)
        return sl_fail(err, SL_E_USAGE, "--key goes with --rows");
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER | (a->rows ? (unsigned)SL_NEEDS_STORE : 0), &engine, err);
    if (!rc)
        rc = sl_asset_find(engine, cli->operands.items[0], &first, err);
    if (!rc)
        rc = sl_asset_find(engine, cli->operands.items[1], &second, err);
    if (!rc)
        rc = sl_asset_diff(engine, first, second, &diff, err);
    if (!rc && a->rows)
        rc = sl_asset_diff_rows(engine, first, second, a->key, &rows, err);
    if (rc)
        return rc;
    if (cli->json) {
        if (rows)
            sl_json_put(diff, "rows", json_object_get(rows));
        sl_cli_json(cli, diff);
    } else {
        sl_cli_diff_print(cli, diff, rows);
    }
    cli->exit_code = sl_json_bool(diff, "equal", false) ? SL_EXIT_OK : SL_EXIT_FAILURE;
    return 0;
}

const struct sl_command sl_cmd_asset_diff = {
    .name = "diff",
    .summary = "what two assets have different: rows, columns, recipe, bytes",
    .group = SL_GROUP_LOOK,
    .usage = "[--rows [--key COLUMN]] A B",
    .examples = "  sluice asset diff roads@2 roads@3\n"
                "  sluice asset diff roads@2 roads --rows --key id\n"
                "  sluice asset diff data-lake/roads/v2/roads.parquet roads@3 --json\n",
    .details = "A and B are each a dataset (its latest version), dataset@version, bucket/key or an asset's id.\n"
               "Ends with 0 when both have the same bytes, with 1 when they differ.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .least = 2,
    .most = 2,
    .run = run,
};
