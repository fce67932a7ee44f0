/* SPDX-License-Identifier: Apache-2.0 */
/* spec_tables.h - inside of source/: the tables of options that a source's YAML is bound by, and its JSON Schema made from. */
#ifndef SLUICE_SOURCE_SPEC_TABLES_H
#define SLUICE_SOURCE_SPEC_TABLES_H

#include "source/spec.h"

extern const struct sl_options sl_source__table; /* the top level, into struct sl_source_spec */
extern const struct sl_options sl_source__request_table, sl_source__auth_table, sl_source__rate_table, sl_source__retry_table;
extern const struct sl_options sl_source__incremental_table, sl_source__drift_table;

struct sl_source__paging {
    const char *name, *summary;
    enum sl_source_paging kind;
    struct sl_options options; /* into struct sl_source_paging_options */
};
extern const struct sl_source__paging sl_source__pagings[]; /* ended by one without a name */

#endif
