/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - what happens in a worker, told to its supervisor: one JSON object a line on a descriptor. On the same channel
 * the supervisor gives orders, one byte each, which a worker hears between batches.
 *
 * A supervisor that is gone or slow never stops a worker's work: a failed write closes the channel.
 */
#ifndef SLUICE_RUN_EVENT_H
#define SLUICE_RUN_EVENT_H

#include <stdint.h>

#include <json-c/json.h>
#include <sluice/error.h>

enum sl_order {
    SL_ORDER_WORK = 'w',  /* there may be something to claim */
    SL_ORDER_RELOAD = 'r' /* read the recipes again */
};

struct sl_events {
    int fd; /* -1: none */
};

/* Sends and releases the object. */
void sl_event_send(struct sl_events *events, struct json_object *event);
/* {event, batch_id, run_id}; run_id may be NULL. */
struct json_object *sl_event_new(const char *event, const char *batch_id, const char *run_id);

#endif
