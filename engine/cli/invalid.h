/* SPDX-License-Identifier: Apache-2.0 */
/* invalid.h - a manifest that is not valid, told in one way by every verb that reads one. */
#ifndef SLUICE_CLI_INVALID_H
#define SLUICE_CLI_INVALID_H

#include "cli/cli.h"
#include "manifest/manifest.h"

/*
 * With violations: prints them (people: the block on `out`, then `after` unless NULL; JSON: {error, violations} on
 * stdout), sets the exit code and returns 0. Without, hands rc back for the core to print err.
 */
int sl_cli_invalid(struct sl_cli *cli, int rc, const struct sl_doc *doc, const struct sl_violations *violations,
                   struct sl_out *out, const char *after, struct sl_error *err);

#endif
