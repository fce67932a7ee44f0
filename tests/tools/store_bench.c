/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_bench - times the S3 store: one large object, or many small ones.
 *
 *   store_bench BUCKET put FILE KEY       one object from a file, in parts
 *   store_bench BUCKET get KEY [FILE]     the same back, into a new file (not hashed), or hashed and thrown away
 *   store_bench BUCKET read KEY           the same, bytes only counted
 *   store_bench BUCKET put-many N BYTES   N objects of so many bytes under many/
 *   store_bench BUCKET get-many N BYTES   the same back
 *
 * The server is MINIO_ENDPOINT_URL, the keys MINIO_ACCESS_KEY and MINIO_SECRET_KEY; PARALLEL and PART_BYTES may be set.
 * Prints {"op":…, "objects":…, "bytes":…, "seconds":…} on one line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "store/store.h"

enum { ROUND = 256 };

static struct sl_error err;

static int64_t number(const char *s)
{
    return s ? strtoll(s, NULL, 10) : 0;
}

static int count(void *data, const void *bytes, size_t n, struct sl_error *e)
{
    (void)bytes;
    (void)e;
    *(int64_t *)data += (int64_t)n;
    return 0;
}

static int put_many(struct sl_store *s, const char *bucket, int64_t n, size_t bytes)
{
    static char keys[ROUND][32];
    struct sl_put_item items[ROUND];
    char *data = sl_xcalloc(ROUND, bytes);
    int rc = 0;
    for (int64_t i = 0; rc == 0 && i < n; i += ROUND) {
        size_t k = 0;
        for (; k < ROUND && i + (int64_t)k < n; k++) {
            snprintf(keys[k], sizeof keys[k], "many/%06lld", (long long)i + (long long)k);
            memset(data + k * bytes, (int)(i + (int64_t)k), bytes);
            items[k] = (struct sl_put_item){.bucket = bucket, .key = keys[k], .bytes = data + k * bytes, .n = bytes};
        }
        rc = sl_store_put_many(s, items, k, &err);
    }
    free(data);
    return rc;
}

static int get_many(struct sl_store *s, const char *bucket, int64_t n, size_t bytes)
{
    static char keys[ROUND][32];
    static struct sl_buf bufs[ROUND];
    struct sl_get_item items[ROUND];
    int rc = 0;
    for (size_t k = 0; k < ROUND; k++)
        sl_buf_init(&bufs[k], bytes);
    for (int64_t i = 0; rc == 0 && i < n; i += ROUND) {
        size_t k = 0;
        for (; k < ROUND && i + (int64_t)k < n; k++) {
            snprintf(keys[k], sizeof keys[k], "many/%06lld", (long long)i + (long long)k);
            sl_buf_clear(&bufs[k]);
            items[k] = (struct sl_get_item){.bucket = bucket, .key = keys[k], .buf = &bufs[k]};
        }
        rc = sl_store_get_many(s, items, k, &err);
        for (size_t j = 0; rc == 0 && j < k; j++)
            if (bufs[j].len != bytes)
                rc = sl_fail(&err, SL_E_INTERNAL, "%s has %zu bytes", keys[j], bufs[j].len);
    }
    for (size_t k = 0; k < ROUND; k++)
        sl_buf_free(&bufs[k]);
    return rc;
}

static int run(struct sl_store *s, int argc, char **argv, int64_t *objects, int64_t *bytes)
{
    const char *bucket = argv[1], *op = argv[2];
    struct sl_object_info info = {0};
    int rc;
    *objects = 1;
    if (!strcmp(op, "put") && argc == 5) {
        rc = sl_store_put_file(s, bucket, argv[4], argv[3], NULL, &info, &err);
    } else if (!strcmp(op, "get") && argc >= 4) {
        char hex[SL_SHA256_HEX_BYTES];
        rc = argc == 5 ? sl_store_download(s, bucket, argv[3], NULL, argv[4], NULL, &info, &err)
                       : sl_store_hash(s, bucket, argv[3], NULL, hex, &info, &err);
    } else if (!strcmp(op, "read") && argc == 4) {
        int64_t seen = 0;
        rc = sl_store_get(s, bucket, argv[3], 0, -1, NULL, count, &seen, &info, &err);
    } else if (argc == 5 && (!strcmp(op, "put-many") || !strcmp(op, "get-many"))) {
        *objects = number(argv[3]);
        info.size_bytes = *objects * number(argv[4]);
        rc = (op[0] == 'p' ? put_many : get_many)(s, bucket, *objects, (size_t)number(argv[4]));
    } else {
        return sl_fail(&err, SL_E_USAGE,
                       "BUCKET put FILE KEY | get KEY [FILE] | read KEY | put-many N BYTES | get-many N BYTES");
    }
    *bytes = info.size_bytes;
    return rc;
}

int main(int argc, char **argv)
{
    const struct sl_store_s3_options options = {.endpoint = getenv("MINIO_ENDPOINT_URL"),
                                                .access_key = getenv("MINIO_ACCESS_KEY"),
                                                .secret_key = getenv("MINIO_SECRET_KEY"),
                                                .region = "us-east-1",
                                                .parallel = (int)number(getenv("PARALLEL")),
                                                .part_bytes = number(getenv("PART_BYTES")),
                                                .retries = 3};
    struct sl_store *s = NULL;
    int64_t objects = 0, bytes = 0;
    if (argc < 3 || !options.endpoint) {
        fprintf(stderr, "MINIO_ENDPOINT_URL=… store_bench BUCKET put|get|read|put-many|get-many …\n");
        return 2;
    }
    int rc = sl_store_s3_open(&options, &s, &err);
    if (rc == 0)
        rc = sl_store_bucket_make(s, argv[1], &err);
    int64_t began = sl_clock_mono_ns();
    if (rc == 0)
        rc = run(s, argc, argv, &objects, &bytes);
    double seconds = (double)(sl_clock_mono_ns() - began) / (double)SL_NS_PER_S;
    if (rc)
        fprintf(stderr, "%s\n", err.message);
    else
        printf("{\"op\":\"%s\",\"objects\":%lld,\"bytes\":%lld,\"seconds\":%.4f}\n", argv[2], (long long)objects,
               (long long)bytes, seconds);
    sl_store_free(s);
    return rc ? 1 : 0;
}
