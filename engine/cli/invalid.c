/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/invalid.h"

#include "json/json.h"

enum { BLOCK_MAX_BYTES = 1 << 20 };

int sl_cli_invalid(struct sl_cli *cli, int rc, const struct sl_doc *doc, const struct sl_violations *violations,
                   struct sl_out *out, const char *after, struct sl_error *err)
{
    if (rc == 0 || !doc || violations->n == 0)
        return rc;
    if (cli->json) {
        struct json_object *o = sl_cli_error_json(err);
        sl_json_put(o, "violations", sl_manifest_violations_json(doc, violations));
        sl_cli_json(cli, o);
        json_object_put(o);
        out = &cli->err;
    }
    struct sl_buf block;
    sl_buf_init(&block, BLOCK_MAX_BYTES);
    sl_manifest_describe(doc, violations, &block);
    sl_out_text(out, block.data);
    if (after)
        sl_out_printf(out, "%s\n", after);
    sl_buf_free(&block);
    cli->exit_code = sl_code_exit(err->code);
    return 0;
}
