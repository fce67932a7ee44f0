/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notice.h - a thread that listens to the store's notifications of new manifests. Internal to sensor/.
 *
 * It has a store handle of its own, which it owns. What it hears waits here until it is taken; the descriptor becomes
 * readable with it. When the stream begins or begins again, a listing is asked for: what came meanwhile was not told. A
 * lost stream is opened again with growing pauses; the log says once that it is lost and once that it is back. A store
 * that answers that it cannot do this is not asked again. Threads: all but the thread's own work is the caller's.
 */
#ifndef SLUICE_SENSOR_NOTICE_H
#define SLUICE_SENSOR_NOTICE_H

#include "base/arena.h"

#include <sluice/sys/store.h>

struct sl_notice;

/* Takes the store over, also when it fails. */
int sl_notice_start(struct sl_store *store, const char *bucket, const char *prefix, struct sl_notice **out,
                    struct sl_error *err);
void sl_notice_stop(struct sl_notice *notice); /* NULL is allowed; ends the thread, within a second or so */

int sl_notice_fd(const struct sl_notice *notice);
/* The keys heard since (copied into the arena). *list: a listing is wanted, since keys may have been missed. */
size_t sl_notice_take(struct sl_notice *notice, struct sl_arena *arena, const char ***keys, bool *list);
bool sl_notice_live(struct sl_notice *notice); /* the stream stands */

#endif
