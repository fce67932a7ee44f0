/* SPDX-License-Identifier: Apache-2.0 */
/* The store suite on MinIO. One server for all cases; each begins with no buckets. */
#include "conformance/store_suite.h"

#include "store/store.h"
#include "support/minio.h"

static struct test_minio minio;

static int begin(void)
{
    return 0;
}

static int open_again(struct sl_store **out, struct sl_error *e)
{
    const struct sl_store_s3_options options = test_minio_options(&minio);
    return sl_store_s3_open(&options, out, e);
}

static void end(void)
{
    assert_ok(test_minio_drop(&minio, SUITE_BUCKET, &err));
    assert_ok(test_minio_drop(&minio, SUITE_OTHER, &err));
}

int main(void)
{
    static const struct store_backend s3 = {"s3", begin, open_again, end};
    if (test_minio_start(&minio, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    int failures = store_suite_run(&s3);
    test_minio_stop(&minio);
    return failures;
}
