/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_suite.h - what every ledger must do, written against sys/ledger.h only.
 *
 * A backend registers once: a program that starts what it needs, fills a struct ledger_backend and returns
 * ledger_suite_run. A backend that was asked for and is missing fails.
 */
#ifndef SLUICE_TESTS_CONFORMANCE_LEDGER_SUITE_H
#define SLUICE_TESTS_CONFORMANCE_LEDGER_SUITE_H

#include <sluice/sys/ledger.h>

struct ledger_backend {
    const char *name;
    void *data;
    /* A new connection to the same ledger; called in child processes too. */
    int (*open)(void *data, struct sl_ledger **out, struct sl_error *err);
    /* Empties all collections. */
    int (*wipe)(void *data, struct sl_error *err);
    /* May be NULL. Stops and starts the server. */
    int (*stop)(void *data, struct sl_error *err);
    int (*start)(void *data, struct sl_error *err);
};

/* Returns the number of failed tests. */
int ledger_suite_run(const struct ledger_backend *backend);

#endif
