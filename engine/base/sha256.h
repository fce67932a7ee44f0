/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.h - SHA-256 (FIPS 180-4) by OpenSSL, as lower-case hexadecimal text. */
#ifndef SLUICE_BASE_SHA256_H
#define SLUICE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

enum { SL_SHA256_BYTES = 32, SL_SHA256_HEX_BYTES = 65 }; /* with the NUL */

struct sl_sha256;
struct sl_sha256 *sl_sha256_new(void);
void sl_sha256_update(struct sl_sha256 *h, const void *data, size_t bytes);
/* Writes the hash so far and starts afresh. */
void sl_sha256_final(struct sl_sha256 *h, char hex[SL_SHA256_HEX_BYTES]);
void sl_sha256_free(struct sl_sha256 *h);

void sl_sha256_of(const void *data, size_t bytes, char hex[SL_SHA256_HEX_BYTES]);
/* Hashes a file in blocks; *bytes (may be NULL) is its size. */
int sl_sha256_file(const char *path, char hex[SL_SHA256_HEX_BYTES], int64_t *bytes, struct sl_error *err);

#endif
