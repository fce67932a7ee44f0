/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool.h - records {key, document} written in any order and read back in the order of their keys, however many.
 *
 * At most a few MiB are in memory; more goes to files that have no name any more when they are written, so that a kill
 * leaves nothing behind. Order is that of the keys' bytes, records of one key in the order of their entry. One may be
 * read as often as one likes (sl_spool_begin), and not added to after the first time. Threads: one.
 */
#ifndef SLUICE_RUN_SPOOL_H
#define SLUICE_RUN_SPOOL_H

#include <json-c/json.h>
#include <sluice/error.h>

struct sl_spool;

/* folder: where its files go; made when it is missing. */
struct sl_spool *sl_spool_new(const char *folder);
void sl_spool_free(struct sl_spool *spool); /* NULL is allowed */
void sl_spool_freep(struct sl_spool **spool);

/* Both are copied. */
int sl_spool_add(struct sl_spool *spool, const char *key, struct json_object *doc, struct sl_error *err);
/* To the first record. */
int sl_spool_begin(struct sl_spool *spool, struct sl_error *err);
/* The record that sl_spool_next would give, which stays; *key is NULL at the end. Borrowed until the next call. */
int sl_spool_peek(struct sl_spool *spool, const char **key, struct json_object **doc, struct sl_error *err);
/* Moves on. */
int sl_spool_skip(struct sl_spool *spool, struct sl_error *err);

#endif
