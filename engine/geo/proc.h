/* SPDX-License-Identifier: Apache-2.0 */
/* proc.h - the name of a run's ephemeral schema, the same on every compute engine. */
#ifndef SLUICE_GEO_PROC_H
#define SLUICE_GEO_PROC_H

#include <stdbool.h>
#include <stddef.h>

enum { SL_PROC_NAME_BYTES = 64 };

/* "proc_0199a3c4_…" for a run id and back; false when the text is not of that shape. */
bool sl_proc_schema(const char *run_id, char *out, size_t out_bytes);
bool sl_proc_run_id(const char *schema, char *out, size_t out_bytes);

#endif
