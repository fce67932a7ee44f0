/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/invalid.h"
#include "cli/open.h"
#include "cli/show.h"
#include "config/config.h"
#include "json/json.h"

static void answer(struct sl_cli *cli, const struct sl_manifest *m)
{
    if (cli->json) {
        struct json_object *o = json_object_new_object();
        sl_json_put(o, "valid", json_object_new_boolean(true));
        sl_json_put_str(o, "batch_id", m->batch_id);
        sl_json_put_str(o, "content_hash", m->content_hash);
        sl_json_put(o, "violations", json_object_new_array());
        sl_cli_json(cli, o);
        json_object_put(o);
        return;
    }
    sl_out_printf(&cli->out, "%s is a valid manifest: batch %s, intent %s, %s\n",
                  sl_out_escape(cli->arena, cli->operands.items[0]), sl_out_escape(cli->arena, m->batch_id),
                  sl_out_escape(cli->arena, m->intent), sl_cli_plural(cli->arena, (int64_t)m->n_files, "file", "files"));
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    struct sl_violations violations = {.arena = cli->arena};
    struct sl_manifest manifest;
    enum sl_code code = SL_E_MANIFEST_SCHEMA;
    int rc = sl_cli_engine(cli, SL_NEEDS_MANIFESTS, &engine, err);
    if (!rc)
        rc = sl_json_parse_file(cli->operands.items[0], &sl_json_limits_small, &doc, err);
    if (rc)
        return rc;
    if (sl_manifest_read(engine->checker, doc, cli->config->landing_bucket, cli->arena, &violations, &code, &manifest)) {
        answer(cli, &manifest);
        return 0;
    }
    return sl_cli_invalid(cli, sl_manifest_fail(doc, &violations, code, err), doc, &violations, &cli->out, NULL, err);
}

const struct sl_command sl_cmd_validate = {
    .name = "validate",
    .summary = "every mistake in a manifest, with its place; uploads nothing",
    .group = SL_GROUP_WORK,
    .usage = "MANIFEST",
    .examples = "  sluice validate batch.json\n"
                "  sluice validate batch.json --json\n",
    .details = "Ends with 3 when the manifest is not valid. Recipes and files are looked at by submit.\n",
    .least = 1,
    .most = 1,
    .run = run,
};
