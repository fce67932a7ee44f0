/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.h - SHA-256 of a file while it is written: a thread reads behind the writer, so that hashing and the network
 * don't wait for each other.
 *
 * The one rule: the file's descriptor is open for reading and outlives it. Made, told and ended by one thread.
 */
#ifndef SLUICE_STORE_FOLLOW_H
#define SLUICE_STORE_FOLLOW_H

#include <stdint.h>

#include <sluice/error.h>

#include "base/sha256.h"

struct sl_follow;
int sl_follow_new(int fd, struct sl_follow **out, struct sl_error *err);
/* So many bytes from the beginning on are there (a sl_follow as data). */
void sl_follow_written(void *follow, int64_t bytes);
/* Waits until all of them are hashed, and frees it. hex NULL: gives up, and returns 0. */
int sl_follow_end(struct sl_follow *f, char *hex, struct sl_error *err);

#endif
