/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the validators that a MongoDB gets, as one JSON object by collection: for a checker that is not ours. */
#include <stdio.h>

#include "ledger/ledger.h"
#include "ledger/mongo/mongo.h"

int main(void)
{
    static const char *const collections[] = {"manifests", "runs", "assets", "events", "processes"};
    struct sl_ledger_schemas *schemas;
    struct sl_error err = {0};
    if (sl_ledger_schemas_load(SLUICE_SOURCE_DIR "/schemas", &schemas, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    SL_CLEANUP(sl_json_putp) struct json_object *all = json_object_new_object();
    for (size_t i = 0; i < sizeof collections / sizeof *collections; i++)
        sl_json_put(all, collections[i], sl_ledger_mongo_validator(sl_ledger_schema(schemas, collections[i])));
    puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN));
    sl_ledger_schemas_free(schemas);
    return 0;
}
