/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - the documents of the collection "events": what happened to batches, runs and assets.
 *
 * A backend enters one for each change of a batch's status, each committed asset and each ended run. The _id is made of
 * what changed, so that the same change entered again is the same event. The caller owns what these return.
 */
#ifndef SLUICE_LEDGER_EVENT_H
#define SLUICE_LEDGER_EVENT_H

#include <sluice/sys/ledger.h>

/* doc: the manifest's document after the change. "batch:<batch_id>:<number of its history entry>". */
struct json_object *sl_ledger_event_batch(struct json_object *doc);
/* "asset:<_id>" */
struct json_object *sl_ledger_event_asset(struct json_object *asset, const char *now);
/* doc: the run's document after its end. "run:<_id>" */
struct json_object *sl_ledger_event_run(struct json_object *doc, const char *now);
/* What the engine enters itself gets the members that it lacks: _id, at. */
void sl_ledger_fill_event(struct json_object *event, const char *now);

#endif
