/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - opening the ports of a struct sl_engine. Internal to run/ and sensor/. */
#ifndef SLUICE_RUN_ENGINE_H
#define SLUICE_RUN_ENGINE_H

#include "run/run.h"

/* One more handle on the store, for a thread of its own. The buckets are there. */
int sl_engine_open_store(struct sl_engine *engine, struct sl_store **out, struct sl_error *err);
/* One more connection to the ledger, for a thread of its own. */
int sl_engine_open_ledger(struct sl_engine *engine, struct sl_ledger **out, struct sl_error *err);
/* Closes and opens the ports to PostgreSQL again after a lost connection, starting the private cluster when it is down. */
int sl_engine_reconnect(struct sl_engine *engine, struct sl_error *err);

/* The compute engine of that name ("postgis", "duckdb", "none": a table without SQL), opened when it is first asked for. Borrowed. */
int sl_engine_compute(struct sl_engine *engine, const char *name, struct sl_compute **out, struct sl_error *err);

/* A store that does not answer; any service that does not. What may pass by itself, and is nobody's fault here. */
bool sl_engine_lost_store(enum sl_code code);
bool sl_engine_lost(enum sl_code code);

/* Holders of leases are named <host>/<boot>/<pid>.<start>: whether the process of this name, on this host, is alive. On
 * another host: alive, as far as one can tell from here. */
void sl_owner_name(char out[SL_OWNER_BYTES]);
void sl_owner_of(int pid, char out[SL_OWNER_BYTES]);
bool sl_owner_alive(const char *owner);

#endif
