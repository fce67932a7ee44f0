/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_internal.h - what the files of this folder share. */
#ifndef SLUICE_CATALOG_CATALOG_INTERNAL_H
#define SLUICE_CATALOG_CATALOG_INTERNAL_H

#include "catalog/catalog.h"

enum { SL_CATALOG_PAGE_ROWS = 1000 };

struct sl_catalog {
    struct sl_pg *pg;
};

struct sl_catalog__migration {
    int number;
    const char *name; /* "0001_catalog.sql" */
    const char *sql;
};
/* In order of their numbers; ends in number 0. Generated from migrations/. */
extern const struct sl_catalog__migration sl_catalog__migrations[];

/* NULL for an SQL NULL. */
const char *sl_catalog__text(const PGresult *res, int row, int column);
int64_t sl_catalog__int(const PGresult *res, int row, int column, int64_t fallback);

#endif
