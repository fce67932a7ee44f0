/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen.h - the memory of what a sensor has looked at, so that a listing reads only what is new. Internal to sensor/.
 *
 * It only saves requests: an entry may be forgotten at any time, and each is after ten minutes. An object is known by key,
 * ETag and, as an opaque mark, the time that the listing shows: the same bytes put again are looked at again.
 */
#ifndef SLUICE_SENSOR_SEEN_H
#define SLUICE_SENSOR_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/sys/store.h>

struct sl_seen;

struct sl_seen *sl_seen_new(void);
void sl_seen_free(struct sl_seen *seen); /* NULL is allowed */
uint64_t sl_seen_mark(const char *key, const struct sl_object_info *info); /* of a listing's entry */
void sl_seen_add(struct sl_seen *seen, uint64_t mark);
bool sl_seen_has(const struct sl_seen *seen, uint64_t mark);
/* How long ago it was added; -1 when it is not known. */
int64_t sl_seen_age_ns(const struct sl_seen *seen, uint64_t mark);

/* The same by key and ETag alone, for what was read before any listing showed it. */
uint64_t sl_seen_etag_mark(const char *key, const char *etag);
/* Has it, and forgets it. */
bool sl_seen_take(struct sl_seen *seen, uint64_t mark);

#endif
