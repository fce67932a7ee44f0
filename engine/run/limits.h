/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - how many batches may run at a time, and which go first: run.most_running, run.intent_limits and
 * run.intent_priorities, parsed once. Strings are the arena's; threads: read-only afterwards.
 */
#ifndef SLUICE_RUN_LIMITS_H
#define SLUICE_RUN_LIMITS_H

#include <sluice/sys/ledger.h>

#include "base/arena.h"
#include "config/config.h"

enum { SL_LIMITS_MAX = 256, SL_LIMIT_MOST = 100000, SL_PRIORITY_MOST = 1000 };

struct sl_intent_priority {
    const char *intent;
    int64_t priority; /* higher goes first */
};

struct sl_limits {
    int64_t most_running; /* 0: no limit */
    const struct sl_intent_limit *intents;
    size_t n_intents;
    const struct sl_intent_priority *priorities;
    size_t n_priorities;
};

/* SL_E_CONFIG_VALUE names the setting, where it was made and the item that is wrong. */
int sl_limits_read(const struct sl_config *config, struct sl_arena *arena, struct sl_limits *out, struct sl_error *err);
/* 0 for an intent that has none; intent may be NULL. */
int64_t sl_limits_priority(const struct sl_limits *limits, const char *intent);
/* Puts the limits into a claim. */
void sl_limits_apply(const struct sl_limits *limits, struct sl_claim *claim);

#endif
