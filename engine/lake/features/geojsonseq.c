/* SPDX-License-Identifier: Apache-2.0 */
/* GeoJSON text sequences: RFC 8142, each text a Feature of RFC 7946. GDAL's own writer would turn a text that looks like
 * JSON into what it looks like. */
#include <math.h>
#include <string.h>

#include "lake/features/features_internal.h"

enum { RECORD_SEPARATOR = 0x1e };

static void put_string(struct sl_buf *out, const char *bytes, size_t n)
{
    sl_buf_putc(out, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\') {
            sl_buf_putc(out, '\\');
            sl_buf_putc(out, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            sl_buf_printf(out, "\\u%04x", c);
        } else {
            sl_buf_putc(out, (char)c);
        }
    }
    sl_buf_putc(out, '"');
}

static int begin(void *data, const struct sl_value_column *columns, size_t n, struct sl_error *err)
{
    struct sl_text_file *f = data;
    int rc = sl_features__begin(f, columns, n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct sl_buf name;
        sl_buf_init(&name, 4096);
        put_string(&name, columns[i].name, strlen(columns[i].name));
        f->names[i] = sl_buf_detach(&name);
    }
    return rc;
}

/* JSON has no numbers that are none. */
static void put_value(struct sl_text_file *f, size_t i, const struct sl_value *v)
{
    enum sl_value_type type = f->types[i];
    bool real = type == SL_VALUE_FLOAT || type == SL_VALUE_DOUBLE;
    if (v->null || (real && !isfinite(v->real))) {
        sl_buf_puts(&f->record, "null");
    } else if (type == SL_VALUE_TEXT) {
        put_string(&f->record, v->bytes, v->n);
    } else {
        bool quoted = type == SL_VALUE_BYTES || type >= SL_VALUE_DATE;
        sl_buf_puts(&f->record, quoted ? "\"" : "");
        sl_value_text(v, type, &f->record);
        sl_buf_puts(&f->record, quoted ? "\"" : "");
    }
}

static int row(void *data, const struct sl_value *values, struct sl_error *err)
{
    struct sl_text_file *f = data;
    int rc = 0;
    bool first = true;
    if (!f->options->lines)
        sl_buf_putc(&f->record, RECORD_SEPARATOR);
    sl_buf_puts(&f->record, "{\"type\":\"Feature\",\"properties\":{");
    for (size_t i = 0; i < f->n; i++) {
        if (i == f->at)
            continue;
        sl_buf_puts(&f->record, first ? "" : ",");
        sl_buf_puts(&f->record, f->names[i]);
        sl_buf_putc(&f->record, ':');
        put_value(f, i, &values[i]);
        first = false;
    }
    sl_buf_puts(&f->record, "},\"geometry\":");
    const struct sl_value *g = &values[f->at];
    if (g->null)
        sl_buf_puts(&f->record, "null");
    else
        rc = sl_geometry_text_json(f->wkb, g->bytes, g->n, f->options->decimals, &f->record, err);
    sl_buf_puts(&f->record, "}\n");
    return rc < 0 ? rc : sl_features__flush(f, err);
}

struct sl_rows_sink sl_features__geojsonseq(struct sl_text_file *file)
{
    return (struct sl_rows_sink){.begin = begin, .row = row, .data = file};
}
