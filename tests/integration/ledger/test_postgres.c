/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's conformance suite on PostgreSQL, in a private cluster. */
#include "conformance/ledger_suite.h"
#include "ledger/ledger.h"
#include "support/cluster.h"
#include "support/cm.h"

static int open_ledger(void *data, struct sl_ledger **out, struct sl_error *err)
{
    const struct test_cluster *c = data;
    return sl_ledger_postgres_open(&c->target, SLUICE_SOURCE_DIR "/schemas", out, err);
}

static int wipe(void *data, struct sl_error *err)
{
    const struct test_cluster *c = data;
    SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = NULL;
    int rc = sl_pg_open(&c->target, "test", &pg, err);
    return rc < 0 ? rc : sl_pg_exec(pg, "TRUNCATE ledger.manifests, ledger.runs, ledger.assets, ledger.versions, ledger.events,"
                                        " ledger.processes", err);
}

static int stop(void *data, struct sl_error *err)
{
    struct test_cluster *c = data;
    return sl_cluster_stop(&c->options, true, &c->status, err);
}

static int start(void *data, struct sl_error *err)
{
    struct test_cluster *c = data;
    return sl_cluster_start(&c->options, &c->status, err);
}

int main(void)
{
    struct test_cluster cluster;
    struct sl_error err = {0};
    struct ledger_backend backend = {.name = "postgres", .data = &cluster, .open = open_ledger, .wipe = wipe,
                                     .stop = stop, .start = start};
    int failed = 1;
    if (test_cluster_open(&cluster, NULL, true, &err) == 0)
        failed = ledger_suite_run(&backend);
    else
        print_error("no private cluster: %s (%s)\n", err.message, err.hint);
    test_cluster_close(&cluster);
    return failed;
}
