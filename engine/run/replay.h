/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h - what asking for a replay and saying what it would do share. Internal to run/. */
#ifndef SLUICE_RUN_REPLAY_H
#define SLUICE_RUN_REPLAY_H

#include "run/run.h"

/* A replay that may be, with everything found out about it. Release with sl_replay_forget. */
struct sl_replaying {
    const struct sl_replay *asked;
    struct sl_arena *arena;
    struct json_object *batch; /* its document */
    struct json_object *last;  /* its latest run's; NULL: none */
    struct json_object *model; /* into a version: the run that made that; NULL */
    struct json_object *given; /* parameters, those of the request over the manifest's */
    struct json_object *current, *into; /* ids of assets: what it stands for; what is to be put again (or NULL) */
    const char *crs_policy;    /* NULL: as manifest and configuration say */
    struct sl_bound_recipe bound;
};
/* Finds the batch and refuses what the run would refuse. Changes nothing. */
int sl_replay_look(struct sl_engine *engine, const struct sl_replay *asked, struct sl_replaying *out,
                   struct sl_error *err);
void sl_replay_forget(struct sl_replaying *r);
/* The state of every input; *intact when all can be had as they were. */
int sl_replay_inputs(struct sl_engine *engine, const struct sl_replaying *r, struct json_object **inputs, bool *intact,
                     struct sl_error *err);

#endif
