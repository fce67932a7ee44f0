/* SPDX-License-Identifier: Apache-2.0 */
/* graph.h - a recipe's plan as a Mermaid flowchart, for wikis and merge requests. */
#ifndef SLUICE_CLI_GRAPH_H
#define SLUICE_CLI_GRAPH_H

#include "cli/cli.h"

/* plan: that of sl_explain. Names from outside are labels in quotes, with what Mermaid could act on as entities. */
void sl_cli_mermaid(struct sl_out *out, struct sl_arena *arena, struct json_object *plan);

#endif
