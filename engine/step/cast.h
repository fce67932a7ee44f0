/* SPDX-License-Identifier: Apache-2.0 */
/* cast.h - inside of step/: the types that a recipe names, and values turned into them without an error of the engine. */
#ifndef SLUICE_STEP_CAST_H
#define SLUICE_STEP_CAST_H

#include "geo/sql.h"
#include "geo/table.h"

enum sl_cast_type {
    SL_CAST_BOOLEAN,
    SL_CAST_INTEGER,
    SL_CAST_BIGINT,
    SL_CAST_DOUBLE,
    SL_CAST_TEXT,
    SL_CAST_DATE,
    SL_CAST_TIMESTAMP,
    SL_CAST_TYPES
};
enum sl_date_order { SL_DATES_ISO, SL_DATES_DMY, SL_DATES_MDY };
#define SL_CAST_NAMES "boolean", "integer", "bigint", "double", "text", "date", "timestamp"

/* What a column holds, as far as casting is concerned. */
enum sl_cast_source {
    SL_SOURCE_TEXT,
    SL_SOURCE_BOOLEAN,
    SL_SOURCE_INTEGER,
    SL_SOURCE_NUMBER, /* with a fraction */
    SL_SOURCE_DATE,
    SL_SOURCE_TIMESTAMP,
    SL_SOURCE_INSTANT, /* with a zone */
    SL_SOURCE_OTHER
};

enum sl_cast_source sl_cast_source_of(const struct sl_column *column); /* NULL (not known): a text */
/* "double precision", "DOUBLE" */
const char *sl_cast_sql_type(enum sl_cast_type type, const struct sl_sql *out);
/* Is there a way from the one to the other? A date is no number. */
bool sl_cast_possible(enum sl_cast_source source, enum sl_cast_type type);
/* Appends an expression that is the value, NULL where it has none in that type. */
void sl_cast_value(const char *column, enum sl_cast_source source, enum sl_cast_type type, enum sl_date_order dates,
                   struct sl_sql *out);
/* Appends a condition: is there a value at all? Blank text is none, but as text. */
void sl_cast_present(const char *column, enum sl_cast_source source, enum sl_cast_type type, struct sl_sql *out);

#endif
