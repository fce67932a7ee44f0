/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.h - a private PostGIS cluster in a temporary home, for integration tests. */
#ifndef SLUICE_TESTS_SUPPORT_CLUSTER_H
#define SLUICE_TESTS_SUPPORT_CLUSTER_H

#include "pg/cluster.h"

struct test_cluster {
    char home[128];
    struct sl_cluster_options options;
    struct sl_cluster_status status;
    struct sl_pg_target target;
    struct sl_arena *arena;
};

/* Makes <under>/sluice-test-XXXXXX (under NULL: /tmp), and starts the cluster when asked to. */
int test_cluster_open(struct test_cluster *c, const char *under, bool start, struct sl_error *err);
/* Stops it and removes all of it, also what lies elsewhere. */
void test_cluster_close(struct test_cluster *c);

#endif
