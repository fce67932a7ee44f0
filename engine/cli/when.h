/* SPDX-License-Identifier: Apache-2.0 */
/* when.h - moments that people type. */
#ifndef SLUICE_CLI_WHEN_H
#define SLUICE_CLI_WHEN_H

#include <sluice/error.h>

#include "base/clock.h"

/* "2026-11-21", "2026-11-21T09:14", "2026-11-21T09:14:03" (UTC, a Z may follow), or "7d", "12h", "30m", "45s": so long ago.
 * out of SL_ISO8601_BYTES: as the ledger writes times. option: "since", for the message. */
int sl_cli_when(const char *text, const char *option, char *out, struct sl_error *err);

#endif
