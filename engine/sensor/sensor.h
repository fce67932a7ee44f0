/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensor.h - notices manifests: lists the prefix, checks what is new, enters it in the ledger or refuses it.
 *
 * It trusts no timestamps: an object is known by key and ETag, and what is done leaves the prefix. A tick costs one LIST
 * per 1,000 keys and one GET for each manifest not seen before by this process.
 */
#ifndef SLUICE_SENSOR_SENSOR_H
#define SLUICE_SENSOR_SENSOR_H

#include "run/run.h"

struct sl_sensor;

struct sl_sensor *sl_sensor_new(void);
void sl_sensor_free(struct sl_sensor *sensor); /* NULL is allowed */

/* One look; fits sl_run_options.tick with the sensor as tick_data. Events noticed, refused go to options->listener. A
 * manifest that cannot be read for a transient reason is left for the next tick. */
int sl_sensor_tick(void *sensor, struct sl_engine *engine, const struct sl_run_options *options,
                   struct sl_run_summary *summary, struct sl_error *err);

/* The supervisor with a sensor: what `run` and `serve` do. */
int sl_sensor_run(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                  struct sl_error *err);

#endif
