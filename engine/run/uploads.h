/* SPDX-License-Identifier: Apache-2.0 */
/* uploads.h - uploads into the lake and the raw vault that dead processes have not finished. Internal to run/. */
#ifndef SLUICE_RUN_UPLOADS_H
#define SLUICE_RUN_UPLOADS_H

#include "run/run.h"

/*
 * Ends those for which no lease is held now: no batch at work has reserved the version, or names the raw file. Whoever
 * uploads holds a lease since before it began, so neither a clock nor an age decides. Keys that runs do not make, and
 * the landing zone, where users upload, are left to the sweep by age. A store that is away is logged.
 */
int sl_uploads_recover(struct sl_engine *engine, struct sl_error *err);

#endif
