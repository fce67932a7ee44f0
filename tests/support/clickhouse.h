/* SPDX-License-Identifier: Apache-2.0 */
/* clickhouse.h - a ClickHouse of a test's own, by services/clickhouse/dev, stopped and removed by its folder. */
#ifndef SLUICE_TESTS_SUPPORT_CLICKHOUSE_H
#define SLUICE_TESTS_SUPPORT_CLICKHOUSE_H

#include <sys/types.h>

#include <sluice/error.h>

struct test_clickhouse {
    char folder[200], url[96], user[64], password[64];
    pid_t pid;
};

int test_clickhouse_start(struct test_clickhouse *c, struct sl_error *err);
void test_clickhouse_stop(struct test_clickhouse *c);
void test_clickhouse_kill(struct test_clickhouse *c);                        /* SIGKILL; what it holds stays */
int test_clickhouse_revive(struct test_clickhouse *c, struct sl_error *err); /* again, at the same address */

#endif
