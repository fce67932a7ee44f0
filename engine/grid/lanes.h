/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.h - blocks on their way to a table of ClickHouse: the server works on one while the next is made.
 *
 * A block is filled by the caller and sent by a thread of its own. Errors of a block come with a later one, or with
 * settle. Threads: one a set of lanes.
 */
#ifndef SLUICE_GRID_LANES_H
#define SLUICE_GRID_LANES_H

#include "grid/clickhouse.h"
#include "grid/native.h"

struct sl_grid_lanes;
/* Connections are made when the first block is asked for. The target is borrowed. */
struct sl_grid_lanes *sl_grid_lanes_new(const struct sl_clickhouse_target *target, const char *table);
void sl_grid_lanes_free(struct sl_grid_lanes *lanes); /* waits for what is on its way; NULL is allowed */

/* The block to be filled, until the next flush. */
int sl_grid_lanes_block(struct sl_grid_lanes *lanes, struct sl_grid_block **out, struct sl_error *err);
/* The block that is being filled goes on its way; waits for the one that was sent before it. */
int sl_grid_lanes_flush(struct sl_grid_lanes *lanes, struct sl_error *err);
/* All blocks have arrived. */
int sl_grid_lanes_settle(struct sl_grid_lanes *lanes, struct sl_error *err);

#endif
