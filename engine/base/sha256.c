/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

struct sl_sha256 {
    EVP_MD_CTX *ctx;
};

static void must(int ok)
{
    if (ok != 1)
        sl_oom(); /* OpenSSL's digest calls fail only when they cannot allocate */
}

struct sl_sha256 *sl_sha256_new(void)
{
    struct sl_sha256 *h = sl_xcalloc(1, sizeof *h);
    h->ctx = EVP_MD_CTX_new();
    must(h->ctx && EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
    return h;
}

void sl_sha256_update(struct sl_sha256 *h, const void *data, size_t bytes)
{
    must(EVP_DigestUpdate(h->ctx, data, bytes));
}

static void to_hex(const unsigned char *digest, char *hex)
{
    for (size_t i = 0; i < SL_SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void sl_sha256_final(struct sl_sha256 *h, char hex[SL_SHA256_HEX_BYTES])
{
    unsigned char digest[SL_SHA256_BYTES];
    must(EVP_DigestFinal_ex(h->ctx, digest, NULL));
    must(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
    to_hex(digest, hex);
}

void sl_sha256_free(struct sl_sha256 *h)
{
    if (h) {
        EVP_MD_CTX_free(h->ctx);
        free(h);
    }
}

void sl_sha256_of(const void *data, size_t bytes, char hex[SL_SHA256_HEX_BYTES])
{
    unsigned char digest[SL_SHA256_BYTES];
    must(EVP_Digest(data, bytes, digest, NULL, EVP_sha256(), NULL));
    to_hex(digest, hex);
}

int sl_sha256_file(const char *path, char hex[SL_SHA256_HEX_BYTES], int64_t *bytes, struct sl_error *err)
{
    enum { BLOCK = 256 * 1024 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot open %s", path);
    char *block = sl_xmalloc(BLOCK);
    struct sl_sha256 *h = sl_sha256_new();
    int64_t total = 0;
    ssize_t n;
    while ((n = read(fd, block, BLOCK)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0)
            continue;
        sl_sha256_update(h, block, (size_t)n);
        total += n;
    }
    int rc = n < 0 ? sl_fail_errno(err, errno, "cannot read %s", path) : 0;
    if (rc == 0) {
        sl_sha256_final(h, hex);
        if (bytes)
            *bytes = total;
    }
    sl_sha256_free(h);
    free(block);
    close(fd);
    return rc;
}
