/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensor.h - notices manifests: lists the prefix, checks what is new, enters it in the ledger or refuses it.
 *
 * It trusts no timestamps: an object is known by key and ETag, and what is done leaves the prefix. A listing costs one LIST
 * per 1,000 keys, and one GET for each manifest not seen before by this process. Where the store can tell of new objects
 * (SL_STORE_NOTIFY) a thread listens, and what it hears is looked at at once; the listing stays the truth. Any number of
 * sensors may look at one landing zone. Threads: a sensor belongs to one; the listening thread is its own affair.
 */
#ifndef SLUICE_SENSOR_SENSOR_H
#define SLUICE_SENSOR_SENSOR_H

#include "run/run.h"

struct sl_sensor;

/* notify: listen to the store when it can tell; needs the engine's store. */
int sl_sensor_new(struct sl_engine *engine, bool notify, struct sl_sensor **out, struct sl_error *err);
void sl_sensor_free(struct sl_sensor *sensor); /* NULL is allowed */

/* One look, as struct sl_run_source has it, with the sensor as its data. Events noticed, refused go to options->listener.
 * A manifest that cannot be read for a transient reason is left for the next listing. */
int sl_sensor_look(void *sensor, struct sl_engine *engine, const struct sl_run_options *options,
                   struct sl_run_summary *summary, bool poll, int64_t *again_ms, struct sl_error *err);

/* The supervisor with a sensor: what `run`, `serve` and `sensor` do. Listens only when options->forever. */
int sl_sensor_run(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                  struct sl_error *err);

/* What a listing would do now, without doing it: [{key, action, batch_id, intent, status, waits_for, code, message, hint,
 * size_bytes}] in order of keys, the first `most` of them. action: "enter", "refuse", "archive", "quarantine", "reopen",
 * "wait" (the ledger has it, pending or running), "skip" (not a manifest). *more: there are further keys. */
int sl_sensor_preview(struct sl_engine *engine, int64_t most, struct json_object **out, bool *more, struct sl_error *err);

/* {processes: [their documents], pending, running, next_due_ms, leases: [{batch_id, owner, attempt, alive}],
 * waiting: [{batch_id, since, not_before, code, message}]}, from the ledger alone. */
int sl_sensor_status(struct sl_engine *engine, struct json_object **out, struct sl_error *err);

#endif
