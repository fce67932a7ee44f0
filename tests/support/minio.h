/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minio.h - a MinIO server of a test's own: a free port, a folder of its own, stopped by its pid. The program is
 * SLUICE_MINIO_BINARY, else .cache/go/bin/minio; a missing one is a failure, never a skipped test.
 */
#ifndef SLUICE_TESTS_SUPPORT_MINIO_H
#define SLUICE_TESTS_SUPPORT_MINIO_H

#include <sys/types.h>

#include <sluice/error.h>

#include "store/store.h"

#define TEST_MINIO_USER     "sluice-test"
#define TEST_MINIO_PASSWORD "sluice-test-secret"

struct test_minio {
    char folder[200], url[96];
    pid_t pid;
};

int test_minio_start(struct test_minio *m, struct sl_error *err);
void test_minio_stop(struct test_minio *m);
void test_minio_kill(struct test_minio *m);                         /* SIGKILL; what it holds stays */
int test_minio_revive(struct test_minio *m, struct sl_error *err); /* again, at the same address, with what it held */
/* Options with its address and keys, and parts of 5 MiB so that tests need no large objects. */
struct sl_store_s3_options test_minio_options(const struct test_minio *m);
/* Removes a bucket with all that is in it; a missing one is fine. */
int test_minio_drop(const struct test_minio *m, const char *bucket, struct sl_error *err);

#endif
