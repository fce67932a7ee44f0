/* SPDX-License-Identifier: Apache-2.0 */
/* ferretdb.h - a server that speaks MongoDB's wire protocol, in a temporary folder, for integration tests. */
#ifndef SLUICE_TESTS_SUPPORT_FERRETDB_H
#define SLUICE_TESTS_SUPPORT_FERRETDB_H

#include <sys/types.h>

#include <sluice/error.h>

struct test_ferretdb {
    char folder[128];
    int port;
    pid_t pid; /* 0: it does not run */
};

/* The binary is SLUICE_FERRETDB_BINARY, else the one that the project's own scripts make; a missing one is a failure. */
int test_ferretdb_open(struct test_ferretdb *f, struct sl_error *err);
int test_ferretdb_start(struct test_ferretdb *f, struct sl_error *err); /* again, on the same port */
void test_ferretdb_stop(struct test_ferretdb *f);
void test_ferretdb_close(struct test_ferretdb *f); /* stops it and removes its folder */

#endif
