/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - rows of a relation as plain values, for writers of formats that are not Parquet.
 *
 * A source calls begin once, then row for each row in order. Columns and values live until the call returns.
 */
#ifndef SLUICE_GEO_ROWS_H
#define SLUICE_GEO_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

#include "base/buf.h"

enum sl_value_type {
    SL_VALUE_BOOL,   /* integer: 0 or 1 */
    SL_VALUE_INT,    /* integer, fits 32 bits */
    SL_VALUE_INT64,  /* integer */
    SL_VALUE_FLOAT,  /* real, of 32 bits */
    SL_VALUE_DOUBLE, /* real */
    SL_VALUE_TEXT,   /* bytes: UTF-8, no NUL at its end */
    SL_VALUE_JSON,   /* the same, a JSON text: what was a list */
    SL_VALUE_BYTES,  /* bytes */
    SL_VALUE_DATE,
    SL_VALUE_TIME,
    SL_VALUE_TIMESTAMP, /* without a zone */
    SL_VALUE_INSTANT    /* with one; in UTC */
};

struct sl_value_column {
    const char *name;
    enum sl_value_type type;
};

struct sl_value_time {
    int32_t year;
    int month, day, hour, minute;
    int32_t micros; /* seconds and their parts */
};

struct sl_value {
    bool null;
    int64_t integer;
    double real; /* may be no number, or infinite */
    const char *bytes;
    size_t n;
    struct sl_value_time time;
};

struct sl_rows_sink {
    int (*begin)(void *data, const struct sl_value_column *columns, size_t n, struct sl_error *err);
    int (*row)(void *data, const struct sl_value *values, struct sl_error *err);
    void *data;
};

/* Appends the value as text: numbers in their shortest form, times as ISO 8601 (a zone is Z), bytes as hexadecimal; nothing
 * for NULL. */
void sl_value_text(const struct sl_value *value, enum sl_value_type type, struct sl_buf *out);

#endif
