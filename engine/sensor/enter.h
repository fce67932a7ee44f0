/* SPDX-License-Identifier: Apache-2.0 */
/* enter.h - what becomes of a manifest that was judged: entered in the ledger, refused, filed. Internal to sensor/. */
#ifndef SLUICE_SENSOR_ENTER_H
#define SLUICE_SENSOR_ENTER_H

#include "sensor/judge.h"

struct sl_tick {
    struct sl_engine *engine;
    const struct sl_run_options *options; /* its listener hears */
    struct sl_run_summary *summary;
};

/* What the ledger's document of the same batch and content means for a manifest that lies in manifests/. */
enum sl_again {
    SL_AGAIN_WAIT,       /* pending, running: it waits */
    SL_AGAIN_ARCHIVE,    /* succeeded: to be filed */
    SL_AGAIN_QUARANTINE, /* it ended badly, and the move to quarantine/ is not at its end */
    SL_AGAIN_REOPEN      /* it ended badly before, and its uploader has put it back */
};
int sl_again_of(struct sl_engine *engine, struct json_object *batch_doc, const struct sl_found *found, enum sl_again *again,
                struct sl_error *err);

/* A good one. The same again as sl_again_of says; other content under a known batch_id is refused. */
int sl_tick_enter(struct sl_tick *tick, struct sl_found *found, struct sl_error *err);
/* A bad one, for found->why: entered as quarantined, moved to quarantine/. */
int sl_tick_refuse(struct sl_tick *tick, struct sl_found *found, struct sl_error *err);

#endif
