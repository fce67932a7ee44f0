/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's conformance suite on a server of MongoDB's wire protocol. */
#include <mongoc/mongoc.h>

#include "conformance/ledger_suite.h"
#include "ledger/ledger.h"
#include "mongo_commands.h"
#include "support/cm.h"
#include "support/ferretdb.h"

static int open_ledger(void *data, struct sl_ledger **out, struct sl_error *err)
{
    const struct test_ferretdb *f = data;
    const struct sl_ledger_mongo_options options = {.host = "127.0.0.1",
                                                    .port = f->port,
                                                    .database = "sluice_test",
                                                    .timeout_ms = 20000,
                                                    .schemas_dir = SLUICE_SOURCE_DIR "/schemas"};
    return sl_ledger_mongo_open(&options, out, err);
}

static int wipe(void *data, struct sl_error *err)
{
    static const char *const collections[] = {"manifests", "runs",  "assets", "events", "processes",
                                              "queue",     "leases", "work",   "lookups"};
    const struct test_ferretdb *f = data;
    char uri[64];
    bson_error_t error = {0};
    snprintf(uri, sizeof uri, "mongodb://127.0.0.1:%d", f->port);
    mongoc_client_t *client = mongoc_client_new(uri);
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof collections / sizeof *collections; i++) {
        mongoc_collection_t *c = mongoc_client_get_collection(client, "sluice_test", collections[i]);
        bson_t all = BSON_INITIALIZER;
        ok = mongoc_collection_delete_many(c, &all, NULL, NULL, &error);
        mongoc_collection_destroy(c);
    }
    mongoc_client_destroy(client);
    return ok ? 0 : sl_fail(err, SL_E_INTERNAL, "%s", error.message);
}

static int stop(void *data, struct sl_error *err)
{
    (void)err;
    test_ferretdb_stop(data);
    return 0;
}

static int start(void *data, struct sl_error *err)
{
    return test_ferretdb_start(data, err);
}

int main(void)
{
    struct test_ferretdb server;
    struct sl_error err = {0};
    struct ledger_backend backend = {
        .name = "mongo", .data = &server, .open = open_ledger, .wipe = wipe, .stop = stop, .start = start};
    int failed = 1;
    if (test_ferretdb_open(&server, &err) == 0)
        failed = ledger_suite_run(&backend) + mongo_commands_run();
    else
        print_error("no MongoDB wire server: %s (%s)\n", err.message, err.hint);
    test_ferretdb_close(&server);
    return failed;
}
