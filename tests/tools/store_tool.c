/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_tool - the S3 store by hand, for tests that look at it from the other side.
 *
 *   store_tool BUCKET put FILE KEY TYPE [NAME=VALUE …] | get KEY FILE | head KEY | list PREFIX | presign METHOD KEY
 * SECONDS
 *
 * The server and keys are MINIO_ENDPOINT_URL, MINIO_ACCESS_KEY, MINIO_SECRET_KEY; parts have 5 MiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "store/store.h"

static struct sl_error err;

static int print_key(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)data;
    (void)e;
    printf("%s\t%lld\t%s%c", entry->key, (long long)entry->info.size_bytes, entry->info.etag, '\0');
    return 0;
}

static int put(struct sl_store *s, int argc, char **argv)
{
    struct sl_meta meta = {0};
    char hex[SL_SHA256_HEX_BYTES];
    int rc = sl_sha256_file(argv[3], hex, NULL, &err);
    for (int i = 6; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals)
            return sl_fail(&err, SL_E_USAGE, "\"%s\" is not NAME=VALUE", argv[i]);
        *equals = '\0';
        sl_meta_add(&meta, argv[i], equals + 1);
    }
    const struct sl_put_options o = {.meta = &meta, .content_type = argv[5], .sha256_hex = hex};
    return rc ? rc : sl_store_put_file(s, argv[1], argv[4], argv[3], &o, NULL, &err);
}

static int head(struct sl_store *s, const char *bucket, const char *key)
{
    struct sl_object_info info;
    struct sl_meta meta;
    int rc = sl_store_head(s, bucket, key, &info, &meta, &err);
    if (rc)
        return rc;
    printf("size=%lld\netag=%s\n", (long long)info.size_bytes, info.etag);
    for (size_t i = 0; i < meta.n; i++)
        printf("meta.%s=%s\n", meta.pairs[i].name, meta.pairs[i].value);
    return 0;
}

static int run(struct sl_store *s, int argc, char **argv)
{
    const char *bucket = argv[1], *op = argv[2];
    if (!strcmp(op, "put") && argc >= 6)
        return put(s, argc, argv);
    if (!strcmp(op, "get") && argc == 5)
        return sl_store_download(s, bucket, argv[3], NULL, argv[4], NULL, NULL, &err);
    if (!strcmp(op, "head") && argc == 4)
        return head(s, bucket, argv[3]);
    if (!strcmp(op, "list") && argc == 4)
        return sl_store_list(s, bucket, argv[3], NULL, 0, print_key, NULL, &err);
    if (!strcmp(op, "presign") && argc == 6) {
        char url[8192];
        int rc = sl_store_presign(s, argv[3], bucket, argv[4], strtoll(argv[5], NULL, 10), url, sizeof url, &err);
        if (rc == 0)
            puts(url);
        return rc;
    }
    return sl_fail(&err, SL_E_USAGE,
                   "put FILE KEY TYPE [NAME=VALUE …] | get KEY FILE | head KEY | list PREFIX | presign "
                   "METHOD KEY SECONDS");
}

int main(int argc, char **argv)
{
    const struct sl_store_s3_options options = {.endpoint = getenv("MINIO_ENDPOINT_URL"),
                                                .access_key = getenv("MINIO_ACCESS_KEY"),
                                                .secret_key = getenv("MINIO_SECRET_KEY"),
                                                .region = "us-east-1",
                                                .part_bytes = 5 * 1024 * 1024,
                                                .retries = 3};
    struct sl_store *s = NULL;
    int rc = argc < 3 || !options.endpoint ? sl_fail(&err, SL_E_USAGE, "MINIO_ENDPOINT_URL=… store_tool BUCKET VERB …")
                                           : sl_store_s3_open(&options, &s, &err);
    if (rc == 0)
        rc = run(s, argc, argv);
    if (rc)
        fprintf(stderr, "%s: %s\n", sl_code_name((enum sl_code) - rc), err.message);
    sl_store_free(s);
    return rc ? 1 : 0;
}
