/* SPDX-License-Identifier: Apache-2.0 */
/* announce.h - the document of a running process in the ledger's collection "processes". Internal to run/. */
#ifndef SLUICE_RUN_ANNOUNCE_H
#define SLUICE_RUN_ANNOUNCE_H

#include "run/crew.h"

/* {role, host, pid, version, started_at, state: "running" or "stopping", workers, details: {busy, batches, noticed, refused,
 * succeeded, failed, quarantined, retried, crashed, sensor}}. The caller owns it. */
struct json_object *sl_process_doc(const struct sl_crew *crew, int64_t started_wall_ns, bool stopping);

#endif
