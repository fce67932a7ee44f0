/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "json/json.h"
#include "ledger/ledger.h"

static const char *const status_names[] = {"pending", "running", "succeeded", "failed", "quarantined"};

const char *sl_batch_status_name(enum sl_batch_status status)
{
    return status_names[status];
}

bool sl_batch_status_by_name(const char *name, enum sl_batch_status *out)
{
    for (size_t i = 0; name && i < sizeof status_names / sizeof *status_names; i++) {
        if (!strcmp(name, status_names[i])) {
            *out = (enum sl_batch_status)i;
            return true;
        }
    }
    return false;
}

struct json_object *sl_ledger_error_doc(const struct sl_error *error)
{
    struct json_object *doc = json_object_new_object();
    sl_json_put_str(doc, "code", sl_code_name(error->code));
    sl_json_put_str(doc, "message", error->message);
    sl_json_put_str(doc, "hint", error->hint[0] ? error->hint : NULL);
    return doc;
}

void sl_ledger_error_read(struct json_object *error_doc, struct sl_error *out)
{
    sl_fail(out, sl_code_by_name(error_doc ? sl_json_str(error_doc, "code", "") : ""), "%s",
            error_doc ? sl_json_str(error_doc, "message", "") : "");
    sl_error_hint(out, "%s", error_doc ? sl_json_str(error_doc, "hint", "") : "");
}
