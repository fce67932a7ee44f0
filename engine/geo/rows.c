/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void put_float(double value, struct sl_buf *out)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtof(text, NULL) == (float)value)
            break;
    }
    sl_buf_puts(out, text);
}

static void put_double(double value, struct sl_buf *out)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    sl_buf_puts(out, text);
}

static void put_clock(const struct sl_value_time *t, struct sl_buf *out)
{
    int seconds = t->micros / 1000000, rest = t->micros % 1000000;
    sl_buf_printf(out, "%02d:%02d:%02d", t->hour, t->minute, seconds);
    if (rest % 1000)
        sl_buf_printf(out, ".%06d", rest);
    else if (rest)
        sl_buf_printf(out, ".%03d", rest / 1000);
}

void sl_value_text(const struct sl_value *value, enum sl_value_type type, struct sl_buf *out)
{
    const struct sl_value_time *t = &value->time;
    if (value->null)
        return;
    switch (type) {
    case SL_VALUE_BOOL:
        sl_buf_puts(out, value->integer ? "true" : "false");
        return;
    case SL_VALUE_INT:
    case SL_VALUE_INT64:
        sl_buf_printf(out, "%" PRId64, value->integer);
        return;
    case SL_VALUE_FLOAT:
        put_float(value->real, out);
        return;
    case SL_VALUE_DOUBLE:
        put_double(value->real, out);
        return;
    case SL_VALUE_TEXT:
    case SL_VALUE_JSON:
        sl_buf_add(out, value->bytes, value->n);
        return;
    case SL_VALUE_BYTES:
        for (size_t i = 0; i < value->n; i++)
            sl_buf_printf(out, "%02x", (unsigned char)value->bytes[i]);
        return;
    case SL_VALUE_TIME:
        put_clock(t, out);
        return;
    case SL_VALUE_DATE:
    case SL_VALUE_TIMESTAMP:
    case SL_VALUE_INSTANT:
        sl_buf_printf(out, "%04" PRId32 "-%02d-%02d", t->year, t->month, t->day);
        if (type == SL_VALUE_DATE)
            return;
        sl_buf_putc(out, 'T');
        put_clock(t, out);
        if (type == SL_VALUE_INSTANT)
            sl_buf_putc(out, 'Z');
    }
}
