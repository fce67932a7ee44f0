/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpublished.h - what attempts that ended without a commit have left in the lake and the catalog. Internal to run/.
 *
 * The reservation of a version is what leads there: it was made before the first object and is taken away after the
 * last, so that whatever is interrupted is found again. Nobody else writes under a version that is reserved.
 */
#ifndef SLUICE_RUN_UNPUBLISHED_H
#define SLUICE_RUN_UNPUBLISHED_H

#include "run/run.h"

/* Whether the caller may still clear: asked before each change. 1 yes, 0 no, negative on failure. */
typedef int (*sl_may_clear)(void *data, const struct sl_reservation *reservation, struct sl_error *err);

/*
 * Moves the version's objects that no document names and whose run is over to orphans/, each told as an event, and
 * removes the catalog's row when the version is not committed. The reservation stays. *cleared: nothing uncommitted of
 * a run is left there. What has no run in its metadata is not the engine's and stays. *moved counts objects; may be
 * NULL.
 */
int sl_unpublished_clear(struct sl_engine *engine, const struct sl_reservation *reservation, sl_may_clear may,
                         void *data, bool *cleared, int64_t *moved, struct sl_error *err);

/* Clears what batches that are over (batch_id NULL: all of them) have left, and then drops their reservations. A
 * version of a batch that is pending or running again is left to it. A store that is away is none's fault: logged, and
 * tried again by the next. */
int sl_unpublished_recover(struct sl_engine *engine, const char *batch_id, struct sl_error *err);

#endif
