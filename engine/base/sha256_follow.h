/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256_follow.h - the SHA-256 of a file while another thread writes it, so that no time goes by after the last byte.
 *
 * The one rule: the writer only appends. A file that is replaced (renamed over) is noticed and hashed afresh; bytes that
 * are changed after they were written are not. Threads: one owner; the follower is a thread of its own.
 */
#ifndef SLUICE_BASE_SHA256_FOLLOW_H
#define SLUICE_BASE_SHA256_FOLLOW_H

#include "base/sha256.h"

struct sl_sha256_follow;

/* The file need not be there yet. Never NULL; where no thread can be started, all is done at the end. */
struct sl_sha256_follow *sl_sha256_follow_begin(const char *path);
/* The file is whole and closed: its hash and size (bytes may be NULL). Frees, whatever comes. */
int sl_sha256_follow_end(struct sl_sha256_follow *follow, char hex[SL_SHA256_HEX_BYTES], int64_t *bytes, struct sl_error *err);
/* Frees without a hash. NULL is allowed. */
void sl_sha256_follow_free(struct sl_sha256_follow *follow);
void sl_sha256_follow_freep(struct sl_sha256_follow **follow);

#endif
