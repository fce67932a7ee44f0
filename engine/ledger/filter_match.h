/* SPDX-License-Identifier: Apache-2.0 */
/* filter_match.h - whether a document fits a filter that has passed sl_ledger_check_filter, for servers that get it wrong. */
#ifndef SLUICE_LEDGER_FILTER_MATCH_H
#define SLUICE_LEDGER_FILTER_MATCH_H

#include <stdbool.h>

#include <json-c/json.h>
#include <sluice/error.h>

/* SL_E_LEDGER_FILTER when a pattern cannot be read. */
int sl_ledger_check_patterns(struct json_object *filter, struct sl_error *err);
/* With MongoDB's meaning, as CONTEXT.md has it. */
bool sl_ledger_filter_matches(struct json_object *filter, struct json_object *doc);

#endif
